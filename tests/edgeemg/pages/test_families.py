"""Every model can be told from every other one in a plot."""

from edgeemg.pages.families import LOOKS, look
from edgeemg.train.models import MODELS


def test_every_model_has_a_look() -> None:
    assert set(MODELS) <= set(LOOKS)


def test_no_two_models_look_alike() -> None:
    assert len(set(LOOKS.values())) == len(LOOKS)
    assert len({(one.marker, one.hollow) for one in LOOKS.values()}) == len(LOOKS)


def test_a_model_that_came_later_looks_like_none_of_them() -> None:
    assert look("mamba") not in LOOKS.values()
