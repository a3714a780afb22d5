"""Means over axes as they lie."""

import numpy as np
import torch

from edgeemg.runtime.engine_tflite import TfliteEngine
from edgeemg.train.models import make_model
from edgeemg_export.folding import folded
from edgeemg_export.tflite_file import write_tflite
from edgeemg_export.tflite_graph import read_graph


def test_no_axes_are_moved_before_a_mean_and_it_is_the_same(tmp_path):
    torch.manual_seed(0)
    x = torch.randn(1, 2, 200)
    model = folded(make_model("tcn", channels=2, window_samples=200, classes=6), x)
    path = tmp_path / "model.tflite"
    write_tflite(model, np.zeros((1, 2, 200), np.float32), path)
    kinds = [one.kind for one in read_graph(path).operators]
    assert kinds[kinds.index("MEAN") - 1] == "ADD"
    with torch.no_grad():
        wanted = model(x)[0].numpy()
    np.testing.assert_allclose(TfliteEngine(path, "float32").logits(x.numpy()), wanted, atol=1e-5)
