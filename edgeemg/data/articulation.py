"""A number of words in, what the muscles of a face and neck are told over a session out.

A word is a sequence of gestures (lips close, jaw opens, ...), and a gesture is a pattern over
muscles. Words are the language: word 3 is made of the same gestures for every seed, person and
session. People differ in how hard each muscle works in each gesture, repetitions in everything.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from edgeemg.data.motor_units import CONTROL_HZ, MUSCLES, Floats

# Which muscles make a gesture, by textbook function (Hardcastle 1976, Physiology of Speech
# Production), and how much it moves electrodes. The weights are ours. The last muscle holds the
# head and is in no gesture.
_ZYG, _ORB, _DAO, _MEN, _MAS, _DIG, _MYL, _STE, _SCM = range(len(MUSCLES))
GESTURES: dict[str, tuple[dict[int, float], float]] = {
    "lips close": ({_ORB: 1.0, _MEN: 0.7, _DAO: 0.3}, 0.6),
    "lips round": ({_ORB: 1.1, _MEN: 0.2, _MYL: 0.2}, 0.6),
    "lips spread": ({_ZYG: 1.0, _DAO: 0.3, _ORB: 0.2}, 0.8),
    "lip lowers": ({_DAO: 1.0, _MEN: 0.3, _STE: 0.2}, 0.6),
    "chin rises": ({_MEN: 1.0, _ORB: 0.4, _DAO: 0.3}, 0.5),
    "jaw opens": ({_DIG: 1.0, _MYL: 0.4, _STE: 0.6}, 1.5),
    "jaw closes": ({_MAS: 1.0, _ZYG: 0.2}, 1.0),
    "tongue rises": ({_MYL: 1.0, _DIG: 0.4}, 0.6),
    "tongue draws back": ({_MYL: 0.6, _STE: 0.5, _DIG: 0.4}, 0.7),
    "larynx lowers": ({_STE: 1.0, _DIG: 0.1}, 0.7),
}
_SWALLOW = {_DIG: 0.8, _MYL: 1.0, _STE: 0.7, _ORB: 0.3, _MAS: 0.5}
_SWALLOW_SWAY = 1.5

WORD_NAMES = ("up", "down", "left", "right", "yes", "no", "stop", "go", "on", "off", "open",
              "close", "one", "two", "three", "four", "five", "six", "seven", "eight")  # fmt: skip
CUE_S = 1.25  # a cue is shown, and its event lasts, this long: every word ends within it
_LANGUAGE = 1993  # seed of the words; not the user's, so that words mean the same for every seed

_FORCE = 0.085  # excitation at the height of a gesture: silent speech is a weak contraction
_TONE = 0.018  # excitation at rest; the first unit is recruited at 0.024
_SWALLOWS_A_REST = 0.05  # about 1 a minute awake (Bulmer et al. 2021, Gerontol Geriatr Med 7)


@dataclass(frozen=True, slots=True)
class Stroke:
    """A gesture within a word; `centre` and `width` are fractions of the word's duration."""

    gesture: int
    centre: float
    width: float
    force: float


@dataclass(frozen=True, slots=True)
class Word:
    """What is said: a name, a usual duration, and 2 to 4 gestures."""

    name: str
    duration_s: float
    strokes: tuple[Stroke, ...]


@dataclass(frozen=True, slots=True)
class Trial:
    """One cue and what follows: the word from `start_s` for `duration_s`."""

    word: Word
    cue_s: float
    start_s: float
    duration_s: float


@dataclass(frozen=True, slots=True, eq=False)
class Speaker:
    """How one person articulates: pull (gesture, muscle), the last gesture is a swallow."""

    pull: Floats
    tone: Floats  # (muscle,) excitation at rest


def vocabulary(words: int) -> tuple[Word, ...]:
    """The first `words` words of the language; no two have the same gestures in the same order."""
    seen: set[tuple[int, ...]] = set()
    known = []
    for number in range(words):
        rng = np.random.default_rng((_LANGUAGE, number))
        gestures = _draw_gestures(rng)
        while gestures in seen:
            gestures = _draw_gestures(rng)
        seen.add(gestures)
        name = WORD_NAMES[number] if number < len(WORD_NAMES) else f"word-{number + 1}"
        known.append(Word(name, float(rng.uniform(0.6, 0.9)), _strokes(gestures, rng)))
    return tuple(known)


def _draw_gestures(rng: np.random.Generator) -> tuple[int, ...]:
    count = int(rng.integers(2, 5))
    return tuple(int(one) for one in rng.permutation(len(GESTURES))[:count])


def _strokes(gestures: tuple[int, ...], rng: np.random.Generator) -> tuple[Stroke, ...]:
    share = 1.0 / len(gestures)
    return tuple(
        Stroke(
            gesture=gesture,
            centre=(place + 0.5) * share,
            width=float(np.clip(share * rng.uniform(1.3, 1.9), 0.3, 0.9)),
            force=float(rng.uniform(0.7, 1.3)),
        )
        for place, gesture in enumerate(gestures)
    )


def new_speaker(rng: np.random.Generator) -> Speaker:
    """A person's own way with the gestures of the language."""
    usual = np.zeros((len(GESTURES) + 1, len(MUSCLES)))
    for number, (pull, _) in enumerate([*GESTURES.values(), (_SWALLOW, _SWALLOW_SWAY)]):
        for muscle, weight in pull.items():
            usual[number, muscle] = weight
    usual_tone = np.array([muscle.tone for muscle in MUSCLES])
    own = usual * np.exp(0.5 * rng.standard_normal(usual.shape))
    own += 0.25 * rng.random(usual.shape)  # co-contraction
    return Speaker(
        pull=_FORCE * np.exp(0.15 * rng.standard_normal()) * own,
        tone=_TONE * usual_tone * np.exp(0.5 * rng.standard_normal(len(MUSCLES))),
    )


