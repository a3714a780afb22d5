"""What holds for every page: it needs nothing but itself, and fits a phone."""

import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from edgeemg.pages.comparison import comparison_page
from edgeemg.pages.evaluation import evaluation_page
from edgeemg.pages.families import LOOKS
from edgeemg.pages.page import share, signed

Browser = Callable[[str, int], dict[str, int]]


@pytest.fixture(params=["evaluation", "comparison"])
def html(request: pytest.FixtureRequest, metrics: Any, comparison: Any) -> str:
    if request.param == "evaluation":
        return evaluation_page(metrics)
    return comparison_page(comparison(models=tuple(LOOKS), front_ends=("broad", "split")))


def test_a_page_asks_nobody_for_anything(html: str, parsed: Any) -> None:
    for tag, attributes in parsed(html).elements:
        assert tag not in {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in {"src", "href", "xlink:href", "action", "poster"}:
                assert str(value).startswith("#"), (tag, name, value)
    assert "@import" not in html
    assert not re.search(r"url\((?!#)", html)
    assert "default-src 'none'" in html


def test_a_page_names_its_language_letters_and_width(html: str, parsed: Any) -> None:
    assert html.startswith("<!DOCTYPE html>")
    elements = parsed(html).elements
    assert ("html", {"lang": "en"}) in elements
    assert ("meta", {"charset": "utf-8"}) in elements
    assert any(one.get("name") == "viewport" for _, one in elements)


def test_ids_are_unique_and_what_is_referred_to_is_there(html: str, parsed: Any) -> None:
    elements = parsed(html).elements
    ids = Counter(one["id"] for _, one in elements if "id" in one)
    assert max(ids.values()) == 1
    for _, attributes in elements:
        if "xlink:href" in attributes:
            assert str(attributes["xlink:href"])[1:] in ids
    for target in re.findall(r"url\(#([^)]*)\)", html):
        assert target in ids


def test_plots_take_the_colours_of_the_page(html: str) -> None:
    drawings = "".join(re.findall(r"<svg.*?</svg>", html, re.DOTALL))
    assert "var(--ink)" in drawings
    assert not re.search(r"#[0-9a-f]{6}", drawings)
    used = set(re.findall(r"var\((--[a-z-]+)\)", html))
    light, dark = html.split("prefers-color-scheme: dark")
    for variable in used:
        assert f"{variable}:" in light
        assert f"{variable}:" in dark


def test_numbers_are_written_with_three_digits_and_a_real_minus() -> None:
    assert share(2 / 3) == "0.667"
    assert signed(-0.0123) == "\N{MINUS SIGN}0.012"
    assert signed(0.5) == "+0.500"


@pytest.mark.slow
def test_a_phone_scrolls_the_tables_and_never_the_page(html: str, browser: Browser) -> None:
    seen = browser(html, 360)
    assert seen["width"] == 360
    assert seen["content"] <= 360
    assert seen["scrolling"] == ("All rows" in html)  # that table is wider than any phone
    assert seen["svgs"] > 0
    assert seen["smallest"] >= 10  # pixels: text in the plots can be read
    assert seen["requests"] == 0
