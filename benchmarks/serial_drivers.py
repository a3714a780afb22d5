"""Simulated sensors in; what reading them costs, beside BrainFlow's driver and bare pyserial, out.

    python -m benchmarks.serial_drivers --out serial.json

First the parsers alone, in pieces as they arrive at real speed: microseconds a sample, megabytes a
second, and the share of one core at the sensor's own rate. Then whole drivers in processes of
their own, in turn, each on a sensor that is simulated in another process: CPU seconds a second of
signal. The bytes are generated. Needs the extra `dev` (BrainFlow), or leaves its row out.
"""

import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np

from edgeemg.runtime.feeding import Feed
from firmware_bridge.boards import Board, converter_range
from firmware_bridge.devices import find_device
from firmware_bridge.emulator import BOARDS, Emulator
from firmware_bridge.frames import Ask, Device, Wishes
from firmware_bridge.samples import Assembler

_PIECE_S = 0.004  # of signal at once: how long the port gathers
_FAST = Wishes(rate_hz=4000.0, channels=16)
_SENSORS = {
    **{name: (name, Wishes()) for name in BOARDS if name not in ("edgeemg", "text")},
    "text, 2 channels, 1 kHz": ("text", Wishes(rate_hz=1000.0, channels=2)),
    "edgeemg, 8 channels, 1 kHz": ("edgeemg", Wishes(rate_hz=1000.0, channels=8)),
    "edgeemg, 16 channels, 4 kHz": ("edgeemg", _FAST),
}
_WINDOWS_HZ = 10.0  # as `run` reads: by a thread, which lets bytes gather until a window ends
_DRIVERS = {  # row of the table: (simulated sensor, reader in `_read`)
    "edgeemg's driver, Cyton": ("cyton", "ours"),
    "the same, 10 windows a second": ("cyton", "feed"),
    "BrainFlow's driver, Cyton": ("cyton", "brainflow"),
    "pyserial alone, Cyton": ("cyton", "pyserial"),
    "edgeemg's driver, 16 channels, 4 kHz": ("edgeemg, 16 channels, 4 kHz", "ours"),
    "the same at 4 kHz, 10 windows a second": ("edgeemg, 16 channels, 4 kHz", "feed"),
    "pyserial alone, 16 channels, 4 kHz": ("edgeemg, 16 channels, 4 kHz", "pyserial"),
}


