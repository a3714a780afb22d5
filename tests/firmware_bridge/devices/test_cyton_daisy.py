from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeemg.errors import PortError
from firmware_bridge.devices import cyton, find_device
from firmware_bridge.devices.cyton_daisy import STREAM, CytonDaisyReader, cyton_daisy, encode
from firmware_bridge.devices.cyton_daisy_board import CytonDaisyBoard
from firmware_bridge.emulator import BOARDS, Emulator
from firmware_bridge.faults import Faults
from firmware_bridge.frames import Frames, Wishes
from firmware_bridge.sensor import open_sensor

MISSING_BOARD = [True] * 8 + [False] * 8
MISSING_DAISY = [False] * 8 + [True] * 8


def numbered(n: int) -> np.ndarray:
    """(n, 16) counts: row 3 holds 301 to 316."""
    return (100 * np.arange(n)[:, None] + np.arange(1, 17)).astype(np.int32)


def read(*chunks: bytes) -> tuple[list[Frames], CytonDaisyReader]:
    reader = CytonDaisyReader()
    return [run for chunk in chunks for run in reader.feed(chunk)], reader


def numbers(runs: list[Frames]) -> list[int]:
    return [int(n) for run in runs for n in run.counter]


def rows(runs: list[Frames]) -> list[list[int]]:
    return [row for run in runs for row in run.counts.tolist()]


def missing(runs: list[Frames]) -> dict[int, list[bool]]:
    """Pairs that miss a half: their number, and which channels."""
    return {
        int(n): gone
        for run in runs
        if run.missing is not None
        for n, gone in zip(run.counter, run.missing.tolist(), strict=True)
        if any(gone)
    }


def without(packets: list[bytes], *lost: int) -> bytes:
    return b"".join(packet for n, packet in enumerate(packets) if n not in lost)


def test_an_even_counter_is_the_daisy_s_half_and_the_odd_one_behind_it_the_board_s() -> None:
    even, odd = encode([range(1, 17)], 5)
    assert (even[1], odd[1]) == (10, 11)
    assert even[2:26] == b"".join(n.to_bytes(3, "big") for n in range(9, 17))
    assert odd[2:26] == b"".join(n.to_bytes(3, "big") for n in range(1, 9))
    (run,), _ = read(even + odd)
    assert numbers([run]) == [5]
    assert rows([run]) == [list(range(1, 17))]
    assert run.missing is None


def test_frames_come_as_the_bridge_promises() -> None:
    runs, _ = read(without(encode(numbered(4)), 2))
    assert sum(map(len, runs)) == 4
    (run,) = (one for one in runs if one.missing is not None)
    assert (run.counter.dtype, run.counts.dtype) == (np.int64, np.int32)
    assert run.missing is not None
    assert run.missing.dtype == np.bool_
    assert run.counts.shape == run.missing.shape == (len(run), 16)


def test_the_rate_is_half_of_the_board_s_and_the_counter_that_of_the_pairs() -> None:
    assert (STREAM.sample_rate_hz, STREAM.n_channels, STREAM.turn) == (125.0, 16, 128)
    assert STREAM.microvolts_per_count == cyton.STREAM.microvolts_per_count


def test_pairs_go_on_over_the_turn_of_the_counter() -> None:
    runs, reader = read(*encode(numbered(300), 100))
    assert numbers(runs) == [n % 128 for n in range(100, 400)]
    assert rows(runs) == numbered(300).tolist()
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (0, 0, 0)


def test_a_lost_daisy_half_is_missing_and_no_other_takes_its_place() -> None:
    runs, _ = read(without(encode(numbered(6)), 6))  # the Daisy half of pair 3
    assert numbers(runs) == [0, 1, 2, 3, 4, 5]
    assert missing(runs) == {3: MISSING_DAISY}
    assert rows(runs)[3] == [*range(301, 309), *[0] * 8]


def test_a_lost_board_half_is_missing_and_the_next_pair_is_whole() -> None:
    runs, _ = read(without(encode(numbered(6)), 7))  # the board half of pair 3
    assert numbers(runs) == [0, 1, 2, 3, 4, 5]
    assert missing(runs) == {3: MISSING_BOARD}
    assert rows(runs)[3] == [*[0] * 8, *range(309, 317)]
    assert rows(runs)[4] == numbered(6)[4].tolist()


