"""Reports of boards: the arithmetic on made-up counts, and once on an emulated core."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgeemg.cli.board_profile_tables import board_profile_tables
from edgeemg.errors import EngineError, ManifestError
from edgeemg.profiler.board_profile import BoardProfile, profile_boards
from edgeemg.profiler.emulator import Emulated, Emulator
from edgeemg.profiler.instruction_kinds import KINDS
from edgeemg.profiler.stages import STAGES
from edgeemg.runtime.bundle import open_bundle


class Counts:
    """Stands for an emulator: counts that are made up, and which measurements were asked for."""

    def __init__(self, *, dies: str = "") -> None:
        self.asked: list[tuple[str, str]] = []
        self._dies = dies

    def measure(self, bundle: Any, *, cpu: str, engine: str, precision: str) -> Emulated:
        name = bundle.model_path(engine, precision).name
        self.asked.append((cpu, name))
        if name == self._dies:
            raise EngineError("it crashed")
        kinds = dict.fromkeys(KINDS, 1000)
        return Emulated(
            name, engine, precision, "made up 1", "3", cpu, 11_000, kinds, 40_000_000, []
        )

    def measure_stages(self, bundle: Any, *, cpu: str, engine: str, precision: str) -> Any:
        return {name: dict.fromkeys(KINDS, 10) for name in STAGES}


def reported(folder: Path, *boards: str, **options: Any) -> tuple[BoardProfile, Counts]:
    counts = options.pop("counts", Counts())
    return profile_boards(open_bundle(folder), boards, counts, **options), counts


def test_boards_of_one_core_share_counts_and_not_times(tiny_bundle: Path) -> None:
    report, counts = reported(tiny_bundle, "pi-zero-2w", "pi-3b")
    assert len(counts.asked) == 4  # files, on the one core
    slow, fast = (report.boards[name]["files"][0] for name in ("pi-zero-2w", "pi-3b"))
    assert slow["kinds"] == fast["kinds"]
    assert slow["estimate_us"]["low_us"] > fast["estimate_us"]["low_us"]


def test_a_row_says_what_it_costs_a_second_and_of_the_hop(tiny_bundle: Path) -> None:
    report, _ = reported(tiny_bundle, "pi-4", engine="tflite", precision="int8")
    (row,) = report.boards["pi-4"]["files"]
    assert row["instructions_per_second"] == 110_000  # ten hops of 100 ms
    assert row["by_kind"]["load and store"] == 4000
    spent = row["estimate_us"]
    assert row["share_of_hop"] == pytest.approx(
        [spent["low_us"] / 100_000, spent["high_us"] / 100_000], abs=1e-5
    )


def test_a_report_calls_itself_emulated_and_its_times_estimates(tiny_bundle: Path) -> None:
    report, _ = reported(tiny_bundle, "pi-4", "pi-5")
    plain = json.loads(json.dumps(report.plain(), allow_nan=False))
    assert (plain["kind"], plain["schema_version"]) == ("emulated", 2)
    assert "not measured on a board" in plain["warning"]
    text = board_profile_tables(plain)
    assert max(map(len, text.splitlines())) <= 100
    assert "EMULATED, not measured on a board" in text
    assert "estimate: an interval under assumptions, and no measurement" in text


def test_a_file_that_does_not_run_there_is_a_row_with_the_reason(tiny_bundle: Path) -> None:
    report, _ = reported(tiny_bundle, "pi-5", counts=Counts(dies="model.int8.onnx"))
    rows = {one["file"]: one for one in report.boards["pi-5"]["files"]}
    assert (rows["model.int8.onnx"]["status"], rows["model.int8.onnx"]["reason"]) == (
        "failed",
        "it crashed",
    )
    assert rows["model.onnx"]["status"] == "counted"
    assert "model.int8.onnx: it crashed" in board_profile_tables(report.plain())


def test_a_file_that_the_bundle_lacks_is_refused(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    manifest = replace(
        bundle.manifest,
        files={name: one for name, one in bundle.manifest.files.items() if one.engine != "onnx"},
    )
    with pytest.raises(ManifestError, match="holds no onnx model"):
        profile_boards(replace(bundle, manifest=manifest), ["pi-4"], Counts(), engine="onnx")


@pytest.mark.slow
def test_the_same_board_twice_gives_the_same_counts(emulator: Emulator, tiny_bundle: Path) -> None:
    first, second = (
        profile_boards(open_bundle(tiny_bundle), ["pi-4"], emulator, engine="tflite")
        for _ in range(2)
    )
    for one, two in zip(first.boards["pi-4"]["files"], second.boards["pi-4"]["files"], strict=True):
        assert one["instructions"] == pytest.approx(two["instructions"], rel=1e-4)
    stages = first.boards["pi-4"]["stages"]
    assert list(stages) == list(STAGES)
