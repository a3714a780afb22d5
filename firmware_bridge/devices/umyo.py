"""uMyo with its USB base: records of 65 bytes with 8 samples each in, frames out, and back.

    0x4F 0xD5 | signal | id | 62 | unit u32 | 0x88 | ... | 0 | batch | 8 x int16 | 34 bytes more

All big-endian. Layout: uMyo's prepare_data_packet and uMyo_python_tools. The length, the kind and
a zero are all that shows damage; `batch` is the number of the record.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_bridge.frames import Device, Frames, Stream, Wishes, refuse_wishes
from firmware_bridge.sliding import SlidingReader, Table

HEAD = b"\x4f\xd5"
SAMPLES = 8  # of a record
RECORD_BYTES = 65
_TURN = 256  # records
TURN = _TURN * SAMPLES
_LENGTH, _KIND = 46 + 2 * SAMPLES, 0x80 + SAMPLES
_UNIT = slice(5, 9)
_ZERO, _BATCH = 13, 14
_COUNTS = slice(15, 15 + 2 * SAMPLES)
_TITLE = "uMyo USB base"
_RATE_HZ = 1116.0


class UmyoReader(SlidingReader):
    """Finds records by their marks; see FrameReader.

    The first unit that is heard is the one that is read: records of others are rejected.

    unit  its number; None until it was heard
    """

    def __init__(self, rate_hz: float = _RATE_HZ) -> None:
        super().__init__(RECORD_BYTES, turn=_TURN, head=HEAD, further=_TURN // 8)
        self.stream: Stream | None = stream_of(rate_hz)
        self.unit: int | None = None
        self._unit = np.zeros(4, np.uint8)

    def feed(self, chunk: bytes) -> list[Frames]:
        """The samples of the records that this chunk completes: counts (n, 1)."""
        if self.unit is None:
            chunk = self._choose(chunk)
        if self.unit is None:
            return []
        return [_decoded(run) for run in self._find(chunk)]

    def _looks(self, table: Table) -> NDArray[np.bool_]:
        good: NDArray[np.bool_] = _marked(table) & (table[:, _UNIT] == self._unit).all(axis=1)
        return good

    def _counters(self, table: Table) -> NDArray[np.int64]:
        return table[:, _BATCH].astype(np.int64)

    def _proof(self, rejected: int | None, step: int) -> int:
        # at the start two were on end already
        return 1 if rejected is None else self._proof_by_room(rejected, step)

    def _choose(self, chunk: bytes) -> bytes:
        """Look for two records on end; what is to be read once they are found."""
        buffer, self._held = self._held + chunk, b""
        at = buffer.find(HEAD)
        while at >= 0 and at + 2 * RECORD_BYTES <= len(buffer):
            two = np.frombuffer(buffer, np.uint8, 2 * RECORD_BYTES, at).reshape(2, -1)
            if _marked(two).all():
                self.unit = int.from_bytes(two[0, _UNIT].tobytes(), "big")
                self._unit = two[0, _UNIT]
                self._reject(buffer, 0, at)
                return buffer[at:]
            at = buffer.find(HEAD, at + 1)
        keep = at if at >= 0 else max(len(buffer) - 1, 0)
        self._reject(buffer, 0, keep)
        self._held = buffer[keep:]
        return b""


def _marked(table: Table) -> NDArray[np.bool_]:
    """(n, RECORD_BYTES) -> (n,): whether each could be a record of any unit."""
    good: NDArray[np.bool_] = (
        (table[:, 0] == HEAD[0])
        & (table[:, 1] == HEAD[1])
        & (table[:, 4] == _LENGTH)
        & (table[:, 9] == _KIND)
        & (table[:, _ZERO] == 0)
    )
    return good


def _decoded(run: Table) -> Frames:
    samples = np.ascontiguousarray(run[:, _COUNTS]).view(">i2")
    number = run[:, _BATCH].astype(np.int64)[:, None] * SAMPLES + np.arange(SAMPLES)
    return Frames(number.ravel(), samples.astype(np.int32).reshape(-1, 1))


def stream_of(rate_hz: float = _RATE_HZ) -> Stream:
    """What a unit sends.

    Microvolts are at the converter of its nRF52, 14 bits over 3.6 V, its default: the unit's own
    amplifier is not told.
    """
    return Stream(
        sample_rate_hz=rate_hz,
        n_channels=1,
        microvolts_per_count=3.6 / (1 << 14) * 1e6,
        lowest_count=-32767,
        highest_count=32767,
        turn=TURN,
    )


def encode(counts: ArrayLike, first_counter: int = 0, *, unit: int = 0x12345678) -> list[bytes]:
    """(time, 1) counts -> records of 8 samples, all but samples and marks zero.

    first_counter  number of the first sample, of which the batch is made, modulo 256
    Raises ValueError for counts or numbers that do not make whole batches, or are beyond 16 bits.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != 1 or len(table) % SAMPLES or first_counter % SAMPLES:
        raise ValueError(f"counts must be (whole batches of {SAMPLES}, 1), got {table.shape}")
    if table.size and (table.min() < -32768 or table.max() > 32767):
        raise ValueError(f"counts must fit 16 bits, got {table.min()}..{table.max()}")
    records = np.zeros((len(table) // SAMPLES, RECORD_BYTES), np.uint8)
    records[:, :2] = list(HEAD)
    records[:, 4] = _LENGTH
    records[:, _UNIT] = list(unit.to_bytes(4, "big"))
    records[:, 9] = _KIND
    first_batch = first_counter // SAMPLES
    records[:, _BATCH] = (first_batch + np.arange(len(records))) % 256
    records[:, 3] = records[:, _BATCH] % 129
    records[:, _COUNTS] = table.astype(">i2").view(np.uint8).reshape(-1, 2 * SAMPLES)
    return [row.tobytes() for row in records]


def umyo(wishes: Wishes) -> Device:
    """A uMyo and its USB base. Raises PortError for a wish that it cannot meet."""
    refuse_wishes(_TITLE, wishes, "rate_hz")
    rate_hz = wishes.rate_hz or _RATE_HZ
    return Device(
        name="umyo",
        title=_TITLE,
        bauds=(921600,),
        hello=(),
        goodbye=b"",
        check="one uMyo is switched on, and in the mode for its USB base",
        loss="seen: every batch of 8 samples is counted, modulo 256",
        reader=lambda _: UmyoReader(rate_hz),
        stream=stream_of(rate_hz),
    )
