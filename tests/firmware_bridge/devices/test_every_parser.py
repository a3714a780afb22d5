"""What holds for the parser of every device, whatever its format. A new one joins CASES."""

import gc
import tracemalloc
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from firmware_bridge.devices import (
    DEVICES,
    bitalino,
    chords,
    cyton,
    cyton_daisy,
    edgeemg,
    edgeemg_encoder,
    edgeemg_frames,
    freeeeg32,
    spikerbox,
    text,
    umyo,
)
from firmware_bridge.frames import FrameReader, Frames
from firmware_bridge.samples import Assembler

INFO = edgeemg_frames.Info(
    n_channels=4,
    n_samples=5,
    format=1,
    rate_mhz=1_000_000,
    scale_num=1000,
    scale_den=1,
    lowest=-32767,
    highest=32767,
    boot_id=7,
    streaming=True,
)


@dataclass(frozen=True)
class Case:
    """One parser, with the claims that its format allows.

    encode      (time, channel) counts, number of the first -> wire frames
    width       bits of a count; `signed` says where 0 is
    samples     of a wire frame, or of what a damaged byte can cost
    prefix      what must come before the first frame
    held_bytes  the most that it may hold
    sees_all    a changed frame is always seen; else one damaged byte may change one frame, unseen
    cost        damaged bytes -> frames that they may cost
    in_pairs    two wire frames make a sample
    chance      frames that 10 MB of noise are expected to be taken for, behind frames of the device
    """

    device: str
    reader: Callable[[], FrameReader]
    encode: Callable[[NDArray[np.int64], int], list[bytes]]
    channels: int
    width: int
    held_bytes: int
    signed: bool = False
    samples: int = 1
    prefix: bytes = b""
    sees_all: bool = False
    cost: Callable[[int], int] = lambda k: k + 1
    chance: float = 0.0
    in_pairs: bool = False

    @cache  # noqa: B019  # the table lives as long as the tests
    def rows(self, n: int) -> NDArray[np.int64]:
        """(n, channel) counts like noise, no row twice."""
        rng = np.random.default_rng(4)
        low, high = (
            (-(1 << self.width - 1), 1 << self.width - 1) if self.signed else (0, 1 << self.width)
        )
        counts = rng.integers(low + 1, high - 1, (n, self.channels))
        counts[:, 0] = low + 1 + np.arange(n) * 7919 % (high - low - 2)
        return counts

    def wire(self, counts: NDArray[np.int64], first: int = 0) -> list[bytes]:
        """What goes over the line for these rows, a piece for `samples` of them."""
        frames = self.encode(counts, first)
        if self.in_pairs:
            return [a + b for a, b in zip(frames[::2], frames[1::2], strict=True)]
        return frames


