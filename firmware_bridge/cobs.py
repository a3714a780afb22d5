"""Bytes in, the same bytes without a zero out, and back: COBS.

S. Cheshire and M. Baker, Consistent Overhead Byte Stuffing, IEEE/ACM Transactions on Networking
7(2), 1999. A zero byte can then end a frame, and occurs nowhere else.
"""

_LONGEST_BLOCK = 254  # bytes without a zero that one code byte can announce
_NO_ZERO = 0xFF  # the code of such a block: no zero stood behind it


def encode(plain: bytes) -> bytes:
    """Any bytes -> bytes without a zero, at least one; the delimiter is left to the caller.

    Canonical: no code byte is spent on nothing behind a last block of 254 bytes.
    """
    *before, last = plain.split(b"\0")
    encoded = bytearray()
    for part in before:
        _append_block(encoded, _append_full_blocks(encoded, part))
    tail = _append_full_blocks(encoded, last)
    if tail or not last:
        _append_block(encoded, tail)
    return bytes(encoded)


def _append_full_blocks(encoded: bytearray, part: bytes) -> bytes:
    """What is left of `part` for a block that is not full."""
    while len(part) >= _LONGEST_BLOCK:
        encoded.append(_NO_ZERO)
        encoded += part[:_LONGEST_BLOCK]
        part = part[_LONGEST_BLOCK:]
    return part


def _append_block(encoded: bytearray, part: bytes) -> None:
    encoded.append(len(part) + 1)
    encoded += part


def decode(encoded: bytes) -> bytes | None:
    """What was encoded; None where these bytes, without a delimiter, are no COBS.

    In up to 254 bytes no block can be full, so each code byte stands in the place of a zero:
    they are written over, and nothing moves.
    """
    if not encoded or b"\0" in encoded:
        return None
    if len(encoded) > _LONGEST_BLOCK:
        return _decode_blocks(encoded)
    plain = bytearray(encoded)
    at, end = 0, len(plain)
    while at < end:
        step = plain[at]
        plain[at] = 0
        at += step
    return bytes(plain[1:]) if at == end else None


def _decode_blocks(encoded: bytes) -> bytes | None:
    plain = bytearray()
    at, end = 0, len(encoded)
    while at < end:
        code = encoded[at]
        plain += encoded[at + 1 : at + code]
        at += code
        if code != _NO_ZERO and at < end:
            plain.append(0)
    return bytes(plain) if at == end else None
