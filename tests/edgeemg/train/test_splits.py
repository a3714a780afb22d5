"""Parts that share nothing: not a trial, not a neighbour in time, not a sample."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.errors import RecordingError
from edgeemg.manifest import Band
from edgeemg.train.splits import (
    PROTOCOLS,
    blocked,
    blocked_folds,
    session_folds,
    shuffled_folds,
    subject_folds,
    thinned,
    without_twins,
)
from edgeemg.train.trials import Trial, cut_windows


def trial(recording, order, label, subject="p", session="s"):
    """One of a row of trials, 100 samples each, that do not touch."""
    return Trial(recording, label, 100 * order, 100 * order + 99, subject, session)


def shuffled_trials(seed, *, labels="abc", each=20, recordings=2):
    """Recordings of one person each; each person has a session of the same name."""
    rng = np.random.default_rng(seed)
    trials = []
    for recording in range(recordings):
        order = rng.permutation(list(labels) * each)
        trials += [
            trial(f"r{recording}", n, str(label), f"p{recording}", f"s{recording % 2}")
            for n, label in enumerate(order)
        ]
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


def windows_of_numbers(seed, length, window):
    """Windows of a recording in which a value says which sample it was."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(list("ab") * 40)
    lengths = rng.integers(length, 2 * length, len(labels))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    events = tuple(
        Event(int(a), int(n), str(one)) for a, n, one in zip(starts, lengths, labels, strict=False)
    )
    index = np.arange(starts[-1] + window)
    samples = Samples.contiguous(index[:, None], 250.0)
    recording = Recording(samples, events, ("a",), "1", "1", "t", "", None, False, {})
    return cut_windows([recording], (Band("through", ()),), window=window, hop=25)


def held(windows, members):
    return set(windows.values[np.isin(windows.trial, members)].ravel().tolist())


any_windows = given(
    seed=st.integers(0, 10_000),
    length=st.sampled_from([40, 60, 110, 200, 320]),
    window=st.sampled_from([100, 200, 400]),
)


@settings(max_examples=30)
@any_windows
def test_no_sample_that_a_window_of_one_part_holds_is_in_a_window_of_another(seed, length, window):
    windows = windows_of_numbers(seed, length, window)
    try:
        parts = blocked(windows.trials)
    except RecordingError:
        reject()  # windows so long that they touch everything: refused, which is right
    train, validation, test = (
        held(windows, members) for members in (parts.train, parts.validation, parts.test)
    )
    assert not train & validation
    assert not train & test
    assert not validation & test


@settings(max_examples=30)
@any_windows
def test_no_sample_of_a_test_fold_is_in_a_training_window(seed, length, window):
    windows = windows_of_numbers(seed, length, window)
    try:
        folds = blocked_folds(windows.trials, count=5, seed=0)
    except RecordingError:
        reject()
    for parts in folds:
        assert not held(windows, parts.train) & held(windows, parts.test)


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


@given(st.integers(0, 10_000), st.integers(2, 6))
def test_no_neighbour_in_time_of_a_test_trial_ever_trains(seed, count):
    trials = shuffled_trials(seed)
    for parts in blocked_folds(trials, count=count, seed=seed):
        side = sides(parts)
        for n in range(len(trials) - 1):
            if trials[n].recording == trials[n + 1].recording and {n, n + 1} <= side.keys():
                assert side[n] == side[n + 1]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_every_trial_tests_exactly_once(protocol):
    trials = shuffled_trials(3)
    folds = PROTOCOLS[protocol](trials, count=5, seed=0)
    tested = np.concatenate([parts.test for parts in folds])
    assert sorted(tested) == list(range(len(trials)))
    for parts in folds:
        assert not set(parts.train) & set(parts.test)


def test_blocked_folds_are_stretches_of_time_that_follow_each_other():
    trials = shuffled_trials(1)
    folds = blocked_folds(trials, count=5, seed=0)
    for label in "abc":
        firsts = [
            [trials[n].first for n in parts.test if trials[n].label == label and n < 60]
            for parts in folds
        ]
        assert all(max(a) < min(b) for a, b in pairwise(firsts))


def test_a_session_never_trains_for_its_own_test():
    trials = shuffled_trials(0, recordings=4)
    folds = session_folds(trials, count=5, seed=0)
    assert [parts.name for parts in folds] == ["p0 s0", "p1 s1", "p2 s0", "p3 s1"]
    for parts in folds:
        tested = {(trials[n].subject, trials[n].session) for n in parts.test}
        assert {" ".join(one) for one in tested} == {parts.name}
        assert not tested & {(trials[n].subject, trials[n].session) for n in parts.train}


def test_the_sessions_of_one_person_are_named_alone():
    trials = [
        trial(f"r{n}", m, label, "p", f"s{n}") for n in (0, 1) for m, label in enumerate("ab")
    ]
    assert [parts.name for parts in session_folds(trials, count=5, seed=0)] == ["s0", "s1"]


def test_short_recordings_fill_all_folds_together():
    trials = shuffled_trials(0, each=4, recordings=10)
    folds = blocked_folds(trials, count=5, seed=0)
    assert all(len(parts.test) > 0 for parts in folds)


def test_a_recording_that_holds_the_samples_of_a_tested_one_never_trains():
    trials = shuffled_trials(0, recordings=3)
    for parts in subject_folds(trials, count=5, seed=0):
        left = without_twins(parts, trials, [["r0", "r2"]])
        tested, trained = (
            {trials[n].recording for n in members} for members in (left.test, left.train)
        )
        assert not ({"r0", "r2"} & tested and {"r0", "r2"} & trained)
        assert left.twins == (0 if tested == {"r1"} else 60)
        assert len(left.train) + len(left.left_out) == len(parts.train) + len(parts.left_out)


def test_a_person_never_trains_for_their_own_test():
    trials = shuffled_trials(0, recordings=3)
    folds = subject_folds(trials, count=5, seed=0)
    assert [parts.name for parts in folds] == ["p0", "p1", "p2"]
    for parts in folds:
        assert parts.name not in {trials[n].subject for n in parts.train}


def test_one_person_alone_cannot_be_left_out():
    with pytest.raises(RecordingError, match=r"at least 2.*--protocol blocked"):
        subject_folds(shuffled_trials(0, recordings=1), count=5, seed=0)


def test_a_label_of_one_session_alone_is_named():
    trials = [*shuffled_trials(0), trial("r9", 0, "z", "p9", "s9")]
    with pytest.raises(RecordingError, match=r"no trial of z: only session p9 s9 has it"):
        session_folds(trials, count=5, seed=0)


def test_shuffled_says_that_it_flatters_and_repeats_itself():
    trials = shuffled_trials(0)
    one, two = (shuffled_folds(trials, count=5, seed=4) for _ in "12")
    assert all((a.test == b.test).all() for a, b in zip(one, two, strict=True))
    assert "flatters" in one[0].protocol


@given(st.integers(0, 100), st.sampled_from([0.05, 0.1, 0.25, 0.5]))
def test_a_smaller_share_lies_in_a_larger_and_keeps_every_label(seed, fraction):
    trials = shuffled_trials(seed)
    members = blocked_folds(trials, count=5, seed=0)[0].train
    small = thinned(members, trials, fraction=fraction, seed=seed)
    large = thinned(members, trials, fraction=2 * fraction, seed=seed)
    assert set(small) <= set(large) <= set(members)
    assert len(small) == pytest.approx(fraction * len(members), abs=6)
    assert {trials[n].label for n in small} == set("abc")
