"""A model file's recipe and operators in; what they mean for its arithmetic, in words, out."""

from edgeemg.manifest import ModelFile
from edgeemg.profiler.operators import Operators

# how the recipes' names begin, in the AI Edge Quantizer as in ours for ONNX
_MEANINGS = {
    "static": "weights and activations are 8-bit integers, on scales fixed at export",
    "dynamic": (
        "weights are 8-bit integers; activations become such inside each product, on a scale "
        "measured anew in every inference, and are float everywhere else"
    ),
    "weight_only": (
        "weights are stored as 8-bit integers and turned into float ones once, when the file is "
        "loaded: all arithmetic is float, so the file is smaller and not faster"
    ),
}


def explanation(facts: ModelFile, operators: Operators | None) -> str:
    """What the recipe does, what it keeps float, and where this machine does otherwise.

    operators  None where the engine is not installed. Empty for a float file.
    """
    if facts.precision != "int8":
        return ""
    kind = next((one for one in _MEANINGS if facts.recipe.startswith(one)), None)
    said = [_MEANINGS[kind]] if kind else []
    if facts.kept_float:
        said.append(f"kept float by the recipe: {', '.join(facts.kept_float)}")
    if operators is not None and operators.int8_macs == 0 and kind != "weight_only":
        said.append("on this machine no product of it multiplies 8-bit integers")
    if operators is not None and operators.delegated and not operators.delegated.partitions:
        said.append("XNNPACK takes none of its operators here: TFLite's own kernels run it")
    return "; ".join(said)
