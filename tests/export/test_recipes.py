"""Every family has a recipe for both formats, and its files do what it says."""

import pytest

from edgeemg.train.models import MODELS
from edgeemg_export.recipes import (
    DYNAMIC,
    HEAD,
    RECIPES,
    SAFER,
    STATIC,
    WEIGHT_ONLY,
    recipe_for,
)


@pytest.mark.parametrize("family", MODELS)
@pytest.mark.parametrize("engine", ["onnx", "tflite"])
def test_every_family_has_a_recipe_for_both_formats(family, engine):
    recipe = recipe_for(family, engine)
    assert recipe.name in (STATIC, DYNAMIC, WEIGHT_ONLY)
    assert bool(recipe.kept_float) == (recipe.name == STATIC)


def test_the_table_names_families_that_there_are():
    assert set(RECIPES) <= set(MODELS)


def test_a_static_recipe_keeps_the_head_in_float():
    assert all(
        HEAD in one.kept_float
        for table in RECIPES.values()
        for one in table.values()
        if one.name == STATIC
    )


def test_a_safer_recipe_keeps_more_in_float_or_has_more_scales_and_most_families_have_none():
    for family, engine in SAFER:
        usual, safer = recipe_for(family, engine), recipe_for(family, engine, safer=True)
        assert set(usual.kept_float) <= set(safer.kept_float)
        assert usual.kept_float != safer.kept_float or usual.one_scale == ".*" != safer.one_scale
    assert recipe_for("tcn", "onnx", safer=True) == recipe_for("tcn", "onnx")
