import itertools
import os
import signal
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from edgeemg.cli.stopping import Stop
from edgeemg.dsp.samples import Samples

NOTHING = Samples.contiguous(np.empty((0, 1), np.float32), 250.0)
SOME = Samples.contiguous(np.zeros((5, 1), np.float32), 250.0)


@pytest.fixture(autouse=True)
def hangups() -> Iterator[None]:
    """As a process has them that nobody started with nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def source(first: int, some: Samples = SOME) -> Iterator[Samples]:
    """Nothing for so many reads, then samples for ever."""
    for n in itertools.count():
        time.sleep(0.01)
        yield NOTHING if n < first else some


def test_a_sensor_that_sends_nothing_is_left_after_the_time_too() -> None:
    start = time.monotonic()
    for _ in Stop(0.3).until(source(10**9)):
        assert time.monotonic() - start < 20
    assert time.monotonic() - start >= 0.3


def test_time_counts_from_the_first_sample() -> None:
    first_s = None
    for samples in Stop(0.5).until(source(20)):
        first_s = first_s or (time.monotonic() if len(samples) else None)
    assert first_s is not None
    assert time.monotonic() - first_s >= 0.45


def test_without_a_time_only_a_signal_ends_it() -> None:
    with Stop() as stop:
        pieces = stop.until(source(3))
        assert [len(one) for one in itertools.islice(pieces, 5)] == [0, 0, 0, 5, 5]
        os.kill(os.getpid(), signal.SIGTERM)
        assert list(pieces) == []
        assert stop.asked


def test_a_hangup_asks_for_the_bundle_anew_and_the_source_goes_on() -> None:
    with Stop(reloads=True) as stop:
        pieces = source(0)
        os.kill(os.getpid(), signal.SIGHUP)
        assert len(list(stop.until(pieces))) == 1
        assert stop.take_reload()
        assert not stop.take_reload()
        assert len(list(itertools.islice(stop.until(pieces), 3))) == 3
        assert not stop.asked


def test_a_hangup_at_a_terminal_ends_it(monkeypatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with Stop(reloads=True) as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert len(list(stop.until(source(0)))) == 1
        assert stop.asked
        assert not stop.take_reload()


def test_time_goes_on_while_a_bundle_is_loaded_again() -> None:
    start = time.monotonic()
    with Stop(0.4, reloads=True) as stop:
        pieces = source(0)
        while time.monotonic() - start < 20:
            stop._reload = True
            list(stop.until(pieces))
            if not stop.take_reload():
                break
    assert 0.35 <= time.monotonic() - start < 20


def test_a_hangup_ends_what_has_nothing_to_load_again() -> None:
    with Stop() as stop:
        os.kill(os.getpid(), signal.SIGHUP)
        assert len(list(stop.until(source(0)))) == 1
        assert stop.asked


def test_under_nohup_a_hangup_does_nothing() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Stop() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert len(list(itertools.islice(stop.until(source(0)), 3))) == 3
            assert not stop.asked
    finally:
        signal.signal(signal.SIGHUP, before)
