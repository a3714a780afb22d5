"""A bundle and a recording in; time from the wire to the decision, and from exec to the first, out.

    python -m benchmarks.latency demo/bundle demo/recordings/.../*_run-1_emg.bdf

A simulated sensor in this process writes genuine packets into a pseudo-terminal at real speed and
notes when it writes each sample; `edgeemg run --every-hop` reads it in a process of its own, and
the arrival of each of its lines is noted here. Latency is the time from the write of a decision's
last needed sample to its line: the port, the gathering of bytes, parsing, filters, network, and
both ways through the system. A serial adapter's own latency (1 ms with its timer set) is not in it.
Beside it, at the same time, a process that only reads a byte and writes a line is timed the same
way: what it takes is the machine's. A start is the time from exec to the first line, while the
sensor streams already.
"""

import json
import os
import subprocess
import sys
import threading
import time
import tty
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np

from benchmarks.doc_tables import put_between
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.machine_facts import in_words, machine_facts
from edgeemg.cli.running import recorded_pieces
from edgeemg.data.bids import read_recording
from edgeemg.errors import EdgeEmgError, EngineError
from edgeemg.manifest import Manifest
from edgeemg.runtime.bundle import Bundle, open_bundle
from firmware_bridge.boards import Board, microvolts_to_counts
from firmware_bridge.emulator import BOARDS, Emulator
from firmware_bridge.frames import Wishes

_ECHO = Path(__file__).parent / "subjects" / "echo_loop.py"
_EVERY_S = 0.1
_SETTLE_S = 5.0
_START_S = 60.0
_FREE_S = 2.0  # until a port is free whose reader was killed
_BINS_MS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 15, 20, 50, 100, 1000)


class Line:
    """A process's stdout: host monotonic seconds and text of each line, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.came: list[tuple[float, str]] = []
        self._process = process
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for_first(self) -> float:
        """When it came; EngineError where none does."""
        deadline = time.monotonic() + _START_S
        while not self.came:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EngineError("edgeemg run told no decision: try the same command by hand")
            time.sleep(0.005)
        return self.came[0][0]

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.came.append((time.monotonic(), line))


@click.command()
@click.argument("bundle", type=click.Path(path_type=Path))
@click.argument("recording", type=click.Path(path_type=Path))
@click.option("--minutes", default=3.0, show_default=True, help="Of signal.")
@click.option("--starts", default=5, show_default=True, help="Of each sensor.")
@click.option("--out", type=FiguresFile(), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the tables on this page.")
def main(
    bundle: Path, recording: Path, minutes: float, starts: int, out: Path | None, page: Path | None
) -> None:
    """Print the tables."""
    facts = machine_facts()
    try:
        opened = open_bundle(bundle)
        latencies, floor = _latencies(opened, recording, 60 * minutes)
        begun = {
            device: [_start(opened, recording, device) for _ in range(starts)]
            for device in ("cyton", "edgeemg")
        }
    except EdgeEmgError as error:
        click.echo(f"latency: {error}", err=True)
        sys.exit(error.exit_code)
    manifest = opened.manifest
    plain = {
        **facts,
        "bundle": manifest.name,
        "macs": manifest.model.macs,
        "window_s": manifest.window_samples / manifest.sample_rate_hz,
        "minutes": minutes,
        "latency": summary(latencies),
        "machine_alone": summary(floor),
        "start_s": begun,
    }
    keep_figures(out, plain)
    click.echo("\n".join([*latency_table(plain), "", *start_table(plain)]))
    if page is not None:
        put_between(page, "latency", latency_table(plain))
        put_between(page, "start", start_table(plain))


def _stamped(kind: type[Board], sent_s: dict[int, float]) -> type[Board]:
    """The same board, which notes in `sent_s` when it hands over each sample, by its counter."""

    class Stamped(kind):  # type: ignore[misc, valid-type]  # made for each kind of board
        def frames(self, due: int) -> list[bytes]:
            first, now_s = self.counter, time.monotonic()
            played: list[bytes] = super().frames(due)
            sent_s.update(dict.fromkeys(range(first, self.counter), now_s))
            return played

    return Stamped


@contextmanager
def _sensor(
    device: str, recording: Path, manifest: Manifest, sent_s: dict[int, float]
) -> Iterator[Emulator]:
    """A sensor that plays the model's channels of a recording, again and again."""
    pieces = recorded_pieces(read_recording(recording), manifest)
    microvolts = np.concatenate([piece.microvolts for piece in pieces])
    kind = BOARDS[device]
    takes = {"rate_hz": manifest.sample_rate_hz, "channels": len(manifest.channels)}
    stream = kind.streams(Wishes(**{one: takes[one] for one in kind.takes if one in takes}))  # type: ignore[arg-type]  # numbers both
    counts = microvolts_to_counts(microvolts, stream)
    with Emulator(_stamped(kind, sent_s)(counts, stream, loop=True)) as emulator:
        yield emulator


