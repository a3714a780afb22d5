import subprocess
import sys
from pathlib import Path

import pytest


def run_benchmark(project_root: Path, *words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.generated_emg", *map(str, words)],
        cwd=project_root,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_folder_without_recordings_is_one_clear_line(tmp_path: Path, project_root: Path) -> None:
    ran = run_benchmark(project_root, tmp_path)
    assert ran.returncode == 1
    assert str(tmp_path) in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("seeds", ["5", "5:4", "-1:4", "a:b", ":"])
def test_seeds_that_are_none_are_one_clear_line(project_root: Path, seeds: str) -> None:
    ran = run_benchmark(project_root, f"--seeds={seeds}")
    assert ran.returncode == 2
    assert f"wanted FIRST:LAST, such as 100:105, got {seeds!r}" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_other_seeds_give_other_figures(project_root: Path) -> None:
    shown = [run_benchmark(project_root, "--words", 2, "--seeds", f"{one}:{one}") for one in (7, 8)]
    assert [ran.returncode for ran in shown] == [0, 0]
    assert "seeds 7 to 7" in shown[0].stdout
    blocked = [
        next(line for line in ran.stdout.splitlines() if line.startswith("blocked"))
        for ran in shown
    ]
    assert blocked[0] != blocked[1]
