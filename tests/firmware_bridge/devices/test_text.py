import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.devices.text import TURN, TextReader, encode, text
from firmware_bridge.frames import Frames, Wishes

# the first lines of a recording with the Somach sketch, at 250 Hz; the rest goes on like them
SOMACH = b"69657,1937,1870\r\n69661,1909,1886\r\n69665,1883,1905\r\n" + b"".join(
    b"%d,1900,1880\r\n" % time for time in range(69669, 70661, 4)
)


def hear(reader: TextReader, stream: bytes) -> list[Frames]:
    return reader.feed(b"READY\r\n" + stream)


def numbers_of(frames: list[Frames]) -> list[int]:
    return [int(n) for one in frames for n in one.counter]


def rows_of(frames: list[Frames]) -> list[list[int]]:
    return [row for one in frames for row in one.counts.tolist()]


def numbered(n: int, channels: int = 2) -> np.ndarray:
    return np.random.default_rng(6).integers(0, 4096, (n, channels))


def test_lines_of_a_published_sketch_are_read() -> None:
    reader = TextReader()
    frames = hear(reader, SOMACH)
    assert rows_of(frames)[:2] == [[1937, 1870], [1909, 1886]]
    assert numbers_of(frames) == list(range(251))
    stream = reader.stream
    assert stream is not None
    assert (stream.sample_rate_hz, stream.n_channels, stream.turn) == (250, 2, TURN)
    assert stream.microvolts_per_count == 3.3e6 / 4095
    assert stream.zero_count == 0


def test_our_encoder_writes_such_lines() -> None:
    assert encode([[1937, 1870]], 17414) == [b"69656,1937,1870\r\n"]


def test_the_first_line_may_be_cut_and_is_not_read() -> None:
    frames = TextReader(250).feed(b"37,1870\r\n" + b"".join(encode(numbered(8), ticks=None)))
    assert rows_of(frames) == numbered(8).tolist()


@pytest.mark.parametrize(
    ("line", "row"),
    [
        (b"512\r\n", [512]),
        (b"512\n", [512]),
        (b"100,200\n", [100, 200]),
        (b"100\t200\r\n", [100, 200]),
        (b"100, 200 ,300\r\n", [100, 200, 300]),
        (b"  12   7\r\n", [12, 7]),
        (b"Bicep: 512\r\n", [512]),
        (b"CH1:1234 CH2:2345\r\n", [1234, 2345]),
        (b"a=1;b=-2\r\n", [1, -2]),
    ],
)
def test_lines_of_many_sketches_are_read(line: bytes, row: list[int]) -> None:
    reader = TextReader(100)
    assert rows_of(hear(reader, line * 6)) == [row] * 6
    assert reader.stream is not None
    assert (reader.stream.n_channels, reader.stream.turn) == (len(row), 0)
    assert reader.malformed == 0


def test_without_a_clock_the_rate_must_be_told() -> None:
    reader = TextReader()
    assert hear(reader, b"512,600\r\n" * 20) == []
    assert reader.stream is None
    assert "--rate" in reader.trouble


def test_decimals_are_refused_with_the_reason() -> None:
    reader = TextReader(100)
    assert hear(reader, b"1.25,3.50\r\n" * 20) == []
    assert "whole numbers" in reader.trouble
    assert "1.25,3.50" in reader.trouble


def test_columns_are_learned_once() -> None:
    reader = TextReader(100)
    frames = hear(reader, b"1,2\r\n" * 5 + b"1,2,3\r\n" * 50 + b"3,4\r\n")
    assert rows_of(frames) == [[1, 2]] * 5 + [[3, 4]]
    assert (reader.malformed, reader.resyncs) == (50, 2)


def test_banners_before_and_within_are_no_samples() -> None:
    reader = TextReader(100)
    stream = (
        b"MyoWare Example_01_analogRead_SINGLE\r\n" + b"7\r\n" * 6 + b"READY\r\n" + b"8\r\n" * 2
    )
    assert rows_of(hear(reader, stream)) == [[7]] * 6 + [[8]] * 2
    assert reader.malformed == 1


def test_a_dropped_comma_is_no_value() -> None:
    lines = encode(numbered(20), ticks=None)
    lines[10] = lines[10].replace(b",", b"")
    assert len(rows_of(hear(TextReader(100), b"".join(lines)))) == 19


