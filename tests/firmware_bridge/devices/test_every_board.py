"""Simulated boards on a pseudo-terminal, and our drivers at its other end."""

import numpy as np
import pytest
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples, join
from firmware_bridge.boards import Board
from firmware_bridge.devices import find_device
from firmware_bridge.emulator import BOARDS, Emulator
from firmware_bridge.frames import Wishes
from firmware_bridge.sensor import open_sensor

WISHES = {
    "chords": Wishes(),
    "text": Wishes(rate_hz=250, channels=3),
    "bitalino": Wishes(rate_hz=1000, channels=4),
    "spikerbox": Wishes(rate_hz=1000, channels=2),
    "umyo": Wishes(),
}


def board_of(name: str, n: int = 4000, wishes: Wishes | None = None) -> tuple[Board, NDArray]:
    """A board, and the counts that it plays: no row twice, none at the rails."""
    kind = BOARDS[name]
    stream = kind.streams(WISHES[name] if wishes is None else wishes)
    high = min(stream.highest_count, 4000)
    counts = np.random.default_rng(5).integers(1, high, (n, stream.n_channels))
    counts[:, 0] = 1 + np.arange(n) * 37 % (high - 1)
    return kind(counts.astype(np.int32), stream), counts


@pytest.mark.parametrize("name", WISHES)
def test_what_a_board_plays_arrives_whole(name: str) -> None:
    board, counts = board_of(name)
    device = find_device(name, WISHES[name])
    with Emulator(board) as emulator, open_sensor(emulator.port_name, device) as sensor:
        got = some_samples(sensor, 300)
    assert sensor.stream == board.stream
    rows = np.rint(got.microvolts / board.stream.microvolts_per_count).astype(int)
    rows += board.stream.zero_count
    (first,) = np.flatnonzero((counts[: len(counts) - 300] == rows[0]).all(axis=1))[:1]
    played = counts[first : first + len(rows)]
    assert (rows == played).all()
    assert (np.diff(got.index) == 1).all()
    assert got.valid.all()


def some_samples(sensor, n: int) -> Samples:
    pieces: list[Samples] = []
    for samples in sensor:
        pieces.append(samples)
        if sum(map(len, pieces)) >= n:
            break
    return join(pieces)
