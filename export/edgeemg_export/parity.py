"""Exported files and held-out windows in; how far each is from PyTorch out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.runtime.engines import Engine
from edgeemg.train.dataset import Part
from edgeemg.train.metrics import fold_metrics, trial_probabilities, true_classes
from edgeemg_export.layer_errors import LayerError

_RESAMPLES = 2000  # of the bootstrap; its limits differ by less than 0.1 point from run to run
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Parity:
    """One file beside PyTorch on the held-out windows.

    largest_difference   over all logits of all windows
    label_agreement      fraction of windows with the same best label
    accuracy, balanced_accuracy   of trials, as in metrics.json
    balanced_accuracy_drop   from PyTorch's, over the same trials, and its interval: 95 %, by
                         resampling trials in pairs (Efron & Tibshirani 1993, percentile method)
    trials_lost          trials that PyTorch has right and the file wrong, less the reverse
    one_trial            what one trial of the smallest class is worth of balanced accuracy
    kept_float           operators that the recipe leaves in float
    worst_layers         of an int8 file, by signal-to-noise ratio (layer_errors)
    passed               whether it is good enough (gates)
    let_pass             whether its drop is beyond the gate, but no more than one trial (gates)
    """

    file: str
    engine: str
    precision: str
    recipe: str
    bytes: int
    largest_difference: float
    label_agreement: float
    accuracy: float
    balanced_accuracy: float
    balanced_accuracy_drop: float
    drop_interval: tuple[float, float]
    trials_lost: int
    one_trial: float
    kept_float: tuple[str, ...] = ()
    worst_layers: tuple[LayerError, ...] = ()
    passed: bool = True
    let_pass: bool = False


def engine_logits(engine: Engine, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(window, channel, time) -> (window, class), one window at a time as the device does."""
    return np.stack([engine.logits(window[None]) for window in inputs])


def compare(
    engine: Engine,
    *,
    file: str,
    recipe: str,
    size: int,
    reference: NDArray[np.float32],
    held_out: Part,
    kept_float: tuple[str, ...] = (),
    worst_layers: tuple[LayerError, ...] = (),
) -> Parity:
    """One file's figures; `reference` are PyTorch's logits of the same held-out windows."""
    logits = engine_logits(engine, held_out.inputs)
    ours, theirs = _accuracy(logits, held_out), _accuracy(reference, held_out)
    true, right, wanted = _answers(logits, reference, held_out)
    return Parity(
        file=file,
        engine=engine.name,
        precision=engine.precision,
        recipe=recipe,
        bytes=size,
        largest_difference=float(np.abs(logits - reference).max()),
        label_agreement=float((logits.argmax(axis=1) == reference.argmax(axis=1)).mean()),
        accuracy=ours["accuracy"],
        balanced_accuracy=ours["balanced_accuracy"],
        balanced_accuracy_drop=theirs["balanced_accuracy"] - ours["balanced_accuracy"],
        drop_interval=drop_interval(true, right, wanted),
        trials_lost=int(wanted.sum() - right.sum()),
        one_trial=_one_trial(true),
        kept_float=kept_float,
        worst_layers=worst_layers,
    )


def drop_interval(
    true: NDArray[np.int64], right: NDArray[np.bool_], wanted: NDArray[np.bool_]
) -> tuple[float, float]:
    """The 95 % interval of the drop in balanced accuracy over (trial,) answers.

    right, wanted  whether the file, and PyTorch, have the trial right: the same trials are drawn
                   for both, within each class, so that every resample has all classes
    """
    rng = np.random.default_rng(0)
    lost = wanted.astype(np.float64) - right
    drops = np.zeros(_RESAMPLES)
    classes = np.unique(true)
    for one in classes:
        own = lost[true == one]
        drawn = rng.integers(len(own), size=(_RESAMPLES, len(own)))
        drops += own[drawn].mean(axis=1) / len(classes)
    beyond = 100 * (1 - _CONFIDENCE) / 2
    low, high = np.percentile(drops, [beyond, 100 - beyond])
    return float(low), float(high)


def report(
    parities: Sequence[Parity], *, reference: NDArray[np.float32], held_out: Part
) -> dict[str, Any]:
    """What parity.json holds."""
    fold = _accuracy(reference, held_out)
    return {
        "held_out": {"windows": len(held_out.inputs), "trials": held_out.n_trials},
        "pytorch": {name: fold[name] for name in ("accuracy", "balanced_accuracy")},
        "files": [asdict(one) for one in parities],
    }


def _one_trial(true: NDArray[np.int64]) -> float:
    """Of (trial,) classes: the mean is over classes, so a trial of the smallest one counts most."""
    trials = np.unique(true, return_counts=True)[1]
    return float(1 / (len(trials) * trials.min()))


def _answers(
    logits: NDArray[np.float32], reference: NDArray[np.float32], held_out: Part
) -> tuple[NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """(trial,) each: the true class, and whether the file and PyTorch name it."""
    true = true_classes(held_out.classes, held_out.trials)
    named = [trial_probabilities(one, held_out.trials)[1] for one in (logits, reference)]
    ours, theirs = (one.argmax(axis=1) == true for one in named)
    return true, ours, theirs


def _accuracy(logits: NDArray[np.float32], held_out: Part) -> dict[str, Any]:
    _, probabilities = trial_probabilities(logits, held_out.trials)
    return fold_metrics(true_classes(held_out.classes, held_out.trials), probabilities)
