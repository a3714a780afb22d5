import os
from pathlib import Path

import pytest

from edgeemg.profiler.service_checks import (
    installed_services,
    service_check,
    service_checks,
    service_on,
)


def facts(active: str, **more: str) -> dict[str, str]:
    return {"ActiveState": active, "SubState": "x", "NRestarts": "0", **more}


@pytest.mark.parametrize(
    ("said", "status", "found"),
    [
        (facts("active", StatusText="3 decisions"), "ok", "active (x): 3 decisions"),
        (facts("reloading"), "ok", "reloading (x)"),
        (facts("active", NRestarts="2"), "ok", "active (x), restarted 2 times"),
        (facts("active", NRestarts="3"), "warn", "active (x), restarted 3 times"),
        (facts("inactive"), "warn", "inactive (x)"),
        (facts("activating", SubState="start"), "ok", "activating (start)"),
        (
            facts("activating", SubState="start", NRestarts="9"),
            "warn",
            "activating (start), restarted 9 times",
        ),
        (
            facts("activating", SubState="auto-restart", Result="exit-code"),
            "fail",
            "activating (auto-restart), last time: exit-code",
        ),
        (facts("deactivating", SubState="stop-sigterm"), "warn", "deactivating (stop-sigterm)"),
        (facts("failed", Result="watchdog"), "fail", "failed (x), last time: watchdog"),
        ({}, "warn", "emg is installed; systemd does not answer"),
    ],
)
def test_what_systemd_says_is_told(said: dict[str, str], status: str, found: str) -> None:
    check = service_check("emg", said, installed=True)
    assert (check.status, check.found) == (status, found)


def test_a_service_that_is_not_there_is_no_fault() -> None:
    assert service_check("emg", {}, installed=False).status == "ok"


def test_only_units_that_edgeemg_wrote_are_ours(tmp_path: Path) -> None:
    units = tmp_path / "etc/systemd/system"
    units.mkdir(parents=True)
    assert service_checks(tmp_path) == []
    (units / "left.service").write_text("# written by `edgeemg service install`; sha256 ...\n")
    (units / "other.service").write_text("[Unit]\n")
    (units / "gone.service").symlink_to(tmp_path / "nowhere")
    assert installed_services(tmp_path) == ["left"]
    (check,) = service_checks(tmp_path)
    assert (check.status, check.found) == ("ok", "left installed; systemd does not run here")


def test_the_first_line_that_install_writes_is_the_one_that_is_looked_for(tmp_path: Path) -> None:
    from edgeemg.cli.run_arguments import parse
    from edgeemg.cli.servicing import plan, write

    asked = parse(["/opt/bundle", "--port", "/dev/ttyUSB9"])
    planned = plan(asked, name="emg", user="edgeemg", find=lambda _: None)
    for path, text in planned.paths(tmp_path / "etc").items():
        write(path, text)
    assert installed_services(tmp_path) == ["emg"]


def test_the_service_that_was_given_a_port_is_found_while_it_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeemg.cli.run_arguments import parse
    from edgeemg.cli.servicing import plan, write

    device, link, other = tmp_path / "ttyUSB7", tmp_path / "emg sensor", tmp_path / "ttyUSB8"
    device.touch()
    link.symlink_to(device.name)
    asked = parse(["/opt/bundle", "--port", str(link)])
    planned = plan(asked, name="emg", user="edgeemg", find=lambda _: None)
    for path, text in planned.paths(tmp_path / "etc").items():
        write(path, text)
    systemctl = tmp_path / "systemctl"
    systemctl.write_text('#!/bin/sh\necho "ActiveState=$STATE"; echo "SubState=$SUB"\n')
    systemctl.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    monkeypatch.setenv("STATE", "active")
    monkeypatch.setenv("SUB", "running")
    assert service_on(link, tmp_path) == service_on(device, tmp_path) == "emg"
    assert service_on(other, tmp_path) is None
    monkeypatch.setenv("STATE", "activating")
    assert service_on(device, tmp_path) == "emg"
    monkeypatch.setenv("SUB", "auto-restart")
    assert service_on(device, tmp_path) is None
    monkeypatch.setenv("STATE", "inactive")
    assert service_on(device, tmp_path) is None
