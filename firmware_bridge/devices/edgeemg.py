"""Sensors that speak our own protocol: bytes in, frames out, with every loss numbered.

What is on the wire is in PROTOCOL.md; single frames are read by `edgeemg_frames`.
"""

import numpy as np
from numpy.typing import NDArray

from firmware_bridge.devices.edgeemg_frames import (
    DELIMITER,
    LONGEST_PIECE,
    TURN,
    Data,
    Info,
    Refused,
    counts_of,
    decode,
    leading_bytes,
)
from firmware_bridge.frames import Ask, Device, Frames, Stream, Wishes, refuse_wishes

START = b"b"
STOP = b"s"
REPORT = b"i"

# of a sensor that does not stream: the code byte before the zero of flags, version, type
_INFO_BEGINS = b"\x06\x01\x02"
_SANE_S = 10.0  # a step of the index within this, forth or back, needs no further proof

_LONGEST_HELD = 2 * LONGEST_PIECE + 2  # bytes: two frames without their delimiters


class EdgeemgReader:
    """Takes what passes every check; all else is counted, never raised. See FrameReader.

    greeting  what the sensor said before: INFO is learned from it, DATA in it is passed over

    info      the INFO in force: DATA must be of its shape and its boot_id. It changes only when
              DATA with the boot_id of another INFO comes: then the sensor began anew
    """

    def __init__(self, greeting: bytes = b"") -> None:
        self.info: Info | None = None
        self._announced: Info | None = None  # of another boot than the DATA so far
        self._expected: int | None = None  # sample_index that follows on the last frame
        self._suspect: int | None = None  # that follows on a frame refused for its index alone
        self._held = b""
        self._runs: list[list[Data]] = []
        self._restarts: list[bool] = []  # for each run, whether the sensor began anew before it
        self._reset_counts()
        self.feed(greeting)
        self.info = self._announced or self.info
        self._announced = self._expected = self._suspect = None
        self._reset_counts()

    def _reset_counts(self) -> None:
        self.rejected_bytes = 0
        self.resyncs = 0
        self.malformed = 0
        self._in_lock = True  # a stream starts with a frame
        self._noise_since = False  # since the last DATA

    @property
    def stream(self) -> Stream | None:
        """What the INFO in force says; None before the first one."""
        return self.info.stream if self.info else None

    @property
    def overruns(self) -> int:
        """Samples that the sensor took and never sent, from its boot to the last INFO."""
        return self.info.overruns if self.info else 0

    @property
    def about(self) -> str:
        """Name and version of the firmware; empty before the first INFO."""
        if self.info is None:
            return ""
        return f"{self.info.name} {'.'.join(map(str, self.info.firmware))}".strip()

    @property
    def held_bytes(self) -> int:
        """Bytes of a piece that is not over yet: at most 510."""
        return len(self._held)

    def feed(self, chunk: bytes) -> list[Frames]:
        """The frames that this chunk completes: counts (n, channel), in stretches without noise."""
        *pieces, held = (self._held + chunk).split(DELIMITER)
        for piece in pieces:
            if piece:
                self._take_piece(piece)
        held = self._take_merged(held, _LONGEST_HELD)
        # what is kept of noise is enough to refuse the rest of it, up to the delimiter
        self._reject(max(0, len(held) - _LONGEST_HELD))
        self._held = held[:_LONGEST_HELD]
        frames = [
            _frames(run, restarted)
            for run, restarted in zip(self._runs, self._restarts, strict=True)
        ]
        self._runs, self._restarts = [], []
        return frames

    def _take_piece(self, piece: bytes) -> None:
        frame = _read(piece)
        if frame is not None:
            self._take(frame, len(piece) + 1)
            return
        rest = self._take_merged(piece, 0)
        if rest:
            self._refuse(len(rest) + 1)

    def _take_merged(self, piece: bytes, longest: int) -> bytes:
        """Frames whose delimiter was lost, or changed, from the start of a piece -> what is left.

        longest  where no more than this is left, it may wait
        """
        at = 0
        while len(piece) - at > longest:
            size = leading_bytes(piece[at : at + LONGEST_PIECE])
            frame = _read(piece[at : at + size])
            if frame is None:
                break
            self._take(frame, size)
            at += size
            ahead = piece[at : at + LONGEST_PIECE]
            if not leading_bytes(ahead) and leading_bytes(ahead[1:]):
                self._reject(1)
                at += 1
        return piece[at:]

    def _take(self, frame: Data | Info, n_bytes: int) -> None:
        """n_bytes  what it took on the wire"""
        if isinstance(frame, Info):
            taken = self._take_info(frame)
        elif self.info is None:
            self._reject(n_bytes)  # not malformed, but what it says is not known
            return
        else:
            taken = self._take_data(frame, self.info)
        if not taken:
            self._refuse(n_bytes)
            return
        self._in_lock = True

    def _take_info(self, info: Info) -> bool:
        begun = self._expected is not None
        if self.info is None or (not begun and info.boot_id != self.info.boot_id):
            self.info = info
            return True
        if info.boot_id != self.info.boot_id:
            self._announced = info
            return True
        if info.facts != self.info.facts:
            return False
        self.info = info
        return True

    def _take_data(self, data: Data, info: Info) -> bool:
        restarted = False
        if data.boot_id != info.boot_id:
            if self._announced is None or data.boot_id != self._announced.boot_id:
                return False
            info = self._announced
            restarted = True
        if (data.n_channels, data.format) != (info.n_channels, info.format):
            return False
        if restarted:
            self.info, self._announced, self._expected = info, None, None
        elif self._expected is not None and not self._is_near(data, self._expected, info):
            return self._take_suspect(data, info)
        self._append(data, restarted=restarted)
        return True

    def _is_near(self, data: Data, expected: int, info: Info) -> bool:
        sane = int(_SANE_S * info.rate_mhz / 1000) + data.n_samples
        return (data.sample_index - expected + sane) % TURN <= 2 * sane

    def _take_suspect(self, data: Data, info: Info) -> bool:
        """One frame with an index from far away is damage; two that follow each other are not."""
        assert self._expected is not None
        if self._suspect is None or not self._is_near(data, self._suspect, info):
            self._suspect = (data.sample_index + data.n_samples) % TURN
            return False
        backwards = (data.sample_index - self._expected) % TURN >= TURN // 2
        self._append(data, restarted=backwards)
        return True

    def _append(self, data: Data, *, restarted: bool) -> None:
        if restarted or self._noise_since or not self._runs:
            self._runs.append([])
            self._restarts.append(restarted)
            self._noise_since = False
        self._runs[-1].append(data)
        self._expected = (data.sample_index + data.n_samples) % TURN
        self._suspect = None

    def _refuse(self, n_bytes: int) -> None:
        self.malformed += 1
        self._reject(n_bytes)

    def _reject(self, n_bytes: int) -> None:
        if not n_bytes:
            return
        self.rejected_bytes += n_bytes
        self.resyncs += self._in_lock
        self._in_lock = False
        self._noise_since = True


