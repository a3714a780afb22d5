"""Simulated sensors in; what whole drivers cost, ours beside BrainFlow's and bare pyserial, out.

Each driver is a process of its own (benchmarks/subjects/reader.py), in turn, on a sensor that this
process simulates: at the sensor's own speed, and flat out, where bytes never wait for the sensor.
BrainFlow has an environment of its own. The bytes are generated.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.peers import peer_python
from benchmarks.serial_parsers import FAST, SENSORS, noisy_board
from edgeemg.errors import EngineError
from firmware_bridge.devices import find_device
from firmware_bridge.devices.cyton_board import CytonBoard
from firmware_bridge.emulator import Emulator
from firmware_bridge.frames import Wishes

READER = Path(__file__).parent / "subjects" / "reader.py"
_NOISE_S = 20.0  # of it, again and again
_START_S = 60.0
_FLAT_OUT = 4000.0  # times the sensor's speed: no driver keeps up, and the sensor waits for it


class Driver(NamedTuple):
    """A simulated sensor of SENSORS, and a way to read it of benchmarks/subjects/reader.py."""

    sensor: str
    how: str


DRIVERS = {
    "edgeemg's driver, Cyton": Driver("cyton", "driver"),
    "the same, 10 windows a second": Driver("cyton", "feed"),
    "BrainFlow's driver, Cyton": Driver("cyton", "brainflow"),
    "pyserial alone, Cyton": Driver("cyton", "pyserial"),
    "edgeemg's driver, 16 channels, 4 kHz": Driver(FAST, "driver"),
    "the same at 4 kHz, 10 windows a second": Driver(FAST, "feed"),
    "pyserial alone, 16 channels, 4 kHz": Driver(FAST, "pyserial"),
}
FLAT_OUT = {
    "edgeemg's driver": Driver("cyton", "driver"),
    "BrainFlow's driver": Driver("cyton", "brainflow"),
}


def driver_costs(
    seconds: float, rounds: int, tell: Callable[[str], None]
) -> dict[str, list[dict[str, Any]]]:
    """Each driver of DRIVERS, once a round; `took_s` is a second of signal a second."""
    costs: dict[str, list[dict[str, Any]]] = {name: [] for name in DRIVERS}
    for turn in range(rounds):
        for name, driver in DRIVERS.items():
            tell(f"round {turn + 1} of {rounds}: {name}")
            sensor = Emulator(noisy_board(driver.sensor, _NOISE_S))
            costs[name].append(read_by(driver, sensor, seconds=seconds))
    return costs


def flat_out_costs(
    packets: int, rounds: int, tell: Callable[[str], None]
) -> dict[str, list[dict[str, Any]]]:
    """Each driver of FLAT_OUT, once a round, on so many packets that never make it wait."""
    counts = np.random.default_rng(0).integers(-(1 << 17), 1 << 17, (packets, 8), dtype=np.int32)
    costs: dict[str, list[dict[str, Any]]] = {name: [] for name in FLAT_OUT}
    for turn in range(rounds):
        for name, driver in FLAT_OUT.items():
            tell(f"round {turn + 1} of {rounds}: {name}, {packets:,} packets flat out")
            board = CytonBoard(counts)
            sensor = Emulator(board, speed=_FLAT_OUT, lossless=True, linger_s=_START_S)
            cost = read_by(driver, sensor, seconds=_START_S, until=packets)
            costs[name].append({**cost, "sent": packets})
    return costs


def read_by(
    driver: Driver, sensor: Emulator, *, seconds: float, keep: str = "", until: int = 0
) -> dict[str, Any]:
    """What the reader prints: cpu_s, took_s, received, told. EngineError where it fails.

    sensor  not yet started
    keep    a file for what was read, as reader.py's `--keep`
    until   samples after which reading ends at once; 0 where it is not known what comes
    """
    device, _ = SENSORS[driver.sensor]
    python = peer_python("brainflow") if driver.how == "brainflow" else sys.executable
    baud = find_device(device, Wishes()).bauds[0]
    with sensor:
        command = [str(python), str(READER), driver.how, sensor.port_name, str(seconds)]
        command += ["--device", device, "--baud", str(baud), "--until", str(until)]
        done = subprocess.run(  # noqa: S603  # our script
            command + (["--keep", keep] if keep else []),
            capture_output=True,
            text=True,
            timeout=seconds + 2 * _START_S,
            check=False,
        )
    if done.returncode:
        said = (done.stderr.strip() or "it gave no reason").splitlines()[-1]
        raise EngineError(f"the {driver.how} reader failed on a simulated {device}: {said}")
    cost: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return cost


def driver_table(costs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A line a driver, at the sensor's own speed."""
    lines = [
        "| driver | CPU ms a second of signal | lowest to highest | bytes or samples |",
        "|---|---:|---:|---:|",
    ]
    for name, rounds in costs.items():
        share = [one["cpu_s"] / one["took_s"] * 1000 for one in rounds]
        lines.append(
            f"| {name} | {statistics.median(share):.1f} | {min(share):.1f} to {max(share):.1f} "
            f"| {rounds[-1]['received']:,} |"
        )
    return lines


def flat_out_table(costs: dict[str, list[dict[str, Any]]]) -> list[str]:
    """A line a driver, as fast as it goes."""
    lines = [
        "| driver, flat out | CPU µs a packet | lowest to highest | packets a second "
        "| received of sent |",
        "|---|---:|---:|---:|---:|",
    ]
    for name, rounds in costs.items():
        each = [one["cpu_s"] / one["received"] * 1e6 for one in rounds]
        speed = statistics.median(one["received"] / one["took_s"] for one in rounds)
        lines.append(
            f"| {name} | {statistics.median(each):.2f} | {min(each):.2f} to {max(each):.2f} "
            f"| {speed:,.0f} | {rounds[-1]['received']:,} of {rounds[-1]['sent']:,} |"
        )
    return lines
