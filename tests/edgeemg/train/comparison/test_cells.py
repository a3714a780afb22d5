"""A cell is whole, or it is not there."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import OutputExistsError
from edgeemg.train.comparison.cells import (
    CellResult,
    DamagedCell,
    open_folder,
    read_cell,
    write_cell,
)

RESULT = CellResult({"accuracy": {"mean": 1 / 3}, "data": "não"}, (1.5, 2.25))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    open_folder(tmp_path / "out")
    return tmp_path / "out"


def only_file(folder: Path) -> Path:
    (path,) = (folder / "cells").iterdir()
    return path


def test_a_cell_comes_back_as_it_was(folder: Path) -> None:
    write_cell(folder, "ab", {"settings": {"folds": 5}}, RESULT)
    assert read_cell(folder, "ab") == RESULT
    assert json.loads(only_file(folder).read_text())["settings"] == {"folds": 5}


def test_a_cell_that_was_never_made_is_none(folder: Path) -> None:
    assert read_cell(folder, "ab") is None


@given(place=st.integers(min_value=0), bit=st.integers(0, 7))
def test_a_flipped_bit_never_passes_as_a_result(
    tmp_path_factory: pytest.TempPathFactory, place: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("out")
    open_folder(folder)
    write_cell(folder, "ab", {}, RESULT)
    path = only_file(folder)
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= 1 << bit
    path.write_bytes(content)
    with suppress(DamagedCell):
        assert read_cell(folder, "ab") == RESULT  # the bit fell where JSON does not look


@pytest.mark.parametrize("content", ["", "{", "[]", "null", "{}", '{"sha256": 1, "metrics": {}}'])
def test_what_is_no_cell_is_damaged(folder: Path, content: str) -> None:
    (folder / "cells" / "ab.json").write_text(content)
    with pytest.raises(DamagedCell, match=r"ab\.json"):
        read_cell(folder, "ab")


def test_a_cell_under_another_ones_name_is_damaged(folder: Path) -> None:
    write_cell(folder, "ab", {}, RESULT)
    only_file(folder).rename(folder / "cells" / "cd.json")
    with pytest.raises(DamagedCell):
        read_cell(folder, "cd")


def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputExistsError, match="name another folder"):
        open_folder(tmp_path)
    with pytest.raises(OutputExistsError, match="is a file"):
        open_folder(tmp_path / "thesis.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
