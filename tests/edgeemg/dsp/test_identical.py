"""Recordings that are one."""

from dataclasses import replace

import numpy as np

from edgeemg.dsp.identical import identical, warning_of
from edgeemg.dsp.samples import Recording, Samples


def recording(seed, *, subject="01", shape=(50, 2)):
    values = np.random.default_rng(seed).standard_normal(shape)
    samples = Samples.contiguous(values, 250.0)
    return Recording(
        samples, (), ("a", "b")[: shape[1]], subject, "1", "silent", "", 50.0, True, {}
    )


def test_the_same_samples_under_two_names_are_one_group():
    one, two, other = recording(1), recording(1, subject="02"), recording(2, subject="03")
    assert identical([one, other, two]) == [[one, two]]


def test_one_count_of_difference_is_a_difference():
    one = recording(1)
    values = one.samples.microvolts.copy()
    values[49, 1] = np.nextafter(values[49, 1], np.float32(np.inf))
    two = replace(one, samples=replace(one.samples, microvolts=values))
    assert identical([one, two]) == []


def test_the_same_numbers_in_another_shape_differ():
    one = recording(1, shape=(50, 2))
    flat = Samples.contiguous(one.samples.microvolts.reshape(100, 1), 250.0)
    assert identical([one, replace(one, samples=flat, channels=("a",))]) == []


def test_the_warning_names_all_of_a_group():
    said = warning_of([recording(1, subject=subject) for subject in ("01", "02", "03")])
    assert said.startswith(
        "sub-01_ses-1_task-silent and sub-02_ses-1_task-silent and sub-03_ses-1_task-silent hold "
    )
