import sys
from dataclasses import replace

import pytest

from edgeemg.cli.picking import Pick, pick
from edgeemg.errors import MissingExtraError
from edgeemg.manifest import Choice, Manifest, ModelFile


@pytest.fixture
def chosen(plain_manifest: Manifest) -> Manifest:
    """Of a bundle that was exported for two boards, which want different files."""
    files = {
        f"model.int8.{engine}": ModelFile("ab" * 32, 123, engine, "int8")
        for engine in ("onnx", "tflite")
    }
    choice = {
        "pi-zero-2w": Choice("model.int8.onnx", "onnx", "int8", 10**6, 10**7),
        "pi-4": Choice("model.int8.tflite", "tflite", "int8", 10**6, 10**7),
    }
    return replace(plain_manifest, files=files, choice=choice)


def for_one(manifest: Manifest, board: str) -> Manifest:
    return replace(manifest, choice={board: manifest.choice[board]})


@pytest.mark.parametrize(("board", "engine"), [("pi-zero-2w", "onnx"), ("pi-4", "tflite")])
def test_the_board_that_it_runs_on_gets_what_was_chosen_for_it(
    chosen: Manifest, board: str, engine: str
) -> None:
    picked = pick(chosen, engine=None, precision=None, board=board)
    assert picked == Pick(engine, "int8", f"chosen for {board}")


@pytest.mark.parametrize("board", [None, "pi-5"])
def test_another_machine_gets_what_was_chosen_if_that_was_for_one_board(
    chosen: Manifest, board: str | None
) -> None:
    picked = pick(for_one(chosen, "pi-4"), engine=None, precision=None, board=board)
    assert picked == Pick("tflite", "int8", "chosen for pi-4")
    picked = pick(chosen, engine=None, precision=None, board=board)
    assert picked == Pick("onnx", "float32", "the default")


def test_a_board_on_which_every_file_was_ruled_out_gets_no_file_of_another_board(
    chosen: Manifest,
) -> None:
    boards = {"pi-4": {"chosen": "model.int8.tflite"}, "pi-zero-2w": {"chosen": None}}
    one = replace(for_one(chosen, "pi-4"), parity={"boards": boards})
    ruled_out = Pick("onnx", "float32", "the default, as export ruled out all for pi-zero-2w")
    assert pick(one, engine=None, precision=None, board="pi-zero-2w") == ruled_out
    for board in ("pi-4", "pi-5", None):
        picked = pick(one, engine=None, precision=None, board=board)
        assert picked == Pick("tflite", "int8", "chosen for pi-4")


def test_a_bundle_without_a_choice_gets_the_default(plain_manifest: Manifest) -> None:
    picked = pick(plain_manifest, engine=None, precision=None, board="pi-4")
    assert picked == Pick("onnx", "float32", "the default")


@pytest.mark.parametrize(
    ("engine", "precision", "picked"),
    [
        ("onnx", None, ("onnx", "float32")),
        (None, "float32", ("onnx", "float32")),
        ("onnx", "int8", ("onnx", "int8")),
    ],
)
def test_what_was_asked_for_comes_before_the_choice(
    chosen: Manifest, engine: str | None, precision: str | None, picked: tuple[str, str]
) -> None:
    found = pick(chosen, engine=engine, precision=precision, board="pi-4")
    assert found == (*picked, "as asked for")


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only onnxruntime: as an interpreter sees it that cannot find the others."""
    for module in ("ai_edge_litert", "tflite_runtime"):
        monkeypatch.setitem(sys.modules, module, None)


@pytest.mark.usefixtures("installed")
def test_a_choice_whose_engine_is_not_installed_is_not_taken_and_says_so(
    chosen: Manifest,
) -> None:
    picked = pick(chosen, engine=None, precision=None, board="pi-4")
    assert picked[:2] == ("onnx", "float32")
    assert picked.why == (
        "the default, as what was chosen for pi-4 needs pip install 'edgeemg[litert]'"
    )


@pytest.mark.usefixtures("installed")
def test_without_any_engine_both_are_named(
    chosen: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"edgeemg\[litert\].*edgeemg\[onnx\]"):
        pick(chosen, engine=None, precision=None, board="pi-4")


def test_of_the_installed_engines_the_one_that_the_bundle_has_a_file_for(
    plain_manifest: Manifest,
) -> None:
    files = {"model.tflite": ModelFile("ab" * 32, 123, "tflite", "float32")}
    picked = pick(replace(plain_manifest, files=files), engine=None, precision=None, board=None)
    assert picked == Pick("tflite", "float32", "the default")
    files = {"model.int8.tflite": ModelFile("ab" * 32, 123, "tflite", "int8")}
    picked = pick(replace(plain_manifest, files=files), engine=None, precision="int8", board=None)
    assert picked == Pick("tflite", "int8", "as asked for")
