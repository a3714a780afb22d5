"""The tiny bundle in forms that a test may damage, and samples that it can read."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgeemg.dsp.samples import Samples


@pytest.fixture
def own_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """A copy of the tiny bundle that belongs to one test."""
    return Path(shutil.copytree(tiny_bundle, tmp_path / "bundle"))


@pytest.fixture(scope="session")
def noise() -> Samples:
    """8 s of loud noise on four channels: the tiny model names all of its labels in it."""
    rng = np.random.default_rng(5)
    return Samples.contiguous(20_000 + rng.normal(0, 12, (2000, 4)), 250, first_index=13)
