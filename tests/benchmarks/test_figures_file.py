"""A place that cannot be written is refused before anything is measured."""

import importlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.figures_file import keep_figures
from benchmarks.tables import TABLES


@pytest.mark.parametrize("name", TABLES)
def test_every_table_refuses_a_folder_that_is_not_there(name: str, tmp_path: Path) -> None:
    main = importlib.import_module(f"benchmarks.{TABLES[name].module}").main
    ended = CliRunner().invoke(main, ["--out", str(tmp_path / "nope" / "x.json")])
    assert ended.exit_code == 2
    assert f"{tmp_path / 'nope'} is no folder" in ended.output


def test_figures_are_kept(tmp_path: Path) -> None:
    keep_figures(None, {"a": 1})
    keep_figures(tmp_path / "x.json", {"a": 1})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": 1}


def test_what_cannot_be_kept_after_all_is_said(tmp_path: Path, capsys) -> None:
    with pytest.raises(SystemExit) as ended:
        keep_figures(tmp_path, {"a": 1})
    assert ended.value.code == 2
    assert '"a": 1' in capsys.readouterr().out
