"""Parts that share nothing: not a trial, not a neighbour in time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import RecordingError
from edgeemg.train.splits import blocked
from edgeemg.train.trials import Trial


def shuffled_trials(seed, *, labels="abc", each=20, recordings=2):
    rng = np.random.default_rng(seed)
    trials = []
    for recording in range(recordings):
        order = rng.permutation(list(labels) * each)
        trials += [Trial(f"r{recording}", n, str(label)) for n, label in enumerate(order)]
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
            mine = [
                n
                for n, one in enumerate(trials)
                if (one.recording, one.label) == (recording, label)
            ]
            ranks = [order[side[n]] for n in mine if n in side]
            assert ranks == sorted(ranks)


def test_recordings_sorted_by_label_still_have_every_label_in_the_test_part():
    trials = [Trial("r", n, label) for n, label in enumerate("a" * 20 + "b" * 20)]
    parts = blocked(trials)
    assert {trials[n].label for n in parts.test} == {"a", "b"}


def test_too_few_trials_name_the_label_that_lacks_them():
    trials = [Trial("r", n, label) for n, label in enumerate("aaaaaaaaaaaaab")]
    with pytest.raises(RecordingError, match=r"no trial of b.*at least 5"):
        blocked(trials)


def test_the_protocol_says_what_was_done():
    assert "first 65% of each label's trials" in blocked(shuffled_trials(0)).protocol