CASES = [
    Case(
        "edgeemg",
        edgeemg.EdgeemgReader,
        lambda counts, first: edgeemg_encoder.encode(counts, first, info=INFO),
        channels=4,
        width=16,
        signed=True,
        samples=5,
        prefix=edgeemg_encoder.encode_info(INFO),
        held_bytes=510,
        sees_all=True,
    ),
    # head, last byte, and a counter that is one of two: 2**-23 a byte
    Case(
        "cyton",
        cyton.CytonReader,
        cyton.encode,
        channels=8,
        width=24,
        signed=True,
        held_bytes=101,
        chance=1.2,
    ),
    Case(
        "cyton-daisy",
        cyton_daisy.CytonDaisyReader,
        cyton_daisy.encode,
        channels=16,
        width=24,
        signed=True,
        held_bytes=134,
        in_pairs=True,
        chance=1.2,
    ),
    Case(
        "freeeeg32",
        freeeeg32.FreeEeg32Reader,
        freeeeg32.encode,
        channels=32,
        width=24,
        signed=True,
        held_bytes=317,
        chance=1.2,
    ),
    Case("chords", lambda: chords.ChordsReader(b"UNO-R3\r\n"), chords.encode, 6, 10, 48),
    # any count is one: only the marks are left, 2**-24 a byte
    Case(
        "chords",
        lambda: chords.ChordsReader(b"GIGA-R1\r\n"),
        chords.encode,
        channels=6,
        width=16,
        held_bytes=48,
        chance=0.6,
    ),
    Case("chords", lambda: chords.ChordsReader(b"NPG-LITE\r\n"), chords.encode, 3, 12, 400),
    Case(
        "text",
        text.TextReader,
        lambda counts, first: text.encode(counts, first, ticks=4000, checksum=True),
        channels=2,
        width=12,
        prefix=b"READY\r\n",
        held_bytes=2000,
    ),
    Case(
        "text",
        text.TextReader,
        lambda counts, first: text.encode(counts, first, ticks=4000),
        channels=2,
        width=12,
        prefix=b"READY\r\n",
        held_bytes=2000,
    ),
    Case(
        "text",
        lambda: text.TextReader(1000.0),
        lambda counts, first: text.encode(counts, first, ticks=None),
        channels=3,
        width=12,
        prefix=b"READY\r\n",
        held_bytes=2000,
    ),
    # frames prove each other by 12 bits, in the first 8 frames of noise; by its 4 bits alone a
    # false one, beside a damaged one, may rarely stand in the way of a right one
    *(
        Case(
            "bitalino",
            lambda channels=channels: bitalino.BitalinoReader(1000, channels),
            bitalino.encode,
            channels=channels,
            width=10,
            held_bytes=8 * bitalino.frame_bytes(channels),
            cost=lambda k: k + 2,
            chance=0.02,
        )
        for channels in (2, 4)
    ),
    # a first byte of 8 in 256, and one of 128: 2**-6 a byte for each channel, in the first 32 bytes
    # of noise, and again behind each one that is taken for a frame
    Case("spikerbox", spikerbox.SpikerboxReader, spikerbox.encode, 1, 10, 300, chance=1.0),
    Case(
        "spikerbox",
        lambda: spikerbox.SpikerboxReader(channels=3),
        spikerbox.encode,
        channels=3,
        width=10,
        held_bytes=400,
        chance=0.001,
    ),
    Case("umyo", umyo.UmyoReader, umyo.encode, 1, 16, 195, signed=True, samples=8),
]
every_parser = pytest.mark.parametrize(
    "case", CASES, ids=[f"{case.device}-{case.channels}-{n}" for n, case in enumerate(CASES)]
)
with_counter = pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.device != "spikerbox"],
    ids=lambda case: f"{case.device}-{case.channels}",
)

N = 32  # frames of a stream that is damaged
DAMAGED = slice(20, 26)  # those that are


def test_every_device_is_in_the_table() -> None:
    assert {case.device for case in CASES} == set(DEVICES)


class Heard(NamedTuple):
    """All that a reader gave, and what it counted."""

    counter: list[int]
    counts: list[list[int]]
    missing: list[bool]
    restarts: list[int]
    counted: tuple[int, int, int]
    stream: object


def hear(case: Case, chunks: Sequence[bytes]) -> Heard:
    reader = case.reader()
    frames = [one for chunk in chunks for one in reader.feed(chunk)]
    before, restarts = 0, []
    for one in frames:
        assert len(one)
        restarts += [before] if one.restarted else []
        before += len(one)
    return Heard(
        [int(n) for one in frames for n in one.counter],
        [row for one in frames for row in one.counts.tolist()],
        [any_missing for one in frames for any_missing in missing(one)],
        restarts,
        (reader.rejected_bytes, reader.resyncs, reader.malformed),
        reader.stream,
    )


def missing(frames: Frames) -> list[bool]:
    if frames.missing is None:
        return [False] * len(frames)
    return [bool(one) for one in frames.missing.any(axis=1)]


def cut(stream: bytes, places: Sequence[int]) -> list[bytes]:
    ends = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(ends)]


class Damage(NamedTuple):
    """One byte: changed, lost, or one more; `where` is a share of the damaged stretch."""

    kind: str
    where: float
    value: int


damages = st.lists(
    st.builds(
        Damage,
        st.sampled_from(["flip", "insert", "delete"]),
        st.floats(0, 1, exclude_max=True),
        st.integers(1, 255),
    ),
    max_size=3,
)


def damaged(pieces: list[bytes], every: Sequence[Damage]) -> bytes:
    """The stream, with damage in the middle of it."""
    before, middle = b"".join(pieces[: DAMAGED.start]), bytearray(b"".join(pieces[DAMAGED]))
    for one in every:
        at = int(one.where * len(middle))
        if one.kind == "flip":
            middle[at] ^= one.value
        if one.kind == "insert":
            middle.insert(at, one.value)
        if one.kind == "delete":
            del middle[at]
    return before + bytes(middle) + b"".join(pieces[DAMAGED.stop :])


