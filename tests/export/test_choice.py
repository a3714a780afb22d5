import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import EngineError, MissingToolError
from edgeemg.manifest import read_manifest, write_manifest
from edgeemg.profiler.emulator import Emulator
from edgeemg.runtime.bundle import PARITY_NAME, open_bundle
from edgeemg.train.runs import Run
from edgeemg_export.bundle import write_bundle
from edgeemg_export.choice import NEARLY, Candidate, add_choice, choose, emulator_for

FAILED = "model.int8.tflite"  # on these cores the cheapest, or nearly


def candidate(
    file: str, instructions: int | None, megabytes: float = 50, **facts: Any
) -> Candidate:
    known = {
        "file": file,
        "engine": "onnx",
        "precision": "int8",
        "library": "onnxruntime 1.22.0",
        "python": "3.11.2 (main)",
        "instructions": instructions,
        "peak_memory_bytes": None if instructions is None else int(megabytes * 1e6),
        "balanced_accuracy_drop": 0.0,
        "label_agreement": 1.0,
    }
    return Candidate(**(known | facts))


def chosen(*candidates: Candidate) -> str | None:
    choice = choose(candidates)
    return choice.file if choice else None


def test_the_file_with_the_fewest_instructions_is_chosen() -> None:
    assert chosen(candidate("a", 300, 10), candidate("b", 200, 99), candidate("c", 250, 1)) == "b"


def test_memory_decides_between_files_within_five_percent_of_the_fewest() -> None:
    assert chosen(candidate("a", 200, 60), candidate("b", 210, 45), candidate("c", 211, 1)) == "b"


def test_of_files_that_need_the_same_memory_the_cheaper_one_is_chosen() -> None:
    assert chosen(candidate("a", 205), candidate("b", 200)) == "b"


def test_a_difference_of_memory_that_is_noise_decides_nothing() -> None:
    assert chosen(candidate("a", 200, 46.2), candidate("b", 208, 46.1)) == "a"
    assert chosen(candidate("a", 200, 47.2), candidate("b", 208, 46.1)) == "b"


def test_equals_go_to_the_first() -> None:
    assert chosen(candidate("a", 200), candidate("b", 200)) == "a"


def test_a_file_that_failed_its_gates_is_never_chosen_however_cheap() -> None:
    failed = candidate("a", 1, ruled_out="failed its gates")
    assert chosen(failed, candidate("b", 1000)) == "b"


def test_a_file_that_does_not_run_there_is_never_chosen() -> None:
    broken = candidate("a", None, ruled_out="does not run there: it crashed")
    assert chosen(broken, candidate("b", 1000)) == "b"
    assert chosen(broken) is None


def test_where_nothing_is_left_nothing_is_chosen() -> None:
    assert chosen() is None


def test_the_choice_holds_what_the_candidate_costs() -> None:
    choice = choose([candidate("model.int8.tflite", 200, 45, engine="tflite")])
    assert choice is not None
    assert (choice.engine, choice.precision) == ("tflite", "int8")
    assert (choice.instructions, choice.peak_memory_bytes) == (200, 45_000_000)


@pytest.mark.parametrize("order", [1, -1])
def test_a_chain_of_files_each_near_the_next_does_not_lead_away_from_the_fewest(order: int) -> None:
    chain = [candidate(str(n), round(1000 * 1.04**n), 90 - n) for n in range(10)]
    assert chosen(*chain[::order]) == "1"


costs = st.tuples(st.integers(1, 10**7), st.integers(1, 200), st.booleans())


@given(st.lists(costs, min_size=1, max_size=8))
def test_no_other_file_is_both_cheaper_by_more_than_the_margin_and_allowed(
    all_costs: list[tuple[int, int, bool]],
) -> None:
    files = [
        candidate(str(n), instructions, megabytes, ruled_out="failed its gates" if out else "")
        for n, (instructions, megabytes, out) in enumerate(all_costs)
    ]
    choice = choose(files)
    able = [one for one in files if not one.ruled_out]
    if choice is None:
        assert not able
        return
    assert choice.file in {one.file for one in able}
    fewest = min(one.instructions for one in able if one.instructions is not None)
    assert choice.instructions <= fewest * (1 + NEARLY)
    leaner = [one for one in able if (one.peak_memory_bytes or 0) < choice.peak_memory_bytes]
    assert all((one.instructions or 0) > fewest * (1 + NEARLY) for one in leaner)