@contextmanager
def _run(bundle: Bundle, port: str, device: str) -> Iterator[Line]:
    channels = ",".join(str(one + 1) for one in range(len(bundle.manifest.channels)))
    command = [sys.executable, "-m", "edgeemg", "run", str(bundle.folder), "--port", port]
    command += ["--device", device, "--every-hop", "--engine", "onnx", "--channels", channels]
    process = subprocess.Popen(  # noqa: S603  # ours
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield Line(process)
    finally:
        process.kill()  # a sensor that streams is not told to stop: the next one finds it so
        process.wait()


def _latencies(bundle: Bundle, recording: Path, seconds: float) -> tuple[list[float], list[float]]:
    """Milliseconds of each hop, oldest first, after the first seconds; and of the machine alone."""
    sent_s: dict[int, float] = {}
    with (
        _sensor("cyton", recording, bundle.manifest, sent_s) as sensor,
        _run(bundle, sensor.port_name, "cyton") as line,
    ):
        first_s = line.wait_for_first()
        click.echo(f"deciding; {seconds:.0f} s", err=True)
        time.sleep(_SETTLE_S)
        floor = _machine_alone(seconds)
        came = [one for one in list(line.came) if one[0] >= first_s + _SETTLE_S]
    return [1000 * (at_s - sent_s[json.loads(text)["sample_index"]]) for at_s, text in came], floor


def _machine_alone(seconds: float) -> list[float]:
    """Milliseconds from a byte in a terminal to the line of a process that does nothing else."""
    master, slave = os.openpty()
    tty.setraw(slave)
    command = [sys.executable, str(_ECHO), os.ttyname(slave)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603  # ours
    line, sent_s = Line(process), []
    try:
        ends_s = time.monotonic() + seconds
        while time.monotonic() < ends_s:
            time.sleep(_EVERY_S)
            sent_s.append(time.monotonic())
            os.write(master, b".")
        time.sleep(_EVERY_S)
    finally:
        process.kill()
        process.wait()
        os.close(master)
        os.close(slave)
    came = [at_s for at_s, _ in line.came]
    # what was sent while it started came later: not the machine's
    late = round(2.0 / _EVERY_S)
    return [1000 * (b - a) for a, b in list(zip(sent_s, came, strict=False))[late:]]


def _start(bundle: Bundle, recording: Path, device: str) -> float:
    """Seconds from exec to the first line."""
    with _sensor(device, recording, bundle.manifest, {}) as sensor:
        with _run(bundle, sensor.port_name, device) as line:
            line.wait_for_first()
        time.sleep(_FREE_S)
        began_s = time.monotonic()
        with _run(bundle, sensor.port_name, device) as line:
            return line.wait_for_first() - began_s


def summary(latencies: Sequence[float]) -> dict[str, Any]:
    """Percentiles and a histogram of milliseconds."""
    p50, p90, p99 = np.percentile(latencies, [50, 90, 99])
    counts, _ = np.histogram(latencies, bins=[*_BINS_MS, np.inf])
    return {
        "hops": len(latencies),
        "p50_ms": round(float(p50), 3),
        "p90_ms": round(float(p90), 3),
        "p99_ms": round(float(p99), 3),
        "max_ms": round(max(latencies), 3),
        "least_ms": round(min(latencies), 3),
        "bins_from_ms": list(_BINS_MS),
        "hops_in_bin": counts.tolist(),
    }


def latency_table(plain: dict[str, Any]) -> list[str]:
    """Percentiles, then the histogram, as lines of a page."""
    one = plain["latency"]
    rows = {"edgeemg run": one, "the machine alone: a byte, a line": plain["machine_alone"]}
    lines = [
        "| | times | least | p50 | p90 | p99 | most |",
        "|---|---|---|---|---|---|---|",
        *(
            f"| {name} | {row['hops']} | {row['least_ms']:.1f} ms | {row['p50_ms']:.1f} ms | "
            f"{row['p90_ms']:.1f} ms | {row['p99_ms']:.1f} ms | {row['max_ms']:.1f} ms |"
            for name, row in rows.items()
        ),
        "",
        "| edgeemg run, from ms | hops |",
        "|---|---|",
    ]
    filled = zip(one["bins_from_ms"], one["hops_in_bin"], strict=True)
    lines += [f"| {from_ms} | {hops} |" for from_ms, hops in filled if hops]
    return [
        *lines,
        "",
        f"{plain['minutes']:g} minutes of {plain['bundle']}, {plain['macs']:,} "
        f"multiply-accumulates, float32, ONNX. {in_words(plain)}.",
    ]


def start_table(plain: dict[str, Any]) -> list[str]:
    """Seconds from exec to the first decision, as lines of a page."""
    lines = [
        "| sensor | starts | median | longest | of it, the window |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| simulated {device} | {len(took)} | {np.median(took):.2f} s | {max(took):.2f} s | "
        f"{plain['window_s']:g} s |"
        for device, took in plain["start_s"].items()
    ]
    return lines


if __name__ == "__main__":
    main()
