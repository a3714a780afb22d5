"""A file that was measured in; the energy of its inferences out, where power can be read."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from edgeemg.profiler.children import Failure
from edgeemg.profiler.power import Power, read_power, watched
from edgeemg.profiler.rounds import Subject, measure_once

_IDLE_S = 2.0
_BUSY_S = 4.0


@dataclass(frozen=True, slots=True)
class Energy:
    """Of one core that infers without a pause.

    watts, idle_watts  the whole board's, meanwhile and before
    millijoules        of one inference: what the board draws above idle, for as long as it takes
    """

    watts: float
    idle_watts: float
    millijoules: float
    source: str


def idle_watts(read: Callable[[], Power | None] = read_power) -> float | None:
    """What the machine draws while this process waits; None where nothing measures it."""
    if read() is None:
        return None
    with watched(read) as draw:
        time.sleep(_IDLE_S)
    return draw.mean_watts()


def measure_energy(
    subject: Subject, p50_us: float, idle: float, read: Callable[[], Power | None] = read_power
) -> Energy | None:
    """Run the file for some seconds in a process of its own and watch the power.

    None where it failed, or nothing was read.
    """
    power = read()
    with watched(read) as draw:
        outcome = measure_once(subject, runs=max(1, round(_BUSY_S * 1e6 / p50_us)))
    if isinstance(outcome, Failure) or power is None:
        return None
    # the first readings are of a process that still loads
    watts = draw.mean_watts(last_s=0.8 * sum(outcome.latencies_us) / 1e6)
    if watts is None:
        return None
    above = max(0.0, watts - idle)
    return Energy(round(watts, 3), round(idle, 3), round(above * p50_us / 1e3, 6), power.source)
