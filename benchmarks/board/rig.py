"""A board, its sensor and what they play in; what every step asks of them, out."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.board.machine import BOOT_S, Machine
from benchmarks.board.material import Material
from benchmarks.board.sensor import Account, Sensor
from benchmarks.board.tools import BoardError

EDGEEMG = "/opt/edgeemg/bin/edgeemg"
BUNDLE = "/opt/bundle"
SERVICE = "edgeemg"
DECISIONS = f"/var/lib/{SERVICE}/decisions.jsonl"
PORTS = "/dev/serial/by-id"
_PORT_S = 60.0
_DECISION_S = 120.0

# what a step found, as it goes into the transcript
Facts = dict[str, str | int | float]


@dataclass(slots=True)
class Rig:
    """Everything that a step needs. `seconds` of the recording are decided on."""

    machine: Machine
    material: Material
    folder: Path
    seconds: float
    sensor: Sensor | None = None
    _sensors: int = field(default=0)

    def boot(self) -> str:
        """Switch the board on, and wait until it answers: its boot's id."""
        self.machine.switch_on()
        return self.machine.guest.wait_for_hello(BOOT_S)

    def plug_in(self, *options: str) -> None:
        """A sensor that has just been switched on, in the place of one that may be there.

        options  of `edgeemg simulate`
        """
        if self.sensor is not None:
            self.unplug()
        self._sensors += 1
        sensor = Sensor(self.material.recording, self.folder / f"emg{self._sensors}", *options)
        self.sensor = sensor.__enter__()
        self.machine.plug(sensor.link)

    def unplug(self) -> Account:
        """Out of the socket, and so without power; what it had counted."""
        assert self.sensor is not None, "it is there"
        self.sensor.hush()
        self.machine.unplug()
        return self.stop_sensor()

    def stop_sensor(self) -> Account:
        """Switch it off; what it had counted."""
        assert self.sensor is not None, "it is there"
        sensor, self.sensor = self.sensor, None
        return sensor.stop()

    def close(self) -> None:
        """Switch the sensor off, if there is one."""
        if self.sensor is not None:
            self.sensor.__exit__(None, None, None)
            self.sensor = None

    def port(self) -> str:
        """The name that udev gave the sensor's port, once it has."""
        guest = self.machine.guest
        said = guest.wait_until(["ls", PORTS], "usb-", _PORT_S, "the adapter's name")
        return f"{PORTS}/{said.split()[0]}"

    def decisions(self) -> list[dict[str, Any]]:
        """All that the service has decided; a last line that is half written is left out."""
        done = self.machine.guest.ask("cat", DECISIONS)
        lines = done.stdout.splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def wait_for_decision(self) -> None:
        """Until there is one more than now."""
        before = len(self.decisions())
        self.machine.guest.wait_until(
            ["awk", f"NR == {before + 1} {{ print NR, $0 }}", DECISIONS],
            f"{before + 1} ",
            _DECISION_S,
            "a new decision",
        )

    def show(self, *names: str) -> dict[str, str]:
        """Properties of the service."""
        asked = [f"--property={name}" for name in names]
        said = self.machine.guest.do("systemctl", "show", SERVICE, *asked)
        return dict(line.split("=", 1) for line in said.splitlines() if "=" in line)

    def wait_active(self) -> None:
        self.machine.guest.wait_until(
            ["systemctl", "show", SERVICE, "--property=ActiveState,StatusText"],
            "ActiveState=active",
            _DECISION_S,
            "the service's start",
        )

    def journal(self, *options: str) -> list[str]:
        """What the service and systemd said of it in this boot."""
        asked = ("journalctl", "--boot", "--unit", SERVICE, "--output", "cat", "--no-pager")
        return self.machine.guest.do(*asked, *options).splitlines()

    def check(self, holds: bool, why: str) -> None:
        if not holds:
            raise BoardError(why)


def counters(lines: list[str]) -> dict[str, float]:
    """The counters that `edgeemg run` printed last: `wire_lost 0; samples 75310; ...`."""
    told = [line for line in lines if "wire_lost " in line and "; " in line]
    if not told:
        raise BoardError("the service printed no counters")
    pairs = (part.rsplit(" ", 1) for part in told[-1].split("; "))
    return {name.strip(): float(number) for name, number in pairs}


def as_object(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError as error:
        raise BoardError(f"{what} is no JSON: {text[:100]!r}") from error
    if not isinstance(found, dict):
        raise BoardError(f"{what} is no JSON object")
    return found
