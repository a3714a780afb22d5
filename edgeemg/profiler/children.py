"""Arguments of a fresh Python in; what it printed, or why it died, out."""

import signal
import subprocess
import sys
from dataclasses import dataclass

# what a process that was ended by a signal most likely means here
_SIGNALS = {
    "SIGILL": "illegal instruction: something installed is built for another processor",
    "SIGKILL": "killed from outside: most likely out of memory",
    "SIGSEGV": "it crashed",
    "SIGBUS": "it crashed",
    "SIGABRT": "it gave up",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a process gave no answer, in one line."""

    reason: str


def run_python(*arguments: str, patience_s: float) -> str | Failure:
    """The standard output of a fresh Python; it may die of an illegal instruction alone."""
    try:
        child = subprocess.run(  # noqa: S603  # our own interpreter and modules
            # -P: a module of the user's in the current folder must not stand for a library
            [sys.executable, "-P", *arguments],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=patience_s,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return Failure(f"no answer within {patience_s:g} s")
    if child.returncode == 0:
        return child.stdout
    return Failure(why_it_ended(child.returncode, child.stderr))


def why_it_ended(code: int, stderr: str) -> str:
    """An exit code that is not 0, in words: a signal by its name; else the last line written."""
    if code < 0:
        name = signal.Signals(-code).name
        return f"{name} ({_SIGNALS.get(name, 'ended by a signal')})"
    lines = stderr.strip().splitlines()
    return lines[-1].strip() if lines else f"it ended with exit code {code}"
