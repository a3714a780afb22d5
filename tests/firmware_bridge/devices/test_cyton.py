import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from edgeemg.errors import PortError
from firmware_bridge.devices import DEVICES, find_device
from firmware_bridge.devices.cyton import (
    FAILURES,
    GAINS,
    PACKET_BYTES,
    STREAM,
    CytonReader,
    cyton,
    encode,
)
from firmware_bridge.devices.cyton_board import BANNER, BANNER_WITH_DAISY, CytonBoard
from firmware_bridge.emulator import Emulator
from firmware_bridge.frames import Wishes
from firmware_bridge.reopening import Patience
from firmware_bridge.sensor import open_sensor

MOST_HELD = 3 * PACKET_BYTES + 2  # what those behind a packet say of it

# OpenBCI_JavaScript_Utilities, samplePacketReal(0)
REAL = bytes.fromhex(
    "A0 00 8FF240 8FDFF4 902BB6 8FBFBF 7FFFFF 7FFFFF 942534 20B67D 00E0 00E0 0F70 C0"
)
REAL_COUNTS = [-7343552, -7348236, -7328842, -7356481, 8388607, 8388607, -7068364, 2143869]


def sample_packet(n: int, footer: int = 0xC0) -> bytes:
    """samplePacket(n) of the same suite: channels 1..8, aux 0, 1, 2."""
    channels = b"".join(k.to_bytes(3, "big") for k in range(1, 9))
    return bytes([0xA0, n]) + channels + bytes.fromhex("000000010002") + bytes([footer])


def read(*chunks: bytes) -> tuple[list[int], list[list[int]], CytonReader]:
    """Feed the chunks: all counters, all counts, and the reader."""
    reader = CytonReader()
    runs = [run for chunk in chunks for run in reader.feed(chunk)]
    counters = [int(n) for run in runs for n in run.counter]
    return counters, [row for run in runs for row in run.counts.tolist()], reader


def test_a_real_packet_decodes_to_the_counts_that_its_makers_give() -> None:
    counters, counts, reader = read(REAL)
    assert counters == [0]
    assert counts == [REAL_COUNTS]
    assert (reader.rejected_bytes, reader.resyncs) == (0, 0)


def test_the_scale_is_that_of_gain_24() -> None:
    microvolts = np.array(REAL_COUNTS) * STREAM.microvolts_per_count
    expected = [-164141.1977, -164245.8933, -163812.4035, -164430.1834]
    expected += [187500, 187500, -157990.2658, 47919.2120]
    np.testing.assert_allclose(microvolts, expected, atol=5e-5)


def test_counters_and_counts_come_as_the_bridge_promises() -> None:
    (run,) = CytonReader().feed(sample_packet(7) + sample_packet(8))
    assert (run.counter.dtype, run.counts.dtype) == (np.int64, np.int32)
    assert run.counts.shape == (2, 8)
    assert run.counts.tolist() == [list(range(1, 9))] * 2


@pytest.mark.parametrize("footer", range(0xC0, 0xD0))
def test_every_kind_of_packet_carries_the_channels(footer: int) -> None:
    counters, counts, _ = read(sample_packet(1, footer) + sample_packet(2, footer))
    assert counters == [1, 2]
    assert counts[0] == list(range(1, 9))


@pytest.mark.parametrize("footer", [0x00, 0xA0, 0xB0, 0xBF, 0xD0, 0xFF])
def test_another_footer_is_no_packet(footer: int) -> None:
    assert read(sample_packet(1, footer) * 3)[0] == []


def test_a_change_of_packet_kind_costs_nothing() -> None:
    stream = sample_packet(1) + sample_packet(2, 0xC3) + sample_packet(3, 0xC4) + sample_packet(4)
    counters, _, reader = read(stream, sample_packet(5))
    assert counters == [1, 2, 3, 4, 5]
    assert reader.rejected_bytes == 0


