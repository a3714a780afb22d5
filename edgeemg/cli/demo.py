"""`edgeemg demo`: the whole path on generated EMG, without hardware or downloads."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeemg.cli.exporting import check_extras
from edgeemg.cli.numbers import FiniteRange
from edgeemg.cli.outputs import DEMO_MARK, fresh_folder
from edgeemg.errors import OutputExistsError, PortError, needs_extra

if TYPE_CHECKING:
    from edgeemg.dsp.samples import Recording

_LEAD_OUT_S = 3.0  # the sensor plays on this long, so that the last decision is not cut off
_START_S = 20.0  # longest wait for the simulated sensor
_TRAIN = {
    "model": "cnn",
    "front_end": "broad",
    "window_ms": 800.0,
    "hop_ms": 100.0,
    "rest_label": None,
    "epochs": 25,
    "patience": 8,
}


@click.command()
@click.option(
    "--out",
    default="demo",
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder for everything it makes; an earlier demo there is replaced.",
)
@click.option(
    "--seconds",
    type=FiniteRange(1, 120),
    default=10.0,
    show_default=True,
    help="How long to decide live.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of the generated EMG and of training.",
)
def demo(out: Path, seconds: float, seed: int) -> None:
    """Show the whole path on generated EMG: train, export, profile, and decide live.

    Nothing is downloaded and no sensor is needed: the EMG is generated, and a simulated OpenBCI
    Cyton plays it, byte for byte, on a pseudo-terminal. A minute or two on two cores.

    \b
    edgeemg demo
    edgeemg demo --seconds 30 --seed 1
    """
    with needs_extra("host", "the demo"):
        import edfio  # noqa: F401  # named before any work is done, not after a minute of it
        import rich  # noqa: F401
        import scipy  # noqa: F401
        import torch  # noqa: F401
    check_extras(("onnx", "tflite"), quantize=True)
    ours = (out / DEMO_MARK).is_file()
    if out.is_dir() and any(out.iterdir()) and not ours:
        raise OutputExistsError(f"{out} holds something else than a demo: name another --out")
    with fresh_folder(out, force=ours) as work:
        (work / DEMO_MARK).touch()
        _walk(work, seconds=seconds, seed=seed)
    click.echo(_next_steps(out), err=True)


def _walk(work: Path, *, seconds: float, seed: int) -> None:
    _title(1, "generate EMG (generated, not recorded: it says nothing about people)")
    learn, live = _recordings(work, seconds=seconds, seed=seed)
    _title(2, f"train a small CNN on {learn.name}")
    from edgeemg.cli.training import train_with_progress
    from edgeemg.train.runs import write_run

    trained = train_with_progress([learn], {**_TRAIN, "seed": seed}, data="generated EMG")
    write_run(trained, work / "run")
    _title(3, "export to ONNX and TFLite, float and int8, and compare each with PyTorch")
    from edgeemg.cli.exporting import export_with_progress

    (work / "bundle").mkdir()
    export_with_progress(
        work / "run",
        work / "bundle",
        formats=("onnx", "tflite"),
        quantize=True,
        allow_fail=True,  # a demo goes on; what failed is told
        log=work / "export.log",
    )
    _title(4, "profile each file on this machine")
    from edgeemg.cli.profiling import profile_with_progress

    profile_with_progress(work / "bundle", runs=300)
    _title(5, f"decide live for {seconds:g} s from a simulated Cyton, on words not trained on")
    _decide_live(work, live, seconds=seconds)


def _title(step: int, text: str) -> None:
    click.secho(f"\n[{step}/5] {text}", bold=True, err=True)


def _recordings(work: Path, *, seconds: float, seed: int) -> tuple["Recording", "Recording"]:
    """One generated session, cut in time: most of it to learn from, the end of it to play live."""
    from edgeemg.data.bids import write_recording
    from edgeemg.data.synth import make_recordings

    (whole,) = make_recordings(seed=seed)
    learn, live = _cut(whole, seconds + _LEAD_OUT_S)
    for part in (learn, live):
        write_recording(part, work / "recordings")
        words = sum(event.label != "rest" for event in part.events)
        length_s = len(part.samples) / part.samples.sample_rate_hz
        click.echo(
            f"{part.name}: {length_s:.0f} s, {part.samples.n_channels} channels, {words} words",
            err=True,
        )
    return learn, live


def _cut(whole: "Recording", live_s: float) -> tuple["Recording", "Recording"]:
    """At the last rest that leaves `live_s` seconds behind it; the second part starts at 0."""
    samples = whole.samples
    latest = int(samples.index[-1]) - round(live_s * samples.sample_rate_hz)
    cut = max(one.index for one in whole.events if one.label == "rest" and one.index <= latest)
    later = [one for one in whole.events if one.index >= cut]
    learn = replace(
        whole,
        run="1",
        samples=samples[:cut],
        events=tuple(one for one in whole.events if one.index + one.length <= cut),
    )
    live = replace(
        whole,
        run="2",
        samples=replace(samples[cut:], index=samples.index[cut:] - cut),
        events=tuple(replace(one, index=one.index - cut) for one in later),
    )
    return learn, live


def _decide_live(work: Path, live: "Recording", *, seconds: float) -> None:
    from edgeemg.cli.live import Live
    from edgeemg.cli.live_score import LiveScore
    from edgeemg.cli.loading import Model
    from edgeemg.cli.opening import Line
    from edgeemg.cli.picking import default_engine
    from edgeemg.cli.running import decide_live
    from edgeemg.cli.stopping import Stop
    from edgeemg.runtime.bundle import open_bundle
    from edgeemg.runtime.event_metrics import Timeline, usual_grace, words_of
    from edgeemg.runtime.health import Health
    from firmware_bridge.devices import find_device

    bundle = open_bundle(work / "bundle")
    words = words_of(live.events, bundle.manifest)
    health = Health()
    score = LiveScore(Timeline(words, usual_grace([words], bundle.manifest)), click.echo)
    path = work / "recordings" / f"sub-{live.subject}" / f"ses-{live.session}" / "emg"
    with _simulated(path / f"{live.name}_emg.bdf", work / "emg") as port, Stop(seconds) as stop:
        line = Line(port, find_device("cyton"))
        model = Model(bundle.folder, default_engine(), "int8")
        decide_live(Live(model, line, [score], health, stop))
    if stop.asked:
        raise KeyboardInterrupt
    right, wrong, missed, stray = score.result(health.samples)
    total = right + wrong + missed
    accuracy = f"{right / total:.0%}" if total else "no word was over yet"
    click.echo(
        f"live accuracy {accuracy}: of {total} words {right} right, {wrong} wrong, "
        f"{missed} missed; {stray} decisions in rest. "
        "So few words show that it runs, not how good it is."
    )


@contextmanager
def _simulated(recording: Path, link: Path) -> Iterator[str]:
    """`edgeemg simulate` in a process of its own; gives the port's name."""
    command = [sys.executable, "-m", "edgeemg", "simulate", str(recording), "--link", str(link)]
    sensor = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)  # noqa: S603  # our own verb
    try:
        deadline = time.monotonic() + _START_S
        while not link.exists() and sensor.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not link.exists():
            sensor.terminate()
            said = sensor.communicate()[1].strip()
            raise PortError(f"the simulated sensor did not start ({said}): try again")
        yield str(link)
    finally:
        sensor.terminate()
        sensor.communicate()


def _next_steps(out: Path) -> str:
    return "\n".join(
        (
            f"\nEverything is in {out}. With your own recordings:",
            "  edgeemg data import csv YOUR.csv --rate 250 --out rec",
            "  edgeemg train rec --model cnn --out runs/cnn",
            "  edgeemg export runs/cnn --quantize --out bundles/cnn",
            "  edgeemg run bundles/cnn --port /dev/ttyUSB0 --device cyton",
        )
    )
