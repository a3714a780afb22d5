"""The last step: a power cut while it records, what is left then, and that all comes up again."""

import time
from typing import Any

from benchmarks.board.rig import EDGEEMG, SERVICE, Facts, Rig, as_object

_RECORDINGS = "/var/lib/recordings"
_UNIT = "board-record"
_RECORD_S = 20.0
_MOST_LOST_S = 1.0
_RATE_HZ = 250
_START_S = 90.0
_SLOW_S = 300.0


def survives_power_cut(rig: Rig) -> Facts:
    """Power goes while `edgeemg record` runs; after the next start, the recording is recovered."""
    guest = rig.machine.guest
    guest.do("systemctl", "stop", SERVICE)
    rig.plug_in()
    port = rig.port()
    guest.do(
        *("systemd-run", f"--unit={_UNIT}", "--quiet", EDGEEMG, "record", "--port", port),
        *("--device", "cyton", "--out", _RECORDINGS, "--words", "yes,no", "--generated"),
        *("--at-once", "--repetitions", "40"),
    )
    asked = ["sh", "-c", f"ls -s {_RECORDINGS}/*.emgj"]
    guest.wait_until(asked, ".emgj", _START_S, "the recording")
    time.sleep(_RECORD_S)
    rig.machine.cut_power()
    account = rig.stop_sensor()
    rig.boot()
    rig.plug_in()
    kept = _recover(rig)
    lost_s = (account.sent - kept["FirstSampleIndex"] - kept["SampleCount"]) / _RATE_HZ
    rig.check(lost_s <= _MOST_LOST_S, f"{lost_s:.2f} s of the recording are lost")
    rig.wait_active()
    rig.wait_for_decision()
    return {
        "samples that the sensor had sent": account.sent,
        "samples recovered": kept["SampleCount"],
        "lost at the end, s of the sensor's samples": round(lost_s, 3),
        "the service": _status(rig),
    }


def _recover(rig: Rig) -> dict[str, Any]:
    """What the recovered recording's sidecar says."""
    guest = rig.machine.guest
    journal = guest.do("sh", "-c", f"ls {_RECORDINGS}/*.emgj").strip()
    guest.do(EDGEEMG, "data", "recover", journal, "--out", _RECORDINGS, timeout_s=_SLOW_S)
    found = guest.do("find", _RECORDINGS, "-name", "*_emg.json").split()
    rig.check(len(found) == 1, f"one recording was to be there, found {found}")
    return as_object(guest.do("cat", found[0]), found[0])


def _status(rig: Rig) -> str:
    """What `edgeemg service status` says: it came up by itself."""
    done = rig.machine.guest.ask(EDGEEMG, "service", "status", timeout_s=_SLOW_S)
    rig.check(done.code == 0, f"service status ended with {done.code}: {done.stderr.strip()}")
    return done.stderr.strip().splitlines()[-1]
