"""Which recordings are compared with which, and what they give away of words."""

import pytest

from edgeemg.train.leaks.groups import Group, grouped
from edgeemg.train.leaks.lone import lone_classes


def test_recordings_of_one_person_session_and_task_are_compared(trials):
    recordings = [
        trials(["a"], [9], subject=subject, task=task, run=run)
        for subject in ("01", "02")
        for task in ("lips", "spoken")
        for run in ("1", "2")
    ]
    groups = grouped(recordings)
    assert [one.name for one in groups] == [
        "01, session 1, lips",
        "01, session 1, spoken",
        "02, session 1, lips",
        "02, session 1, spoken",
    ]
    assert all(len(one.recordings) == 2 for one in groups)


def test_a_person_with_one_recording_a_session_has_all_of_them_compared(trials):
    recordings = [trials(["a"], [9], session=session) for session in "ABC"]
    (group,) = grouped(recordings)
    assert group.name == "01, silent"
    assert len(group.recordings) == 3


def test_one_recording_is_no_group(trials):
    assert grouped([trials(["a"], [9]), trials(["a"], [9], subject="02")]) == []


def test_knowing_the_recording_is_worth_what_it_says_of_the_words(trials):
    apart = (trials(["a", "rest", "a"], [9] * 3), trials(["b", "rest", "b"], [9] * 3))
    assert Group("01", "", "", apart).word_known == 1
    assert Group("01", "", "", apart).word_guessed == pytest.approx(1 / 2)
    words = [trials(["rest", "a", "a", "b"], [9] * 4), trials(["a", "b", "b", "rest"], [9] * 4)]
    mixed = Group("01", "", "", tuple(words))
    assert mixed.word_known == pytest.approx(4 / 6)
    assert mixed.word_guessed == pytest.approx(3 / 6)


def test_a_class_in_one_of_a_persons_recordings_is_named(trials):
    recordings = [trials("aab", [9] * 3, run="1"), trials("aac", [9] * 3, run="2")]
    (found,) = lone_classes(grouped(recordings), recordings)
    assert (found.name, found.recordings, found.labels) == ("01, session 1, silent", 2, ("b", "c"))


def test_a_class_of_one_person_only_is_named_once(trials):
    recordings = [trials("ab", [9] * 2), trials("ac", [9] * 2, subject="02")]
    (found,) = lone_classes(grouped(recordings), recordings)
    assert (found.name, found.labels) == ("all recordings", ("b", "c"))


def test_classes_in_every_recording_and_a_single_recording_are_no_finding(trials):
    recordings = [trials("ab", [9] * 2, run=run) for run in "12"]
    assert lone_classes(grouped(recordings), recordings) == ()
    assert lone_classes((), recordings[:1]) == ()
