"""Fields in, bytes of our wire protocol out, and a verdict on bytes: slow, plain, and on its own.

Written from PROTOCOL.md byte by byte, and without a line of what it is to check: firmware and the
Python side must both agree with it.
"""

import struct
from typing import Any

Vector = dict[str, Any]

WIDTHS = {1: 2, 2: 3, 3: 4}
INFO_FORMAT = {
    "n_channels": "B",
    "n_samples": "B",
    "format": "B",
    "flags": "B",
    "boot_id": "H",
    "rate_mhz": "I",
    "scale_num": "I",
    "scale_den": "I",
    "zero": "i",
    "lowest": "i",
    "highest": "i",
    "overruns": "I",
    "time_us": "I",
}


def crc16(octets: bytes) -> int:
    """CRC-16/CCITT-FALSE, a bit at a time."""
    crc = 0xFFFF
    for octet in octets:
        crc ^= octet << 8
        for _ in range(8):
            crc = (crc << 1 ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc


def stuffed(octets: bytes) -> bytes:
    """COBS, a byte at a time."""
    out, block = b"", b""
    for at, octet in enumerate(octets):
        if octet:
            block += bytes([octet])
        if octet == 0 or (len(block) == 254 and at + 1 < len(octets)):
            out += bytes([len(block) + 1]) + block
            block = b""
    if block or not octets or octets[-1] == 0:
        out += bytes([len(block) + 1]) + block
    return out


def unstuffed(piece: bytes) -> bytes | None:
    """What `stuffed` took, or None."""
    out, at = b"", 0
    while at < len(piece):
        code = piece[at]
        if code == 0 or at + code > len(piece) or 0 in piece[at : at + code]:
            return None
        out += piece[at + 1 : at + code]
        at += code
        if code < 255 and at < len(piece):
            out += b"\0"
    return out if piece else None


def sealed(body: bytes) -> bytes:
    return body + struct.pack("<H", crc16(body))


def judged(piece: bytes) -> str:
    """ "ok", or why a receiver refuses what stood between two delimiters."""
    raw = unstuffed(piece)
    if len(piece) > 254:
        return "length"
    if raw is None:
        return "cobs"
    if not 24 <= len(raw) <= 253:
        return "length"
    if crc16(raw[:-2]) != raw[-2] + 256 * raw[-1]:
        return "crc"
    if raw[0] != 1:
        return "version"
    if raw[1] not in (1, 2):
        return "type"
    return judged_data(raw) if raw[1] == 1 else judged_info(raw)


def shaped(raw: bytes) -> bool:
    return 1 <= raw[2] <= 32 and 1 <= raw[3] <= 64 and raw[4] in WIDTHS and raw[5] in (0, 1)


def judged_data(raw: bytes) -> str:
    if not shaped(raw) or int.from_bytes(raw[16:20], "little") >= 1 << raw[2]:
        return "fields"
    return "ok" if len(raw) == 22 + raw[2] * raw[3] * WIDTHS[raw[4]] else "length"


def judged_info(raw: bytes) -> str:
    if len(raw) != 62:
        return "length"
    if not shaped(raw) or 22 + raw[2] * raw[3] * WIDTHS[raw[4]] > 253:
        return "fields"
    rate, num, den, _, lowest, highest = struct.unpack_from("<3I3i", raw, 8)
    return "fields" if 0 in (rate, num, den) or lowest >= highest or raw[43] else "ok"


def data_raw(fields: Vector) -> bytes:
    head = [1, 1] + [fields[one] for one in ("n_channels", "n_samples", "format", "flags")]
    tail = [fields[one] for one in ("boot_id", "sample_index", "time_us", "off_mask")]
    body = struct.pack("<6BHIII", *head, *tail)
    for row in fields["counts"]:
        for count in row:
            body += count.to_bytes(WIDTHS[fields["format"]], "little", signed=True)
    return sealed(body)


def info_raw(fields: Vector) -> bytes:
    values = [fields[one] for one in INFO_FORMAT]
    body = struct.pack("<2B" + "".join(INFO_FORMAT.values()), 1, 2, *values)
    body += bytes([*fields["firmware"], 0]) + fields["label"].encode("ascii").ljust(16, b"\0")
    return sealed(body)
