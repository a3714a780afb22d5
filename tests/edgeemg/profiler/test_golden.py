from dataclasses import replace
from pathlib import Path

import pytest

from edgeemg.manifest import read_manifest
from edgeemg.profiler.golden import allowed_difference, is_correct


def test_an_int8_file_may_be_off_by_what_export_saw_and_a_quarter(tiny_bundle: Path) -> None:
    manifest = read_manifest(tiny_bundle)
    (seen,) = [
        one["largest_difference"]
        for one in manifest.parity["files"]
        if one["file"] == "model.int8.onnx"
    ]
    assert allowed_difference(manifest, "model.int8.onnx") == pytest.approx(1.25 * seen)


def test_without_parity_nothing_says_how_far_is_too_far(tiny_bundle: Path) -> None:
    manifest = replace(read_manifest(tiny_bundle), parity={})
    assert allowed_difference(manifest, "model.onnx") is None
    assert allowed_difference(manifest, "model.int8.onnx") is None


@pytest.mark.parametrize(
    ("difference", "allowed", "correct"),
    [(0.1, 0.2, True), (0.2, 0.2, True), (0.3, 0.2, False), (0.3, None, None), (None, None, False)],
)
def test_an_answer_is_right_wrong_or_not_known(
    difference: float | None, allowed: float | None, correct: bool | None
) -> None:
    assert is_correct(difference, allowed) is correct
