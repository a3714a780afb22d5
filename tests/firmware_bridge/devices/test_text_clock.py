import numpy as np
import pytest

from firmware_bridge.devices.text_clock import Line, LineClock, looks_like_clock, period_of, rate_of


def numbers(clock: LineClock, times) -> list[int]:
    return [row.number for time in times for row in clock.take(Line(time, (), 10))]


def test_even_steps_are_counted() -> None:
    assert numbers(LineClock(4), range(0, 400, 4)) == list(range(100))


@pytest.mark.parametrize("pace", [4.0, 4.1, 4.2, 3.9])
def test_a_pace_that_is_not_exact_is_no_loss(pace: float) -> None:
    times = np.floor(np.arange(5000) * pace).astype(int).tolist()
    assert numbers(LineClock(4), times) == list(range(5000))


def test_milliseconds_at_a_kilohertz_come_unevenly_and_are_no_loss() -> None:
    rng = np.random.default_rng(0)
    times = np.floor(np.arange(3000) + rng.uniform(0, 0.9, 3000)).astype(int).tolist()
    assert numbers(LineClock(1), times) == list(range(3000))


@pytest.mark.parametrize("lost", [1, 2, 10, 1000])
def test_lost_lines_are_counted(lost: int) -> None:
    times = [*range(0, 400, 4), *range(400 + 4 * lost, 800 + 4 * lost, 4)]
    assert numbers(LineClock(4), times) == [*range(100), *range(100 + lost, 200 + lost)]


def test_every_other_line_lost_is_seen() -> None:
    times = range(0, 800, 4)
    heard = numbers(LineClock(4), [*times[:20], *times[20:180:2], *times[180:]])
    assert heard == [*range(20), *range(20, 180, 2), *range(180, 200)]


@pytest.mark.parametrize(("kept", "of"), [(1, 3), (1, 4), (2, 10)])
def test_a_stream_that_loses_most_of_its_lines_is_heard(kept: int, of: int) -> None:
    arrived = [n for n in range(1000) if n < 100 or n % of < kept]
    heard = numbers(LineClock(4), [4 * n for n in arrived])
    assert heard == arrived[: len(heard)]
    assert len(heard) >= len(arrived) - 3  # which wait


def test_a_sketch_that_becomes_four_times_slower_is_heard() -> None:
    times = [*range(0, 400, 4), *range(400, 1200, 16)]
    heard = numbers(LineClock(4), times)
    assert heard == [n // 4 for n in times[:-1]]  # the last one waits


def test_lines_from_a_moment_ago_are_no_restart() -> None:
    clock = LineClock(4)
    heard = numbers(clock, [*range(0, 400, 4), *range(360, 800, 4)])
    assert heard == [*range(200)]
    assert len(clock.refused) == 10


@pytest.mark.parametrize("wrong", [0, 84, 101, 108, 120, 140, 4_000_000_000])
def test_one_wrong_time_costs_its_line(wrong: int) -> None:
    """Line 26 stood at 104."""
    clock = LineClock(4)
    times = [*range(0, 104, 4), wrong, *range(108, 200, 4)]
    heard = numbers(clock, times)
    assert heard == [*range(26), *range(27, 50)]
    assert clock.refused == [10]


@pytest.mark.parametrize("cut", [1000, 100, 10])
def test_two_lines_in_a_row_that_lost_a_digit_are_no_restart(cut: int) -> None:
    """Of 4104 and 4108 are left 104 and 108, and so on: they go on from each other."""
    clock = LineClock(4)
    times = [*range(4000, 4104, 4), 4104 % cut, 4108 % cut, *range(4112, 4200, 4)]
    assert numbers(clock, times) == [*range(26), *range(28, 50)]
    assert clock.refused == [10, 10]


@pytest.mark.parametrize("ahead", [40, 4000, 40_000])
def test_two_lines_in_a_row_that_are_ahead_are_no_loss(ahead: int) -> None:
    times = [*range(0, 104, 4), 104 + ahead, 108 + ahead, *range(112, 200, 4)]
    assert numbers(LineClock(4), times) == [*range(26), *range(28, 50)]


def test_a_wrong_time_behind_a_loss_costs_its_line_alone() -> None:
    times = [*range(0, 104, 4), 124, 9999, 132, *range(136, 240, 4)]
    assert numbers(LineClock(4), times) == [*range(26), 31, *range(33, 60)]


def test_a_line_that_came_twice_is_refused() -> None:
    clock = LineClock(4)
    assert numbers(clock, [0, 4, 8, 8, 12, 16]) == [0, 1, 2, 3, 4]
    assert clock.refused == [10]


def test_the_clock_may_go_round() -> None:
    times = [n % (1 << 32) for n in range((1 << 32) - 40, (1 << 32) + 40, 4)]
    assert numbers(LineClock(4), times) == list(range(20))


def test_a_clock_that_begins_again_is_a_restart() -> None:
    clock = LineClock(4)
    rows = [row for time in [900, 904, 908, 3, 7, 11] for row in clock.take(Line(time, (), 10))]
    assert [(row.number, row.restarted) for row in rows] == [
        (0, False),
        (1, False),
        (2, False),
        (0, True),
        (1, False),
        (2, False),
    ]


@pytest.mark.parametrize(
    ("readings", "is_clock"),
    [
        ([0, 4, 8, 12, 16], True),
        ([0, 4, 12, 16, 20], True),
        ([5, 4, 8, 12, 16], False),
        ([1, 2, 50, 51, 200], False),
        ([7], False),
    ],
)
def test_a_clock_rises_mostly_by_the_same_step(readings: list[int], is_clock: bool) -> None:
    assert looks_like_clock(readings) == is_clock


@pytest.mark.parametrize(
    ("readings", "hertz"),
    [
        ([0, 4, 8, 12], 250),
        ([0, 1, 2, 3], 1000),
        ([0, 50, 100, 150], 20),
        ([0, 1000, 2004, 3000], 1000),
        ([0, 3996, 8000, 12004], 250),
        ([0, 896, 1792, 2688], 1116),
        ([0, 3305, 6611, 9916], 302.5),
    ],
)
def test_the_rate_follows_from_the_steps(readings: list[int], hertz: float) -> None:
    assert rate_of(period_of(readings)) == hertz
