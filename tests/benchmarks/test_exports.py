"""Figures over folds, and the table of them."""

import importlib.util

import pytest
from click.testing import CliRunner

from edgeemg.errors import ManifestError


@pytest.fixture(scope="module")
def exports(project_root):
    """The module; benchmarks are not installed, they run from the checkout."""
    where = project_root / "benchmarks" / "exports.py"
    spec = importlib.util.spec_from_file_location("benchmarks_exports", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def report(agreement, drop, windows, passed):
    row = {
        "file": "model.int8.tflite",
        "recipe": "static_wi8_ai8",
        "bytes": 1000,
        "largest_difference": 0.5,
        "balanced_accuracy": 0.7 - drop,
        "balanced_accuracy_drop": drop,
        "label_agreement": agreement,
        "passed": passed,
    }
    return {"files": [row], "held_out": {"windows": windows}}


FOLDS = [report(1.0, 0.01, 100, False), report(0.9, -0.02, 300, True)]


def test_agreement_is_over_all_windows_and_the_drop_over_folds(exports):
    file = exports._file(FOLDS, 0)
    assert file["label_agreement"] == 0.925
    assert abs(file["balanced_accuracy_drop"] + 0.005) < 1e-9
    assert file["folds_passed"] == 1


def test_the_table_names_the_chosen_board_and_its_stream(exports):
    def board(instructions):
        candidate = {"file": "model.int8.tflite", "instructions": instructions, "library": "l"}
        return {"chosen": "model.int8.tflite", "candidates": [candidate]}

    names = ("pi-zero-2w", "pi-3b", "pi-4", "pi-5")
    family = {
        "files": [exports._file(FOLDS, 0)],
        "boards": {name: board(400_000) for name in names},
        "stream": {name: board(100_000) for name in names},
    }
    text = "\n".join(exports._tables({"tcn": family}))
    assert "| tcn | model.int8.tflite (static_wi8_ai8) | 1,000 | 0.705 | -0.50 | 92.50%" in text
    assert "400 k | 400 k | 400 k | pi-zero-2w, pi-3b, pi-4, pi-5 |" in text
    assert "| tcn | pi-4 | model.int8.tflite | 100,000 | 0.25 |" in text


def test_a_folder_without_folds_is_one_line_and_exit_code_2(exports, tmp_path):
    asked = CliRunner().invoke(exports.main, [str(tmp_path / "no"), "--out", str(tmp_path / "out")])
    assert asked.exit_code == 2
    assert asked.output.startswith(f"exports: {tmp_path}/no holds no fold-*: make them with")
    assert asked.output.count("\n") == 1


def test_a_bundle_that_is_there_is_taken_only_when_asked(exports, tmp_path):
    bundle, run = tmp_path / "bundle", tmp_path / "run"
    bundle.mkdir()
    (bundle / "manifest.json").touch()
    (bundle / "parity.json").write_text('{"of": "another day"}')
    assert exports._report(run, bundle, boards=(), reuse=True) == {"of": "another day"}
    with pytest.raises(ManifestError, match="run: no such folder"):
        exports._report(run, bundle, boards=(), reuse=False)