@click.group(invoke_without_command=True)
@click.option("--seconds", default=10.0, show_default=True, help="Of signal, a driver and round.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), help="Keep the figures as JSON.")
@click.pass_context
def main(context: click.Context, seconds: float, rounds: int, out: Path | None) -> None:
    """Print both tables."""
    if context.invoked_subcommand:
        return
    parsers = {name: _parser_cost(*sensor) for name, sensor in _SENSORS.items()}
    _print_parsers(parsers)
    drivers = _driver_costs(seconds, rounds)
    _print_drivers(drivers)
    plain = {
        "machine": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "seconds": seconds,
        "rounds": rounds,
        "parsers": parsers,
        "drivers": drivers,
    }
    if out is not None:
        out.write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def _board(device: str, wishes: Wishes, seconds: float) -> Board:
    """A board with so much generated noise of a few counts to play."""
    kind = BOARDS[device]
    stream = kind.streams(wishes)
    lowest, highest = converter_range(stream)
    rows = round(seconds * stream.sample_rate_hz)
    spread = (highest - lowest) / 50
    noise = np.random.default_rng(0).normal(0, spread, (rows, stream.n_channels))
    counts = np.clip(noise + stream.zero_count, lowest + 1, highest - 1).astype(np.int32)
    return kind(counts, stream, loop=True)


def _device(name: str, wishes: Wishes) -> Device:
    """The reading end: ours tells what it sends, and takes no wish."""
    return find_device(name, Wishes() if name == "edgeemg" else wishes)


def _parser_cost(device: str, wishes: Wishes, *, seconds: float = 4.0) -> dict[str, float]:
    """Fastest of five goes over the same bytes; the first teaches the parser what it reads."""
    board = _board(device, wishes, seconds)
    facts = _device(device, wishes)
    said = b"".join(_reply(board, ask) for ask in facts.hello)
    rate = board.stream.sample_rate_hz
    per_piece = max(1, round(rate * _PIECE_S / board.samples_per_frame)) * board.samples_per_frame
    pieces = [b"".join(board.frames(per_piece)) for _ in range(int(seconds * rate / per_piece))]
    n_bytes, samples = sum(map(len, pieces)), len(pieces) * per_piece
    parse_s, both_s = [], []
    for _ in range(5):
        reader = facts.reader(said)
        reader.feed(said)
        began = time.process_time()
        for piece in pieces:
            reader.feed(piece)
        parse_s.append(time.process_time() - began)
        reader = facts.reader(said)
        reader.feed(said)
        assembler = None
        began = time.process_time()
        for n, piece in enumerate(pieces):
            frames = reader.feed(piece)
            if assembler is None and reader.stream is not None:
                assembler = Assembler(reader.stream)
            if assembler is not None:
                assembler.take(frames, n * _PIECE_S)
        both_s.append(time.process_time() - began)
    return {
        "sample_rate_hz": rate,
        "n_channels": board.stream.n_channels,
        "parse_us_per_sample": min(parse_s) / samples * 1e6,
        "parse_mb_per_s": n_bytes / min(parse_s) / 1e6,
        "samples_us_per_sample": min(both_s) / samples * 1e6,
        "core_share": min(both_s) / samples * rate,
    }


def _reply(board: Board, ask: Ask) -> bytes:
    """What the board says to one step of the greeting, at once or after a silence."""
    said = b"".join(board.answer(bytes([byte]))[0] for byte in ask.send)
    deadline = time.monotonic() + ask.within_s
    while not (ask.ends and ask.ends in said) and time.monotonic() < deadline:
        time.sleep(0.05)
        said += board.idle()
    return said


def _print_parsers(costs: dict[str, dict[str, float]]) -> None:
    click.echo("| parser | MB/s | µs a sample | with samples and counters, µs | share of a core |")
    click.echo("|---|---|---|---|---|")
    for name, cost in costs.items():
        click.echo(
            f"| {name} | {cost['parse_mb_per_s']:.1f} | {cost['parse_us_per_sample']:.2f} "
            f"| {cost['samples_us_per_sample']:.2f} | {cost['core_share']:.2%} |"
        )


def _driver_costs(seconds: float, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Each driver, once a round."""
    costs: dict[str, list[dict[str, float]]] = {name: [] for name in _DRIVERS}
    if find_spec("brainflow") is None:
        click.echo("BrainFlow is not installed: left out (pip install 'edgeemg[dev]')", err=True)
        costs = {name: [] for name in costs if _DRIVERS[name][1] != "brainflow"}
    for _ in range(rounds):
        for name in costs:
            costs[name].append(_one_driver(*_DRIVERS[name], seconds))
    return costs


def _one_driver(sensor: str, reader: str, seconds: float) -> dict[str, float]:
    own = [sys.executable, "-m", "benchmarks.serial_drivers"]
    with tempfile.TemporaryDirectory() as folder:
        link = Path(folder) / "port"
        player = subprocess.Popen([*own, "play", sensor, str(link)])  # noqa: S603  # this module
        try:
            deadline = time.monotonic() + 30
            while not link.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            command = [*own, "read", reader, sensor, str(link), str(seconds)]
            said = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603  # this module
        finally:
            player.terminate()
            player.wait()
    cost: dict[str, float] = json.loads(said.splitlines()[-1])
    return cost


def _print_drivers(costs: dict[str, list[dict[str, float]]]) -> None:
    click.echo("")
    click.echo("| driver | CPU ms a second of signal | lowest to highest | bytes or samples |")
    click.echo("|---|---|---|---|")
    for name, rounds in costs.items():
        share = [one["cpu_s"] / one["signal_s"] * 1000 for one in rounds]
        click.echo(
            f"| {name} | {statistics.median(share):.1f} | {min(share):.1f} to {max(share):.1f} "
            f"| {rounds[-1]['received']:.0f} |"
        )


@main.command(hidden=True)
@click.argument("sensor")
@click.argument("link", type=click.Path(path_type=Path))
def play(sensor: str, link: Path) -> None:
    """Simulate a sensor until the process is ended."""
    Emulator(_board(*_SENSORS[sensor], 20.0), link=link).run()


@main.command(hidden=True)
@click.argument("reader", type=click.Choice(["ours", "feed", "brainflow", "pyserial"]))
@click.argument("sensor")
@click.argument("link")
@click.argument("seconds", type=float)
def read(reader: str, sensor: str, link: str, seconds: float) -> None:
    """Read a sensor for some seconds; print the CPU time that it took, greeting left out."""
    readers: dict[str, Callable[[str, str, float], dict[str, float]]] = {
        "ours": _read_ours,
        "feed": _read_feed,
        "brainflow": _read_brainflow,
        "pyserial": _read_pyserial,
    }
    click.echo(json.dumps(readers[reader](sensor, link, seconds)))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _read_ours(sensor: str, link: str, seconds: float) -> dict[str, float]:
    from firmware_bridge.sensor import open_sensor

    device, wishes = _SENSORS[sensor]
    with open_sensor(link, _device(device, wishes)) as source:
        before, began, received = _cpu_s(), time.monotonic(), 0
        for samples in source:
            received += len(samples)
            if time.monotonic() - began >= seconds:
                break
        return _cost(before, received, received / source.stream.sample_rate_hz)


def _read_feed(sensor: str, link: str, seconds: float) -> dict[str, float]:
    from firmware_bridge.sensor import open_sensor

    device, wishes = _SENSORS[sensor]
    with open_sensor(link, _device(device, wishes)) as source:
        rate_hz = source.stream.sample_rate_hz
        feed = Feed(source.read, n_channels=source.stream.n_channels, sample_rate_hz=rate_hz)
        hop = round(rate_hz / _WINDOWS_HZ)
        feed.pace(window_samples=10 * hop, hop_samples=hop)
        with feed:
            before, began, received = _cpu_s(), time.monotonic(), 0
            for samples in feed:
                received += len(samples)
                if time.monotonic() - began >= seconds:
                    break
            return _cost(before, received, received / rate_hz)


def _read_brainflow(sensor: str, link: str, seconds: float) -> dict[str, float]:  # noqa: ARG001  # one signature
    from brainflow.board_shim import BoardIds, BoardShim, BrainFlowInputParams

    BoardShim.disable_board_logger()
    params = BrainFlowInputParams()
    params.serial_port = link
    board = BoardShim(BoardIds.CYTON_BOARD.value, params)
    board.prepare_session()
    board.start_stream()
    before, began, received = _cpu_s(), time.monotonic(), 0
    while time.monotonic() - began < seconds:
        time.sleep(0.02)
        received += board.get_board_data().shape[1]
    cost = _cost(before, received, received / 250)
    board.stop_stream()
    board.release_session()
    return cost


def _read_pyserial(sensor: str, link: str, seconds: float) -> dict[str, float]:
    import serial

    device, wishes = _SENSORS[sensor]
    port = serial.Serial(link, _device(device, wishes).bauds[0], timeout=0.05)
    port.write(b"b")
    before, began, received = _cpu_s(), time.monotonic(), 0
    while time.monotonic() - began < seconds:
        received += len(port.read(port.in_waiting or 1))
    return _cost(before, received, time.monotonic() - began)


def _cost(cpu_before_s: float, received: int, signal_s: float) -> dict[str, Any]:
    return {"cpu_s": _cpu_s() - cpu_before_s, "received": received, "signal_s": signal_s}


if __name__ == "__main__":
    main()