def test_part_of_a_packet_waits_for_the_rest() -> None:
    assert read(REAL[:-1])[0] == []
    assert read(REAL[:-1], REAL[-1:])[1] == [REAL_COUNTS]


@pytest.mark.parametrize("n", [3, 4])
def test_packets_in_a_row_are_all_found(n: int) -> None:
    assert read(b"".join(map(sample_packet, range(n))))[0] == list(range(n))


def test_a_tail_of_letters_does_not_spoil_the_packet_before() -> None:
    counters, _, reader = read(sample_packet(0) + b"AJ")
    assert counters == [0]
    assert reader.rejected_bytes == 2


def test_a_comma_of_the_dongle_between_packets_is_one_rejected_byte() -> None:
    counters, _, reader = read(sample_packet(0) + b"," + sample_packet(1))
    assert counters == [0, 1]
    assert (reader.rejected_bytes, reader.resyncs) == (1, 1)


def test_a_comma_after_every_packet_costs_no_packet() -> None:
    counters, _, reader = read(b"".join(sample_packet(n) + b"," for n in range(200)))
    assert counters == list(range(200))
    assert reader.rejected_bytes == 200


def test_junk_before_and_after_is_rejected_and_counted() -> None:
    packets = b"".join(map(sample_packet, range(3)))
    counters, _, reader = read(b"junk", packets, b"junk")
    assert counters == [0, 1, 2]
    assert (reader.rejected_bytes, reader.resyncs) == (8, 2)


def test_noise_after_a_long_run_is_found_where_it_is() -> None:
    run = b"".join(encode(np.zeros((700, 8))))
    counters, _, reader = read(run + b"noise" + run)
    assert counters == [n % 256 for n in range(700)] * 2
    assert reader.rejected_bytes == 5


def test_a_counter_in_the_place_of_a_footer_does_not_make_a_packet() -> None:
    """Two bytes lost: the 33rd byte is the counter of the next packet, 0xC5, like a footer."""
    cut = sample_packet(0xC4)[:20] + sample_packet(0xC4)[22:]
    packets = [*map(sample_packet, range(0xC1, 0xC4)), cut, *map(sample_packet, range(0xC5, 0xC9))]
    assert read(b"".join(packets))[0] == [0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC8]


def test_a_reply_in_the_stream_is_noise_between_two_packets() -> None:
    reply = b"Failure: Communications timeout - Device failed to poll Host$$$"
    counters, _, reader = read(sample_packet(0) + reply + sample_packet(1) + sample_packet(2))
    assert counters == [0, 1, 2]
    assert reader.rejected_bytes == len(reply)


def test_marks_inside_data_are_not_taken_for_a_packet() -> None:
    look_alike = bytes([0xA0, 77]) + bytes(30) + bytes([0xC0])
    counters, _, reader = read(sample_packet(0) + b"!" + look_alike + b"!" + sample_packet(1))
    assert counters == [0, 1]
    assert reader.rejected_bytes == 35


def look_alike(counter: int, behind: bytes) -> bytes:
    """33 bytes of data that begin and end like a packet, and what follows them."""
    return bytes([0xA0, counter]) + bytes(30) + bytes([0xC0]) + behind


@pytest.mark.parametrize("before", [b"", sample_packet(0)])
def test_in_noise_the_next_head_proves_a_packet_only_where_its_counter_goes_on(
    before: bytes,
) -> None:
    stream = before + b"!" + look_alike(77, sample_packet(1)) + sample_packet(2)
    counters, _, reader = read(stream)
    assert counters[-2:] == [1, 2]
    assert 77 not in counters
    assert reader.rejected_bytes == 34


def test_a_packet_behind_a_loss_is_taken_although_noise_follows_it() -> None:
    stream = [*map(sample_packet, [0, 1, 10]), b",", *map(sample_packet, [11, 12])]
    counters, _, reader = read(*stream)
    assert counters == [0, 1, 10, 11, 12]
    assert reader.rejected_bytes == 1


