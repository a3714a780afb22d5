"""A trained network in, the same function without batch normalisation out."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from edgeemg.errors import ModelError

_TOLERANCE = 1e-3  # of the largest output: rounding is far below, a wrong fold far above
Product = nn.Conv1d | nn.Conv2d | nn.Linear


def folded(model: nn.Module, *examples: Tensor) -> nn.Module:
    """A copy in which every batch normalisation is part of the matrix product beside it.

    It may follow a convolution or a linear layer, or stand before one that looks at one step at a
    time; beside a linear layer only along its features. One that stayed would keep an int8
    product's neighbour in float.

    examples  what the network takes, in the shapes that are exported: they show what feeds what
    Raises ModelError where a norm is left, or where folding would change the answers.
    """
    copy = deepcopy(model).eval()
    names = {module: name for name, module in copy.named_modules()}
    fed = _feeds(copy, examples)
    for norm, product in fed.behind.items():
        _put(copy, names[product], _with_norm_behind(product, norm))
        _put(copy, names[norm], nn.Identity())
    for norm, product in fed.before.items():
        _put(copy, names[product], _with_norm_before(norm, product))
        _put(copy, names[norm], nn.Identity())
    _check_none_left(copy)
    _check_same(copy, model, examples)
    return copy


class _feeds:  # noqa: N801  # a value, made once: which norm stands beside which product
    """`behind`: norm -> the product that feeds it. `before`: norm -> the product that it feeds."""

    def __init__(self, model: nn.Module, examples: tuple[Tensor, ...]) -> None:
        self.behind: dict[_BatchNorm, Product] = {}
        self.before: dict[_BatchNorm, Product] = {}
        # by id, and the tensor itself is held: ids are used again
        self._outputs: dict[int, tuple[Tensor, nn.Module]] = {}
        hooks = [
            module.register_forward_hook(self._note)
            for module in model.modules()
            if isinstance(module, _BatchNorm | Product)
        ]
        with torch.no_grad():
            model(*examples)
        for hook in hooks:
            hook.remove()
        self.before = {norm: one for norm, one in self.before.items() if norm not in self.behind}

    def _note(self, module: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
        _, source = self._outputs.get(id(args[0]), (None, None))
        between = args[0]
        if isinstance(module, _BatchNorm) and isinstance(source, Product):
            if _same_axis(source, module, between):
                self.behind[module] = source
        elif (
            isinstance(module, Product)
            and isinstance(source, _BatchNorm)
            and _one_step(module)
            and _same_axis(module, source, between)
        ):
            self.before[source] = module
        self._outputs[id(output)] = (output, module)


def _same_axis(product: Product, norm: _BatchNorm, between: Tensor) -> bool:
    """A linear layer works along the last axis, torch's norms along axis 1, others' anywhere."""
    if not isinstance(product, nn.Linear) or between.ndim == 2:
        return True
    torchs = type(norm).__module__ == _BatchNorm.__module__
    return not torchs and between.shape[-1] == norm.num_features


def _one_step(product: Product) -> bool:
    """Whether padding cannot reach into what it sees: zeros are not the norm's zeros."""
    return isinstance(product, nn.Linear) or (
        set(product.kernel_size) == {1} and set(product.padding) == {0} and product.groups == 1
    )


def _with_norm_behind(product: Product, norm: _BatchNorm) -> nn.Module:
    if isinstance(product, nn.Linear):
        return fuse_linear_bn_eval(product, norm)
    return fuse_conv_bn_eval(product, norm)


def _with_norm_before(norm: _BatchNorm, product: Product) -> nn.Module:
    """W (s x + t) + b = (W s) x + (W t + b)."""
    scale, shift = _scale_and_shift(norm)
    new = deepcopy(product)
    weight = product.weight.flatten(1)  # (outputs, inputs)
    bias = weight @ shift + (0 if product.bias is None else product.bias)
    new.weight = nn.Parameter((weight * scale).reshape(product.weight.shape).detach())
    new.bias = nn.Parameter(bias.detach())
    return new


def _scale_and_shift(norm: _BatchNorm) -> tuple[Tensor, Tensor]:
    assert norm.running_mean is not None, "a norm in evaluation mode has statistics"
    assert norm.running_var is not None, "a norm in evaluation mode has statistics"
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    shift = -norm.running_mean * scale
    return scale, shift if norm.bias is None else shift + norm.bias


def _put(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)


def _check_none_left(model: nn.Module) -> None:
    left = [name for name, one in model.named_modules() if isinstance(one, _BatchNorm)]
    if left:
        raise ModelError(
            f"batch normalisation cannot be folded: {', '.join(left)}. Put it directly behind a "
            "convolution or linear layer, or directly before one with a single tap"
        )


def _check_same(ours: nn.Module, theirs: nn.Module, examples: tuple[Tensor, ...]) -> None:
    """On random inputs: a product that feeds more than its norm must not be folded."""
    random = torch.Generator().manual_seed(0)
    inputs = [torch.rand(one.shape, generator=random) - 0.5 for one in examples]
    first: Callable[[nn.Module], Tensor] = lambda model: _first(model(*inputs))  # noqa: E731
    was_training = theirs.training
    with torch.no_grad():
        given, wanted = first(ours), first(theirs.eval())
    theirs.train(was_training)
    if not torch.allclose(given, wanted, atol=_TOLERANCE * float(wanted.abs().max()), rtol=0):
        raise ModelError(
            "folding batch normalisation changes the answers: a convolution or linear layer feeds "
            "both its norm and something else. Let the norm alone take its output"
        )


def _first(outputs: Tensor | tuple[Tensor, ...]) -> Tensor:
    return outputs if isinstance(outputs, Tensor) else outputs[0]
