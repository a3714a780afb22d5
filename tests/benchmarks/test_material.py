"""What benchmarks run on where nobody names anything."""

from pathlib import Path

import pytest

from benchmarks import material
from benchmarks.material import Material, given_or_generated, short
from edgeemg.errors import RecordingError


def test_what_is_named_is_taken_as_it_is() -> None:
    given = given_or_generated(Path("b"), Path("r"), pytest.fail)
    assert given == Material(Path("b"), Path("r"))


def test_a_bundle_without_a_recording_is_refused() -> None:
    with pytest.raises(RecordingError, match=r"got only b$"):
        given_or_generated(Path("b"), None, pytest.fail)


def test_each_family_and_format_has_a_name_of_its_own() -> None:
    assert short("cnn", "onnx") == short("cnn", "onnx")
    assert len({short("cnn", "onnx"), short("cnn", "tflite"), short("cnnonnx")}) == 3


@pytest.mark.slow
def test_generated_material_is_a_bundle_and_a_recording_of_its_channels(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(material, "_TRAIN", ("--session", "1", "--epochs", "1"))
    made = material.generated(lambda _: None, formats=("onnx",))
    assert (made.bundle / "model.onnx").is_file()
    assert made.recording.is_file()
    assert material.generated(pytest.fail, formats=("onnx",)) == made
