"""A bundle and a recording in; aarch64 instructions a second of signal, whole and bare, out.

    python -m benchmarks.runtime_instructions
    python -m benchmarks.runtime_instructions demo/bundle demo/recordings/.../*_run-1_emg.bdf

`edgeemg run` runs in an emulated aarch64 process (edgeemg.profiler.emulator) and reads a simulated
Cyton from a pseudo-terminal of this machine, which qemu passes through; so does the bare loop, on
ready windows. Emulation is many times slower than a board, and a process that is late reads more
at once, which costs less: so the sensor, and the clock and the naps of both programs, run at a
fifth of real speed. Signals from outside make two marks, well after the first decision: what lies
between holds no start, no import, and no end. Emulated: nothing here was measured on a board.
"""

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import serial

import edgeemg
import firmware_bridge
from benchmarks.doc_tables import put_between
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.machine_facts import in_words, machine_facts
from benchmarks.material import Material, given_or_generated
from benchmarks.process_tree import cpu_s
from benchmarks.runtime_cost import (
    BARE,
    RUN_OPTIONS,
    SUBJECTS,
    WHOLE,
    Heard,
    samples_and_windows,
    simulated_cyton,
)
from edgeemg.errors import EdgeEmgError, EngineError
from edgeemg.profiler.aarch64_wheels import wheels_with
from edgeemg.profiler.boards import CPUS
from edgeemg.profiler.debian_root import PYTHON
from edgeemg.profiler.emulator import Emulator, prepare
from edgeemg.profiler.guest_files import core_folder, pycache_folder, wheels_folder
from edgeemg.profiler.marks import START, Mark, parse_marks
from edgeemg.runtime.bundle import open_bundle

