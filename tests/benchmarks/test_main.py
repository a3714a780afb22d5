"""`python -m benchmarks`, by benchmarks.commands."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

import benchmarks.commands as command
from benchmarks.runtime_cost import BARE, WHOLE
from benchmarks.tables import DOCS, TABLES, make_pages


def run(project_root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *words],
        cwd=project_root,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_alone_it_lists_every_table_and_what_it_needs(project_root: Path) -> None:
    ran = run(project_root)
    assert ran.returncode == 0, ran.stderr
    for name, table in TABLES.items():
        assert f"\n{name} " in ran.stdout
        assert f"needs {table.needs}" in ran.stdout


def test_help_has_an_example_of_each_table() -> None:
    for name in TABLES:
        said = CliRunner().invoke(command.main, [name, "--help"])
        assert said.exit_code == 0
        assert f"python -m benchmarks {name} --quick" in said.output


def test_an_unknown_table_is_bad_usage(project_root: Path) -> None:
    ran = run(project_root, "nothing")
    assert ran.returncode == 2
    assert "No such command 'nothing'" in ran.stderr


@pytest.mark.parametrize("words", [["footprint"], ["footprint", "--quick"], ["all"]])
def test_a_benchmark_that_fails_keeps_nothing_and_exits_with_2(
    words: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd
) -> None:
    refused = replace(TABLES["footprint"], quick=("--stack", "?"), extra=("--stack", "?"))
    monkeypatch.setattr(command, "TABLES", {"footprint": refused})
    monkeypatch.setattr(command, "RESULTS", tmp_path)
    with pytest.raises(SystemExit) as ended:
        command.main(words, standalone_mode=False)
    assert ended.value.code == 2
    said = capfd.readouterr().err
    assert "no stack ?: choose from" in said
    assert "footprint failed (2); nothing is kept" in said
    assert list(tmp_path.iterdir()) == []


def test_a_module_that_writes_no_figures_has_failed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    silent = replace(TABLES["runtime"], module="machine_facts", extra=())
    monkeypatch.setattr(command, "TABLES", {"runtime": silent})
    monkeypatch.setattr(command, "RESULTS", tmp_path / "kept")
    assert command._measured("runtime", quick=False) == 2
    assert not (tmp_path / "kept").exists()


@pytest.mark.slow
def test_a_run_keeps_its_figures_and_puts_them_on_the_pages(
    tiny_bundle: Path, tiny_recording: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    options = ("--without-peers", "--seconds", "1", "--rounds", "1")
    short = replace(TABLES["runtime"], extra=(str(tiny_bundle), str(tiny_recording), *options))
    kept, docs = tmp_path / "kept", tmp_path / "docs"
    docs.mkdir()
    for place in short.places:
        shutil.copy(DOCS / place.page, docs)
    monkeypatch.setattr(command, "TABLES", {"runtime": short})
    monkeypatch.setattr(command, "RESULTS", kept)
    monkeypatch.setattr(command, "make_pages", partial(make_pages, results=kept, docs=docs))
    assert CliRunner().invoke(command.main, ["runtime"]).exit_code == 0
    assert list(json.loads((kept / short.stored).read_text())["programs"]) == [BARE, WHOLE]
    for place in short.places:
        assert "tiny, " in (docs / place.page).read_text()
