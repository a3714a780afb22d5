"""A manifest that needs no training, and patience for property tests."""

import pytest
from hypothesis import HealthCheck, settings
from scipy.signal import butter

from edgeemg.manifest import Band, Channel, Manifest, ModelFacts, ModelFile, Training

# a busy machine is no defect
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(scope="session")
def plain_manifest() -> Manifest:
    """Two channels, two bands, windows of 70 samples every 30: the hop does not divide them."""
    sections = {
        "slow": butter(2, (0.8, 10.0), "bandpass", fs=250, output="sos"),
        "fast": butter(2, 15.0, "highpass", fs=250, output="sos"),
    }
    return Manifest(
        name="não",
        created="2026-01-01T00:00:00+00:00",
        edgeemg_version="0.1.0",
        labels=("left", "rest", "não"),
        rest_label="rest",
        sample_rate_hz=250.0,
        channels=(Channel("chin"), Channel("throat")),
        window_samples=70,
        hop_samples=30,
        bands=tuple(
            Band(name, tuple(tuple(map(float, row)) for row in rows))
            for name, rows in sections.items()
        ),
        scale=(10.0, 20.0, 30.0, 40.0),
        clip=8.0,
        model=ModelFacts("cnn", parameters=12, macs=34, options={"depth": [1, 2], "norm": None}),
        training=Training("none", "none", "CC0-1.0", True, 1, 2, 3, metrics={"accuracy": 0.5}),
        files={"model.onnx": ModelFile("ab" * 32, 123, "onnx", "float32")},
        parity={"files": [{"file": "model.onnx", "accuracy": 1e-05}]},
    )