@pytest.mark.parametrize("clock", [True, False])
@pytest.mark.parametrize("bits", [10, 12, 14, 16, 24])
@pytest.mark.parametrize("lowest", ["signed", "unsigned"])
@pytest.mark.parametrize("rest", [0, 300])
def test_a_contraction_behind_a_long_rest_is_read_whole(clock, bits, lowest, rest) -> None:
    """Generated: a second at rest, then all that a converter of so many bits can give."""
    if lowest == "unsigned":
        low, high = 0, (1 << min(bits, 23)) - 1
    else:
        low, high = -(1 << bits - 1), (1 << bits - 1) - 1
    rng = np.random.default_rng(bits)
    counts = np.concatenate([np.full(300, rest), rng.integers(low, high + 1, 498), [low, high]])
    lines = encode(counts[:, None], ticks=4 if clock else None)
    reader = TextReader(None if clock else 250.0)
    frames = hear(reader, b"".join(lines))
    assert rows_of(frames) == counts[:, None].tolist()
    assert numbers_of(frames) == list(range(800))
    assert reader.malformed == 0


def test_scale_and_zero_are_the_same_whatever_is_seen_first() -> None:
    streams = []
    for counts in ([0], [3000], [4095], [60_000], [-5], [-8_388_608]):
        reader = TextReader(100)
        hear(reader, b"".join(encode([counts] * 9, ticks=None)))
        streams.append(reader.stream)
    assert None not in streams
    assert len(set(streams)) == 1


def test_lines_that_a_lost_end_has_joined_are_no_sample() -> None:
    reader = TextReader(100)
    frames = hear(reader, b"1234\n" * 6 + b"12341234\n" + b"1234\n")
    assert len(rows_of(frames)) == 7
    assert reader.malformed == 1
    reader = TextReader(100)
    frames = hear(reader, b"12,34\n" * 6 + b"12,3412,34\n" + b"12,34\n")
    assert len(rows_of(frames)) == 7
    assert reader.malformed == 1


def test_numbers_of_more_than_24_bits_are_refused_with_the_reason() -> None:
    reader = TextReader(100)
    assert hear(reader, b"8388608\r\n" * 20) == []
    assert "24 bits" in reader.trouble


def test_a_checksum_that_is_there_once_must_be_right_always() -> None:
    lines = encode(numbered(30), ticks=None, checksum=True)
    assert encode([[0, 37]], ticks=None, checksum=True) == [b"0,37*18\r\n"]
    lines[10] = bytes([lines[10][0] ^ 1]) + lines[10][1:]
    lines[20] = lines[20].split(b"*")[0] + b"\r\n"
    reader = TextReader(100)
    assert rows_of(hear(reader, b"".join(lines))) == [
        row for n, row in enumerate(numbered(30).tolist()) if n not in (10, 20)
    ]
    assert reader.malformed == 2


def test_a_line_without_end_is_noise_up_to_the_next_end() -> None:
    reader = TextReader(100)
    frames = hear(reader, b"1,2\r\n" * 6 + b"1" * 10_000 + b"\r\n" + b"3,4\r\n")
    assert rows_of(frames)[-1] == [3, 4]
    assert reader.rejected_bytes == 10_001 + len(b"READY\r")
    assert reader.held_bytes < 300


def test_lost_lines_are_a_step_in_the_number() -> None:
    lines = encode(numbered(60), ticks=4000)
    frames = hear(TextReader(), b"".join(lines[:30] + lines[35:]))
    assert numbers_of(frames) == [*range(30), *range(35, 60)]


def test_a_damaged_clock_is_refused_and_not_taken_for_a_loss() -> None:
    lines = encode(numbered(60), 20_000, ticks=4000)
    lines[30] = b"9" + lines[30][1:]
    reader = TextReader()
    assert numbers_of(hear(reader, b"".join(lines))) == [*range(30), *range(31, 60)]
    assert reader.malformed == 1


def test_a_clock_that_begins_again_is_a_restart() -> None:
    reader = TextReader()
    frames = hear(reader, b"".join(encode(numbered(30), 20_000, ticks=4000)) + b"READY\r\n")
    assert [one.restarted for one in frames] == [False]
    frames = reader.feed(b"".join(encode(numbered(10), 3, ticks=4000)))
    assert [one.restarted for one in frames] == [True]
    assert numbers_of(frames) == list(range(10))


