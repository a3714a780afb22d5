"""A qemu's control socket in; its answers to commands, out.

QMP (qemu, docs/interop/qmp-spec.rst): JSON objects, one a line; events come in between.
"""

import json
import socket
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from benchmarks.board.tools import BoardError


class Qmp:
    """The connection; a context manager. BoardError where qemu refuses, or says nothing."""

    def __init__(self, path: Path, *, timeout_s: float) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(timeout_s)
        self._socket.connect(str(path))
        self._lines = self._socket.makefile("rb")
        self._seen: set[tuple[str, str]] = set()
        self._next()  # the greeting
        self.ask("qmp_capabilities")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def ask(self, command: str, **arguments: Any) -> Any:
        """One command; what it returns."""
        asked = {"execute": command, "arguments": arguments}
        try:
            self._socket.sendall(json.dumps(asked).encode() + b"\n")
        except OSError as error:
            raise BoardError(f"qemu takes no commands ({error}): it has ended") from error
        while True:
            said = self._next()
            if "return" in said:
                return said["return"]
            if "error" in said:
                raise BoardError(f"qemu refused {command}: {said['error'].get('desc')}")

    def wait_deleted(self, device: str) -> None:
        """Until qemu says that the device is gone; it may have said so already."""
        gone = ("DEVICE_DELETED", device)
        while gone not in self._seen:
            self._next()
        self._seen.discard(gone)

    def _next(self) -> dict[str, Any]:
        try:
            line = self._lines.readline()
        except OSError as error:
            raise BoardError(f"qemu did not answer ({error})") from error
        if not line:
            raise BoardError("qemu closed its control socket: it has ended")
        said: dict[str, Any] = json.loads(line)
        if "event" in said:
            self._seen.add((said["event"], str(said.get("data", {}).get("device"))))
        return said
