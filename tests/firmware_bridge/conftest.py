"""Counts like those of a real board, and terminals that stand for ports."""

import json
import os
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray


def emg_like_counts(n: int, *, seed: int = 0) -> NDArray[np.int32]:
    """(n, 8) counts: offsets and noise on four channels, four open ones at the lower rail."""
    rng = np.random.default_rng(seed)
    offsets = rng.integers(-500_000, 500_000, 4)
    counts = np.full((n, 8), -(1 << 23), dtype=np.int32)
    counts[:, :4] = offsets + rng.normal(0, 4000, (n, 4)).round()
    return counts


@pytest.fixture
def board_counts() -> Any:
    return emg_like_counts


GOLDEN = Path(__file__).resolve().parents[2] / "firmware_bridge" / "golden"


@pytest.fixture(scope="session")
def golden() -> Callable[[str], list[dict[str, Any]]]:
    """`golden("data")`: the vectors of golden/data.json, bytes in hex."""
    return lambda name: json.loads((GOLDEN / f"{name}.json").read_text())["vectors"]


class Terminal:
    """A pseudo-terminal whose other end a test holds: `says` is sent over and over."""

    def __init__(self) -> None:
        self.master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self.master, False)
        self.name = os.ttyname(self._slave)
        self._stop = threading.Event()
        self._talker: threading.Thread | None = None

    def says(self, text: bytes) -> None:
        def talk() -> None:
            while not self._stop.wait(0.01):
                try:
                    os.write(self.master, text)
                except BlockingIOError:
                    continue

        self._talker = threading.Thread(target=talk)
        self._talker.start()

    def unplug(self) -> None:
        os.close(self.master)
        os.close(self._slave)
        self.master = -1

    def close(self) -> None:
        self._stop.set()
        if self._talker is not None:
            self._talker.join()
        if self.master >= 0:
            self.unplug()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    opened = Terminal()
    yield opened
    opened.close()
