"""A seed and a few numbers in, recordings of generated silent speech out.

Words move muscles (articulation), muscles are pools of motor units whose potentials electrodes
pick up (motor_units), and electrodes give more than muscle (interference). What comes out is what
an OpenBCI Cyton would have sent: whole counts within its range. How it compares with recorded EMG,
and what it leaves out: docs/generated-emg.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edgeemg.data import interference
from edgeemg.data.articulation import (
    CUE_S,
    Speaker,
    Trial,
    Word,
    accent,
    at_rate,
    new_speaker,
    perform,
    schedule,
    sway,
    vocabulary,
)
from edgeemg.data.bdf import LARGEST_COUNT
from edgeemg.data.cyton import MICROVOLTS_PER_COUNT
from edgeemg.data.event_rows import REST
from edgeemg.data.motor_units import MUSCLES, Floats, Pool, Potentials, discharges, grow, vary
from edgeemg.data.sidecars import GENERATED_WARNING
from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.errors import RecordingError

GENERATOR_VERSION = "1"  # goes up whenever the same seed gives other bytes
MAINS_HZ = 50.0

# Where electrodes sit on the unrolled face, mm (see motor_units); the first `channels` are used.
ELECTRODES = {
    "mouth corner": (31.0, -4.0),
    "chin": (7.0, -31.0),
    "under chin": (9.0, -60.0),
    "throat": (9.0, -98.0),
    "cheek": (43.0, 20.0),
    "jaw": (70.0, -12.0),
    "upper lip": (14.0, 9.0),
    "jaw edge": (30.0, -48.0),
    "lower lip": (13.0, -10.0),
    "under jaw": (27.0, -66.0),
    "neck": (38.0, -95.0),
    "cheekbone": (58.0, 36.0),
    "beside nose": (19.0, 27.0),
    "jowl": (34.0, -26.0),
    "low throat": (10.0, -124.0),
    "jaw angle": (72.0, -36.0),
}
_REFERENCE = (100.0, -6.0)  # mastoid, behind the ear
_MOST_TRIALS = 1000  # in a session: fifty minutes
_TAIL_S = 2.0  # rest behind the last word


@dataclass(frozen=True, slots=True)
class SynthSettings:
    """What `make_recordings` was asked for."""

    subjects: int
    sessions: int
    repetitions: int
    words: int
    channels: int
    seed: int
    sample_rate_hz: float


def make_recordings(
    *,
    subjects: int = 1,
    sessions: int = 1,
    repetitions: int = 20,
    words: int = 4,
    channels: int = 8,
    seed: int = 0,
    sample_rate_hz: float = 250.0,
) -> Iterator[Recording]:
    """One recording a session: cued words in balanced random order, rest in between.

    Events cover the recording without a gap: a word's from its cue for 1.25 s, in which the word
    is said after a reaction time, and `rest` between. The same arguments give the same bytes (on
    the same numpy and kind of processor), and a person or session is the same however many
    others are made. RecordingError where an argument is out of range.
    """
    asked = SynthSettings(
        subjects=subjects,
        sessions=sessions,
        repetitions=repetitions,
        words=words,
        channels=channels,
        seed=seed,
        sample_rate_hz=float(sample_rate_hz),
    )
    _check(asked)  # here, not at the first recording that is taken
    return _generate(asked)


def _check(asked: SynthSettings) -> None:
    _within("subjects", asked.subjects, 1, 99)
    _within("sessions", asked.sessions, 1, 99)
    _within("repetitions", asked.repetitions, 1, 1000)
    _within("words", asked.words, 2, 100)
    _within("channels", asked.channels, 1, len(ELECTRODES))
    _within("sample_rate_hz", asked.sample_rate_hz, 100, 2000)
    if asked.seed < 0:
        raise RecordingError(f"seed must be 0 or more, got {asked.seed}")
    if asked.words * asked.repetitions > _MOST_TRIALS:
        raise RecordingError(
            f"a session holds at most {_MOST_TRIALS} words, got {asked.words} words x "
            f"{asked.repetitions} repetitions: ask for more sessions instead"
        )


def _within(name: str, value: float, least: float, most: float) -> None:
    if not least <= value <= most:
        raise RecordingError(f"{name} of generated EMG must be in {least}..{most}, got {value}")


@dataclass(frozen=True, slots=True, eq=False)
class _Person:
    words: tuple[Word, ...]
    speaker: Speaker
    pools: tuple[Pool, ...]
    sites_mm: Floats  # (channel + 1, 2), the reference last


def _generate(asked: SynthSettings) -> Iterator[Recording]:
    said = vocabulary(asked.words)
    names = tuple(list(ELECTRODES)[: asked.channels])
    about = _about(asked.seed, said)
    seeds = np.random.SeedSequence(asked.seed).spawn(asked.subjects)
    for subject, person_seed in enumerate(seeds, start=1):
        body_seed, *session_seeds = person_seed.spawn(1 + asked.sessions)
        person = _person(said, asked.channels, np.random.default_rng(body_seed))
        for session, session_seed in enumerate(session_seeds, start=1):
            plan_seed, signal_seed = session_seed.spawn(2)
            plan = np.random.default_rng(plan_seed)
            trials = schedule(person.words, asked.repetitions, plan)
            microvolts = _session(person, trials, asked.sample_rate_hz, signal_seed)
            yield Recording(
                samples=Samples.contiguous(microvolts, asked.sample_rate_hz),
                events=_events(trials, len(microvolts), asked.sample_rate_hz),
                channels=names,
                subject=f"gen{subject:02d}",
                session=str(session),
                task="silent",
                run="",
                mains_hz=MAINS_HZ,
                generated=True,
                about=dict(about),
            )


def _about(seed: int, said: tuple[Word, ...]) -> dict[str, Any]:
    return {
        "DatasetName": f"GENERATED surface EMG, seed {seed}",
        "License": "CC0-1.0",
        "Generator": "edgeemg.data.synth",
        "GeneratorVersion": GENERATOR_VERSION,
        "Seed": seed,
        "Words": [word.name for word in said],
        "MicrovoltsPerCount": MICROVOLTS_PER_COUNT,
        "EMGPlacementSchemeDescription": "one electrode a channel over the part it is named after",
        "EMGReference": "mastoid",
        "Warnings": [GENERATED_WARNING],
    }


def _person(said: tuple[Word, ...], channels: int, rng: np.random.Generator) -> _Person:
    speaker = new_speaker(rng)
    pools = tuple(grow(vary(muscle, rng), rng) for muscle in MUSCLES)
    sites = np.array([*list(ELECTRODES.values())[:channels], _REFERENCE])
    sites = sites + 3.0 * rng.standard_normal(sites.shape)  # faces differ
    return _Person(accent(said, rng), speaker, pools, sites)


def _session(
    person: _Person,
    trials: tuple[Trial, ...],
    sample_rate_hz: float,
    seed: np.random.SeedSequence,
) -> NDArray[np.float32]:
    """(time, channel) microvolts in whole counts."""
    # one stream each, so that a change in one leaves the others as they were
    drive, nerves, donning, noise = (np.random.default_rng(one) for one in seed.spawn(4))
    duration_s = trials[-1].cue_s + CUE_S + _TAIL_S
    samples = round(duration_s * sample_rate_hz)
    channels = len(person.sites_mm) - 1
    excitation, movement = perform(trials, duration_s, person.speaker, drive)
    electrodes = person.sites_mm + 3.0 * donning.standard_normal(person.sites_mm.shape)
    total = np.zeros((samples, channels))
    for pool, told in zip(person.pools, excitation.T, strict=True):
        units, at_s = discharges(told, nerves)
        total += Potentials(pool, electrodes, sample_rate_hz).sum(units, at_s, samples)
    total *= np.exp(0.15 * donning.standard_normal(channels))  # contact
    total += at_rate(movement @ sway(donning, channels), sample_rate_hz, samples)
    shape = (samples, channels, sample_rate_hz)
    total += interference.offset_and_drift(noise, *shape)
    total += interference.electrode_noise(noise, *shape)
    total += interference.mains_hum(noise, *shape, MAINS_HZ)
    total += interference.movements(noise, *shape)
    total += interference.pops(noise, *shape)
    counts = np.clip(np.rint(total / MICROVOLTS_PER_COUNT), -LARGEST_COUNT, LARGEST_COUNT)
    return (counts * MICROVOLTS_PER_COUNT).astype(np.float32)


def _events(trials: tuple[Trial, ...], samples: int, sample_rate_hz: float) -> tuple[Event, ...]:
    """A word from each cue on, rest before, between and behind."""
    events = []
    resting_from = 0
    for trial in trials:
        cue = round(trial.cue_s * sample_rate_hz)
        end = round((trial.cue_s + CUE_S) * sample_rate_hz)
        events.append(Event(resting_from, cue - resting_from, REST))
        events.append(Event(cue, end - cue, trial.word.name))
        resting_from = end
    events.append(Event(resting_from, samples - resting_from, REST))
    return tuple(events)
