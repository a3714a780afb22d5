"""Choices in, one setting for every combination of them out."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product

from edgeemg.train.settings import EvaluationSettings


@dataclass(frozen=True, slots=True)
class Grid:
    """What is varied, and `base`: what stays the same in every cell (protocol, folds, epochs)."""

    models: tuple[str, ...]
    front_ends: tuple[str, ...]
    windows_ms: tuple[float, ...]
    fractions: tuple[float, ...]
    seeds: tuple[int, ...]
    base: EvaluationSettings

    def settings(self) -> Iterator[EvaluationSettings]:
        """One a cell, in the order of the choices; a choice that is named twice counts once."""
        for model, front_end, window_ms, fraction, seed in product(
            dict.fromkeys(self.models),
            dict.fromkeys(self.front_ends),
            dict.fromkeys(self.windows_ms),
            dict.fromkeys(self.fractions),
            dict.fromkeys(self.seeds),
        ):
            train = replace(
                self.base.train,
                model=model,
                front_end=front_end,
                window_ms=window_ms,
                fit=replace(self.base.train.fit, seed=seed),
            )
            yield replace(self.base, train=train, fraction=fraction)


def name(settings: EvaluationSettings) -> str:
    """`cnn split 800 ms 0.5`: a cell among those of one comparison, for people."""
    train = settings.train
    seed = f" seed {train.fit.seed}" if train.fit.seed else ""
    return f"{train.model} {train.front_end} {train.window_ms:g} ms {settings.fraction:g}{seed}"
