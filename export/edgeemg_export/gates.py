"""What each file is from PyTorch in; which files are good enough, and what is wrong, out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from edgeemg.errors import GateError
from edgeemg_export.limits import FLOAT_TOLERANCE, MAX_ACCURACY_DROP, MIN_AGREEMENT
from edgeemg_export.parity import Parity
from edgeemg_export.recipes import STATIC

_ROUNDING = 1e-9  # of a drop that is just what one trial is worth


@dataclass(frozen=True, slots=True)
class Gates:
    """What a file must reach, fractions from 0 to 1.

    max_accuracy_drop  of balanced accuracy on held-out trials, from PyTorch's on the same trials
    min_agreement      of held-out windows with PyTorch's label
    float_tolerance    largest difference of a float file's logits
    """

    max_accuracy_drop: float = MAX_ACCURACY_DROP
    min_agreement: float = MIN_AGREEMENT
    float_tolerance: float = FLOAT_TOLERANCE


def judged(
    parities: Sequence[Parity], gates: Gates, *, calibration: str = ""
) -> tuple[list[Parity], tuple[str, ...]]:
    """The parities with `passed` and `let_pass` set, and a sentence for each gate that failed.

    calibration  what is wrong with the windows that static files have their ranges from, if
                 anything: those files fail, whether or not it shows
    """
    found = {one.file: list(_failures(one, gates)) for one in parities}
    off = {one.file for one in parities if calibration and one.recipe == STATIC}
    marked = [
        replace(
            one,
            passed=not found[one.file] and one.file not in off,
            let_pass=_let_pass(one, gates),
        )
        for one in parities
    ]
    texts = [f"{calibration} ({', '.join(sorted(off))})"] if off else []
    return marked, (*texts, *(text for texts in found.values() for text in texts))


def refuse(parities: Sequence[Parity], failed: Sequence[str], *, allow_fail: bool = False) -> None:
    """GateError that names every gate that failed, and the worst layers of the int8 files.

    allow_fail  refuse only what no mark makes usable: answers that are no numbers
    """
    if useless := [one.file for one in parities if not np.isfinite(one.largest_difference)]:
        raise GateError(
            f"no bundle was written: {', '.join(useless)} answered with logits that are not "
            "finite, or PyTorch did, which --allow-fail does not let pass: train again"
        )
    if allow_fail or not failed:
        return
    raise GateError(
        f"no bundle was written: {'; '.join(failed)}. {_worst(parities)}"
        "Train longer or on more data, change --min-agreement or --max-accuracy-drop knowingly, "
        "or mark the bundle as failed with --allow-fail"
    )


def _let_pass(one: Parity, gates: Gates) -> bool:
    """Whether a drop is beyond the gate and yet no more than one trial: less cannot be seen."""
    drop = one.balanced_accuracy_drop
    return (
        one.precision != "float32"
        and drop > gates.max_accuracy_drop
        and drop <= one.one_trial + _ROUNDING
    )


def _failures(one: Parity, gates: Gates) -> list[str]:
    if one.precision == "float32":
        if one.largest_difference <= gates.float_tolerance:
            return []
        return [
            f"{one.file} is off by {one.largest_difference:.2g} from PyTorch "
            f"(at most {gates.float_tolerance:g})"
        ]
    texts = []
    if not one.label_agreement >= gates.min_agreement:
        texts.append(
            f"{one.file} agrees with PyTorch on {one.label_agreement:.2%} of windows "
            f"(at least {gates.min_agreement:.2%})"
        )
    if not (one.balanced_accuracy_drop <= gates.max_accuracy_drop or _let_pass(one, gates)):
        low, high = one.drop_interval
        texts.append(
            f"{one.file} loses {100 * one.balanced_accuracy_drop:.1f} points of balanced accuracy "
            f"(95 % interval {100 * low:.1f} to {100 * high:.1f}; "
            f"at most {100 * gates.max_accuracy_drop:g})"
        )
    return texts


def _worst(parities: Sequence[Parity]) -> str:
    texts = [
        f"{one.file}: {', '.join(f'{e.layer} ({e.snr_db:g} dB)' for e in one.worst_layers)}"
        for one in parities
        if not one.passed and one.worst_layers
    ]
    return f"Worst layers of {'; '.join(texts)}. " if texts else ""
