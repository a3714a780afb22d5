"""Which windows int8 is calibrated on."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.train.dataset import Part, spread


def part(counts):
    """As many windows of (class, recording) as `counts` says; a window's value is its number."""
    rows = [key for key, n in counts.items() for _ in range(n)]
    classes, recordings = (np.array([row[k] for row in rows]) for k in (0, 1))
    inputs = np.arange(len(rows), dtype=np.float32).reshape(-1, 1, 1)
    return Part(inputs, classes, np.arange(len(rows)), recordings)


def chosen(whole, count, seed=0):
    return spread(whole, count, seed=seed)[:, 0, 0].astype(int)


def test_every_class_of_every_recording_counts_alike_even_a_short_one():
    whole = part({(0, 0): 300, (1, 0): 20, (0, 1): 20, (1, 1): 5})
    rows = chosen(whole, 20)
    found = Counter(zip(whole.classes[rows], whole.recordings[rows], strict=True))
    assert found == {(0, 0): 5, (1, 0): 5, (0, 1): 5, (1, 1): 5}


def test_without_recordings_every_class_counts_alike():
    whole = part({(0, 0): 50, (1, 0): 4, (2, 0): 10})
    rows = chosen(Part(whole.inputs, whole.classes, whole.trials), 12)
    assert Counter(whole.classes[rows]) == {0: 4, 1: 4, 2: 4}


@given(
    st.dictionaries(st.tuples(st.integers(0, 3), st.integers(0, 3)), st.integers(1, 9), min_size=1),
    st.integers(1, 60),
    st.integers(0, 5),
)
def test_no_window_twice_and_as_many_as_there_are(counts, count, seed):
    whole = part(counts)
    rows = chosen(whole, count, seed)
    assert len(set(rows)) == len(rows) == min(count, len(whole.classes))
    taken = Counter(zip(whole.classes[rows], whole.recordings[rows], strict=True))
    left = [key for key, n in counts.items() if taken[key] < n]
    assert all(taken[one] >= max(taken.values()) - 1 for one in left)
