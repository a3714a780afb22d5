"""Softmax against scipy's, and what says nothing."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import softmax as scipys

from edgeemg.dsp.probabilities import softmax

finite = st.floats(-1e6, 1e6, width=32)


@given(arrays(np.float32, (3, 4), elements=finite))
def test_it_is_softmax_over_the_last_axis(logits):
    np.testing.assert_allclose(softmax(logits), scipys(logits.astype(float), axis=-1), atol=1e-12)


def test_a_vector_that_is_not_finite_names_no_class():
    logits = np.array([[np.nan, 1, 2], [np.inf, 0, 0], [0, 5, 0]])
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities[:2], 1 / 3)
    assert probabilities[2].argmax() == 1
