"""Nothing in, the byte vectors beside this file out: `python -m firmware_bridge.golden.generate`.

The same seed gives the same files.
"""

import json
import random
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from firmware_bridge.golden.reference import (
    WIDTHS,
    Vector,
    crc16,
    data_raw,
    info_raw,
    judged,
    sealed,
    stuffed,
    unstuffed,
)

SEED = 20261122
CANON = (  # the paper's examples, as the cobs package on PyPI writes them
    ("one zero", "00", "0101"),
    ("two zeros", "0000", "010101"),
    ("a zero inside", "11220033", "0311220233"),
    ("zeros at the end", "11000000", "0211010101"),
    ("nothing", "", "01"),
    ("254 bytes", bytes(range(1, 255)).hex(), "ff" + bytes(range(1, 255)).hex()),
    ("255 bytes", bytes(range(1, 256)).hex(), "ff" + bytes(range(1, 255)).hex() + "02ff"),
    (
        "254 bytes and a zero",
        bytes(range(2, 256)).hex() + "00",
        "ff" + bytes(range(2, 256)).hex() + "0101",
    ),
)


def framed(name: str, raw: bytes, fields: Vector) -> Vector:
    wire = stuffed(raw) + b"\0"
    assert judged(wire[:-1]) == "ok", name
    return {"name": name, "wire": wire.hex(), "raw": raw.hex(), **fields}


def cobs_vectors(dice: random.Random) -> Iterator[Vector]:
    for name, plain, encoded in CANON:
        assert stuffed(bytes.fromhex(plain)).hex() == encoded, name
        yield {"name": name, "plain": plain, "encoded": encoded}
    full = bytes(range(1, 255)).hex()
    yield {"name": "a code byte too many, as simple encoders write", "plain": full,
           "encoded": "ff" + full + "01", "decode_only": True}  # fmt: skip
    lengths = [*range(12), 252, 253, 254, 255, 256, 507, 508, 509, 600]
    for length in lengths:
        for zeros in (0.0, 0.1, 0.6):
            plain_bytes = noise(dice, length, zeros)
            name = f"{length} bytes, {zeros:.0%} zeros"
            yield {"name": name, "plain": plain_bytes.hex(), "encoded": stuffed(plain_bytes).hex()}
    for name, encoded in (
        ("nothing at all", ""),
        ("a block that is not there", "02"),
        ("a block cut short", "05112233"),
        ("a full block cut short", "ff" + full[:-2]),
        ("a zero for a code", "00"),
        ("a zero in a block", "0311002233"),
        ("a zero behind the end", "021100"),
    ):
        assert unstuffed(bytes.fromhex(encoded)) is None, name
        yield {"name": name, "plain": None, "encoded": encoded}


def noise(dice: random.Random, length: int, zeros: float) -> bytes:
    return bytes(0 if dice.random() < zeros else dice.randrange(1, 256) for _ in range(length))


def crc_vectors(dice: random.Random) -> Iterator[Vector]:
    assert crc16(b"123456789") == 0x29B1  # the check value of the CRC catalogues
    for octets in (b"123456789", b"", b"\0", b"\0\0", b"\xff", b"\xff\xff", bytes(251)):
        yield {"bytes": octets.hex(), "crc": crc16(octets)}
    for length in (1, 2, 3, 20, 60, 251, 1000):
        octets = dice.randbytes(length)
        yield {"bytes": octets.hex(), "crc": crc16(octets)}


def counts_of(kind: str, shape: tuple[int, int], width: int, dice: random.Random) -> Any:
    lowest, highest = -(1 << (8 * width - 1)), (1 << (8 * width - 1)) - 1
    makers: dict[str, Callable[[], int]] = {
        "zeros": lambda: 0,
        "highest": lambda: highest,
        "lowest": lambda: lowest,
        "minus one": lambda: -1,
        "extremes": lambda: dice.choice((lowest, lowest + 1, -1, 0, 1, highest - 1, highest)),
        "small": lambda: round(dice.gauss(0, 40)),
        "any": lambda: dice.randint(lowest, highest),
    }
    return [[makers[kind]() for _ in range(shape[1])] for _ in range(shape[0])]


