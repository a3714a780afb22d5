"""A fit in; the largest streams that a core, by estimate, and a serial line carry, out.

A core carries a stream where the estimate of a second of signal is at most a share of a second.
That estimate is an interval (edgeemg.profiler.cost_model), so the largest stream is one too: what
its high end allows, and what its low end does not forbid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import takewhile
from operator import itemgetter
from typing import Any

import numpy as np

from benchmarks.scaling_fit import Fits, Row, hop_stages, predicted
from benchmarks.scaling_points import BASE, HELD_OUT, Point
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.devices.edgeemg_encoder import encode, encode_info, info_of
from firmware_bridge.frames import Wishes

SHARES = (1.0, 0.5)  # of one core
BAUDS = (115_200, 1_000_000, 3_000_000)
_LINE_SHARE = 0.8  # and the next two: firmware_bridge/PROTOCOL.md, "What a line can carry"
_INFO_EVERY_S = 2.0
_BITS = 10  # of a byte on a UART: 8, and one each to start and to stop
_STEP_HZ, _WIRE_STEP_HZ = 50, 25


def core_share(fits: Fits, point: Point, network: str, family: str) -> tuple[float, float]:
    """Of one core of a Pi Zero 2 W, low and high: an estimate."""
    cost = predicted(fits, point, family)
    stages = hop_stages(cost, network)
    hop_us = 1e6 * point.hop_samples / point.rate_hz
    return (
        sum(cost[stage]["low_us"] for stage in stages) / hop_us,
        sum(cost[stage]["high_us"] for stage in stages) / hop_us,
    )


def wire_bytes_per_s(channels: int, rate_hz: int) -> float:
    """Of a sensor of our protocol with 24 bits, DATA and INFO, as our encoder writes them."""
    info = info_of(EdgeemgBoard.streams(Wishes(rate_hz=float(rate_hz), channels=channels)))
    (frame,) = encode(np.zeros((info.n_samples, channels)), info=info)
    return rate_hz * len(frame) / info.n_samples + len(encode_info(info)) / _INFO_EVERY_S


def limits(rows: Sequence[Row], fits: Fits, network: str, family: str) -> list[dict[str, Any]]:
    """What one core carries, by channels; nothing is looked for beyond what was counted.

    shares  by rate: of one core, low and high, with the base's window and hop
    rates   by share of a core: the highest rate in Hz by the high end and by the low end
    hops    by rate and share of a core: the shortest hop in ms, the same way
    wire    by baud: the highest rate in Hz
    None where not even the least that was counted is carried.
    """
    on_axes = [row for row in rows if row["role"] != HELD_OUT]
    channels, rates, hops = (
        sorted({row[axis] for row in on_axes}) for axis in ("channels", "rate_hz", "hop_ms")
    )

    def shares(base: Point, axis: str, steps: Iterable[int]) -> dict[int, tuple[float, float]]:
        points = ((step, replace(base, **{axis: step})) for step in steps)
        return {step: core_share(fits, one, network, family) for step, one in points}

    found = []
    for base in (replace(BASE, channels=n) for n in channels):
        by_rate = shares(base, "rate_hz", range(rates[0], rates[-1] + 1, _STEP_HZ))
        by_hop = {
            rate: shares(replace(base, rate_hz=rate), "hop_ms", range(hops[-1], hops[0] - 1, -1))
            for rate in rates
        }
        found.append(
            {
                "channels": base.channels,
                "sensors": base.sensors,
                "shares": {f"{rate}": [round(one, 4) for one in by_rate[rate]] for rate in rates},
                "rates": _ends(by_rate),
                "hops": {f"{rate}": _ends(one) for rate, one in by_hop.items()},
                "wire": _wire(base.channels // base.sensors, rates[-1]),
            }
        )
    return found


def _ends(shares: Mapping[int, tuple[float, float]]) -> dict[str, list[int | None]]:
    """By share of a core the last step that fits by the high end, and by the low end."""
    return {
        f"{most:g}": [
            _last((step, one[end] <= most) for step, one in shares.items()) for end in (1, 0)
        ]
        for most in SHARES
    }


def _wire(channels: int, top_hz: int) -> dict[str, int | None]:
    """The highest rate of one sensor for each baud."""
    steps = range(_WIRE_STEP_HZ, top_hz + 1, _WIRE_STEP_HZ)
    loads = {rate: wire_bytes_per_s(channels, rate) for rate in steps}
    return {
        f"{baud}": max(
            (rate for rate, load in loads.items() if load <= _LINE_SHARE * baud / _BITS),
            default=None,
        )
        for baud in BAUDS
    }


def _last(steps: Iterable[tuple[int, bool]]) -> int | None:
    """The last step before the first that is not carried."""
    carried = [step for step, _ in takewhile(itemgetter(1), steps)]
    return carried[-1] if carried else None
