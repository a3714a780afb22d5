"""What is equal in a TFLite file stands in it once, and the file answers as before."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated
from ai_edge_litert.tools import flatbuffer_utils

from edgeemg.runtime.engine_tflite import TfliteEngine
from edgeemg_export.tflite_writing import write_model


@pytest.fixture
def rewritten(tiny_bundle, tmp_path):
    """The int8 file of a bundle as the vendor's writer would write it, and as ours does."""
    model = flatbuffer_utils.read_model(str(tiny_bundle / "model.int8.tflite"))
    model.description = b"a note of the converter"
    theirs, ours = tmp_path / "theirs.tflite", tmp_path / "ours.tflite"
    flatbuffer_utils.write_model(model, str(theirs))
    write_model(model, ours)
    return theirs, ours


def test_the_file_is_smaller_and_gives_the_same_bits(rewritten):
    theirs, ours = rewritten
    assert ours.stat().st_size < theirs.stat().st_size - 1000
    engines = [TfliteEngine(one, "int8") for one in rewritten]
    for window in np.random.default_rng(0).normal(0, 2, (20, 1, 4, 100)).astype(np.float32):
        wanted, given = (one.logits(window) for one in engines)
        assert np.array_equal(wanted, given)


def test_scales_and_names_are_read_back_as_they_were(rewritten):
    before, after = (flatbuffer_utils.read_model(str(one)).subgraphs[0] for one in rewritten)
    assert len(before.tensors) == len(after.tensors)
    scaled = 0
    for one, other in zip(before.tensors, after.tensors, strict=True):
        assert (one.name, list(one.shape), one.type) == (other.name, list(other.shape), other.type)
        if one.quantization is None or one.quantization.scale is None:
            assert other.quantization is None
            continue
        scaled += 1
        assert np.array_equal(one.quantization.scale, other.quantization.scale)
        assert np.array_equal(one.quantization.zeroPoint, other.quantization.zeroPoint)
    assert scaled > 10


def test_what_a_buffer_holds_begins_at_a_multiple_of_sixteen_bytes(rewritten):
    model = schema_py_generated.Model.GetRootAs(rewritten[1].read_bytes())
    tables = [model.Buffers(n)._tab for n in range(model.BuffersLength())]
    begins = [table.Vector(table.Offset(4)) for table in tables if table.Offset(4)]
    assert len(begins) > 10
    assert {begin % 16 for begin in begins} == {0}


def test_notes_and_what_they_hold_are_left_out(rewritten):
    model = flatbuffer_utils.read_model(str(rewritten[1]))
    assert b"a note of the converter" not in rewritten[1].read_bytes()
    assert not model.metadata
    used = {int(one.buffer) for one in model.subgraphs[0].tensors}
    assert used | {0} == set(range(len(model.buffers)))
