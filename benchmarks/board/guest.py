"""The socket of a virtio port in; what programs in the guest say, out."""

import json
import shlex
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.board.tools import BoardError

_ANSWER_S = 30.0  # more than what the program itself may take: the board may be slow
_LOOK_S = 0.5


@dataclass(frozen=True, slots=True)
class Done:
    """What a program in the guest said, and its exit code."""

    code: int
    stdout: str
    stderr: str


class Guest:
    """The other end of `guest_agent`. BoardError where it does not answer."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._held = b""
        self._asked = 0

    def close(self) -> None:
        self._socket.close()

    def wait_for_hello(self, timeout_s: float) -> str:
        """Until the agent has started; the boot's own id."""
        return str(self._read("hello", None, time.monotonic() + timeout_s)["hello"])

    def ask(self, *argv: str, timeout_s: float = 60.0) -> Done:
        """Run a program; whatever it exits with."""
        self._asked += 1
        asked = {"id": self._asked, "argv": argv, "timeout_s": timeout_s}
        self._socket.settimeout(_ANSWER_S)
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
        except OSError as error:
            raise BoardError(f"the guest's port takes nothing ({error})") from error
        said = self._read("id", self._asked, time.monotonic() + timeout_s + _ANSWER_S)
        if said["code"] is None:
            raise BoardError(f"in the guest, {shlex.join(argv)}: {said['stderr']}")
        return Done(said["code"], said["stdout"], said["stderr"])

    def do(self, *argv: str, timeout_s: float = 60.0) -> str:
        """Run a program that must succeed; its stdout."""
        done = self.ask(*argv, timeout_s=timeout_s)
        if done.code:
            said = (done.stderr.strip() or done.stdout.strip()).splitlines()
            raise BoardError(
                f"in the guest, {shlex.join(argv)} failed ({done.code}): {' / '.join(said[-4:])}"
            )
        return done.stdout

    def wait_until(self, argv: Sequence[str], wanted: str, timeout_s: float, why: str) -> str:
        """Ask again and again, until `wanted` is in what it prints; BoardError after that time."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            said = self.ask(*argv).stdout
            if wanted in said:
                return said
            if time.monotonic() > deadline_s:
                last = " / ".join(said.strip().splitlines()[-3:])
                raise BoardError(f"{why}: not within {timeout_s:g} s; {shlex.join(argv)}: {last}")
            time.sleep(_LOOK_S)

    def _read(self, key: str, value: int | None, deadline_s: float) -> dict[str, Any]:
        """The next object with that key, and that value where one is given."""
        while True:
            said = self._line(deadline_s)
            if key in said and value in (None, said[key]):
                return said

    def _line(self, deadline_s: float) -> dict[str, Any]:
        while b"\n" not in self._held:
            left_s = deadline_s - time.monotonic()
            if left_s <= 0:
                raise BoardError("the guest does not answer: see console.log")
            self._socket.settimeout(left_s)
            try:
                piece = self._socket.recv(1 << 16)
            except TimeoutError:
                continue
            if not piece:
                raise BoardError("the guest's port was closed: qemu has ended")
            self._held += piece
        line, _, self._held = self._held.partition(b"\n")
        try:
            said = json.loads(line)
        except ValueError as error:
            raise BoardError(f"the guest said what is no JSON: {line[:80]!r}") from error
        if not isinstance(said, dict):
            raise BoardError(f"the guest said what is no object: {line[:80]!r}")
        return said
