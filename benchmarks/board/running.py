"""The steps of a day: five minutes of decisions, an unplug, a reboot of the sensor, a hung loop."""

import time

from benchmarks.board.comparing import same_decisions
from benchmarks.board.material import offline_decisions
from benchmarks.board.rig import SERVICE, Facts, Rig, counters
from benchmarks.board.tools import BoardError

_MARGIN_S = 4.0  # more than asked for, so that the last decision is there
_LATE_S = 120.0
_LAST = 125  # samples that the sensor may send while it is being stopped
_OUT_S = 3.0  # how long the plug is out
_REBOOT_EVERY_S, _REBOOT_S = 12, 2
_RESTART_S = 120.0
_NOTHING_LOST = (
    *("wire_lost", "wire_lost_in_outages", "wire_malformed", "wire_reboots", "wire_reconnects"),
    *("missing_samples", "dropped_samples", "breaks", "untrusted_windows"),
)


def decides(rig: Rig) -> Facts:
    """The service, on a recording at real speed: nothing lost, and the decisions of the file."""
    began_s = time.monotonic()
    offline = offline_decisions(rig.material)
    wanted = round(rig.seconds * 250)
    _sleep_until(began_s + rig.seconds + _MARGIN_S)
    _wait_for_samples(rig, wanted)
    process = rig.show("MainPID")["MainPID"]
    status = rig.machine.guest.do("cat", f"/proc/{process}/status")
    peak_kb = next(int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
    rig.machine.guest.do("systemctl", "stop", SERVICE)
    counted = counters(rig.journal())
    account = rig.unplug()
    lost = {name: counted[name] for name in _NOTHING_LOST}
    rig.check(account.overflow == 0, f"the emulated board was too slow: {account.line}")
    rig.check(not any(lost.values()), f"lost: {lost}")
    received, samples = int(counted["wire_received"]), int(counted["samples"])
    rig.check(samples >= wanted, f"{samples} samples of {wanted}")
    rig.check(account.sent - received <= _LAST, f"{account.sent} sent, {received} received")
    return {
        "samples that the sensor sent": account.sent,
        "received until the service was stopped": received,
        "lost, dropped, missing, or in a break": 0,
        **same_decisions(rig.decisions(), offline, before_index=wanted),
        "peak memory of the service, MB": round(peak_kb * 1024 / 1e6, 1),
    }


def survives_unplug(rig: Rig) -> Facts:
    """The plug comes out in the middle, and goes in again three seconds later."""
    rig.plug_in()
    rig.machine.guest.do("systemctl", "start", SERVICE)
    rig.wait_active()
    rig.wait_for_decision()
    before = rig.show("MainPID", "NRestarts")
    rig.unplug()
    time.sleep(_OUT_S)
    rig.plug_in("--reboot", str(_REBOOT_EVERY_S), str(_REBOOT_S))
    rig.wait_for_decision()
    _same_process(rig, before)
    return {"what it said": _last_said(rig, "back after")}


def survives_reboot(rig: Rig) -> Facts:
    """The sensor loses its power again and again, for two seconds, while it streams."""
    before = rig.show("MainPID", "NRestarts")
    time.sleep(1.7 * (_REBOOT_EVERY_S + _REBOOT_S))
    rig.wait_for_decision()
    _same_process(rig, before)
    account = rig.unplug()
    reboots = _number_before(account.line, " x reboot")
    rig.check(reboots >= 1, f"the sensor did not reboot: {account.line}")
    rig.plug_in()
    rig.wait_for_decision()
    return {"reboots of the sensor": reboots, "samples not sent meanwhile": account.lost}


def survives_hang(rig: Rig) -> Facts:
    """The service is stopped in its tracks (SIGSTOP): systemd's watchdog starts it again."""
    before = rig.show("MainPID", "NRestarts")
    guest = rig.machine.guest
    guest.do("systemctl", "kill", "--kill-whom=main", "--signal=STOP", SERVICE)
    guest.wait_until(
        ["systemctl", "show", SERVICE, "--property=NRestarts"],
        f"NRestarts={int(before['NRestarts']) + 1}",
        _RESTART_S,
        "a restart by the watchdog",
    )
    rig.wait_active()
    rig.wait_for_decision()
    after = rig.show("MainPID", "NRestarts")
    rig.check(after["MainPID"] != before["MainPID"], "it is the same process")
    return {"what systemd said": _last_said(rig, "Watchdog timeout")}


def _wait_for_samples(rig: Rig, wanted: int) -> None:
    """Until the service has decided on what comes after the part that is compared."""
    deadline_s = time.monotonic() + _LATE_S
    while time.monotonic() < deadline_s:
        found = rig.decisions()
        if found and found[-1]["sample_index"] >= wanted:
            return
        time.sleep(2.0)
    raise BoardError(
        f"after {rig.seconds + _LATE_S:.0f} s: no decision on sample {wanted} or later"
    )


def _same_process(rig: Rig, before: dict[str, str]) -> None:
    after = rig.show("MainPID", "NRestarts")
    rig.check(after == before, f"the service was started again: {before}, then {after}")


def _last_said(rig: Rig, wanted: str) -> str:
    said = [line for line in rig.journal() if wanted in line]
    rig.check(bool(said), f"the journal has no line with {wanted!r}")
    return said[-1].strip()


def _number_before(line: str, what: str) -> int:
    words = line.partition(what)[0].split()
    return int(words[-1]) if what in line else 0


def _sleep_until(when_s: float) -> None:
    time.sleep(max(0.0, when_s - time.monotonic()))
