"""Replayed decisions are the live ones, whatever the settings and whatever was lost."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.dsp.samples import Samples
from edgeemg.manifest import DecisionSettings
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import Engine, open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run
from edgeemg.runtime.replay import Hop, decisions, hear, opinions
from edgeemg.runtime.sinks import Decision


class Kept:
    """A sink that keeps decisions."""

    def __init__(self) -> None:
        self.decisions: list[Decision] = []

    def send(self, decision: Decision) -> None:
        self.decisions.append(decision)

    def close(self) -> None:
        pass


@pytest.fixture(scope="module")
def onnx(tiny_bundle: Path) -> Engine:
    return open_engine(tiny_bundle, "onnx")


@pytest.fixture(scope="module")
def patchy(noise: Samples) -> Samples:
    """The noise with a break in time, an electrode off for a while, and a NaN."""
    rows = np.r_[0:700, 760:2000]
    values = noise.microvolts[rows].copy()
    valid = noise.valid[rows].copy()
    valid[1000:1130, 2] = False
    values[1500, 1] = np.nan
    return replace(noise, microvolts=values, index=noise.index[rows], valid=valid)


@pytest.fixture(scope="module")
def heard(patchy: Samples, onnx: Engine, tiny_bundle: Path) -> list[Hop]:
    return hear([patchy], onnx, open_bundle(tiny_bundle).manifest, health=Health())


def test_every_hop_is_kept_with_what_the_engine_said(
    patchy: Samples, heard: list[Hop], onnx: Engine, tiny_bundle: Path
) -> None:
    manifest, sink, health = open_bundle(tiny_bundle).manifest, Kept(), Health()
    run([patchy], onnx, manifest, [sink], health=health, every_hop=True)
    assert [one.sample_index for one in heard] == [one.sample_index for one in sink.decisions]
    assert len({one.logits.tobytes() for one in heard}) > 30
    untrusted = sum(not one.trusted for one in heard)
    assert 0 < untrusted == health.untrusted_windows


def test_the_loop_counts_as_it_does_live(patchy: Samples, onnx: Engine, tiny_bundle: Path) -> None:
    health = Health()
    hear([patchy], onnx, open_bundle(tiny_bundle).manifest, health=health)
    assert (health.breaks, health.missing_samples) == (1, 60)
    assert (health.bridged_samples, health.unusable_samples) == (1, 0)


@given(
    smoothing=st.integers(1, 6),
    agreement=st.integers(1, 4),
    threshold=st.floats(0, 1),
    own=st.dictionaries(st.sampled_from(["left", "right", "rest"]), st.floats(0, 1)),
    refractory_ms=st.sampled_from([0.0, 250.0, 1000.0]),
)
@settings(max_examples=25)
def test_a_replay_decides_what_a_live_run_decides(
    patchy: Samples,
    heard: list[Hop],
    onnx: Engine,
    tiny_bundle: Path,
    smoothing: int,
    agreement: int,
    threshold: float,
    own: dict[str, float],
    refractory_ms: float,
) -> None:
    chosen = DecisionSettings(smoothing, threshold, own, agreement, refractory_ms)
    manifest, sink = open_bundle(tiny_bundle).manifest, Kept()
    run([patchy], onnx, manifest, [sink], health=Health(), settings=chosen)
    replayed = decisions(opinions(heard, manifest, smoothing), manifest, chosen)
    assert [(one.label, one.sample_index, round(one.confidence, 4)) for one in replayed] == [
        (one.label, one.sample_index, one.confidence) for one in sink.decisions
    ]


def test_some_settings_decide_something_here(heard: list[Hop], tiny_bundle: Path) -> None:
    manifest = open_bundle(tiny_bundle).manifest
    eager = DecisionSettings(1, 0.0, {}, 1, 0.0)
    assert len(decisions(opinions(heard, manifest, 1), manifest, eager)) > 10