def test_halves_of_two_pairs_make_no_pair() -> None:
    """The board half of 2 and the Daisy half of 3 lost: what follows each other is 4 and 7."""
    runs, _ = read(without(encode(numbered(6)), 5, 6))
    assert missing(runs) == {2: MISSING_BOARD, 3: MISSING_DAISY}


def test_a_whole_lost_pair_is_a_step_of_the_number() -> None:
    runs, _ = read(without(encode(numbered(6)), 4, 5))
    assert numbers(runs) == [0, 1, 3, 4, 5]
    assert missing(runs) == {}


def test_a_stream_that_is_joined_at_a_board_half_begins_with_half_a_pair() -> None:
    runs, _ = read(without(encode(numbered(3)), 0))
    assert numbers(runs) == [0, 1, 2]
    assert missing(runs) == {0: MISSING_DAISY}


def test_the_last_daisy_half_waits_for_its_board_half() -> None:
    packets = encode(numbered(2))
    runs, reader = read(*packets[:3])
    assert numbers(runs) == [0]
    assert reader.held_bytes == 33
    assert rows(reader.feed(packets[3])) == [numbered(2)[1].tolist()]
    assert reader.held_bytes == 0


def test_a_daisy_half_that_came_twice_is_refused_and_counted() -> None:
    packets = encode(numbered(4))
    packets.insert(4, packets[4])
    runs, reader = read(*packets)
    assert rows(runs) == numbered(4).tolist()
    assert (reader.malformed, reader.rejected_bytes, reader.resyncs) == (1, 33, 1)


def test_noise_between_two_halves_costs_no_pair() -> None:
    packets = encode(numbered(4))
    packets.insert(3, b",")
    runs, reader = read(*packets)
    assert rows(runs) == numbered(4).tolist()
    assert missing(runs) == {}
    assert reader.rejected_bytes == 1


@given(
    lost=st.lists(st.integers(0, 79), max_size=30, unique=True),
    cuts=st.lists(st.integers(0, 80 * 33), max_size=8),
)
def test_every_half_that_came_is_in_its_pair_and_no_half_is_invented(
    lost: list[int], cuts: list[int]
) -> None:
    counts = numbered(40)
    stream = without([*encode(counts), *encode(numbered(1), 40)], *lost)
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    runs, reader = read(*(stream[start:end] for start, end in pairwise(ends)))
    gone = missing(runs)
    for number, row in zip(numbers(runs), rows(runs), strict=True):
        if number == 40:
            continue
        lost_half = gone.get(number, [False] * 16)
        assert lost_half == [2 * number + 1 in lost] * 8 + [2 * number in lost] * 8
        expected = np.where(lost_half, 0, counts[number])
        assert row == expected.tolist()
    assert set(range(40)) - set(numbers(runs)) == {
        n for n in range(40) if {2 * n, 2 * n + 1} <= set(lost)
    }
    assert reader.malformed == 0


streams = st.lists(
    st.one_of(
        st.integers(0, 127).map(lambda n: b"".join(encode(numbered(1), n))),
        st.integers(0, 255).map(lambda n: cyton.encode(np.ones((1, 8)), n)[0]),
        st.binary(max_size=40),
        st.sampled_from([b",", b"\xa0", b"\xc0", b"\xa0" * 40, b"$$$"]),
    ),
    max_size=12,
).map(b"".join)


@given(stream=streams, cuts=st.lists(st.integers(0, 500), max_size=12))
def test_any_chunking_gives_the_same_frames(stream: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    seen = []
    for chunks in (
        [stream],
        [stream[start:end] for start, end in pairwise(ends)],
        [bytes([byte]) for byte in stream],
    ):
        runs, reader = read(*chunks)
        counted = (reader.rejected_bytes, reader.resyncs, reader.malformed, reader.held_bytes)
        seen.append((numbers(runs), rows(runs), missing(runs), counted))
        assert reader.held_bytes <= 4 * 33 + 2
    assert seen[0] == seen[1] == seen[2]


@settings(max_examples=50)
@given(counts=arrays(np.int32, (7, 16), elements=st.integers(-(1 << 23), (1 << 23) - 1)))
def test_what_is_encoded_is_decoded(counts: np.ndarray) -> None:
    runs, _ = read(*encode(counts, 124))
    assert numbers(runs) == [124, 125, 126, 127, 0, 1, 2]
    assert rows(runs) == counts.tolist()


@pytest.mark.parametrize("counts", [[[0] * 8], [0] * 16, [[1 << 23] * 16]])
def test_counts_that_do_not_fit_are_refused(counts: Any) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)


