"""The choices of a stream in; the points to count, and what each asks of the stages, out."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from itertools import product, starmap
from typing import Any

from benchmarks.seeded_bundles import LABELS, Shape, seeded_manifest
from edgeemg.train.models import count_macs, make_model
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.devices.edgeemg_encoder import info_of
from firmware_bridge.frames import Wishes

SENSOR_CHANNELS = 32  # the most that one sensor of our protocol sends (firmware_bridge/PROTOCOL.md)
HELD_OUT = "held out"  # of the fit
_BLOCK = 64  # samples of one matrix product of the filters, as in edgeemg.dsp.filters
_READ_S = 0.1  # longest gathering of one read, as in edgeemg.profiler.stages


@dataclass(frozen=True, slots=True, order=True)
class Point:
    """One stream: what it takes, and how often it decides."""

    channels: int = 8
    rate_hz: int = 1000
    window_ms: int = 800
    hop_ms: int = 100

    @property
    def window_samples(self) -> int:
        return round(self.rate_hz * self.window_ms / 1000)

    @property
    def hop_samples(self) -> int:
        return max(1, round(self.rate_hz * self.hop_ms / 1000))

    @property
    def sensors(self) -> int:
        """Of our protocol, all with as many channels."""
        return -(-self.channels // SENSOR_CHANNELS)

    @property
    def shape(self) -> Shape:
        """The same in samples."""
        return Shape(self.channels, float(self.rate_hz), self.window_samples, self.hop_samples)

    @property
    def plain(self) -> dict[str, int]:
        """As JSON."""
        return asdict(self)


BASE = Point()
AXES: dict[str, tuple[int, ...]] = {
    "channels": (2, 4, 8, 16, 24, 32, 64),
    "rate_hz": (250, 500, 1000, 2000, 4000),
    "window_ms": (100, 200, 400, 800, 1600, 3200),
    "hop_ms": (10, 25, 50, 100, 200, 400),
}
_GRID: dict[str, tuple[int, ...]] = {
    "channels": (4, 16),
    "rate_hz": (500, 2000),
    "window_ms": (400, 1600),
    "hop_ms": (50, 200),
}
_CORNERS = (
    Point(2, 250, 400, 200),
    Point(32, 2000, 400, 50),
    Point(32, 4000, 800, 100),
    Point(32, 4000, 800, 10),
)
_QUICK_AXES: dict[str, tuple[int, ...]] = {
    "channels": (2, 8, 16),
    "rate_hz": (500, 1000, 2000),
    "window_ms": (400, 800, 1600),
    "hop_ms": (50, 100, 200),
}
_QUICK_GRID = (Point(16, 1000, 800, 50), Point(8, 2000, 400, 200))


def axis_points(*, quick: bool = False) -> Iterator[tuple[str, Point]]:
    """The base once, then each axis without it; with the axis's name."""
    axes = _QUICK_AXES if quick else AXES
    yield "base", BASE
    for axis, values in axes.items():
        points = (replace(BASE, **{axis: value}) for value in values)
        yield from ((axis, point) for point in points if point != BASE)


def held_out_points(*, quick: bool = False) -> Iterator[tuple[str, Point]]:
    """Points off the axes, on which the fit is judged."""
    grid = _QUICK_GRID if quick else (*starmap(Point, product(*_GRID.values())), *_CORNERS)
    yield from ((HELD_OUT, point) for point in grid)


def terms(point: Point, family: str) -> dict[str, dict[str, float]]:
    """What one hop asks of each stage: counts that its cost is taken to be linear in.

    parse     calls, reads of the port, frames, and values (samples x channels)
    filter    calls, reads, products of a block, entries of their matrices, which are packed anew
              for each, multiply-adds, and values
    window    calls, values of the hop, and rows and values of the window
    network   calls, multiply-accumulates, and rows and values of the window
    decision  calls
    """
    values = float(point.hop_samples * point.channels)
    window = float(point.window_samples * point.channels)
    frame = samples_per_frame(point)
    gathered = min(max(1, round(point.rate_hz * _READ_S / frame)), point.hop_samples // frame)
    reads = point.hop_samples / (max(1, gathered) * frame)
    rows = float(point.window_samples)
    products, entries = _filter_products(point)
    macs = float(network_macs(family, point.channels, point.window_samples))
    return {
        "parse": {
            "reads": point.sensors * reads,
            "frames": point.sensors * point.hop_samples / frame,
            "values": values,
        },
        "filter": {
            "calls": 1.0,
            "reads": point.sensors * reads,
            "products": products,
            "entries": entries,
            "multiply-adds": entries * point.channels,
            "values": values,
        },
        "window": {"calls": 1.0, "values": values, "rows": rows, "values of the window": window},
        "network": {
            "calls": 1.0,
            "multiply-accumulates": macs,
            "rows": rows,
            "values of the window": window,
        },
        "decision": {"calls": 1.0},
    }


@lru_cache
def network_macs(family: str, channels: int, window_samples: int) -> int:
    """Multiply-accumulates of one window."""
    model = make_model(
        family, channels=channels, window_samples=window_samples, classes=len(LABELS)
    )
    return count_macs(model, channels=channels, window_samples=window_samples)


def samples_per_frame(point: Point) -> int:
    """In a DATA frame of such a sensor of 24 bits, as our encoder fills it."""
    return _frame_of(point.channels // point.sensors, point.rate_hz)


@lru_cache
def _frame_of(channels: int, rate_hz: int) -> int:
    return info_of(
        EdgeemgBoard.streams(Wishes(rate_hz=float(rate_hz), channels=channels))
    ).n_samples


def _filter_products(point: Point) -> tuple[float, float]:
    """Blocks of a hop, and the entries of their four matrices: y = H x + O z, z' = A z + R x."""
    whole, rest = divmod(point.hop_samples, _BLOCK)
    blocks = [_BLOCK] * whole + [rest] * bool(rest)
    states = filter_states(point.rate_hz)
    each = (n * n + 2 * n * states + states * states for n in blocks)
    return float(len(blocks)), float(sum(each))


@lru_cache
def filter_states(rate_hz: int) -> int:
    """Of the front end `broad`: a high-pass, and a notch at each harmonic below half the rate."""
    (band,) = seeded_manifest(Shape(1, float(rate_hz))).bands
    return 2 * len(band.sections)


def row_point(row: Mapping[str, Any]) -> Point:
    """The point of a row as `Point.plain` wrote it."""
    return Point(row["channels"], row["rate_hz"], row["window_ms"], row["hop_ms"])