@pytest.fixture(scope="module")
def chosen_bundle(
    tiny_bundle: Path, emulator: Emulator, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, dict[str, Any], list[str]]:
    """The tiny bundle after the choice for three boards on two cores; parity, and what was told.

    Before that, one file is marked as --allow-fail leaves it, and the others as good.
    """
    folder = tmp_path_factory.mktemp("chosen") / "bundle"
    shutil.copytree(tiny_bundle, folder)
    manifest = read_manifest(folder)
    rows = [{**one, "passed": one["file"] != FAILED} for one in manifest.parity["files"]]
    write_manifest(replace(manifest, parity={**manifest.parity, "files": rows}), folder)
    told: list[str] = []
    boards = ("pi-zero-2w", "pi-3b", "pi-5")
    return folder, add_choice(folder, boards, emulator, tell=told.append), told


@pytest.mark.slow
def test_every_file_is_measured_once_on_each_core(
    chosen_bundle: tuple[Path, dict[str, Any], list[str]],
) -> None:
    folder, parity, told = chosen_bundle
    files = list(open_bundle(folder).models)
    assert [line.split(":")[0] for line in told] == [
        f"{n} of {2 * len(files)}, {cpu} emulated"
        for n, cpu in enumerate(["cortex-a53"] * len(files) + ["cortex-a76"] * len(files), start=1)
    ]
    assert list(parity["boards"]) == ["pi-zero-2w", "pi-3b", "pi-5"]
    for board in parity["boards"].values():
        assert [one["file"] for one in board["candidates"]] == files
        assert all(one["instructions"] > 10_000 for one in board["candidates"])
        assert all(one["python"].startswith("3.11.") for one in board["candidates"])
    small, same, large = parity["boards"].values()
    assert small["candidates"] == same["candidates"] != large["candidates"]


@pytest.mark.slow
def test_a_file_that_failed_is_measured_and_not_chosen(
    chosen_bundle: tuple[Path, dict[str, Any], list[str]],
) -> None:
    _, parity, _ = chosen_bundle
    for board in parity["boards"].values():
        reasons = {one["file"]: one["ruled_out"] for one in board["candidates"]}
        assert reasons.pop(FAILED) == "failed its gates"
        assert set(reasons.values()) == {""}
        assert board["chosen"] in reasons


@pytest.mark.slow
def test_the_bundle_is_sealed_over_its_choice(
    chosen_bundle: tuple[Path, dict[str, Any], list[str]],
) -> None:
    folder, parity, _ = chosen_bundle
    manifest = open_bundle(folder).manifest
    assert manifest.parity == json.loads((folder / PARITY_NAME).read_text()) == parity
    for board, found in parity["boards"].items():
        choice = choose([Candidate(**one) for one in found["candidates"]])
        assert choice is not None
        assert manifest.choice[board] == choice
        assert found["chosen"] == choice.file


@pytest.mark.slow
def test_a_file_that_answers_otherwise_on_the_board_is_ruled_out(
    wrong_bundle: Path, emulator: Emulator
) -> None:
    parity = add_choice(wrong_bundle, ["pi-4"], emulator, tell=print)
    reasons = [one["ruled_out"] for one in parity["boards"]["pi-4"]["candidates"]]
    assert all(one.startswith("answers wrongly there: off by") for one in reasons)
    assert parity["boards"]["pi-4"]["chosen"] is None
    assert open_bundle(wrong_bundle).manifest.choice == {}


def test_where_no_file_runs_on_a_core_the_first_reason_is_told_and_nothing_is_changed(
    tiny_bundle: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(tiny_bundle, folder)
    broken = Emulator(Path("/bin/false"), tmp_path / "counter.so", tmp_path / "cache")
    told: list[str] = []
    with pytest.raises(EngineError, match=r"none of the 4 files runs on an emulated cortex-a72,"):
        add_choice(folder, ["pi-4"], broken, tell=told.append)
    assert len(told) == 4
    assert read_manifest(folder) == read_manifest(tiny_bundle)


def test_an_unknown_board_is_told_before_anything_is_fetched() -> None:
    with pytest.raises(EngineError, match="unknown board 'pi-9': choose of pi-zero-2w, pi-3b"):
        emulator_for(["pi-4", "pi-9"], tell=print)


def test_without_a_board_nothing_is_emulated() -> None:
    assert emulator_for([], tell=print) is None


def test_a_missing_qemu_is_told_before_anything_is_converted(
    cnn_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "bundle"
    target.mkdir()
    monkeypatch.setenv("PATH", str(tmp_path))
    steps: list[str] = []
    with pytest.raises(MissingToolError, match=r"qemu-aarch64.*sudo apt install qemu-user"):
        write_bundle(
            cnn_run,
            target,
            formats=["onnx"],
            quantize=True,
            boards=["pi-4"],
            log=tmp_path / "log",
            on_step=steps.append,
        )
    assert (steps, list(target.iterdir())) == ([], [])
