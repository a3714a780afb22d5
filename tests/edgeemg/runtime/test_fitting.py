"""Last layers from embeddings, beside what others make of the same numbers."""

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from edgeemg.dsp.probabilities import softmax
from edgeemg.runtime.fitting import _PULL, _SHRINKAGE, afresh, around, sharpened, sharpness
from edgeemg.runtime.heads import Head

N_CLASSES, WIDTH = 4, 12
SPREAD = np.linspace(0.5, 6, WIDTH)


@pytest.fixture
def clouds():
    """(embeddings, classes, weights): four overlapping clouds of unlike size."""
    rng = np.random.default_rng(3)
    classes = np.repeat(np.arange(N_CLASSES), [30, 40, 50, 60])
    centres = rng.normal(0, 1, (N_CLASSES, WIDTH))
    embeddings = centres[classes] + rng.normal(0, 1, (len(classes), WIDTH)) * SPREAD
    return embeddings, classes, (1 / N_CLASSES / np.bincount(classes))[classes]


@pytest.fixture
def layer():
    """One that knows nothing of the clouds."""
    rng = np.random.default_rng(4)
    weight = rng.normal(0, 0.3, (N_CLASSES, WIDTH)) / SPREAD
    return Head(weight.astype(np.float32), np.zeros(N_CLASSES, np.float32))


def test_afresh_gives_the_discriminants_of_scikit_learn(clouds, layer):
    embeddings, classes, weights = clouds
    theirs = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage=_SHRINKAGE, priors=[1 / N_CLASSES] * N_CLASSES
    )
    # theirs divides each number by its pooled spread before shrinking, ours does not
    theirs.fit(embeddings, classes)
    ours = afresh(embeddings, classes, weights, layer)
    means = np.stack([embeddings[classes == one].mean(axis=0) for one in range(N_CLASSES)])
    covariance = np.mean([np.cov(embeddings[classes == n].T, bias=True) for n in range(4)], axis=0)
    level = np.trace(covariance) / WIDTH
    shrunk = (1 - _SHRINKAGE) * covariance + _SHRINKAGE * level * np.eye(WIDTH)
    np.testing.assert_allclose(ours.weight, means @ np.linalg.inv(shrunk), rtol=1e-4, atol=1e-6)
    agree = ours.logits(embeddings).argmax(axis=1) == theirs.predict(embeddings)
    assert agree.mean() > 0.9


def loss(head, layer, clouds):
    embeddings, classes, weights = clouds
    centre = weights @ embeddings
    spread = np.sqrt(weights @ (embeddings - centre) ** 2)
    spread = spread + 0.01 * spread.mean()
    own = softmax(embeddings @ head.weight.T + head.bias)[np.arange(len(classes)), classes]
    apart = (head.weight - layer.weight) * spread
    return float(-weights @ np.log(own) + _PULL / 2 * (apart**2).sum())


def test_around_finds_the_least_of_its_loss(clouds, layer):
    embeddings, classes, weights = clouds
    found = around(embeddings, classes, weights, layer)
    least = loss(found, layer, clouds)
    assert least < loss(layer, layer, clouds) - 0.2
    rng = np.random.default_rng(5)
    for size in (1e-3, 1e-2, 1e-1):
        for _ in range(20):
            other = Head(
                found.weight.astype(float) + size * rng.normal(size=found.weight.shape),
                found.bias.astype(float) + size * rng.normal(size=found.bias.shape),
            )
            assert loss(other, layer, clouds) > least


def test_around_stays_where_the_layer_is_right_already(clouds, layer):
    embeddings, _, weights = clouds
    sure = sharpened(layer, 20)
    classes = sure.logits(embeddings).argmax(axis=1)
    found = around(embeddings, classes, weights, sure)
    near = np.abs(found.weight - sure.weight).max() / np.abs(sure.weight).max()
    assert near < 0.05


def test_a_number_that_never_varies_breaks_neither(clouds, layer):
    embeddings, classes, weights = clouds
    embeddings = embeddings.copy()
    embeddings[:, 3] = 7.0
    for fit in (around, afresh):
        found = fit(embeddings, classes, weights, layer)
        assert np.isfinite(found.weight).all()
        right = (found.logits(embeddings).argmax(axis=1) == classes).mean()
        assert right > 0.4  # of four classes


@pytest.mark.parametrize("too_sure_by", [0.2, 1.0, 10.0])
def test_logits_become_as_sure_as_they_are_right(too_sure_by):
    rng = np.random.default_rng(6)
    logits = rng.normal(0, 2, (4000, 5))
    chances = softmax(logits).cumsum(axis=1)
    classes = (rng.random((4000, 1)) > chances).sum(axis=1).clip(max=4)
    weights = np.full(4000, 1 / 4000)
    assert sharpness(logits * too_sure_by, classes, weights) == pytest.approx(
        1 / too_sure_by, rel=0.15
    )
