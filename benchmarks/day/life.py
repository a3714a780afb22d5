"""A bundle and a world in; `edgeemg run` in that world, and what may go wrong around it, out."""

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.day.hearing import Ear
from benchmarks.day.world import SPEED, World
from edgeemg.manifest import MANIFEST_NAME
from edgeemg.runtime.bundle import open_bundle

KINDS = ("unplug", "garbage", "stall", "reboot", "sink down", "disk full", "reload")
_ANOTHER_CLOCK = Path(__file__).parent.parent / "subjects" / "another_clock.py"


class Life:
    """The program under test with all that is around it, and what may go wrong."""

    def __init__(self, bundle: Path, folder: Path, world: World, ear: Ear) -> None:
        self._world, self._ear = world, ear
        self._bundle, self._file = bundle, folder / "decisions.jsonl"
        self.log = folder / "run.log"
        channels = len(open_bundle(bundle).manifest.channels)
        command = [sys.executable, str(_ANOTHER_CLOCK), str(world.clock_path), str(SPEED)]
        command += ["edgeemg", "run", str(bundle), "--port", str(world.link), "--device", "edgeemg"]
        command += ["--engine", "onnx", "--every-hop", "--sink", "jsonl"]
        command += ["--sink", f"jsonl:{self._file}", "--sink", f"udp://127.0.0.1:{ear.port}"]
        command += ["--channels", ",".join(str(n + 1) for n in range(channels))]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(  # noqa: S603  # ours
                command, stdout=subprocess.PIPE, stderr=log, text=True
            )
        self._reloads = 0

    def fault(self, kind: str, seconds: float) -> None:
        """Let it happen; it is over when this returns."""
        kinds = {
            "unplug": self._world.unplug,
            "garbage": self._world.garbage,
            "stall": self._world.stall,
            "reboot": self._world.reboot,
            "sink down": self._sink_down,
            "disk full": self._disk_full,
            "reload": self._reload,
        }
        kinds[kind](seconds)

    def _sink_down(self, seconds: float) -> None:
        self._world.settle()
        self._ear.close()
        self._world.play(seconds)
        self._ear.open()

    def _disk_full(self, seconds: float) -> None:
        self._limit(self._file.stat().st_size + 100)
        self._world.play(seconds)
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, most_bytes: int) -> None:
        limits = (most_bytes, resource.RLIM_INFINITY)
        resource.prlimit(self.process.pid, resource.RLIMIT_FSIZE, limits)

    def _reload(self, seconds: float) -> None:
        self._reloads += 1
        manifest = self._bundle / MANIFEST_NAME
        good = manifest.read_bytes()
        if self._reloads % 2 == 0:
            manifest.write_bytes(good[: len(good) // 2])
        self.process.send_signal(signal.SIGHUP)
        self._world.play(seconds)
        manifest.write_bytes(good)

    def end(self) -> int:
        """SIGTERM, and what it exits with."""
        self.process.send_signal(signal.SIGTERM)
        ends_s = time.monotonic() + 60
        while self.process.poll() is None and time.monotonic() < ends_s:
            self._world.idle(0.05)
        return self.process.wait(1)

    def resident_mb(self) -> float:
        """What the process holds now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        (line,) = (one for one in status.splitlines() if one.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6
