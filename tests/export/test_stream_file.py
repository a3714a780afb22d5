"""Stream files beside the whole-window files of the same network, through the runtime's loop."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.dsp.samples import Samples
from edgeemg.errors import EngineError, ModelError
from edgeemg.manifest import StateTensor, read_manifest, write_manifest
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import keeps_state, open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import listen
from edgeemg.runtime.watching import Said
from edgeemg_export.recipes import STATIC, recipe_for
from edgeemg_export.stream_file import stream_of

pytestmark = pytest.mark.slow  # each family's two bundles take half a minute to convert
every_file = pytest.mark.parametrize(
    ("engine", "precision"),
    [("onnx", "float32"), ("onnx", "int8"), ("tflite", "float32"), ("tflite", "int8")],
)
FLOAT_TOLERANCE = 1e-5  # of the largest logit


def generated(samples: int, *, seed: int) -> np.ndarray:
    """(time, channel) microvolts: bursts of noise on a slow drift."""
    rng = np.random.default_rng(seed)
    loudness = np.repeat(rng.gamma(2.0, 6.0, (samples // 50 + 1, 4)), 50, axis=0)[:samples]
    drift = np.cumsum(rng.normal(0, 0.5, (samples, 4)), axis=0)
    return (20_000 + drift + loudness * rng.normal(0, 1, (samples, 4))).astype(np.float32)


def broken(samples: int, *, seed: int) -> Iterator[Samples]:
    """In pieces that fit no hop, with a gap of 137 samples and, later, one sample unusable."""
    values = generated(samples, seed=seed)
    values[2 * samples // 3, 2] = np.nan
    whole = Samples.contiguous(values, 250, first_index=11)
    gap = samples // 2
    for start in range(0, samples, 333):
        piece = whole[start : start + 333]
        yield piece if not start <= gap < start + 333 else piece[137:]


def heard(bundle: Path, engine: str, precision: str, *, samples: int) -> Iterator[Said]:
    """What a bundle says of one stream, and then of another one, for which all starts anew."""
    opened = open_engine(bundle, engine, precision)
    manifest = open_bundle(bundle).manifest
    for seed, share in ((1, 0.7), (2, 0.3)):
        source = broken(int(samples * share), seed=seed)
        yield from listen(source, opened, manifest, health=Health())


def assert_same(windows: Path, stream: Path, engine: str, precision: str, *, samples: int) -> int:
    """The same hops and labels; logits the same to the last bit where activations are integers.

    Returns how many hops.
    """
    name = f"model.{engine}" if precision == "float32" else f"model.int8.{engine}"
    integers = read_manifest(stream).files[name].recipe == STATIC
    labels, count = set(), 0
    files = [heard(one, engine, precision, samples=samples) for one in (windows, stream)]
    for whole, hop in zip(*files, strict=True):
        assert (whole.sample_index, whole.trusted) == (hop.sample_index, hop.trusted)
        if integers:
            assert np.array_equal(whole.logits, hop.logits)
        else:
            largest = float(np.abs(whole.logits).max())
            off = float(np.abs(whole.logits - hop.logits).max())
            assert off <= FLOAT_TOLERANCE * max(largest, 1.0)
        assert whole.logits.argmax() == hop.logits.argmax()
        labels.add(int(whole.logits.argmax()))
        count += 1
    assert len(labels) == 3
    return count


@every_file
@pytest.mark.parametrize("family", ["tcn", "causal-cnn", "transformer"])
def test_a_stream_says_what_the_windows_say_after_gaps_and_resets_too(
    streams_of: Callable[[str], tuple[Path, Path]], family: str, engine: str, precision: str
) -> None:
    assert assert_same(*streams_of(family), engine, precision, samples=20_000) > 750


def test_the_families_differ_in_whether_activations_are_integers() -> None:
    found = {
        (family, engine): recipe_for(family, engine).name == STATIC
        for family in ("tcn", "causal-cnn", "transformer")
        for engine in ("onnx", "tflite")
    }
    assert [key for key, integers in found.items() if not integers] == [("transformer", "onnx")]


@every_file
def test_it_still_does_after_an_hour(
    tiny_streams: tuple[Path, Path], engine: str, precision: str
) -> None:
    assert assert_same(*tiny_streams, engine, precision, samples=900_000) > 35_900


@every_file
def test_a_stream_bundle_takes_hops_and_gives_states(
    tiny_streams: tuple[Path, Path], engine: str, precision: str
) -> None:
    _, stream = tiny_streams
    opened = open_engine(stream, engine, precision)
    manifest = open_bundle(stream).manifest
    assert keeps_state(opened)
    assert (manifest.mode, opened.hop_samples) == ("stream", 25)
    assert list(opened.state_sizes) == [int(np.prod(one.shape)) for one in manifest.state]
    first = np.ones((1, 4, 25), np.float32)
    state = opened.start()
    kept = [bytes(one) for one in state]
    _, following = opened.step(first, state)
    assert [bytes(one) for one in following] != kept
    assert [bytes(one) for one in state] == kept
    again, _ = opened.step(first, state)
    assert np.array_equal(again, opened.step(first, state)[0])


@every_file
def test_a_window_is_answered_alike_whatever_was_asked_before(
    tiny_streams: tuple[Path, Path], engine: str, precision: str
) -> None:
    bundle = open_bundle(tiny_streams[1])
    name = f"model.{engine}" if precision == "float32" else f"model.int8.{engine}"
    inputs, logits = bundle.golden_of(name)
    opened = open_engine(bundle, engine, precision)
    for one in (*range(len(inputs)), 0):
        np.testing.assert_allclose(opened.logits(inputs[one][None]), logits[one], atol=1e-5)


def test_int8_states_are_bytes_of_a_quarter(tiny_streams: tuple[Path, Path]) -> None:
    """But the samples themselves, which the recipe keeps in float."""
    from ai_edge_litert.interpreter import Interpreter

    def tensors(kind: str) -> list[int]:
        path = tiny_streams[1] / ("model.tflite" if kind == "float32" else "model.int8.tflite")
        _, *states = Interpreter(model_path=str(path)).get_input_details()
        return [int(np.prod(one["shape"])) * np.dtype(one["dtype"]).itemsize for one in states]

    whole, narrow = tensors("float32"), tensors("int8")
    assert narrow == [whole[0], *(one // 4 for one in whole[1:])]
    kept = sum(len(one) for one in open_engine(tiny_streams[1], "tflite", "int8").start())
    assert sum(narrow) <= kept < sum(narrow) + 64 * len(narrow)  # with what lies between them


def test_the_report_and_the_manifest_speak_of_a_hop(tiny_streams: tuple[Path, Path]) -> None:
    windows, stream = (read_manifest(one) for one in tiny_streams)
    assert 0 < stream.model.macs < 0.4 * windows.model.macs
    assert windows.state == ()
    parity = json.loads((tiny_streams[1] / "parity.json").read_text())
    assert [one["file"] for one in parity["files"]] == [
        "model.onnx", "model.int8.onnx", "model.tflite", "model.int8.tflite",
    ]  # fmt: skip
    for one in parity["files"]:
        assert one["precision"] == "int8" or one["largest_difference"] < 1e-4


def test_a_manifest_that_lists_other_states_is_refused(
    tiny_streams: tuple[Path, Path], tmp_path: Path
) -> None:
    import shutil

    folder = tmp_path / "other"
    shutil.copytree(tiny_streams[1], folder)
    manifest = read_manifest(folder)
    write_manifest(replace(manifest, state=(StateTensor("memory", (1, 8)),)), folder)
    with pytest.raises(EngineError, match=r"states of \[8\] numbers.*export the bundle again"):
        open_engine(folder, "onnx")
    write_manifest(replace(manifest, mode="window", state=()), folder)
    with pytest.raises(EngineError, match=r"mode 'window'.*export the bundle again"):
        open_engine(folder, "tflite")


def test_a_family_without_a_stream_is_refused_with_those_that_have_one() -> None:
    from edgeemg.train.models import make_model

    model = make_model("cnn", channels=2, window_samples=200, classes=3)
    with pytest.raises(ModelError, match=r"cnn has no streaming form.*tcn, causal-cnn or transf"):
        stream_of(model, family="cnn", hop_samples=25)
