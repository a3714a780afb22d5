"""Which windows a trial gives, and which it must not."""

import numpy as np
import pytest

from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.errors import RecordingError
from edgeemg.manifest import Band
from edgeemg.train.trials import check_alike, cut_windows, find_rest

THROUGH = (Band("through", ()),)  # no filter: a value says which sample it was


def recording(events, *, n=1000, index=None, rate=250.0, channels=("a",), mains=50.0):
    index = np.arange(n) if index is None else np.asarray(index)
    values = np.repeat(index[:, None].astype(np.float32), len(channels), axis=1)
    samples = Samples(values, rate, index.astype(np.int64), np.isfinite(values))
    return Recording(samples, tuple(events), channels, "1", "1", "t", "", mains, False, {})


def starts(windows):
    return windows.values[:, 0, 0].astype(int).tolist()


def test_windows_lie_on_hops_from_the_onset_and_hold_three_quarters_of_the_trial():
    windows = cut_windows([recording([Event(500, 200, "up")])], THROUGH, window=100, hop=25)
    assert starts(windows) == [475, 500, 525, 550, 575, 600, 625]


def test_a_word_shorter_than_the_window_needs_three_quarters_of_itself_in_it():
    windows = cut_windows([recording([Event(500, 40, "up")])], THROUGH, window=100, hop=10)
    for start in starts(windows):
        shared = min(start + 100, 540) - max(start, 500)
        assert shared >= 30
    assert starts(windows)


def test_no_window_spans_a_break_in_time():
    index = np.concatenate([np.arange(0, 300), np.arange(1300, 1600)])
    events = [Event(100, 200, "up"), Event(1300, 200, "down")]
    windows = cut_windows([recording(events, index=index)], THROUGH, window=100, hop=25)
    for window in windows.values[:, :, 0]:
        assert window[-1] - window[0] == 99
    assert set(windows.labels) == {"down", "up"}


def test_a_trial_that_no_window_fits_is_counted_by_recording():
    index = np.concatenate([np.arange(0, 80), np.arange(500, 900)])
    events = [Event(0, 80, "short"), Event(500, 300, "long")]
    windows = cut_windows([recording(events, index=index)], THROUGH, window=100, hop=25)
    assert windows.labels == ("long",)
    assert windows.without_window == {"sub-1_ses-1_task-t": 1}


def test_nothing_but_short_trials_is_an_error_with_the_remedy():
    with pytest.raises(RecordingError, match="shorter --window-ms"):
        cut_windows([recording([Event(0, 50, "a")], n=50)], THROUGH, window=100, hop=25)


def test_samples_that_are_missing_are_a_break():
    one = recording([Event(0, 400, "up")], n=400)
    one.samples.microvolts[200:202] = np.nan
    windows = cut_windows([one], THROUGH, window=100, hop=25)
    for window in windows.values[:, :, 0]:
        assert 200 not in window.astype(int)


def test_one_sample_that_is_missing_is_bridged_and_not_trusted():
    one = recording([Event(0, 400, "up")], n=400)
    one.samples.microvolts[200] = np.nan
    windows = cut_windows([one], THROUGH, window=100, hop=25)
    assert {int(window[0]) for window in windows.values[:, :, 0] if 200 in window} > {125, 175}
    one.samples.valid[175:185] = False  # with the bridge, more than a tenth of some windows
    fewer = cut_windows([one], THROUGH, window=100, hop=25)
    assert not any(200 in window and 180 in window for window in fewer.values[:, :, 0])


def test_a_channel_that_is_off_neither_trains_nor_hides():
    one = recording([Event(0, 400, "up"), Event(400, 400, "down")], channels=("a", "b"))
    one.samples.valid[:420, 1] = False
    windows = cut_windows([one], THROUGH, window=100, hop=25)
    assert windows.labels == ("down",)
    assert windows.without_window == {"sub-1_ses-1_task-t": 1}
    assert min(starts(windows)) >= 410  # at most a tenth of a window


def test_a_trial_knows_the_samples_that_its_windows_reach():
    windows = cut_windows([recording([Event(500, 200, "up")])], THROUGH, window=100, hop=25)
    (trial,) = windows.trials
    assert (trial.first, trial.last) == (475, 724)


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"rate": 500.0}, "sample rate"),
        ({"channels": ("a", "b")}, "channels"),
        ({"mains": 60.0}, "mains"),
    ],
)
def test_recordings_that_are_not_alike_are_refused(other, what):
    with pytest.raises(RecordingError, match=what):
        check_alike([recording([]), recording([], **other)])


def test_no_recordings_is_an_error_that_says_how_to_get_some():
    with pytest.raises(RecordingError, match="edgeemg data import"):
        check_alike([])


@pytest.mark.parametrize("name", ["rest", "SILENCE", "$SILENCE", "Idle"])
def test_rest_is_found_by_the_names_people_give_it(name):
    assert find_rest(["up", name]) == name
    assert find_rest(["up", "down"]) is None
