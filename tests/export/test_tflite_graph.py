"""A TFLite file read, and slimmed."""

import numpy as np
import pytest
import torch
from torch import nn

from edgeemg.runtime.engine_tflite import TfliteEngine
from edgeemg_export.tflite_file import write_tflite
from edgeemg_export.tflite_graph import read_graph, run


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("tflite") / "model.tflite"
    with torch.random.fork_rng():
        torch.manual_seed(0)
        blocks = nn.Sequential(nn.Conv1d(2, 4, 3), nn.ReLU(), nn.MaxPool1d(2), nn.Conv1d(4, 4, 3))
        model = nn.Sequential(blocks, nn.Flatten(), nn.Linear(28, 3)).eval()
    write_tflite(model, np.zeros((1, 2, 20), np.float32), path)
    return model, path


def test_operators_are_read_in_the_order_in_which_they_run(written):
    graph = read_graph(written[1])
    kinds = [one.kind for one in graph.operators if one.kind not in ("RESHAPE", "TRANSPOSE")]
    assert kinds == ["CONV_2D", "MAX_POOL_2D", "CONV_2D", "FULLY_CONNECTED"]
    made = {name for one in graph.operators for name in one.outputs}
    assert graph.operators[-1].outputs == graph.outputs
    assert len(made) == len(graph.operators)  # every name once


def test_names_are_short_and_say_where_in_the_network(written):
    content = written[1].read_bytes()
    assert b"torch.nn" not in content
    assert b"keep_stablehlo_constant" not in content
    convolutions = [one for one in read_graph(written[1]).operators if one.kind == "CONV_2D"]
    assert all(len(one.outputs[0]) < 40 for one in convolutions)


def test_a_slim_file_still_answers_as_pytorch_does(written):
    model, path = written
    x = np.random.default_rng(0).standard_normal((1, 2, 20)).astype(np.float32)
    with torch.no_grad():
        expected = model(torch.from_numpy(x))[0].numpy()
    np.testing.assert_allclose(TfliteEngine(path, "float32").logits(x), expected, atol=1e-5)


def test_every_activation_is_seen_and_the_last_is_the_answer(written):
    model, path = written
    windows = np.random.default_rng(0).standard_normal((3, 2, 20)).astype(np.float32)
    graph = read_graph(path)
    for window, tensors in zip(windows, run(path, windows), strict=True):
        with torch.no_grad():
            expected = model(torch.from_numpy(window[None])).numpy()
        np.testing.assert_allclose(tensors[graph.outputs[0]], expected, atol=1e-5)
        assert {name for one in graph.operators for name in one.outputs} <= set(tensors)
