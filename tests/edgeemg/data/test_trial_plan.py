"""The order of words: balanced, seeded, and none after itself where that can be."""

from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.data.trial_plan import TrialPlan, spread
from edgeemg.errors import RecordingError

LETTERS = "abcdefgh"


@given(st.integers(2, 8), st.integers(1, 20), st.integers(0, 2**31))
def test_every_round_has_every_word_and_none_follows_itself(n, repetitions, seed):
    plan = TrialPlan(tuple(LETTERS[:n]), repetitions, seed)
    order = plan.order()
    assert len(order) == plan.n_trials
    for start in range(0, len(order), n):
        assert sorted(order[start : start + n]) == list(LETTERS[:n])
    assert all(one != other for one, other in pairwise(order))
    assert order == TrialPlan(tuple(LETTERS[:n]), repetitions, seed).order()


def test_other_seeds_give_other_orders():
    orders = {tuple(TrialPlan(tuple("abcd"), 5, seed).order()) for seed in range(20)}
    assert len(orders) == 20


def test_one_word_alone_may_follow_itself():
    assert TrialPlan(("a",), 3, 0).order() == ["a"] * 3


@given(st.lists(st.sampled_from("abc"), max_size=12), st.sampled_from(["", "a", "b"]))
def test_spread_keeps_the_words_and_parts_likes_where_that_can_be(words, last):
    order = spread(words, last)
    assert Counter(order) == Counter(words)
    echoes = sum(one == other for one, other in pairwise([last, *order]))
    most, n_most = Counter(words).most_common(1)[0] if words else ("", 0)
    if n_most <= (len(words) - (most == last) + 1) // 2:
        assert echoes == 0


def test_a_rest_trial_is_as_long_as_a_word_where_the_rest_allows():
    assert TrialPlan(("a",), 1, 0, trial_s=2.0, rest_s=2.5).rest_trial_s == 2.0
    assert TrialPlan(("a",), 1, 0, trial_s=2.0, rest_s=1.5).rest_trial_s == 1.0
    assert TrialPlan(("a",), 1, 0, trial_s=2.0, rest_s=0.2).rest_trial_s == 0.0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ((), "no words"),
        (("yes", "yes"), "yes: a word may be named once"),
        (("yes", "Yes"), "yes, Yes: a word may be named once"),
        (("yes", "rest"), "recorded between the words"),
        (("boundary",), "cannot be a word"),
        ((" yes",), "cannot be a word"),
        (("a\tb",), "cannot be a word"),
    ],
)
def test_words_that_cannot_be_labels_are_refused(words, says):
    with pytest.raises(RecordingError, match=says):
        TrialPlan(words, 1, 0)


@pytest.mark.parametrize(
    "wrong",
    [
        {"repetitions": 0},
        {"repetitions": 10_001},
        {"seed": -1},
        {"trial_s": 0.0},
        {"ready_s": -1.0},
        {"rest_s": float("nan")},
    ],
)
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(RecordingError):
        TrialPlan(**{"words": ("a",), "repetitions": 1, "seed": 0, **wrong})
