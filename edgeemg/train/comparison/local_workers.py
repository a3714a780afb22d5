"""Cells in, outcomes out as they are ready: processes of this machine, side by side.

A pool that breaks when one of its processes is killed would cost all that it holds. Here each
worker has a pipe of its own: its death costs one cell one try.
"""

import multiprocessing
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from edgeemg.errors import WorkerError
from edgeemg.train.comparison.work import Cell, Job, Outcome, run_cell

_TRIES = 2
_SPAWN = multiprocessing.get_context("spawn")  # torch's threads do not survive a fork


def run_local(
    cells: Sequence[Cell],
    job: Job,
    on_start: Callable[[Cell], None] = lambda _: None,
    *,
    jobs: int,
) -> Generator[Outcome, None, None]:
    """Run cells on up to `jobs` processes, each of which is sent the recordings once.

    `on_start` hears a cell when a worker is given it. A cell whose worker died is tried once
    more, after the others. Closing the iterator ends the workers.
    """
    waiting, deaths = deque(cells), Counter[str]()
    workers = [_Worker(job) for _ in range(min(jobs, len(cells)))]
    try:
        while waiting or any(worker.cell for worker in workers):
            for worker in workers:
                if waiting and worker.cell is None:
                    worker.give(waiting[0])
                    on_start(waiting.popleft())
            for worker in _ready(workers):
                outcome = worker.take()
                deaths[outcome.cell.key] += outcome.worker_died
                if outcome.worker_died and deaths[outcome.cell.key] < _TRIES:
                    waiting.append(outcome.cell)
                else:
                    yield outcome
    finally:
        for worker in workers:
            worker.end()


class _Worker:
    """A process that does one cell after another, and is started anew when it has died."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._process: SpawnProcess | None = None
        self.pipe: Connection | None = None
        self.cell: Cell | None = None

    def give(self, cell: Cell) -> None:
        """Send a cell, and before the first one what all cells work on."""
        assert self.cell is None
        self.cell = cell
        if self._process is not None and not self._process.is_alive():
            self.end()
        fresh = self._process is None
        if fresh:
            self._start()
        assert self.pipe is not None
        # a pipe that breaks here is at its end, too: `take` finds out
        with suppress(OSError):
            if fresh:
                self.pipe.send(self._job)
            self.pipe.send(cell)

    def take(self) -> Outcome:
        """What came of the cell; the pipe is ready, or at its end."""
        assert self.cell is not None
        assert self.pipe is not None
        cell, self.cell = self.cell, None
        try:
            outcome: Outcome = self.pipe.recv()
        except (EOFError, OSError):
            return Outcome(cell, None, self._death(), worker_died=True)
        return outcome

    def end(self) -> None:
        """Kill the process, if there is one: it holds nothing that is worth keeping."""
        if self._process is None or self.pipe is None:
            return
        self._process.kill()
        self._process.join()
        self.pipe.close()
        self._process = self.pipe = None

    def _start(self) -> None:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_work, args=(theirs,), daemon=True)
        try:
            process.start()
        except OSError as error:
            ours.close()
            raise WorkerError(
                f"no worker process can be started ({error.strerror}): use fewer --jobs, or free "
                "memory; the cells that are done are kept"
            ) from error
        finally:
            theirs.close()  # else the pipe would have no end when the process dies
        self._process, self.pipe = process, ours

    def _death(self) -> str:
        assert self._process is not None
        self._process.join()
        code = self._process.exitcode or 0
        self.end()
        if code == -signal.SIGKILL:
            return "its worker was killed (signal 9; out of memory, if nobody did it)"
        return f"its worker died ({f'signal {-code}' if code < 0 else f'exit code {code}'})"


def _ready(workers: Sequence[_Worker]) -> list[_Worker]:
    """Wait until a busy worker has something to say, or is no more."""
    pipes = wait([worker.pipe for worker in workers if worker.cell and worker.pipe])
    return [worker for worker in workers if worker.pipe in pipes]


def _work(pipe: Connection) -> None:
    """The life of a worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started us
    threading.Thread(target=_die_with_parent, daemon=True).start()
    with suppress(EOFError, OSError):  # nobody is there any more
        job: Job = pipe.recv()
        while True:
            cell: Cell = pipe.recv()
            pipe.send(run_cell(cell, job))


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
