"""A bundle in, what the monitor adds to its runtime out: CPU seconds, in one run.

    edgeemg demo --out demo
    python -m benchmarks.monitor_cost demo/bundle

Protocol: one process decides on generated EMG at real speed, read 50 times a second. In turns, and
several times: without a monitor; with one that nobody looks at; with one viewer, a process of its
own that answers as the page does. What is counted is CPU time of all threads of the deciding
process, and of what it starts, by the operating system's clock for that process. A share of one
core is CPU seconds in a second of signal.
"""

import itertools
import multiprocessing
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

import click
import numpy as np

from edgeemg.cli.monitoring import open_monitor
from edgeemg.data.synth import make_recordings
from edgeemg.dsp.samples import Samples
from edgeemg.profiler.board import read_machine
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import Engine, installed_engines, open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run
from edgeemg.runtime.watching import Watcher

_READS_PER_S = 50
_ANSWERS_EVERY = 4  # frames, as the page does


@click.command()
@click.argument("bundle", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--seconds", default=20.0, show_default=True, help="Of each turn.")
@click.option("--rounds", default=3, show_default=True, help="Turns of each kind.")
def main(bundle: Path, seconds: float, rounds: int) -> None:
    """Print what a monitor costs, with and without a viewer."""
    opened = open_bundle(bundle)
    manifest, health = opened.manifest, Health()
    engine = open_engine(opened, installed_engines()[0], "float32")
    (recording, *_) = make_recordings(words=3, channels=len(manifest.channels), seed=0)
    signal = recording.samples

    def facts() -> dict[str, Any]:
        about = {"engine": f"{engine.name} {engine.precision}", "state": "connected"}
        return {**about, "counters": health.summary()}

    def turn(watchers: list[Watcher]) -> float:
        """CPU seconds in a second of signal."""
        source = at_real_speed(signal, seconds)
        used_s = _cpu_s()
        run(source, engine, manifest, [], health=health, watchers=watchers)
        return (_cpu_s() - used_s) / seconds

    shares: dict[str, list[float]] = {"no monitor": [], "nobody looks": [], "one viewer": []}
    with open_monitor("127.0.0.1:0", token_file=None, manifest=manifest, facts=facts) as monitor:
        turn([monitor])  # warm: not counted
        for _ in range(rounds):
            shares["no monitor"].append(turn([]))
            shares["nobody looks"].append(turn([monitor]))
            with _viewer(monitor.url):
                shares["one viewer"].append(turn([monitor]))
    _show(shares, engine, manifest.name, signal, seconds)


def _show(
    shares: dict[str, list[float]], engine: Engine, name: str, signal: Samples, seconds: float
) -> None:
    numbers = f"{signal.n_channels} channels, {signal.sample_rate_hz:g} Hz, generated EMG"
    versions = ", ".join(f"{one} {version(one)}" for one in ("numpy", "websockets"))
    click.echo(f"{name}, {engine.name} {engine.precision}; {numbers}; {seconds:g} s a turn")
    click.echo(f"{read_machine().name}; {versions}")
    without = median(shares["no monitor"])
    for kind, found in shares.items():
        turns = ", ".join(f"{100 * one:.2f}" for one in found)
        added = f"{100 * (median(found) - without):+.2f}"
        click.echo(f"{kind:12} {100 * median(found):5.2f} % of one core ({turns}), {added}")


def at_real_speed(signal: Samples, seconds: float) -> Iterator[Samples]:
    """The signal, over and over, as a sensor would send it."""
    rate_hz, step = signal.sample_rate_hz, round(signal.sample_rate_hz / _READS_PER_S)
    begun_s = time.monotonic()
    for first in range(0, round(seconds * rate_hz), step):
        due_s = begun_s + (first + step) / rate_hz
        time.sleep(max(0.0, due_s - time.monotonic()))
        rows = np.arange(first, first + step)
        there = rows % len(signal)
        yield Samples(
            signal.microvolts[there], rate_hz, rows, signal.valid[there], time.monotonic()
        )


def _cpu_s() -> float:
    """CPU seconds of this process and of those that it started and that ended."""
    own, children = (resource.getrusage(one) for one in (0, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


@contextmanager
def _viewer(url: str) -> Iterator[None]:
    """Somebody looks while the block runs."""
    process = multiprocessing.get_context("spawn").Process(target=_look, args=(url,))
    process.start()
    time.sleep(1)
    try:
        yield
    finally:
        process.terminate()
        # not joined before the turn was read: its own time is not the runtime's
        process.join()


def _look(url: str) -> None:
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    with suppress(ConnectionClosed), connect(url.replace("http", "ws", 1) + "live") as viewer:
        for n in itertools.count():
            viewer.recv()
            if n % _ANSWERS_EVERY == 0:
                viewer.send(".")


if __name__ == "__main__":
    main()
