"""A place that is slow, down, broken or gone, and a loop that never waits for it."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from edgeemg.errors import SinkError
from edgeemg.manifest import Manifest
from edgeemg.runtime.outbox import LostError, Outbox, OverError, Place
from edgeemg.runtime.sinks import Decision
from edgeemg.runtime.standing import Standing


def decision(n: int) -> Decision:
    return Decision("left", 1.0, n, n / 250, None, "e")


class Shelf(Place):
    """Keeps the numbers that it was given; `gate` holds it up, `refuses` says what goes wrong."""

    def __init__(self, *, arrived: int | None = None) -> None:
        self.kept: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.refuses: Callable[[Decision], SinkError | None] = lambda _: None
        self.arrived = arrived
        self.closed = self.hurried = False

    def deliver(self, decision: Decision) -> None:
        self.gate.wait(60)
        error = self.refuses(decision)
        if error is not None:
            raise error
        self.kept.append(decision.sample_index)

    def hurry(self) -> None:
        self.hurried = True

    def confirmed(self) -> int | None:
        return self.arrived

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def boxed(told: list[str]) -> Callable[..., Outbox]:
    def box(place: Place, **options: object) -> Outbox:
        return Outbox(place, kind="shelf", standing=Standing("shelf", told.append), **options)  # type: ignore[arg-type]

    return box


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.005)
    assert true()


def test_what_is_sent_arrives_in_order_and_is_counted(boxed, told) -> None:
    shelf = Shelf()
    box = boxed(shelf)
    for n in range(100):
        box.send(decision(n))
    box.close()
    assert shelf.kept == list(range(100))
    assert shelf.closed
    assert box.summary() == {"sent": 100, "dropped": 0, "failed": 0, "retried": 0}
    assert told == []


def test_a_place_that_stalls_costs_the_oldest_and_send_returns_at_once(boxed) -> None:
    shelf = Shelf()
    shelf.gate.clear()
    box = boxed(shelf, most=10)
    box.send(decision(0))
    until(lambda: not box._waiting)  # it is in the worker's hand
    begun = time.monotonic()
    for n in range(1, 101):
        box.send(decision(n))
    assert time.monotonic() - begun < 30  # the gate would hold it for a minute
    assert box.summary()["dropped"] == 90
    shelf.gate.set()
    box.close()
    assert shelf.kept == [0, *range(91, 101)]
    assert box.summary() == {"sent": 11, "dropped": 90, "failed": 0, "retried": 0}


def test_a_place_that_never_returns_does_not_hold_up_the_end(boxed) -> None:
    shelf = Shelf()
    shelf.gate.clear()
    box = boxed(shelf)
    for n in range(5):
        box.send(decision(n))
    begun = time.monotonic()
    box.close()
    assert time.monotonic() - begun < 30
    assert shelf.hurried
    assert not shelf.closed  # a thread is still in it
    assert box.summary() == {"sent": 0, "dropped": 5, "failed": 0, "retried": 0}
    shelf.gate.set()
    box._worker.join(60)
    assert box.summary()["dropped"] == 5  # what came after the end is not counted twice


def test_a_place_that_is_down_gets_everything_once_it_is_back(boxed, told) -> None:
    shelf = Shelf()
    shelf.refuses = lambda _: SinkError("the disk is full")
    box = boxed(shelf)
    for n in range(5):
        box.send(decision(n))
    until(lambda: box.summary()["retried"] >= 2)
    assert len(told) == 1
    assert told[0].startswith("sink shelf: the disk is full; trying again")
    shelf.refuses = lambda _: None
    until(lambda: box.summary()["sent"] == 5)
    assert shelf.kept == [0, 1, 2, 3, 4]
    assert len(told) == 2
    assert "works again" in told[1]
    box.close()


def test_a_place_that_stays_down_drops_what_waits_at_the_end(boxed) -> None:
    shelf = Shelf()
    shelf.refuses = lambda _: SinkError("down")
    box = boxed(shelf)
    for n in range(5):
        box.send(decision(n))
    box.close()
    assert shelf.closed
    counts = box.summary()
    assert (counts["sent"], counts["dropped"], counts["failed"]) == (0, 5, 0)


def test_what_failed_for_good_is_not_tried_again(boxed, told) -> None:
    shelf = Shelf()
    shelf.refuses = lambda one: LostError("exit code 1") if one.sample_index % 2 else None
    box = boxed(shelf)
    for n in range(3):
        box.send(decision(n))
    box.close()
    assert shelf.kept == [0, 2]
    assert box.summary() == {"sent": 2, "dropped": 0, "failed": 1, "retried": 0}
    assert [one.partition(": ")[2][:11] for one in told] == ["exit code 1", "works again"]


def test_a_place_that_is_gone_ends_the_run_at_the_next_send(boxed) -> None:
    shelf = Shelf()
    shelf.refuses = lambda _: OverError("its reader is gone")
    box = boxed(shelf)
    box.send(decision(0))
    box._worker.join(60)
    with pytest.raises(SinkError, match="its reader is gone"):
        box.send(decision(1))
    box.close()  # it was said once
    assert box.summary()["dropped"] == 1


def test_a_place_that_is_gone_is_told_at_the_end_where_no_send_could(boxed) -> None:
    shelf = Shelf()
    shelf.refuses = lambda _: OverError("its reader is gone")
    box = boxed(shelf)
    box.send(decision(0))
    with pytest.raises(SinkError, match="its reader is gone"):
        box.close()
    box.close()


def test_a_recording_waits_for_room_and_loses_nothing(boxed) -> None:
    shelf = Shelf()
    shelf.refuses = lambda _: time.sleep(0.002)  # slow
    box = boxed(shelf, most=3, lossless=True)
    for n in range(100):
        box.send(decision(n))
    box.close()
    assert shelf.kept == list(range(100))
    assert box.summary()["sent"] == 100


def test_a_recording_ends_when_it_is_to_stop_whatever_waits(boxed) -> None:
    shelf, stop = Shelf(), threading.Event()
    shelf.gate.clear()
    box = boxed(shelf, most=3, lossless=True, stopped=stop.is_set)
    threading.Timer(0.3, stop.set).start()
    for n in range(10):
        box.send(decision(n))
    box.close()
    shelf.gate.set()
    assert box.summary()["dropped"] == 10


def test_a_recording_does_not_wait_for_ever_for_a_place_that_is_down(boxed, monkeypatch) -> None:
    monkeypatch.setattr("edgeemg.runtime.outbox._GIVE_UP_S", 0.2)
    shelf = Shelf()
    shelf.refuses = lambda _: SinkError("the disk is full")
    box = boxed(shelf, most=1, lossless=True)
    box.send(decision(0))
    box._worker.join(60)
    with pytest.raises(SinkError, match="the disk is full"):
        box.send(decision(1))
    box.close()
    assert box.summary()["sent"] == 0


def test_what_nobody_confirmed_is_dropped_not_sent(boxed) -> None:
    box = boxed(Shelf(arrived=3))
    for n in range(5):
        box.send(decision(n))
    box.close()
    assert box.summary() == {"sent": 3, "dropped": 2, "failed": 0, "retried": 0}


def test_what_nobody_confirmed_is_dropped_though_the_place_takes_no_leave(boxed) -> None:
    class Clings(Shelf):
        parting = threading.Event()

        def close(self) -> None:
            self.parting.wait(60)

    shelf = Clings(arrived=0)
    box = boxed(shelf)
    for n in range(5):
        box.send(decision(n))
    until(lambda: box.summary()["sent"] == 5)
    box.close()
    assert box.summary() == {"sent": 0, "dropped": 5, "failed": 0, "retried": 0}
    shelf.parting.set()


def test_a_place_is_told_of_another_model_and_its_warning_is_passed_on(
    boxed, told, plain_manifest
) -> None:
    class Reads(Shelf):
        def model_is(self, manifest: Manifest) -> str | None:
            return None if "left" in manifest.labels else "no left any more"

    for place in (Shelf(), Reads()):
        box = boxed(place)
        box.model_is(plain_manifest)
        assert told == []
    box.model_is(replace(plain_manifest, labels=("a", "rest")))
    assert told == ["sink shelf: no left any more"]


def test_a_decision_that_a_place_does_not_take_is_not_counted(boxed) -> None:
    shelf = Shelf()
    shelf.takes = lambda one: one.sample_index > 2  # type: ignore[method-assign]
    box = boxed(shelf)
    for n in range(5):
        box.send(decision(n))
    box.close()
    assert shelf.kept == [3, 4]
    assert sum(box.summary().values()) == 2


def test_a_place_that_can_take_it_at_once_gets_it_in_order_from_the_loop(boxed) -> None:
    shelf, here = Shelf(), threading.get_ident()
    by: list[tuple[int, bool]] = []
    deliver = shelf.deliver

    def at_once(one: Decision) -> bool:
        if one.sample_index not in (0, 1, 4):
            return False
        assert threading.get_ident() == here
        by.append((one.sample_index, True))
        return True

    def later(one: Decision) -> None:
        deliver(one)
        by.append((one.sample_index, False))

    shelf.at_once, shelf.deliver = at_once, later  # type: ignore[method-assign]
    box = boxed(shelf)
    for n in (0, 1):
        box.send(decision(n))
    shelf.gate.clear()
    for n in (2, 3, 4):  # what waits before it keeps the last one from overtaking
        box.send(decision(n))
    shelf.gate.set()
    box.close()
    assert by == [(0, True), (1, True), (2, False), (3, False), (4, False)]
    assert box.summary() == {"sent": 5, "dropped": 0, "failed": 0, "retried": 0}


def test_a_place_that_is_gone_at_once_is_told_by_the_same_send(boxed) -> None:
    def at_once(_: Decision) -> bool:
        raise OverError("its reader is gone")

    shelf = Shelf()
    shelf.at_once = at_once  # type: ignore[method-assign]
    box = boxed(shelf)
    with pytest.raises(SinkError, match="its reader is gone"):
        box.send(decision(0))
    with pytest.raises(SinkError, match="its reader is gone"):
        box.send(decision(1))
    box.close()
    assert box.summary()["dropped"] == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_in_a_place_does_not_stop_the_loop_and_is_counted(boxed) -> None:
    shelf = Shelf()
    shelf.refuses = lambda _: 1 / 0  # type: ignore[assignment,return-value]
    for lossless in (False, True):
        box = boxed(shelf, most=2, lossless=lossless)
        for n in range(10):
            box.send(decision(n))
        box.close()
        assert box.summary()["dropped"] == 10


def test_a_closed_stderr_stops_no_sink() -> None:
    def gone(_: str) -> None:
        raise BrokenPipeError

    shelf = Shelf()
    shelf.refuses = lambda one: LostError("no") if one.sample_index == 0 else None
    box = Outbox(shelf, kind="shelf", standing=Standing("shelf", gone))
    box.send(decision(0))
    box.send(decision(1))
    box.close()
    assert shelf.kept == [1]
