"""Names beside a plot."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edgeemg.pages.labels import spread

PLACES = st.lists(st.floats(0, 1), max_size=12).map(sorted)


@given(wanted=PLACES, gap=st.floats(0.001, 0.09))
def test_names_keep_their_order_and_their_distance(wanted: list[float], gap: float) -> None:
    places = spread(wanted, gap=gap)
    assert len(places) == len(wanted)
    for low, high in pairwise(places):
        assert high - low >= gap - 1e-9
    if gap * (len(wanted) - 1) <= 1:
        assert all(-1e-9 <= place <= 1 + 1e-9 for place in places)


def test_names_that_have_room_stay_at_their_points() -> None:
    assert spread([0.1, 0.5, 0.9], gap=0.1) == [0.1, 0.5, 0.9]
