import os
import subprocess
import sys
from pathlib import Path

from edgeemg.profiler.port_holders import Holder, holders_of


def laid_out(root: Path, pid: int, comm: str, command: str, *files: str) -> None:
    process = root / f"proc/{pid}"
    (process / "fd").mkdir(parents=True)
    (process / "comm").write_text(f"{comm}\n")
    (process / "cmdline").write_text(command.replace(" ", "\0") + "\0")
    for n, name in enumerate(files):
        (process / f"fd/{n}").symlink_to(name)


def test_those_who_hold_it_are_named_and_ours_are_known(tmp_path: Path) -> None:
    laid_out(tmp_path, 7, "screen", "screen /dev/ttyUSB0", "/dev/null", "/dev/ttyUSB0")
    laid_out(tmp_path, 8, "python3", "python3 -m edgeemg run b --port x", "/dev/ttyUSB0")
    laid_out(tmp_path, 9, "edgeemg", "/opt/v/bin/python /opt/v/bin/edgeemg record", "/dev/ttyUSB0")
    laid_out(tmp_path, 10, "minicom", "minicom", "/dev/ttyUSB1")
    found = holders_of(Path("/dev/ttyUSB0"), tmp_path)
    assert sorted(found, key=lambda one: one.pid) == [
        Holder(7, "screen", is_ours=False),
        Holder(8, "python3", is_ours=True),
        Holder(9, "edgeemg", is_ours=True),
    ]
    assert sorted(map(str, found)) == [
        "edgeemg (process 8)",
        "edgeemg (process 9)",
        "screen (process 7)",
    ]


def test_a_program_that_ends_meanwhile_is_none(tmp_path: Path) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    assert holders_of(Path("/dev/ttyUSB0"), tmp_path) == []


def test_a_descriptor_that_closes_meanwhile_hides_no_other(tmp_path: Path) -> None:
    laid_out(tmp_path, 7, "screen", "screen", "/dev/ttyUSB0")
    folder = tmp_path / "proc/7/fd"
    for n in range(1, 10):
        (folder / str(n)).touch()  # no link, as one that is gone: it cannot be read as one
    assert [one.pid for one in holders_of(Path("/dev/ttyUSB0"), tmp_path)] == [7]
    (folder / "0").rename(folder / "99")
    assert [one.pid for one in holders_of(Path("/dev/ttyUSB0"), tmp_path)] == [7]


def test_a_link_to_the_port_is_followed(tmp_path: Path) -> None:
    master, slave = os.openpty()
    link = tmp_path / "emg"
    link.symlink_to(os.ttyname(slave))
    code = f"open({str(link)!r}, 'rb', buffering=0); import sys; f = open({str(link)!r}, 'rb', 0)"
    code += "; print('open', flush=True); sys.stdin.read()"
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == b"open\n"
        assert child.pid in [one.pid for one in holders_of(link)]
    finally:
        child.communicate(b"")
        os.close(master)
        os.close(slave)
