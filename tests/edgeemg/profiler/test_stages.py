"""The stages that are timed one by one are the whole of what a device does."""

from pathlib import Path

import numpy as np
import pytest

from edgeemg.profiler.stages import LAPS, STAGES, WARM_UP, Pipeline
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import listen
from firmware_bridge.samples import Assembler


def spied(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Every Samples that an assembler gives from here on."""
    taken: list[object] = []
    take = Assembler.take

    def spy(self, frames, arrived_s):
        taken.append(take(self, frames, arrived_s))
        return taken[-1]

    monkeypatch.setattr(Assembler, "take", spy)
    return taken


@pytest.mark.parametrize("stream", [False, True])
def test_the_logits_are_those_of_the_runtime_loop(
    tiny_streams: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, stream: bool
) -> None:
    bundle = open_bundle(tiny_streams[stream])
    engine = open_engine(bundle, "onnx", "float32")
    taken = spied(monkeypatch)
    pipeline = Pipeline(bundle.manifest, engine)
    staged = [pipeline.hop(lambda _: None) for _ in range(6)]
    heard = listen(taken, engine, bundle.manifest, health=Health())
    looped = [said.logits for said in heard][WARM_UP:]
    assert len(looped) == 6
    np.testing.assert_array_equal(np.stack(staged), np.stack(looped))


def test_every_hop_tells_all_laps_in_order(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    pipeline = Pipeline(bundle.manifest, open_engine(bundle, "tflite", "int8"))
    told: list[str] = []
    for _ in range(3):
        pipeline.hop(told.append)
    assert told == [*LAPS] * 3
    assert ("sensor", *STAGES) == LAPS
