"""A way to read, a port and seconds in; what came and what it cost, as JSON on stdout, out.

    python reader.py brainflow PORT SECONDS --keep rows.npz
    python reader.py feed PORT SECONDS --device edgeemg

    driver     edgeemg's driver, which hands on what comes
    feed       the same in a thread that lets bytes gather until a window ends, as `edgeemg run`
    brainflow  BrainFlow's Cyton driver, asked 50 times a second
    pyserial   bytes alone

It reads until the seconds are over, `--until` so many samples came, or nothing came for ten of the
seconds. The CPU time is that of this
process after the greeting, up to what came last. `--keep` keeps rows: counts (time, 8), and the
sensor's own number of each: edgeemg's index, BrainFlow's counter of one byte.
"""

import argparse
import json
import resource
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

_SILENCE_S = 10.0  # a net only: a busy machine may starve the sensor for seconds
_POLL_S = 0.02
_WINDOWS_HZ = 10.0
_CYTON_BAUD = 115_200
_MICROVOLTS_PER_COUNT = 4.5 / 24 / (2**23 - 1) * 1e6  # Cyton at gain 24: ADS1299 data sheet


class Reading:
    """What came so far, and what it cost."""

    def __init__(self, seconds: float, *, keep: bool, until: int = 0) -> None:
        self.received = 0
        self.told: dict[str, int] = {}
        self.rows: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []  # numbers, counts
        self._keep, self._until = keep, until
        self._before_s, self._spent_s = _cpu_s(), 0.0
        self._began_s = self._last_s = time.monotonic()
        self._ends_s = self._began_s + seconds

    @property
    def over(self) -> bool:
        if self._until and self.received >= self._until:
            return True
        now_s = time.monotonic()
        silent = self.received and now_s - self._last_s > _SILENCE_S
        return now_s > self._ends_s or bool(silent)

    def came(self, n: int, numbers: NDArray[Any], microvolts: NDArray[Any]) -> None:
        """So many samples: their numbers (n,), and microvolts (n, channel)."""
        if not n:
            return
        self.bytes_came(n)
        if self._keep:
            counts = np.rint(np.asarray(microvolts, np.float64) / _MICROVOLTS_PER_COUNT)
            self.rows.append((numbers.astype(np.int64), counts.astype(np.int64)))

    def bytes_came(self, n: int) -> None:
        self.received += n
        self._last_s, self._spent_s = time.monotonic(), _cpu_s() - self._before_s

    def as_dict(self) -> dict[str, object]:
        return {
            "cpu_s": self._spent_s,
            "took_s": self._last_s - self._began_s,
            "received": self.received,
            "told": self.told,
        }


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _driver(asked: argparse.Namespace) -> Reading:
    from firmware_bridge.devices import find_device
    from firmware_bridge.frames import Wishes
    from firmware_bridge.sensor import open_sensor

    with open_sensor(asked.port, find_device(asked.device, Wishes())) as source:
        reading = Reading(asked.seconds, keep=bool(asked.keep), until=asked.until)
        while not reading.over:
            samples = source.read()
            reading.came(len(samples), samples.index, samples.microvolts)
        reading.told = source.counters.as_dict()
    return reading


def _feed(asked: argparse.Namespace) -> Reading:
    from edgeemg.runtime.feeding import Feed
    from firmware_bridge.devices import find_device
    from firmware_bridge.frames import Wishes
    from firmware_bridge.sensor import open_sensor

    with open_sensor(asked.port, find_device(asked.device, Wishes())) as source:
        rate_hz = source.stream.sample_rate_hz
        feed = Feed(source.read, n_channels=source.stream.n_channels, sample_rate_hz=rate_hz)
        hop = round(rate_hz / _WINDOWS_HZ)
        feed.pace(window_samples=10 * hop, hop_samples=hop)
        with feed:
            reading = Reading(asked.seconds, keep=bool(asked.keep), until=asked.until)
            for samples in feed:
                reading.came(len(samples), samples.index, samples.microvolts)
                if reading.over:
                    break
            reading.told = source.counters.as_dict()
    return reading


def _brainflow(asked: argparse.Namespace) -> Reading:
    from brainflow.board_shim import BoardIds, BoardShim, BrainFlowInputParams

    BoardShim.disable_board_logger()
    params = BrainFlowInputParams()
    params.serial_port = asked.port
    kind = BoardIds.CYTON_BOARD.value
    number, channels = BoardShim.get_package_num_channel(kind), BoardShim.get_exg_channels(kind)
    board = BoardShim(kind, params)
    board.prepare_session()
    board.start_stream()
    reading = Reading(asked.seconds, keep=bool(asked.keep), until=asked.until)
    while not reading.over:
        time.sleep(_POLL_S)
        data = board.get_board_data()
        reading.came(data.shape[1], data[number], data[channels].T)
    board.stop_stream()
    board.release_session()
    return reading


def _pyserial(asked: argparse.Namespace) -> Reading:
    import serial

    port = serial.Serial(asked.port, asked.baud, timeout=0.05)
    port.write(b"b")
    reading = Reading(asked.seconds, keep=False)
    while not reading.over:
        reading.bytes_came(len(port.read(port.in_waiting or 1)))
    return reading


READERS = {"driver": _driver, "feed": _feed, "brainflow": _brainflow, "pyserial": _pyserial}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("how", choices=READERS)
    parser.add_argument("port")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--device", default="cyton")
    parser.add_argument("--baud", type=int, default=_CYTON_BAUD)
    parser.add_argument("--keep")
    parser.add_argument("--until", type=int, default=0)
    asked = parser.parse_args()
    reading = READERS[asked.how](asked)
    if asked.keep:
        numbers = np.concatenate([one for one, _ in reading.rows] or [np.empty(0, np.int64)])
        counts = np.concatenate([one for _, one in reading.rows] or [np.empty((0, 8), np.int64)])
        np.savez(asked.keep, numbers=numbers, counts=counts)
    print(json.dumps(reading.as_dict()))


if __name__ == "__main__":
    main()
