"""A bundle and a recording in; what the whole runtime costs, beside others on the same work, out.

    python -m benchmarks.runtime_cost
    python -m benchmarks.runtime_cost demo/bundle demo/recordings/.../*_run-1_emg.bdf

Four programs decide ten times a second with the same network: a bare loop that only calls the
engine on ready windows, `edgeemg run`, a plain script with BrainFlow, scipy and onnxruntime, and
LibEMG's online classifier. Each is a process of its own, in turn; the sensor is a simulated Cyton
in another. CPU seconds are counted from three seconds after the first decision on, without start
and imports; memory is counted from the start. LibEMG knows no Cyton: a streamer as it has them
writes its shared memory, and is left out of its cost.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from benchmarks.doc_tables import put_between
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.machine_facts import in_words, machine_facts
from benchmarks.material import given_or_generated
from benchmarks.peers import peer_python
from benchmarks.process_tree import cpu_s, memory, tree
from edgeemg.cli.running import recorded_pieces
from edgeemg.data.bids import read_recording
from edgeemg.dsp.inputs import FrontEnd
from edgeemg.errors import EdgeEmgError, EngineError
from edgeemg.runtime.bundle import Bundle, open_bundle

BARE, WHOLE = "bare engine loop", "edgeemg run"
BRAINFLOW, LIBEMG = "BrainFlow + scipy + onnxruntime", "LibEMG online classifier"
RUN_OPTIONS = (
    *("--device", "cyton", "--every-hop"),
    *("--engine", "onnx", "--precision", "float32"),
)
SUBJECTS = Path(__file__).parent / "subjects"
_SETTLE_S = 3.0
_START_S = 120.0  # longest wait for a first decision: LibEMG's imports alone take ten
_FIRST_LINES = 5  # LibEMG says other things first
_MOST_WINDOWS = 100


class Job(NamedTuple):
    """A program: its command, whether it reads the port, and whether what it starts counts."""

    command: list[str]
    reads_port: bool
    with_children: bool = True


class Heard:
    """The lines that a process prints, counted as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.lines = 0
        self._process = process
        self._came = threading.Condition()
        threading.Thread(target=self._read, daemon=True).start()

    def wait_for(self, lines: int, patience_s: float) -> bool:
        """Whether as many have come in time."""
        with self._came:
            return self._came.wait_for(lambda: self.lines >= lines, patience_s)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            with self._came:
                self.lines += 1
                self._came.notify_all()


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.argument("recording", type=click.Path(path_type=Path), required=False)
@click.option("--seconds", default=30.0, show_default=True, help="Of signal, a program and round.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--without-peers", is_flag=True, help="Only the bare loop and edgeemg.")
@click.option("--out", type=FiguresFile(), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the table on this page.")
def main(
    bundle: Path | None,
    recording: Path | None,
    seconds: float,
    rounds: int,
    without_peers: bool,
    out: Path | None,
    page: Path | None,
) -> None:
    """Print the table; on a bundle and a recording that are made here, where none are given."""
    try:
        material = given_or_generated(bundle, recording, lambda text: click.echo(text, err=True))
        facts = machine_facts()
        opened = open_bundle(material.bundle)
        with tempfile.TemporaryDirectory(prefix="edgeemg-cost-") as work:
            jobs = _jobs(opened, material.recording, Path(work), peers=not without_peers)
            measured = _in_turns(
                jobs, material.recording, Path(work), seconds=seconds, rounds=rounds
            )
    except EdgeEmgError as error:
        click.echo(f"runtime_cost: {error}", err=True)
        sys.exit(error.exit_code)
    plain = {
        **facts,
        "bundle": opened.manifest.name,
        "macs": opened.manifest.model.macs,
        "generated_emg": opened.manifest.training.generated,
        "seconds": seconds,
        "rounds": rounds,
        "programs": measured,
    }
    keep_figures(out, plain)
    lines = table(plain)
    click.echo("\n".join(lines))
    if page is not None:
        put_between(page, "runtime cost", lines)


def _jobs(bundle: Bundle, recording: Path, work: Path, *, peers: bool) -> dict[str, Job]:
    manifest = bundle.manifest
    samples, windows = samples_and_windows(bundle, recording, work)
    hop_s = manifest.hop_samples / manifest.sample_rate_hz
    model = bundle.model_path("onnx", "float32")
    port = str(work / "port")
    own = [sys.executable, "-P"]
    jobs = {
        BARE: Job(
            [*own, _script("bare"), str(model), str(windows), str(hop_s)],
            reads_port=False,
        ),
        WHOLE: Job(
            [*own, "-m", "edgeemg", "run", str(bundle.folder), "--port", port, *RUN_OPTIONS],
            reads_port=True,
        ),
    }
    if peers:
        brainflow, libemg = str(peer_python("brainflow")), str(peer_python("libemg"))
        jobs[BRAINFLOW] = Job(
            [brainflow, _script("brainflow"), str(bundle.folder), port], reads_port=True
        )
        jobs[LIBEMG] = Job(
            [libemg, _script("libemg"), str(bundle.folder), str(samples)],
            reads_port=False,
            with_children=False,
        )
    return jobs


def _script(name: str) -> str:
    return str(SUBJECTS / f"{name}_loop.py")


def samples_and_windows(bundle: Bundle, recording: Path, work: Path) -> tuple[Path, Path]:
    """Two .npy files in `work`: the recording (time, channel) in microvolts, and the first
    hundred windows of it (n, channel, time) as the model gets them."""
    pieces = list(recorded_pieces(read_recording(recording), bundle.manifest))
    front_end = FrontEnd(bundle.manifest)
    inputs = [one.values[0] for piece in pieces for one in front_end.feed(piece)]
    samples, windows = work / "samples.npy", work / "windows.npy"
    np.save(samples, np.concatenate([piece.microvolts for piece in pieces]))
    np.save(windows, np.stack(inputs[:_MOST_WINDOWS]))
    return samples, windows


def _in_turns(
    jobs: dict[str, Job], recording: Path, work: Path, *, seconds: float, rounds: int
) -> dict[str, list[dict[str, float]]]:
    """Each program once a round, another one first in every round."""
    measured: dict[str, list[dict[str, float]]] = {name: [] for name in jobs}
    names = list(jobs)
    for turn in range(rounds):
        for place in range(len(names)):
            name = names[(place + turn) % len(names)]
            click.echo(f"round {turn + 1} of {rounds}: {name}", err=True)
            with simulated_cyton(recording, work / "port", needed=jobs[name].reads_port):
                measured[name].append(_one(name, jobs[name], work, seconds=seconds))
    return measured


@contextmanager
def simulated_cyton(
    recording: Path, link: Path, *, needed: bool = True, speed: float = 1.0
) -> Iterator[None]:
    """A Cyton on `link` that plays the recording again and again, in a process of its own."""
    if not needed:
        yield
        return
    command = [sys.executable, "-m", "edgeemg", "simulate", str(recording), "--loop"]
    command += ["--device", "cyton", "--link", str(link), "--speed", str(speed)]
    with (link.parent / "simulate.log").open("w") as log:
        player = subprocess.Popen(command, stderr=log)  # noqa: S603  # ours
        try:
            deadline = time.monotonic() + _START_S
            while not link.exists() and player.poll() is None and time.monotonic() < deadline:
                time.sleep(0.05)
            yield
        finally:
            player.terminate()
            player.wait()


def _one(name: str, job: Job, work: Path, *, seconds: float) -> dict[str, float]:
    log_path = work / "program.log"
    # onnxruntime would otherwise report to its maker, with threads of its own
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "ORT_DISABLE_TELEMETRY": "1"}
    with log_path.open("w") as log:
        process = subprocess.Popen(  # noqa: S603  # ours, and a peer's script
            job.command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        try:
            heard = Heard(process)
            if not heard.wait_for(_FIRST_LINES, _START_S):
                said = log_path.read_text(errors="replace").strip().splitlines()
                raise EngineError(f"{name} decided nothing: {said[-1] if said else 'no reason'}")
            time.sleep(_SETTLE_S)
            return _cost(process.pid, heard, job, seconds=seconds)
        finally:
            for pid in reversed(list(tree(process.pid))):
                os.kill(pid, 15)
            process.wait()


def _cost(pid: int, heard: Heard, job: Job, *, seconds: float) -> dict[str, float]:
    pids = list(tree(pid)) if job.with_children else [pid]
    before_s, began_s, lines = cpu_s(pids), time.monotonic(), heard.lines
    pss_mb = 0.0
    while time.monotonic() - began_s < seconds:
        time.sleep(1.0)
        pss_mb = max(pss_mb, memory(pids).pss_mb)
    spent_s, took_s = cpu_s(pids) - before_s, time.monotonic() - began_s
    return {
        "cpu_ms_per_s": round(1000 * spent_s / took_s, 3),
        "peak_rss_mb": round(memory(pids).peak_rss_mb, 2),
        "pss_mb": round(pss_mb, 2),
        "decisions_per_s": round((heard.lines - lines) / took_s, 2),
        "processes": len(pids),
    }


def table(plain: dict[str, Any]) -> list[str]:
    """The figures as lines of a page; ratios are of the same round."""
    programs = plain["programs"]
    lines = [
        "| program | CPU ms a second of signal | edgeemg takes of it | peak memory, MB | "
        "PSS, MB | decisions a second |",
        "|---|---|---|---|---|---|",
    ]
    for name, rounds in programs.items():
        cost = [one["cpu_ms_per_s"] for one in rounds]
        share = [
            ours["cpu_ms_per_s"] / one for ours, one in zip(programs[WHOLE], cost, strict=True)
        ]
        ratio = "" if name == WHOLE else f"{_spread(share, '.3g')} times"
        lines.append(
            f"| {name} | {_spread(cost, '.3g')} | {ratio} | {_median(rounds, 'peak_rss_mb'):.1f} | "
            f"{_median(rounds, 'pss_mb'):.1f} | {_median(rounds, 'decisions_per_s'):.1f} |"
        )
    above = _median(programs[WHOLE], "peak_rss_mb") - _median(programs[BARE], "peak_rss_mb")
    return [
        *lines,
        "",
        f"Median (lowest to highest) of {plain['rounds']} rounds of {plain['seconds']:g} s; peak "
        f"memory of `edgeemg run` is {above:.1f} MB above the bare loop's. {plain['bundle']}, "
        f"{plain['macs']:,} multiply-accumulates, float32, ONNX. {in_words(plain)}.",
    ]


def _spread(values: list[float], form: str) -> str:
    middle, low, high = statistics.median(values), min(values), max(values)
    return f"{middle:{form}} ({low:{form}} to {high:{form}})"


def _median(rounds: list[dict[str, float]], field: str) -> float:
    return statistics.median(one[field] for one in rounds)


if __name__ == "__main__":
    main()
