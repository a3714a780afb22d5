"""Cells in, outcomes out as they are ready: tasks on a Ray cluster.

Every node needs the same Python, edgeemg and libraries as here (`pip install 'edgeemg[sweep]'`);
a cell that lands on one with others says so and gives no figures.
"""

import logging
import os
import socket
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import redirect_stdout
from types import ModuleType
from typing import Any

from edgeemg.errors import WorkerError, needs_extra
from edgeemg.train.comparison.work import Cell, Job, Outcome, run_cell

_RETRIES = 3  # of a task whose worker or node died, by Ray; its own default
_LOOK_S = 1.0  # how long a wait lasts at most, so that Ctrl-C is heard
_KNOCK_S = 5.0
_QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",  # no calls home
    "RAY_task_oom_retries": "1",  # Ray's default tries for ever
}


def run_on_ray(
    cells: Sequence[Cell],
    job: Job,
    on_start: Callable[[Cell], None] = lambda _: None,
    *,
    address: str,
) -> Generator[Outcome, None, None]:
    """Run cells as tasks of one CPU each; the recordings go to the object store once.

    A task whose worker or node dies is tried again by Ray, elsewhere. `on_start` hears every cell
    at once: which ones wait for a CPU is the cluster's affair. WorkerError where no cluster
    answers at `address`.
    """
    with needs_extra("sweep", "compare --ray"):
        import ray
    # Ray tells of lost nodes on stdout, which is for results
    with redirect_stdout(sys.stderr):
        connect(address)
        try:
            yield from _outcomes(ray, cells, ray.put(job), on_start)
        finally:
            ray.shutdown()


def _outcomes(
    ray: ModuleType, cells: Sequence[Cell], job: Any, on_start: Callable[[Cell], None]
) -> Generator[Outcome, None, None]:
    task = ray.remote(num_cpus=1, max_retries=_RETRIES)(run_cell)
    running: dict[Any, Cell] = {}
    for cell in cells:
        running[task.remote(cell, job)] = cell
        on_start(cell)
    while running:
        done, _ = ray.wait(list(running), timeout=_LOOK_S)
        for reference in done:
            yield _outcome(ray, reference, running.pop(reference))


def connect(address: str) -> None:
    """Join a running cluster as its driver; WorkerError where none answers."""
    import ray

    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    try:
        _knock(address)
        ray.init(address, logging_level=logging.ERROR, log_to_driver=False)
    except (OSError, RuntimeError, ValueError) as error:
        said = " ".join(str(error).split())
        raise WorkerError(
            f"no Ray cluster answers at {address} ({said}): "
            "start one with `ray start --head`, and name its host and port"
        ) from error


def _knock(address: str) -> None:
    """OSError where nobody listens; Ray itself would try for minutes."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_S).close()


def _outcome(ray: ModuleType, reference: Any, cell: Cell) -> Outcome:
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayError as error:
        reason = " ".join(str(error).split())
        return Outcome(cell, None, f"its worker died ({type(error).__name__}: {reason[:200]})")
    return outcome
