"""Recordings of several days in; what calibrating on a few repetitions of another day brings, out.

    python -m benchmarks.calibration rec/somach --session A --session B
    python -m benchmarks.calibration rec/somach --session A --session B --repetitions 10

For each session: a network is trained on the others, and then calibrated, as `edgeemg calibrate`
does, on so many repetitions a label of this one: the first ones, and ten draws at random. Tested on
all other trials of the session, before and after. Beside it what a network reaches that is trained
on this session alone, in five blocked folds. Networks run in PyTorch. Needs the extra `train`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from benchmarks.figures_file import FiguresFile, keep_figures
from edgeemg.cli.calibration_recordings import cut
from edgeemg.cli.training import load_recordings
from edgeemg.dsp.inputs import scaled
from edgeemg.dsp.probabilities import softmax
from edgeemg.dsp.samples import Recording
from edgeemg.runtime.calibration import Material, calibrate
from edgeemg.runtime.fitting import HEADS, Fit
from edgeemg.runtime.heads import Head
from edgeemg.runtime.streams import State
from edgeemg.train.evaluation import evaluate
from edgeemg.train.settings import EvaluationSettings, TrainSettings
from edgeemg.train.training import Trained
from edgeemg_export.embedding import embeddings, last_layer

_DRAWS = 10


@dataclass(frozen=True, slots=True)
class Row:
    """One network on one session; accuracies of trials.

    first   after calibrating on the first repetitions; before_first on the same test trials
    drawn   after, for each draw at random; before_drawn on the same test trials
    said    what `calibrate` itself said of each draw, from held-out repetitions
    around, afresh   after, where only this way to fit a last layer is tried
    retrained        a network trained on this session alone, blocked, five folds
    """

    model: str
    session: str
    trials: int
    before_first: float
    first: float
    before_drawn: list[float]
    drawn: list[float]
    said: list[float]
    around: list[float]
    afresh: list[float]
    retrained: float


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--session", "sessions", multiple=True, required=True, help="Two or more.")
@click.option("--models", default="cnn,hybrid,transformer", show_default=True)
@click.option("--repetitions", default=5, show_default=True, type=click.IntRange(min=3))
@click.option("--out", default="calibration.json", show_default=True, type=FiguresFile())
def main(folder: Path, sessions: tuple[str, ...], models: str, repetitions: int, out: Path) -> None:
    """Print the table, and keep the figures of every draw."""
    recordings = load_recordings(folder, (), sessions, ())
    rows = []
    for model in models.split(","):
        for row in _rows(recordings, model, repetitions):
            rows.append(row)
            click.echo(f"{model}, session {row.session} done", err=True)
    keep_figures(out, [asdict(one) for one in rows])
    click.echo(
        "| model | used on | before | after, the first | before | after, drawn | it says itself "
        "| `around` alone | `afresh` alone | re-trained on all |\n" + "|---" * 10 + "|"
    )
    for row in rows:
        click.echo(_line(row))


def _line(row: Row) -> str:
    least, most = min(row.drawn), max(row.drawn)
    cells = (
        f"`{row.model}`",
        row.session,
        f"{row.before_first:.3f}",
        f"**{row.first:.3f}**",
        f"{np.mean(row.before_drawn):.3f}",
        f"**{np.mean(row.drawn):.3f}** ({least:.3f} to {most:.3f})",
        *(f"{np.mean(one):.3f}" for one in (row.said, row.around, row.afresh)),
        f"{row.retrained:.3f}",
    )
    return f"| {' | '.join(cells)} |"


def _rows(recordings: Sequence[Recording], model: str, repetitions: int) -> Iterator[Row]:
    settings = EvaluationSettings(TrainSettings(model=model), "session")
    networks: list[Trained] = []
    evaluate(
        recordings,
        settings,
        data="days",
        on_trained=lambda _, trained: networks.append(trained),
    )
    # folds come in the order of the sessions' names, as the protocol makes them
    for session, trained in zip(sorted({one.session for one in recordings}), networks, strict=True):
        own = [one for one in recordings if one.session == session]
        alone = evaluate(own, replace(settings, protocol="blocked"), data=session)
        retrained = float(alone.metrics["accuracy"]["mean"])
        yield _calibrated(trained, own, repetitions, model, session, retrained)


def _calibrated(
    trained: Trained,
    own: Sequence[Recording],
    repetitions: int,
    model: str,
    session: str,
    retrained: float,
) -> Row:
    network = _Network(trained)
    material = cut(own, trained.manifest, repetitions=None).material
    first = network.on(material, _chosen(material.classes, repetitions, seed=None), HEADS)
    draws = [_chosen(material.classes, repetitions, seed=seed) for seed in range(_DRAWS)]
    every = [network.on(material, one, HEADS) for one in draws]
    alone = {
        way: [network.on(material, one, {way: fit}).after for one in draws]
        for way, fit in HEADS.items()
    }
    return Row(
        model=model,
        session=session,
        trials=len(material.classes),
        before_first=first.before,
        first=first.after,
        before_drawn=[one.before for one in every],
        drawn=[one.after for one in every],
        said=[one.said for one in every],
        around=alone["around"],
        afresh=alone["afresh"],
        retrained=retrained,
    )


@dataclass(frozen=True, slots=True)
class _Tested:
    before: float
    after: float
    said: float


class _Network:
    """A trained network as an engine that gives embeddings, in PyTorch."""

    name, precision = "PyTorch", "float32"
    state_sizes: tuple[int, ...] = ()

    def __init__(self, trained: Trained) -> None:
        self._trained = trained
        layer = last_layer(trained.model)
        self.layer = Head(layer.weight.detach().numpy(), layer.bias.detach().numpy())
        self.embedding_size = layer.in_features
        self.hop_samples = trained.manifest.window_samples
        self._known: dict[bytes, NDArray[np.float32]] = {}

    def start(self) -> State:
        return ()

    def embed(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        key = model_input.tobytes()  # the same windows come with each way to fit
        if key not in self._known:
            self._known[key] = embeddings(self._trained.model, model_input)[0]
        return self._known[key], state

    def step(
        self, model_input: NDArray[np.float32], state: State
    ) -> tuple[NDArray[np.float32], State]:
        return self.layer.logits(self.embed(model_input, state)[0]), state

    def on(self, material: Material, chosen: NDArray[np.bool_], ways: Mapping[str, Fit]) -> _Tested:
        """Calibrate on the chosen trials, and test on all others, before and after."""
        manifest = self._trained.manifest
        fitted = calibrate(_part(material, chosen), self, manifest, self.layer, ways=ways)
        rest = _part(material, ~chosen)
        return _Tested(
            before=self._accuracy(rest, manifest.scale, self.layer),
            after=self._accuracy(rest, fitted.scale, fitted.head),
            said=fitted.after.balanced_accuracy,
        )

    def _accuracy(self, material: Material, scale: Sequence[float], head: Head) -> float:
        clip = self._trained.manifest.clip
        inputs = scaled(material.windows, scale=scale, clip=clip)
        summed = np.zeros((len(material.classes), len(head.bias)))
        probabilities = softmax(head.logits(embeddings(self._trained.model, inputs)))
        np.add.at(summed, material.trial, probabilities)
        return float((summed.argmax(axis=1) == material.classes).mean())


def _chosen(classes: NDArray[np.int64], repetitions: int, *, seed: int | None) -> NDArray[np.bool_]:
    """(trial,) whether it calibrates: the first ones of each class, or a draw."""
    rng = None if seed is None else np.random.default_rng(seed)
    chosen = np.zeros(len(classes), dtype=bool)
    for one in np.unique(classes):
        members = np.flatnonzero(classes == one)
        order = members if rng is None else rng.permutation(members)
        chosen[order[:repetitions]] = True
    return chosen


def _part(material: Material, trials: NDArray[np.bool_]) -> Material:
    rows = trials[material.trial]
    numbers: NDArray[Any] = np.cumsum(trials) - 1
    return Material(material.windows[rows], numbers[material.trial[rows]], material.classes[trials])


if __name__ == "__main__":
    main()
