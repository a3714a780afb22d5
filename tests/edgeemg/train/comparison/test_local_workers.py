"""Real processes, killed for real."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgeemg.train.comparison.local_workers import run_local
from edgeemg.train.comparison.work import Cell, Job, Outcome, run_cell

pytestmark = pytest.mark.slow  # a worker imports torch first


def by_key(outcomes: list[Outcome]) -> dict[str, Outcome]:
    assert len({outcome.cell.key for outcome in outcomes}) == len(outcomes)
    return {outcome.cell.key: outcome for outcome in outcomes}


def kill_the_worker() -> None:
    (worker,) = workers()
    os.kill(worker, signal.SIGKILL)


def workers() -> list[int]:
    return [child.pid for child in multiprocessing.active_children() if child.pid]


def test_workers_give_what_the_same_cells_give_here(
    cells: list[Cell], impossible: Cell, job: Job
) -> None:
    began: list[str] = []
    todo = [*cells[:2], impossible]
    done = by_key(list(run_local(todo, job, lambda cell: began.append(cell.key), jobs=2)))
    assert sorted(began) == sorted(cell.key for cell in todo)
    assert "--hop-ms" in done["impossible"].reason
    for cell in cells[:2]:
        theirs, ours = done[cell.key].result, run_cell(cell, job).result
        assert theirs is not None, done[cell.key].reason
        assert ours is not None
        assert theirs.metrics == ours.metrics
    assert workers() == []


def test_a_cell_whose_worker_is_killed_is_tried_once_more(cells: list[Cell], job: Job) -> None:
    began: list[str] = []

    def kill_the_first(cell: Cell) -> None:
        began.append(cell.key)
        if len(began) == 1:
            kill_the_worker()

    done = by_key(list(run_local(cells[:2], job, kill_the_first, jobs=1)))
    assert began == ["0", "1", "0"]
    assert all(outcome.result for outcome in done.values())


def test_a_cell_that_costs_two_workers_costs_only_itself(cells: list[Cell], job: Job) -> None:
    deadly = replace(cells[0], key="deadly")

    def kill_its_worker(cell: Cell) -> None:
        if cell is deadly:
            kill_the_worker()

    done = by_key(list(run_local([deadly, cells[1]], job, kill_its_worker, jobs=1)))
    assert done["1"].result is not None
    assert done["deadly"].result is None
    assert "killed (signal 9" in done["deadly"].reason


def test_stopping_early_leaves_no_worker(cells: list[Cell], job: Job) -> None:
    running = run_local(cells, job, jobs=2)
    next(running)
    assert workers()
    running.close()
    assert workers() == []


def test_workers_end_with_whoever_started_them(tmp_path: Path) -> None:
    code = """
import multiprocessing, sys
from edgeemg.train.comparison.local_workers import _Worker
from edgeemg.train.comparison.work import Cell, Job
if __name__ == "__main__":
    worker = _Worker(Job((), "nothing", "another"))
    worker.give(Cell("0", None))
    worker.take()
    print(multiprocessing.active_children()[0].pid, flush=True)
    sys.stdin.read()
"""
    script = tmp_path / "parent.py"
    script.write_text(code)
    parent = subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    worker = Path("/proc") / parent.stdout.readline().strip()
    assert worker.is_dir()
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 20
    while worker.is_dir() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not worker.is_dir()