def test_a_gain_is_set_on_all_sixteen_channels() -> None:
    device = cyton_daisy(Wishes(gain=8))
    named = b"12345678QWERTYUI"
    commands = [ask.send for ask in device.hello]
    assert commands == [
        *(b"s", b"v", b"C", b"d"),
        *(b"x" + named[n : n + 1] + b"040110X" for n in range(16)),
        b"b",
    ]
    assert device.stream is not None
    assert device.stream.microvolts_per_count == pytest.approx(4.5 / 8 / (2**23 - 1) * 1e6)
    assert device.reader(b"").stream == device.stream


def test_the_simulated_banner_names_the_daisy() -> None:
    board = CytonDaisyBoard(numbered(1))
    assert b"\nOn Daisy ADS1299 Device ID: 0x3E\n" in board.answer(b"v")[0]
    assert board.answer(b"C")[0] == b"16$$$"


def test_a_simulated_board_sends_two_packets_a_sample() -> None:
    board = CytonDaisyBoard(numbered(5))
    board.answer(b"b")
    packets = board.frames(5)
    assert [len(packet) for packet in packets] == [33] * 10
    assert rows(read(*packets)[0]) == numbered(5).tolist()


@pytest.mark.parametrize(
    ("plugged", "asked_for", "remedy"),
    [
        ("cyton-daisy", "cyton", "use --device cyton-daisy"),
        ("cyton", "cyton-daisy", "use --device cyton$"),
    ],
)
def test_a_board_with_and_without_a_daisy_are_told_apart(
    plugged: str, asked_for: str, remedy: str
) -> None:
    kind = BOARDS[plugged]
    board = kind(
        np.zeros((10, kind.streams(Wishes()).n_channels), np.int32), kind.streams(Wishes())
    )
    with Emulator(board, speed=10) as emulator, pytest.raises(PortError, match=remedy):
        open_sensor(emulator.port_name, find_device(asked_for))


def test_samples_of_a_daisy_come_over_a_real_pseudo_terminal_at_the_gain_that_is_asked_for() -> (
    None
):
    """The board's counts are of gain 24; at gain 4 the host reads the same microvolts."""
    counts = 6 * numbered(500)
    board = CytonDaisyBoard(counts)
    samples = []
    with (
        Emulator(board, speed=20, lossless=True) as emulator,
        open_sensor(emulator.port_name, cyton_daisy(Wishes(gain=4))) as sensor,
    ):
        for one in sensor:
            samples.append(one)
            if sum(map(len, samples)) >= 500:
                break
        assert sensor.counters.lost == 0
    index = np.concatenate([one.index for one in samples])
    microvolts = np.concatenate([one.microvolts for one in samples])
    assert index.tolist() == list(range(500))
    np.testing.assert_allclose(microvolts, counts * STREAM.microvolts_per_count, rtol=1e-6)


def test_every_lost_half_is_a_nan_and_every_lost_pair_is_counted() -> None:
    """Over a real pseudo-terminal that loses one packet in ten."""
    counts = numbered(1000)
    faults = Faults(drop=0.1, seed=2)
    with (
        Emulator(CytonDaisyBoard(counts), speed=20, lossless=True, faults=faults) as emulator,
        open_sensor(emulator.port_name, cyton_daisy(Wishes())) as sensor,
    ):
        samples = []
        for one in sensor:
            samples.append(one)
            if len(one) and one.index[-1] >= 990:
                break
        lost = sensor.counters.lost
    index = np.concatenate([one.index for one in samples])
    microvolts = np.concatenate([one.microvolts for one in samples])
    valid = np.concatenate([one.valid for one in samples])
    sent = (counts * STREAM.microvolts_per_count).astype(np.float32)[index]
    np.testing.assert_array_equal(microvolts[valid], sent[valid])
    assert np.isnan(microvolts[~valid]).all()
    by_halves = valid.reshape(-1, 2, 8)
    assert (by_halves.all(axis=2) | ~by_halves.any(axis=2)).all()
    assert 0.05 < (~valid).mean() < 0.15
    assert lost == index[-1] - index[0] + 1 - len(index)
    assert lost > 0
