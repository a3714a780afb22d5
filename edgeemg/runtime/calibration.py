"""Labelled windows of another day in; scale and last layer for that day, and what they gain, out.

What is fitted is judged on repetitions that it was not fitted on, beside the bundle as it is. The
network itself stays.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import comb

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.inputs import fitted_scale, scaled
from edgeemg.dsp.probabilities import softmax
from edgeemg.errors import RecordingError
from edgeemg.manifest import Manifest
from edgeemg.runtime.fitting import HEADS, Fit, sharpened, sharpness
from edgeemg.runtime.heads import EmbeddingSteps, Head, embedding

LEAST_REPETITIONS = 3  # of a label: one is held out, and of one alone nothing can be fitted
_FOLDS = 5
_LEAST_SHARE = 0.5  # of the usual number of trials: with fewer, a label stands for too little


@dataclass(frozen=True, slots=True, eq=False)
class Material:
    """Labelled windows, of trials in the order of time.

    windows  (window, time, band * channel) filtered microvolts
    trial    (window,) whose each is: a position in `classes`
    classes  (trial,) positions in the manifest's labels
    """

    windows: NDArray[np.float32]
    trial: NDArray[np.int64]
    classes: NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Which held-out trials are right: right (trial,) bool, classes (trial,)."""

    right: NDArray[np.bool_]
    classes: NDArray[np.int64]

    @property
    def balanced_accuracy(self) -> float:
        """The mean over the classes of the share of their trials that are right."""
        shares = [self.right[self.classes == one].mean() for one in np.unique(self.classes)]
        return float(np.mean(shares))


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """A last layer and a scale, and what held-out trials say of them.

    way            of HEADS
    scale_fitted   whether `scale` is another one than the manifest's
    before, after  of the same trials: the bundle as it is, and what was fitted on the others
    folds          into how many parts the trials were divided
    """

    head: Head
    scale: tuple[float, ...]
    way: str
    scale_fitted: bool
    before: Judged
    after: Judged
    folds: int

    @property
    def gained(self) -> int:
        """Trials that are right now and were not."""
        return int((self.after.right & ~self.before.right).sum())

    @property
    def lost(self) -> int:
        """Trials that were right and are not now."""
        return int((self.before.right & ~self.after.right).sum())

    @property
    def is_better(self) -> bool:
        """Whether it is better than what there was, by however little."""
        more = self.after.balanced_accuracy > self.before.balanced_accuracy
        return more and self.gained > self.lost

    @property
    def chance(self) -> float:
        """How likely as clear a gain would be if both were as good: one-sided sign test."""
        n = self.gained + self.lost
        return float(sum(comb(n, one) for one in range(self.gained, n + 1)) / 2**n)


def check_repetitions(classes: NDArray[np.int64], labels: Sequence[str]) -> None:
    """RecordingError where a label has too few trials, or far fewer than the others."""
    counts = np.bincount(classes, minlength=len(labels))
    told = ", ".join(f"{label} {n}" for label, n in zip(labels, counts, strict=True))
    lacking = [label for label, n in zip(labels, counts, strict=True) if not n]
    if lacking:
        raise RecordingError(
            f"no usable trial of {', '.join(lacking)}; the model knows {', '.join(labels)}: "
            "record every one of them"
        )
    few = [label for label, n in zip(labels, counts, strict=True) if n < LEAST_REPETITIONS]
    if few:
        raise RecordingError(
            f"too few usable trials of {', '.join(few)} ({told}): at least {LEAST_REPETITIONS} "
            "of each are needed, better 5"
        )
    usual = float(np.median(counts))
    scarce = [label for label, n in zip(labels, counts, strict=True) if n < usual * _LEAST_SHARE]
    if scarce:
        raise RecordingError(
            f"far fewer trials of {', '.join(scarce)} than of the others ({told}): "
            "record as many of each"
        )


