"""Payloads in, checked blocks of bytes out; bytes in, the blocks that survived out.

    magic 4 | payload length u32 | block_seq u32 | first_index u64 | payload | crc32 u32

Little-endian; the CRC-32 (zlib's) is over all bytes before it. The kind of a block is its magic,
which begins with a byte that no JSON of ours holds:

    header  JSON: what a `JournalHeader` holds; written again after a second, every minute and at
            the end, so that one lost block does not cost the recording; first_index is 0
    samples `rows u32 | channels u32 | float32 (rows, channels) | validity, one bit a value`;
            rows that follow each other, the first one is first_index
    event   JSON: a mark or a note; first_index is the sample index that it belongs to
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["header", "samples", "event"]
MAGIC: dict[Kind, bytes] = {"header": b"\xe5mgH", "samples": b"\xe5mgS", "event": b"\xe5mgE"}
_KINDS = {magic: kind for kind, magic in MAGIC.items()}
_FIRST_BYTE = b"\xe5"
_HEAD = struct.Struct("<4sIIQ")
_CRC = struct.Struct("<I")
_SHAPE = struct.Struct("<II")
_LARGEST_INDEX = 2**62  # as in the tables beside a BDF
LARGEST_PAYLOAD = 1 << 22  # bytes; a second of 64 channels at 8 kHz is half of it
OVERHEAD = _HEAD.size + _CRC.size


@dataclass(frozen=True, slots=True)
class Block:
    """One whole block, its checksum seen to be right. `at` is its place in the file, bytes."""

    kind: Kind
    seq: int
    first_index: int
    payload: bytes
    at: int


@dataclass(slots=True)
class Damage:
    """Stretches of a file that are no block: (place, bytes) each, in order."""

    stretches: list[tuple[int, int]] = field(default_factory=list)

    @property
    def lost_bytes(self) -> int:
        """Bytes that belong to no whole block."""
        return sum(length for _, length in self.stretches)


def pack_block(kind: Kind, seq: int, first_index: int, payload: bytes) -> bytes:
    """One block. The payload must not be longer than LARGEST_PAYLOAD."""
    assert len(payload) <= LARGEST_PAYLOAD, len(payload)
    body = _HEAD.pack(MAGIC[kind], len(payload), seq, first_index) + payload
    return body + _CRC.pack(zlib.crc32(body))


def scan_blocks(content: bytes, damage: Damage) -> Iterator[Block]:
    """Every whole block of a file in order; what lies between them is added to `damage`.

    After a bad block it goes on at the next magic whose block is whole. Never raises.
    """
    at = 0
    while at < len(content):
        block = _block_at(content, at)
        if block is None:
            after = _next_block(content, at + 1)
            damage.stretches.append((at, after - at))
            at = after
            continue
        yield block
        at += OVERHEAD + len(block.payload)


def pack_samples(microvolts: NDArray[np.float32], valid: NDArray[np.bool_]) -> bytes:
    """(rows, channel) microvolts and validity -> the payload of a samples block."""
    values = np.ascontiguousarray(microvolts, dtype="<f4")
    return _SHAPE.pack(*values.shape) + values.tobytes() + np.packbits(valid).tobytes()


def unpack_samples(payload: bytes) -> tuple[NDArray[np.float32], NDArray[np.bool_]] | None:
    """The payload of a samples block -> microvolts and validity; None where it is not one."""
    if len(payload) < _SHAPE.size:
        return None
    rows, channels = _SHAPE.unpack_from(payload)
    n = rows * channels
    if not n or len(payload) != _SHAPE.size + 4 * n + (n + 7) // 8:
        return None
    values = np.frombuffer(payload, "<f4", n, _SHAPE.size).astype(np.float32, copy=False)
    bits = np.frombuffer(payload, np.uint8, offset=_SHAPE.size + 4 * n)
    valid = np.unpackbits(bits, count=n).astype(np.bool_)
    return values.reshape(rows, channels), valid.reshape(rows, channels)


def samples_bytes(rows: int, channels: int) -> int:
    """Size of the block that holds so many samples."""
    n = rows * channels
    return OVERHEAD + _SHAPE.size + 4 * n + (n + 7) // 8


def _next_block(content: bytes, start: int) -> int:
    """Where the next whole block begins, or the end of the file."""
    while True:
        at = content.find(_FIRST_BYTE, start)
        if at < 0:
            return len(content)
        if _block_at(content, at) is not None:
            return at
        start = at + 1


def _block_at(content: bytes, at: int) -> Block | None:
    if len(content) - at < OVERHEAD:
        return None
    magic, length, seq, first_index = _HEAD.unpack_from(content, at)
    if magic not in _KINDS or length > LARGEST_PAYLOAD or first_index > _LARGEST_INDEX:
        return None
    end = at + _HEAD.size + length
    if end + _CRC.size > len(content):
        return None
    body = content[at:end]
    if zlib.crc32(body) != _CRC.unpack_from(content, end)[0]:
        return None
    return Block(_KINDS[magic], seq, first_index, body[_HEAD.size :], at)
