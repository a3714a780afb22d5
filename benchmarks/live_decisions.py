"""A bundle and a recording in, a picture of what the runtime decides hop by hop out.

    edgeemg demo --out demo
    python -m benchmarks.live_decisions demo --plot docs/img/live-decisions.png

It is the runtime's own front end, engine and decider, over the file: the same decisions as live.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from edgeemg.data.bids import find_recordings, read_recording
from edgeemg.dsp.inputs import FrontEnd, filtered
from edgeemg.dsp.probabilities import softmax
from edgeemg.dsp.samples import Event, Recording
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.decisions import Decider, Verdict
from edgeemg.runtime.engines import installed_engines, open_engine

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_SETTLED_S = 0.5  # a notch rings this long on mains that starts all at once
_HIGH_PASS_HZ = 20.0  # for the eye only: the network sees the bundle's own filters


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """What every hop said: seconds (hop,), probabilities (hop, class), and the decisions."""

    t_s: NDArray[np.float64]
    probabilities: NDArray[np.float64]
    decisions: list[Verdict]


def follow(bundle: Bundle, recording: Recording) -> Course:
    """Run the bundle over the recording as the device would."""
    manifest = bundle.manifest
    engine = open_engine(bundle, installed_engines()[0], "int8")
    front_end, decider = FrontEnd(manifest), Decider(manifest)
    t_s, probabilities, decisions = [], [], []
    for model_input in front_end.feed(recording.samples):
        logits = engine.logits(model_input.values)
        verdict = decider.feed(logits, model_input.index)
        probabilities.append(softmax(logits))
        t_s.append(model_input.index / manifest.sample_rate_hz)
        if verdict.accepted:
            decisions.append(verdict)
    return Course(np.array(t_s), np.array(probabilities), decisions)


@click.command()
@click.argument("demo", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--plot", required=True, type=click.Path(path_type=Path), help="PNG to write.")
def main(demo: Path, plot: Path) -> None:
    """Draw the live part of a demo folder: EMG, probabilities, decisions and true words."""
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    bundle = open_bundle(demo / "bundle")
    recording = read_recording(find_recordings(demo / "recordings")[-1])
    course = follow(bundle, recording)
    figure, (top, bottom) = plt.subplots(
        2, 1, figsize=(10, 5.6), sharex=True, height_ratios=(3, 2), layout="constrained"
    )
    _draw_emg(top, recording)
    _draw_course(bottom, course, bundle)
    words = [one for one in recording.events if one.label != bundle.manifest.rest_label]
    for axes in (top, bottom):
        _shade(axes, words, recording.samples.sample_rate_hz)
    for word in words:
        middle_s = (word.index + word.length / 2) / recording.samples.sample_rate_hz
        top.text(middle_s, 0.97, word.label, ha="center", va="top", transform=_across(top))
    top.set_xlim(_SETTLED_S, course.t_s[-1])
    kind = "Generated EMG" if recording.generated else "EMG"
    top.set_title(f"{kind}, 8 channels, above {_HIGH_PASS_HZ:g} Hz; shaded: the true word's cue")
    figure.savefig(plot, dpi=110)
    click.echo(f"{plot}: {len(course.decisions)} decisions in {course.t_s[-1]:.1f} s")


def _draw_emg(axes: "Axes", recording: Recording) -> None:
    from scipy.signal import butter

    samples = recording.samples
    rate = samples.sample_rate_hz
    sections = [butter(2, _HIGH_PASS_HZ, "highpass", fs=rate, output="sos")]
    if recording.mains_hz:
        from scipy.signal import iirnotch, tf2sos

        sections.append(tf2sos(*iirnotch(recording.mains_hz, 30, fs=rate)))
    values = filtered(samples, [np.vstack(sections)]).microvolts
    step = 6 * float(np.median(values.std(axis=0)))
    t_s = samples.index / rate
    for n, name in enumerate(recording.channels):
        axes.plot(t_s, values[:, n] - n * step, linewidth=0.4, color="#333333")
        axes.text(_SETTLED_S - 0.1, -n * step, name, ha="right", va="center", fontsize=8)
    axes.set_yticks([])
    axes.set_ylim(-(len(recording.channels) - 0.3) * step, 1.3 * step)
    axes.spines[["top", "right", "left"]].set_visible(False)


def _draw_course(axes: "Axes", course: Course, bundle: Bundle) -> None:
    labels = bundle.manifest.labels
    for n, label in enumerate(labels):
        color = "#999999" if label == bundle.manifest.rest_label else f"C{n}"
        axes.plot(course.t_s, course.probabilities[:, n], label=label, color=color)
    for one in course.decisions:
        t_s = one.sample_index / bundle.manifest.sample_rate_hz
        axes.plot(t_s, 1.05, "v", color="black", markersize=6, clip_on=False)
        axes.text(t_s, 1.12, one.label, ha="center", fontsize=9, clip_on=False)
    axes.set_ylim(0, 1.25)
    axes.set_yticks([0, 0.5, 1])
    axes.set_ylabel("probability (int8)")
    axes.set_xlabel("seconds; triangles: decisions")
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _shade(axes: "Axes", words: list[Event], rate: float) -> None:
    for word in words:
        start_s, end_s = word.index / rate, (word.index + word.length) / rate
        axes.axvspan(start_s, end_s, color="#4477aa", alpha=0.15, linewidth=0)


def _across(axes: "Axes") -> Any:
    """x in seconds, y as a fraction of the panel."""
    return axes.get_xaxis_transform()


if __name__ == "__main__":
    main()
