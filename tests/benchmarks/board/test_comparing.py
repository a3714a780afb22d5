"""Live and offline decisions in, whether they are the same out."""

import pytest

from benchmarks.board.comparing import same_decisions
from benchmarks.board.tools import BoardError


def decision(index, label="yes", confidence=0.9):
    return {"label": label, "sample_index": index, "confidence": confidence}


OFFLINE = [decision(100), decision(350, "no"), decision(900)]


def test_equal_decisions_are_the_same_and_later_ones_are_left_out():
    live = [decision(100), decision(350, "no", 0.9004), decision(700, "what comes later")]
    facts = same_decisions(live, OFFLINE, before_index=600)
    assert facts == {"decisions": 2, "largest difference of confidence": 0.0004}


@pytest.mark.parametrize(
    "live",
    [
        [decision(100), decision(350, "yes")],
        [decision(100), decision(351, "no")],
        [decision(100), decision(350, "no", 0.902)],
        [decision(100)],
        [decision(100), decision(350, "no"), decision(400)],
        [],
    ],
    ids=["label", "index", "confidence", "one less", "one more", "none"],
)
def test_what_differs_fails(live):
    with pytest.raises(BoardError, match="live"):
        same_decisions(live, OFFLINE, before_index=600)


def test_no_decision_at_all_proves_nothing():
    with pytest.raises(BoardError):
        same_decisions([], [], before_index=600)
