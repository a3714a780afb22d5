"""A network and labelled inputs in, the same network trained out: a plain loop, seeded."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from edgeemg.train.augment import augmented, mixing
from edgeemg.train.dataset import Part
from edgeemg.train.settings import FitSettings

_MEMORY = 0.98  # of the weights' moving average, a step
_AT_ONCE = 512  # windows that prediction holds in memory together


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training trials gave; validation is None where there is none."""

    number: int
    of: int
    train_loss: float
    validation_loss: float | None
    validation_accuracy: float | None
    best: bool


@runtime_checkable
class ClosedForm(Protocol):
    """A model that is solved for, not trained step by step."""

    def solve(self, inputs: NDArray[np.float32], classes: NDArray[np.int64]) -> None:
        """Fit to inputs (window, channel, time) and the class of each window."""


def fit(
    model: nn.Module,
    train: Part,
    validation: Part | None,
    *,
    settings: FitSettings,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train in place; returns what each epoch gave, nothing for a closed-form model.

    AdamW under a one-cycle schedule. Each pass takes one window of every trial, drawn at random:
    long trials do not outweigh short ones, and no pass sees a trial at the same moment. Where
    trials are few, an epoch is several passes. What is
    kept is a moving average of the weights.

    With a validation part, the epoch that named most of it right is kept (balanced over classes,
    the loss breaks ties: the loss of a small network that grows sure of itself rises long before
    its accuracy falls), and training stops after `patience` epochs without a better one. Without,
    the last epoch is kept. The same seed on the same machine gives the same weights.
    """
    if isinstance(model, ClosedForm):
        model.solve(train.inputs, train.classes)
        model.eval()
        return []
    steps = _Steps(model, train, settings)
    best = _Best(steps, validation, settings)
    history: list[Epoch] = []
    for number in range(1, settings.epochs + 1):
        epoch = best.judged(number, steps.epoch())
        history.append(epoch)
        if on_epoch is not None:
            on_epoch(epoch)
        if number - best.number >= settings.patience:
            break
    model.load_state_dict(best.weights)
    model.eval()
    return history


class _Best:
    """The weights to keep: the best epoch on the validation part, or the last one without it."""

    def __init__(self, steps: "_Steps", validation: Part | None, settings: FitSettings) -> None:
        self._steps = steps
        self._validation = validation
        self._of = settings.epochs
        self._score = (-1.0, 0.0)
        self.weights = deepcopy(steps.averaged.state_dict())
        self.number = 0

    def judged(self, number: int, train_loss: float) -> Epoch:
        """Judge the weights as they are after epoch `number`."""
        loss = accuracy = None
        if self._validation is not None:
            loss, accuracy = _validate(self._steps.averaged, self._validation, self._steps.weights)
        score = (accuracy or 0.0, -(loss or 0.0))
        best = self._validation is None or score > self._score
        if best:
            self._score, self.number = score, number
            self.weights = deepcopy(self._steps.averaged.state_dict())
        return Epoch(number, self._of, train_loss, loss, accuracy, best)


class _Steps:
    """Everything that a pass over the training part changes: weights, their average, the rate."""

    def __init__(self, model: nn.Module, train: Part, settings: FitSettings) -> None:
        self._model = model
        self._settings = settings
        self._inputs = torch.from_numpy(train.inputs)
        self._classes = torch.from_numpy(train.classes)
        self._windows = _OneOfEach(train.trials, settings.least_windows)
        self._batches = -(-self._windows.drawn_at_once // settings.batch)
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._draws = np.random.default_rng(settings.seed)
        self.weights = _class_weights(train, settings.class_balance)
        self._loss = nn.CrossEntropyLoss(
            weight=self.weights, label_smoothing=settings.label_smoothing
        )
        self._optimizer = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._optimizer,
            settings.learning_rate,
            total_steps=settings.epochs * self._batches,
        )
        # the mean over the last steps: less luck in which epoch is the best
        self._average = AveragedModel(model, avg_fn=_towards, use_buffers=True)

    @property
    def averaged(self) -> nn.Module:
        """The network with the moving average of the weights."""
        return self._average.module

    def epoch(self) -> float:
        """One pass in random order; returns the mean loss."""
        self._model.train()
        total = 0.0
        order = self._windows.drawn(self._generator)
        for members in torch.tensor_split(order, self._batches):
            loss = self._batch_loss(self._inputs[members], self._classes[members])
            self._optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch ships no type for it
            self._optimizer.step()
            self._schedule.step()
            self._average.update_parameters(self._model)
            total += float(loss.detach()) * len(members)
        return total / len(order)

    def _batch_loss(self, inputs: Tensor, classes: Tensor) -> Tensor:
        strength = self._settings.augmentation
        x = augmented(inputs, strength, self._generator)
        if not strength.mixup:
            return self._distance(self._model(x), classes)
        other, share = mixing(len(x), strength.mixup, self._generator, self._draws)
        logits = self._model(share * x + (1 - share) * x[other])
        own, others = self._distance(logits, classes), self._distance(logits, classes[other])
        return share * own + (1 - share) * others

    def _distance(self, logits: Tensor, classes: Tensor) -> Tensor:
        loss: Tensor = self._loss(logits, classes)
        return loss


class _OneOfEach:
    """Draws one window of every trial, in random order, and again until there are `least`."""

    def __init__(self, trials: NDArray[np.int64], least: int) -> None:
        _, counts = np.unique(trials, return_counts=True)
        self._by_trial = torch.from_numpy(np.argsort(trials, kind="stable"))
        self._first = torch.from_numpy(np.cumsum(counts) - counts)
        self._counts = torch.from_numpy(counts)
        self._rounds = -(-least // len(counts))
        self.drawn_at_once = self._rounds * len(counts)

    def drawn(self, generator: torch.Generator) -> Tensor:
        """(drawn_at_once,) positions of windows."""
        return torch.cat([self._round(generator) for _ in range(self._rounds)])

    def _round(self, generator: torch.Generator) -> Tensor:
        order = torch.randperm(len(self._counts), generator=generator)
        place = torch.rand(len(self._counts), generator=generator, dtype=torch.float64)
        within = (place * self._counts[order]).long()
        return self._by_trial[self._first[order] + within]


def predict(model: nn.Module, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
    """(window, channel, time) -> (window, class) logits, without training anything."""
    model.eval()
    with torch.no_grad():
        pieces = [
            model(torch.from_numpy(inputs[n : n + _AT_ONCE]))
            for n in range(0, len(inputs), _AT_ONCE)
        ]
    logits: NDArray[np.float32] = torch.cat(pieces).numpy()
    return logits


def _towards(average: Tensor, weight: Tensor, steps: Tensor | int) -> Tensor:
    """The moving average; it remembers little while there are few steps to remember."""
    memory = min(_MEMORY, (1 + float(steps)) / (10 + float(steps)))
    return average * memory + weight * (1 - memory)


def _class_weights(train: Part, balance: float) -> Tensor:
    """One weight a class, by how many trials it has; `balance` 0 gives ones."""
    _, first = np.unique(train.trials, return_index=True)
    counts = np.bincount(train.classes[first], minlength=int(train.classes.max()) + 1)
    weights: NDArray[np.float64] = len(first) / (len(counts) * np.maximum(counts, 1))
    return torch.from_numpy((weights**balance).astype(np.float32))


def _validate(model: nn.Module, validation: Part, weights: Tensor) -> tuple[float, float]:
    logits = torch.from_numpy(predict(model, validation.inputs))
    classes = torch.from_numpy(validation.classes)
    loss = F.cross_entropy(logits, classes, weight=weights)
    right = (logits.argmax(dim=1) == classes).double().numpy()
    occurs = np.unique(validation.classes)
    recall = [float(right[validation.classes == one].mean()) for one in occurs]
    return float(loss), float(np.mean(recall))
