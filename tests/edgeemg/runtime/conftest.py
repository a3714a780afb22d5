"""The tiny bundle in forms that a test may damage, samples that it can read, and made-up hops."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.digests import sha256_of
from edgeemg.dsp.samples import Event, Samples
from edgeemg.manifest import Manifest, read_manifest, write_manifest
from edgeemg.runtime.event_metrics import Timeline
from edgeemg.runtime.replay import Hop
from edgeemg.runtime.stretches import Stretch


@pytest.fixture
def own_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle that belongs to one test."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


@pytest.fixture
def old_bundle(own_bundle: Path) -> Path:
    """A bundle as an earlier edgeemg wrote it: files and golden answers without embeddings."""
    import onnx

    for name in ("model.onnx", "model.int8.onnx"):
        model = onnx.load(str(own_bundle / name))
        del model.graph.output[-1]
        onnx.save(model, str(own_bundle / name))
    with np.load(own_bundle / "golden.npz") as arrays:
        kept = {name: arrays[name] for name in arrays.files if name.startswith(("inp", "logits"))}
    np.savez(own_bundle / "golden.npz", **kept)
    manifest = read_manifest(own_bundle)
    files = {
        name: replace(
            one,
            sha256=sha256_of(own_bundle / name),
            bytes=(own_bundle / name).stat().st_size,
        )
        for name, one in manifest.files.items()
    }
    write_manifest(replace(manifest, files=files), own_bundle)
    return own_bundle


@pytest.fixture(scope="session")
def noise() -> Samples:
    """8 s of loud noise on four channels: the tiny model names all of its labels in it."""
    rng = np.random.default_rng(5)
    return Samples.contiguous(20_000 + rng.normal(0, 12, (2000, 4)), 250, first_index=13)


@pytest.fixture(scope="session")
def commands(plain_manifest: Manifest) -> Manifest:
    """Ten hops a second at 250 Hz, windows of 100 samples; labels left, rest, right."""
    return replace(
        plain_manifest, labels=("left", "rest", "right"), window_samples=100, hop_samples=25
    )


@pytest.fixture(scope="session")
def made_stretch(commands: Manifest) -> Callable[..., Stretch]:
    """`made_stretch(seed=, minutes=)`: logits as a model might give, and words every ten seconds.

    `left` is heard well and seldom in rest; rest is taken for `right` 200 times an hour, its
    probability above 0.5 by exponential log-odds.
    """

    def make(*, seed: int, minutes: float, right_an_hour: float = 200.0) -> Stretch:
        rng = np.random.default_rng(seed)
        n_hops = round(minutes * 600)
        logits = np.tile(np.float32([-2.0, 2.0, -2.0]), (n_hops, 1))
        logits += rng.normal(0, 0.3, logits.shape).astype(np.float32)
        words = [
            Event(250 + n * 2500, 250, ("left", "right")[n % 2]) for n in range(round(minutes * 6))
        ]
        for word in words:
            first = word.index // 25 + int(rng.integers(0, 3))
            own = (0, 2)[word.label == "right"]
            logits[first : first + 8] = -1.0
            logits[first : first + 8, own] = 1.0 + rng.exponential(3.0)
        for column, an_hour in ((0, right_an_hour / 20), (2, right_an_hour)):
            for at in rng.integers(0, n_hops, rng.poisson(an_hour * minutes / 60)):
                logits[at : at + 4] = -1.0
                logits[at : at + 4, column] = rng.exponential(1.0)
        hops = [Hop(one, 99 + 25 * n, True) for n, one in enumerate(logits)]
        return Stretch(hops, Timeline(words, 100), commands)

    return make
