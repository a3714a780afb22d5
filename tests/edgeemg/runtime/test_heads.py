"""Model files with another last layer, and the embeddings that it reads."""

import numpy as np
import pytest

from edgeemg.errors import EngineError
from edgeemg.runtime.bundle import embedding_key, open_bundle
from edgeemg.runtime.engines import follower, open_engine
from edgeemg.runtime.heads import Head, HeadedEngine, embedding

every_file = pytest.mark.parametrize(
    ("engine", "precision"),
    [(engine, precision) for engine in ("onnx", "tflite") for precision in ("float32", "int8")],
)


@every_file
def test_a_files_own_last_layer_on_its_embedding_gives_its_logits(tiny_bundle, engine, precision):
    bundle = open_bundle(tiny_bundle)
    opened = open_engine(bundle, engine, precision)
    inputs, _ = bundle.golden()
    for one in inputs[:4]:
        own = bundle.layer().logits(embedding(opened, one[None]))
        np.testing.assert_allclose(own, opened.logits(one[None]), rtol=1e-4, atol=1e-3)


@every_file
def test_golden_embeddings_are_what_the_file_gives(tiny_bundle, engine, precision):
    bundle = open_bundle(tiny_bundle)
    opened = open_engine(bundle, engine, precision)
    name = bundle.model_path(engine, precision).name
    inputs, _ = bundle.golden()
    wanted = bundle.golden_arrays(embedding_key(name))[embedding_key(name)]
    given = np.stack([embedding(opened, one[None]) for one in inputs])
    np.testing.assert_allclose(given, wanted, atol=1e-5)


@every_file
def test_another_last_layer_answers_instead(tiny_bundle, engine, precision):
    bundle = open_bundle(tiny_bundle)
    opened = open_engine(bundle, engine, precision)
    layer = bundle.layer()
    turned = HeadedEngine(opened, Head(layer.weight[::-1].copy(), layer.bias[::-1].copy()))
    inputs, _ = bundle.golden()
    np.testing.assert_allclose(
        turned.logits(inputs[:1]), opened.logits(inputs[:1])[::-1], rtol=1e-4, atol=1e-3
    )
    assert (turned.name, turned.precision) == (opened.name, opened.precision)
    assert turned.logits(inputs[:1]).dtype == np.float32


@every_file
def test_of_a_stream_it_goes_hop_by_hop_and_equals_the_window(tiny_streams, engine, precision):
    windows, stream = (open_engine(one, engine, precision) for one in tiny_streams)
    bundle = open_bundle(tiny_streams[1])
    layer = Head(bundle.layer().weight * 0.5, bundle.layer().bias + 1)
    inputs, _ = bundle.golden()
    follow = follower(HeadedEngine(stream, layer))
    long = np.concatenate([inputs[0], inputs[1]], axis=-1)[None]
    follow.logits(long[..., :100])
    for end in range(125, 201, 25):
        wanted = HeadedEngine(windows, layer).logits(long[..., end - 100 : end])
        given = follow.logits(long[..., end - 25 : end])
        np.testing.assert_allclose(given, wanted, atol=1e-3)


def test_a_layer_of_another_width_is_refused(tiny_bundle):
    opened = open_engine(tiny_bundle, "onnx")
    narrow = Head(np.zeros((3, 5), np.float32), np.zeros(3, np.float32))
    with pytest.raises(EngineError, match=r"embedding of 64 numbers.*export the bundle again"):
        HeadedEngine(opened, narrow)


def test_a_file_without_an_embedding_says_to_export_again(old_bundle):
    opened = open_engine(old_bundle, "onnx")
    assert opened.embedding_size == 0
    inputs, wanted = open_bundle(old_bundle).golden()
    np.testing.assert_allclose(opened.logits(inputs[:1]), wanted[0], atol=1e-3)
    with pytest.raises(EngineError, match="export the bundle again"):
        embedding(opened, inputs[:1])
