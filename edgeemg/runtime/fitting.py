"""Embeddings with their classes in, a last linear layer out: what calibration fits, in numpy.

Two ways, since neither is best on every day (docs/results.md): around the layer that the network
has, and afresh. Both have a closed form or a fixed number of steps, and no luck in them.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.probabilities import softmax
from edgeemg.runtime.heads import Head

# Chosen on somach-semg of 0.1, 0.2, 0.3, 0.5, 0.8 and of 0.03, 0.1, 0.3, 1, 3, over the sessions
# A and B both ways, the networks cnn and hybrid, and 2 to 10 repetitions: neighbours differ by less
# than the draw of the repetitions.
_SHRINKAGE = 0.2
_PULL = 0.3
_STEPS = 300  # the error halves in 10 or fewer
_LEAST_SPREAD = 0.01  # of the mean spread of an embedding: a number that never varies has one too
_SHARPNESS = np.exp(np.linspace(-6, 2, 161))  # apart by 5 %


def around(
    embeddings: NDArray[np.floating],
    classes: NDArray[np.int64],
    weights: NDArray[np.floating],
    layer: Head,
) -> Head:
    """Multinomial logistic regression with a ridge around the layer that there is.

    embeddings (window, width), classes (window,), weights (window,) of sum 1. Each number of the
    embedding is centred and divided by its spread; the penalty is _PULL / 2 times the squared
    distance of the weights to those of `layer`, the bias is free. By Nesterov's method with
    constant momentum (Introductory Lectures on Convex Optimization, 2004, 2.2.1).
    """
    centre, spread = _moments(embeddings, weights)
    rows = np.column_stack([(embeddings - centre) / spread, np.ones(len(embeddings))])
    start = np.column_stack([layer.weight * spread, layer.bias + layer.weight @ centre])
    wanted = np.eye(len(layer.bias))[classes]
    # Boehning 1992: half of the rows' own second moment bounds the curvature
    curvature = np.linalg.norm(rows * np.sqrt(weights)[:, None], 2) ** 2 / 2 + _PULL
    slow = np.sqrt(_PULL / curvature)
    momentum = (1 - slow) / (1 + slow)
    pull = np.append(np.full(embeddings.shape[1], _PULL), 0.0)
    here, before = start, start
    for _ in range(_STEPS):
        ahead = here + momentum * (here - before)
        off = (softmax(rows @ ahead.T) - wanted) * weights[:, None]
        before, here = here, ahead - (off.T @ rows + pull * (ahead - start)) / curvature
    return _head(here[:, :-1] / spread, here[:, -1] - here[:, :-1] / spread @ centre)


def afresh(
    embeddings: NDArray[np.floating],
    classes: NDArray[np.int64],
    weights: NDArray[np.floating],
    layer: Head,
) -> Head:
    """Linear discriminants of equal priors, with the pooled covariance shrunk by _SHRINKAGE.

    Shapes as in `around`; of `layer` only the number of classes counts. Shrunk towards a multiple
    of the identity (Friedman 1989, Regularized Discriminant Analysis, without its quadratic part).
    """
    n_classes, width = layer.weight.shape
    means = np.zeros((n_classes, width))
    for one in range(n_classes):
        own = classes == one
        means[one] = weights[own] @ embeddings[own] / weights[own].sum()
    around_mean = (embeddings - means[classes]) * np.sqrt(weights / weights.sum())[:, None]
    covariance = around_mean.T @ around_mean
    level = max(float(np.trace(covariance)) / width, 1e-12)
    shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * level * np.eye(width)
    weight = np.linalg.solve(shrunk, means.T).T
    return _head(weight, -(weight * means).sum(axis=1) / 2)


Fit = Callable[[NDArray[np.floating], NDArray[np.int64], NDArray[np.floating], Head], Head]
HEADS: dict[str, Fit] = {"around": around, "afresh": afresh}


def sharpness(
    logits: NDArray[np.floating], classes: NDArray[np.int64], weights: NDArray[np.floating]
) -> float:
    """What to multiply held-out (window, class) logits by, to be as sure as they are right.

    Temperature scaling (Guo et al. 2017, arXiv:1706.04599), on a grid. Decisions have thresholds of
    probability, and discriminants of few trials are far too sure.
    """
    losses = [_loss(logits * one, classes, weights) for one in _SHARPNESS]
    return float(_SHARPNESS[int(np.argmin(losses))])


def _loss(
    logits: NDArray[np.floating], classes: NDArray[np.int64], weights: NDArray[np.floating]
) -> float:
    own = softmax(logits)[np.arange(len(classes)), classes]
    return float(-(weights * np.log(np.maximum(own, 1e-300))).sum())


def sharpened(head: Head, by: float) -> Head:
    """The head with its logits multiplied."""
    return _head(head.weight * by, head.bias * by)


def _moments(
    embeddings: NDArray[np.floating], weights: NDArray[np.floating]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    centre = weights @ embeddings
    spread = np.sqrt(weights @ (embeddings - centre) ** 2)
    return centre, spread + max(_LEAST_SPREAD * float(spread.mean()), 1e-12)


def _head(weight: NDArray[np.floating], bias: NDArray[np.floating]) -> Head:
    # by rows, as engines give embeddings
    return Head(np.ascontiguousarray(weight, np.float32), np.ascontiguousarray(bias, np.float32))
