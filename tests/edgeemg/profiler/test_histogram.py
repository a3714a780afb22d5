import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.profiler.histogram import histogram

MICROSECONDS = st.floats(min_value=1e-3, max_value=1e7)


@given(st.lists(MICROSECONDS, min_size=1, max_size=200))
def test_every_latency_is_in_a_bin(latencies: list[float]) -> None:
    found = histogram(latencies)
    assert sum(found["counts"]) == len(latencies)
    assert len(found["edges_us"]) == len(found["counts"]) + 1
    assert found["counts"][0] > 0 < found["counts"][-1]


def test_bins_widen_by_a_twentieth_and_lie_where_those_of_another_do() -> None:
    one, other = histogram([10.0, 11.0, 30.0]), histogram([20.0, 900.0])
    ratios = np.diff(np.log(one["edges_us"]))
    assert ratios == pytest.approx(np.full(len(ratios), np.log(1.05)), rel=1e-3)
    shared = set(one["edges_us"]) & set(other["edges_us"])
    assert min(shared) < 21
    assert max(shared) > 29
