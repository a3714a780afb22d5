"""Points in; what each stage of a hop costs there on an emulated Cortex-A53, as rows, out.

The bundles have seeded random weights. A file is exported once for each number of channels and
samples of a window; another rate or hop with the same is another manifest beside the same file.
"""

import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.scaling_points import SENSOR_CHANNELS, Point
from benchmarks.seeded_bundles import seeded_manifest, write_seeded
from edgeemg.manifest import write_manifest
from edgeemg.profiler.aarch64_wheels import wheels_with
from edgeemg.profiler.boards import BOARDS
from edgeemg.profiler.cost_model import estimate
from edgeemg.profiler.emulator import RUNS, Emulator
from edgeemg.profiler.guest_files import package_folder, wheels_folder
from edgeemg.profiler.marks import laps_between
from edgeemg.profiler.stages import LAPS, STAGES
from edgeemg.runtime.bundle import open_bundle

BOARD = "pi-zero-2w"
ENGINE, PRECISIONS = "tflite", ("int8", "float32")
_CPU = BOARDS[BOARD].cpu
_BEHIND = Path(__file__).parent / "subjects" / "behind_parser.py"
_PATIENCE_S = 600

Kinds = dict[str, dict[str, int]]  # by stage, by kind


def counted_rows(
    points: Iterable[tuple[str, Point]],
    family: str,
    emulator: Emulator,
    work: Path,
    tell: Callable[[str], None],
) -> list[dict[str, Any]]:
    """A row a point: `role`, the point, and by stage `instructions`, `low_us` and `high_us`.

    The network is counted in both precisions, all other stages once; where one sensor cannot send
    so many channels, `parse` is that of several, each of as many as the others.
    """
    named = list(points)
    bundles = _Bundles(family, work, tell)
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # other load does not change a count
        counts = _Counts(emulator, pool, tell)
        for _, point in sorted(named, key=lambda one: -one[1].window_samples * one[1].channels):
            counts.start(point, bundles)
        return [{"role": role, **point.plain, "stages": counts.of(point)} for role, point in named]


class _Bundles:
    """Bundles by point, in a folder."""

    def __init__(self, family: str, work: Path, tell: Callable[[str], None]) -> None:
        self._family = family
        self._work = work
        self._tell = tell

    def of(self, point: Point) -> Path:
        """The bundle's folder, made where it is not there yet."""
        exported = self._exported(point)
        folder = self._work / f"{exported.name}-{point.rate_hz}-{point.hop_ms}"
        if folder.exists():
            return folder
        bundle = open_bundle(exported)
        shutil.copytree(exported, folder, copy_function=os.link)
        (folder / "manifest.json").unlink()  # the link, not the other's file
        # a manifest of the models alone: what the golden inputs are for is not asked here
        manifest = replace(
            seeded_manifest(point.shape), model=bundle.manifest.model, files=bundle.models
        )
        write_manifest(manifest, folder)
        return folder

    def _exported(self, point: Point) -> Path:
        folder = self._work / f"{point.channels}x{point.window_samples}"
        if not folder.exists():
            self._tell(f"export: {point.channels} channels x {point.window_samples} samples")
            folder.mkdir(parents=True)
            write_seeded(self._family, folder, point.shape, formats=(ENGINE,))
        return folder


class _Counts:
    """Counts on their way, by point and precision; what two points share is counted once."""

    def __init__(
        self, emulator: Emulator, pool: ThreadPoolExecutor, tell: Callable[[str], None]
    ) -> None:
        self._emulator = emulator
        self._pool = pool
        self._tell = tell
        self._jobs: dict[tuple[Point, str], Future[Kinds]] = {}
        self._float: dict[tuple[int, int], tuple[Point, str]] = {}

    def start(self, point: Point, bundles: _Bundles) -> None:
        """Have a point counted; its export is made here, the rest in the pool."""
        whole, shared = PRECISIONS
        if point.sensors > 1:
            self._submit(_one_sensor(point), whole, bundles)
        self._submit(point, whole, bundles)
        size = (point.channels, point.window_samples)  # all that a network's cost depends on
        if size not in self._float:
            self._submit(point, shared, bundles)
            self._float[size] = (point, shared)

    def of(self, point: Point) -> dict[str, dict[str, float]]:
        """What the stages of a point cost, in the order of STAGES; waits until it is counted."""
        whole, shared = PRECISIONS
        found = self._jobs[point, whole].result()
        same = self._jobs[self._float[point.channels, point.window_samples]].result()
        if point.sensors > 1:
            one = self._jobs[_one_sensor(point), whole].result()["parse"]
            found = found | {"parse": {kind: point.sensors * n for kind, n in one.items()}}
        kinds = {name: found[name] for name in STAGES if name != "network"}
        kinds |= {network_stage(whole): found["network"], network_stage(shared): same["network"]}
        return {name: _cost(one) for name, one in kinds.items()}

    def _submit(self, point: Point, precision: str, bundles: _Bundles) -> None:
        if (point, precision) in self._jobs:
            return
        folder = bundles.of(point)
        self._tell(f"count: {point.plain} {precision}")
        count = self._stages if point.channels <= SENSOR_CHANNELS else self._behind
        self._jobs[point, precision] = self._pool.submit(count, folder, precision)

    def _stages(self, folder: Path, precision: str) -> Kinds:
        return self._emulator.measure_stages(folder, cpu=_CPU, engine=ENGINE, precision=precision)

    def _behind(self, folder: Path, precision: str) -> Kinds:
        """As `_stages`, of more channels than a sensor sends: `parse` is empty."""
        emulator = self._emulator
        wheels = wheels_folder(emulator.cache, wheels_with("ai-edge-litert"))
        _, marks = emulator.python(
            _CPU,
            ("-P", "-B", str(_BEHIND), str(folder), ENGINE, precision, str(RUNS)),
            folders=(wheels, package_folder(emulator.cache)),
            patience_s=_PATIENCE_S,
        )
        laps = laps_between(marks, rounds=RUNS)
        return dict(zip(LAPS, laps, strict=True))


def network_stage(precision: str) -> str:
    """The name of the stage in a row."""
    return f"network {precision}"


def _one_sensor(point: Point) -> Point:
    return replace(point, channels=point.channels // point.sensors)


def _cost(kinds: dict[str, int]) -> dict[str, float]:
    spent = estimate(kinds, BOARD)
    return {
        "instructions": sum(kinds.values()),
        "low_us": round(spent.low_us, 2),
        "high_us": round(spent.high_us, 2),
    }
