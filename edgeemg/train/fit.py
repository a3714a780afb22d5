"""A network and labelled inputs in, the same network trained out: a plain loop, seeded."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

_AT_ONCE = 512  # windows that prediction holds in memory together


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to train. Gain and noise are in units of the input's scale."""

    epochs: int = 60
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    patience: int = 12
    gain_jitter: float = 0.2
    noise: float = 0.05
    seed: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """inputs (window, channel, time) float32 and their classes (window,) int64."""

    inputs: NDArray[np.float32]
    classes: NDArray[np.int64]


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
    train: Labelled,
    validation: Labelled,
    *,
    settings: FitSettings,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> list[Epoch]:
    """Train in place; leaves the weights of the epoch with the lowest validation loss.

    AdamW under a one-cycle schedule, classes weighted by the inverse of how often they occur,
    gain and noise jitter. Stops after `patience` epochs without a lower validation loss.
    Returns what each epoch gave. The same seed on the same machine gives the same weights.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    weights = _class_weights(train.classes)
    inputs, classes = torch.from_numpy(train.inputs), torch.from_numpy(train.classes)
    loss_of = nn.CrossEntropyLoss(weight=weights, label_smoothing=settings.label_smoothing)
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )
    batches = -(-len(inputs) // settings.batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, total_steps=settings.epochs * batches
    )
    history: list[Epoch] = []
    best_loss, best_weights, best_epoch = float("inf"), deepcopy(model.state_dict()), 0
    for number in range(1, settings.epochs + 1):
        model.train()
        total = 0.0
        order = torch.randperm(len(inputs), generator=generator)
        for members in torch.tensor_split(order, batches):
            batch = _jittered(inputs[members], settings, generator)
            loss = loss_of(model(batch), classes[members])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(members)
        loss, accuracy = _validate(model, validation, weights)
        if loss < best_loss:
            best_loss, best_weights, best_epoch = loss, deepcopy(model.state_dict()), number
        epoch = Epoch(
            number, settings.epochs, total / len(inputs), loss, accuracy, best_epoch == number
        )
        history.append(epoch)
        if on_epoch is not None:
            on_epoch(epoch)
        if number - best_epoch >= settings.patience:
            break
    model.load_state_dict(best_weights)
    model.eval()
    return history


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


def _jittered(x: Tensor, settings: FitSettings, generator: torch.Generator) -> Tensor:
    gain = 1 + settings.gain_jitter * torch.randn(*x.shape[:2], 1, generator=generator)
    return x * gain + settings.noise * torch.randn(x.shape, generator=generator)


def _class_weights(classes: NDArray[np.int64]) -> Tensor:
    counts = np.bincount(classes)
    weights: NDArray[np.float64] = len(classes) / (len(counts) * np.maximum(counts, 1))
    return torch.from_numpy(weights.astype(np.float32))


def _validate(model: nn.Module, validation: Labelled, weights: Tensor) -> tuple[float, float]:
    logits = torch.from_numpy(predict(model, validation.inputs))
    classes = torch.from_numpy(validation.classes)
    loss = F.cross_entropy(logits, classes, weight=weights)
    return float(loss), float((logits.argmax(dim=1) == classes).double().mean())
