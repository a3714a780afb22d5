import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from firmware_bridge.devices import DEVICES, find_device
from firmware_bridge.devices.cyton import CYTON, PACKET_BYTES, CytonReader, encode

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
    microvolts = np.array(REAL_COUNTS) * CYTON.microvolts_per_count
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
    run = encode(np.zeros((700, 8)))
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
        assert len(reader._held) <= PACKET_BYTES
    fed = sum(map(len, chunks))
    assert fed == frames * PACKET_BYTES + reader.rejected_bytes + len(reader._held)


@settings(max_examples=50)
@given(counts=arrays(np.int32, (7, 8), elements=st.integers(-(1 << 23), (1 << 23) - 1)))
def test_what_is_encoded_is_decoded(counts: np.ndarray) -> None:
    counters, decoded, _ = read(encode(counts, 252))
    assert counters == [252, 253, 254, 255, 0, 1, 2]
    assert decoded == counts.tolist()


def test_our_encoder_writes_what_the_makers_packet_says() -> None:
    ours = encode([REAL_COUNTS])
    assert ours[:26] == REAL[:26]
    assert ours[-1:] == REAL[-1:]


@pytest.mark.parametrize("counts", [[[0] * 7], [0] * 8, [[1 << 23] * 8], [[-(1 << 23) - 1] * 8]])
def test_counts_that_do_not_fit_a_packet_are_refused(counts: list) -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode(counts)


def test_one_lost_byte_costs_about_one_packet(board_counts) -> None:
    lost, false = mean_damage(board_counts, lambda stream, at: stream[:at] + stream[at + 1 :])
    assert lost <= 1.02
    assert false <= 0.01


def test_an_inserted_byte_costs_about_one_packet(board_counts) -> None:
    noise = random.Random(5)
    lost, false = mean_damage(
        board_counts, lambda stream, at: stream[:at] + noise.randbytes(1) + stream[at:]
    )
    assert lost <= 1.02
    assert false <= 0.05  # in the middle of a packet it may shift channels unseen: see PROTOCOL.md


def test_seventeen_lost_bytes_cost_less_than_two_packets(board_counts) -> None:
    lost, false = mean_damage(board_counts, lambda stream, at: stream[:at] + stream[at + 17 :])
    assert lost < 2
    assert false <= 0.01


def mean_damage(board_counts, damage, trials: int = 600) -> tuple[float, float]:
    """Packets lost, and packets invented, per damage somewhere in the middle of a stream."""
    counts = board_counts(40)
    stream = encode(counts)
    sent = dict(enumerate(counts.tolist()))
    place = random.Random(3)
    lost = false = 0
    for _ in range(trials):
        at = place.randrange(10 * PACKET_BYTES, 30 * PACKET_BYTES)
        counters, rows, _ = read(damage(stream, at))
        good = {n for n, row in zip(counters, rows, strict=True) if sent.get(n) == row}
        lost += len(sent) - len(good)
        false += len(counters) - len(good)
    return lost / trials, false / trials


def test_noise_without_end_is_read_in_linear_time() -> None:
    noise = np.random.default_rng(1).integers(0, 256, 1_000_000, dtype=np.uint8).tobytes()
    for stream in (noise, b"\xa0" * 100_000, (b"\xa0" + bytes(31) + b"\xc0") * 10_000):
        reader = CytonReader()
        reader.feed(stream)
        assert len(reader._held) <= PACKET_BYTES


def test_devices_are_found_by_name() -> None:
    assert find_device("cyton") is CYTON
    assert CYTON.loss_visible
    assert all(name == device.name for name, device in DEVICES.items())
