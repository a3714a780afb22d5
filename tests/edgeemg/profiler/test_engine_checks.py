import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.errors import ManifestError
from edgeemg.manifest import read_manifest, write_manifest
from edgeemg.profiler.engine_checks import bundle_checks, engine_checks
from edgeemg.profiler.probes import write_probe
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import ENGINES


@pytest.mark.parametrize("engine", list(ENGINES))
def test_a_probe_is_a_model_that_calculates(engine: str, tmp_path: Path) -> None:
    path, golden = write_probe(engine, tmp_path)
    loaded = ENGINES[engine](path, "float32")
    with np.load(golden) as arrays:
        assert arrays["inputs"].min() < 0 < arrays["inputs"].max()
        for given, expected in zip(arrays["inputs"], arrays["logits"], strict=True):
            np.testing.assert_allclose(loaded.logits(given[None]), expected, atol=1e-6)
            np.testing.assert_array_equal(expected, np.maximum(given, 0))


def test_both_engines_run_here() -> None:
    onnx, tflite = engine_checks()
    assert (onnx.name, onnx.status) == ("engine onnx", "ok")
    assert (tflite.name, tflite.status) == ("engine tflite", "ok")
    assert onnx.found.startswith("onnxruntime ")
    assert tflite.found.startswith("ai-edge-litert ")


def test_an_engine_that_dies_is_a_finding_and_the_other_is_still_tested(shadowed) -> None:
    shadowed("onnxruntime")
    onnx, tflite = engine_checks()
    assert onnx.status == "fail"
    assert onnx.found.startswith("SIGILL (illegal instruction")
    assert "edgeemg[onnx]" in (onnx.remedy or "")
    assert tflite.status == "ok"


def test_one_engine_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    onnx, tflite = engine_checks()
    assert (onnx.status, tflite.status) == ("ok", "ok")
    assert onnx.found.startswith("not installed")


def test_no_engine_is_a_failure_with_both_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "ai_edge_litert", None)
    (check,) = engine_checks()
    assert check.status == "fail"
    assert "edgeemg[litert]" in (check.remedy or "")
    assert "edgeemg[onnx]" in (check.remedy or "")


def test_every_file_of_a_good_bundle_answers_rightly(tiny_bundle: Path) -> None:
    found = list(bundle_checks(open_bundle(tiny_bundle)))
    assert [check.name for check in found] == list(open_bundle(tiny_bundle).models)
    assert {check.status for check in found} == {"ok"}
    assert "answers as at export, 16 of 16 labels" in found[0].found
    assert "of a 100 ms hop" in found[0].found


def test_wrong_answers_fail(wrong_bundle: Path) -> None:
    found = list(bundle_checks(open_bundle(wrong_bundle)))
    assert {check.status for check in found} == {"fail"}
    assert found[0].found.startswith("wrong answers: off by 5")


def test_an_engine_that_is_installed_but_broken_says_why(shadowed) -> None:
    shadowed("onnxruntime", "raise ImportError('version GLIBC_2.38 not found')")
    onnx, tflite = engine_checks()
    assert onnx.status == "fail"
    assert "installed but cannot be imported (version GLIBC_2.38 not found)" in onnx.found
    assert tflite.status == "ok"


def test_without_room_for_a_temporary_file_the_engine_was_not_tested(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    onnx, tflite = engine_checks()
    assert (onnx.status, tflite.status) == ("fail", "fail")
    assert onnx.found.startswith("not tested: no temporary file can be written")
    assert "free some space" in (onnx.remedy or "")


def test_a_bundle_without_golden_answers_is_refused_before_any_check(
    tiny_bundle: Path,
) -> None:
    from dataclasses import replace

    from edgeemg.manifest import read_manifest

    manifest = read_manifest(tiny_bundle)
    files = {"model.onnx": manifest.files["model.onnx"]}
    bundle = replace(open_bundle(tiny_bundle), manifest=replace(manifest, files=files))
    with pytest.raises(ManifestError, match=r"lists no golden\.npz: export again"):
        bundle_checks(bundle)


def test_a_file_without_its_engine_is_not_tested(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    found = {check.name: check for check in bundle_checks(open_bundle(tiny_bundle))}
    assert found["model.onnx"].status == "warn"
    assert "pip install 'edgeemg[onnx]'" in (found["model.onnx"].remedy or "")
    assert found["model.tflite"].status == "ok"


def test_a_file_that_cannot_keep_up_fails(tiny_bundle: Path, tmp_path: Path) -> None:
    """The same files beside a manifest whose hop is over before any inference can be."""
    import shutil
    from dataclasses import replace

    from edgeemg.manifest import read_manifest, write_manifest

    folder = tmp_path / "fast"
    shutil.copytree(tiny_bundle, folder)
    write_manifest(replace(read_manifest(folder), sample_rate_hz=1e9), folder)
    check = next(iter(bundle_checks(open_bundle(folder))))
    assert check.status == "fail"
    assert "too slow for this board" in (check.remedy or "")


def test_a_manifest_that_lists_other_states_is_a_finding(
    tiny_streams: tuple[Path, Path], tmp_path: Path
) -> None:
    """Correctly sealed: its files answer rightly, and `run` refuses it all the same."""
    folder = shutil.copytree(tiny_streams[1], tmp_path / "bundle")
    manifest = read_manifest(folder)
    write_manifest(replace(manifest, state=manifest.state[1:]), folder)
    found = list(bundle_checks(open_bundle(folder)))
    assert [one.status for one in found] == ["fail"] * 4
    assert all("export the bundle again" in one.found for one in found)
