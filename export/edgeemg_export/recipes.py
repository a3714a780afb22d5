"""A family and a format in; which parts become int8, and which stay float, out.

The names are those of the AI Edge Quantizer, for ONNX too:
static_wi8_ai8         weights and activations are int8; ranges are fixed by calibration
dynamic_wi8_afp32      int8 weights; activations are rounded anew in each call, inside a product
weight_only_wi8_afp32  int8 weights; all arithmetic is float
Which recipe a family has was measured (docs/quantisation.md). `python -m benchmarks.exports` gives
the figures of what was chosen (docs/results.md); those of what was not were measured while
choosing, by scripts that are not kept.
"""

from dataclasses import dataclass

STATIC = "static_wi8_ai8"
DYNAMIC = "dynamic_wi8_afp32"
WEIGHT_ONLY = "weight_only_wi8_afp32"


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a file is made by.

    kept_float  operators that a static recipe leaves in float, by the format's own name of their
                type; STEM is all up to the first pool, HEAD the last product, that of the logits
    one_scale   TFLite: pattern of the names of matrix products whose weights share one scale, where
                otherwise each output has its own
    """

    name: str
    kept_float: tuple[str, ...] = ()
    one_scale: str = ""


STEM = "stem"
HEAD = "head"
# Rounding the mean over time and the logits costs 2 dB of the logits' accuracy, and keeping both
# float 2 thousand instructions of 250 to 600 thousand.
_TFLITE = Recipe(STATIC, ("MEAN", HEAD))
_ONNX = Recipe(STATIC, ("ReduceMean", HEAD))
# A convolutional family, where none is named.
_USUAL = {"onnx": _ONNX, "tflite": _TFLITE}
_FLOAT_STEM = {
    "onnx": Recipe(STATIC, (STEM, *_ONNX.kept_float)),
    "tflite": Recipe(STATIC, (STEM, *_TFLITE.kept_float)),
}
_FLOAT_ATTENTION = ("BATCH_MATMUL", "SOFTMAX", "ADD before SOFTMAX", "MEAN", HEAD)
RECIPES: dict[str, dict[str, Recipe]] = {
    # TFLite, instructions with an integer and a float stem: A76 94 k, 97 k; A72 162 k, 153 k
    "cnn": {"onnx": _FLOAT_STEM["onnx"], "tflite": _TFLITE},
    # rounding the samples themselves costs more labels than all that follows
    "tcn": _FLOAT_STEM,
    # int8 softmax and products of two activations fall out of XNNPACK's fast kernels: static for
    # all costs 1.9 (A72) and 1.2 (A76) times float, with these in float 1.0 and 0.5 times
    "transformer": {
        # static with the same in float costs 1.2 (A72) and 0.9 (A76) times float in onnxruntime,
        # and its many scales take more than a third of the float file's bytes
        "onnx": Recipe(WEIGHT_ONLY),
        # 576 outputs with a scale each, twice, take 5.5 kB of 72; what they gain is not to be seen:
        # 29.9 dB of the logits without, 29.9 dB with them (mean of two folds)
        "tflite": Recipe(STATIC, _FLOAT_ATTENTION, one_scale=".*"),
    },
    # layer normalisation becomes means and squared differences that no integer kernel takes; in
    # onnxruntime static costs 1.0 (A72) and 0.6 (A76) times float, and labels: 97.6 % in one fold
    "patch-transformer": {"onnx": Recipe(WEIGHT_ONLY), "tflite": Recipe(DYNAMIC)},
    "simple-transformer": {"onnx": Recipe(WEIGHT_ONLY), "tflite": Recipe(DYNAMIC)},
    "hybrid": {"onnx": Recipe(WEIGHT_ONLY), "tflite": Recipe(DYNAMIC)},
    # TFLite gets the loop of a GRU written out: static gains nothing
    "gru": {"onnx": _ONNX, "tflite": Recipe(DYNAMIC)},
    # magnitudes and logarithms of a spectrum span too much for one scale, in lda also for one
    # measured anew in every window
    "fft-cnn": {"onnx": Recipe(WEIGHT_ONLY), "tflite": Recipe(WEIGHT_ONLY)},
    "lda": {"onnx": Recipe(WEIGHT_ONLY), "tflite": Recipe(WEIGHT_ONLY)},
}
# Where a run's int8 file fails its gate: closer to float. The integer stem of `cnn` loses more than
# half a point in one of the five folds of somach-semg, and so does `transformer` with one scale a
# product; made so, those folds pass.
SAFER = {
    ("cnn", "tflite"): _FLOAT_STEM["tflite"],
    ("transformer", "tflite"): Recipe(STATIC, _FLOAT_ATTENTION, one_scale="feed_forward.*"),
}


def recipe_for(family: str, file_format: str, *, safer: bool = False) -> Recipe:
    """The recipe of a family for "onnx" or "tflite".

    safer  the one for a run whose file by the usual recipe failed, where there is one
    """
    usual = RECIPES.get(family, _USUAL)[file_format]
    return SAFER.get((family, file_format), usual) if safer else usual