def test_a_wrong_counter_is_seen_although_the_next_packet_is_lost() -> None:
    counters, _, reader = read(*map(sample_packet, [0, 1, 2 + 64, 4, 5]))
    assert counters == [0, 1, 4, 5]
    assert reader.malformed == 1


@pytest.mark.parametrize("change", [1, 2, 4, 8, 32, 64, 128])
def test_the_same_change_in_two_counters_in_a_row_is_no_loss(change: int) -> None:
    packets = [sample_packet(n) for n in range(100)]
    packets[50], packets[51] = sample_packet(50 ^ change), sample_packet(51 ^ change)
    counters, _, _ = read(*packets)
    steps = [(b - a) % 256 for a, b in pairwise(counters)]
    assert sum(steps) == 99
    assert len(counters) >= 97


def test_a_packet_behind_a_loss_is_taken_although_the_next_one_lost_a_byte() -> None:
    packets = [sample_packet(n) for n in (*range(10), *range(40, 50))]
    packets[11] = packets[11][:1] + packets[11][2:]
    counters, _, _ = read(*packets)
    assert counters == [*range(10), 40, *range(42, 50)]


def test_a_packet_behind_a_loss_is_taken_although_the_counter_behind_it_is_wrong() -> None:
    counters, _, _ = read(*map(sample_packet, [0, 1, 40, 41 ^ 32, 42, 43, 44]))
    assert counters == [0, 1, 40, 42, 43, 44]


def test_a_damaged_packet_where_every_other_one_is_lost_costs_a_packet_or_two() -> None:
    packets = [sample_packet(n) for n in range(0, 200, 2)]
    packets[50] = packets[50][:-1] + b"\0"
    counters, _, _ = read(*packets)
    assert len(set(range(0, 200, 2)) - set(counters)) <= 2


streams = st.lists(
    st.one_of(
        st.integers(0, 255).map(sample_packet),
        st.integers(0, 255).map(lambda n: sample_packet(n, 0xC4)),
        st.binary(max_size=40),
        st.sampled_from([b",", b"\xa0", b"\xc0", b"\xa0" * 40, b"$$$"]),
    ),
    max_size=12,
).map(b"".join)


@given(stream=streams, cuts=st.lists(st.integers(0, 500), max_size=12))
def test_any_chunking_gives_the_same_frames(stream: bytes, cuts: list[int]) -> None:
    ends = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    whole = read(stream)
    pieces = read(*(stream[start:end] for start, end in pairwise(ends)))
    bytewise = read(*(bytes([byte]) for byte in stream))
    for other in (pieces, bytewise):
        assert other[:2] == whole[:2]
        for name in ("rejected_bytes", "resyncs"):
            assert getattr(other[2], name) == getattr(whole[2], name)


@given(chunks=st.lists(st.one_of(st.binary(max_size=80), streams), max_size=20))
def test_no_bytes_raise_and_all_are_accounted_for(chunks: list[bytes]) -> None:
    reader = CytonReader()
    frames = 0
    for chunk in chunks:
        frames += sum(map(len, reader.feed(chunk)))
        assert reader.held_bytes <= MOST_HELD
    fed = sum(map(len, chunks))
    assert fed == frames * PACKET_BYTES + reader.rejected_bytes + reader.held_bytes


@settings(max_examples=50)
@given(counts=arrays(np.int32, (7, 8), elements=st.integers(-(1 << 23), (1 << 23) - 1)))
def test_what_is_encoded_is_decoded(counts: np.ndarray) -> None:
    counters, decoded, _ = read(*encode(counts, 252))
    assert counters == [252, 253, 254, 255, 0, 1, 2]
    assert decoded == counts.tolist()


def test_our_encoder_writes_what_the_makers_packet_says() -> None:
    (ours,) = encode([REAL_COUNTS])
    assert ours[:26] == REAL[:26]
    assert ours[-1:] == REAL[-1:]


@pytest.mark.parametrize("counts", [[[0] * 7], [0] * 8, [[1 << 23] * 8], [[-(1 << 23) - 1] * 8]])
def test_counts_that_do_not_fit_a_packet_are_refused(counts: list) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)


