import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.latency import latency_table, start_table, summary
from benchmarks.machine_facts import machine_facts


def test_every_hop_lies_in_one_bin() -> None:
    latencies = [0.5, 1.5, 1.6, 9.99, 10.0, 14.0, 5000.0]
    one = summary(latencies)
    assert (one["hops"], sum(one["hops_in_bin"])) == (7, 7)
    bins = dict(zip(one["bins_from_ms"], one["hops_in_bin"], strict=True))
    assert (bins[0], bins[1], bins[9], bins[10], bins[1000]) == (1, 2, 1, 2, 1)


def test_percentiles_are_in_order_and_between_the_ends() -> None:
    one = summary([float(n) for n in range(101)])
    assert (one["least_ms"], one["p50_ms"], one["p90_ms"], one["p99_ms"]) == (0, 50, 90, 99)
    assert one["max_ms"] == 100


def test_tables_hold_what_was_measured() -> None:
    plain = {
        **machine_facts(),
        "bundle": "cnn",
        "macs": 1000,
        "minutes": 3.0,
        "window_s": 0.8,
        "latency": summary([1.0, 2.0, 30.0]),
        "machine_alone": summary([0.5]),
        "start_s": {"cyton": [1.5, 1.75]},
    }
    lines = latency_table(plain)
    assert "| edgeemg run | 3 | 1.0 ms | 2.0 ms |" in lines[2]
    assert "| 1 | 0.5 ms | 0.5 ms |" in lines[3]
    assert "| 20 | 1 |" in lines
    assert start_table(plain)[2] == "| simulated cyton | 2 | 1.62 s | 1.75 s | 0.8 s |"


@pytest.mark.slow
def test_a_few_seconds_of_it_run(
    tiny_bundle: Path, tiny_recording: Path, project_root: Path
) -> None:
    command = [sys.executable, "-m", "benchmarks.latency", tiny_bundle, tiny_recording]
    ran = subprocess.run(
        [*map(str, command), "--minutes", "0.1", "--starts", "1"],
        cwd=project_root,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert ran.returncode == 0, ran.stderr
    assert "| edgeemg run | " in ran.stdout
    assert "| simulated edgeemg | 1 |" in ran.stdout


def test_no_bundle_is_one_clear_line(tmp_path: Path, project_root: Path) -> None:
    command = [sys.executable, "-m", "benchmarks.latency", str(tmp_path), str(tmp_path)]
    ran = subprocess.run(command, cwd=project_root, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 2
    assert ran.stderr.startswith("latency: ")
    assert "Traceback" not in ran.stderr
