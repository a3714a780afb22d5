"""Simulated sensors in; what it costs to make samples of their bytes, without a port, out.

Pieces are as they arrive at real speed: microseconds a sample, megabytes a second, and the share of
one core at the sensor's own rate. The bytes are generated.
"""

import time
from typing import Any

import numpy as np

from firmware_bridge.boards import Board, converter_range
from firmware_bridge.devices import find_device
from firmware_bridge.emulator import BOARDS
from firmware_bridge.frames import Ask, Device, Wishes
from firmware_bridge.samples import Assembler

_PIECE_S = 0.004  # of signal at once: how long the port gathers
_GOES = 5
FAST = "edgeemg, 16 channels, 4 kHz"
SENSORS = {
    **{name: (name, Wishes()) for name in BOARDS if name not in ("edgeemg", "text")},
    "text, 2 channels, 1 kHz": ("text", Wishes(rate_hz=1000.0, channels=2)),
    "edgeemg, 8 channels, 1 kHz": ("edgeemg", Wishes(rate_hz=1000.0, channels=8)),
    FAST: ("edgeemg", Wishes(rate_hz=4000.0, channels=16)),
}


def parser_costs() -> dict[str, dict[str, float]]:
    """By the sensor's name."""
    return {name: _cost(*sensor) for name, sensor in SENSORS.items()}


def noisy_board(sensor: str, seconds: float) -> Board:
    """A board of SENSORS with so much generated noise of a few counts to play, again and again."""
    device, wishes = SENSORS[sensor]
    kind = BOARDS[device]
    stream = kind.streams(wishes)
    lowest, highest = converter_range(stream)
    rows = round(seconds * stream.sample_rate_hz)
    spread = (highest - lowest) / 50
    noise = np.random.default_rng(0).normal(0, spread, (rows, stream.n_channels))
    counts = np.clip(noise + stream.zero_count, lowest + 1, highest - 1).astype(np.int32)
    return kind(counts, stream, loop=True)


def parser_table(costs: dict[str, dict[str, float]]) -> list[str]:
    """A line a sensor."""
    lines = [
        "| parser | MB/s | µs a sample | with samples and counters, µs | share of a core |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, cost in costs.items():
        lines.append(
            f"| {name} | {cost['parse_mb_per_s']:.1f} | {cost['parse_us_per_sample']:.2f} "
            f"| {cost['samples_us_per_sample']:.2f} | {cost['core_share']:.2%} |"
        )
    return lines


def _device(name: str, wishes: Wishes) -> Device:
    """The reading end: ours tells what it sends, and takes no wish."""
    return find_device(name, Wishes() if name == "edgeemg" else wishes)


def _cost(device: str, wishes: Wishes, *, seconds: float = 4.0) -> dict[str, float]:
    """Fastest of some goes over the same bytes; the first teaches the parser what it reads."""
    (sensor,) = (name for name, one in SENSORS.items() if one == (device, wishes))
    board, facts = noisy_board(sensor, seconds), _device(device, wishes)
    said = b"".join(_reply(board, ask) for ask in facts.hello)
    rate = board.stream.sample_rate_hz
    per_piece = max(1, round(rate * _PIECE_S / board.samples_per_frame)) * board.samples_per_frame
    pieces = [b"".join(board.frames(per_piece)) for _ in range(int(seconds * rate / per_piece))]
    n_bytes, samples = sum(map(len, pieces)), len(pieces) * per_piece
    parse_s = min(_parsed(facts, said, pieces) for _ in range(_GOES))
    both_s = min(_assembled(facts, said, pieces) for _ in range(_GOES))
    return {
        "sample_rate_hz": rate,
        "n_channels": board.stream.n_channels,
        "parse_us_per_sample": parse_s / samples * 1e6,
        "parse_mb_per_s": n_bytes / parse_s / 1e6,
        "samples_us_per_sample": both_s / samples * 1e6,
        "core_share": both_s / samples * rate,
    }


def _parsed(facts: Device, said: bytes, pieces: list[bytes]) -> float:
    reader: Any = facts.reader(said)
    reader.feed(said)
    began_s = time.process_time()
    for piece in pieces:
        reader.feed(piece)
    return time.process_time() - began_s


def _assembled(facts: Device, said: bytes, pieces: list[bytes]) -> float:
    reader: Any = facts.reader(said)
    reader.feed(said)
    assembler = None
    began_s = time.process_time()
    for n, piece in enumerate(pieces):
        frames = reader.feed(piece)
        if assembler is None and reader.stream is not None:
            assembler = Assembler(reader.stream)
        if assembler is not None:
            assembler.take(frames, n * _PIECE_S)
    return time.process_time() - began_s


def _reply(board: Board, ask: Ask) -> bytes:
    """What the board says to one step of the greeting, at once or after a silence."""
    said = b"".join(board.answer(bytes([byte]))[0] for byte in ask.send)
    deadline = time.monotonic() + ask.within_s
    while not (ask.ends and ask.ends in said) and time.monotonic() < deadline:
        time.sleep(0.05)
        said += board.idle()
    return said
