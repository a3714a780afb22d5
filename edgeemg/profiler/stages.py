"""A bundle and its engine in; each hop of a sensor's bytes driven through every stage out.

The parts are those of `edgeemg run`, one after the other, so that what each takes can be told
apart. The sensor is one of our own protocol at the model's rate, and its signal is generated
noise: what a stage costs does not depend on the values.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.filters import FilterBank
from edgeemg.dsp.gaps import GapBridge
from edgeemg.dsp.inputs import scaled
from edgeemg.dsp.samples import Samples
from edgeemg.dsp.windows import HopBlocks, Windows
from edgeemg.manifest import Manifest
from edgeemg.runtime.decisions import Decider, Verdict
from edgeemg.runtime.engines import Engine, follower, keeps_state
from edgeemg.runtime.sinks import Decision
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.frames import Wishes
from firmware_bridge.samples import Assembler

STAGES = ("parse", "filter", "window", "network", "decision")
LAPS = ("sensor", *STAGES)  # what `hop` tells the end of; the sensor is no work of the device's
WARM_UP = 20  # hops, of which the first takes a whole window
_GATHERED_S = 0.1  # of signal in one read at most: a port gathers until a window ends
_NOISE_COUNTS = 2000  # about 50 microvolts
_KEPT_S = 20.0  # of noise, played again and again


class Pipeline:
    """One stream from bytes to decisions; `hop` takes it one hop further."""

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        self._manifest = manifest
        self._engine_name = f"{engine.name} {engine.precision}"
        self._sensor = _Sensor(manifest)
        self._reader = self._sensor.board.device.reader(self._sensor.greeting())
        assert self._reader.stream is not None, "our own sensor says what it sends"
        self._assembler = Assembler(self._reader.stream)
        self._bridge = GapBridge()
        self._blocks = HopBlocks(manifest.hop_samples, phase=manifest.window_samples)
        self._bank = FilterBank([band.sections for band in manifest.bands])
        self._windows = Windows(manifest.window_samples, manifest.hop_samples)
        self._network = follower(engine)
        self._newest_hop = keeps_state(engine)
        self._began = False
        self._decider = Decider(manifest)
        self._wanted = manifest.window_samples - manifest.hop_samples
        for _ in range(WARM_UP):
            self.hop(lambda _: None)

    def hop(self, lap: Callable[[str], None]) -> NDArray[np.float32]:
        """Bytes until a window is complete, and what follows from it; the logits (class,).

        lap  is told the name of each of LAPS when it is over
        """
        manifest = self._manifest
        self._wanted += manifest.hop_samples
        reads = list(self._sensor.until(self._wanted))
        lap("sensor")
        parsed = [self._assembler.take(self._reader.feed(one), 0.0) for one in reads]
        lap("parse")
        blocks = [block for one in parsed for block in self._filtered(one)]
        lap("filter")
        (window,) = [window for block in blocks for window in self._windows.feed(block)]
        values = scaled(self._new(window.values), scale=manifest.scale, clip=manifest.clip)
        lap("window")
        logits = self._network.logits(values)
        lap("network")
        verdict = self._decider.feed(logits, window.index)
        # every hop is told here, as with --every-hop, so that the stage does its whole work
        _line(verdict, self._engine_name)
        lap("decision")
        return logits

    def _new(self, window: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, time, channel): of the window what the network has not seen."""
        follows, self._began = self._began and self._newest_hop, True
        return (window[-self._manifest.hop_samples :] if follows else window)[None]

    def _filtered(self, samples: Samples) -> Iterator[Samples]:
        for block in self._blocks.feed(self._bridge.feed(samples)):
            yield block.bands(self._bank.process(block.microvolts))


class _Sensor:
    """A board of our own protocol at the model's rate, and how much it has sent."""

    def __init__(self, manifest: Manifest) -> None:
        wishes = Wishes(rate_hz=manifest.sample_rate_hz, channels=len(manifest.channels))
        stream = EdgeemgBoard.streams(wishes)
        rows = round(_KEPT_S * manifest.sample_rate_hz)
        noise = np.random.default_rng(0).normal(0, _NOISE_COUNTS, (rows, stream.n_channels))
        self.board = EdgeemgBoard(noise.astype(np.int32), stream, loop=True)
        frame = self.board.samples_per_frame
        gathered = round(manifest.sample_rate_hz * _GATHERED_S / frame)
        self._read = max(1, min(gathered, manifest.hop_samples // frame)) * frame

    def greeting(self) -> bytes:
        """What it says when it is asked."""
        return b"".join(self.board.answer(ask.send)[0] for ask in self.board.device.hello)

    def until(self, sample: int) -> Iterator[bytes]:
        """Read after read, until so many samples have been sent since the start."""
        while self.board.sent < sample:
            yield b"".join(self.board.frames(self._read))


def _line(verdict: Verdict, engine: str) -> str:
    """What a sink would write."""
    decision = Decision(
        label=verdict.label,
        confidence=round(verdict.confidence, 4),
        sample_index=verdict.sample_index,
        t_s=0.0,
        latency_ms=0.0,
        engine=engine,
    )
    return json.dumps(asdict(decision))
