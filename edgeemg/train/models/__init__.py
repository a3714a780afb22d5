"""A name and a shape in, a network out.

Every network takes (batch, channel, time) float32 and gives (batch, class) logits. `channel` is
bands x sensor channels. Sizes follow from the shape; nothing is fixed to one window length.
"""

from collections.abc import Callable

import torch
from torch import nn

from edgeemg.errors import ModelError
from edgeemg.train.models.cnn import CausalCnn, Cnn, SimpleCnn
from edgeemg.train.models.fft_cnn import FftCnn
from edgeemg.train.models.gru import Gru
from edgeemg.train.models.hybrid import Hybrid
from edgeemg.train.models.lda import Lda
from edgeemg.train.models.tcn import Tcn
from edgeemg.train.models.transformer import PatchTransformer, SimpleTransformer, Transformer

# Raised when a family computes something else with weights of the same names and shapes: a run of
# another revision would load without a word and answer wrongly. 2, where no other stands here:
# ReLU6 where 1 had ReLU.
REVISIONS = {
    "cnn": 3,  # long filters over long steps
}
MODELS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "cnn": Cnn,
    "transformer": Transformer,
    "hybrid": Hybrid,
    "tcn": Tcn,
    "causal-cnn": CausalCnn,
    "gru": Gru,
    "fft-cnn": FftCnn,
    "lda": Lda,
    "simple-cnn": SimpleCnn,
    "patch-transformer": PatchTransformer,
    "simple-transformer": SimpleTransformer,
}


def make_model(name: str, *, channels: int, window_samples: int, classes: int) -> nn.Module:
    """A fresh network by its name; ModelError for an unknown name or a window too short for it."""
    if name not in MODELS:
        raise ModelError(f"unknown model {name!r}: choose one of {', '.join(MODELS)}")
    try:
        model = MODELS[name](channels, window_samples, classes)
        with torch.no_grad():
            model.eval()(torch.zeros(1, channels, window_samples))
    except RuntimeError as error:
        raise ModelError(
            f"model {name!r} cannot work on windows of {window_samples} samples: "
            "use a longer --window-ms"
        ) from error
    return model


def revision(name: str) -> int:
    """Of a family's computation, which weights must share."""
    return REVISIONS.get(name, 2)


def count_parameters(model: nn.Module) -> int:
    """Trainable parameters."""
    return sum(one.numel() for one in model.parameters() if one.requires_grad)


def count_macs(model: nn.Module, *, channels: int, window_samples: int) -> int:
    """Multiply-accumulates of one inference: its matrix products and convolutions."""
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with torch.no_grad(), counter:
        model.eval()(torch.zeros(1, channels, window_samples))
    return int(counter.get_total_flops()) // 2


__all__ = ["MODELS", "REVISIONS", "count_macs", "count_parameters", "make_model", "revision"]
