"""Decisions in, a command run for each: the decision as JSON on stdin and in the environment."""

import os
import shlex
import shutil
import signal
import subprocess
from contextlib import suppress

from edgeemg.errors import SinkError
from edgeemg.runtime.outbox import LostError, Place
from edgeemg.runtime.sinks import Decision

LIMIT_S = 10.0  # of one command; a slower one should put its work in the background
MOST = 4  # decisions that wait: a command that comes a minute late is not what was asked for
_STDERR = 2  # stdout belongs to the decisions
# secrets of ours, and what makes a child of a service speak for it
_KEPT_BACK = ("EDGEEMG_TOKEN", "EDGEEMG_MQTT_", "NOTIFY_SOCKET", "WATCHDOG_")


def parse_command(text: str) -> list[str]:
    """The words of a command line, without a shell; SinkError where there is no such program."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise SinkError(f"cannot read the command {text!r} ({error})") from error
    if not words:
        raise SinkError("a command was wanted, as in exec:/usr/bin/logger -t emg, got none")
    if shutil.which(words[0]) is None:
        raise SinkError(
            f"no program {words[0]!r} that can be run: give its whole path; for shell syntax, "
            "exec:sh -c '...'"
        )
    return words


class Command(Place):
    """Runs `words` once for each decision, one at a time, and kills it after `limit_s`."""

    def __init__(self, words: list[str], *, limit_s: float = LIMIT_S) -> None:
        self._words = words
        self._limit_s = limit_s
        self._running: subprocess.Popen[bytes] | None = None
        self._hurried = False

    def deliver(self, decision: Decision) -> None:
        """Run the command to its end; LostError where it fails or takes too long."""
        try:
            running = subprocess.Popen(  # noqa: S603  # the user's own command, without a shell
                self._words,
                stdin=subprocess.PIPE,
                stdout=_STDERR,
                env=_environment(decision),
                start_new_session=True,  # Ctrl-C is for us, and its children are killed with it
            )
        except OSError as error:
            raise LostError(f"cannot run {self._words[0]} ({error.strerror})") from error
        self._running = running
        if self._hurried:
            _kill(running)
        try:
            running.communicate(decision.as_json().encode() + b"\n", timeout=self._limit_s)
        except subprocess.TimeoutExpired as error:
            _kill(running)
            running.communicate()
            raise LostError(f"it took more than {self._limit_s:g} s and was killed") from error
        if running.returncode:
            raise LostError(f"it ended with {_ending(running.returncode)}")

    def hurry(self) -> None:
        """Kill the command that runs."""
        self._hurried = True
        if self._running is not None:
            _kill(self._running)


def _environment(decision: Decision) -> dict[str, str]:
    given = {name: value for name, value in os.environ.items() if not name.startswith(_KEPT_BACK)}
    latency_ms = "" if decision.latency_ms is None else str(decision.latency_ms)
    told = {
        "EDGEEMG_LABEL": decision.label.replace("\0", ""),
        "EDGEEMG_CONFIDENCE": str(decision.confidence),
        "EDGEEMG_SAMPLE_INDEX": str(decision.sample_index),
        "EDGEEMG_T_S": str(decision.t_s),
        "EDGEEMG_LATENCY_MS": latency_ms,
        "EDGEEMG_ENGINE": decision.engine,
    }
    return given | told


def _kill(running: "subprocess.Popen[bytes]") -> None:
    """It and its children, unless it has ended: its number may be another's by then."""
    if running.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(running.pid, signal.SIGKILL)


def _ending(code: int) -> str:
    return f"exit code {code}" if code > 0 else f"signal {-code}"
