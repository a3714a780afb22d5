"""A network and labelled inputs in, the same network trained out: a plain loop, seeded."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from edgeemg.train.dataset import Part

_MEMORY = 0.98  # of the weights' moving average, a step
_AT_ONCE = 512  # windows that prediction holds in memory together


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to train. Gain and noise are in units of the input's scale."""

    epochs: int = 40
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    patience: int = 20
    gain_jitter: float = 0.2
    noise: float = 0.05
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Epoch:
    """What one pass over the training part gave."""

    number: int
    of: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    best: bool


def fit(
    model: nn.Module,
    train: Part,
    validation: Part,
    *,
    settings: FitSettings,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train in place; leaves the weights of the epoch that named most validation windows right.

    AdamW under a one-cycle schedule, classes weighted by the inverse of how often they occur,
    gain and noise jitter. What is validated and kept is a moving average of the weights. The
    accuracy, a mean over classes, chooses and the loss breaks ties: the loss of a small network
    that grows sure of itself rises long before its accuracy falls. Stops after `patience` epochs
    without a better one. Returns what each epoch gave. The same seed on the same machine gives
    the same weights.
    """
    weights = _class_weights(train.classes)
    steps = _Steps(model, train, weights, settings)
    history: list[Epoch] = []
    best, best_weights, best_epoch = (-1.0, 0.0), deepcopy(model.state_dict()), 0
    for number in range(1, settings.epochs + 1):
        train_loss = steps.epoch()
        loss, accuracy = _validate(steps.averaged, validation, weights)
        if (accuracy, -loss) > best:
            best, best_weights = (accuracy, -loss), deepcopy(steps.averaged.state_dict())
            best_epoch = number
        epoch = Epoch(number, settings.epochs, train_loss, loss, accuracy, best_epoch == number)
        history.append(epoch)
        if on_epoch is not None:
            on_epoch(epoch)
        if number - best_epoch >= settings.patience:
            break
    model.load_state_dict(best_weights)
    model.eval()
    return history


class _Steps:
    """Everything that a pass over the training part changes: weights, their average, the rate."""

    def __init__(
        self, model: nn.Module, train: Part, weights: Tensor, settings: FitSettings
    ) -> None:
        self._model = model
        self._settings = settings
        self._inputs = torch.from_numpy(train.inputs)
        self._classes = torch.from_numpy(train.classes)
        self._batches = -(-len(train.inputs) // settings.batch)
        self._generator = torch.Generator().manual_seed(settings.seed)
        self._loss = nn.CrossEntropyLoss(weight=weights, label_smoothing=settings.label_smoothing)
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
        order = torch.randperm(len(self._inputs), generator=self._generator)
        for members in torch.tensor_split(order, self._batches):
            batch = _jittered(self._inputs[members], self._settings, self._generator)
            loss = self._loss(self._model(batch), self._classes[members])
            self._optimizer.zero_grad()
            loss.backward()
            self._optimizer.step()
            self._schedule.step()
            self._average.update_parameters(self._model)
            total += float(loss.detach()) * len(members)
        return total / len(self._inputs)


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


def _jittered(x: Tensor, settings: FitSettings, generator: torch.Generator) -> Tensor:
    gain = 1 + settings.gain_jitter * torch.randn(*x.shape[:2], 1, generator=generator)
    return x * gain + settings.noise * torch.randn(x.shape, generator=generator)


def _class_weights(classes: NDArray[np.int64]) -> Tensor:
    counts = np.bincount(classes)
    weights: NDArray[np.float64] = len(classes) / (len(counts) * np.maximum(counts, 1))
    return torch.from_numpy(weights.astype(np.float32))


def _validate(model: nn.Module, validation: Part, weights: Tensor) -> tuple[float, float]:
    logits = torch.from_numpy(predict(model, validation.inputs))
    classes = torch.from_numpy(validation.classes)
    loss = F.cross_entropy(logits, classes, weight=weights)
    right = (logits.argmax(dim=1) == classes).double().numpy()
    occurs = np.unique(validation.classes)
    recall = [float(right[validation.classes == one].mean()) for one in occurs]
    return float(loss), float(np.mean(recall))
