"""Requests on a virtio port in; what the programs that they name said, out. Runs in the guest.

It is copied into the guest and run by the guest's own Python, so it imports nothing of ours. One
JSON object a line, in both directions: `{"id", "argv", "timeout_s"}` is answered by
`{"id", "code", "stdout", "stderr"}`, in which `code` is null where the time was over. When it
starts it says `{"hello": BOOT_ID}`.
"""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, BinaryIO

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_NOBODY_S = 0.2  # nobody has the other end open: look again after this


def serve(port: BinaryIO) -> None:
    """Answer one request after the other, for ever."""
    _say(port, {"hello": _BOOT_ID.read_text(encoding="ascii").strip()})
    while True:
        line = port.readline()
        if line:
            _say(port, answer(line))
        else:
            time.sleep(_NOBODY_S)


def answer(line: bytes) -> dict[str, Any]:
    """What the program said that this request names; a line that is none gets id null."""
    try:
        asked = json.loads(line)
        number, argv, timeout_s = asked["id"], asked["argv"], asked["timeout_s"]
    except (ValueError, KeyError, TypeError) as error:
        return {"id": None, "code": 2, "stdout": "", "stderr": f"no request: {error!r}"}
    try:
        done = subprocess.run(  # noqa: S603  # to run programs is what it is for
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"id": number, "code": None, "stdout": "", "stderr": f"not done in {timeout_s} s"}
    except OSError as error:
        return {"id": number, "code": 127, "stdout": "", "stderr": str(error)}
    return {"id": number, "code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def _say(port: BinaryIO, what: dict[str, Any]) -> None:
    port.write(json.dumps(what).encode() + b"\n")


if __name__ == "__main__":
    with Path(sys.argv[1]).open("r+b", buffering=0) as opened:
        serve(opened)
