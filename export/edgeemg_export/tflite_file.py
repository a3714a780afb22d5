"""A network in, TFLite files out: float from litert-torch, int8 from ai-edge-quantizer."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from edgeemg.errors import needs_extra
from edgeemg_export.calibration import Range, ranges
from edgeemg_export.phases import phased
from edgeemg_export.pictures import pictures
from edgeemg_export.recipes import HEAD, STATIC, STEM, Recipe
from edgeemg_export.tflite_graph import Graph, Operator, read_graph, run, share, slim
from edgeemg_export.tflite_layout import mean_in_place
from edgeemg_export.tflite_masks import pack_masks


def write_tflite(
    model: nn.Module, example: NDArray[np.float32], path: Path, *, dividing: int = 0
) -> None:
    """Convert the network; the shape of `example` (1, channel, time) becomes the file's.

    dividing  as in `phased`
    """
    with needs_extra("tflite-export", "writing TFLite"):
        import litert_torch
    window = torch.from_numpy(example)
    laid_out = phased(pictures(model, window), window, dividing=dividing)
    litert_torch.convert(laid_out, (window,)).export(str(path))
    slim(path)
    mean_in_place(path)


def quantize_tflite(
    source: Path, target: Path, calibration: NDArray[np.float32], recipe: Recipe
) -> None:
    """Quantise by the recipe; the file takes and gives float32 all the same.

    calibration  (window, channel, time); a recipe with float activations needs none
    """
    with needs_extra("tflite-export", "quantising TFLite"):
        from ai_edge_quantizer import quantizer
        from ai_edge_quantizer import recipe as recipes

    work = quantizer.Quantizer(str(source))
    work.load_quantization_recipe(getattr(recipes, recipe.name)())
    found: dict[str, Any] | None = None
    if recipe.name == STATIC:
        _share_scales(work, recipe.one_scale)
        _keep_float(work, source, recipe.kept_float)
        found = calibrated(work, source, ranges(run(source, calibration)))
    work.quantize(found, enable_progress_report=False).export_model(str(target), overwrite=True)
    share(target)
    pack_masks(target)


def _share_scales(work: Any, pattern: str) -> None:
    """Tell the quantiser which matrix products have one scale for all of their weights."""
    from ai_edge_quantizer import qtyping

    if pattern:
        work.add_static_config(
            pattern,
            qtyping.TFLOperationName.FULLY_CONNECTED,
            activation_num_bits=8,
            weight_num_bits=8,
            weight_granularity=qtyping.QuantGranularity.TENSORWISE,
        )


def _keep_float(work: Any, source: Path, operators: tuple[str, ...]) -> None:
    """Tell the quantiser what stays float: input and output, and what the recipe names."""
    from ai_edge_quantizer import qtyping
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    def keep(scope: str, operator: Any) -> None:
        work.update_quantization_recipe(scope, operator, algorithm_key=AlgorithmName.NO_QUANTIZE)

    name = qtyping.TFLOperationName
    for border in (name.INPUT, name.OUTPUT):  # scaled by XNNPACK, a tenth of what numpy takes
        keep(".*", border)
    for operator in operators:
        if operator in name.__members__:
            keep(".*", name[operator])
    for scope in _scopes(source, operators):
        keep(f"^{re.escape(scope)};?$", name.ALL_SUPPORTED)


def _scopes(source: Path, operators: tuple[str, ...]) -> Iterator[str]:
    """The outputs of those operators that a type alone does not single out."""
    graph = read_graph(source)
    feeding = {name: one for one in graph.operators for name in one.outputs}
    for wanted in operators:
        if wanted == HEAD:
            yield from (graph.outputs[0], *_reshapes(feeding[graph.outputs[0]].inputs[0], feeding))
        if wanted == STEM:
            yield from _stem(graph)
        kind, before, follower = wanted.partition(" before ")
        if before:
            fed = [name for one in graph.operators if one.kind == follower for name in one.inputs]
            yield from (n for n in _through_reshapes(fed, feeding) if feeding[n].kind == kind)


def _stem(graph: Graph) -> Iterator[str]:
    """Up to the first pool: what is rounded then has a quarter or a fifth of the steps."""
    for one in graph.operators:
        yield one.outputs[0]
        if one.kind == "MAX_POOL_2D":
            return


def _reshapes(name: str, feeding: dict[str, Operator]) -> Iterator[str]:
    """The outputs of the reshapes that end in this tensor."""
    while name in feeding and feeding[name].kind == "RESHAPE":
        yield name
        name = feeding[name].inputs[0]


def _through_reshapes(names: list[str], feeding: dict[str, Operator]) -> Iterator[str]:
    for name in names:
        while name in feeding and feeding[name].kind == "RESHAPE":
            name = feeding[name].inputs[0]  # noqa: PLW2901  # walks up
        if name in feeding:
            yield name


def calibrated(work: Any, source: Path, found: dict[str, Range]) -> dict[str, Any]:
    """The quantiser's own table of tensors, with our ranges of activations.

    Its own calibration is a moving average of the extremes: it would cut off the loud half of the
    windows. What it finds on one window are the ranges of weights, which do not depend on it.
    """
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(source))
    ((signature, ends),) = interpreter.get_signature_list().items()
    shapes = {one["name"]: one["shape"] for one in interpreter.get_input_details()}
    zeros = [np.zeros(shape, np.float32) for shape in shapes.values()]
    table = work.calibrate(
        {signature: [dict(zip(ends["inputs"], zeros, strict=True))]}, num_threads=1
    )
    for name, (low, high) in found.items():
        if "min" in table.get(name, {}):
            shape = np.shape(table[name]["min"])
            table[name] |= {
                "min": np.full(shape, low, np.float32),
                "max": np.full(shape, high, np.float32),
            }
    return dict(table)
