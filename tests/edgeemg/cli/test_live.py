import itertools
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgeemg.cli import live
from edgeemg.dsp.samples import Samples
from edgeemg.runtime.health import Health

NOTHING = Samples.contiguous(np.empty((0, 1), np.float32), 250.0)
SOME = Samples.contiguous(np.zeros((5, 1), np.float32), 250.0)


def source(first: int, some: Samples = SOME) -> Iterator[Samples]:
    """Nothing for so many reads, then samples for ever."""
    for n in itertools.count():
        time.sleep(0.01)
        yield NOTHING if n < first else some


@pytest.fixture
def hasty(monkeypatch) -> None:
    monkeypatch.setattr(live, "_NO_WINDOW_S", 0.1)


def watched(health: Health, n: int, *, windows: bool) -> None:
    """A loop that gets n pieces, each behind a gap of as many samples again."""
    for samples in itertools.islice(live.told_of_no_window(source(0), health, 250.0), n):
        health.samples += len(samples)
        health.breaks += 1
        health.missing_samples += len(samples)
        health.windows += windows


@pytest.mark.usefixtures("hasty")
def test_samples_that_fill_no_window_are_told_once(capsys) -> None:
    watched(Health(), 50, windows=False)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "no window was full" in lines[0]
    assert "lost samples a second" in lines[0]


@pytest.mark.usefixtures("hasty")
def test_windows_that_are_filled_are_not_told_of(capsys) -> None:
    watched(Health(), 50, windows=True)
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("hasty")
def test_silence_is_not_taken_for_loss(capsys) -> None:
    for _ in itertools.islice(live.told_of_no_window(source(10**9), Health(), 250.0), 30):
        pass
    assert capsys.readouterr().err == ""