def accent(words: tuple[Word, ...], rng: np.random.Generator) -> tuple[Word, ...]:
    """The same words as one person says them: other timing and force, some other gestures."""
    return tuple(
        replace(
            word,
            duration_s=word.duration_s * float(np.exp(0.1 * rng.standard_normal())),
            strokes=tuple(_own(stroke, rng) for stroke in word.strokes),
        )
        for word in words
    )


def _own(stroke: Stroke, rng: np.random.Generator) -> Stroke:
    other = int(rng.integers(len(GESTURES)))
    return Stroke(
        gesture=other if rng.random() < 0.25 else stroke.gesture,
        centre=stroke.centre + 0.05 * float(rng.standard_normal()),
        width=stroke.width,
        force=stroke.force * float(np.exp(0.3 * rng.standard_normal())),
    )


def schedule(
    words: tuple[Word, ...], repetitions: int, rng: np.random.Generator
) -> tuple[Trial, ...]:
    """Cues in random order, every word once in each of `repetitions` rounds, rest in between."""
    trials = []
    cue_s = 2.0
    for _ in range(repetitions):
        for number in rng.permutation(len(words)):
            word = words[number]
            reaction_s = rng.uniform(0.05, 0.25)
            duration_s = np.clip(word.duration_s * np.exp(0.15 * rng.standard_normal()), 0.5, 1.0)
            trials.append(Trial(word, cue_s, cue_s + reaction_s, float(duration_s)))
            cue_s += CUE_S + rng.uniform(1.3, 2.1)
    return tuple(trials)


def perform(
    trials: tuple[Trial, ...], duration_s: float, speaker: Speaker, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Trials -> (time, muscle) excitation and (time, gesture) movement, both at CONTROL_HZ."""
    steps = int(np.ceil(duration_s * CONTROL_HZ)) + 1
    seconds = np.arange(steps) / CONTROL_HZ
    excitation = np.tile(speaker.tone, (steps, 1))
    movement = np.zeros((steps, len(speaker.pull)))
    # a session tires: effort drifts one way over it, and wanders from word to word
    drift = rng.uniform(-0.2, 0.1)
    for trial in trials:
        effort = (1.0 + drift * trial.start_s / duration_s) * np.exp(0.2 * rng.standard_normal())
        for stroke in trial.word.strokes:
            centre_s, width_s, force = _as_said(stroke, trial, rng)
            pull = speaker.pull[stroke.gesture] * np.exp(0.35 * rng.standard_normal(len(MUSCLES)))
            rows, bump = _bump(seconds, centre_s, width_s)
            # muscles work longer than they move: the root is the wider of the two
            excitation[rows] += effort * force * np.sqrt(bump)[:, None] * pull
            movement[rows, stroke.gesture] += effort * force * bump
        if rng.random() < _SWALLOWS_A_REST:
            rows, bump = _bump(seconds, trial.cue_s + CUE_S + rng.uniform(0.4, 0.9), 0.8)
            excitation[rows] += bump[:, None] * speaker.pull[-1]
            movement[rows, -1] += bump
    return excitation * _common_drive(steps, rng), movement


def _as_said(stroke: Stroke, trial: Trial, rng: np.random.Generator) -> tuple[float, float, float]:
    """Centre and width in seconds and force of a stroke, this time; it stays within its word."""
    width = float(np.clip(stroke.width * np.exp(0.1 * rng.standard_normal()), 0.2, 1.0))
    centre = stroke.centre + 0.12 * rng.standard_normal()
    centre = float(np.clip(centre, width / 2, 1.0 - width / 2))
    force = stroke.force * float(np.exp(0.2 * rng.standard_normal()))
    return trial.start_s + centre * trial.duration_s, width * trial.duration_s, force


def _bump(seconds: Floats, centre_s: float, width_s: float) -> tuple[slice, Floats]:
    """A raised cosine of height 1 and the rows that it covers."""
    start, stop = np.searchsorted(seconds, [centre_s - width_s / 2, centre_s + width_s / 2])
    rows = slice(int(start), int(stop))
    return rows, 0.5 + 0.5 * np.cos(2 * np.pi * (seconds[rows] - centre_s) / width_s)


def _common_drive(steps: int, rng: np.random.Generator) -> Floats:
    """(time, muscle) factor near 1: drive to a pool wavers below 2 Hz (De Luca & Erim 1994)."""
    knots = int(steps / CONTROL_HZ * 4.0) + 2  # 4 a second
    at = np.arange(steps) * 4.0 / CONTROL_HZ
    waver = rng.standard_normal((knots, len(MUSCLES)))
    factors = [np.interp(at, np.arange(knots), column) for column in waver.T]
    return np.exp(0.12 * np.stack(factors, axis=1))


def sway(rng: np.random.Generator, channels: int) -> Floats:
    """(gesture, channel) microvolts by which a gesture moves electrodes, for one donning."""
    size = np.array([one for _, one in GESTURES.values()] + [_SWALLOW_SWAY])[:, None]
    shared = rng.standard_normal((len(size), 1))  # the reference electrode moves too
    own = rng.standard_normal((len(size), channels))
    microvolts: Floats = 55.0 * size * (0.8 * shared + 0.6 * own)
    return microvolts


def at_rate(signal: Floats, sample_rate_hz: float, samples: int) -> Floats:
    """(time, column) at CONTROL_HZ -> (samples, column) at another rate."""
    wanted = np.arange(samples) / sample_rate_hz
    have: NDArray[np.float64] = np.arange(len(signal)) / CONTROL_HZ
    return np.stack([np.interp(wanted, have, column) for column in signal.T], axis=1)
