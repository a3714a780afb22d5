"""A family and a shape in; a whole bundle of it with seeded random weights out.

What a bundle costs depends on its shape and not on what it has learnt, so neither a recording nor
a training is needed where nothing but cost is counted. Needs the extra `host`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from edgeemg import __version__
from edgeemg.manifest import Channel, Manifest, ModelFacts, Training
from edgeemg.train.dataset import Part
from edgeemg.train.front_ends import design
from edgeemg.train.models import count_macs, count_parameters, make_model
from edgeemg.train.runs import Run
from edgeemg_export.bundle import write_bundle

LABELS = ("down", "left", "rest", "right", "up")
UNTRAINED = Training(
    data="none: random weights",
    protocol="none",
    licence="CC0-1.0",
    generated=True,
    recordings=0,
    trials=0,
    seed=0,
)
_MAINS_HZ = 50


@dataclass(frozen=True, slots=True)
class Shape:
    """What a network takes, and how often; as it stands, that of the examples."""

    channels: int = 8
    sample_rate_hz: float = 250.0
    window_samples: int = 200
    hop_samples: int = 25


def write_seeded(
    family: str,
    folder: Path,
    shape: Shape | None = None,
    *,
    formats: Sequence[str] = ("onnx", "tflite"),
    stream: bool = False,
) -> None:
    """Export a network with seeded random weights into the empty folder, float and int8.

    formats, stream  as for `write_bundle`
    No file is refused: of random weights int8 may answer otherwise than float.
    """
    shape = shape or Shape()
    rng = np.random.default_rng(0)
    size = (64, shape.channels, shape.window_samples)
    windows = rng.standard_normal(size).astype(np.float32)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = make_model(
            family,
            channels=shape.channels,
            window_samples=shape.window_samples,
            classes=len(LABELS),
        ).eval()
    facts = ModelFacts(
        family=family,
        parameters=count_parameters(model),
        macs=count_macs(model, channels=shape.channels, window_samples=shape.window_samples),
    )
    numbers = np.arange(32)
    write_bundle(
        Run(
            folder,
            model,
            replace(seeded_manifest(shape), model=facts),
            windows[32:],
            Part(windows[:32], numbers % len(LABELS), numbers),
        ),
        folder,
        formats=formats,
        quantize=True,
        stream=stream,
        min_agreement=0.0,
        max_accuracy_drop=1.0,
        allow_fail=True,
        log=folder.with_suffix(".log"),
        on_step=lambda _: None,
    )


def seeded_manifest(shape: Shape) -> Manifest:
    """All that a manifest of such a bundle says, but for its model and its files."""
    return Manifest(
        name="reference",
        created="2026-01-01T00:00:00+00:00",
        edgeemg_version=__version__,
        labels=LABELS,
        rest_label="rest",
        sample_rate_hz=shape.sample_rate_hz,
        channels=tuple(Channel(f"EMG{n + 1}") for n in range(shape.channels)),
        window_samples=shape.window_samples,
        hop_samples=shape.hop_samples,
        bands=design("broad", shape.sample_rate_hz, _MAINS_HZ),
        scale=(10.0,) * shape.channels,
        clip=8.0,
        model=ModelFacts(family="", parameters=0, macs=0),
        training=UNTRAINED,
    )
