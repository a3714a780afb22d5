"""Exported files and held-out windows in; how far each is from PyTorch out."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import GateError
from edgeemg.runtime.engines import Engine
from edgeemg.train.dataset import Part
from edgeemg.train.metrics import fold_metrics, trial_probabilities, true_classes

FLOAT_TOLERANCE = 1e-3  # logits; a converter that is right differs by rounding only


@dataclass(frozen=True, slots=True)
class Parity:
    """One file beside PyTorch on the held-out windows.

    largest_difference   over all logits of all windows
    label_agreement      fraction of windows with the same best label
    accuracy, balanced_accuracy   of trials, as in metrics.json; `balanced_accuracy_drop` from
                         PyTorch's
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
) -> Parity:
    """One file's figures; `reference` are PyTorch's logits of the same held-out windows."""
    logits = engine_logits(engine, held_out.inputs)
    ours, theirs = _accuracy(logits, held_out), _accuracy(reference, held_out)
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
    )


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


def check_gates(parities: Sequence[Parity], *, min_agreement: float) -> None:
    """GateError that names every file that is not good enough, and by how much."""
    failures = []
    for one in parities:
        if one.precision == "float32" and not one.largest_difference <= FLOAT_TOLERANCE:
            failures.append(
                f"{one.file} is off by {one.largest_difference:.2g} from PyTorch "
                f"(at most {FLOAT_TOLERANCE:g})"
            )
        if one.precision != "float32" and not one.label_agreement >= min_agreement:
            failures.append(
                f"{one.file} agrees with PyTorch on {one.label_agreement:.2%} of windows "
                f"(at least {min_agreement:.2%})"
            )
    if failures:
        raise GateError(
            f"no bundle was written: {'; '.join(failures)}. "
            "Train longer or on more data, or lower --min-agreement knowingly"
        )


def _accuracy(logits: NDArray[np.float32], held_out: Part) -> dict[str, Any]:
    _, probabilities = trial_probabilities(logits, held_out.trials)
    return fold_metrics(true_classes(held_out.classes, held_out.trials), probabilities)