def paced(period_us: float, *, unit_us: int, jitter_us: int, seed: int) -> bytes:
    """Lines of a sketch that begins at any time, each up to so late."""
    rng = np.random.default_rng(seed)
    lines = round(1.5e6 / period_us)
    times = rng.uniform(0, 1e6) + np.arange(lines) * period_us + rng.uniform(0, jitter_us, lines)
    return b"".join(b"%d,2000\r\n" % time for time in (times // unit_us).astype(int))


@pytest.mark.parametrize(
    ("period_us", "unit_us", "jitter_us", "hertz"),
    [
        (3305.5, 1, 12, 302.5),
        (3305.5, 1000, 12, 302.5),
        (3300, 1000, 0, 303),
        (10_000 / 3, 1000, 50, 300),
        (4000, 1000, 200, 250),
        (2000, 1, 50, 500),
        (1000, 1000, 0, 1000),
        (1e6 / 1024, 1, 4, 1024),
        (50_000, 1000, 300, 20),
    ],
)
def test_a_sketch_has_the_same_rate_each_time(period_us, unit_us, jitter_us, hertz) -> None:
    for seed in range(20):
        lines = paced(period_us, unit_us=unit_us, jitter_us=jitter_us, seed=seed)
        reader = TextReader()
        frames = hear(reader, lines)
        assert reader.stream is not None
        assert reader.stream.sample_rate_hz == hertz
        # nothing is lost while the clock is measured
        assert len(rows_of(frames)) == lines.count(b"\n")


def test_a_board_that_reboots_while_its_clock_is_measured_is_measured_anew() -> None:
    reader = TextReader()
    before = b"".join(encode(numbered(100), 20_000)).replace(b"\r", b"")
    frames = hear(reader, before + b"".join(encode(numbered(300), 5)))
    assert reader.stream is not None
    assert reader.stream.sample_rate_hz == 250
    assert numbers_of(frames) == list(range(300))
    assert rows_of(frames) == numbered(300).tolist()
    assert reader.rejected_bytes == len(before) + len(b"READY\n")
    assert reader.held_bytes == 0


def test_a_hole_while_the_clock_is_measured_does_not_spoil_the_rate() -> None:
    lines = paced(3300, unit_us=1000, jitter_us=0, seed=3).splitlines(keepends=True)
    for lost in (1, 5, 50, 100):
        reader = TextReader()
        frames = hear(reader, b"".join(lines[:25] + lines[25 + lost :]))
        assert reader.stream is not None
        assert reader.stream.sample_rate_hz == 303
        assert len(rows_of(frames)) == len(lines) - lost - (25 if lost > 8 else 0)


@pytest.mark.parametrize(
    ("told", "ticks", "right"),
    [
        (250, 4, True),
        (245, 4, True),
        (500, 4, False),
        (230, 4, False),
        (5, 200, True),
        (500, 4000, False),
        (250, 4000, True),
        (250, 1, True),
    ],
)
def test_a_rate_that_the_clock_contradicts_is_refused(told: float, ticks: int, right: bool) -> None:
    reader = TextReader(told)
    frames = hear(reader, b"".join(encode(numbered(300), ticks=ticks)))
    assert bool(frames) == right
    if right:
        assert reader.stream is not None
        assert (reader.stream.sample_rate_hz, reader.trouble) == (told, "")
    else:
        assert reader.stream is None
        assert f"clock in its lines says 250 Hz, and --rate {told}" in reader.trouble
        assert reader.held_bytes == 0


@pytest.mark.parametrize("ticks", [1000, 500, 4000])
def test_a_clock_of_microseconds_is_known_by_its_steps(ticks: int) -> None:
    reader = TextReader()
    hear(reader, b"".join(encode(numbered(30), 5000, ticks=ticks)))
    assert reader.stream is not None
    assert reader.stream.sample_rate_hz == 1e6 / ticks


def test_a_signal_that_rises_for_a_while_is_no_clock() -> None:
    rising = [[2000 + 31 * abs(n % 30 - 15), n % 7] for n in range(17, 80)]
    reader = TextReader(1000)
    hear(reader, b"".join(encode(rising, ticks=None)))
    assert reader.stream is not None
    assert reader.stream.n_channels == 2


@pytest.mark.parametrize(("channels", "turn"), [(2, TURN), (3, 0)])
def test_told_channels_say_whether_there_is_a_clock(channels: int, turn: int) -> None:
    reader = text(Wishes(rate_hz=250, channels=channels)).reader(b"")
    reader.feed(b"x\r\n" + b"".join(encode(numbered(60), 100)))
    assert reader.stream is not None
    assert (reader.stream.n_channels, reader.stream.turn) == (channels, turn)


def test_a_clock_that_was_told_and_does_not_rise_is_said() -> None:
    reader = TextReader(250, channels=2)
    assert hear(reader, b"".join(encode(numbered(100, 3), ticks=None))) == []
    assert "should be a clock" in reader.trouble
    assert reader.held_bytes < 400


def test_gain_is_not_settable() -> None:
    with pytest.raises(PortError, match="--gain does not go"):
        text(Wishes(gain=2))


def test_lines_without_columns_are_not_written() -> None:
    with pytest.raises(ValueError, match="counts must"):
        encode([1, 2])
