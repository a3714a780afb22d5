"""What to train and how, in one place: the defaults of the command line too. No torch here."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What is varied at random, anew for each window and pass. 0 leaves a kind off.

    Only the time shift is on by default. `python -m benchmarks.augmentation` measures them all on
    recordings: on ours, none is shown to help or to harm (docs/results.md).

    gain             standard deviation of a factor, one a window and channel: skin and contact
    time_shift       largest shift, a share of the window; its first or last value fills the rest
    noise            standard deviation of white noise, in units of the input's scale
    channel_dropout  how often a channel is silent: an electrode that came off
    mixup            alpha of the Beta distribution that windows are mixed by, their labels
                     likewise (Zhang et al. 2018)
    """

    gain: float = 0.0
    time_shift: float = 0.1
    noise: float = 0.0
    channel_dropout: float = 0.0
    mixup: float = 0.0


@dataclass(frozen=True, slots=True)
class FitSettings:
    """How to train. An epoch is a pass over the training trials, one window of each.

    least_windows  an epoch takes at least so many: it passes over few trials more than once
    class_balance  0: every trial counts the same; 1: every class does, however rare
    """

    epochs: int = 60
    least_windows: int = 512
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    patience: int = 20
    class_balance: float = 1.0
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """What to train. `rest_label` None: the label that is called like rest, if there is one."""

    model: str = "cnn"
    front_end: str = "broad"
    window_ms: float = 800.0
    hop_ms: float = 100.0
    rest_label: str | None = None
    fit: FitSettings = field(default_factory=FitSettings)


@dataclass(frozen=True, slots=True)
class EvaluationSettings:
    """What to evaluate, and by which protocol (edgeemg.train.splits.PROTOCOLS).

    folds       of `blocked` and `shuffled`; `session` and `subject` have one each
    fraction    of each fold's training trials that are used, drawn at random by recording and label
    per_person  a model of their own for every person
    """

    train: TrainSettings = field(default_factory=TrainSettings)
    protocol: str = "blocked"
    folds: int = 5
    fraction: float = 1.0
    per_person: bool = False
