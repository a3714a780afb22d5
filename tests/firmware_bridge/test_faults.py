import numpy as np
import pytest

from firmware_bridge.faults import Faults, FaultyLine

FRAMES = [bytes([n % 256]) * 10 for n in range(2000)]


def carried(**faults: float) -> tuple[bytes, FaultyLine]:
    line = FaultyLine(Faults(**faults))  # type: ignore[arg-type]  # seed is an int here too
    return line.carry(FRAMES), line


def test_a_good_line_changes_nothing() -> None:
    assert carried()[0] == b"".join(FRAMES)


@pytest.mark.parametrize("kind", ["drop", "flip", "insert"])
def test_the_same_seed_does_the_same_damage(kind: str) -> None:
    assert carried(**{kind: 0.1}, seed=4)[0] == carried(**{kind: 0.1}, seed=4)[0]
    assert carried(**{kind: 0.1}, seed=4)[0] != carried(**{kind: 0.1}, seed=5)[0]


def test_damage_does_not_depend_on_how_many_frames_come_at_once() -> None:
    whole, _ = carried(drop=0.2, seed=3)
    line = FaultyLine(Faults(drop=0.2, seed=3))
    assert b"".join(line.carry(FRAMES[at : at + 7]) for at in range(0, 2000, 7)) == whole


def test_dropped_frames_are_whole_and_counted() -> None:
    arrived, line = carried(drop=0.1)
    assert line.dropped_frames == pytest.approx(200, abs=50)
    assert len(arrived) == 10 * (2000 - line.dropped_frames)
    assert carried(drop=1.0)[0] == b""


def test_a_flip_changes_one_bit_of_a_byte() -> None:
    arrived, line = carried(flip=0.01)
    sent = np.frombuffer(b"".join(FRAMES), np.uint8)
    changed = np.bitwise_count(np.frombuffer(arrived, np.uint8) ^ sent)
    assert changed.max() == 1
    assert changed.sum() == line.flipped_bytes > 100


def test_an_inserted_byte_makes_it_longer_and_is_counted() -> None:
    arrived, line = carried(insert=0.01)
    assert len(arrived) == 20_000 + line.inserted_bytes
    assert line.inserted_bytes > 100


@pytest.mark.parametrize("fraction", [-0.1, 1.1, float("nan")])
@pytest.mark.parametrize("kind", ["drop", "flip", "insert"])
def test_a_fraction_that_is_none_is_refused(kind: str, fraction: float) -> None:
    with pytest.raises(ValueError, match=r"in 0\.\.1"):
        Faults(**{kind: fraction})  # type: ignore[arg-type]


def test_a_negative_time_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Faults(stall_every_s=-1)


@pytest.mark.parametrize("seconds", [float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="burst_s must be a time"):
        Faults(burst_s=seconds)


@pytest.mark.parametrize("kind", ["stall", "reboot", "unplug"])
def test_a_pause_without_a_length_is_refused(kind: str) -> None:
    with pytest.raises(ValueError, match=f"{kind}_s must be above 0"):
        Faults(**{f"{kind}_every_s": 5.0, f"{kind}_s": 0.0})  # type: ignore[arg-type]


@pytest.mark.parametrize("ppm", [float("nan"), 2e5, -2e5])
def test_a_clock_that_is_none_is_refused(ppm: float) -> None:
    with pytest.raises(ValueError, match="within 100,000"):
        Faults(clock_ppm=ppm)
