"""Lines and datagrams of the program under test in; how many came, and which are wrong, out."""

import json
import socket
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from benchmarks.day.report import Day
from edgeemg.dsp.samples import Samples
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.decisions import Decider
from edgeemg.runtime.engines import open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import listen

_SETTLE_S = 6.0  # after a break filters have forgotten it: 0.986 to the power of 1500 is 7e-10
_LAST_DIGIT = 1.01e-4  # decisions tell four


class Reference:
    """What the bundle says at every hop of a recording that is played again and again."""

    def __init__(self, bundle: Path, samples: Samples) -> None:
        opened = open_bundle(bundle)
        manifest = opened.manifest
        self.period = len(samples) - len(samples) % manifest.hop_samples
        self.hop = manifest.hop_samples
        self.rate_hz = manifest.sample_rate_hz
        values = np.concatenate([samples.microvolts[: self.period]] * 2)
        twice = Samples.contiguous(values, manifest.sample_rate_hz)
        pieces = (twice[at : at + 250] for at in range(0, len(twice), 250))
        decider, health = Decider(manifest), Health()
        said = {}
        for one in listen(pieces, open_engine(opened, "onnx"), manifest, health=health):
            verdict = decider.feed(one.logits, one.sample_index, trusted=one.trusted)
            said[one.sample_index] = (verdict.label, verdict.confidence)
        self._said = {at % self.period: one for at, one in said.items() if at >= self.period}

    def agrees(self, index: int, label: str, confidence: float) -> bool:
        """Whether this is what the recording gives at this sample, to a unit of the last digit."""
        wanted, odds = self._said.get(index % self.period, ("", 0.0))
        return label == wanted and abs(odds - confidence) < _LAST_DIGIT


class HopListener:
    """Lines of stdout in; how many hops, and how many of them differ from the recording."""

    def __init__(self, process: subprocess.Popen[str], reference: Reference, day: Day) -> None:
        self.last_index = -1
        self._process, self._reference, self._day = process, reference, day
        self._since = -1  # the first hop of a stretch without a break
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            self._take(told["sample_index"], told["label"], told["confidence"])

    def _take(self, index: int, label: str, confidence: float) -> None:
        reference, day = self._reference, self._day
        if index != self.last_index + reference.hop:
            self._since = index
        self.last_index = index
        day.hops += 1
        if index - self._since < _SETTLE_S * reference.rate_hz:
            return
        day.settled += 1
        if not reference.agrees(index, label, confidence):
            day.differing += 1


# below those that the system gives to whoever asks for any: nobody takes it while nobody listens
_PORTS = range(23_000, 32_000, 7)


class Ear:
    """A UDP port that somebody listens to, or nobody."""

    def __init__(self) -> None:
        self.heard = 0
        self._socket: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Listen, on the same port as before."""
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        listening.setblocking(False)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        for port in (self.port,) if self.port else _PORTS:
            with suppress(OSError):
                listening.bind(("127.0.0.1", port))
                self.port, self._socket = port, listening
                return
        listening.close()
        raise OSError(f"no UDP port is free of {_PORTS}, or somebody took {self.port}")

    def close(self) -> None:
        """Hear what is there, and listen no more."""
        self.listen()
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def listen(self) -> None:
        """Count what has come."""
        while self._socket is not None:
            try:
                self._socket.recv(4096)
            except BlockingIOError:
                return
            self.heard += 1
