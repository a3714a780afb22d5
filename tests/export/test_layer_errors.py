"""Signal-to-noise ratios of layers, on files with a layer that is known to be bad."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from edgeemg_export.calibration import ranges
from edgeemg_export.layer_errors import RUN, layer_errors, worst
from edgeemg_export.onnx_file import quantize_onnx, write_onnx
from edgeemg_export.onnx_graph import run
from edgeemg_export.recipes import Recipe
from edgeemg_export.tflite_file import quantize_tflite, write_tflite
from edgeemg_export.tflite_graph import read_graph

STATIC = Recipe("static_wi8_ai8", ("head",))
WRITE = {"onnx": write_onnx, "tflite": write_tflite}
QUANTIZE = {"onnx": quantize_onnx, "tflite": quantize_tflite}


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(nn.Conv1d(2, 8, 3), nn.ReLU())
        self.second = nn.Sequential(nn.Conv1d(8, 8, 3), nn.ReLU())
        self.head = nn.Linear(8, 3)

    def forward(self, x):
        return self.head(self.second(self.first(x)).mean(dim=-1))


@pytest.fixture(scope="module")
def windows():
    return np.random.default_rng(0).standard_normal((60, 2, 40)).astype(np.float32)


@pytest.fixture(scope="module", params=["onnx", "tflite"])
def files(request, windows, tmp_path_factory):
    """engine, float file, int8 file, and the float file with its second layer 10 % off."""
    folder, engine = tmp_path_factory.mktemp("files"), request.param
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = Net().eval()
        paths = [folder / f"{name}.{engine}" for name in ("float", "int8", "off")]
        WRITE[engine](model, windows[:1], paths[0])
        QUANTIZE[engine](paths[0], paths[1], windows, STATIC)
        model.second[0].weight.mul_(1.1)
        model.second[0].bias.mul_(1.1)
        WRITE[engine](model, windows[:1], paths[2])
    return engine, *paths


def test_a_file_is_equal_to_itself_in_every_layer(files, windows):
    engine, whole, _, _ = files
    assert {one.snr_db for one in layer_errors(whole, whole, engine, windows)} == {140.0}


def test_a_layer_that_is_a_tenth_off_has_20_decibels_and_those_before_it_none_less(files, windows):
    engine, whole, _, off = files
    errors = layer_errors(whole, off, engine, windows)
    ratios = [one.snr_db for one in errors]
    first = next(n for n, ratio in enumerate(ratios) if ratio < 100)
    assert ratios[first] == pytest.approx(20, abs=0.2)
    assert min(ratios[:first]) > 100
    assert worst(errors)[0].snr_db == min(ratios)


@pytest.mark.parametrize("n", [1, 48, 49, 95, 143])
def test_the_windows_that_are_looked_at_lie_all_over(files, windows, monkeypatch, n):
    engine, whole, _, _ = files
    seen = []

    def noted(path, picked):
        seen.append(picked[:, 0, 0])
        return iter(())

    monkeypatch.setitem(RUN, engine, noted)
    numbered = np.arange(n, dtype=np.float32)[:, None, None] * np.ones_like(windows[:1])
    layer_errors(whole, whole, engine, numbered)
    assert (seen[0][0], seen[0][-1], len(set(seen[0]))) == (0, n - 1, min(n, 48))
    assert np.diff(seen[0]).max(initial=0) <= np.ceil(n / 47)


def test_integers_cost_what_eight_bits_cost(files, windows):
    engine, whole, narrow, _ = files
    ratios = [one.snr_db for one in layer_errors(whole, narrow, engine, windows)]
    assert len(ratios) >= 3
    assert 25 < min(ratios) < 45


def test_the_head_stays_float(files):
    engine, _, narrow, _ = files
    if engine == "tflite":
        head = read_graph(narrow).operators[-1]
        assert (head.kind, head.outputs) == ("FULLY_CONNECTED", read_graph(narrow).outputs)
    else:
        graph = onnx.load(str(narrow)).graph
        (head,) = (node for node in graph.node if "logits" in node.output)
        weights = {one.name: one for one in graph.initializer}[head.input[1]]
        assert (head.op_type, numpy_helper.to_array(weights).dtype) == ("Gemm", np.float32)


def test_what_runs_sees_every_activation_and_the_input(files, windows):
    engine, whole, _, _ = files
    if engine == "onnx":
        (seen,) = run(whole, windows[:1])
        np.testing.assert_array_equal(seen["emg"], windows[:1])
        assert set(ranges([seen])) == set(seen)
        assert len(seen) >= 6
