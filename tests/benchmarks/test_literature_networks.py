"""Rebuilt networks have the sizes that their authors published."""

import pytest
import torch

from benchmarks.literature_networks import NETWORKS, STATIC_BIOFORMER, make_network
from benchmarks.literature_published import PUBLISHED
from benchmarks.random_bundle import write_random_bundle
from edgeemg.runtime.bundle import open_bundle
from edgeemg.train.models import count_macs, count_parameters

# gamma, beta, mean and variance of nine norms over 64 channels: ours of MLPerf Tiny has none
DS_CNN_NORMS = 9 * 64 * 4


def size(name):
    model, network = make_network(name), NETWORKS[name]
    macs = count_macs(model, channels=network.channels, window_samples=network.time)
    return count_parameters(model), macs


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_gives_logits_of_every_window(name):
    network = NETWORKS[name]
    model = make_network(name)
    with torch.no_grad():
        logits = model(torch.zeros(3, network.channels, network.time))
    assert logits.shape == (3, model.head.out_features)


@pytest.mark.parametrize("name", ["SpeechNet, 1.4 s", "SpeechNet, 0.8 s"])
def test_speechnet_has_the_parameters_and_products_of_its_authors_code(name):
    parameters, macs = size(name)
    assert parameters == PUBLISHED[name].parameters == 15_489
    assert macs == pytest.approx(PUBLISHED[name].macs, rel=0.002)


def test_most_of_speechnet_is_over_time():
    model = make_network("SpeechNet, 1.4 s")
    _, macs = size("SpeechNet, 1.4 s")
    model.forward = lambda x: model.over_time(x.unsqueeze(1))
    over_time = count_macs(model, channels=14, window_samples=700)
    assert over_time / macs == pytest.approx(0.94, abs=0.005)


def test_bioformer_and_temponet_have_as_many_parameters_as_int8_bytes_were_published():
    bioformer, temponet = size("Bioformer"), size("TEMPONet")
    assert bioformer[0] == pytest.approx(PUBLISHED["Bioformer"].int8_bytes, rel=0.001)
    assert temponet[0] == pytest.approx(PUBLISHED["TEMPONet"].int8_bytes, rel=0.005)
    assert temponet[1] == pytest.approx(PUBLISHED["TEMPONet"].macs, rel=0.015)
    # "4.9 times fewer parameters and operations" (arXiv 2203.12932)
    assert temponet[0] / bioformer[0] == pytest.approx(4.9, abs=0.05)
    assert temponet[1] / bioformer[1] == pytest.approx(4.9, abs=0.15)


def test_ds_cnn_has_the_published_size_but_for_the_norms_that_are_folded():
    parameters, macs = size("DS-CNN")
    assert parameters + DS_CNN_NORMS == pytest.approx(PUBLISHED["DS-CNN"].parameters, rel=0.001)
    assert macs == pytest.approx(PUBLISHED["DS-CNN"].macs, rel=0.001)


def test_ours_take_the_inputs_of_theirs():
    shapes = {(one.channels, one.time) for name, one in NETWORKS.items() if "our" in name}
    assert shapes == {(14, 700), (14, 300)}
    assert {(14, 700), (14, 300)} <= {
        (one.channels, one.time) for name, one in NETWORKS.items() if "our" not in name
    }


def test_what_was_published_is_of_a_network_that_is_rebuilt():
    assert set(PUBLISHED) < set(NETWORKS)
    assert {name for name in NETWORKS if "our" not in name} - set(PUBLISHED) == {STATIC_BIOFORMER}


def test_the_norms_say_something_before_they_are_folded():
    norm = make_network("TEMPONet").blocks[1]
    assert norm.running_mean.abs().max() > 0.05
    assert norm.running_var.std() > 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", ["SpeechNet, 0.8 s", "Bioformer", "TEMPONet"])
def test_our_export_writes_files_that_compute_what_pytorch_does(name, tmp_path):
    network = NETWORKS[name]
    report = write_random_bundle(
        make_network(name),
        tmp_path / "bundle",
        family=network.recipe or "literature",
        channels=network.channels,
        window_samples=network.time,
        sample_rate_hz=network.rate_hz,
    )
    furthest = {one["file"]: one["largest_difference"] for one in report["files"]}
    assert len(open_bundle(tmp_path / "bundle").models) == len(furthest) == 4
    assert furthest["model.onnx"] < 1e-4
    assert furthest["model.tflite"] < 1e-4
    assert report["failed_gates"] == []
