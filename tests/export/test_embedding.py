"""What the last layer of a file reads, given out, beside PyTorch's; of every family."""

from pathlib import Path

import numpy as np
import pytest
import torch

from edgeemg.runtime.engines import ENGINES
from edgeemg.runtime.heads import Head, embedding
from edgeemg.train.models import MODELS, make_model
from edgeemg_export.embedding import embeddings, expose, last_layer
from edgeemg_export.folding import folded
from edgeemg_export.model_files import WRITERS

WINDOW = np.zeros((1, 3, 100), np.float32)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("family", MODELS)
def test_of_every_family_the_embedding_is_what_pytorchs_last_layer_reads(
    family: str, engine: str, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    model = make_model(family, channels=3, window_samples=100, classes=4).eval()
    path = tmp_path / f"model.{engine}"
    WRITERS[engine](folded(model, torch.from_numpy(WINDOW)), WINDOW, path, dividing=1)
    before = path.stat().st_size
    expose(path, engine)
    assert path.stat().st_size <= before + 200
    opened = ENGINES[engine](path, "float32")
    layer = last_layer(model)
    head = Head(layer.weight.detach().numpy(), layer.bias.detach().numpy())
    assert opened.embedding_size == layer.in_features
    for one in np.random.default_rng(1).normal(0, 1, (3, 1, 3, 100)).astype(np.float32):
        given = embedding(opened, one)
        np.testing.assert_allclose(given, embeddings(model, one)[0], atol=1e-4)
        np.testing.assert_allclose(head.logits(given), opened.logits(one), atol=1e-4)
