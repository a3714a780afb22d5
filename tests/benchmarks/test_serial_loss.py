"""Damage is the same each time, and what drivers make of it is told apart."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import serial_loss
from benchmarks.serial_loss import ALL, DAMAGES, Damage, DamagedCyton, judged, loss_table
from firmware_bridge.devices import cyton
from firmware_bridge.devices.cyton import CytonReader

LOST, FLIPPED = "{} of bytes lost", "a bit flipped in {} of bytes"
CLEAN = serial_loss._CLEAN


def packets(n: int) -> list[bytes]:
    return cyton.encode(np.random.default_rng(1).integers(-1000, 1000, (n, 8)))


@pytest.mark.parametrize("kind", DAMAGES)
def test_no_damage_changes_nothing_and_a_seed_gives_the_same_again(kind: str) -> None:
    sent, damage = packets(300), DAMAGES[kind]
    assert damage(sent, 0.0, np.random.default_rng(0)) == sent
    once, again, other = (damage(sent, 0.05, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert once == again
    assert once != sent
    assert once != other


@given(rate=st.floats(0, 1), seed=st.integers(0, 99))
@settings(deadline=None, max_examples=25)
def test_damages_do_what_they_say(rate: float, seed: int) -> None:
    sent = packets(40)
    rng = np.random.default_rng(seed)
    assert all(len(one) <= 33 for one in serial_loss.lost_bytes(sent, rate, rng))
    assert set(serial_loss.lost_packets(sent, rate, rng)) <= {*sent, b""}
    for before, after in zip(sent, serial_loss.flipped_bits(sent, rate, rng), strict=True):
        flips = [(a ^ b).bit_count() for a, b in zip(before, after, strict=True)]
        assert max(flips) <= 1
        assert rate < 1 or min(flips) == 1


def test_a_board_knows_which_packets_arrive_whole() -> None:
    board = DamagedCyton(500, Damage(LOST, 0.01))
    arrives = board.wire(np.zeros((600, 8), np.int32), 0)
    whole = {n for n, one in enumerate(arrives) if one == cyton.encode(board.sent_counts)[n]}
    assert board.whole == whole
    assert whole.issuperset({*range(CLEAN), *range(550, 600)})
    assert 300 < len(whole) < 590


def test_right_numbered_placed_lost_and_wrong_are_told_apart() -> None:
    board = DamagedCyton(4, Damage(LOST, 0.0))
    a, b, c, _ = board.sent_counts[CLEAN : CLEAN + 4]
    outside = board.sent_counts[0]
    rows = np.array([outside, a, b, c + 1, c])
    numbers = np.array([0, CLEAN, CLEAN + 1 + 256, CLEAN + 2, CLEAN + 3])
    assert judged(board, rows, numbers) == {
        "sent": 4,
        "whole": 4,
        "right": 3,  # a, b, c
        "numbered": 2,  # a, and b, a turn of the counter too late
        "placed": 1,  # a
        "whole_lost": 1,
        "wrong": 1,
    }


def test_nothing_heard_is_all_lost() -> None:
    board = DamagedCyton(4, Damage(LOST, 0.0))
    found = judged(board, np.empty((0, 8), np.int64), np.empty(0, np.int64))
    assert (found["right"], found["whole_lost"], found["wrong"]) == (0, 4, 0)


@pytest.mark.parametrize("damage", [ALL[0], Damage(LOST, 0.01), Damage(FLIPPED, 0.001)])
def test_our_driver_hands_on_what_its_parser_finds_in_the_same_bytes(damage: Damage) -> None:
    found = serial_loss._one(damage, "driver", seconds=2.0)
    board = DamagedCyton(500, damage)
    reader = CytonReader()
    frames = reader.feed(b"".join(board.wire(board.sent_counts, 0)))
    counts = np.concatenate([one.counts for one in frames])
    parsed = judged(board, counts, np.concatenate([one.counter for one in frames]))
    assert found["told"]
    assert {key: found[key] for key in ("sent", "whole")} == {"sent": 500, "whole": parsed["whole"]}
    assert (found["right"], found["wrong"]) == (parsed["right"], parsed["wrong"])
    assert found["missing"] >= 500 - found["right"] - found["wrong"]


def test_the_table_says_who_tells_a_loss() -> None:
    found = {
        **dict.fromkeys(("sent", "whole", "right", "numbered", "placed"), 1000),
        "whole_lost": 0,
        "wrong": 0,
        "missing": 7,
    }
    row = {
        "damage": "none",
        "drivers": {"a": {**found, "told": True}, "b": {**found, "told": False}},
    }
    ours, theirs = loss_table([row])[2:]
    assert ours.endswith("| 1,000 | 0 | 0 | 7, told by the driver |")
    assert theirs.endswith("| has no index | 0 | 0 | 7, by the counter in its data |")