def _read(piece: bytes) -> Data | Info | None:
    try:
        return decode(piece)
    except Refused:
        return None


def _frames(run: list[Data], restarted: bool) -> Frames:
    first = run[0]
    lengths: NDArray[np.int64] = np.array([data.n_samples for data in run], np.int64)
    begins: NDArray[np.int64] = np.array([data.sample_index for data in run], np.int64)
    rows_before = np.cumsum(lengths) - lengths
    counter = np.repeat(begins - rows_before, lengths) + np.arange(lengths.sum())
    packed = b"".join([data.samples for data in run])
    return Frames(
        counter=counter % TURN,
        counts=counts_of(packed, first.n_channels, first.format),
        off=_off(run, lengths, first.n_channels),
        restarted=restarted,
    )


def _off(run: list[Data], lengths: NDArray[np.int64], n_channels: int) -> NDArray[np.bool_] | None:
    """(n, channel), or None where every electrode is on."""
    if not any(data.off_mask for data in run):
        return None
    masks: NDArray[np.int64] = np.array([data.off_mask for data in run], np.int64)
    off: NDArray[np.bool_] = (masks[:, None] >> np.arange(n_channels)) & 1 == 1
    return np.repeat(off, lengths, axis=0)


def edgeemg(wishes: Wishes) -> Device:
    """A sensor that speaks our protocol. Raises PortError for a wish: it says all by itself."""
    refuse_wishes("edgeemg sensor", wishes)
    return Device(
        name="edgeemg",
        title="edgeemg sensor",
        bauds=(1_000_000, 500_000, 115_200),
        hello=(
            # an earlier run may have left it streaming
            Ask(STOP, within_s=0.5),
            # many boards reset when their port is opened, and are deaf for a second or two
            Ask(STOP + REPORT, begins=_INFO_BEGINS, ends=DELIMITER, within_s=3.0, again_s=0.5),
            Ask(START),
        ),
        goodbye=STOP,
        check="the board is powered and runs firmware that speaks this protocol",
        loss="seen: every sample has a number of 32 bits, counted when it is taken",
        reader=EdgeemgReader,
        poke=START,
    )
