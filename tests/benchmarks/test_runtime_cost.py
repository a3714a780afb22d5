import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.machine_facts import machine_facts
from benchmarks.runtime_cost import BARE, WHOLE, table


def cost(cpu_ms: float, peak_mb: float) -> dict[str, float]:
    return {
        "cpu_ms_per_s": cpu_ms,
        "peak_rss_mb": peak_mb,
        "pss_mb": peak_mb / 2,
        "decisions_per_s": 10.0,
        "processes": 1,
    }


def test_ratios_are_of_the_same_round() -> None:
    plain = {
        **machine_facts(),
        "bundle": "cnn",
        "macs": 1000,
        "rounds": 2,
        "seconds": 30.0,
        "programs": {
            BARE: [cost(2, 50), cost(8, 52)],
            WHOLE: [cost(4, 60), cost(8, 60)],
        },
    }
    lines = table(plain)
    assert "| 1.5 (1 to 2) times |" in lines[2]
    assert f"| {WHOLE} | 6 (4 to 8) |  | 60.0 |" in lines[3]
    assert "is 9.0 MB above the bare loop's" in lines[5]


@pytest.mark.slow
def test_the_whole_and_the_bare_loop_decide_as_often(
    tiny_bundle: Path, tiny_recording: Path, tmp_path: Path, project_root: Path
) -> None:
    out = tmp_path / "cost.json"
    command = [sys.executable, "-m", "benchmarks.runtime_cost", tiny_bundle, tiny_recording]
    options = ["--seconds", "3", "--rounds", "1", "--without-peers", "--out", out]
    ran = subprocess.run(
        [str(one) for one in (*command, *options)],
        cwd=project_root,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    assert f"| {BARE} |" in ran.stdout
    assert out.is_file()
