"""A person who is prompted: a clock that we hold, a sensor that we play."""

from collections import Counter
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.data.prompting import Phase, Prompter
from edgeemg.data.trial_marks import trials
from edgeemg.data.trial_plan import TrialPlan

RATE = 100.0


class Desk:
    """A prompter, its sensor and its clock."""

    def __init__(self, words=("yes", "no"), repetitions=2, **times):
        times = {"ready_s": 1.0, "trial_s": 1.0, "rest_s": 1.5, **times}
        self.prompter = Prompter(TrialPlan(words, repetitions, 3, **times), RATE)
        self.now_s, self.next, self.marks, self.index = 0.0, 40, [], []
        self.shown = []
        self.prompter.resume("start", 0.0)

    def go(self, seconds=0.05, *, lose=0, silent=False):
        """Time goes on in steps of 50 ms: five samples each, of which the first `lose` are lost."""
        for _ in range(round(seconds / 0.05)):
            self.now_s += 0.05
            if not silent:
                piece = np.arange(self.next + lose, self.next + 5)
                self.index += piece.tolist()
                self.prompter.arrived(piece)
            self.next += 5
            self.marks += self.prompter.step(self.now_s, age_s=0.004)
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
    desk.press(desk.prompter.undo(desk.now_s, age_s=0.0))
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
    desk.press(desk.prompter.undo(desk.now_s, age_s=0.0))
    assert desk.prompter.phase is Phase.RELAX
    desk.until(Phase.DONE)
    assert desk.kept() == {"yes": 2, "no": 2, "rest": 5}


def test_undo_twice_takes_back_two_and_before_the_first_nothing():
    desk = Desk()
    assert desk.prompter.undo(0.0, age_s=0.0) == []
    for _ in range(2):
        desk.until(Phase.SAY)
        desk.until(Phase.RELAX)
    desk.go(0.5)
    for _ in range(3):
        desk.press(desk.prompter.undo(desk.now_s, age_s=0.0))
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
            desk.press(desk.prompter.undo(desk.now_s, age_s=0.0))
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
