"""The same cells on a real Ray cluster of two nodes, one of which is killed on the way."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edgeemg.data.bids import write_recording
from edgeemg.dsp.samples import Recording

pytestmark = pytest.mark.slow

GRID = ("--models", "simple-cnn,cnn", "--windows-ms", "400,600", "--folds", "2", "--epochs", "20")
_CONFIG = {
    "worker_niceness": 0,  # Ray's own 15 waits for ever on a machine that does something else too
    # Ray's own take up to two minutes to tell a dead node from a slow one
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 5000,
    "health_check_failure_threshold": 3,
}
_STORE_BYTES = 80 * 2**20


@pytest.fixture
def cluster() -> Iterator[Any]:
    """A head and a second node, each with one CPU, as processes of their own on this machine."""
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": _STORE_BYTES}
    head = {"include_dashboard": False, "_system_config": _CONFIG}
    before = ray_processes()
    whole = Cluster(initialize_head=True, head_node_args=node | head)
    try:
        whole.add_node(**node)
        yield whole
    finally:
        whole.shutdown()
        wait_for(lambda: not ray_processes() - before)


def test_a_cluster_that_loses_a_node_gives_the_table_of_the_local_run(
    recordings: tuple[Recording, ...], cluster: Any, tmp_path: Path
) -> None:
    for recording in recordings:
        write_recording(recording, tmp_path / "rec")
    out = tmp_path / "ray"
    on_ray = compare(tmp_path / "rec", out, "--ray", cluster.address)
    (lost,) = (node for node in cluster.list_all_nodes() if node is not cluster.head_node)
    raylet = lost.all_processes["raylet"][0].process.pid
    wait_for(lambda: works(raylet) or on_ray.poll() is not None)
    assert on_ray.poll() is None
    cluster.remove_node(lost, allow_graceful=False)
    stdout, stderr = on_ray.communicate(timeout=240)
    assert on_ray.returncode == 0, stderr
    local = compare(tmp_path / "rec", tmp_path / "local", "--jobs", "2")
    here, said = local.communicate(timeout=240)
    assert local.returncode == 0, said
    assert table(stdout) == table(here)


def compare(recordings: Path, out: Path, *workers: str) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "edgeemg", "compare", recordings, *GRID, "--out", out]
    return subprocess.Popen(
        [*map(str, command), *workers, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def table(stdout: str) -> dict[str, Any]:
    """All of a comparison but the seconds that its cells took, which are never the same."""
    whole: dict[str, Any] = json.loads(stdout)
    assert len(whole["rows"]) == 4
    for row in whole["rows"]:
        del row["train_seconds"]
    return whole


def works(raylet: int) -> bool:
    """Whether a node's worker is inside a task: Ray names such a process after it."""
    return any(
        words.startswith("ray::run_cell") and parent == raylet
        for parent, words in _processes().values()
    )


def ray_processes() -> set[int]:
    names = ("ray::", "raylet", "gcs_server")
    return {
        number
        for number, (_, words) in _processes().items()
        if words.startswith(names) or "/ray/core/src/ray/" in words.split(" ")[0]
    }


def _processes() -> dict[int, tuple[int, str]]:
    """The parent and command line of every process."""
    found = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
        found[int(folder.name)] = parent, words
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)
