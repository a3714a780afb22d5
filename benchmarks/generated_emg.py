"""Recorded and generated EMG in, a table of what they have in common out.

    python -m benchmarks.generated_emg                      generated EMG alone
    python -m benchmarks.generated_emg FOLDER               beside recordings
    python -m benchmarks.generated_emg FOLDER --plot docs/img/generated-emg.png
    python -m benchmarks.generated_emg --seeds 100:105      from other seeds than 0 to 4

FOLDER holds `<person>/F/<word>.csv` (or .csv.gz) with columns WORD, Channel_1 .. in microvolts, as
in MateusAquino/subvocalization-emg (BSD-3-Clause): spoken words, OpenBCI Cyton, 250 Hz, 60 Hz
mains, channels 1 to 4 connected. Needs the extra `train`.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import click
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from scipy import signal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from edgeemg.data.articulation import CUE_S
from edgeemg.data.event_rows import REST
from edgeemg.data.synth import make_recordings
from edgeemg.dsp.samples import Recording
from edgeemg.errors import EdgeEmgError, RecordingError

Floats = NDArray[np.float64]

_RATE_HZ = 250.0
_EDGE = 500  # samples left out at both ends: filters settle there
_FRAME = 50  # samples of one short-time level
_SEGMENTS = 5  # of a word, for the classifier
_DENSITIES_HZ = ((1, 3), (5, 10), (15, 25), (30, 45), (70, 90), (105, 117))


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """One recording, reduced to what both kinds have: microvolts (time, channel), said (time,)."""

    microvolts: Floats
    said: NDArray[np.bool_]
    mains_hz: float


def recorded(folder: Path) -> Iterator[Stretch]:
    """Every spoken file of the folder."""
    paths = sorted([*folder.glob("*/F/*.csv"), *folder.glob("*/F/*.csv.gz")])
    if not paths:
        raise RecordingError(f"{folder} holds no <person>/F/<word>.csv: name the set's folder")
    for path in paths:
        table = np.loadtxt(
            path, delimiter=",", dtype=str, skiprows=1, usecols=range(5), encoding="utf-8"
        )
        yield Stretch(table[:, 1:].astype(np.float64), table[:, 0] != "$SILENCE", 60.0)


def reduced(recording: Recording) -> Stretch:
    """A generated recording as a Stretch."""
    said = np.zeros(len(recording.samples), dtype=bool)
    for event in recording.events:
        said[event.index : event.index + event.length] = event.label != REST
    assert recording.mains_hz is not None
    return Stretch(recording.samples.microvolts.astype(np.float64), said, recording.mains_hz)


def band(microvolts: Floats, low_hz: float, high_hz: float, mains_hz: float) -> Floats:
    """(time, channel), zero-phase band-pass and mains notches, edges left out."""
    # the third harmonic of 50 Hz folds onto the second: 100 Hz
    hums = [hum for hum in (mains_hz, 2 * mains_hz) if low_hz < hum < _RATE_HZ / 2]
    sections = [signal.butter(2, (low_hz, high_hz), "bandpass", fs=_RATE_HZ, output="sos")]
    sections += [signal.tf2sos(*signal.iirnotch(hum, 10.0, _RATE_HZ)) for hum in hums]
    filtered = signal.sosfiltfilt(np.vstack(sections), microvolts - microvolts[0], axis=0)
    kept: Floats = filtered[_EDGE:-_EDGE]
    return kept


def describe(stretch: Stretch) -> dict[str, Floats]:
    """Measure -> one value a channel (or a pair of channels)."""
    x, said = stretch.microvolts, stretch.said[_EDGE:-_EDGE]
    found: dict[str, Floats] = {}
    for name, low, high in (("15-100 Hz", 15.0, 100.0), ("0.8-10 Hz", 0.8, 10.0)):
        y = band(x, low, high, stretch.mains_hz)
        frames = y[: len(y) // _FRAME * _FRAME].reshape(-1, _FRAME, y.shape[1])
        level = np.sqrt((frames**2).mean(axis=1))
        spoken = said[: len(y) // _FRAME * _FRAME].reshape(-1, _FRAME).mean(axis=1) > 0.5
        quiet, middle = np.percentile(level[~spoken], (10, 50), axis=0)
        loud = np.percentile(level[spoken], 90, axis=0)
        found[f"{name}: quiet 0.2 s of rest (10th percentile), uV rms"] = quiet
        found[f"{name}: middling 0.2 s of rest (median), uV rms"] = middle
        found[f"{name}: loud 0.2 s of words (90th percentile), uV rms"] = loud
        found[f"{name}: loud to quiet"] = loud / quiet
        rms = [np.sqrt((y[rows] ** 2).mean(axis=0)) for rows in (said, ~said)]
        found[f"{name}: word blocks to rest blocks"] = rms[0] / rms[1]
        upper = np.triu_indices(y.shape[1], 1)
        found[f"{name}: correlation of channels"] = np.asarray(np.corrcoef(y.T))[upper]
        if low > 10:
            z = y[said] / y[said].std(axis=0)
            found[f"{name}: kurtosis in words"] = (z**4).mean(axis=0)
    frequency_hz, power = spectrum(x)
    for low_hz, high_hz in _DENSITIES_HZ:
        inside = (frequency_hz >= low_hz) & (frequency_hz < high_hz)
        found[f"density {low_hz}-{high_hz} Hz, uV/rtHz"] = np.sqrt(np.median(power[inside], axis=0))
    hum = np.abs(frequency_hz - stretch.mains_hz) <= 1
    found["mains, uV amplitude"] = np.sqrt(2 * power[hum].sum(axis=0) * frequency_hz[1])
    found["offset without sign, uV"] = np.abs(x.mean(axis=0))
    found["range over the first 80 s, uV"] = np.ptp(x[: int(80 * _RATE_HZ)], axis=0)
    return found


def spectrum(microvolts: Floats) -> tuple[Floats, Floats]:
    """Frequencies and (frequency, channel) power density, square microvolts a hertz."""
    frequency_hz, power = signal.welch(
        microvolts - microvolts.mean(axis=0), _RATE_HZ, nperseg=500, axis=0
    )
    return frequency_hz, power


def tabulate(stretches: list[Stretch]) -> dict[str, tuple[float, float, float]]:
    """Measure -> 10th, 50th and 90th percentile over recordings and channels."""
    described = [describe(stretch) for stretch in stretches]
    table = {}
    for name in described[0]:
        pooled = np.concatenate([one[name] for one in described])
        low, middle, high = np.percentile(pooled, (10, 50, 90))
        table[name] = (float(low), float(middle), float(high))
    return table


def features(recording: Recording) -> tuple[Floats, NDArray[np.str_]]:
    """(event, segment * channel) log-variances of 20-110 Hz, and labels; events in order."""
    y = band(recording.samples.microvolts.astype(np.float64), 20.0, 110.0, recording.mains_hz or 50)
    length = int(CUE_S * _RATE_HZ)
    kept = [one for one in recording.events if _EDGE <= one.index < len(y) + _EDGE - length]
    cut = np.stack([y[one.index - _EDGE :][:length] for one in kept])  # (event, time, channel)
    whole = length // _SEGMENTS * _SEGMENTS
    segments = cut[:, :whole].reshape(len(kept), _SEGMENTS, -1, y.shape[1])
    values: Floats = np.log(segments.var(axis=2)).reshape(len(kept), -1)
    return values, np.array([one.label for one in kept])


def accuracy(
    train: tuple[Floats, NDArray[np.str_]], test: tuple[Floats, NDArray[np.str_]]
) -> float:
    """Balanced accuracy of a shrinkage LDA."""
    classes = np.unique(train[1])
    lda = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage="auto", priors=np.full(len(classes), 1 / len(classes))
    ).fit(*train)
    right = lda.predict(test[0]) == test[1]
    return float(np.mean([right[test[1] == one].mean() for one in classes]))


def blocked(values: Floats, labels: NDArray[np.str_], folds: int = 5) -> float:
    """Mean over time-contiguous folds of one session."""
    edges = np.linspace(0, len(labels), folds + 1).astype(int)
    scores = []
    for start, stop in pairwise(edges):
        held = np.zeros(len(labels), dtype=bool)
        held[start:stop] = True
        scores.append(accuracy((values[~held], labels[~held]), (values[held], labels[held])))
    return float(np.mean(scores))


def difficulty(words: int, seeds: range) -> dict[str, list[float]]:
    """Protocol -> accuracies over seeds, people and sessions; `words` words and rest."""
    found: dict[str, list[float]] = {"blocked": [], "another session": [], "another person": []}
    for seed in seeds:
        made = [
            features(one) for one in make_recordings(subjects=2, sessions=2, words=words, seed=seed)
        ]
        found["blocked"] += [blocked(*one) for one in made]
        found["another session"] += [accuracy(made[0], made[1]), accuracy(made[2], made[3])]
        found["another person"] += [accuracy(made[0], made[2]), accuracy(made[2], made[0])]
    return found


def print_comparison(generated: list[Stretch], real: list[Stretch]) -> None:
    """Median (10th to 90th percentile) over recordings and channels, side by side."""
    columns = [tabulate(kind) for kind in (real, generated) if kind]
    heads = ["recorded", "generated"] if real else ["generated"]
    print(f"{'':58}" + "".join(f"{head:>32}" for head in heads))
    for name in columns[0]:
        cells = [f"{mid:.3g} ({low:.3g} to {high:.3g})" for low, mid, high in
                 (column[name] for column in columns)]  # fmt: skip
        print(f"{name:58}" + "".join(f"{cell:>32}" for cell in cells))


def print_difficulty(words: int, seeds: range) -> None:
    """Mean and range of the accuracy for each protocol."""
    print(f"\nbalanced accuracy, shrinkage LDA, {words} words + rest, chance {1 / (words + 1):.2f}")
    print(f"seeds {seeds[0]} to {seeds[-1]}, two people, two sessions each")
    for protocol, scores in difficulty(words, seeds).items():
        spread = f"{min(scores):.2f} to {max(scores):.2f}"
        print(f"{protocol:58}{f'{np.mean(scores):.2f} ({spread})':>32}")


def print_speed() -> None:
    """Seconds that one default recording takes."""
    took = []
    for seed in range(3):
        started = time.perf_counter()
        recording = next(make_recordings(seed=seed))
        took.append(time.perf_counter() - started)
    length_s = len(recording.samples) / recording.samples.sample_rate_hz
    print(f"\none default recording, {length_s:.0f} s long: {np.median(took):.2f} s to generate")


def plot(generated: list[Recording], real: list[Stretch], path: Path) -> None:
    """12 seconds of the first recording, cues shaded, and spectra beside recorded ones."""
    figure = Figure(figsize=(11, 9), layout="constrained")
    traces, density = figure.subplots(2, 1, height_ratios=(2.4, 1))
    _plot_traces(traces, generated[0])
    if real:
        _plot_density(density, real, f"recorded, {len(real)} files", "0.4")
    made = [reduced(one) for one in generated]
    _plot_density(density, made, f"generated, {len(made)} files", "tab:orange")
    density.set(xlabel="Hz", ylabel="µV / √Hz", xlim=(0, _RATE_HZ / 2))
    density.set(title="Spectra: median, and 10th to 90th percentile of channels")
    density.legend()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _plot_traces(axes: Axes, recording: Recording) -> None:
    y = band(recording.samples.microvolts.astype(np.float64), 0.8, 110.0, recording.mains_hz or 50)
    start, step = 10.0, 170.0  # seconds in, microvolts between channels
    seconds = (np.arange(len(y)) + _EDGE) / _RATE_HZ
    shown = (seconds >= start) & (seconds < start + 12.0)
    for number, name in enumerate(recording.channels):
        axes.plot(seconds[shown], y[shown, number] - step * number, lw=0.6, color="tab:blue")
        axes.text(start - 0.1, -step * number, name, ha="right", va="center")
    top = step
    for event in recording.events:
        from_s, to_s = event.index / _RATE_HZ, (event.index + event.length) / _RATE_HZ
        if event.label != REST and from_s >= start and to_s <= start + 12.0:
            axes.axvspan(from_s, to_s, color="tab:orange", alpha=0.18, lw=0)
            axes.text((from_s + to_s) / 2, top, event.label, ha="center", va="bottom")
    axes.set(xlim=(start, start + 12.0), ylim=(-step * len(recording.channels), 1.5 * step))
    axes.set(yticks=[], xlabel="seconds", title="Generated EMG, 0.8-110 Hz, mains removed")
    axes.plot([start + 11.9] * 2, [-step * 0.1, -step * 0.1 - 100], color="black", lw=2)
    axes.text(start + 11.85, -step * 0.1 - 50, "100 µV", ha="right", va="center")


def _plot_density(axes: Axes, stretches: list[Stretch], label: str, colour: str) -> None:
    found = [spectrum(stretch.microvolts) for stretch in stretches]
    densities = np.sqrt(np.concatenate([power for _, power in found], axis=1))
    low, middle, high = np.percentile(densities, (10, 50, 90), axis=1)
    axes.fill_between(found[0][0], low, high, color=colour, alpha=0.3, lw=0)
    axes.semilogy(found[0][0], middle, color=colour, label=label)


def parse_seeds(_context: click.Context, _option: click.Parameter, text: str) -> range:
    """`100:105` -> the seeds 100 to 105, both among them."""
    found = re.fullmatch(r"(\d+):(\d+)", text, re.ASCII)
    if not found or int(found[1]) > int(found[2]):
        raise click.BadParameter(f"wanted FIRST:LAST, such as 100:105, got {text!r}")
    return range(int(found[1]), int(found[2]) + 1)


@click.command()
@click.argument("folder", required=False, type=click.Path(path_type=Path))
@click.option("--plot", "picture", type=click.Path(path_type=Path), help="Draw a picture here.")
@click.option("--words", default=4, show_default=True, help="Words for the accuracies.")
@click.option(
    "--seeds",
    metavar="FIRST:LAST",
    default="0:4",
    show_default=True,
    callback=parse_seeds,
    help="Seeds to generate from, both among them.",
)
def main(folder: Path | None, picture: Path | None, words: int, seeds: range) -> None:
    """Compare generated EMG with recordings in FOLDER; see the top of this file for its layout."""
    try:
        real = list(recorded(folder)) if folder else []
        made = [one for seed in seeds for one in make_recordings(subjects=2, seed=seed)]
        print_comparison([reduced(one) for one in made], real)
        print_difficulty(words, seeds)
    except EdgeEmgError as error:
        raise click.ClickException(str(error)) from error
    print_speed()
    if picture:
        plot(made, real, picture)


if __name__ == "__main__":
    main()
