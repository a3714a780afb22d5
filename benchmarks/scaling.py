"""Nothing in; what a stream costs by channels, rate, hop and window on a Pi Zero 2 W's core, out.

    python -m benchmarks.scaling             # 15 minutes on two cores
    python -m benchmarks.scaling --quick     # a third of the points

Every stage of a hop is counted on an emulated Cortex-A53: parse, filter, window, network,
decision, as `edgeemg profile --board` counts them. Points along four axes are fitted by a sum of
what a stage does; points off the axes judge the fit. From it follow the largest streams that the
core carries, an estimate, beside what a serial line carries. Emulated: nothing here was measured
on a board.
Needs the extra `host`, qemu-user and a C compiler.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.doc_tables import put_between
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.machine_facts import in_words, machine_facts
from benchmarks.scaling_counts import BOARD, PRECISIONS, counted_rows, network_stage
from benchmarks.scaling_fit import fitted, hop_stages, judged
from benchmarks.scaling_limits import BAUDS, SHARES, limits
from benchmarks.scaling_plot import plot
from benchmarks.scaling_points import BASE, HELD_OUT, axis_points, held_out_points
from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.boards import BOARDS
from edgeemg.profiler.emulator import RUNS, prepare
from edgeemg.profiler.stages import STAGES

FAMILY = "cnn"
_STORED = Path(__file__).parent / "results" / "scaling.json"
_AXES = {
    "base": "the base",
    "channels": "{} channels",
    "rate_hz": "{:,} Hz",
    "window_ms": "window of {:,} ms",
    "hop_ms": "hop of {} ms",
}
_HOPS_AT = ("1000", "4000")  # Hz
_INT8 = network_stage(PRECISIONS[0])


@click.command()
@click.option("--quick", is_flag=True, help="A third of the points.")
@click.option(
    "--out",
    type=FiguresFile(),
    help="Keep the figures as JSON.  [default: benchmarks/results/scaling.json; --quick: nowhere]",
)
@click.option("--page", type=click.Path(path_type=Path), help="Put the tables on this page.")
@click.option("--picture", type=click.Path(path_type=Path), help="Draw them here, SVG or PNG.")
def main(quick: bool, out: Path | None, page: Path | None, picture: Path | None) -> None:
    """Print the tables."""
    facts = machine_facts()
    points = [*axis_points(quick=quick), *held_out_points(quick=quick)]
    try:
        with tempfile.TemporaryDirectory(prefix="edgeemg-scaling-") as work:
            rows = counted_rows(points, FAMILY, prepare(_say), Path(work), _say)
    except EdgeEmgError as error:
        click.echo(f"scaling: {error}", err=True)
        sys.exit(error.exit_code)
    plain = {**facts, **results(rows)}
    if out is None and not quick:
        out = _STORED
    keep_figures(out, plain)
    lines = table(plain)
    click.echo("\n".join(lines))
    if picture is not None:
        plot(plain, picture)
    if page is not None:
        put_between(page, "benchmarks scaling", lines)


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """All that follows from counted rows, as plain data."""
    fits = fitted(rows, FAMILY)
    return {
        "family": FAMILY,
        "board": BOARD,
        "hops": RUNS,
        "rows": rows,
        "fits": fits,
        "errors": judged(rows, fits, FAMILY),
        "limits": limits(rows, fits, _INT8, FAMILY),
    }


def table(plain: Mapping[str, Any]) -> list[str]:
    """The figures as lines of a page."""
    board = BOARDS[plain["board"]]
    held_out = sum(row["role"] == HELD_OUT for row in plain["rows"])
    return [
        *_cost_table(plain),
        "",
        *_fit_table(plain),
        "",
        *_share_table(plain),
        "",
        *_hop_table(plain),
        "",
        *_rate_table(plain),
        "",
        f"The base is {BASE.channels} channels of {BASE.rate_hz} Hz, a window of {BASE.window_ms} "
        f"ms and a hop of {BASE.hop_ms} ms; `{plain['family']}`, seeded random weights, LiteRT. "
        f"Instructions are the mean of {plain['hops']} hops on an emulated {board.cpu}, "
        f"{len(plain['rows']) - held_out} points on the axes and {held_out} off them; shares of a "
        f"core are estimates for a {board.title}. Nothing was measured on a board. "
        f"{in_words(dict(plain))}.",
    ]


def _cost_table(plain: Mapping[str, Any]) -> Iterator[str]:
    stages = [name for name in STAGES if name != "network"]
    networks = [network_stage(one) for one in PRECISIONS]
    yield f"| varied | {' | '.join((*stages, *networks))} | whole, int8 | of a core, estimate |"
    yield f"|---|{'---:|' * (len(stages) + len(networks) + 2)}"
    for row in plain["rows"]:
        if row["role"] == HELD_OUT:
            continue
        per_second = 1000 / row["hop_ms"]
        cost = row["stages"]
        cells = [f"{cost[one]['instructions'] * per_second / 1e6:.2f}" for one in stages + networks]
        whole = hop_stages(cost, _INT8)
        each = {
            target: per_second * sum(cost[one][target] for one in whole)
            for target in ("instructions", "low_us", "high_us")
        }
        cells += [f"{each['instructions'] / 1e6:.2f}"]
        cells += [f"{each['low_us'] / 1e4:.1f} to {each['high_us'] / 1e4:.1f} %"]
        value = row.get(row["role"])
        yield f"| {_AXES[row['role']].format(value)} | {' | '.join(cells)} |"
    yield ""
    yield "Million instructions a second of signal."


def _fit_table(plain: Mapping[str, Any]) -> Iterator[str]:
    yield "| stage | instructions of a hop, by the fit | off by at most | on the axes | R² |"
    yield "|---|---|---:|---:|---:|"
    for stage, errors in plain["errors"].items():
        costs = plain["fits"].get(stage, {}).get("instructions", {})
        parts = [f"{_three(one)} x {name}" for name, one in costs.items() if one]
        # of what is one figure for all there is nothing to explain
        r2 = "" if list(costs) == ["calls"] else f"{errors['r2']:.4f}"
        yield (
            f"| {stage} | {' + '.join(parts) or 'the sum'} | {errors['held_out_percent']:.1f} % | "
            f"{errors['fit_percent']:.1f} % | {r2} |"
        )


def _share_table(plain: Mapping[str, Any]) -> Iterator[str]:
    rates = list(plain["limits"][0]["shares"])
    yield f"| of one core, %, estimate | {' | '.join(f'{int(one):,} Hz' for one in rates)} |"
    yield f"|---|{'---:|' * len(rates)}"
    for one in plain["limits"]:
        ends = (one["shares"][rate] for rate in rates)
        cells = [f"{100 * low:.1f} to {100 * high:.1f}" for low, high in ends]
        yield f"| {_sensors(one)} | {' | '.join(cells)} |"


def _hop_table(plain: Mapping[str, Any]) -> Iterator[str]:
    rates = [one for one in plain["limits"][0]["hops"] if one in _HOPS_AT]
    least = min(row["hop_ms"] for row in plain["rows"])
    cases = [(rate, f"{share:g}") for rate in rates for share in SHARES]
    heads = [f"{int(rate):,} Hz, {100 * float(share):g} % of a core" for rate, share in cases]
    yield f"| shortest hop, ms, estimate | {' | '.join(heads)} |"
    yield f"|---|{'---:|' * len(cases)}"
    for one in plain["limits"]:
        ends = (one["hops"][rate][share] for rate, share in cases)
        cells = [_between((possible, sure), f"≤ {least}", least) for sure, possible in ends]
        yield f"| {_sensors(one)} | {' | '.join(cells)} |"


def _rate_table(plain: Mapping[str, Any]) -> Iterator[str]:
    top = max(row["rate_hz"] for row in plain["rows"])
    beyond = f"≥ {top:,}"
    cores = [f"{100 * share:g} % of a core, estimate" for share in SHARES]
    lines = [f"line of {baud:,} baud" for baud in BAUDS]
    yield f"| highest rate, Hz | {' | '.join((*cores, *lines))} |"
    yield f"|---|{'---:|' * (len(SHARES) + len(BAUDS))}"
    for one in plain["limits"]:
        cells = [_between(one["rates"][f"{share:g}"], beyond, top) for share in SHARES]
        sure, _ = one["rates"][f"{SHARES[0]:g}"]
        for baud in BAUDS:
            rate = one["wire"][f"{baud}"]
            shown = _figure(rate, beyond, top)
            cells.append(f"**{shown}**" if (rate or 0) < (sure or 0) else shown)
        yield f"| {_sensors(one)} | {' | '.join(cells)} |"
    yield ""
    yield (
        "Bold: the line is the tighter limit, even by the high end of the core's estimate. "
        "≥ and ≤: nothing was counted beyond."
    )


def _sensors(one: Mapping[str, Any]) -> str:
    several = f" ({one['sensors']} sensors, a line each)" if one["sensors"] > 1 else ""
    return f"{one['channels']} channels{several}"


def _between(ends: Sequence[int | None], beyond: str, last: int) -> str:
    low, high = (_figure(one, beyond, last) for one in ends)
    return low if low == high else f"{low} to {high}"


def _figure(value: int | None, beyond: str, last: int) -> str:
    if value is None:
        return "none"
    return beyond if value == last else f"{value:,}"


def _three(value: float) -> str:
    """With three digits that say something."""
    shown = float(f"{value:.3g}")
    return f"{shown:,.0f}" if shown >= 100 else f"{shown:g}"


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
