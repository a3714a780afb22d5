"""The engines under the unit's rule for memory and its filter of system calls, without systemd."""

import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from edgeemg.cli.unit_file import Needs, unit_text

# Does to itself what systemd does before it starts a service, then becomes the command.
# prctl(2): 38 is PR_SET_NO_NEW_PRIVS, 65 PR_SET_MDWE with PR_MDWE_REFUSE_EXEC_GAIN, since Linux
# 6.3; seccomp_init(3): 0x7fff0000 is SCMP_ACT_ALLOW, 0x00050000 | EPERM SCMP_ACT_ERRNO.
CONFINE = """
import ctypes, os, sys
names, command = sys.argv[1].split(), sys.argv[2:]
libc, seccomp = ctypes.CDLL(None, use_errno=True), ctypes.CDLL("libseccomp.so.2")
seccomp.seccomp_init.restype = ctypes.c_void_p
seccomp.seccomp_load.argtypes = [ctypes.c_void_p]
add = seccomp.seccomp_rule_add_array
add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p]
assert libc.prctl(38, 1, 0, 0, 0) == 0
if libc.prctl(65, 1, 0, 0, 0) != 0:
    sys.exit(77)
context = seccomp.seccomp_init(ctypes.c_uint32(0x00050000 | 1))
numbers = [seccomp.seccomp_syscall_resolve_name(name.encode()) for name in names]
for number in numbers:
    if number >= 0:
        assert add(context, 0x7FFF0000, number, 0, None) == 0
assert seccomp.seccomp_load(context) == 0
os.execv(command[0], command)
"""
REFUSED = """
import mmap, os
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    print("memory")
try:
    os.sched_setaffinity(0, {0})
except PermissionError:
    print("call")
"""


def calls_of(group: str) -> set[str]:
    """The system calls of a group of systemd's, of groups in it, too."""
    done = subprocess.run(
        ["systemd-analyze", "syscall-filter", "--no-pager", group],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    names = {line.strip() for line in done.stdout.splitlines()[1:]} - {"", group}
    inner = {name for name in names if name.startswith("@")}
    plain = {name for name in names if name[0] not in "@#"}
    return plain.union(*map(calls_of, inner))


@pytest.fixture(scope="module")
def allowed(missing: Callable[[str], NoReturn]) -> str:
    """The system calls that the unit leaves; @default is in every filter: systemd.exec(5)."""
    if shutil.which("systemd-analyze") is None:
        missing("systemd-analyze, of Debian's package systemd")
    if platform.system() != "Linux":
        pytest.skip("Linux only")
    unit = unit_text("x", ["/bin/true"], user="x", dynamic=True, group="dialout", needs=Needs())
    calls: set[str] = set()
    for words in re.findall(r"^SystemCallFilter=(.*)$", unit, re.MULTILINE):
        groups = set().union(*map(calls_of, words.removeprefix("~").split()))
        calls = calls - groups if words.startswith("~") else calls | groups
    assert "MemoryDenyWriteExecute=yes\n" in unit
    return " ".join(sorted(calls | calls_of("@default")))


def confined(allowed: str, *arguments: object) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", CONFINE, allowed, sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode == 77:
        pytest.skip("this kernel, older than Linux 6.3, cannot refuse executable memory by itself")
    return done


def test_what_the_unit_forbids_is_refused(allowed: str) -> None:
    assert confined(allowed, "-c", REFUSED).stdout.split() == ["memory", "call"]


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_an_engine_decides_alike_where_its_service_would_run_it(
    allowed: str, tiny_bundle: Path, tiny_recording: Path, engine: str, precision: str
) -> None:
    asked = ("-m", "edgeemg", "run", tiny_bundle, "--recording", tiny_recording, "--every-hop")
    asked = (*asked, "--engine", engine, "--precision", precision)
    inside = confined(allowed, *asked)
    assert inside.returncode == 0, inside.stderr
    outside = subprocess.run(
        [sys.executable, *map(str, asked)], capture_output=True, text=True, timeout=300
    )
    assert len(inside.stdout.splitlines()) > 100
    assert inside.stdout == outside.stdout
