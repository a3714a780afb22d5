import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.digests import sha256_of
from edgeemg.errors import EngineError, ManifestError
from edgeemg.manifest import ModelFile, StateTensor, read_manifest, write_manifest
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import ENGINES, PRECISIONS, installed_engines, open_engine

both_engines = pytest.mark.parametrize("engine", ["onnx", "tflite"])
both_precisions = pytest.mark.parametrize("precision", ["float32", "int8"])


def seal_again(folder: Path, **changes: object) -> None:
    """A manifest that says something else, over the files as they are now."""
    manifest = read_manifest(folder)
    files = {
        name: replace(one, sha256=sha256_of(folder / name), bytes=(folder / name).stat().st_size)
        for name, one in manifest.files.items()
    }
    write_manifest(replace(manifest, files=files, **changes), folder)


def test_there_is_no_engine_and_no_precision_without_a_test() -> None:
    assert set(ENGINES) == {"onnx", "tflite"}
    assert set(PRECISIONS) == {"float32", "int8"}


@both_engines
def test_float_files_give_the_golden_logits(tiny_bundle: Path, engine: str) -> None:
    bundle = open_bundle(tiny_bundle)
    inputs, wanted = bundle.golden()
    opened = open_engine(bundle, engine)
    logits = np.stack([opened.logits(one[None]) for one in inputs])
    assert logits.dtype == np.float32
    np.testing.assert_allclose(logits, wanted, atol=1e-3)


@both_engines
@both_precisions
def test_every_file_gives_the_golden_labels(tiny_bundle: Path, engine: str, precision: str) -> None:
    inputs, wanted = open_bundle(tiny_bundle).golden()
    opened = open_engine(tiny_bundle, engine, precision)
    labels = [int(opened.logits(one[None]).argmax()) for one in inputs]
    # of random weights, int8 may turn a label that PyTorch itself is not sure of
    margin = np.diff(np.sort(wanted, axis=1)[:, -2:], axis=1)[:, 0]
    sure = margin > (0.1 * np.ptp(wanted) if precision == "int8" else 0)
    assert sure.sum() >= len(sure) / 3
    assert np.array_equal(np.array(labels)[sure], wanted.argmax(axis=1)[sure])
    assert len(set(labels)) == 3


@both_engines
def test_int8_logits_are_near_pytorchs_but_are_not_the_float_files(
    tiny_bundle: Path, engine: str
) -> None:
    inputs, wanted = open_bundle(tiny_bundle).golden()
    opened = open_engine(tiny_bundle, engine, "int8")
    logits = np.stack([opened.logits(one[None]) for one in inputs])
    assert logits.dtype == np.float32
    largest = float(np.abs(logits - wanted).max())
    assert 1e-3 < largest < 0.15 * np.ptp(wanted)


@both_engines
@both_precisions
def test_an_engine_says_what_it_is(tiny_bundle: Path, engine: str, precision: str) -> None:
    opened = open_engine(tiny_bundle, engine, precision)
    assert opened.precision == precision
    assert opened.name.startswith({"onnx": "onnxruntime 1", "tflite": "ai-edge-litert "}[engine])


@both_engines
@both_precisions
def test_logits_of_one_input_do_not_depend_on_the_ones_before(
    tiny_bundle: Path, engine: str, precision: str
) -> None:
    inputs, _ = open_bundle(tiny_bundle).golden()
    opened = open_engine(tiny_bundle, engine, precision)
    first = opened.logits(inputs[:1])
    kept = first.copy()
    opened.logits(inputs[1:2])
    assert np.array_equal(first, kept)  # not a view into the engine's memory
    assert np.array_equal(opened.logits(inputs[:1]), kept)


@both_engines
@pytest.mark.parametrize("sign", [1, -1])
def test_an_int8_input_out_of_range_saturates_and_does_not_wrap_around(
    tiny_bundle: Path, engine: str, sign: int
) -> None:
    opened = open_engine(tiny_bundle, engine, "int8")
    shape = open_bundle(tiny_bundle).manifest.input_shape
    # the same bits for all that is beyond any calibrated range, whatever its remainder by 256
    beyond = [
        opened.logits(np.full(shape, sign * one, np.float32)) for one in (1e6, 1.017e6, 1e8, 1e9)
    ]
    assert all(np.array_equal(one, beyond[0]) for one in beyond)
    other = opened.logits(np.full(shape, -sign * 1e6, np.float32))
    assert not np.array_equal(beyond[0], other)


def test_an_unknown_engine_is_answered_with_the_known_ones(tiny_bundle: Path) -> None:
    with pytest.raises(EngineError, match="unknown engine 'torch': choose one of onnx, tflite"):
        open_engine(tiny_bundle, "torch")


def test_an_unknown_precision_is_answered_with_the_known_ones(tiny_bundle: Path) -> None:
    with pytest.raises(EngineError, match="unknown precision 'int4': choose one of float32, int8"):
        open_engine(tiny_bundle, "onnx", "int4")