@every_parser
def test_what_is_sent_is_heard(case: Case) -> None:
    counts = case.rows(N * case.samples)
    heard = hear(case, [case.prefix, *case.wire(counts)])
    assert heard.counts == counts.tolist()
    assert heard.counted[1:] == ((1, 0) if case.device == "text" else (0, 0))
    assert not any(heard.missing)
    assert not heard.restarts


@every_parser
@settings(max_examples=30, deadline=None)
@given(
    every=damages,
    noise=st.binary(max_size=80),
    cuts=st.lists(st.integers(0, 8000), max_size=12),
)
def test_any_chunking_gives_the_same_frames(
    case: Case, every: list[Damage], noise: bytes, cuts: list[int]
) -> None:
    pieces = case.wire(case.rows(N * case.samples))
    stream = noise + case.prefix + damaged(pieces, every) + noise + b"".join(pieces[:4])
    whole = hear(case, [stream])
    assert hear(case, cut(stream, cuts)) == whole
    assert hear(case, [bytes([byte]) for byte in stream]) == whole


@every_parser
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_no_bytes_raise_and_what_is_held_is_bounded(case: Case, data: st.DataObject) -> None:
    pieces = case.wire(case.rows(16 * case.samples))
    part = st.one_of(
        st.binary(max_size=100),
        st.sampled_from(pieces),
        st.sampled_from([piece[:-1] for piece in pieces]),
        st.sampled_from([case.prefix, b"\0", b"\n", b"\xff" * 300, b"1" * 300, b"\xc7\x7c" * 40]),
    )
    reader = case.reader()
    for chunk in data.draw(st.lists(part, max_size=30)):
        reader.feed(chunk)
        assert held_bytes(reader) <= case.held_bytes


def held_bytes(reader: FrameReader) -> int:
    held = reader.held_bytes  # type: ignore[attr-defined]  # not of FrameReader: only tests ask
    assert isinstance(held, int)
    return held


