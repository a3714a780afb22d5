"""Lines of numbers in, frames out, and back: what sketches for ESP32, Arduino and MyoWare print.

    [millis or micros,] count [, count ...] [*HH]      also with tabs, spaces, and `name:` in front

How the lines look is learned once, from the first ones that are alike (`text_form.py`).
PROTOCOL.md says what such lines cannot show.
"""

from functools import reduce
from operator import xor

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_bridge.devices.text_clock import (
    Line,
    LineClock,
    Pace,
    Row,
    may_be,
    period_of,
    rate_of,
)
from firmware_bridge.devices.text_form import LARGEST_COUNT, Form, Learner
from firmware_bridge.frames import Device, Frames, Stream, Wishes, refuse_wishes

LONGEST_LINE = 256  # bytes; more without an end is noise
TURN = 1 << 32  # of the number that is made from the clock
_TITLE = "text sensor"
# of an ESP32 or RP2040, 3.3 V over 12 bits, as the Somach recordings are read; taken for every
# converter: its bits are not known, and a model wants the same scale each day
_MICROVOLTS_PER_COUNT = 3.3e6 / 4095


class TextReader:
    """Reads lines that are all alike; see FrameReader. The first line is not read: it may be cut.

    rate_hz   samples a second; None: as the clock in the lines says
    channels  numbers of a line without the clock; None: as the lines look

    trouble  why the stream is not known, for people; "" where there is nothing to say
    """

    def __init__(self, rate_hz: float | None = None, channels: int | None = None) -> None:
        self.rejected_bytes = 0
        self.resyncs = 0
        self.malformed = 0
        self.trouble = ""
        self._rate_hz = rate_hz
        self._stream: Stream | None = None
        self._held = b""
        self._skips = True  # to the end of the line
        self._in_lock = True
        self._learner = Learner(channels)
        self._form: Form | None = None
        self._clock: LineClock | None = None
        self._pace: Pace | None = None  # while the clock is measured
        self._early: list[Row] = []  # until the rate is known
        self._early_bytes = 0
        self._number = -1  # of the last line, where there is no clock

    @property
    def stream(self) -> Stream | None:
        """What the lines hold, once enough were alike."""
        return self._stream

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for more."""
        waiting = self._clock.held_bytes if self._clock else 0
        return len(self._held) + self._learner.held_bytes + waiting + self._early_bytes

    def feed(self, chunk: bytes) -> list[Frames]:
        """The samples of the lines that this chunk completes: counts (n, channel)."""
        # each of both ends a line, so that a lost one does not join two
        *lines, self._held = (self._held + chunk).replace(b"\r", b"\n").split(b"\n")
        rows = [row for line in lines for row in self._hear(line)]
        if len(self._held) > LONGEST_LINE:
            self._reject(len(self._held))
            self._skips, self._held = True, b""
        return _frames(rows)

    def _hear(self, line: bytes) -> list[Row]:
        size = len(line) + 1
        if self._skips or size > LONGEST_LINE + 1:
            self._skips = False
            self._reject(size)
            return []
        text = line.strip()
        if not text:
            return []
        if self._form is not None:
            return self._read(text, size)
        self._form = self._learner.learn(text, size)
        for refused in self._learner.refused():
            self._reject(refused)
        if self._form is None:
            self.trouble = self._learner.trouble
            return []
        self._begin(self._form)
        learned_from = self._learner.done()
        return [row for one, its_size in learned_from for row in self._read(one, its_size)]

    def _begin(self, form: Form) -> None:
        self.trouble = ""
        if form.readings:
            period = period_of(form.readings)
            self._clock = LineClock(period)
            self._pace = Pace(period, told=self._rate_hz is not None)
        elif self._rate_hz is not None:
            self._stream = stream_of(self._rate_hz, form.channels, clock=False)
        else:
            self.trouble = (
                "its lines have no clock in front, so they do not say how many come in a second: "
                "give --rate"
            )

    def _measure(self, rows: list[Row], size: int) -> list[Row]:
        """Lines that came before the rate is known -> all of them, once it is."""
        assert self._form is not None
        assert self._pace is not None
        known = False
        for row in rows:
            if not self._pace.follows(row):
                self._reject(self._early_bytes)
                self._early, self._early_bytes = [], 0
            self._early.append(row)
            self._early_bytes += size
            known = self._pace.add(row)
        if not known:
            return []
        pace, self._pace = self._pace, None
        early, self._early, self._early_bytes = self._early, [], 0
        measured_hz = rate_of(pace.period, pace.error)
        if self._rate_hz is not None and not may_be(self._rate_hz, pace.period):
            self.trouble = (
                f"the clock in its lines says {measured_hz:g} Hz, and --rate "
                f"{self._rate_hz:g}: leave --rate out"
            )
            return []
        rate_hz = self._rate_hz or measured_hz
        self._stream = stream_of(rate_hz, self._form.channels, clock=True)
        return early

    def _read(self, text: bytes, size: int) -> list[Row]:
        assert self._form is not None
        if self._stream is None and self._pace is None:
            return []
        numbers = self._form.read(text)
        if numbers is None:
            self.malformed += 1
            self._reject(size)
            return []
        if self._clock is None:
            self._in_lock = True
            self._number += 1
            return [Row(self._number, numbers)]
        rows = self._clock.take(Line(numbers[0], numbers[1:], size))
        while self._clock.refused:
            self.malformed += 1
            self._reject(self._clock.refused.pop())
        self._in_lock = self._in_lock or bool(rows)
        return rows if self._pace is None else self._measure(rows, size)

    def _reject(self, n_bytes: int) -> None:
        self.rejected_bytes += n_bytes
        self.resyncs += self._in_lock
        self._in_lock = False


def stream_of(rate_hz: float, channels: int, *, clock: bool) -> Stream:
    """What such lines hold. Their scale, range and zero cannot be told from them.

    Microvolts are at the converter, above 0 V, as if it had 12 bits over 3.3 V. The range is that
    of 24 bits, so a converter of fewer is not seen at its rails.
    """
    return Stream(
        sample_rate_hz=rate_hz,
        n_channels=channels,
        microvolts_per_count=_MICROVOLTS_PER_COUNT,
        lowest_count=-LARGEST_COUNT,
        highest_count=LARGEST_COUNT,
        turn=TURN if clock else 0,
    )


def _frames(rows: list[Row]) -> list[Frames]:
    starts = [n for n, row in enumerate(rows) if n == 0 or row.restarted]
    ends = [*starts[1:], len(rows)]
    return [_stretch(rows[start:end]) for start, end in zip(starts, ends, strict=False)]


def _stretch(rows: list[Row]) -> Frames:
    number = np.array([row.number % TURN for row in rows], np.int64)
    counts = np.array([row.counts for row in rows], np.int32)
    return Frames(number, counts, restarted=rows[0].restarted)


def encode(
    counts: ArrayLike,
    first_counter: int = 0,
    *,
    ticks: int | None = 4,
    checksum: bool = False,
) -> list[bytes]:
    """(time, channel) counts -> lines, one a sample, with commas between.

    ticks     of the clock from line to line, and the clock's reading at sample 1; None: no clock
    checksum  end each line in * and the exclusive or of all bytes before it, as NMEA 0183 does
    Raises ValueError for counts of another shape.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or not table.shape[1]:
        raise ValueError(f"counts must be (time, 1 or more), got {table.shape}")
    lines = []
    for n, row in enumerate(table.tolist(), start=first_counter):
        clock = [] if ticks is None else [n * ticks % TURN]
        line = ",".join(map(str, [*clock, *row])).encode()
        if checksum:
            line += b"*%02X" % reduce(xor, line)
        lines.append(line + b"\r\n")
    return lines


def text(wishes: Wishes) -> Device:
    """A board whose sketch prints numbers. Raises PortError for a wish that it cannot meet."""
    refuse_wishes(_TITLE, wishes, "rate_hz", "channels")
    return Device(
        name="text",
        title=_TITLE,
        bauds=(115200, 921600, 230400, 9600),
        hello=(),
        goodbye=b"",
        check="its sketch prints lines of whole numbers at 115200 baud",
        loss="seen as well as the clock in front of each line can tell; not at all without one",
        reader=lambda _: TextReader(wishes.rate_hz, wishes.channels),
    )
