from pathlib import Path

import pytest

from benchmarks.doc_tables import put_between
from edgeemg.errors import OutputExistsError

PAGE = """before

<!-- cost: made by X -->
old
<!-- cost ends -->

after <!-- other: made by Y -->
"""


def test_what_stands_between_the_marks_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    put_between(page, "cost", ["| a |", "|---|", r"| \1 |"])
    assert page.read_text() == PAGE.replace("old\n", "\n| a |\n|---|\n| \\1 |\n\n")


def test_replacing_twice_is_replacing_once(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    put_between(page, "cost", ["| a |"])
    once = page.read_text()
    put_between(page, "cost", ["| a |"])
    assert page.read_text() == once


@pytest.mark.parametrize("text", ["", "no marks", PAGE + PAGE, PAGE.replace(" ends", "")])
def test_a_page_without_the_marks_is_refused_and_kept(tmp_path: Path, text: str) -> None:
    page = tmp_path / "page.md"
    page.write_text(text)
    with pytest.raises(OutputExistsError, match=r"page.md must have the marks"):
        put_between(page, "cost", ["| a |"])
    assert page.read_text() == text


def test_the_runtime_page_has_a_place_for_each_table(project_root: Path, tmp_path: Path) -> None:
    page = tmp_path / "runtime.md"
    page.write_text((project_root / "docs" / "runtime.md").read_text())
    for name in ("runtime cost", "runtime instructions", "latency", "start", "day"):
        put_between(page, name, [f"table of {name}"])
        assert f"\ntable of {name}\n" in page.read_text()