def calibrate(
    material: Material,
    engine: EmbeddingSteps,
    manifest: Manifest,
    layer: Head,
    *,
    ways: Mapping[str, Fit] = HEADS,
    on_window: Callable[[int], None] = lambda _: None,
) -> Fitted:
    """Fit the last layer, and the scale where that helps.

    layer      the one that the bundle has now
    ways       to fit a last layer that are tried
    on_window  is told of each inference; two are needed for every window
    Of these, with the scale as it is and with today's, that one is taken which makes held-out
    trials most likely. RecordingError as in `check_repetitions`, EngineError for a file without
    embeddings.
    """
    check_repetitions(material.classes, manifest.labels)
    fold = _folds(material.classes)
    today = fitted_scale(material.windows)
    tried = []
    before: Judged | None = None
    for scale in (manifest.scale, today):
        inputs = scaled(material.windows, scale=scale, clip=manifest.clip)
        known = _Known(_embeddings(inputs, engine, on_window), material, fold)
        if before is None:
            before = known.judged(layer.logits(known.embeddings))
        tried += [(*known.tried(fit, layer), way, scale) for way, fit in ways.items()]
    loss, head, after, way, scale = min(tried, key=lambda one: one[0])
    assert before is not None
    assert np.isfinite(loss), "finite windows give finite embeddings"
    fitted = scale is today
    return Fitted(head, scale, way, fitted, before, after, folds=int(fold.max()) + 1)


class _Known:
    """Embeddings under one scale, and how to judge what is fitted on them."""

    def __init__(
        self, embeddings: NDArray[np.float64], material: Material, fold: NDArray[np.int64]
    ) -> None:
        self.embeddings = embeddings
        self._trial, self._classes = material.trial, material.classes
        self._fold = fold[material.trial]
        self._windows = np.bincount(material.trial, minlength=len(material.classes))

    def tried(self, fit: Fit, layer: Head) -> tuple[float, Head, Judged]:
        """Minus the mean log-likelihood of held-out trials, the head of all, and the judgement."""
        classes = self._classes[self._trial]
        held_out = np.empty((len(classes), len(layer.bias)))
        for one in range(int(self._fold.max()) + 1):
            out = self._fold == one
            head = fit(self.embeddings[~out], classes[~out], self._weights(~out), layer)
            held_out[out] = head.logits(self.embeddings[out])
        everything = np.ones(len(classes), dtype=bool)
        by = sharpness(held_out, classes, self._weights(everything))
        head = fit(self.embeddings, classes, self._weights(everything), layer)
        own = self._probabilities(held_out * by)[np.arange(len(self._classes)), self._classes]
        loss = float(-np.log(np.maximum(own, 1e-300)).mean())
        return loss, sharpened(head, by), self.judged(held_out * by)

    def judged(self, logits: NDArray[np.floating]) -> Judged:
        """(window, class) logits -> which trials are right by the mean of their probabilities."""
        named = self._probabilities(logits).argmax(axis=1)
        return Judged(named == self._classes, self._classes)

    def _probabilities(self, logits: NDArray[np.floating]) -> NDArray[np.float64]:
        summed = np.zeros((len(self._classes), logits.shape[1]))
        np.add.at(summed, self._trial, softmax(logits))
        return summed / self._windows[:, None]

    def _weights(self, rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        """(window,) of sum 1: classes count the same, in them trials, in those windows."""
        trial = self._trial[rows]
        there = np.zeros(len(self._classes), dtype=bool)
        there[trial] = True
        trials = np.bincount(self._classes[there])[self._classes]
        weights: NDArray[np.float64] = 1.0 / (self._windows * trials)[trial]
        weights /= weights.sum()
        return weights


def _folds(classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """(trial,) the part that each is held out with: each class's trials in stretches of time."""
    count = min(_FOLDS, int(np.bincount(classes).min()))
    fold = np.empty(len(classes), dtype=np.int64)
    for one in np.unique(classes):
        members = np.flatnonzero(classes == one)
        fold[members] = np.arange(len(members)) * count // len(members)
    return fold


def _embeddings(
    inputs: NDArray[np.float32], engine: EmbeddingSteps, on_window: Callable[[int], None]
) -> NDArray[np.float64]:
    def rows() -> Iterator[NDArray[np.float32]]:
        for one in inputs:
            yield embedding(engine, one[None])
            on_window(1)

    return np.stack(list(rows())).astype(np.float64)
