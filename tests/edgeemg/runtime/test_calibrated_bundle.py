"""Bundles for a day: whole, sealed, and true to the files in them."""

import shutil

import numpy as np
import pytest

from edgeemg.digests import sha256_of
from edgeemg.errors import ManifestError
from edgeemg.manifest import Calibration
from edgeemg.runtime.bundle import HEAD_NAME, open_bundle
from edgeemg.runtime.calibrated_bundle import source_sha256, write_calibrated
from edgeemg.runtime.engines import open_engine
from edgeemg.runtime.heads import Head


def provenance(bundle) -> Calibration:
    return Calibration(
        source=bundle.folder.name,
        source_sha256=source_sha256(bundle),
        created="2026-01-02T00:00:00+00:00",
        data="made up",
        digests=("ab" * 32,),
        trials={"left": 5, "rest": 5, "right": 5},
        head="around",
        scale_fitted=True,
        protocol="5 folds",
        before=0.25,
        after=0.75,
    )


def calibrated(bundle, folder):
    folder.mkdir()
    rng = np.random.default_rng(0)
    layer = bundle.layer()
    head = Head(
        layer.weight + rng.normal(0, 0.5, layer.weight.shape).astype(np.float32), layer.bias + 1
    )
    write_calibrated(bundle, folder, head, (1.0, 2.0, 3.0, 4.0), provenance(bundle))
    return open_bundle(folder), head


@pytest.fixture
def made(tiny_bundle, tmp_path):
    return calibrated(open_bundle(tiny_bundle), tmp_path / "new")


def test_every_file_answers_as_the_golden_answers_say(made):
    bundle, head = made
    for name, facts in bundle.models.items():
        engine = open_engine(bundle, facts.engine, facts.precision)
        inputs, wanted = bundle.golden_of(name)
        given = np.stack([engine.logits(one[None]) for one in inputs])
        np.testing.assert_allclose(given, wanted, atol=1e-3)
        assert engine.precision == facts.precision
    _, pytorch = bundle.golden()
    embedded = bundle.golden_arrays("embedding")["embedding"]
    np.testing.assert_allclose(pytorch, head.logits(embedded), rtol=1e-5)


def test_it_answers_otherwise_than_the_bundle_that_it_comes_from(made, tiny_bundle):
    bundle, _ = made
    inputs, _ = bundle.golden()
    old, new = (open_engine(one, "onnx") for one in (tiny_bundle, bundle))
    assert np.abs(old.logits(inputs[:1]) - new.logits(inputs[:1])).max() > 0.1


def test_it_says_where_it_comes_from(made, tiny_bundle):
    bundle, _ = made
    assert bundle.manifest.calibration == provenance(open_bundle(tiny_bundle))
    assert bundle.manifest.calibration.source_sha256 == sha256_of(tiny_bundle / "manifest.json")
    assert bundle.manifest.scale == (1.0, 2.0, 3.0, 4.0)
    assert bundle.manifest.training == open_bundle(tiny_bundle).manifest.training


def test_the_bundle_that_it_comes_from_stays(tiny_bundle, tmp_path):
    before = {one.name: one.read_bytes() for one in tiny_bundle.iterdir()}
    calibrated(open_bundle(tiny_bundle), tmp_path / "new")
    assert {one.name: one.read_bytes() for one in tiny_bundle.iterdir()} == before


def test_it_can_be_calibrated_again(made, tmp_path):
    first, head = made
    assert np.array_equal(first.layer().weight, head.weight)
    second, newer = calibrated(first, tmp_path / "newer")
    assert np.array_equal(second.layer().weight, newer.weight)
    inputs, wanted = second.golden_of("model.onnx")
    given = open_engine(second, "onnx").logits(inputs[:1])
    np.testing.assert_allclose(given, wanted[0], atol=1e-3)


@pytest.mark.parametrize("name", [HEAD_NAME, "model.onnx", "golden.npz"])
def test_a_flipped_byte_is_refused(made, name):
    bundle, _ = made
    content = bytearray((bundle.folder / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle.folder / name).write_bytes(content)
    with pytest.raises(ManifestError, match=r"does not match its sha256"):
        open_bundle(bundle.folder)


def test_without_its_last_layer_it_is_refused(made):
    bundle, _ = made
    (bundle.folder / HEAD_NAME).unlink()
    with pytest.raises(ManifestError, match=r"head\.npz is missing"):
        open_bundle(bundle.folder)


def test_a_layer_for_other_labels_is_refused(tiny_bundle, tmp_path):
    bundle = open_bundle(tiny_bundle)
    (tmp_path / "new").mkdir()
    four = Head(np.zeros((4, 64), np.float32), np.zeros(4, np.float32))
    write_calibrated(bundle, tmp_path / "new", four, bundle.manifest.scale, provenance(bundle))
    with pytest.raises(ManifestError, match=r"head\.npz .* for 3 labels: calibrate again"):
        open_engine(tmp_path / "new", "onnx")


def test_a_bundle_that_changes_meanwhile_gives_none(own_bundle, tmp_path):
    bundle = open_bundle(own_bundle)
    (own_bundle / "model.onnx").write_bytes(b"another")
    with pytest.raises(ManifestError, match="changed while it was copied"):
        calibrated(bundle, tmp_path / "new")
    assert not (tmp_path / "new" / "manifest.json").exists()


def test_a_bundle_of_an_earlier_edgeemg_loads_and_cannot_be_calibrated(old_bundle, tmp_path):
    bundle = open_bundle(old_bundle)
    assert bundle.head() is None
    with pytest.raises(ManifestError, match="export"):
        bundle.layer()


def test_a_copy_is_whole(made, tmp_path):
    bundle, _ = made
    again = open_bundle(shutil.copytree(bundle.folder, tmp_path / "copy"))
    assert again.manifest == bundle.manifest