def data_vectors(dice: random.Random) -> Iterator[Vector]:
    for fmt, width in WIDTHS.items():
        most = 231 // width  # counts that fit a frame
        shapes = {(1, 1), (1, 32), (min(64, most), 1), (2, 8), (most // 4, 4), (5, 4), (3, 5)}
        for shape in sorted(one for one in shapes if one[0] * one[1] <= most):
            for kind in ("zeros", "highest", "lowest", "minus one", "extremes", "small", "any"):
                fields = data_fields(fmt, shape, counts_of(kind, shape, width, dice), dice)
                name = f"{8 * width} bits, {shape[0]} samples of {shape[1]} channels, {kind}"
                yield framed(name, data_raw(fields), fields)
    for edge in ({"sample_index": 0xFFFFFFFF}, {"boot_id": 0}, {"time_us": 0}, {"off_mask": 15},
                 {"flags": 1}, {"sample_index": 0}, {"boot_id": 0xFFFF}):  # fmt: skip
        fields = data_fields(1, (5, 4), counts_of("small", (5, 4), 2, dice), dice) | edge
        yield framed(f"at an edge: {edge}", data_raw(fields), fields)


def data_fields(fmt: int, shape: tuple[int, int], counts: Any, dice: random.Random) -> Vector:
    return {
        "n_channels": shape[1],
        "n_samples": shape[0],
        "format": fmt,
        "flags": dice.randrange(2),
        "boot_id": dice.getrandbits(16),
        "sample_index": dice.getrandbits(dice.choice((8, 16, 32))),
        "time_us": dice.getrandbits(32),
        "off_mask": dice.choice((0, dice.getrandbits(shape[1]))),
        "counts": counts,
    }


ARDUINO = {
    "n_channels": 4, "n_samples": 5, "format": 1, "flags": 0, "boot_id": 7,
    "rate_mhz": 1_000_000, "scale_num": 5_000_000_000 >> 1, "scale_den": 512, "zero": 512,
    "lowest": 0, "highest": 1023, "overruns": 0, "time_us": 0, "firmware": [1, 0, 0],
    "label": "edgeemg-avr",
}  # fmt: skip


def info_vectors(dice: random.Random) -> Iterator[Vector]:
    edges: tuple[Vector, ...] = (
        {},
        {"flags": 1, "time_us": 0xFFFFFFFF, "overruns": 0xFFFFFFFF, "boot_id": 0xFFFF},
        {"rate_mhz": 1, "scale_num": 1, "scale_den": 0xFFFFFFFF},
        {"rate_mhz": 0xFFFFFFFF, "scale_num": 0xFFFFFFFF, "scale_den": 1},
        {"format": 3, "n_samples": 1, "n_channels": 32, "lowest": -(1 << 31),
         "highest": (1 << 31) - 1, "zero": -1},
        {"format": 2, "rate_mhz": 250_000, "scale_num": 187_500_000, "scale_den": 8_388_607,
         "lowest": -8_388_607, "highest": 8_388_607, "zero": 0, "label": "gain 24"},
        {"label": ""},
        {"label": "sixteen bytes ok"},
        {"firmware": [255, 255, 255]},
        {"firmware": [0, 0, 0]},
    )  # fmt: skip
    for edge in edges:
        fields = ARDUINO | edge
        yield framed(f"at an edge: {sorted(edge)}", info_raw(fields), fields)
    for number in range(40):
        fields = random_info(dice)
        yield framed(f"any {number}", info_raw(fields), fields)


def random_info(dice: random.Random) -> Vector:
    fmt = dice.choice((1, 2, 3))
    n_channels = dice.randint(1, 32)
    bound = 1 << (8 * WIDTHS[fmt] - 1)
    lowest, highest = sorted(dice.sample(range(-bound, bound), 2))
    return {
        "n_channels": n_channels,
        "n_samples": dice.randint(1, min(64, 231 // (WIDTHS[fmt] * n_channels))),
        "format": fmt,
        "flags": dice.randrange(2),
        "boot_id": dice.getrandbits(16),
        "rate_mhz": dice.randint(1, 20_000_000),
        "scale_num": dice.randint(1, 0xFFFFFFFF),
        "scale_den": dice.randint(1, 0xFFFFFFFF),
        "zero": dice.randint(lowest, highest),
        "lowest": lowest,
        "highest": highest,
        "overruns": dice.getrandbits(dice.choice((1, 32))),
        "time_us": dice.getrandbits(32),
        "firmware": [dice.randrange(256) for _ in range(3)],
        "label": "".join(dice.choice("abcdefgh-0123") for _ in range(dice.randrange(17))),
    }


def altered(raw: bytes, at: int, octets: bytes) -> bytes:
    """Other bytes in a frame, and the CRC that goes with them."""
    return sealed(raw[:at] + octets + raw[at + len(octets) : -2])


def damaged_vectors(dice: random.Random, frames: list[Vector]) -> Iterator[Vector]:
    data = bytes.fromhex(frames[0]["raw"])
    info = info_raw(ARDUINO)
    for name, raw in (
        ("version 0", altered(data, 0, b"\0")),
        ("version 2", altered(data, 0, b"\2")),
        ("version 2 of INFO", altered(info, 0, b"\2")),
        ("type 0", altered(data, 1, b"\0")),
        ("type 3", altered(data, 1, b"\3")),
        ("no channels", altered(data, 2, b"\0")),
        ("33 channels", altered(data, 2, b"\x21")),
        ("no samples", altered(data, 3, b"\0")),
        ("65 samples", altered(data, 3, b"\x41")),
        ("format 0", altered(data, 4, b"\0")),
        ("format 4", altered(data, 4, b"\4")),
        ("a flag that is not known", altered(data, 5, b"\2")),
        ("an electrode off that is not there", altered(data, 16, bytes([0, 0, 0, 128]))),
        ("a sample that is not there", altered(data, 3, bytes([data[3] + 1]))),
        ("a byte too many", sealed(data[:-2] + b"\1")),
        ("a byte too few", sealed(data[:-3])),
        ("no samples behind the head", sealed(data[:20])),
        ("254 bytes", sealed(data[:20] + bytes(232))),
        ("23 bytes", sealed(data[:21])),
        ("INFO without channels", altered(info, 2, b"\0")),
        ("INFO of frames that do not fit", altered(info, 2, b"\x20")),
        ("INFO with format 0", altered(info, 4, b"\0")),
        ("INFO with a flag that is not known", altered(info, 5, b"\x80")),
        ("INFO without a rate", altered(info, 8, bytes(4))),
        ("INFO without a scale", altered(info, 12, bytes(4))),
        ("INFO with a scale over nothing", altered(info, 16, bytes(4))),
        ("INFO with a range of nothing", altered(info, 24, info[28:32])),
        ("INFO with a range upside down", altered(info, 24, info[28:32] + info[24:28])),
        ("INFO with a reserved byte", altered(info, 43, b"\1")),
        ("INFO with a byte too many", sealed(info[:-2] + b"\0")),
        ("INFO with a byte too few", sealed(info[:-3])),
        ("a CRC of the other byte order", data[:-2] + data[-1:] + data[-2:-1]),
        ("a CRC that is one off", data[:-2] + struct.pack("<H", crc16(data[:-2]) ^ 1)),
    ):
        yield judged_vector(name, stuffed(raw))
    yield judged_vector("255 bytes", b"\x01" * 255)
    yield judged_vector("text", b"rst:0x1 (POWERON_RESET),boot:0x13\r\n")
    for number in range(200):
        wire = bytes.fromhex(dice.choice(frames)["wire"])[:-1]
        yield judged_vector(f"damage {number}", hurt(wire, dice))


def hurt(piece: bytes, dice: random.Random) -> bytes:
    """A flip, a loss or a stray byte somewhere: never a zero, which would make two pieces of it."""
    at = dice.randrange(len(piece))
    kind = dice.choice(("flip", "lose", "insert"))
    if kind == "lose":
        return piece[:at] + piece[at + dice.randint(1, 4) :]
    if kind == "insert":
        return piece[:at] + noise(dice, dice.randint(1, 4), 0) + piece[at:]
    flipped = piece[at] ^ 1 << dice.randrange(8) or 0xFF
    return piece[:at] + bytes([flipped]) + piece[at + 1 :]


def judged_vector(name: str, piece: bytes) -> Vector:
    verdict = judged(piece)
    assert verdict != "ok", name
    return {"name": name, "wire": (piece + b"\0").hex(), "verdict": verdict}


def stream_vectors(dice: random.Random, frames: list[Vector]) -> Iterator[Vector]:
    for number in range(60):
        stream = dice.choice((b"", b"\0", b"READY\r\n\0", noise(dice, 40, 0.05)))
        for _ in range(dice.randint(1, 12)):
            stream += dice.choice((b"", b"", b"", b"\0", b"\0\0", noise(dice, 5, 0), bytes(9)))
            wire = bytes.fromhex(dice.choice(frames)["wire"])
            stream += dice.choice((wire, wire, wire, wire[:-1], hurt(wire[:-1], dice) + b"\0"))
        pieces = stream.split(b"\0")[:-1]
        accepted = [unstuffed(piece) for piece in pieces if piece and judged(piece) == "ok"]
        refused = sum(judged(piece) != "ok" for piece in pieces if piece)
        yield {
            "name": f"stream {number}",
            "stream": stream.hex(),
            "accepted": [raw.hex() for raw in accepted if raw],
            "refused": refused,
        }


def vectors() -> dict[str, tuple[str, list[Vector]]]:
    """File name -> what it is about, and its vectors."""
    dice = random.Random(SEED)  # noqa: S311  # vectors, no secrets
    data, info = list(data_vectors(dice)), list(info_vectors(dice))
    short = [one for one in data if len(one["wire"]) < 200] + info[:5]
    return {
        "cobs": ("plain null: to be refused", list(cobs_vectors(dice))),
        "crc": ("CRC-16/CCITT-FALSE", list(crc_vectors(dice))),
        "data": ("DATA frames; raw has the CRC, wire the delimiter", data),
        "info": ("INFO frames; raw has the CRC, wire the delimiter", info),
        "damaged": ("pieces to be refused, and why", list(damaged_vectors(dice, data))),
        "streams": (
            "bytes as they arrive, the frames to be accepted, and how many pieces to be refused",
            list(stream_vectors(dice, short)),
        ),
    }


def text(about: str, found: list[Vector]) -> str:
    """One vector a line, so that a change shows as what it is."""
    lines = ",\n".join(json.dumps(one, separators=(",", ":")) for one in found)
    return f'{{"about": {json.dumps(about)}, "vectors": [\n{lines}\n]}}\n'


if __name__ == "__main__":
    for name, (about, found) in vectors().items():
        Path(__file__).with_name(f"{name}.json").write_text(text(about, found))
