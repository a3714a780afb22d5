import io
import json
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.dsp.samples import Samples
from edgeemg.errors import EngineError, ManifestError, SinkError
from edgeemg.manifest import DecisionSettings
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import Engine, open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run
from edgeemg.runtime.sinks import Decision, JsonLines

EAGER = DecisionSettings(smoothing_hops=1, threshold=0.0, agreement_hops=1, refractory_ms=0.0)
WINDOWS = 76  # of 100 samples every 25, in 2000 from sample 13 on


class Kept:
    """A sink that keeps decisions."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def send(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def close(self) -> None:
        pass


@pytest.fixture(
    scope="module", params=["onnx float32", "tflite float32", "onnx int8", "tflite int8"]
)
def engine(request: pytest.FixtureRequest, tiny_bundle: Path) -> Engine:
    return open_engine(tiny_bundle, *request.param.split())


@pytest.fixture(scope="module")
def onnx(tiny_bundle: Path) -> Engine:
    return open_engine(tiny_bundle, "onnx")


def decisions(
    source: Iterable[Samples], engine: Engine, bundle: Path, **options: Any
) -> tuple[list[Decision], Health]:
    sink, health = Kept(), Health()
    manifest = open_bundle(bundle).manifest
    run(source, engine, manifest, [sink], health=health, **{"settings": EAGER, **options})
    return sink.decisions, health


def in_chunks(samples: Samples, cuts: Iterable[int]) -> Iterator[Samples]:
    for start, stop in pairwise([0, *sorted(cuts), len(samples)]):
        yield samples[start:stop]


# --- the same samples, however they come


def test_the_noise_makes_the_tiny_model_name_every_label(
    noise: Samples, engine: Engine, tiny_bundle: Path
) -> None:
    hops, _ = decisions([noise], engine, tiny_bundle, every_hop=True)
    assert len(hops) == WINDOWS
    assert {one.label for one in hops} == {"left", "rest", "right"}


@given(cuts=st.sets(st.integers(0, 2000), max_size=60))
@settings(max_examples=12)
def test_any_chunking_gives_the_same_decisions(
    noise: Samples, engine: Engine, tiny_bundle: Path, cuts: set[int]
) -> None:
    at_once, _ = decisions([noise], engine, tiny_bundle, every_hop=True)
    in_pieces, _ = decisions(in_chunks(noise, cuts), engine, tiny_bundle, every_hop=True)
    assert in_pieces == at_once


def test_a_stream_that_breaks_decides_as_its_parts_do(
    noise: Samples, engine: Engine, tiny_bundle: Path
) -> None:
    first, second = noise[:777], noise[801:]
    apart = [
        *decisions([first], engine, tiny_bundle)[0],
        *decisions([second], engine, tiny_bundle)[0],
    ]
    assert decisions([first, second], engine, tiny_bundle)[0] == apart


def test_reads_without_samples_change_nothing(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    source = [noise[:0], noise[:900], noise[:0], noise[900:], noise[:0]]
    assert decisions(source, onnx, tiny_bundle) == decisions([noise], onnx, tiny_bundle)


def test_a_source_that_ends_before_a_window_is_full_decides_nothing(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    assert decisions([], onnx, tiny_bundle) == ([], Health())
    made, health = decisions([noise[:99]], onnx, tiny_bundle)
    assert made == []
    assert (health.samples, health.windows) == (99, 0)


# --- what is sent


def test_a_decision_tells_when_it_was_made_in_the_sensors_time(
    noise: Samples, engine: Engine, tiny_bundle: Path
) -> None:
    hops, _ = decisions([noise], engine, tiny_bundle, every_hop=True)
    assert [one.sample_index for one in hops] == list(range(25 + 99, 2013, 25))
    assert all(one.t_s == one.sample_index / 250 for one in hops)
    assert {one.engine for one in hops} == {f"{engine.name} {engine.precision}"}
    assert all(0 < one.confidence <= 1 for one in hops)


def test_every_hop_sends_rest_and_doubt_too_and_counts_decisions_alone(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    doubtful = replace(EAGER, threshold=0.9)
    accepted, plain = decisions([noise], onnx, tiny_bundle, settings=doubtful)
    hops, verbose = decisions([noise], onnx, tiny_bundle, settings=doubtful, every_hop=True)
    assert 0 < len(accepted) < len(hops) == WINDOWS
    assert set(accepted) < set(hops)
    assert all(one.label != "rest" and one.confidence >= 0.9 for one in accepted)
    assert any(one.label == "rest" for one in hops)
    assert plain == verbose
    assert verbose.decisions == len(accepted)


def test_the_manifests_decision_settings_hold_where_none_are_given(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    manifest = open_bundle(tiny_bundle).manifest
    by_default, _ = decisions([noise], onnx, tiny_bundle, settings=None)
    assert by_default == decisions([noise], onnx, tiny_bundle, settings=manifest.decision)[0]
    assert by_default != decisions([noise], onnx, tiny_bundle)[0]


def test_every_sink_is_told(noise: Samples, onnx: Engine, tiny_bundle: Path) -> None:
    kept, stream = Kept(), io.StringIO()
    manifest = open_bundle(tiny_bundle).manifest
    run([noise], onnx, manifest, [kept, JsonLines(stream)], health=Health(), settings=EAGER)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert len(lines) == len(kept.decisions) > 10
    assert [one["sample_index"] for one in lines] == [one.sample_index for one in kept.decisions]


def test_settings_that_cannot_be_are_refused_before_anything_is_read(
    onnx: Engine, tiny_bundle: Path
) -> None:
    def never() -> Iterator[Samples]:
        pytest.fail("the source was read")
        yield

    with pytest.raises(ManifestError, match="threshold"):
        decisions(never(), onnx, tiny_bundle, settings=replace(EAGER, threshold=7))


# --- what is counted


def test_breaks_and_missing_samples_are_counted_within_and_between_chunks(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    index = noise.index.copy()
    index[500:] += 40  # within a chunk
    index[1000:] += 3  # between chunks
    broken = replace(noise, index=index)
    _, health = decisions([broken[:1000], broken[1000:]], onnx, tiny_bundle)
    assert (health.samples, health.breaks, health.missing_samples) == (2000, 2, 43)
    assert health.unusable_samples == 0


def test_a_stream_opened_late_lacks_nothing(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    _, health = decisions([noise[700:]], onnx, tiny_bundle)
    assert (health.breaks, health.missing_samples) == (0, 0)


def test_a_sensor_that_counts_from_0_again_is_a_break_of_unknown_length(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    again = replace(noise, index=noise.index - 13)
    made, health = decisions([noise, again], onnx, tiny_bundle, every_hop=True)
    assert (health.breaks, health.missing_samples) == (1, 0)
    assert [one.sample_index for one in made[WINDOWS:]] == list(range(99, 2000, 25))


def test_rows_that_are_not_finite_are_counted_and_decide_nothing(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    values = noise.microvolts.copy()
    values[1000:1010, 2] = np.nan
    values[1500:1502, 0] = np.inf
    made, health = decisions([replace(noise, microvolts=values)], onnx, tiny_bundle, every_hop=True)
    assert (health.bridged_samples, health.unusable_samples) == (0, 12)
    assert all(math.isfinite(one.confidence) for one in made)
    blind = {13 + row for row in [*range(1000, 1010), 1500, 1501]}
    seen = [set(range(one.sample_index - 99, one.sample_index + 1)) for one in made]
    assert not any(blind & window for window in seen)
    assert health.windows == len(made) > 50


def test_one_lost_sample_is_bridged_counted_and_costs_no_decision(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    keep = np.arange(len(noise)) % 400 != 399
    lossy = Samples(noise.microvolts[keep], 250.0, noise.index[keep], noise.valid[keep])
    made, health = decisions([lossy], onnx, tiny_bundle, every_hop=True)
    assert (health.missing_samples, health.bridged_samples) == (4, 4)
    assert (len(made), health.untrusted_windows) == (WINDOWS, 0)


def test_a_long_gap_decides_nothing_until_a_window_is_full_again(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    made, health = decisions([noise[:1000], noise[1002:]], onnx, tiny_bundle, every_hop=True)
    assert (health.missing_samples, health.bridged_samples) == (2, 0)
    assert not any(1013 <= one.sample_index < 1015 + 99 for one in made)


# --- latency


def test_latency_runs_from_the_arrival_of_the_last_needed_byte(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    live = replace(noise, arrived_s=100.0)
    made, health = decisions([live], onnx, tiny_bundle, clock=lambda: 100.0125)
    assert {one.latency_ms for one in made} == {12.5}
    assert list(health.recent_latency_ms) == pytest.approx([12.5] * WINDOWS)
    assert health.summary()["latency_p99_ms"] == 12.5


def test_a_recording_has_no_latency(noise: Samples, onnx: Engine, tiny_bundle: Path) -> None:
    made, health = decisions([noise], onnx, tiny_bundle)
    assert {one.latency_ms for one in made} == {None}
    assert not health.recent_latency_ms


def test_latency_by_the_hosts_own_clock_is_small_and_not_negative(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    import time

    def sensor() -> Iterator[Samples]:
        for chunk in in_chunks(noise, range(100, 2000, 100)):
            yield replace(chunk, arrived_s=time.monotonic())

    made, _ = decisions(sensor(), onnx, tiny_bundle)
    assert made
    assert all(one.latency_ms is not None and 0 <= one.latency_ms < 5000 for one in made)


# --- what does not fit


@pytest.mark.parametrize("channels", [1, 3, 5, 8])
def test_a_source_with_other_channels_is_refused(
    onnx: Engine, tiny_bundle: Path, channels: int
) -> None:
    source = [Samples.contiguous(np.zeros((500, channels)), 250)]
    with pytest.raises(EngineError, match=f"reads 4 channels, the source gives {channels}"):
        decisions(source, onnx, tiny_bundle)


@pytest.mark.parametrize("rate_hz", [125.0, 249.0, 251.0, 500.0])
def test_a_source_with_another_rate_is_refused(
    onnx: Engine, tiny_bundle: Path, rate_hz: float
) -> None:
    source = [Samples.contiguous(np.zeros((500, 4)), rate_hz)]
    with pytest.raises(EngineError, match=f"reads 250 samples a second, .* gives {rate_hz:g}"):
        decisions(source, onnx, tiny_bundle)


def test_a_rate_that_is_off_by_a_crystals_error_is_the_same_rate(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    made, _ = decisions([replace(noise, sample_rate_hz=250.02)], onnx, tiny_bundle)
    assert made


def test_a_reader_that_is_gone_ends_the_run_with_a_sink_error(
    noise: Samples, onnx: Engine, tiny_bundle: Path
) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    stream = os.fdopen(writes, "w")
    manifest = open_bundle(tiny_bundle).manifest
    with pytest.raises(SinkError, match="Broken pipe"):
        run([noise], onnx, manifest, [JsonLines(stream)], health=Health(), settings=EAGER)
    with pytest.raises(BrokenPipeError):
        stream.close()


def test_a_channel_that_is_off_decides_nothing_is_counted_and_told_once(
    tiny_bundle: Path, noise: Samples, onnx: Engine
) -> None:
    off = replace(noise, valid=noise.valid.copy())
    off.valid[:, 2] = False
    told: list[str] = []
    decided, health = decisions([off], onnx, tiny_bundle, tell=told.append)
    assert health.untrusted_windows == health.windows == WINDOWS
    assert decided == []
    assert len(told) == 1
    assert "check the electrodes" in told[0]


def test_an_electrode_that_pops_for_a_moment_stops_nothing(
    tiny_bundle: Path, noise: Samples, onnx: Engine
) -> None:
    popped = replace(noise, valid=noise.valid.copy())
    popped.valid[::25, 1] = False  # four in a hundred
    decided, health = decisions([popped], onnx, tiny_bundle)
    assert health.untrusted_windows == 0
    assert decided