def test_a_packet_whose_counter_fits_neither_neighbour_is_refused() -> None:
    """Else it would look like 254 lost packets, and shift all that follow by a turn: 1.024 s."""
    packets = [sample_packet(n) for n in range(10)]
    packets[4] = sample_packet(4 + 128)
    counters, _, reader = read(*packets)
    assert counters == [0, 1, 2, 3, 5, 6, 7, 8, 9]
    assert (reader.malformed, reader.rejected_bytes, reader.resyncs) == (1, PACKET_BYTES, 1)


@pytest.mark.parametrize("behind", [[13, 14, 15], [13], [44, 45], [2, 3, 4]])
def test_packets_lost_on_the_air_spoil_no_other(behind: list[int]) -> None:
    sent = [4, 5, 6, 7, 12, *behind]
    stream = b"".join(map(sample_packet, sent))
    counters, _, reader = read(stream, *(sample_packet(behind[-1] + n) for n in (1, 2)))
    assert counters[: len(sent)] == sent
    assert reader.malformed == 0


def test_a_packet_that_came_twice_is_handed_on_for_the_assembler_to_count() -> None:
    assert read(b"".join(map(sample_packet, [0, 1, 1, 2, 3])))[0] == [0, 1, 1, 2, 3]


def test_time_sync_in_the_stream_costs_nothing_but_its_comma() -> None:
    """After `<` the dongle injects a comma, and packets carry the board's time in their aux bytes.

    One packet says that its time was just set (C3), the others C4; `>` brings back C0.
    """
    kinds = [0xC0, 0xC0, 0xC3, 0xC4, 0xC4, 0xC4, 0xC0, 0xC0]
    packets = [sample_packet(n, kind) for n, kind in enumerate(kinds)]
    packets.insert(2, b",")
    counters, counts, reader = read(*packets)
    assert counters == list(range(8))
    assert counts == [list(range(1, 9))] * 8
    assert (reader.rejected_bytes, reader.resyncs, reader.malformed) == (1, 1, 0)


def test_one_lost_byte_costs_one_packet_and_never_two(board_counts) -> None:
    """600 seeded trials on counts like a board's: at most 1 packet on average, and at most 1 ever.

    BrainFlow throws away all 33 bytes that it read where the last is no footer (cyton.cpp), and so
    begins anew in the middle of the next packet. A model of it lost 2.03 packets on average, and
    up to 4, in 600 trials of the same kind. test_brainflow.py puts the real one beside ours.
    """
    lost, worst, false = damage_of(board_counts, lambda stream, at: stream[:at] + stream[at + 1 :])
    assert lost <= 1.0
    assert worst == 1
    assert false == 0


def test_seventeen_lost_bytes_cost_only_the_packets_that_they_are_of(board_counts) -> None:
    """They lie in two packets in 16 of 33 places: 1.49 on average. A model of BrainFlow: 1.96."""
    lost, worst, false = damage_of(board_counts, lambda stream, at: stream[:at] + stream[at + 17 :])
    assert lost <= 1.55
    assert worst == 2
    assert false == 0


def test_an_inserted_byte_costs_at_most_the_packet_that_it_is_in(board_counts) -> None:
    """Between two packets it costs none: 32 of 33 on average, as for BrainFlow."""
    noise = random.Random(5)
    lost, worst, false = damage_of(
        board_counts, lambda stream, at: stream[:at] + noise.randbytes(1) + stream[at:]
    )
    assert lost <= 1.0
    assert worst == 1
    assert false == 0


def test_a_flipped_bit_costs_at_most_the_packet_that_it_is_in(board_counts) -> None:
    """In a channel it cannot be seen, for want of a checksum: 24 of 33 places."""
    bit = random.Random(5)
    lost, worst, false = damage_of(
        board_counts,
        lambda stream, at: (
            stream[:at] + bytes([stream[at] ^ 1 << bit.randrange(8)]) + stream[at + 1 :]
        ),
    )
    assert lost <= 1.0
    assert worst == 1
    assert false < 0.8  # wrong values, in the place of the right ones