def test_a_damaged_bundle_is_refused_before_an_engine_sees_it(own_bundle: Path) -> None:
    (own_bundle / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(ManifestError, match=r"model\.onnx does not match its sha256"):
        open_engine(own_bundle, "onnx")


@both_engines
@both_precisions
@pytest.mark.parametrize("content", [b"not a model", b"", b"\x08\x01" * 500])
def test_a_file_that_an_engine_cannot_load_is_named_though_its_sha256_fits(
    own_bundle: Path, engine: str, precision: str, content: bytes
) -> None:
    path = open_bundle(own_bundle).model_path(engine, precision)
    path.write_bytes(content)
    seal_again(own_bundle)
    with pytest.raises(EngineError, match=f"{path.name}: .* refuses it"):
        open_engine(own_bundle, engine, precision)


@both_engines
@both_precisions
@pytest.mark.parametrize("samples", [50, 101, 200])
def test_a_file_whose_manifest_says_another_window_is_refused(
    own_bundle: Path, engine: str, precision: str, samples: int
) -> None:
    seal_again(own_bundle, window_samples=samples)
    with pytest.raises(EngineError, match=rf"cannot run .* \(1, 4, {samples}\).*export the bundle"):
        open_engine(own_bundle, engine, precision)


@both_engines
def test_a_file_whose_manifest_says_other_channels_is_refused(
    own_bundle: Path, engine: str
) -> None:
    manifest = read_manifest(own_bundle)
    seal_again(own_bundle, channels=manifest.channels[:3], scale=(1.0,) * 3)
    with pytest.raises(EngineError, match=r"\(1, 3, 100\)"):
        open_engine(own_bundle, engine)


@both_engines
@pytest.mark.parametrize("labels", [("left", "rest"), ("left", "rest", "right", "up")])
def test_a_file_whose_manifest_says_other_labels_is_refused(
    own_bundle: Path, engine: str, labels: tuple[str, ...]
) -> None:
    seal_again(own_bundle, labels=labels)
    with pytest.raises(EngineError, match=rf"gives \(3,\) logits for {len(labels)} labels"):
        open_engine(own_bundle, engine)


@both_engines
def test_a_window_that_fits_no_memory_is_refused(own_bundle: Path, engine: str) -> None:
    seal_again(own_bundle, window_samples=10**30)
    with pytest.raises(EngineError, match="cannot run"):
        open_engine(own_bundle, engine)


@both_engines
def test_a_streaming_model_is_refused_not_run_without_its_state(
    own_bundle: Path, engine: str
) -> None:
    seal_again(own_bundle, mode="stream", state=(StateTensor("memory", (1, 8)),))
    with pytest.raises(EngineError, match=r"mode 'stream'.*states of \[8\] numbers.*and \[\]"):
        open_engine(own_bundle, engine)


def test_a_model_in_the_wrong_format_is_refused(own_bundle: Path) -> None:
    manifest = read_manifest(own_bundle)
    swapped = replace(manifest.files["model.tflite"], engine="onnx")
    files: dict[str, ModelFile] = {**manifest.files, "model.tflite": swapped}
    del files["model.onnx"]
    write_manifest(replace(manifest, files=files), own_bundle)
    with pytest.raises(EngineError, match=r"model\.tflite: onnxruntime refuses it"):
        open_engine(own_bundle, "onnx")


# --- engines that are not installed

# arguments: bundle, engine, libraries that are not installed
_OPEN_WITHOUT = """
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys(sys.argv[3].split(",")))

from edgeemg.errors import MissingExtraError
from edgeemg.runtime.engines import open_engine
try:
    print("opened", open_engine(Path(sys.argv[1]), sys.argv[2]).name)
except MissingExtraError as error:
    print("missing:", error)
"""


def open_without(bundle: Path, engine: str, libraries: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", _OPEN_WITHOUT, str(bundle), engine, libraries],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("engine", "libraries", "extra"),
    [
        ("onnx", "onnxruntime", "edgeemg[onnx]"),
        ("tflite", "ai_edge_litert,tflite_runtime", "edgeemg[litert]"),
    ],
)
def test_an_engine_that_is_not_installed_names_its_extra(
    tiny_bundle: Path, engine: str, libraries: str, extra: str
) -> None:
    said = open_without(tiny_bundle, engine, libraries)
    assert said.startswith("missing: running model.")
    assert f"pip install '{extra}'" in said


@pytest.mark.parametrize(
    ("engine", "libraries"), [("onnx", "ai_edge_litert,tflite_runtime"), ("tflite", "onnxruntime")]
)
def test_one_engine_does_not_need_the_other(tiny_bundle: Path, engine: str, libraries: str) -> None:
    assert open_without(tiny_bundle, engine, libraries).startswith("opened ")


def test_installed_engines_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    assert installed_engines() == ["onnx", "tflite"]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert installed_engines() == ["tflite"]
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    monkeypatch.setitem(sys.modules, "tflite_runtime", None)
    assert installed_engines() == []


def test_looking_for_engines_loads_none() -> None:
    code = (
        "import sys; from edgeemg.runtime.engines import installed_engines; installed_engines();"
        "print(sorted({'onnxruntime', 'ai_edge_litert', 'tflite_runtime'} & set(sys.modules)))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ, timeout=60
    )
    assert said.stdout.strip() == "[]"
