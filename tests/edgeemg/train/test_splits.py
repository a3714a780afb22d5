"""Parts that share nothing: not a trial, not a neighbour in time, not a sample."""

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.errors import RecordingError
from edgeemg.manifest import Band
from edgeemg.train.splits import blocked
from edgeemg.train.trials import Trial, cut_windows


def trial(recording, order, label):
    """One of a row of trials, 100 samples each, that do not touch."""
    return Trial(recording, label, 100 * order, 100 * order + 99)


def shuffled_trials(seed, *, labels="abc", each=20, recordings=2):
    rng = np.random.default_rng(seed)
    trials = []
    for recording in range(recordings):
        order = rng.permutation(list(labels) * each)
        trials += [trial(f"r{recording}", n, str(label)) for n, label in enumerate(order)]
    return trials


def sides(parts):
    return {int(n): name for name in ("train", "validation", "test") for n in getattr(parts, name)}


@given(st.integers(0, 10_000))
def test_no_neighbour_in_time_of_a_trial_is_in_another_part(seed):
    trials = shuffled_trials(seed)
    side = sides(blocked(trials))
    for n in range(len(trials) - 1):
        if trials[n].recording == trials[n + 1].recording and {n, n + 1} <= side.keys():
            assert side[n] == side[n + 1]


@settings(max_examples=30)
@given(
    seed=st.integers(0, 10_000),
    length=st.sampled_from([40, 60, 110, 200, 320]),
    window=st.sampled_from([100, 200, 400]),
)
def test_no_sample_that_a_window_of_one_part_holds_is_in_a_window_of_another(seed, length, window):
    rng = np.random.default_rng(seed)
    labels = rng.permutation(list("ab") * 40)
    lengths = rng.integers(length, 2 * length, len(labels))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    events = tuple(
        Event(int(a), int(n), str(one)) for a, n, one in zip(starts, lengths, labels, strict=False)
    )
    index = np.arange(starts[-1] + window)
    samples = Samples.contiguous(index[:, None], 250.0)  # a value says which sample it was
    recording = Recording(samples, events, ("a",), "1", "1", "t", "", None, False, {})
    windows = cut_windows([recording], (Band("through", ()),), window=window, hop=25)
    try:
        parts = blocked(windows.trials)
    except RecordingError:
        reject()  # windows so long that they touch everything: refused, which is right
    held = [
        set(windows.values[np.isin(windows.trial, members)].ravel().tolist())
        for members in (parts.train, parts.validation, parts.test)
    ]
    assert not held[0] & held[1]
    assert not held[0] & held[2]
    assert not held[1] & held[2]


@given(st.integers(0, 10_000))
def test_every_trial_is_in_one_part_or_left_out(seed):
    trials = shuffled_trials(seed)
    parts = blocked(trials)
    members = np.concatenate([parts.train, parts.validation, parts.test, parts.left_out])
    assert sorted(members) == list(range(len(trials)))


@given(st.integers(0, 10_000))
def test_each_label_trains_before_it_is_tested_in_every_recording(seed):
    trials = shuffled_trials(seed)
    side = sides(blocked(trials))
    order = {"train": 0, "validation": 1, "test": 2}
    for recording in ("r0", "r1"):
        for label in "abc":
            ranks = [
                order[side[n]]
                for n, one in enumerate(trials)
                if (one.recording, one.label) == (recording, label) and n in side
            ]
            assert ranks == sorted(ranks)


def test_recordings_sorted_by_label_still_have_every_label_in_the_test_part():
    trials = [trial("r", n, label) for n, label in enumerate("a" * 20 + "b" * 20)]
    parts = blocked(trials)
    assert {trials[n].label for n in parts.test} == {"a", "b"}


def test_too_few_trials_name_the_label_that_lacks_them():
    trials = [trial("r", n, label) for n, label in enumerate("aaaaaaaaaaaaab")]
    with pytest.raises(RecordingError, match=r"no trial of b.*at least 5"):
        blocked(trials)


def test_the_protocol_says_what_was_done():
    assert "first 65% of each label's trials" in blocked(shuffled_trials(0)).protocol
