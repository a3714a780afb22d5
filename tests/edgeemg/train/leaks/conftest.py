"""Generated EMG that betrays nothing, and ways to make it betray something."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.data.synth import make_recordings
from edgeemg.dsp.samples import Event, Recording, Samples, join

PIECES = 8  # that each recording is put together from


@pytest.fixture(scope="session")
def session() -> Recording:
    """One generated session: three words and rest."""
    (whole,) = make_recordings(words=3, repetitions=32, channels=4, seed=11)
    return whole


@pytest.fixture(scope="session")
def dealt(session: Recording) -> tuple[Recording, ...]:
    """The session cut into stretches, dealt to three recordings in turn, one word in each.

    Each recording is of the whole session, so rest tells nothing of where it comes from.
    """
    edges = np.linspace(0, len(session.samples), 3 * PIECES + 1).astype(int)
    words = sorted({one.label for one in session.events} - {"rest"})
    recordings = []
    for number, word in enumerate(words):
        spans = [(edges[n], edges[n + 1]) for n in range(number, 3 * PIECES, 3)]
        samples = join([session.samples[start:stop] for start, stop in spans])
        events = tuple(
            one
            for one in session.events
            if one.label in ("rest", word)
            and any(start <= one.index and one.index + one.length <= stop for start, stop in spans)
        )
        recordings.append(replace(session, samples=samples, events=events, run=str(number + 1)))
    return tuple(recordings)


@pytest.fixture(scope="session")
def hum() -> Callable[[Sequence[Recording]], list[Recording]]:
    """Adds a tone to each recording, one of its own, about as loud as rest."""

    def with_tone(recording: Recording, hz: float) -> Recording:
        samples = recording.samples
        tone = 15.0 * np.sin(2 * np.pi * hz * samples.index / samples.sample_rate_hz)
        hummed = (samples.microvolts + tone[:, None]).astype(np.float32)
        return replace(recording, samples=replace(samples, microvolts=hummed))

    def add(recordings: Sequence[Recording]) -> list[Recording]:
        return [with_tone(one, 20.0 + 15.0 * n) for n, one in enumerate(recordings)]

    return add


@pytest.fixture
def trials() -> Callable[..., Recording]:
    """A builder: a recording of nothing but trials, of given labels and lengths in samples."""

    def build(
        labels: Sequence[str], lengths: Sequence[int], *, gap: int = 50, **changes: str
    ) -> Recording:
        starts = np.concatenate([[0], np.cumsum(np.add(lengths, gap))])
        rng = np.random.default_rng(0)
        samples = Samples.contiguous(rng.standard_normal((int(starts[-1]), 1)), 250.0)
        events = zip(starts, lengths, labels, strict=False)
        recording = Recording(
            samples=samples,
            events=tuple(Event(int(start), int(length), label) for start, length, label in events),
            channels=("chin",),
            subject="01",
            session="1",
            task="silent",
            run="",
            mains_hz=None,
            generated=True,
            about={},
        )
        return replace(recording, **changes)  # type: ignore[arg-type]

    return build
