from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.digests import sha256_of
from edgeemg.errors import ManifestError
from edgeemg.manifest import ModelFile, read_manifest, write_manifest
from edgeemg.runtime.bundle import open_bundle

FILES = (
    "golden.npz",
    "manifest.json",
    "model.int8.onnx",
    "model.int8.tflite",
    "model.onnx",
    "model.tflite",
    "parity.json",
)


def test_a_whole_bundle_opens(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    assert bundle.folder == tiny_bundle
    assert bundle.manifest == read_manifest(tiny_bundle)


def test_these_tests_damage_every_file_of_a_bundle(tiny_bundle: Path) -> None:
    assert sorted(path.name for path in tiny_bundle.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("where", [0.0, 0.3, 0.999])
@pytest.mark.parametrize("name", FILES)
def test_one_flipped_bit_in_any_file_is_refused(own_bundle: Path, name: str, where: float) -> None:
    content = bytearray((own_bundle / name).read_bytes())
    # of a text, too: never one digit for another that means the same number
    content[int(where * len(content))] ^= 0x80
    (own_bundle / name).write_bytes(content)
    with pytest.raises(ManifestError, match=name):
        open_bundle(own_bundle)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(own_bundle: Path, name: str) -> None:
    (own_bundle / name).unlink()
    with pytest.raises(ManifestError, match=f"{name} is missing"):
        open_bundle(own_bundle)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file_is_named(own_bundle: Path, name: str) -> None:
    content = (own_bundle / name).read_bytes()
    (own_bundle / name).write_bytes(content[: len(content) // 2])
    with pytest.raises(ManifestError, match=name):
        open_bundle(own_bundle)


def test_a_file_that_the_manifest_does_not_list_is_left_alone(own_bundle: Path) -> None:
    (own_bundle / "notes.txt").write_text("mine")
    open_bundle(own_bundle)


def test_a_run_is_told_apart_from_a_bundle(own_bundle: Path) -> None:
    write_manifest(read_manifest(own_bundle).portable(), own_bundle)
    with pytest.raises(ManifestError, match="is a run, not a bundle: export it first"):
        open_bundle(own_bundle)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="no such folder"):
        open_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("engine", "precision", "name"),
    [
        ("onnx", "float32", "model.onnx"),
        ("onnx", "int8", "model.int8.onnx"),
        ("tflite", "float32", "model.tflite"),
        ("tflite", "int8", "model.int8.tflite"),
    ],
)
def test_each_engine_and_precision_has_its_file(
    tiny_bundle: Path, engine: str, precision: str, name: str
) -> None:
    bundle = open_bundle(tiny_bundle)
    assert bundle.model_path(engine, precision) == tiny_bundle / name
    assert set(bundle.models) == {one for one in FILES if one.startswith("model")}


def test_a_file_that_the_bundle_does_not_have_is_answered_with_what_it_has(
    own_bundle: Path,
) -> None:
    manifest = read_manifest(own_bundle)
    files = {name: one for name, one in manifest.files.items() if "int8" not in name}
    write_manifest(replace(manifest, files=files), own_bundle)
    with pytest.raises(ManifestError, match=r"no onnx model in int8; it holds onnx float32, tfl"):
        open_bundle(own_bundle).model_path("onnx", "int8")


def test_golden_inputs_fit_the_model(tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    inputs, logits = bundle.golden()
    assert inputs.dtype == logits.dtype == np.float32
    assert inputs.shape == (16, *bundle.manifest.input_shape[1:])
    assert logits.shape == (16, 3)


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "remove"])
def test_golden_inputs_damaged_after_the_bundle_was_opened_are_refused(
    own_bundle: Path, damage: str
) -> None:
    bundle = open_bundle(own_bundle)
    path = own_bundle / "golden.npz"
    content = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        damaged = {"flip": b"?" + content[1:], "cut": content[:200], "empty": b""}[damage]
        path.write_bytes(damaged)
    with pytest.raises(ManifestError, match=r"golden\.npz"):
        bundle.golden()


def test_golden_inputs_that_no_manifest_vouches_for_are_not_read(own_bundle: Path) -> None:
    manifest = read_manifest(own_bundle)
    files = {name: one for name, one in manifest.files.items() if name != "golden.npz"}
    write_manifest(replace(manifest, files=files), own_bundle)
    with pytest.raises(ManifestError, match=r"lists no golden\.npz: export again"):
        open_bundle(own_bundle).golden()


@pytest.mark.parametrize(
    "arrays",
    [
        {"inputs": np.zeros(3)},
        {"inputs": np.array([{}], dtype=object), "logits": np.zeros(3)},  # would be unpickled
    ],
)
def test_golden_arrays_that_are_lacking_or_pickled_are_refused(
    own_bundle: Path, arrays: dict[str, np.ndarray]
) -> None:
    path = own_bundle / "golden.npz"
    np.savez(path, **arrays)  # type: ignore[arg-type]
    manifest = read_manifest(own_bundle)
    files = {**manifest.files, path.name: ModelFile(sha256_of(path), path.stat().st_size)}
    write_manifest(replace(manifest, files=files), own_bundle)
    with pytest.raises(ManifestError, match=r"golden\.npz cannot be read"):
        open_bundle(own_bundle).golden()
