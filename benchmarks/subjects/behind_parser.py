"""A bundle of more channels than one sensor sends; marks at the end of each later stage out.

    python behind_parser.py BUNDLE ENGINE PRECISION HOPS

The parts and the marks are those of edgeemg.profiler.stages, but samples come as generated noise
and not from a parser. It runs inside an emulated process: see `benchmarks.scaling_counts`.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np

from edgeemg.dsp.filters import FilterBank
from edgeemg.dsp.gaps import GapBridge
from edgeemg.dsp.inputs import scaled
from edgeemg.dsp.samples import Samples
from edgeemg.dsp.windows import HopBlocks, Windows
from edgeemg.manifest import Manifest
from edgeemg.profiler.guest import settle
from edgeemg.profiler.marks import EMPTY, STAGE, START, mark
from edgeemg.profiler.stages import LAPS, WARM_UP
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.decisions import Decider
from edgeemg.runtime.engines import Engine, follower, open_engine
from edgeemg.runtime.sinks import Decision


class Behind:
    """One stream from samples to decisions; `hop` takes it one hop further."""

    def __init__(self, manifest: Manifest, engine: Engine) -> None:
        self._manifest = manifest
        self._engine = follower(engine)
        self._bridge = GapBridge()
        self._blocks = HopBlocks(manifest.hop_samples, phase=manifest.window_samples)
        self._bank = FilterBank([band.sections for band in manifest.bands])
        self._windows = Windows(manifest.window_samples, manifest.hop_samples)
        self._decider = Decider(manifest)
        self._noise = np.random.default_rng(0)
        self._taken = 0
        for _ in range(WARM_UP):
            self.hop(lambda _: None)

    def hop(self, lap: Callable[[str], None]) -> None:
        """The next samples, and what follows from them; `lap` as in edgeemg.profiler.stages."""
        manifest = self._manifest
        samples = self._sent(manifest.hop_samples if self._taken else manifest.window_samples)
        lap("sensor")
        lap("parse")
        blocks = [
            block.bands(self._bank.process(block.microvolts))
            for block in self._blocks.feed(self._bridge.feed(samples))
        ]
        lap("filter")
        (window,) = [window for block in blocks for window in self._windows.feed(block)]
        values = scaled(window.values[None], scale=manifest.scale, clip=manifest.clip)
        lap("window")
        logits = self._engine.logits(values)
        lap("network")
        verdict = self._decider.feed(logits, window.index)
        decision = Decision(
            label=verdict.label,
            confidence=round(verdict.confidence, 4),
            sample_index=verdict.sample_index,
            t_s=0.0,
            latency_ms=0.0,
            engine=self._engine.name,
        )
        json.dumps(asdict(decision))
        lap("decision")

    def _sent(self, rows: int) -> Samples:
        noise = self._noise.normal(0, 50, (rows, len(self._manifest.channels)))
        first, self._taken = self._taken, self._taken + rows
        return Samples.contiguous(
            noise.astype(np.float32), self._manifest.sample_rate_hz, first_index=first
        )


def main(folder: str, engine: str, precision: str, hops: str) -> None:
    """Open the file, warm up, and take so many hops, a mark a stage."""
    bundle = open_bundle(Path(folder))
    behind = Behind(bundle.manifest, open_engine(bundle, engine, precision))
    labels = {name: STAGE + place for place, name in enumerate(LAPS)}
    settle()
    mark(EMPTY)
    mark(EMPTY)
    mark(START)
    for _ in range(int(hops)):
        behind.hop(lambda name: mark(labels[name]))


if __name__ == "__main__":
    main(*sys.argv[1:])
