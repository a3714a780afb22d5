"""Pages are made from the figures that are kept, and from nothing else."""

import importlib
import json
import re
import shutil
from pathlib import Path

import pytest

from benchmarks import tables
from benchmarks.tables import DOCS, TABLES, StoredFiguresError, make_pages

PAGES = sorted({place.page for table in TABLES.values() for place in table.places})


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    """The pages as they are committed, and where to make them again."""
    folder = tmp_path / "docs"
    folder.mkdir()
    for page in PAGES:
        shutil.copy(DOCS / page, folder)
    return folder


def test_the_committed_pages_are_those_that_the_kept_figures_make(docs: Path) -> None:
    make_pages(list(TABLES), docs=docs)
    for page in PAGES:
        assert (docs / page).read_text() == (DOCS / page).read_text(), f"{page}: run `page`"


def test_a_typed_figure_does_not_survive(docs: Path) -> None:
    page = docs / "benchmarks.md"
    text = page.read_text()
    typed = re.sub(r"(?s)(benchmarks runtime: .*?\| edgeemg run \| )\S+", r"\g<1>1", text)
    assert typed != text
    page.write_text(typed)
    assert make_pages(["runtime"], docs=docs) == [page]
    assert page.read_text() == text


def test_without_figures_every_table_says_what_measures_it(docs: Path, tmp_path: Path) -> None:
    make_pages(list(TABLES), results=tmp_path, docs=docs)
    text = (docs / "benchmarks.md").read_text()
    for name in TABLES:
        assert f"\nNot measured yet: `python -m benchmarks {name}`.\n" in text


@pytest.mark.parametrize("kept", ["", "[]", "{}", '{"programs": 3}', "nonsense"])
def test_figures_of_another_shape_are_one_clear_line(docs: Path, tmp_path: Path, kept: str) -> None:
    (tmp_path / TABLES["runtime"].stored).write_text(kept)
    with pytest.raises(StoredFiguresError, match=r"runtime_cost.json does not hold .* runtime$"):
        make_pages(["runtime"], results=tmp_path, docs=docs)


def test_each_table_has_a_section_with_its_command(project_root: Path) -> None:
    text = (DOCS / "benchmarks.md").read_text()
    for name in TABLES:
        assert text.count(f"\n    {tables.command(name)}\n") == 1


def test_what_is_kept_names_its_machine() -> None:
    for table in TABLES.values():
        kept = tables.RESULTS / table.stored
        if kept.is_file():
            plain = json.loads(kept.read_text())
            assert {"processor", "python", "versions", "commit", "date"} <= plain.keys(), kept.name


def test_each_module_takes_the_options_that_its_table_gives_it() -> None:
    for table in TABLES.values():
        module = importlib.import_module(f"benchmarks.{table.module}")
        taken = {option for one in module.main.params for option in one.opts}
        given = {one for one in (*table.quick, *table.extra, "--out") if one.startswith("--")}
        assert given <= taken, table.module
        assert all(callable(getattr(module, place.function)) for place in table.places)
