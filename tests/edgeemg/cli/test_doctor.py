import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def doctor(*arguments: object, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "edgeemg", "doctor", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def by_name(done: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, str]]:
    return {check["name"]: check for check in json.loads(done.stdout)["checks"]}


@pytest.fixture
def terminal() -> Iterator[str]:
    master, slave = pty.openpty()
    yield os.ttyname(slave)
    os.close(master)
    os.close(slave)


def test_a_bundle_and_a_port_that_work_pass(tiny_bundle: Path, terminal: str) -> None:
    done = doctor(tiny_bundle, "--port", terminal, "--json")
    checks = by_name(done)
    for name in ("numpy", "engine onnx", "engine tflite", "model.onnx", f"open {terminal}"):
        assert checks[name]["status"] == "ok", checks[name]
    assert checks[f"open {terminal}"]["found"].startswith("opened and closed")
    failed = [name for name, check in checks.items() if check["status"] == "fail"]
    assert json.loads(done.stdout)["ok"] == (not failed)
    assert done.returncode == (1 if failed else 0)
    assert f"{len(checks)} checks: {len(failed)} failed" in done.stderr
    assert max(map(len, done.stderr.splitlines())) <= 100


def test_a_port_that_does_not_exist_fails_with_a_remedy() -> None:
    done = doctor("--port", "/dev/ttyNONE9", "--json")
    assert done.returncode == 1
    check = by_name(done)["open /dev/ttyNONE9"]
    assert (check["status"], check["found"]) == ("fail", "no such serial port")
    assert check["remedy"]
    assert "checks failed: " in done.stderr.splitlines()[-1]
    assert "open /dev/ttyNONE9" in done.stderr.splitlines()[-1]


HOLDS = "import sys, os; f = os.open(sys.argv[1], os.O_RDWR); print(flush=True); sys.stdin.read()"


@contextmanager
def held(terminal: str, *words: str) -> Iterator[int]:
    """The terminal while another program has it open; its process number."""
    command = [sys.executable, "-c", HOLDS, terminal, *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        yield holder.pid


def test_a_port_that_another_program_has_locked_is_held_by_name(terminal: str) -> None:
    from firmware_bridge.ports import Port

    with Port(terminal, 115200):
        check = by_name(doctor("--port", terminal, "--json"))[f"open {terminal}"]
    assert check["status"] == "fail"
    assert check["found"].startswith("held by ")
    assert f"(process {os.getpid()})" in check["found"]
    assert f"sudo kill {os.getpid()}" in check["remedy"]


def test_a_port_whose_holder_is_not_seen_is_no_failure(
    terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another user's programs, as a service is, nothing is seen; nor of this very process."""
    from edgeemg.cli.doctor import _opened
    from firmware_bridge.ports import Port

    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with Port(terminal, 115200):
        check = _opened(terminal)
    assert (check.status, check.found) == ("warn", "busy: a program of another user holds it")
    assert f'sudo "$(command -v edgeemg)" doctor --port {terminal}' in (check.remedy or "")


def test_a_port_that_edgeemg_itself_uses_is_ok() -> None:
    master, slave = pty.openpty()
    terminal = os.ttyname(slave)
    with held(terminal, "edgeemg", "run") as pid:
        os.close(slave)  # else these tests hold it, too
        check = by_name(doctor("--port", terminal, "--json"))[f"open {terminal}"]
    os.close(master)
    assert (check["status"], check["found"]) == ("ok", f"in use by edgeemg (process {pid})")


def test_a_numpy_that_dies_does_not_take_the_doctor_with_it(tmp_path: Path) -> None:
    (tmp_path / "numpy.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGILL)")
    done = doctor("--json", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    checks = by_name(done)
    assert checks["numpy"]["found"].startswith("SIGILL (illegal instruction")
    assert checks["engines"]["status"] == "warn"
    assert checks["disk"]["found"]


def test_an_engine_that_dies_is_named(tmp_path: Path, tiny_bundle: Path) -> None:
    (tmp_path / "onnxruntime.py").write_text(
        "import os, signal; os.kill(os.getpid(), signal.SIGILL)"
    )
    done = doctor(tiny_bundle, "--json", PYTHONPATH=str(tmp_path))
    checks = by_name(done)
    assert done.returncode == 1
    assert checks["engine onnx"]["found"].startswith("SIGILL")
    assert checks["model.int8.onnx"]["found"].startswith("SIGILL")
    assert checks["model.int8.tflite"]["status"] == "ok"


def test_wrong_answers_fail(wrong_bundle: Path) -> None:
    done = doctor(wrong_bundle)
    assert (done.returncode, done.stdout) == (1, "")
    assert "FAIL  model.onnx" in done.stderr
    assert "wrong answers" in done.stderr


def test_a_damaged_bundle_is_refused_before_anything_is_checked(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_bundle, folder)
    (folder / "manifest.json").write_text("{}")
    done = doctor(folder)
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"edgeemg: {folder}/manifest.json")
