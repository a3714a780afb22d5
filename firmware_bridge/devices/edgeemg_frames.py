"""Bytes between two delimiters in, one checked frame of our own protocol out.

PROTOCOL.md has the layout and the order of checks; golden/ has the same as bytes.
"""

import struct
from binascii import crc_hqx
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from firmware_bridge import cobs
from firmware_bridge.frames import Stream

VERSION = 1
DATA, INFO = 1, 2  # types of frame
WIDTHS = {1: 2, 2: 3, 3: 4}  # format -> bytes a count
DELIMITER = b"\0"

MOST_CHANNELS, MOST_SAMPLES = 32, 64  # in a frame
NAME_BYTES = 16
LONGEST_PIECE = 254  # bytes between delimiters: one block of COBS
TURN = 1 << 32  # of sample_index and time_us

_SHORTEST, LONGEST = 24, LONGEST_PIECE - 1  # bytes of a frame with its CRC
CRC_START = 0xFFFF
CRC_BYTES = 2
DATA_FIELDS = struct.Struct("<6BHIII")
_HEAD, _FACTS = "6BH", "3I3i2I4B16s"
INFO_FIELDS = struct.Struct(f"<{_HEAD}{_FACTS}")
# read in two: CPython 3.11 keeps the memory of freed tuples of exactly 20, and never uses it again
_INFO_HEAD, _INFO_FACTS = struct.Struct(f"<{_HEAD}"), struct.Struct(f"<{_FACTS}")
_INFO_BYTES = INFO_FIELDS.size + CRC_BYTES
_FLAG = 1  # the only bit of flags that has a meaning


class Refused(Exception):  # noqa: N818  # a verdict on bytes: counted, never seen by a user
    """These bytes are no frame: cobs, length, crc, version, type or fields, as PROTOCOL.md says."""


class Data(NamedTuple):
    """A DATA frame.

    flags    bit 0: samples were lost in the sensor just before
    samples  packed counts: sample by sample, channel by channel
    """

    n_channels: int
    n_samples: int
    format: int
    flags: int
    boot_id: int
    sample_index: int
    time_us: int
    off_mask: int
    samples: bytes


@dataclass(frozen=True, slots=True)
class Info:
    """An INFO frame: what the sensor is, and what it sends.

    n_samples             of a DATA frame
    rate_mhz              thousandths of a sample a second
    scale_num, scale_den  nanovolts a count, as a fraction
    lowest, highest       counts at these or beyond are the ends of the range
    zero                  the count of 0 microvolts
    overruns              samples taken and never sent, since boot
    """

    n_channels: int
    n_samples: int
    format: int
    rate_mhz: int
    scale_num: int
    scale_den: int
    lowest: int
    highest: int
    zero: int = 0
    streaming: bool = False
    boot_id: int = 0
    overruns: int = 0
    time_us: int = 0
    firmware: tuple[int, int, int] = (0, 0, 0)
    name: str = ""

    @property
    def stream(self) -> Stream:
        """What a model and a recording depend on."""
        return Stream(
            sample_rate_hz=self.rate_mhz / 1000,
            n_channels=self.n_channels,
            microvolts_per_count=self.scale_num / self.scale_den / 1000,
            lowest_count=self.lowest,
            highest_count=self.highest,
            turn=TURN,
            zero_count=self.zero,
        )

    @property
    def facts(self) -> Self:
        """All that must stay the same until the sensor boots again."""
        return replace(self, streaming=False, overruns=0, time_us=0)


def decode(piece: bytes) -> Data | Info:
    """The frame that stood between two delimiters. Raises Refused with the verdict."""
    if len(piece) > LONGEST_PIECE:
        raise Refused("length")
    raw = cobs.decode(piece)
    if raw is None:
        raise Refused("cobs")
    if not _SHORTEST <= len(raw) <= LONGEST:
        raise Refused("length")
    if crc_hqx(raw[:-CRC_BYTES], CRC_START) != raw[-2] | raw[-1] << 8:
        raise Refused("crc")
    if raw[0] != VERSION:
        raise Refused("version")
    if raw[1] == DATA:
        return _data(raw)
    if raw[1] == INFO:
        return _info(raw)
    raise Refused("type")


def leading_bytes(piece: bytes) -> int:
    """How much of a piece a frame at its start would be, by its own head; 0: there is none.

    None of the first five bytes of a frame is 0, so COBS leaves them as they are.
    """
    if len(piece) <= 5 or piece[1] != VERSION:
        return 0
    if piece[2] == INFO:
        return 1 + _INFO_BYTES
    if piece[2] != DATA:
        return 0
    return 1 + DATA_FIELDS.size + piece[3] * piece[4] * WIDTHS.get(piece[5], 0) + CRC_BYTES


def _data(raw: bytes) -> Data:
    head = DATA_FIELDS.unpack_from(raw)
    _, _, n_channels, n_samples, kind, flags, _, _, _, off_mask = head
    if not _is_shape(n_channels, n_samples, kind, flags) or off_mask >> n_channels:
        raise Refused("fields")
    if len(raw) != DATA_FIELDS.size + n_channels * n_samples * WIDTHS[kind] + CRC_BYTES:
        raise Refused("length")
    return Data._make((*head[2:], raw[DATA_FIELDS.size : -CRC_BYTES]))


def _info(raw: bytes) -> Info:
    if len(raw) != _INFO_BYTES:
        raise Refused("length")
    _, _, n_channels, n_samples, kind, flags, boot_id = _INFO_HEAD.unpack_from(raw)
    facts = _INFO_FACTS.unpack_from(raw, _INFO_HEAD.size)
    rate_mhz, scale_num, scale_den, zero, lowest, highest, overruns, time_us = facts[:8]
    *firmware, reserved, name = facts[8:]
    shaped = _is_shape(n_channels, n_samples, kind, flags)
    if not shaped or n_channels * n_samples * WIDTHS[kind] > LONGEST - DATA_FIELDS.size - CRC_BYTES:
        raise Refused("fields")
    if not (rate_mhz and scale_num and scale_den) or lowest >= highest or reserved:
        raise Refused("fields")
    return Info(
        n_channels=n_channels,
        n_samples=n_samples,
        format=kind,
        rate_mhz=rate_mhz,
        scale_num=scale_num,
        scale_den=scale_den,
        lowest=lowest,
        highest=highest,
        zero=zero,
        streaming=bool(flags),
        boot_id=boot_id,
        overruns=overruns,
        time_us=time_us,
        firmware=(firmware[0], firmware[1], firmware[2]),
        name=name.rstrip(b"\0").decode("ascii", "replace"),
    )


def _is_shape(n_channels: int, n_samples: int, kind: int, flags: int) -> bool:
    return (
        1 <= n_channels <= MOST_CHANNELS
        and 1 <= n_samples <= MOST_SAMPLES
        and kind in WIDTHS
        and flags <= _FLAG
    )


def counts_of(packed: bytes, n_channels: int, kind: int) -> NDArray[np.int32]:
    """Packed counts -> (time, channel)."""
    if kind == 1:
        return np.frombuffer(packed, "<i2").astype(np.int32).reshape(-1, n_channels)
    if kind == 3:
        return np.frombuffer(packed, "<i4").astype(np.int32).reshape(-1, n_channels)
    wide = np.zeros((len(packed) // 3, 4), np.uint8)
    wide[:, 1:] = np.frombuffer(packed, np.uint8).reshape(-1, 3)
    # the 24 bits stand at the top of 32: shifting down extends the sign
    return (wide.view("<i4")[:, 0].astype(np.int32) >> 8).reshape(-1, n_channels)
