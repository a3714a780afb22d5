"""Weight-only int8: the weights are rounded, and nothing else."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from edgeemg_export.onnx_file import quantize_onnx, write_onnx
from edgeemg_export.recipes import recipe_for

CHANNELS, SAMPLES, BINS, FILTERS, CLASSES = 3, 64, 32, 16, 4


class Products(nn.Module):
    """A matrix product as lda has it, a convolution, and a linear layer; the middle one biased."""

    def __init__(self):
        super().__init__()
        self.basis = nn.Parameter(torch.randn(SAMPLES, BINS))
        self.convolution = nn.Conv1d(CHANNELS, FILTERS, 3)
        self.head = nn.Linear(FILTERS, CLASSES)

    def forward(self, x):
        return self.head(self.convolution(x @ self.basis).relu().mean(dim=-1))


def rounded(weights, axis):
    """What 255 evenly spaced values, symmetric about 0, keep of each slice along `axis`."""
    steps = weights.abs().amax([n for n in range(weights.ndim) if n != axis], keepdim=True) / 127
    return torch.where(steps > 0, (weights / steps).round() * steps, 0)


@pytest.fixture
def model():
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = Products().eval()
        model.basis[:, ::4] *= 100  # one scale for all columns would leave nothing of the others
        model.basis[:, 5] = 0  # a column without any scale
    return model


@pytest.fixture
def narrowed(model, tmp_path):
    float_file, target = tmp_path / "model.onnx", tmp_path / "model.int8.onnx"
    example = np.zeros((1, CHANNELS, SAMPLES), np.float32)
    write_onnx(model, example, float_file)
    quantize_onnx(float_file, target, example, recipe_for("lda", "onnx"))
    return target


def test_the_file_computes_in_float_with_rounded_weights(model, narrowed):
    x = np.random.default_rng(0).standard_normal((1, CHANNELS, SAMPLES)).astype(np.float32)
    x[..., 0] *= 100  # what rounded activations would show
    with torch.no_grad():
        exact = model(torch.from_numpy(x)).numpy()
        for weights, axis in (
            (model.basis, 1),
            (model.convolution.weight, 0),
            (model.head.weight, 0),
        ):
            weights.copy_(rounded(weights, axis))
        expected = model(torch.from_numpy(x)).numpy()
    session = onnxruntime.InferenceSession(str(narrowed), providers=["CPUExecutionProvider"])
    (got,) = session.run(None, {"emg": x})
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())
    assert np.abs(exact - expected).max() > 1e-3 * np.abs(expected).max()


def test_all_weights_lie_in_the_file_as_int8(narrowed):
    kept = {one.name: one for one in onnx.load(str(narrowed)).graph.initializer}
    narrow = [one for one in kept.values() if one.data_type == onnx.TensorProto.INT8]
    assert sorted(int(np.prod(one.dims)) for one in narrow) == [
        FILTERS * CLASSES,
        CHANNELS * FILTERS * 3,
        SAMPLES * BINS,
    ]
    wide = [one for one in kept.values() if one.data_type == onnx.TensorProto.FLOAT]
    assert max(int(np.prod(one.dims)) for one in wide) <= BINS  # scales and biases


def test_equal_constants_stand_in_the_file_once():
    import numpy as np
    import onnx
    from onnx import helper, numpy_helper

    from edgeemg_export.onnx_graph import share_constants

    constants = [
        numpy_helper.from_array(np.zeros(3, np.int8), "a"),
        numpy_helper.from_array(np.zeros(3, np.int8), "b"),
        numpy_helper.from_array(np.zeros(3, np.uint8), "of another type"),
        numpy_helper.from_array(np.zeros((3, 1), np.int8), "of another shape"),
    ]
    nodes = [helper.make_node("Identity", [one.name], [f"{n}"]) for n, one in enumerate(constants)]
    outputs = [onnx.ValueInfoProto(name=f"{n}") for n in range(len(constants))]
    graph = helper.make_graph(nodes, "graph", [], outputs, constants)
    share_constants(graph)
    assert [one.name for one in graph.initializer] == ["a", "of another type", "of another shape"]
    assert [one.input[0] for one in graph.node] == ["a", "a", "of another type", "of another shape"]