_PACKAGES = (edgeemg, firmware_bridge, click, serial)
_SPEED = 0.2  # of the world that the emulated programs live in
_LEAST_KEPT = 0.97  # of the decisions that were due; below it the process did not keep up
_SETTLE_S = 5.0  # of signal
_START_S = 300.0


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path), required=False)
@click.argument("recording", type=click.Path(path_type=Path), required=False)
@click.option("--seconds", default=20.0, show_default=True, help="Of signal between the marks.")
@click.option("--cpu", type=click.Choice(sorted(CPUS)), default="cortex-a53", show_default=True)
@click.option("--rounds", default=2, show_default=True)
@click.option("--out", type=FiguresFile(), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the table on this page.")
def main(
    bundle: Path | None,
    recording: Path | None,
    seconds: float,
    cpu: str,
    rounds: int,
    out: Path | None,
    page: Path | None,
) -> None:
    """Print the table; on a bundle and a recording that are made here, where none are given."""
    try:
        material = given_or_generated(bundle, recording, _say)
        facts = machine_facts()
        counted = _counted(prepare(_say), cpu, material, seconds=seconds, rounds=rounds)
    except EdgeEmgError as error:
        click.echo(f"runtime_instructions: {error}", err=True)
        sys.exit(error.exit_code)
    plain = {**facts, "cpu": cpu, "seconds": seconds, "rounds": rounds, "programs": counted}
    keep_figures(out, plain)
    lines = table(plain)
    click.echo("\n".join(lines))
    if page is not None:
        put_between(page, "runtime instructions", lines)


def _counted(
    emulator: Emulator, cpu: str, material: Material, *, seconds: float, rounds: int
) -> dict[str, list[dict[str, float]]]:
    bundle, recording = material.bundle, material.recording
    opened = open_bundle(bundle)
    manifest = opened.manifest
    counted: dict[str, list[dict[str, float]]] = {BARE: [], WHOLE: []}
    with tempfile.TemporaryDirectory(prefix="edgeemg-count-") as scratch:
        work = Path(scratch)
        _, windows = samples_and_windows(opened, recording, work)
        link, hop_s = work / "port", manifest.hop_samples / manifest.sample_rate_hz
        model = opened.model_path("onnx", "float32").resolve()
        bare = [str(SUBJECTS / "bare_loop.py"), str(model), str(windows), str(hop_s)]
        run = ["edgeemg", "run", str(bundle.resolve()), *RUN_OPTIONS]
        for turn in range(rounds):
            _say(f"round {turn + 1} of {rounds}, emulated {cpu}")
            counted[BARE].append(_one(emulator, cpu, bare, work, seconds=seconds, hop_s=hop_s))
            with simulated_cyton(recording, link, speed=_SPEED):
                # the port itself: qemu looks for a link's target below the guest's root
                whole = [*run, "--port", str(link.readlink())]
                counted[WHOLE].append(
                    _one(emulator, cpu, whole, work, seconds=seconds, hop_s=hop_s)
                )
    return counted


def _one(
    emulator: Emulator,
    cpu: str,
    program: Sequence[str],
    work: Path,
    *,
    seconds: float,
    hop_s: float,
) -> dict[str, float]:
    marks_path, log_path = work / "marks", work / "guest.log"
    with log_path.open("w") as log:
        process = subprocess.Popen(  # noqa: S603  # qemu, our own modules
            _command(emulator, cpu, marks_path, program),
            env=_environment(emulator, work),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        try:
            heard = Heard(process)
            if not heard.wait_for(1, _START_S):
                said = log_path.read_text(errors="replace").strip().splitlines()
                why = said[-1] if said else "no reason"
                raise EngineError(f"the emulated {program[0]} decided nothing: {why}")
            time.sleep(_SETTLE_S / _SPEED)
            took_s, lines, busy_s = _between_signals(process.pid, heard, seconds / _SPEED)
        finally:
            process.kill()
            process.wait()
    due = took_s * _SPEED / hop_s
    if lines < _LEAST_KEPT * due:
        raise EngineError(
            f"the emulated {program[0]} made {lines} of {due:.0f} decisions in time: this machine "
            "is too busy; try again when it is not"
        )
    first, second = _starts(parse_marks(marks_path.read_text(encoding="ascii")))
    return {
        "instructions_per_s": round((second.instructions - first.instructions) / lines / hop_s),
        "peak_memory_mb": round(second.peak_memory_bytes / 1e6, 2),
        "decisions_per_s": round(lines / took_s / _SPEED, 2),
        "host_core_share": round(busy_s / took_s, 3),
    }


def _between_signals(pid: int, heard: Heard, seconds: float) -> tuple[float, int, float]:
    """Seconds, lines and CPU seconds of qemu between two signals."""
    os.kill(pid, signal.SIGUSR1)
    began_s, lines, busy_s = time.monotonic(), heard.lines, cpu_s([pid])
    time.sleep(seconds)
    os.kill(pid, signal.SIGUSR1)
    took_s, heard_lines, spent_s = time.monotonic() - began_s, heard.lines, cpu_s([pid])
    time.sleep(1.0)  # the guest sees a signal when its wait is over
    return took_s, heard_lines - lines, spent_s - busy_s


def _starts(marks: list[Mark]) -> tuple[Mark, Mark]:
    made = [one for one in marks if one.label == START]
    if len(made) != 2:
        raise EngineError(f"the emulated process made {len(made)} marks, not 2: try again")
    return made[0], made[1]


def _command(emulator: Emulator, cpu: str, marks: Path, program: Sequence[str]) -> list[str]:
    root = core_folder(emulator.cache, cpu)
    return [
        *(str(emulator.qemu), "-cpu", cpu, "-L", str(root), "-seed", "1"),
        *("-plugin", f"{emulator.counter},out={marks}"),
        *(str(root / PYTHON), "-S", "-s", "-P", str(SUBJECTS / "marked.py")),
        *(str(SUBJECTS / "another_clock.py"), "own", str(_SPEED), *program),
    ]


def _environment(emulator: Emulator, work: Path) -> dict[str, str]:
    """The guest's whole environment: nothing of the user's may change a count."""
    packages = work / "packages"
    packages.mkdir(exist_ok=True)
    for package in _PACKAGES:
        assert package.__file__ is not None
        folder = Path(package.__file__).parent
        with_name = packages / folder.name
        if not with_name.is_symlink():
            with_name.symlink_to(folder)
    wheels = wheels_folder(emulator.cache, wheels_with("onnxruntime"))
    return {
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": f"{wheels}:{packages}",
        "PYTHONPYCACHEPREFIX": str(pycache_folder(emulator.cache)),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "ORT_DISABLE_TELEMETRY": "1",
    }


def table(plain: dict[str, Any]) -> list[str]:
    """The counts as lines of a page."""
    programs = plain["programs"]
    lines = [
        "| program | million instructions a second of signal decided | peak memory, MB | "
        "decisions a second | share of a core that emulation took |",
        "|---|---|---|---|---|",
    ]
    for name, rounds in programs.items():
        counts = [one["instructions_per_s"] / 1e6 for one in rounds]
        lines.append(
            f"| {name} | {statistics.median(counts):.2f} ({min(counts):.2f} to {max(counts):.2f}) "
            f"| {max(one['peak_memory_mb'] for one in rounds):.1f} "
            f"| {statistics.median(one['decisions_per_s'] for one in rounds):.1f} "
            f"| {statistics.median(one['host_core_share'] for one in rounds):.2f} |"
        )
    ratios = [
        whole["instructions_per_s"] / bare["instructions_per_s"]
        for whole, bare in zip(programs[WHOLE], programs[BARE], strict=True)
    ]
    return [
        *lines,
        "",
        f"The whole runtime executes {statistics.median(ratios):.2f} times the instructions of "
        f"the bare loop ({min(ratios):.2f} to {max(ratios):.2f}, {plain['rounds']} rounds of "
        f"{plain['seconds']:g} s). Emulated {plain['cpu']}. {in_words(plain)}.",
    ]


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
