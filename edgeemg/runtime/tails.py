"""Counts of false activations by threshold in; how many to expect from as much signal again out.

A threshold that a few false activations were just below is no threshold that holds: the next
hour has others. So beyond the threshold that the last 20 or so exceed, counts are not taken as
they fell, but from the tail that those 20 draw. In log-odds of the probability that tail is
taken as exponential, the usual choice for what exceeds a high threshold (Pickands 1975, Annals
of Statistics 3). With n of them, mean excess b, the count to expect at an excess d is not
n exp(-d/b), which trusts b, but the prediction that allows for not knowing it,

    n (1 + d / (n b))^-n

(exponential with a gamma posterior of its rate; Aitchison and Dunsmore 1975, Statistical
Prediction Analysis, chapter 2). It falls more slowly the fewer were seen.
"""

import numpy as np
from numpy.typing import NDArray

ANCHOR = 20  # how many false activations draw the tail, where there are so many
_NONE_SEEN = 0.5  # counts as this many: Jeffreys' prior of a Poisson rate
_NO_SCALE = 1.0  # log-odds; the mean excess where nothing was seen at all


def expected(counts: NDArray[np.int64], step: float) -> NDArray[np.float64]:
    """(label, threshold) counts, thresholds rising by `step` in log-odds -> what to expect.

    Falls along the thresholds, never to 0.
    """
    falling = np.maximum.accumulate(counts[:, ::-1], axis=1)[:, ::-1].astype(np.float64)
    _, pooled = _tail(falling.sum(axis=0), step)
    return np.stack([_predicted(one, step, pooled or _NO_SCALE) for one in falling])


def _predicted(counts: NDArray[np.float64], step: float, pooled: float) -> NDArray[np.float64]:
    """One label's falling counts; `pooled` is the mean excess of all labels together."""
    anchor, excess = _tail(counts, step)
    seen = max(float(counts[anchor]), _NONE_SEEN)
    beyond = step * np.arange(len(counts) - anchor)
    tail = seen * (1 + beyond / (seen * (excess or pooled))) ** -seen
    return np.concatenate([counts[:anchor], tail])


def _tail(counts: NDArray[np.float64], step: float) -> tuple[int, float]:
    """Where the tail of falling counts begins, and the mean excess over it; 0 where none is seen.

    The mean excess is the area under the counts, each standing for the half steps around it.
    """
    if not counts[0]:
        return 0, 0.0
    anchor = int(np.flatnonzero(counts >= min(ANCHOR, counts[0]))[-1])
    area = counts[anchor:].sum() - counts[anchor] / 2
    return anchor, float(max(area / counts[anchor], 0.5) * step)
