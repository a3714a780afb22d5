import errno
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edgeemg.errors import MissingToolError
from edgeemg.profiler.cache import cache_folder, filled_once, locked


def test_a_folder_is_filled_once(tmp_path: Path) -> None:
    times = []

    def fill(folder: Path) -> None:
        times.append(folder)
        (folder / "file").write_text("whole")

    for _ in range(2):
        assert (filled_once(tmp_path / "kept", fill) / "file").read_text() == "whole"
    assert len(times) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["kept"]


def test_an_interrupted_fill_leaves_nothing(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        (folder / "half").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        filled_once(tmp_path / "kept", interrupted)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_names_the_cache_and_another_place_for_it(tmp_path: Path) -> None:
    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(MissingToolError, match=rf"{tmp_path} .*No space left.*XDG_CACHE_HOME"):
        filled_once(tmp_path / "kept", full)
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared_by_the_next(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from edgeemg.profiler.cache import filled_once, locked\n"
        "cache = Path(sys.argv[1])\n"
        "with locked(cache):\n"
        "    filled_once(cache / 'kept', lambda folder: os.kill(os.getpid(), signal.SIGKILL))\n"
    )
    killed = subprocess.run([sys.executable, "-c", program, tmp_path], timeout=60)
    assert killed.returncode < 0
    assert list(tmp_path.glob(".part-*"))
    with locked(tmp_path):
        assert not list(tmp_path.glob(".part-*"))
    assert not (tmp_path / "kept").exists()


def test_a_second_process_waits_for_the_first(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from edgeemg.profiler.cache import locked\n"
        "print('asks', flush=True)\n"
        "with locked(Path(sys.argv[1])):\n"
        "    print('in', flush=True)\n"
    )
    with locked(tmp_path):
        second = subprocess.Popen(
            [sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, text=True
        )
        assert second.stdout is not None
        assert second.stdout.readline() == "asks\n"
        time.sleep(0.3)
        assert second.poll() is None
    assert second.communicate(timeout=60)[0] == "in\n"


def test_the_cache_is_where_the_user_keeps_caches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "edgeemg/aarch64"
    monkeypatch.setenv("HOME", str(tmp_path))
    for unusable in ("", "relative"):  # as the specification says: ignore it
        monkeypatch.setenv("XDG_CACHE_HOME", unusable)
        assert cache_folder() == tmp_path / ".cache/edgeemg/aarch64"
