"""A bundle, a recording and a length in; a day with that many faults, lived, out."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.day.hearing import Ear, HopListener, Reference
from benchmarks.day.life import KINDS, Life
from benchmarks.day.report import Day
from benchmarks.day.world import StuckError, World
from edgeemg.cli.running import recorded_pieces
from edgeemg.data.bids import read_recording
from edgeemg.dsp.samples import Samples
from edgeemg.errors import EngineError
from edgeemg.runtime.bundle import open_bundle
from firmware_bridge.boards import microvolts_to_counts
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.frames import Wishes

_FRAME_BYTES = 200  # of samples: few long frames cost this machine less than many short ones
_FIRST_S = 60.0
_LENGTHS_S = (0.3, 30.0)  # of a fault, as often between 0.3 and 3 as between 3 and 30


def live(bundle: Path, recording: Path, *, hours: float, n_faults: int, seed: int = 0) -> Day:
    """A day: so many hours of samples, and so many faults, of each kind equally many."""
    day = Day(seconds=3600 * hours)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgeemg-day-") as scratch, ExitStack() as stack:
        folder = Path(scratch)
        own = folder / "bundle"
        shutil.copytree(bundle, own)
        manifest = open_bundle(own).manifest
        pieces = list(recorded_pieces(read_recording(recording), manifest))
        values = np.concatenate([one.microvolts for one in pieces])
        board, as_sent = _board(values, manifest.sample_rate_hz, manifest.hop_samples)
        reference = Reference(own, as_sent)
        heard: list[HopListener] = []
        world = World(board, folder, lambda: heard[0].last_index if heard else -1)
        stack.callback(world.close)
        ear = Ear()
        stack.callback(ear.close)
        life = stack.enter_context(_process(Life(own, folder, world, ear)))
        heard.append(HopListener(life.process, reference, day))
        try:
            _live(day, life, world, ear, np.random.default_rng(seed), n_faults)
            world.settle()
        except StuckError as error:
            said = life.log.read_text(errors="replace").splitlines()
            raise EngineError(f"{error}; edgeemg run said: {said[-1] if said else ''}") from error
        day.passed = world.passed
        day.exit_code = life.end()
        heard[0].thread.join(10)
        ear.listen()
        day.heard_by_udp = ear.heard
        _read_what_is_left(day, life, folder)
    day.took_s = time.monotonic() - began_s
    return day


@contextmanager
def _process(life: Life) -> Iterator[Life]:
    try:
        yield life
    finally:
        life.process.kill()
        life.process.wait()


def _board(values: Any, rate_hz: float, hop: int) -> tuple[EdgeemgBoard, Samples]:
    """The sensor, and its samples as a reader gets them: rounded to its counts."""
    values = values[: len(values) - len(values) % hop]
    stream = EdgeemgBoard.streams(Wishes(rate_hz=rate_hz, channels=values.shape[1]))
    counts = microvolts_to_counts(values, stream)
    board = EdgeemgBoard(counts, stream, loop=True)
    board.samples_per_frame = _FRAME_BYTES // (3 * values.shape[1])
    board.info = replace(board.info, n_samples=board.samples_per_frame)
    as_read = (counts * stream.microvolts_per_count).astype(np.float32)
    return board, Samples.contiguous(as_read, rate_hz)


def _live(
    day: Day, life: Life, world: World, ear: Ear, rng: np.random.Generator, n_faults: int
) -> None:
    world.start(lambda: life.process.poll() is None)
    world.play(_FIRST_S)
    world.settle()
    day.first_mb = life.resident_mb()
    kinds = [KINDS[n % len(KINDS)] for n in range(n_faults)]
    rng.shuffle(kinds)
    each_s = (day.seconds - _FIRST_S) / n_faults
    for n, kind in enumerate(kinds):
        ends = round((_FIRST_S + (n + 1) * each_s) * world.rate_hz)
        world.play(each_s / 4)
        life.fault(kind, float(np.exp(rng.uniform(*np.log(_LENGTHS_S)))))
        day.faults[kind] = day.faults.get(kind, 0) + 1
        while world.passed < ends:
            world.play(min(10.0, (ends - world.passed) / world.rate_hz))
            ear.listen()
        world.settle()
        ear.listen()
        day.resident_mb.append((world.passed, life.resident_mb()))


def _read_what_is_left(day: Day, life: Life, folder: Path) -> None:
    day.log = life.log.read_text(encoding="utf-8", errors="replace")
    for line in day.log.splitlines():
        if "wire_received" in line:
            pairs = [one.rsplit(" ", 1) for one in line.split("; ")]
            day.counters = {name: float(value) for name, value in pairs}
    text = (folder / "decisions.jsonl").read_text(encoding="utf-8")
    for line in text.splitlines():
        day.lines_in_file += line.endswith("}") and line.startswith("{")
        day.broken_lines += not (line.endswith("}") and line.startswith("{"))
