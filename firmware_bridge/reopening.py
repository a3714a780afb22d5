"""The name of a port that went away in, the same sensor streaming again out; for ever, if need be.

A step is one read or nap of at most 50 ms: the generator yields after each.
"""

import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from random import Random

from edgeemg.errors import PortError
from firmware_bridge.frames import Device
from firmware_bridge.greeting import Greeted, farewell, greet
from firmware_bridge.ports import READ_TIMEOUT_S, Port


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a sensor may be silent, and how often it is looked for, seconds.

    stale_s  without a frame: it is asked to talk again; ten frame periods, where that is longer
    lost_s   without a frame: its port is closed and opened again; twice the time to stale at least
    first_s, most_s  wait before the first try to open, and the longest; each wait is twice the
                     last, and up to a quarter shorter, so that several programs do not collide
    """

    stale_s: float = 0.5
    lost_s: float = 3.0
    first_s: float = 0.25
    most_s: float = 5.0

    def waits(self) -> Iterator[float]:
        """Seconds to wait before each try."""
        chance = Random()  # noqa: S311  # no secret
        wait_s = self.first_s
        while True:
            yield wait_s * chance.uniform(0.75, 1.0)
            wait_s = min(2 * wait_s, self.most_s)


def reopen(
    name: str,
    device: Device,
    *,
    patience: Patience,
    clock: Callable[[], float],
    tell: Callable[[str], None],
) -> Generator[None, None, tuple[Port, Greeted]]:
    """Try until the sensor streams again. Links in the name are followed anew at each try.

    tell  is told why a try failed, where that is not why the last one did
    """
    told = ""
    for wait_s in patience.waits():
        yield from _nap(wait_s, clock)
        try:
            return (yield from _try(name, device, clock))
        except PortError as error:
            if str(error) != told:
                told = str(error)
                tell(f"still waiting: {told}")
    raise AssertionError("waits never end")


def _try(
    name: str, device: Device, clock: Callable[[], float]
) -> Generator[None, None, tuple[Port, Greeted]]:
    port = Port(name, device.bauds[0])
    try:
        yield
        return port, (yield from greet(port, device, clock))
    except GeneratorExit:  # the caller gives up: it may stream already
        farewell(port, device)
        raise
    except BaseException:
        port.close()
        raise


def _nap(seconds: float, clock: Callable[[], float]) -> Generator[None, None, None]:
    ends_s = clock() + seconds
    while (left_s := ends_s - clock()) > 0:
        time.sleep(min(left_s, READ_TIMEOUT_S))
        yield
