"""Counts and facts in, frames of our own protocol out: what firmware does, for tests and boards."""

import struct
from binascii import crc_hqx
from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_bridge import cobs
from firmware_bridge.devices.edgeemg_frames import (
    CRC_BYTES,
    CRC_START,
    DATA,
    DATA_FIELDS,
    DELIMITER,
    INFO,
    INFO_FIELDS,
    LONGEST,
    MOST_SAMPLES,
    NAME_BYTES,
    TURN,
    VERSION,
    WIDTHS,
    Data,
    Info,
    Refused,
    decode,
)
from firmware_bridge.frames import Stream

_FRAME_S = 0.01  # samples of this time go into one frame, where they fit


def info_of(
    stream: Stream,
    *,
    name: str = "",
    firmware: tuple[int, int, int] = (0, 0, 0),
    boot_id: int = 0,
) -> Info:
    """INFO of a sensor that sends this: the narrowest format, frames of 10 ms where they fit.

    Raises ValueError for what INFO cannot say.
    """
    scale = _fraction(stream.microvolts_per_count * 1000)
    needed = max(-stream.lowest_count, stream.highest_count + 1)
    kinds = [kind for kind, width in WIDTHS.items() if needed <= 1 << (8 * width - 1)]
    if not kinds:
        raise ValueError(f"counts must fit 32 bits, got up to {needed}")
    room = LONGEST - DATA_FIELDS.size - CRC_BYTES
    fitting = room // (stream.n_channels * WIDTHS[kinds[0]])
    return Info(
        n_channels=stream.n_channels,
        n_samples=min(MOST_SAMPLES, fitting, max(1, int(stream.sample_rate_hz * _FRAME_S))),
        format=kinds[0],
        rate_mhz=round(stream.sample_rate_hz * 1000),
        scale_num=scale.numerator,
        scale_den=scale.denominator,
        lowest=stream.lowest_count,
        highest=stream.highest_count,
        zero=stream.zero_count,
        boot_id=boot_id,
        firmware=firmware,
        name=name,
    )


def _fraction(value: float) -> Fraction:
    """The shortest fraction of two 32-bit numbers that is this float, else the nearest one."""
    best = Fraction(0)
    for digits in range(10):
        found = Fraction(value).limit_denominator(10**digits)
        if not 0 < found.numerator < TURN:
            continue
        best = found
        if float(found) == value:
            break
    if not best:
        raise ValueError(f"a count must be 1e-9 to 4e9 nanovolts, got {value:g}")
    return best


def packed(counts: ArrayLike, kind: int) -> bytes:
    """(time, channel) counts -> packed. Raises ValueError for counts that the format cannot say."""
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    bound = 1 << 8 * WIDTHS[kind] - 1
    if table.size and (table.min() < -bound or table.max() >= bound):
        raise ValueError(f"counts must fit {8 * WIDTHS[kind]} bits, got up to {table.max()}")
    octets = table.astype("<i8").view(np.uint8).reshape(-1, 8)
    return octets[:, : WIDTHS[kind]].tobytes()


def encode_data(data: Data) -> bytes:
    """A DATA frame as it goes on the wire, delimiter and all.

    Raises ValueError where no receiver would take it.
    """
    try:
        head = DATA_FIELDS.pack(VERSION, DATA, *data[:-1])
    except struct.error as error:
        raise ValueError(f"a field of {data[:-1]} is out of its range: {error}") from error
    return _on_the_wire(head + data.samples)


def encode_info(info: Info) -> bytes:
    """An INFO frame as it goes on the wire, delimiter and all.

    Raises ValueError where no receiver would take it.
    """
    if len(info.name) > NAME_BYTES:
        raise ValueError(f"a name must fit {NAME_BYTES} bytes, got {info.name!r}")
    head = (info.n_channels, info.n_samples, info.format, int(info.streaming), info.boot_id)
    scale = (info.rate_mhz, info.scale_num, info.scale_den, info.zero, info.lowest, info.highest)
    state = (info.overruns, info.time_us, *info.firmware, 0)
    try:
        raw = INFO_FIELDS.pack(VERSION, INFO, *head, *scale, *state, info.name.encode("ascii"))
    except struct.error as error:
        raise ValueError(f"a field of {info} is out of its range: {error}") from error
    return _on_the_wire(raw)


def _on_the_wire(body: bytes) -> bytes:
    piece = cobs.encode(body + crc_hqx(body, CRC_START).to_bytes(CRC_BYTES, "little"))
    try:
        decode(piece)
    except Refused as verdict:
        raise ValueError(f"no receiver would take this frame: {verdict}") from verdict
    return piece + DELIMITER


def encode(
    counts: ArrayLike,
    first_counter: int = 0,
    *,
    info: Info,
    off_mask: int = 0,
    lost_before: bool = False,
) -> list[bytes]:
    """(time, channel) counts -> DATA frames of `info.n_samples`; the last one may hold fewer.

    first_counter  number of the first sample, taken modulo 2**32
    lost_before    samples were lost in the sensor just before the first
    Raises ValueError for counts of another shape, or beyond the format.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != info.n_channels:
        raise ValueError(f"counts must be (time, {info.n_channels}), got {table.shape}")
    frames = []
    for row in range(0, len(table), info.n_samples):
        rows = table[row : row + info.n_samples]
        index = first_counter + row
        data = Data(
            n_channels=info.n_channels,
            n_samples=len(rows),
            format=info.format,
            flags=int(lost_before and row == 0),
            boot_id=info.boot_id,
            sample_index=index % TURN,
            time_us=index * 10**9 // info.rate_mhz % TURN,
            off_mask=off_mask,
            samples=packed(rows, info.format),
        )
        frames.append(encode_data(data))
    return frames
