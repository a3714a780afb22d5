"""A whole export: four files, equal to PyTorch, and a seal over all of them."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from edgeemg.digests import sha256_of
from edgeemg.errors import GateError
from edgeemg.manifest import parse_manifest
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import open_engine
from edgeemg.train.dataset import Part
from edgeemg.train.fit import predict
from edgeemg.train.models import MODELS
from edgeemg_export import recipes
from edgeemg_export.bundle import write_bundle
from edgeemg_export.onnx_file import METADATA_KEY
from edgeemg_export.recipes import recipe_for

FILES = {
    "manifest.json",
    "model.onnx",
    "model.int8.onnx",
    "model.tflite",
    "model.int8.tflite",
    "parity.json",
    "golden.npz",
}


def export(run, folder, **options):
    folder.mkdir()
    gates = {"min_agreement": 0.9, "max_accuracy_drop": 0.1}
    usual = {"formats": ("onnx", "tflite"), "quantize": True, "on_step": lambda _: None}
    return write_bundle(run, folder, log=folder.with_suffix(".log"), **(usual | gates | options))


@pytest.fixture(scope="module")
def cnn_bundle(cnn_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "cnn"
    export(cnn_run, folder)
    return folder


@pytest.fixture(scope="module")
def transformer_bundle(transformer_run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundles") / "transformer"
    export(transformer_run, folder)
    return folder


def test_a_bundle_holds_what_was_promised_and_nothing_else(cnn_bundle):
    assert {path.name for path in cnn_bundle.iterdir()} == FILES


def test_every_file_but_the_manifest_is_sealed_with_its_sha256(cnn_bundle):
    manifest = open_bundle(cnn_bundle).manifest
    assert set(manifest.files) == FILES - {"manifest.json"}
    for name, facts in manifest.files.items():
        assert facts.sha256 == sha256_of(cnn_bundle / name)


@pytest.mark.parametrize("family", ["cnn", "transformer"])
@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_float_files_are_pytorch_to_rounding(family, engine, request):
    run = request.getfixturevalue(f"{family}_run")
    opened = open_engine(request.getfixturevalue(f"{family}_bundle"), engine, "float32")
    inputs = run.held_out.inputs[:50]
    ours = np.stack([opened.logits(window[None]) for window in inputs])
    np.testing.assert_allclose(ours, predict(run.model, inputs), atol=1e-4)


@pytest.mark.parametrize("family", ["cnn", "transformer"])
def test_parity_json_tells_what_the_engines_do(family, request):
    run = request.getfixturevalue(f"{family}_run")
    folder = request.getfixturevalue(f"{family}_bundle")
    reference = predict(run.model, run.held_out.inputs)
    for one in json.loads((folder / "parity.json").read_text())["files"]:
        engine = open_engine(folder, one["file"].rsplit(".", 1)[1], one["precision"])
        logits = np.stack([engine.logits(window[None]) for window in run.held_out.inputs])
        agreement = (logits.argmax(axis=1) == reference.argmax(axis=1)).mean()
        assert one["label_agreement"] == pytest.approx(agreement)
        assert one["largest_difference"] == pytest.approx(
            np.abs(logits - reference).max(), rel=0.01
        )


def test_the_int8_cnn_is_really_int8(cnn_bundle):
    graph = onnx.load(str(cnn_bundle / "model.int8.onnx")).graph
    operators = Counter(node.op_type for node in graph.node)
    assert operators["QuantizeLinear"] >= operators["Conv"] == 3
    assert "BatchNormalization" not in operators
    assert (cnn_bundle / "model.int8.tflite").stat().st_size < 0.4 * (
        cnn_bundle / "model.tflite"
    ).stat().st_size


def test_the_int8_transformer_takes_at_most_0_35_of_the_float_bytes(transformer_bundle):
    narrow, whole = (transformer_bundle / f"model{one}.tflite" for one in (".int8", ""))
    assert narrow.stat().st_size <= 0.35 * whole.stat().st_size


def test_int8_files_take_float_inputs_and_name_what_stays_float(cnn_bundle):
    files = open_bundle(cnn_bundle).manifest.files
    kept = {
        "model.int8.tflite": ("MEAN", "head"),
        "model.int8.onnx": ("stem", "ReduceMean", "head"),
    }
    for name, operators in kept.items():
        assert (files[name].input_dtype, files[name].kept_float) == ("float32", operators)
    assert files["model.tflite"].kept_float == ()


def test_the_recipe_is_the_familys(cnn_bundle, transformer_bundle):
    for folder, family in ((cnn_bundle, "cnn"), (transformer_bundle, "transformer")):
        files = open_bundle(folder).manifest.files
        for engine in ("onnx", "tflite"):
            recipe = recipe_for(family, engine)
            facts = files[f"model.int8.{engine}"]
            assert (facts.recipe, facts.kept_float) == (recipe.name, recipe.kept_float)


def test_int8_files_have_a_third_of_the_bytes(cnn_bundle):
    sizes = {name: facts.bytes for name, facts in open_bundle(cnn_bundle).manifest.files.items()}
    for engine in ("onnx", "tflite"):
        assert sizes[f"model.int8.{engine}"] <= 0.35 * sizes[f"model.{engine}"]


@pytest.mark.slow
@pytest.mark.parametrize("family", sorted(MODELS.keys() - {"cnn", "transformer"}))
def test_every_other_family_makes_four_files_that_pass_the_gates(family, make_run, tmp_path):
    run = make_run(tmp_path / "run", family, epochs=3)
    parity = export(run, tmp_path / "bundle", min_agreement=0.95)
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == FILES
    assert {one["file"]: one["recipe"] for one in parity["files"]} == {
        "model.onnx": "",
        "model.int8.onnx": recipe_for(family, "onnx").name,
        "model.tflite": "",
        "model.int8.tflite": recipe_for(family, "tflite").name,
    }


@pytest.mark.parametrize("samples", [125, 188])
def test_a_cnn_exports_for_windows_that_do_not_fill_its_steps(samples, make_run, tmp_path):
    run = make_run(tmp_path / "run", "cnn", epochs=3, window_ms=4 * samples)
    assert run.held_out.inputs.shape[-1] == samples
    export(run, tmp_path / "bundle", min_agreement=0.95)
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == FILES


@pytest.mark.parametrize("name", ["model.onnx", "model.int8.onnx"])
def test_an_onnx_file_carries_the_manifest_itself(cnn_bundle, name):
    model = onnx.load(str(cnn_bundle / name))
    (text,) = (one.value for one in model.metadata_props if one.key == METADATA_KEY)
    carried = parse_manifest(text, source=name)
    assert carried == open_bundle(cnn_bundle).manifest.portable()


@pytest.mark.parametrize("name", ["model.onnx", "model.int8.onnx", "model.tflite"])
def test_no_path_of_the_exporting_machine_is_in_a_model_file(cnn_bundle, name):
    content = (cnn_bundle / name).read_bytes()
    assert b"site-packages" not in content
    assert str(Path(__file__).parents[2]).encode() not in content


def test_golden_outputs_are_pytorchs(cnn_run, cnn_bundle):
    inputs, logits = open_bundle(cnn_bundle).golden()
    np.testing.assert_allclose(predict(cnn_run.model, inputs), logits, atol=1e-6)
    known = {window.tobytes() for window in cnn_run.held_out.inputs}
    assert all(window.tobytes() in known for window in inputs)


def test_without_quantize_there_are_float_files_only(cnn_run, tmp_path):
    parity = export(cnn_run, tmp_path / "b", formats=("onnx",), quantize=False)
    assert [one["file"] for one in parity["files"]] == ["model.onnx"]
    assert {path.name for path in (tmp_path / "b").iterdir()} == {
        "manifest.json",
        "model.onnx",
        "parity.json",
        "golden.npz",
    }


@pytest.fixture(scope="module")
def corrupted_run(cnn_run):
    """One channel of what int8 is calibrated on, times 1,000."""
    calibration = cnn_run.calibration.copy()
    calibration[:, 0] *= 1000
    return replace(cnn_run, calibration=calibration)


def test_a_corrupted_calibration_trips_the_gate_and_nothing_is_sealed(corrupted_run, tmp_path):
    with pytest.raises(GateError, match=r"calibration windows reach .*model.int8.tflite"):
        export(corrupted_run, tmp_path / "b")
    assert not (tmp_path / "b" / "manifest.json").exists()


def test_ranges_far_too_narrow_show_in_the_labels_and_the_worst_layers_are_named(cnn_run, tmp_path):
    narrow = replace(cnn_run, calibration=(cnn_run.calibration * 1e-3).astype(np.float32))
    wanted = r"model.int8.tflite agrees with PyTorch on .* Worst layers of .*model.int8.tflite: "
    with pytest.raises(GateError, match=wanted):
        export(narrow, tmp_path / "b", min_agreement=0.98)
    assert not (tmp_path / "b" / "manifest.json").exists()


@pytest.fixture(scope="module")
def undecided_run(cnn_run):
    """Held out are mixtures of windows that the network can hardly decide: rounding shows."""
    rng = np.random.default_rng(0)
    held_out = cnn_run.held_out
    first, second = (rng.integers(len(held_out.inputs), size=4000) for _ in range(2))
    share = rng.random((4000, 1, 1), dtype=np.float32)
    mixed = share * held_out.inputs[first] + (1 - share) * held_out.inputs[second]
    best = np.sort(predict(cnn_run.model, mixed), axis=1)
    least = np.argsort(best[:, -1] - best[:, -2])[:200]
    trials = np.arange(200) // 2
    return replace(cnn_run, held_out=Part(mixed[least], trials % 3, trials))


@pytest.fixture(scope="module")
def bundle_by_the_safer_recipe(undecided_run, tmp_path_factory):
    """A wish that none can meet; of the four files only model.int8.tflite has another recipe."""
    folder, said = tmp_path_factory.mktemp("bundles") / "again", []
    export(undecided_run, folder, min_agreement=1.1, allow_fail=True, on_step=said.append)
    return folder, said


def test_a_file_that_fails_is_made_again_by_the_safer_recipe_and_the_manifest_names_it(
    bundle_by_the_safer_recipe,
):
    folder, said = bundle_by_the_safer_recipe
    (again,) = [n for n, text in enumerate(said) if text.startswith("by another recipe, since")]
    assert said[again + 1 :][:2] == ["model.tflite: float32", "model.int8.tflite: static_wi8_ai8"]
    safer = recipe_for("cnn", "tflite", safer=True)
    assert open_bundle(folder).manifest.files["model.int8.tflite"].kept_float == safer.kept_float
    files = [one["file"] for one in json.loads((folder / "parity.json").read_text())["files"]]
    assert files == ["model.onnx", "model.int8.onnx", "model.tflite", "model.int8.tflite"]
    assert {path.name for path in folder.iterdir()} == FILES


def test_where_both_recipes_fail_the_better_file_stays_with_its_float_one(
    undecided_run, bundle_by_the_safer_recipe, tmp_path, monkeypatch
):
    usual, safer = (recipe_for("cnn", "tflite", safer=one) for one in (False, True))
    monkeypatch.setitem(recipes.RECIPES["cnn"], "tflite", safer)
    monkeypatch.setitem(recipes.SAFER, ("cnn", "tflite"), usual)
    said = []
    options = {"min_agreement": 1.1, "allow_fail": True, "on_step": said.append}
    parity = export(undecided_run, tmp_path / "b", formats=("tflite",), **options)
    assert said.count("model.int8.tflite: static_wi8_ai8") == 2
    wanted, found = (
        open_bundle(one).manifest.files for one in (bundle_by_the_safer_recipe[0], tmp_path / "b")
    )
    for name in ("model.tflite", "model.int8.tflite"):
        assert found[name] == wanted[name]
    assert [one["bytes"] for one in parity["files"]] == [
        found[name].bytes for name in ("model.tflite", "model.int8.tflite")
    ]


def test_allow_fail_marks_the_bundle_and_run_warns(
    corrupted_run, tmp_path, edgeemg, make_recording
):
    parity = export(corrupted_run, tmp_path / "b", min_agreement=0.98, allow_fail=True)
    failed = open_bundle(tmp_path / "b").manifest.failed_gates
    assert failed == tuple(parity["failed_gates"])
    assert any("model.int8.tflite" in text for text in failed)
    passed = {one["file"]: one["passed"] for one in parity["files"]}
    assert (passed["model.tflite"], passed["model.int8.tflite"]) == (True, False)
    said = edgeemg("run", tmp_path / "b", "--recording", make_recording(tmp_path / "rec"))
    assert said.returncode == 0, said.stderr
    (warning,) = [line for line in said.stderr.splitlines() if "--allow-fail" in line]
    assert failed[0] in warning


def test_answers_that_are_no_numbers_seal_nothing_with_allow_fail_either(cnn_run, tmp_path):
    inputs = cnn_run.held_out.inputs.copy()
    inputs[0, 0, 0] = np.nan
    run = replace(cnn_run, held_out=replace(cnn_run.held_out, inputs=inputs))
    with pytest.raises(GateError, match=r"model.onnx.* not finite"):
        export(run, tmp_path / "b", formats=("onnx",), quantize=False, allow_fail=True)
    assert not (tmp_path / "b" / "manifest.json").exists()


def test_the_worst_layers_are_told_in_decibels(cnn_bundle):
    for one in json.loads((cnn_bundle / "parity.json").read_text())["files"]:
        ratios = [layer["snr_db"] for layer in one["worst_layers"]]
        assert ratios == sorted(ratios)
        assert len(ratios) == (5 if one["precision"] == "int8" else 0)
        assert all(10 < ratio < 60 for ratio in ratios)


def test_what_the_converters_say_stays_off_the_screen(cnn_run, tmp_path, capfd):
    export(cnn_run, tmp_path / "b")
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert (tmp_path / "b.log").stat().st_size > 0
