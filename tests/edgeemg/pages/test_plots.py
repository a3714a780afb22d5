"""A grid shows what it can show."""

from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import pytest

from edgeemg.pages.plot import short
from edgeemg.pages.plots import NAMES, plots

Comparison = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(
    ("grid", "names"),
    [
        ({}, {"macs", "size", "learning", "window"}),
        ({"fractions": (1.0,)}, {"macs", "size", "window"}),
        ({"windows_ms": (800.0,)}, {"macs", "size", "learning"}),
        ({"models": ("cnn",), "windows_ms": (800.0,)}, {"learning"}),
        ({"models": ("cnn",), "windows_ms": (800.0,), "fractions": (1.0,)}, set()),
        ({"models": ()}, set()),
    ],
)
def test_a_plot_with_one_place_on_its_axis_is_left_out(
    comparison: Comparison, grid: dict[str, Any], names: set[str]
) -> None:
    assert {plot.name for plot in plots(comparison(**grid))} == names
    assert names <= set(NAMES)


def test_every_model_is_named_once_in_every_plot(comparison: Comparison) -> None:
    models = ("cnn", "simple-cnn", "lda", "one that came later")
    for plot in plots(comparison(models=models)):
        texts = [one.text for one in ElementTree.fromstring(plot.svg).iter() if one.text]
        for model in models:
            assert texts.count(model) == 1, (plot.name, model)


def test_what_was_chosen_by_the_folds_is_said_below(comparison: Comparison) -> None:
    by_name = {plot.name: plot for plot in plots(comparison(front_ends=("broad", "split")))}
    assert "front end and window" in by_name["learning"].caption
    assert "front end that" in by_name["window"].caption
    alone = {plot.name: plot for plot in plots(comparison(windows_ms=(800.0,)))}
    assert "chosen" not in alone["learning"].caption


def test_the_same_comparison_gives_the_same_bytes(comparison: Comparison) -> None:
    assert plots(comparison()) == plots(comparison())


def test_a_model_without_a_cost_is_left_out_of_that_plot(comparison: Comparison) -> None:
    whole = comparison(models=("cnn", "lda", "gru"))
    for row in whole["rows"]:
        if row["model"] == "lda":
            row["macs"] = 0
    (macs,) = (plot for plot in plots(whole) if plot.name == "macs")
    assert ">lda<" not in macs.svg
    assert ">gru<" in macs.svg


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (840, "840"),
        (1190, "1,190"),
        (12345, "12 k"),
        (1_300_000, "1.3 M"),
        (5e6, "5 M"),
        (2e9, "2 G"),
    ],
)
def test_axis_numbers_are_short(number: float, words: str) -> None:
    assert short(number) == words