def damage_of(board_counts, damage, trials: int = 600) -> tuple[float, int, float]:
    """Packets lost per damage in the middle of a stream, on average and at worst; those invented.

    A packet with another value than was sent counts as lost, and as invented.
    """
    counts = board_counts(40)
    stream = with_acceleration(encode(counts))
    sent = dict(enumerate(counts.tolist()))
    place = random.Random(3)
    lost, false = [], 0
    for _ in range(trials):
        at = place.randrange(10 * PACKET_BYTES, 30 * PACKET_BYTES)
        counters, rows, _ = read(damage(stream, at))
        good = {n for n, row in zip(counters, rows, strict=True) if sent.get(n) == row}
        lost.append(len(sent) - len(good))
        false += len(counters) - len(good)
    return sum(lost) / trials, max(lost), false / trials


def with_acceleration(packets: list[bytes]) -> bytes:
    """The aux bytes of every tenth packet filled, as those of a board whose sensor has 25 Hz."""
    noise = random.Random(7)
    for n in range(0, len(packets), 10):
        packets[n] = packets[n][:26] + noise.randbytes(6) + packets[n][32:]
    return b"".join(packets)


def test_noise_without_end_is_read_in_linear_time() -> None:
    noise = np.random.default_rng(1).integers(0, 256, 1_000_000, dtype=np.uint8).tobytes()
    for stream in (noise, b"\xa0" * 100_000, (b"\xa0" + bytes(31) + b"\xc0") * 10_000):
        reader = CytonReader()
        reader.feed(stream)
        assert reader.held_bytes <= MOST_HELD


def test_devices_are_found_by_name() -> None:
    assert find_device("cyton").stream == STREAM
    assert STREAM.loss_visible
    assert all(name == find_device(name).name for name in DEVICES)


@pytest.mark.parametrize("gain", GAINS)
def test_a_gain_is_set_on_every_channel_and_scales_what_is_read(gain: int) -> None:
    device = cyton(Wishes(gain=gain))
    commands = [ask.send for ask in device.hello]
    code = GAINS.index(gain)
    assert commands[3:-1] == [b"x%d0%d0110X" % (channel, code) for channel in range(1, 9)]
    assert commands[:3] + commands[-1:] == [b"s", b"v", b"d", b"b"]
    expected = 4.5 / gain / (2**23 - 1) * 1e6
    assert device.stream is not None
    assert device.stream.microvolts_per_count == pytest.approx(expected)
    assert device.reader(b"").stream == device.stream


def test_without_a_wish_no_channel_is_set() -> None:
    assert [ask.send for ask in cyton(Wishes()).hello] == [b"s", b"v", b"d", b"b"]


def test_a_gain_that_the_amplifier_does_not_have_is_refused() -> None:
    with pytest.raises(PortError, match=r"--gain 3 .* 1, 2, 4, 6, 8, 12, 24"):
        cyton(Wishes(gain=3))


@pytest.mark.parametrize("wishes", [Wishes(rate_hz=500.0), Wishes(channels=4)])
def test_a_rate_or_channels_cannot_be_wished_for(wishes: Wishes) -> None:
    with pytest.raises(PortError, match="leave --"):
        cyton(wishes)


@pytest.mark.parametrize(
    ("reply", "remedy"),
    [
        (b"Failure: Communications timeout - Device failed to poll Host$$$", "switch the board"),
        (b"Failure: System is Down$$$", "switch the board"),
        (b"Failure: Board RFduino buffer overflowed. Soft reset command sent to Board.$$$", "off"),
        (b"Failure: too few chars$$$", "try again"),
        (b"Failure: Err: 9th char not X$$$", "try again"),
        (b"Timeout processing multi byte message - please send all commands at once$$$", "again"),
        (b"Failure: something new$$$", "switch the board"),
    ],
)
def test_each_failure_has_its_remedy(reply: bytes, remedy: str) -> None:
    said = next(what for phrase, what in FAILURES if reply.startswith(phrase))
    assert remedy in said


