import pytest

from edgeemg.manifest import ModelFile
from edgeemg.profiler.explanations import explanation
from edgeemg.profiler.operators import Delegated, Operators


def file(recipe: str, **facts: tuple[str, ...]) -> ModelFile:
    precision = "int8" if recipe else "float32"
    return ModelFile("ab" * 32, 1, "tflite", precision, recipe, **facts)


def operators(int8_macs: int, delegated: Delegated | None = None) -> Operators:
    counts = {"CONV_2D": 3}
    return Operators("file", 3, 0, 0, 0, 0, 3, 100, int8_macs, delegated, counts)


def test_a_float_file_needs_no_explanation() -> None:
    assert explanation(file(""), operators(0)) == ""


def test_a_weight_only_file_says_why_nothing_of_it_runs_in_int8() -> None:
    said = explanation(file("weight_only_wi8_afp32"), operators(0))
    assert "all arithmetic is float, so the file is smaller and not faster" in said
    assert "on this machine" not in said


@pytest.mark.parametrize("recipe", ["static_wi8_ai8", "dynamic_wi8_afp32"])
def test_an_int8_file_that_runs_in_float_after_all_is_found_out(recipe: str) -> None:
    found_out = "on this machine no product of it multiplies 8-bit integers"
    assert found_out in explanation(file(recipe), operators(0))
    assert found_out not in explanation(file(recipe), operators(90))


def test_operators_that_the_recipe_keeps_float_are_named() -> None:
    said = explanation(file("static_wi8_ai8", kept_float=("SOFTMAX", "head")), operators(90))
    assert said.endswith("kept float by the recipe: SOFTMAX, head")


def test_an_int8_file_that_the_fast_kernels_do_not_take_says_so() -> None:
    """As tflite-runtime 2.14 on x86-64 with static int8."""
    none = Delegated(partitions=0, operators=0, outside={"CONV_2D": 3})
    assert "XNNPACK takes none" in explanation(file("static_wi8_ai8"), operators(90, none))
    all_of_it = Delegated(partitions=1, operators=3, outside={})
    assert "XNNPACK" not in explanation(file("static_wi8_ai8"), operators(90, all_of_it))


def test_without_the_engine_the_recipe_is_explained_all_the_same() -> None:
    assert "scales fixed at export" in explanation(file("static_wi8_ai8"), None)


def test_a_recipe_of_the_future_is_not_guessed_at() -> None:
    assert explanation(file("ternary"), operators(90)) == ""
