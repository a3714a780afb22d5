"""`edgeemg service` as a person calls it. Nothing of this system is touched."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest


def service(*arguments: object, user: int | None = None) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgeemg", "service", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, user=user)


def test_a_dry_run_prints_both_files_and_writes_nothing(tiny_bundle: Path, tmp_path: Path) -> None:
    done = service(
        *("install", tiny_bundle, "--port", "/dev/ttyUSB9", "--dry-run", "--prefix", tmp_path)
    )
    assert done.returncode == 0, done.stderr
    assert f"# --- {tmp_path}/systemd/system/edgeemg.service" in done.stdout
    assert f"# --- {tmp_path}/udev/rules.d/60-edgeemg.rules" in done.stdout
    assert f'"run" "{tiny_bundle}" "--port=/dev/ttyUSB9" "--wait"' in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_options_come_in_any_order_and_go_to_run(tiny_bundle: Path) -> None:
    done = service(
        *("install", "--sink", "jsonl", "--name", "emg", "--port", "/dev/ttyUSB9"),
        *("--dry-run", "--threshold", "0.7", tiny_bundle, "--engine", "tflite"),
    )
    assert done.returncode == 0, done.stderr
    (line,) = re.findall("ExecStart=(.*)", done.stdout)
    for one in ("--sink=jsonl", "--threshold=0.7", "--engine=tflite", "--wait"):
        assert f' "{one}"' in line
    assert f' "run" "{tiny_bundle}" ' in line
    assert "StateDirectory=emg\n" in done.stdout


def test_installing_says_what_it_wrote_and_what_comes_next(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    asked = ("install", tiny_bundle, "--port", "/dev/ttyUSB9", "--prefix", tmp_path)
    first, second = service(*asked), service(*asked)
    assert (first.returncode, first.stdout) == (0, "")
    assert first.stderr.count("wrote ") == 2
    assert "sudo systemctl daemon-reload && sudo systemctl enable --now edgeemg" in first.stderr
    assert second.stderr.count("is as it should be") == 2
    removed = service("remove", "--prefix", tmp_path)
    assert removed.stderr.count("removed ") == 2
    assert not [one for one in tmp_path.rglob("*") if one.is_file()]


def test_a_unit_of_somebody_else_is_neither_overwritten_nor_removed(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    unit = tmp_path / "etc/systemd/system/ssh.service"
    packaged = tmp_path / "usr/lib/systemd/system/cron.service"
    for one in (unit, packaged):
        one.parent.mkdir(parents=True)
        one.write_text("[Unit]\n")
    prefix = ("--prefix", tmp_path / "etc")
    for done in (
        service("remove", "--name", "ssh", *prefix),
        service("install", tiny_bundle, "--port", "/dev/ttyUSB9", "--name", "ssh", *prefix),
        service("install", tiny_bundle, "--port", "/dev/ttyUSB9", "--name", "cron", *prefix),
    ):
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert "was not written by `edgeemg service install`" in line
    assert sorted(one for one in tmp_path.rglob("*") if one.is_file()) == [unit, packaged]
    assert unit.read_text() == "[Unit]\n"


def test_a_page_that_would_need_a_token_is_warned_of(tiny_bundle: Path) -> None:
    asked = ("install", tiny_bundle, "--port", "/dev/ttyUSB9", "--name", "edgeemg-never")
    done = service(*asked, "--monitor", "0.0.0.0:8766", "--dry-run")
    assert done.returncode == 0
    assert "warning: the monitor on 0.0.0.0:8766 can be reached by other machines" in done.stderr
    assert "/etc/edgeemg-never.env" in done.stderr
    assert "--monitor" not in service(*asked, "--dry-run").stderr


def test_what_run_would_refuse_is_refused_before_anything_is_written(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    asked = ("install", tiny_bundle, "--port", "/dev/ttyUSB9", "--name", "edgeemg-never")
    wrong = ("--sink", "keys:up=KEY_UP")
    done = service(*asked, *wrong)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "keys are for the model's labels" in line
    assert not Path("/etc/systemd/system/edgeemg-never.service").exists()
    for elsewhere in (("--dry-run",), ("--prefix", tmp_path / "etc")):
        done = service(*asked, *wrong, *elsewhere)
        assert done.returncode == 0, done.stderr
        assert "warning: keys are for the model's labels" in done.stderr
    assert (tmp_path / "etc/systemd/system/edgeemg-never.service").exists()


def test_a_damaged_bundle_is_refused_and_elsewhere_warned_of(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, folder)
    (folder / "model.onnx").write_bytes(b"")
    asked = ("install", folder, "--port", "/dev/ttyUSB9", "--name", "edgeemg-never")
    done = service(*asked)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "model.onnx does not match" in line
    assert not Path("/etc/systemd/system/edgeemg-never.service").exists()
    for elsewhere in (("--dry-run",), ("--prefix", tmp_path / "etc")):
        done = service(*asked, *elsewhere)
        assert done.returncode == 0, done.stderr
        (line,) = [one for one in done.stderr.splitlines() if "model.onnx" in one]
        assert line.startswith("warning: ")


def test_a_bundle_that_the_service_could_not_read_is_refused_before_anything_is_written(
    tiny_bundle: Path,
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        bundle = Path(folder) / "bundle"
        shutil.copytree(tiny_bundle, bundle)
        done = service("install", bundle, "--port", "/dev/ttyUSB9", "--name", "edgeemg-never")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "a service does not see /tmp" in line
    assert not Path("/etc/systemd/system/edgeemg-never.service").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_without_the_right_to_write_it_says_what_to_do(tmp_path: Path) -> None:
    from edgeemg.cli.servicing import write
    from edgeemg.errors import EdgeEmgError

    folder = tmp_path / "etc"
    folder.mkdir(mode=0o755)
    tmp_path.chmod(0o755)
    os.seteuid(65534)
    try:
        with pytest.raises(EdgeEmgError, match=r"run it as root \(sudo\)"):
            write(folder / "x.service", "text")
    finally:
        os.seteuid(0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["install", "x"], "give the sensor's --port"),
        (["install", "x", "--port", "/dev/ttyUSB0", "--nonsense"], "No such option"),
        (["install", "no-bundle", "--port", "/dev/ttyUSB0"], "no-bundle: no such folder"),
        (["remove", "--name", "../x", "--prefix", "."], "name is 1 to 31"),
        (["status", "--name", "a/b"], "name is 1 to 31"),
    ],
)
def test_bad_input_is_one_clear_line(arguments: list[str], said: str) -> None:
    done = service(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert said in done.stderr.splitlines()[-1]


def test_the_status_of_a_service_that_is_not_there_fails() -> None:
    done = service("status", "--name", "edgeemg-never", "--json")
    assert done.returncode == 1
    assert "edgeemg-never is not installed" in done.stderr
    assert '"installed": false' in done.stdout
