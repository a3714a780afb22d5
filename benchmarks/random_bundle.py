"""A network with random weights in; a bundle of it, all four files, out.

Cost does not depend on weights, and accuracy means nothing here, so no gate holds the files back.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from benchmarks.seeded_bundles import UNTRAINED
from edgeemg import __version__
from edgeemg.cli.outputs import fresh_folder
from edgeemg.manifest import Band, Channel, Manifest, ModelFacts
from edgeemg.train.dataset import Part
from edgeemg.train.models import count_macs, count_parameters
from edgeemg.train.runs import Run
from edgeemg_export.bundle import write_bundle

_WINDOWS = 48


def write_random_bundle(
    model: nn.Module,
    folder: Path,
    *,
    family: str,
    channels: int,
    window_samples: int,
    sample_rate_hz: float,
    tell: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Export on seeded random windows, over what may be in `folder`; returns the parity report.

    model   takes (batch, channel, time), and its last layer is a linear one called `head`
    family  names the recipe of the int8 files; one without a recipe gets the usual static one
    tell    is told what is about to be done
    Raises ModelError where a converter fails.
    """
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((_WINDOWS, channels, window_samples)).astype(np.float32)
    head = model.get_submodule("head")
    assert isinstance(head, nn.Linear), "the logits come from a linear layer"
    labels = head.out_features
    numbers = np.arange(_WINDOWS)
    half = _WINDOWS // 2
    manifest = Manifest(
        name=folder.name,
        created="2026-01-01T00:00:00+00:00",
        edgeemg_version=__version__,
        labels=tuple(f"{n}" for n in range(labels)),
        rest_label=None,
        sample_rate_hz=sample_rate_hz,
        channels=tuple(Channel(f"C{n + 1}") for n in range(channels)),
        window_samples=window_samples,
        hop_samples=window_samples,
        bands=(Band("raw", ()),),
        scale=(1.0,) * channels,
        clip=8.0,
        model=ModelFacts(
            family=family,
            parameters=count_parameters(model),
            macs=count_macs(model, channels=channels, window_samples=window_samples),
        ),
        training=UNTRAINED,
    )
    held_out = Part(inputs[:half], numbers[:half] % labels, numbers[:half])
    with fresh_folder(folder, force=True) as target:
        return write_bundle(
            Run(target, model, manifest, inputs[half:], held_out),
            target,
            formats=("onnx", "tflite"),
            quantize=True,
            min_agreement=0.0,
            max_accuracy_drop=1.0,
            allow_fail=True,
            log=folder.with_suffix(".log"),
            on_step=tell,
        )
