"""The page of a comparison."""

from collections.abc import Callable
from typing import Any

from edgeemg.pages.comparison import comparison_page

Comparison = Callable[..., dict[str, Any]]


def test_every_row_is_in_the_table_with_its_difference(comparison: Comparison, parsed: Any) -> None:
    page = parsed(comparison_page(comparison()))
    assert sum(tag == "tr" for tag, _ in page.elements) == 8 + 1
    assert "the best" in page.text
    assert "\N{MINUS SIGN}0.010 [\N{MINUS SIGN}0.050, +0.030]" in page.text


def test_rows_that_are_not_paired_say_so(comparison: Comparison) -> None:
    whole = comparison()
    whole["rows"][1]["to_best"] = None
    whole["rows"][2]["to_best"] = {"mean": -0.02, "low": None, "high": None, "n": 2}
    html = comparison_page(whole)
    assert "<td>other folds</td>" in html
    assert "<td>\N{MINUS SIGN}0.020</td>" in html


def test_warnings_and_generated_stand_above_the_number(comparison: Comparison, parsed: Any) -> None:
    text = parsed(comparison_page(comparison(generated=True))).text
    number = text.index("0.800")
    assert text.index("rest alone betrays the recording") < number
    assert text.index("Generated EMG") < number


def test_what_is_lacking_is_told_with_its_reason(comparison: Comparison, parsed: Any) -> None:
    cell = {"model": "gru", "front_end": "split", "window_ms": 20.0, "fraction": 1.0, "seed": 3}
    text = parsed(comparison_page(comparison(lacking=[cell | {"reason": "too <short>"}]))).text
    assert "gru, split, 20 ms, fraction 1, seed 3" in text
    assert "too <short>" in text


def test_a_comparison_without_a_single_row_is_a_page_too(
    comparison: Comparison, parsed: Any
) -> None:
    cell = {"model": "gru", "front_end": "split", "window_ms": 20.0, "fraction": 1.0, "seed": 3}
    nothing = dict.fromkeys(("protocol", "licence", "generated", "chance", "majority"))
    lacking = [cell | {"reason": "broken"}]
    whole = comparison(models=(), warnings=[], labels=[], lacking=lacking, **nothing)
    assert "broken" in parsed(comparison_page(whole)).text


def test_a_model_that_came_later_is_shown_too(comparison: Comparison, parsed: Any) -> None:
    assert "mamba" in parsed(comparison_page(comparison(models=("mamba",)))).text


def test_seeds_have_a_column_where_there_are_several(comparison: Comparison, parsed: Any) -> None:
    whole = comparison()
    assert "seeds" not in parsed(comparison_page(whole)).text
    whole["rows"][0]["seeds"] = [0, 1, 2]
    assert "seeds" in parsed(comparison_page(whole)).text
