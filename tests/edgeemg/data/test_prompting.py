"""A person who is prompted: a clock that we hold, a sensor that we play."""

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.data.prompting import Phase, Prompter
from edgeemg.data.trial_marks import OVERLAPPED, trials
from edgeemg.data.trial_plan import TrialPlan
from edgeemg.errors import RecordingError

RATE = 100.0


class Desk:
    """A prompter, its sensor and its clock."""

    def __init__(self, words=("yes", "no"), repetitions=2, **times):
        times = {"ready_s": 1.0, "trial_s": 1.0, "rest_s": 1.5, **times}
        self.prompter = Prompter(TrialPlan(words, repetitions, 3, **times), RATE)
        self.now_s, self.next, self.marks, self.index = 0.0, 40, [], []
        self.shown = []
        self.prompter.resume("start", 0.0)

    def go(self, seconds=0.05, *, lose=0, half=0, silent=False, age_s=0.004):
        """Time goes on in steps of 50 ms: five samples each, of which the first `lose` are lost.

        Of the rest, the first `half` lack a channel.
        """
        for _ in range(round(seconds / 0.05)):
            self.now_s += 0.05
            if not silent:
                piece = np.arange(self.next + lose, self.next + 5)
                self.index += piece.tolist()
                self.prompter.arrived(piece, piece[half:])
            self.next += 5
            self.marks += self.prompter.step(self.now_s, age_s=age_s)
            new = (self.prompter.phase, self.prompter.word)
            if not self.shown or self.shown[-1] != new:
                self.shown.append(new)

    def until(self, phase, word=None, most_s=100.0):
        while self.prompter.phase is not phase or (word and self.prompter.word != word):
            self.go()
            most_s -= 0.05
            assert most_s > 0, f"{phase} did not come"

    def press(self, marks):
        self.marks += marks

    def kept(self):
        events, _ = trials(self.marks, np.array(self.index), RATE)
        return Counter(event.label for event in events)


def test_each_word_is_shown_said_and_followed_by_rest():
    desk = Desk()
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 4}
    phases = [phase for phase, _ in desk.shown]
    assert phases == [Phase.READY, Phase.SAY, Phase.RELAX] * 4 + [Phase.DONE]
    assert desk.prompter.kept == desk.prompter.total == 4
    assert desk.now_s >= 4 * 3.5


def test_a_trial_begins_at_the_first_sample_after_the_prompt():
    desk = Desk()
    desk.until(Phase.SAY)
    (mark,) = desk.marks
    assert mark.index == desk.index[-1] + 1
    assert (mark.length, mark.label, mark.age_ms) == (100, desk.prompter.word, 4.0)
    desk.until(Phase.RELAX)
    rest = desk.marks[-1]
    assert rest.index == desk.index[-1] + 1 + 50  # half a second until muscles rest
    assert rest.length == 100


def test_undo_takes_back_the_last_word_and_asks_for_it_at_the_end():
    desk = Desk()
    desk.until(Phase.RELAX)
    word = desk.prompter.word
    desk.go(0.3)
    desk.press(desk.prompter.undo(desk.now_s))
    assert desk.prompter.to_repeat == 1
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 5}
    said = [word for phase, word in desk.shown if phase is Phase.SAY]
    assert len(said) == 5
    assert said[-1] == word
    assert desk.prompter.undone == 1


def test_undo_in_the_middle_of_a_word_ends_it():
    desk = Desk()
    desk.until(Phase.SAY)
    desk.go(0.3)
    desk.press(desk.prompter.undo(desk.now_s))
    desk.go(0.05)
    assert desk.prompter.phase is Phase.RELAX
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 5}


def test_undo_twice_takes_back_two_and_before_the_first_nothing():
    desk = Desk()
    assert desk.prompter.undo(0.0) == []
    for _ in range(2):
        desk.until(Phase.SAY)
        desk.until(Phase.RELAX)
    desk.go(0.5)
    for _ in range(3):
        desk.press(desk.prompter.undo(desk.now_s))
    assert desk.prompter.undone == 2
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 6}


def test_a_pause_in_a_word_takes_it_back_and_a_pause_before_it_costs_nothing():
    desk = Desk()
    desk.until(Phase.SAY)
    desk.press(desk.prompter.pause("by hand"))
    assert desk.prompter.phase is Phase.PAUSED
    desk.go(20)
    assert desk.prompter.phase is Phase.PAUSED
    desk.prompter.resume("by hand", desk.now_s)
    assert desk.prompter.phase is Phase.READY
    word = desk.prompter.word
    desk.press(desk.prompter.pause("by hand"))
    desk.prompter.resume("by hand", desk.now_s)
    assert desk.prompter.word == word
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 4}


def test_it_goes_on_only_when_every_reason_to_hold_is_gone():
    desk = Desk()
    desk.until(Phase.READY)
    desk.prompter.pause("by hand")
    desk.prompter.pause("no samples")
    desk.prompter.resume("by hand", desk.now_s)
    assert desk.prompter.phase is Phase.PAUSED
    assert desk.prompter.holds == {"no samples"}
    desk.prompter.resume("no samples", desk.now_s)
    assert desk.prompter.phase is Phase.READY


