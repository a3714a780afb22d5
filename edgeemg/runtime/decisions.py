"""Logits hop by hop in, decisions out: smoothing, threshold, agreement, refractory time."""

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.probabilities import softmax
from edgeemg.errors import ManifestError
from edgeemg.manifest import DecisionSettings, Manifest

_NOTHING = np.zeros(())
_MOST_HOPS = 10_000  # as many logits are remembered: more is a slip of the pen


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one hop says: the best label and its smoothed probability.

    accepted is True where it is a decision: not rest, sure enough, agreed on, and not too soon.
    """

    label: str
    confidence: float
    sample_index: int
    accepted: bool


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the last hops say together: the best label and its smoothed probability.

    agreeing  hops in a row up to this one that named the label; 0 where this hop says nothing
    """

    label: str
    confidence: float
    sample_index: int
    agreeing: int


class Smoother:
    """Turns logits into opinions; remembers a few hops and forgets them at a break in time."""

    def __init__(self, manifest: Manifest, smoothing_hops: int) -> None:
        self._labels = manifest.labels
        self._hop = manifest.hop_samples
        self._recent: deque[NDArray[np.float64]] = deque(maxlen=smoothing_hops)
        self._agreeing = 0
        self._agreed = ""
        self._last_index: int | None = None

    def feed(
        self, logits: NDArray[np.float32], sample_index: int, *, trusted: bool = True
    ) -> Opinion:
        """The opinion after this hop, which ends at `sample_index`.

        A hop that is not to be trusted (a channel is off), or whose logits are not finite, says
        nothing: every class is as likely in it, and what came before must not decide in its name.
        """
        if self._last_index is None or sample_index != self._last_index + self._hop:
            self._recent.clear()
            self._agreeing = 0
        self._last_index = sample_index
        says_something = trusted and bool(np.isfinite(logits).all())
        self._recent.append(softmax(logits if says_something else np.zeros_like(logits)))
        # not np.mean, which first makes one array of them, at ten times the cost
        smoothed = sum(self._recent, start=_NOTHING) / len(self._recent)
        best = int(smoothed.argmax())
        label = self._labels[best]
        self._agreeing = self._agreeing + 1 if label == self._agreed else 1
        self._agreed = label
        if not says_something:
            self._agreeing = 0
        return Opinion(label, float(smoothed[best]), sample_index, self._agreeing)


class Gate:
    """Lets an opinion pass that is a decision; remembers when it last did."""

    def __init__(self, manifest: Manifest, settings: DecisionSettings) -> None:
        _check(settings, manifest.labels)
        self._rest = manifest.rest_label
        self._settings = settings
        self._refractory = round(settings.refractory_ms * manifest.sample_rate_hz / 1000)
        self._last_decision: int | None = None

    def passes(self, opinion: Opinion) -> bool:
        """Whether it is a decision: not rest, sure enough, agreed on, and not too soon."""
        if not self._is_sure(opinion) or self._is_too_soon(opinion.sample_index):
            return False
        self._last_decision = opinion.sample_index
        return True

    def _is_sure(self, opinion: Opinion) -> bool:
        if opinion.label == self._rest or not opinion.agreeing:
            return False
        least = self._settings.thresholds.get(opinion.label, self._settings.threshold)
        return opinion.confidence >= least and opinion.agreeing >= self._settings.agreement_hops

    def _is_too_soon(self, sample_index: int) -> bool:
        if self._last_decision is None:
            return False
        return abs(sample_index - self._last_decision) < self._refractory


class Decider:
    """Turns logits into verdicts: a smoother and a gate, one after the other."""

    def __init__(self, manifest: Manifest, settings: DecisionSettings | None = None) -> None:
        settings = settings or manifest.decision
        self._gate = Gate(manifest, settings)
        self._smoother = Smoother(manifest, settings.smoothing_hops)

    def feed(
        self, logits: NDArray[np.float32], sample_index: int, *, trusted: bool = True
    ) -> Verdict:
        """The verdict after this hop, which ends at `sample_index`; `trusted` as in `Smoother`."""
        opinion = self._smoother.feed(logits, sample_index, trusted=trusted)
        accepted = self._gate.passes(opinion)
        return Verdict(opinion.label, opinion.confidence, opinion.sample_index, accepted)


def _check(settings: DecisionSettings, labels: tuple[str, ...]) -> None:
    thresholds = [settings.threshold, *settings.thresholds.values()]
    for name in ("smoothing_hops", "agreement_hops"):
        if not 1 <= getattr(settings, name) <= _MOST_HOPS:
            raise ManifestError(
                f"{name} must lie in 1..{_MOST_HOPS}, got {getattr(settings, name)}"
            )
    if not all(0 <= one <= 1 for one in thresholds):
        raise ManifestError(f"thresholds must lie in 0..1, got {thresholds}")
    unknown = sorted(set(settings.thresholds) - set(labels))
    if unknown:
        raise ManifestError(f"thresholds name unknown labels {', '.join(unknown)}")
    if not 0 <= settings.refractory_ms < math.inf:
        raise ManifestError(
            f"refractory_ms must be finite and not negative, got {settings.refractory_ms}"
        )
