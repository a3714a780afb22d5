import ctypes
import importlib.metadata
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from edgeemg.errors import EngineError
from edgeemg.runtime import engine_tflite
from edgeemg.runtime.engine_tflite import TfliteEngine, _neighbours, _unguarded


@pytest.fixture(scope="module")
def integer_file(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Takes and gives int8, as files of the quantiser's plain recipe do; ours scale inside."""
    from ai_edge_quantizer import quantizer, recipe

    path = tmp_path_factory.mktemp("integers") / "model.int8.tflite"
    work = quantizer.Quantizer(str(tiny_bundle / "model.tflite"))
    work.load_quantization_recipe(recipe.static_wi8_ai8())
    ((signature, ends),) = (
        Interpreter(model_path=str(tiny_bundle / "model.tflite")).get_signature_list().items()
    )
    rng = np.random.default_rng(0)
    windows = [
        {ends["inputs"][0]: rng.normal(0, 2, (1, 4, 100)).astype(np.float32)} for _ in range(4)
    ]
    ranges = work.calibrate({signature: windows})
    work.quantize(ranges).export_model(str(path))
    return path


def test_a_file_of_integers_is_given_integers_and_the_engine_gives_floats(
    integer_file: Path,
) -> None:
    inner = Interpreter(model_path=str(integer_file))
    (taken,), (given, embedded) = inner.get_input_details(), inner.get_output_details()
    assert taken["dtype"] == given["dtype"] == embedded["dtype"] == np.int8
    engine = TfliteEngine(integer_file, "int8")
    zeros = np.zeros((1, 4, 100), np.float32)
    logits, (embedding, _) = engine.logits(zeros), engine.embed(zeros, engine.start())
    assert (logits.shape, logits.dtype) == ((3,), np.float32)
    assert (embedding.shape, embedding.dtype) == ((engine.embedding_size,), np.float32)


def test_scaling_equals_the_formula_of_the_tflite_specification(integer_file: Path) -> None:
    """real = step * (integer - zero), rounded to the nearest on the way in."""
    inner = Interpreter(model_path=str(integer_file))
    inner.allocate_tensors()
    (taken,), (given, _) = inner.get_input_details(), inner.get_output_details()
    step, zero = taken["quantization"]
    out_step, out_zero = given["quantization"]
    engine = TfliteEngine(integer_file, "int8")
    rng = np.random.default_rng(1)
    for _ in range(20):
        whole = rng.integers(-128, 128, (1, 4, 100))
        inner.set_tensor(taken["index"], whole.astype(np.int8))
        inner.invoke()
        wanted = (inner.get_tensor(given["index"])[0].astype(float) - out_zero) * out_step
        within_half_a_step = rng.uniform(-0.49, 0.49, whole.shape)
        real = ((whole - zero + within_half_a_step) * step).astype(np.float32)
        np.testing.assert_allclose(engine.logits(real), wanted, rtol=1e-6)


def test_an_input_of_another_shape_is_refused_though_it_has_as_many_numbers(
    tiny_bundle: Path,
) -> None:
    engine = TfliteEngine(tiny_bundle / "model.tflite", "float32")
    with pytest.raises(ValueError, match=r"takes \(1, 4, 100\), got \(1, 100, 4\)"):
        engine.logits(np.zeros((1, 100, 4), np.float32))


@pytest.mark.parametrize("shape", [(1, 4, 1), (1, 1, 100), (1, 4, 99), (1, 4, 200)])
def test_what_holds_more_or_fewer_numbers_is_refused_and_never_repeated(
    tiny_bundle: Path, shape: tuple[int, ...]
) -> None:
    engine = TfliteEngine(tiny_bundle / "model.tflite", "float32")
    with pytest.raises(ValueError, match=r"takes \(1, 4, 100\), got"):
        engine.logits(np.ones(shape, np.float32))


def test_a_library_that_hides_its_inner_call_is_called_as_usual() -> None:
    class Other:
        def invoke(self) -> str:
            return "as usual"

    assert _unguarded(Other())() == "as usual"


@pytest.mark.slow
def test_states_that_lie_apart_give_the_same_logits(
    tiny_streams: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tiny_streams[1] / "model.int8.tflite"
    together = TfliteEngine(path, "int8")
    monkeypatch.setattr(engine_tflite, "_ALIGNMENT", 2**62)  # no place is a neighbour then
    apart = TfliteEngine(path, "int8")
    assert len(together.start()) == 1
    assert len(apart.start()) == len(apart.state_sizes) > 1
    windows = np.random.default_rng(0).normal(0, 2, (5, 1, 4, 100)).astype(np.float32)
    for one in windows:
        assert np.array_equal(together.logits(one), apart.logits(one))


def test_a_library_under_another_distribution_name_still_runs(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As ai-edge-litert-nightly: the module is there, the distribution of its name is not."""
    find = importlib.metadata.Distribution.from_name

    def without(name: str) -> importlib.metadata.Distribution:
        if name == "ai-edge-litert":
            raise importlib.metadata.PackageNotFoundError(name)
        return find(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", without)
    engine = TfliteEngine(tiny_bundle / "model.tflite", "float32")
    assert engine.name.startswith("ai-edge-litert 2")  # the package says its version itself
    assert engine.logits(np.zeros((1, 4, 100), np.float32)).shape == (3,)


def test_a_file_that_loads_and_cannot_run_is_an_engine_error(tmp_path: Path) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(reading_past_its_input())
    with pytest.raises(EngineError, match=r"model\.tflite: ai-edge-litert refuses it .*index"):
        TfliteEngine(path, "float32")


def reading_past_its_input() -> bytes:
    """A model of one operator: element 9 of an input of 4."""
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def tensor(name: str, shape: list[int], buffer: int, kind: int) -> schema.TensorT:
        made = schema.TensorT()
        made.name, made.shape, made.buffer, made.type = name, shape, buffer, kind
        return made

    model, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
    gather, full = schema.OperatorT(), schema.BufferT()
    full.data = np.array([9], np.int32).tobytes()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.GATHER
    code.version = 1
    gather.inputs, gather.outputs = [0, 1], [2]
    gather.builtinOptionsType = schema.BuiltinOptions.GatherOptions
    gather.builtinOptions = schema.GatherOptionsT()
    floats, integers = schema.TensorType.FLOAT32, schema.TensorType.INT32
    graph.tensors = [
        tensor("emg", [4], 0, floats),
        tensor("which", [1], 1, integers),
        tensor("logits", [1], 0, floats),
    ]
    graph.inputs, graph.outputs, graph.operators = [0], [2], [gather]
    model.version, model.subgraphs, model.operatorCodes = 3, [graph], [code]
    model.buffers = [schema.BufferT(), full]
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


# a number for each state, bytes that come out for it before its next one, bytes of that: enough
# before the second to fill the place in front of it, too few before the fourth
_SOURCES = ((1, 0, 70), (2, 100, 64), (3, 5, 10), (4, 5, 8), (5, 0, 20))


def test_states_that_are_neighbours_in_memory_go_in_by_one_copy_and_others_by_their_own() -> None:
    memory = (ctypes.c_byte * 1024)()
    first = -ctypes.addressof(memory) % 64
    whole = memoryview(memory).cast("B")

    def place(begin: int, size: int) -> memoryview:
        return whole[first + begin : first + begin + size]

    places = [place(0, 70), place(128, 64), place(192, 10), place(256, 8), place(512, 20)]
    given = [bytes([9] * extra + [n] * size) for n, extra, size in _SOURCES]
    tails = [one[-size:] for one, (_, _, size) in zip(given, _SOURCES, strict=True)]
    sources = [(memoryview(one), size) for one, (_, _, size) in zip(given, _SOURCES, strict=True)]
    joined, parts = _neighbours(places, sources)
    assert [len(one) for one in joined] == [264, 20]
    for one, filling in zip(joined, parts, strict=True):
        one[:] = b"".join(filling)
    assert [bytes(one) for one in places] == [bytes(one) for one in tails]