@every_parser
def test_bytes_that_never_end_a_frame_take_no_memory(case: Case) -> None:
    (head, *_) = case.wire(case.rows(case.samples))
    for stuff in (head[:2], head[:-1], head[:1] + b"\1", b"1,", b"\xff\xff\x01\x01\x80\xff"):
        chunk = stuff * (4096 // len(stuff))
        reader = case.reader()
        reader.feed(case.prefix + chunk)
        tracemalloc.start()
        try:
            for _ in range(32):
                reader.feed(chunk)
            gc.collect()
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert kept < 1 << 15  # of 1 << 17 bytes
        assert held_bytes(reader) <= case.held_bytes


@every_parser
@settings(max_examples=200, deadline=None)
@given(every=damages)
def test_damage_costs_little_and_invents_nothing(case: Case, every: list[Damage]) -> None:
    counts = case.rows(N * case.samples)
    pieces = case.wire(counts)
    assert len(pieces) == N
    heard = hear(case, [case.prefix, damaged(pieces, every)])
    number_of = {tuple(row): n for n, row in enumerate(counts.tolist())}
    numbers = [
        number_of[tuple(row)]
        for row, counter in zip(heard.counts, heard.counter, strict=True)
        if tuple(row) in number_of
        and not wrong_number(case, heard, counter - number_of[tuple(row)])
    ]
    # what is out of order is a changed row that looks like another one
    right = longest_rising(numbers)
    changed = len(heard.counts) - sum(heard.missing) - len(right)
    whole = {n // case.samples for n in range(len(counts))}
    lost = whole - {n // case.samples for n in right}
    assert len(lost) <= case.cost(len(every)) * bool(every)
    # none is invented: a changed frame stands in the place of one that is lost, but where the bytes
    # of a whole frame were added (SpikerShield: two)
    added = sum(one.kind == "insert" for one in every) // min(map(len, pieces))
    assert len(heard.counts) <= len(counts) + added
    assert changed <= (0 if case.sees_all else len(every)) * case.samples
    assert not heard.restarts


def longest_rising(numbers: list[int]) -> list[int]:
    """The longest part of a list that rises, each number above the one before."""
    best: list[list[int]] = []  # of each length, the one with the lowest end
    for number in numbers:
        place = bisect_left([one[-1] for one in best], number)
        best[place : place + 1] = [[*best[place - 1], number] if place else [number]]
    return best[-1] if best else []


def wrong_number(case: Case, heard: Heard, offset: int) -> bool:
    """Whether a counter is not as far from its row as the first one is from row 0."""
    turn = getattr(heard.stream, "turn", 0)
    return bool(turn and (offset - heard.counter[0]) % turn)


class Hit(NamedTuple):
    """One damaged byte of a frame: `place` counts from its start, below 0 from its end."""

    kind: str
    frame: int
    place: int
    value: int


def hits(place: st.SearchStrategy[int], value: st.SearchStrategy[int]) -> st.SearchStrategy[Hit]:
    kinds = st.sampled_from(["flip", "insert", "delete"])
    return st.builds(Hit, kinds, st.integers(DAMAGED.start, DAMAGED.stop - 1), place, value)


# a mark or a counter, and one of its bits: what harms most; or any byte
marks = hits(st.sampled_from([0, 1, 2, -2, -1]), st.sampled_from([1 << n for n in range(8)]))
anywhere = hits(st.integers(0, 200), st.integers(1, 255))


@with_counter
@settings(max_examples=200, deadline=None)
@given(every=st.lists(st.one_of(marks, anywhere), max_size=3))
def test_sent_is_received_plus_reported_lost(case: Case, every: list[Hit]) -> None:
    sent_is_received_plus_lost(case, every, dropped=set())


@with_counter
@settings(max_examples=100, deadline=None)
@given(
    every=st.lists(anywhere, max_size=1),
    dropped=st.sets(st.integers(DAMAGED.start, DAMAGED.stop - 1), max_size=4),
)
def test_the_same_where_whole_frames_are_lost(
    case: Case, every: list[Hit], dropped: set[int]
) -> None:
    sent_is_received_plus_lost(case, every, dropped)


def sent_is_received_plus_lost(case: Case, every: list[Hit], dropped: set[int]) -> None:
    counts = case.rows(N * case.samples)
    pieces = case.wire(counts)
    reader = case.reader()
    reader.feed(case.prefix)
    assembler: Assembler | None = None
    got = []
    for n, piece in enumerate(one_by_one(pieces, every)):
        frames = reader.feed(b"" if n in dropped else piece)
        if not reader.stream:
            continue
        if not reader.stream.turn:
            return  # it says that it cannot see a loss
        assembler = assembler or Assembler(reader.stream)
        seconds = 100.0 + (n + 1) * case.samples / reader.stream.sample_rate_hz
        got.append(assembler.take(frames, seconds))
    assert assembler is not None
    index = np.concatenate([samples.index for samples in got])
    counters = assembler.counters
    assert (np.diff(index) > 0).all()
    assert index[-1] - index[0] + 1 == len(counts)
    assert counters.received == len(index)
    assert counters.received + counters.lost + counters.lost_in_outages == len(counts)


def one_by_one(pieces: list[bytes], every: Sequence[Hit]) -> list[bytes]:
    """The pieces, with damage inside of some of them."""
    out = list(pieces)
    for one in every:
        piece = bytearray(out[one.frame])
        if not piece:
            continue
        at = one.place % len(piece)
        if one.kind == "flip":
            piece[at] ^= one.value
        if one.kind == "insert":
            piece.insert(at, one.value)
        if one.kind == "delete":
            del piece[at]
        out[one.frame] = bytes(piece)
    return out


@pytest.mark.slow
@every_parser
@pytest.mark.parametrize("behind_frames", [False, True])
def test_ten_megabytes_of_noise_are_no_frames(case: Case, behind_frames: bool) -> None:
    noise = np.random.default_rng(9).bytes(10_000_000)
    reader = case.reader()
    reader.feed(case.prefix)
    if behind_frames:
        reader.feed(b"".join(case.wire(case.rows(N * case.samples))))
    frames = sum(
        len(one)
        for at in range(0, len(noise), 1 << 16)
        for one in reader.feed(noise[at : at + (1 << 16)])
    )
    # five standard deviations above what chance gives; each may bring one that follows it
    assert frames <= case.chance + 5 * case.chance**0.5 + (2 if case.chance else 0)
    assert reader.rejected_bytes > 0.5 * len(noise)