def test_a_silent_board_is_not_woken_since_its_counter_would_begin_anew() -> None:
    """And one that lost its power would stream at a gain that was not wished for."""
    assert cyton(Wishes()).poke == cyton(Wishes(gain=8)).poke == b""


class Unsteady(CytonBoard):
    restarted = False

    def restart(self) -> bytes:
        self.restarted = True
        return super().restart()


def test_a_board_that_lost_its_power_is_set_to_its_gain_again() -> None:
    """Else it would stream at gain 24, and be read twelve times too large."""
    counts = np.full((250, 8), 24_000, dtype=np.int32)
    board = Unsteady(counts, loop=True)
    patience = Patience(stale_s=0.1, lost_s=0.3, first_s=0.05)
    before: list[float] = []
    after: list[float] = []
    with (
        Emulator(board, speed=5) as emulator,
        open_sensor(emulator.port_name, cyton(Wishes(gain=2)), patience=patience) as sensor,
    ):
        for samples in sensor:
            (after if board.restarted else before).extend(samples.microvolts[:, 0].tolist())
            if len(before) > 100 and not board.restarted:
                board.restart()
            if len(after) > 500:
                break
    seen = before + after
    assert set(seen) == {np.float32(24_000 * STREAM.microvolts_per_count)}


def greeted(board: CytonBoard, wishes: Wishes = Wishes()) -> None:  # noqa: B008  # it is frozen
    """Open this board over a real pseudo-terminal, and close it."""
    with Emulator(board, speed=20) as emulator:
        open_sensor(emulator.port_name, cyton(wishes)).close()


def saying(banner: bytes) -> CytonBoard:
    """A board that says this when it is reset."""
    kind = type("Board", (CytonBoard,), {"banner": banner})
    return kind(np.zeros((50, 8), np.int32))


class Garbled(CytonBoard):
    """Never hears a 4: lost on the air."""

    def answer(self, command: bytes) -> tuple[bytes, float]:
        return (b"", 0.0) if command == b"4" else super().answer(command)


@pytest.mark.parametrize(
    "banner",
    [
        # firmware 3, 2 and 1, and the simulator of OpenBCI_JavaScript_Utilities
        BANNER.replace(b"3.1.2", b"3.1.1"),
        BANNER.replace(b"\n", b"\r\n"),
        b"OpenBCI V3 8-16 channel\nADS1299 Device ID: 0x3E\nLIS3DH Device ID: 0x33\n"
        b"Firmware: v2.0.0\n$$$",
        b"OpenBCI V3 16 channel\nOn Board ADS1299 Device ID: 0x3E\nLIS3DH Device ID: 0x33\n$$$",
        b"OpenBCI V3 Simulator\nOn Board ADS1299 Device ID: 0x12345\nLIS3DH Device ID: 0x38422$$$",
        b"\x00\xa0 tail of a packet \xc0" + BANNER,
    ],
)
def test_banners_of_other_firmware_are_known(banner: bytes) -> None:
    greeted(saying(banner))


@pytest.mark.parametrize(
    ("banner", "remedy"),
    [
        (b"Failure: Communications timeout - Device failed to poll Host$$$", "switch the board"),
        (b"Failure: System is Down$$$", "same radio channel"),
        (BANNER_WITH_DAISY, "use --device cyton-daisy"),
    ],
)
def test_a_reply_that_means_trouble_ends_the_greeting_with_a_remedy(
    banner: bytes, remedy: str
) -> None:
    with pytest.raises(PortError, match=remedy):
        greeted(saying(banner))


def test_a_setting_that_did_not_arrive_whole_ends_the_greeting_with_a_remedy() -> None:
    with pytest.raises(PortError, match=r"too few chars.*try again"):
        greeted(Garbled(np.zeros((50, 8), np.int32)), Wishes(gain=8))
