"""An operator and the shapes of its tensors in; its multiply-accumulates out."""

from collections.abc import Sequence
from math import prod

Shape = tuple[int, ...]

# operator -> which of its inputs holds the weights, outputs first: one output takes one row of them
_ROWS = {
    "Conv": 1,
    "FusedConv": 1,
    "NhwcFusedConv": 1,
    "ConvInteger": 1,
    "QLinearConv": 3,  # after the data come its scale and zero point
    "CONV_2D": 1,
    "FULLY_CONNECTED": 1,
}
_MATRICES = {
    "MatMul",
    "Gemm",
    "FusedMatMul",
    "FusedGemm",
    "MatMulInteger",
    "MatMulIntegerToFloat",
    "DynamicQuantizeMatMul",
    "QLinearMatMul",
    "QGemm",
    "BATCH_MATMUL",
}
_RECURRENT = {"GRU", "LSTM", "RNN", "DynamicQuantizeLSTM"}  # data, weights, recurrent weights
# products too, of which the shapes alone do not tell how much they multiply
_UNTOLD = {"Attention", "MultiHeadAttention", "QAttention", "Einsum", "MatMulNBits"}


def multiply_accumulates(name: str, inputs: Sequence[Shape], output: Shape) -> int | None:
    """What one operator of ONNX or TFLite multiplies; 0 for one that is no product.

    inputs  the shapes of all its inputs, constants too, in the format's order
    None where it is a product and the shapes do not tell.
    """
    if name in _ROWS:
        weights = inputs[_ROWS[name]]
        return prod(output) * prod(weights[1:])
    if name == "DEPTHWISE_CONV_2D":  # weights (1, height, width, output)
        return prod(output) * prod(inputs[1][:-1])
    if name in _MATRICES:
        return prod(output) * _inner(inputs[0], output)
    if name in _RECURRENT:
        data, weights, recurrent = inputs[:3]
        return data[0] * (prod(weights) + prod(recurrent))
    return None if name in _UNTOLD else 0


def _inner(first: Shape, output: Shape) -> int:
    """The length that a matrix product sums over, whether or not its first factor is transposed."""
    if len(first) < 2 or len(output) < 2:
        return first[-1]
    return first[-1] * first[-2] // output[-2]