def test_a_word_with_a_gap_is_asked_for_again():
    desk = Desk()
    desk.until(Phase.SAY)
    desk.go(0.2)
    desk.go(0.05, lose=3)
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 5}
    (skip,) = [mark for mark in desk.marks if mark.what == "skip"]
    assert skip.reason == "3 of its 100 samples were lost"


def test_a_gap_between_words_spoils_none():
    desk = Desk()
    desk.until(Phase.READY)
    desk.go(0.05, lose=3)
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 4}


def test_on_a_link_that_always_loses_it_ends_all_the_same():
    desk = Desk(repetitions=1)
    while desk.prompter.phase is not Phase.DONE:
        desk.go(0.05, lose=3)
        assert desk.now_s < 200
    assert desk.kept() == {}
    assert desk.prompter.given_up == 2
    said = [word for phase, word in desk.shown if phase is Phase.SAY]
    assert Counter(said) == {"yes": 3, "no": 3}


def test_finished_early_it_keeps_what_was_said_and_not_what_was_being_said():
    desk = Desk()
    desk.until(Phase.SAY)
    desk.until(Phase.READY)
    desk.until(Phase.SAY)
    desk.go(0.5)
    desk.press(desk.prompter.finish())
    assert desk.prompter.phase is Phase.DONE
    assert sum(desk.kept().values()) == 2
    assert desk.prompter.drained


def test_the_time_that_is_left_is_what_it_takes():
    desk = Desk()
    left_s = desk.prompter.left_s(0.0)
    desk.until(Phase.DONE)
    assert left_s <= desk.now_s <= left_s + 12 * 0.06
    assert desk.prompter.left_s(desk.now_s) == 0


@given(st.lists(st.sampled_from(["go", "undo", "pause", "resume", "lose", "silent"]), max_size=60))
def test_whatever_is_pressed_every_word_is_kept_as_often_as_planned(keys):
    desk = Desk(repetitions=1)
    for key in keys:
        if key == "undo":
            desk.press(desk.prompter.undo(desk.now_s))
        elif key == "pause":
            desk.press(desk.prompter.pause("by hand"))
        elif key == "resume":
            desk.prompter.resume("by hand", desk.now_s)
        else:
            desk.go(0.6, lose=4 * (key == "lose"), silent=key == "silent")
    desk.prompter.resume("by hand", desk.now_s)
    while desk.prompter.phase is not Phase.DONE:
        desk.go()
        assert desk.now_s < 500
    kept = desk.kept()
    assert kept["yes"] + kept["no"] == desk.prompter.kept == desk.prompter.total
    assert all(kept[word] <= 1 for word in ("yes", "no"))
    assert all(b.index >= a.index for a, b in pairwise(m for m in desk.marks if m.what != "skip"))


def test_a_word_whose_samples_lack_channels_is_asked_for_again():
    desk = Desk()
    desk.until(Phase.SAY)
    desk.go(0.2, half=5)
    desk.until(Phase.DONE)
    assert len(desk.prompter.taken_back) == 1
    assert desk.prompter.kept == 4


def test_samples_that_lack_channels_to_the_end_of_a_word_are_lost_too():
    desk = Desk()
    desk.until(Phase.SAY)
    while desk.prompter.phase is Phase.SAY:
        desk.go(half=5)
    desk.go(0.5, half=5)
    (skip,) = [mark for mark in desk.marks if mark.what == "skip"]
    assert skip.reason == "100 of its 100 samples were lost"


def test_no_label_begins_while_the_latest_sample_is_old():
    desk = Desk(repetitions=1)
    while desk.prompter.phase is not Phase.DONE:
        for age_s in (0.0, 0.3, 0.6):  # what comes, comes every 150 ms or later
            desk.go(0.05, age_s=age_s)
        assert desk.now_s < 100
    assert desk.kept() == {"yes": 1, "no": 1, "rest": 2}
    assert {mark.age_ms for mark in desk.marks} == {0.0}


def test_a_sensor_slower_than_its_rate_gives_no_label_and_it_ends_all_the_same():
    desk = Desk(repetitions=1)
    while desk.prompter.phase is not Phase.DONE:
        desk.go(0.05)
        desk.go(0.15, silent=True)
        desk.next -= 15
        assert desk.now_s < 300
    assert OVERLAPPED in {mark.reason for mark in desk.marks}
    for label, n in desk.kept().items():
        assert (label, n) == ("rest", 1)  # the last, which nothing came behind


def test_a_rest_before_a_word_without_a_warning_ends_before_it():
    desk = Desk(ready_s=0.0, trial_s=1.0, rest_s=1.5)
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 4}
    rest = next(mark for mark in desk.marks if mark.what == "rest")
    assert rest.length == 85


def test_given_up_it_ends_and_nothing_counts():
    desk = Desk()
    desk.until(Phase.SAY)
    desk.until(Phase.READY)
    desk.press(desk.prompter.give_up("the rate is wrong"))
    assert desk.prompter.phase is Phase.DONE
    assert desk.kept() == {}


def test_a_trial_shorter_than_a_sample_is_refused():
    with pytest.raises(RecordingError, match="--trial-s"):
        Desk(trial_s=0.004)
