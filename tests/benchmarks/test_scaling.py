"""Costs along axes, fitted: what the fit, the limits and the tables make of counted rows."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.machine_facts import machine_facts
from benchmarks.scaling import results, table
from benchmarks.scaling_counts import counted_rows
from benchmarks.scaling_fit import fitted, judged, predicted
from benchmarks.scaling_limits import core_share, limits, wire_bytes_per_s
from benchmarks.scaling_plot import plot
from benchmarks.scaling_points import (
    BASE,
    HELD_OUT,
    Point,
    axis_points,
    filter_states,
    held_out_points,
    samples_per_frame,
    terms,
)

FAMILY = "cnn"
NETWORK = "network int8"
COSTS = {
    "parse": {"reads": 60_000.0, "frames": 50_000.0, "values": 30.0},
    "filter": {"calls": 90_000.0, "products": 40_000.0, "multiply-adds": 0.6},
    "window": {"calls": 90_000.0, "rows": 40.0, "values of the window": 9.0},
    "network": {"calls": 100_000.0, "multiply-accumulates": 0.3, "rows": 5.0},
    "decision": {"calls": 200_000.0},
}


def row(role: str, point: Point, *, times: float = 1.0) -> dict[str, object]:
    """A row as if every stage cost just what COSTS says."""
    asked = terms(point, FAMILY)
    stages = {}
    for stage in ("parse", "filter", "window", "decision", NETWORK, "network float32"):
        kind = stage.split()[0]
        cost = times * sum(one * asked[kind][term] for term, one in COSTS[kind].items())
        stages[stage] = {"instructions": cost, "low_us": cost / 2000, "high_us": cost / 500}
    return {"role": role, **point.plain, "stages": stages}


def rows(*, times: float = 1.0) -> list[dict[str, object]]:
    points = [*axis_points(quick=True), *held_out_points(quick=True)]
    return [row(role, point, times=times) for role, point in points]


def test_each_axis_is_counted_from_the_base_and_the_rest_is_off_the_axes() -> None:
    named = list(axis_points())
    assert named[0] == ("base", BASE)
    assert len(named) == len({point for _, point in named})
    for role, point in named[1:]:
        assert replace(point, **{role: getattr(BASE, role)}) == BASE
    off = [point for _, point in held_out_points()]
    assert len(off) == len(set(off))
    assert not {point for _, point in named} & set(off)


def test_every_point_has_whole_samples() -> None:
    for _, point in (*axis_points(), *held_out_points()):
        assert point.hop_samples * 1000 == point.hop_ms * point.rate_hz
        assert point.window_samples * 1000 == point.window_ms * point.rate_hz
        assert point.hop_samples <= point.window_samples


def test_the_fit_finds_what_the_rows_were_made_from() -> None:
    made = rows()
    fits = fitted(made, FAMILY)
    far = Point(24, 1600, 600, 60)
    guess, true = predicted(fits, far, FAMILY), row("", far)["stages"]
    for stage, cost in true.items():
        for target, value in cost.items():
            assert math.isclose(guess[stage][target], value, rel_tol=1e-3), (stage, target)
    assert all(one["held_out_percent"] < 0.1 for one in judged(made, fits, FAMILY).values())


def test_an_error_off_the_axes_is_told_and_does_not_move_the_fit() -> None:
    made = rows()
    before = fitted(made, FAMILY)
    wrong = next(one for one in made if one["role"] == HELD_OUT)
    wrong["stages"]["parse"]["instructions"] *= 1.25
    after = fitted(made, FAMILY)
    assert after == before
    errors = judged(made, after, FAMILY)
    assert errors["parse"]["held_out_percent"] == pytest.approx(20, abs=0.1)
    assert errors["parse"]["fit_percent"] < 0.1
    assert 0 < errors["whole, network int8"]["held_out_percent"] < 20


def test_no_term_is_fitted_below_nothing() -> None:
    made = rows()
    for n, one in enumerate(made):
        one["stages"]["filter"]["instructions"] *= 1 + 0.3 * (-1) ** n
    fits = fitted(made, FAMILY)
    assert (
        min(cost for targets in fits.values() for one in targets.values() for cost in one.values())
        >= 0
    )


def test_filters_multiply_as_their_matrices_are_large() -> None:
    # at 1 kHz: a high-pass and notches at 50 to 450 Hz, 2 states each; 100 samples are 64 and 36
    assert filter_states(1000) == 20
    each = [n * n + 2 * n * 20 + 20 * 20 for n in (64, 36)]
    assert terms(BASE, FAMILY)["filter"]["multiply-adds"] == 8 * sum(each)
    assert terms(BASE, FAMILY)["filter"]["products"] == 2


def test_beyond_32_channels_there_are_two_sensors() -> None:
    two, one = (terms(replace(BASE, channels=n), FAMILY)["parse"] for n in (64, 32))
    assert two == {name: 2 * value for name, value in one.items()}
    assert samples_per_frame(replace(BASE, channels=64)) == 2


@pytest.mark.parametrize(("channels", "rate_hz", "told"), [(8, 1000, 26_699), (16, 4000, 216_032)])
def test_a_line_carries_what_the_protocol_says(channels: int, rate_hz: int, told: int) -> None:
    assert math.ceil(wire_bytes_per_s(channels, rate_hz)) == told


@given(channels=st.integers(1, 32), rate_hz=st.integers(50, 4000))
def test_a_line_carries_at_least_the_samples(channels: int, rate_hz: int) -> None:
    assert wire_bytes_per_s(channels, rate_hz) > 3 * channels * rate_hz


def test_a_dearer_stream_has_lower_limits() -> None:
    cheap, dear = (
        limits(made, fitted(made, FAMILY), NETWORK, FAMILY)
        for made in (rows(times=10), rows(times=30))
    )
    for one, other in zip(cheap, dear, strict=True):
        assert one["wire"] == other["wire"]
        for share in ("1", "0.5"):
            pairs = zip(one["rates"][share], other["rates"][share], strict=True)
            assert all((more or 0) >= (less or 0) for more, less in pairs)
            pairs = zip(one["hops"]["1000"][share], other["hops"]["1000"][share], strict=True)
            assert all((less or 999) <= (more or 999) for less, more in pairs)
    assert cheap != dear


def test_the_largest_is_carried_and_the_next_step_is_not() -> None:
    made = rows(times=8)
    fits = fitted(made, FAMILY)
    (base,) = (
        one for one in limits(made, fits, NETWORK, FAMILY) if one["channels"] == BASE.channels
    )

    def share(**other: int) -> tuple[float, float]:
        return core_share(fits, replace(BASE, **other), NETWORK, FAMILY)

    sure, possible = base["rates"]["0.5"]
    assert 500 < sure < possible <= 2000
    assert share(rate_hz=sure)[1] <= 0.5 < share(rate_hz=sure + 50)[1]
    assert share(rate_hz=possible)[0] <= 0.5
    sure, possible = base["hops"]["1000"]["0.5"]
    assert 50 <= possible < sure < 200
    assert share(hop_ms=sure)[1] <= 0.5 < share(hop_ms=sure - 1)[1]
    assert base["shares"]["1000"] == pytest.approx(share(), abs=1e-4)


def test_what_is_not_carried_at_all_is_called_none() -> None:
    made = rows(times=10_000)
    plain = {**machine_facts(), **results(made)}
    assert plain["limits"][0]["rates"]["1"] == [None, None]
    assert any(line.startswith("| 2 channels | none | none | ") for line in table(plain))


def test_tables_and_picture_hold_what_was_counted(tmp_path: Path) -> None:
    plain = json.loads(json.dumps({**machine_facts(), **results(rows())}))
    lines = table(plain)
    assert sum(" Hz | " in line for line in lines) >= 2
    (base,) = (line for line in lines if line.startswith("| the base |"))
    whole = sum(
        one["instructions"] for name, one in plain["rows"][0]["stages"].items() if "32" not in name
    )
    assert f"| {whole * 10 / 1e6:.2f} |" in base
    assert "Nothing was measured on a board" in lines[-1]
    for name in ("p.svg", "p.png"):
        plot(plain, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 10_000


@pytest.mark.slow
def test_a_small_stream_is_counted_with_one_sensor_and_with_two(emulator, tmp_path: Path) -> None:
    small, wide = Point(2, 250, 400, 200), Point(64, 250, 200, 200)
    said: list[str] = []
    points = [("base", small), ("channels", wide), ("channels", replace(wide, channels=32))]
    one, two, half = counted_rows(points, FAMILY, emulator, tmp_path, said.append)
    assert [role["role"] for role in (one, two, half)] == ["base", "channels", "channels"]
    costs = two["stages"]
    assert costs["parse"]["instructions"] == 2 * half["stages"]["parse"]["instructions"]
    # the stages behind the parser are the same work, whoever feeds them
    assert costs["decision"]["instructions"] == pytest.approx(
        half["stages"]["decision"]["instructions"], rel=0.02
    )
    assert costs["filter"]["instructions"] > half["stages"]["filter"]["instructions"]
    assert all(0 < cost["low_us"] < cost["high_us"] for cost in one["stages"].values())
    assert sum(text.startswith("export") for text in said) == 3
