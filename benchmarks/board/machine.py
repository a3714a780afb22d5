"""An image and a disk in; a board that is switched on, cut off, and plugged into, out."""

import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.board.debian_image import AGENT_PORT, QEMU, Image
from benchmarks.board.guest import Guest
from benchmarks.board.qmp import Qmp
from benchmarks.board.tools import AHEAD, BoardError

BOOT_S = 300.0
_QEMU_S = 30.0
_ANSWER_S = 60.0
_LOOK_S = 0.05
_SOCKET = "server=on,wait=off"


@dataclass(frozen=True, slots=True)
class Disks:
    """The board's own disk, and one that it may only read; a folder for sockets and the console."""

    own: Path
    payload: Path
    folder: Path


class Machine:
    """One emulated board, from switching on to the power cut; a context manager."""

    def __init__(self, image: Image, disks: Disks) -> None:
        self._image = image
        self._disks = disks
        self._plugged = 0
        self._qemu: subprocess.Popen[bytes] | None = None
        self._qmp: Qmp | None = None
        self._guest: Guest | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.cut_power()

    @property
    def guest(self) -> Guest:
        assert self._guest is not None, "it is switched on"
        return self._guest

    def switch_on(self) -> None:
        """Start it; what runs in it comes up by itself (`guest.wait_for_hello`)."""
        assert self._qemu is None, "it is off"
        folder = self._disks.folder
        agent, control = folder / "agent", folder / "qmp"
        for old in (agent, control):
            old.unlink(missing_ok=True)
        with (folder / "console.log").open("ab") as console:
            self._qemu = subprocess.Popen(  # noqa: S603  # qemu, on files of our own
                self._command(agent, control),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
            )
        deadline_s = time.monotonic() + _QEMU_S
        while not (agent.is_socket() and control.is_socket()):
            if self._qemu.poll() is not None or time.monotonic() > deadline_s:
                raise BoardError(f"qemu did not start: see {folder / 'console.log'}")
            time.sleep(_LOOK_S)
        self._qmp = Qmp(control, timeout_s=_ANSWER_S)
        self._guest = Guest(agent)

    def cut_power(self) -> None:
        """End qemu on the spot: what the guest has not written to its disk is gone."""
        for one in (self._qmp, self._guest):
            if one is not None:
                one.close()
        if self._qemu is not None:
            self._qemu.kill()
            self._qemu.wait()
        self._qemu = self._qmp = self._guest = None

    def plug(self, port: Path) -> None:
        """An FTDI adapter in the board's USB socket, whose other end is this pseudo-terminal."""
        assert self._qmp is not None, "it is switched on"
        self._plugged += 1
        line = f"line{self._plugged}"
        backend = {"type": "serial", "data": {"device": str(port.resolve())}}
        self._qmp.ask("chardev-add", id=line, backend=backend)
        self._qmp.ask(
            "device_add", driver="usb-serial", id="sensor", bus="usb.0", port="1", chardev=line
        )

    def unplug(self) -> None:
        """Out of the socket; the pseudo-terminal is let go of."""
        assert self._qmp is not None, "it is switched on"
        self._qmp.ask("device_del", id="sensor")
        self._qmp.wait_deleted("sensor")
        self._qmp.ask("chardev-remove", id=f"line{self._plugged}")

    def _command(self, agent: Path, control: Path) -> list[str]:
        own, payload = self._disks.own, self._disks.payload
        return [
            *AHEAD,
            *QEMU,
            *("-display", "none", "-serial", "stdio", "-no-reboot", "-nic", "none"),
            *("-kernel", str(self._image.kernel), "-initrd", str(self._image.initramfs)),
            *("-append", "console=ttyAMA0 quiet panic=-1"),
            *("-drive", f"file={own},format=raw,if=virtio"),
            *("-drive", f"file={payload},format=raw,if=virtio,readonly=on"),
            *("-chardev", f"socket,id=agent,path={agent},{_SOCKET}"),
            *("-device", "virtio-serial-pci"),
            *("-device", f"virtserialport,chardev=agent,name={AGENT_PORT}"),
            *("-device", "qemu-xhci,id=usb", "-qmp", f"unix:{control},{_SOCKET}"),
        ]
