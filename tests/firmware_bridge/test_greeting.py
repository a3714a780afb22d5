import os
import threading
import time
from contextlib import suppress
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.errors import PortError
from firmware_bridge.frames import Ask, Device, Frames, Stream
from firmware_bridge.greeting import (
    ChangedSensorError,
    Greeted,
    StoppedError,
    check_same,
    greet,
    greet_at_once,
)
from firmware_bridge.ports import Port

STREAM = Stream(250.0, 1, 1.0, -100, 100, 256)


class Letters:
    """A parser for the tests: each capital letter is a sample; a digit tells the rate."""

    rejected_bytes = resyncs = malformed = 0
    trouble = ""

    def __init__(self, said: bytes, *, knows: bool) -> None:
        self.said = said
        self.stream: Stream | None = STREAM if knows else None

    def feed(self, chunk: bytes) -> list[Frames]:
        if chunk.strip(b"?"):
            self.trouble = "no digit says its rate" if self.stream is None else ""
        for byte in chunk:
            if chr(byte).isdigit():
                self.stream = STREAM
        letters = [byte - 65 for byte in chunk if chr(byte).isupper()]
        if self.stream is None or not letters:
            return []
        return [Frames(np.array(letters), np.array(letters, np.int32)[:, None])]


def device(*hello: Ask, knows: bool = True, bauds=(115200,)) -> Device:
    return Device(
        name="letters",
        title="Letter Board",
        bauds=bauds,
        hello=hello,
        goodbye=b"",
        check="it is on",
        loss="not at all",
        reader=lambda said: Letters(said, knows=knows),
    )


def hurried() -> float:
    return time.monotonic() * 10


def greeted(terminal, facts: Device, *, clock=time.monotonic) -> tuple[Greeted, int]:
    """The outcome of a greeting, and how many steps it took."""
    with Port(terminal.name, facts.bauds[0]) as port:
        steps, n = greet(port, facts, clock), 0
        while True:
            try:
                next(steps)
            except StopIteration as done:
                return done.value, n
            n += 1


def answers(terminal, replies: dict[bytes, bytes], *, deaf: int = 0) -> list[bytes]:
    """Reply to each byte that is sent; the first `deaf` of them are not heard."""
    heard: list[bytes] = []

    def board() -> None:
        end = time.monotonic() + 10
        while terminal.master >= 0 and time.monotonic() < end:
            try:
                command = os.read(terminal.master, 1)
            except OSError:
                time.sleep(0.005)
                continue
            heard.append(command)
            if len(heard) > deaf:
                os.write(terminal.master, replies.get(command, b""))

    threading.Thread(target=board, daemon=True).start()
    return heard


def test_the_parser_gets_what_was_said_and_the_stream_what_came_behind(terminal) -> None:
    answers(terminal, {b"v": b"noise Hello, I am here.\nABC"})
    asks = (Ask(b"v", begins=b"Hello", ends=b"\n", within_s=3),)
    result, _ = greeted(terminal, device(*asks))
    assert result.reader.said == b"noise Hello, I am here.\n"
    ((frames, _),) = result.early
    assert frames[0].counter.tolist() == [0, 1, 2]


def test_a_board_that_is_deaf_at_first_is_asked_again(terminal) -> None:
    heard = answers(terminal, {b"v": b"Hello\n"}, deaf=2)
    result, _ = greeted(terminal, device(Ask(b"v", ends=b"\n", within_s=5, again_s=0.2)))
    assert result.reader.said == b"Hello\n"
    assert heard == [b"v"] * 3


def test_a_board_that_is_asked_once_is_asked_once(terminal) -> None:
    heard = answers(terminal, {}, deaf=99)
    with pytest.raises(PortError, match="silent: wanted the reply of Letter Board to 'v'"):
        greeted(terminal, device(Ask(b"v", ends=b"\n", within_s=0.3)))
    assert heard == [b"v"]


def test_nothing_is_waited_for_where_the_line_is_quiet(terminal) -> None:
    answers(terminal, {b"v": b"Hello\n"})
    asks = (Ask(b"s", within_s=60), Ask(b"v", ends=b"\n", within_s=5))
    start = time.monotonic()
    greeted(terminal, device(*asks))
    assert time.monotonic() - start < 20


def test_every_step_is_short(terminal) -> None:
    terminal.says(b"?")
    steps = greet(Port(terminal.name, 115200), device(Ask(b"s", within_s=0.5)), time.monotonic)
    took = []
    start = time.monotonic()
    with suppress(PortError):
        while True:
            next(steps)
            took.append(time.monotonic() - start)
            start = time.monotonic()
    assert len(took) > 10
    assert np.median(took) < 0.2


def test_a_rate_that_is_told_in_the_stream_is_waited_for(terminal) -> None:
    terminal.says(b"AB1CD")
    result, _ = greeted(terminal, device(knows=False))
    assert result.stream == STREAM
    assert sum(len(frames) for frames, _ in result.early) >= 1


def test_why_a_stream_is_not_understood_is_told(terminal) -> None:
    terminal.says(b"AB CD ")
    with pytest.raises(PortError, match=r"Letter Board: no digit says its rate"):
        greeted(terminal, device(knows=False), clock=hurried)


def test_the_next_baud_rate_is_tried_where_nothing_sensible_comes(terminal) -> None:
    heard = answers(terminal, {b"v": b"Hello\n"}, deaf=1)
    asks = (Ask(b"v", ends=b"\n", within_s=0.3),)
    with Port(terminal.name, 230400) as port:
        for _ in greet(port, device(*asks, bauds=(230400, 115200)), time.monotonic):
            pass
        assert port.baud == 115200
    assert heard == [b"v", b"v"]


def test_all_baud_rates_are_named_where_none_works(terminal) -> None:
    terminal.says(b"??")
    asks = (Ask(b"v", ends=b"\n", within_s=0.3),)
    with pytest.raises(PortError, match=r"talks nonsense.*\(230400 or 115200 baud\)"):
        greeted(terminal, device(*asks, bauds=(230400, 115200)))


def test_a_command_that_is_no_text_can_be_named(terminal) -> None:
    with pytest.raises(PortError, match=r"to '\\xfd\\x03'"):
        greeted(terminal, device(Ask(b"\xfd\x03", ends=b"\n", within_s=0.1)))


def test_what_a_board_complains_of_is_quoted_with_the_remedy(terminal) -> None:
    answers(terminal, {b"v": b"Failure: no battery\n"})
    ask = Ask(b"v", b"Hello", b"\n", 3, trouble=((b"Failure", "charge it"),))
    with pytest.raises(PortError, match=r"says 'Failure: no battery': charge it"):
        greeted(terminal, device(ask))


def test_another_stream_is_told_apart_by_what_differs() -> None:
    check_same("p", STREAM, None)
    check_same("p", STREAM, replace(STREAM))
    with pytest.raises(ChangedSensorError, match=r"p: another.*\(n_channels 1 and now 4\)"):
        check_same("p", STREAM, replace(STREAM, n_channels=4))


def test_rates_that_were_measured_need_not_be_the_same_to_the_last_digit() -> None:
    check_same("p", STREAM, replace(STREAM, sample_rate_hz=251.2))
    with pytest.raises(ChangedSensorError, match=r"\(sample_rate_hz 250.0 and now 251.3\)"):
        check_same("p", STREAM, replace(STREAM, sample_rate_hz=251.3))
    with pytest.raises(ChangedSensorError, match=r"\(n_channels 1 and now 4\)"):
        check_same("p", STREAM, replace(STREAM, sample_rate_hz=250.1, n_channels=4))


def test_a_reply_among_samples_is_found_however_much_comes(terminal) -> None:
    terminal.says(b"A" * 3000)
    answers(terminal, {b"v": b"Hello\n"})
    ask = Ask(b"v", begins=b"Hello", ends=b"\n", within_s=5, optional=True)
    result, _ = greeted(terminal, device(ask, Ask(b"c", within_s=0.2)))
    assert b"Hello\n" in result.reader.said
    assert result.early


def test_a_reply_that_need_not_come_is_not_insisted_on(terminal) -> None:
    terminal.says(b"AB")
    ask = Ask(b"v", begins=b"Hello", ends=b"\n", within_s=0.3, optional=True)
    result, _ = greeted(terminal, device(ask))
    assert result.early


def test_a_sensor_that_need_not_reply_is_there_when_its_frames_come(terminal) -> None:
    ask = Ask(b"v", begins=b"Hello", ends=b"\n", within_s=0.3, optional=True)
    with pytest.raises(PortError, match="silent: wanted frames of Letter Board"):
        greeted(terminal, device(ask), clock=hurried)


def test_what_is_no_reply_is_waited_through(terminal) -> None:
    answers(terminal, {b"v": b"\r\nUnknown!\r\nHello\r\n"})
    ask = Ask(b"v", ends=b"\n", within_s=5, ignored=(b"", b"Unknown!"))
    result, _ = greeted(terminal, device(ask))
    assert result.reader.said.endswith(b"Hello\r\n")


def test_where_nothing_but_no_reply_comes_it_is_nonsense(terminal) -> None:
    terminal.says(b"Unknown!\r\n")
    ask = Ask(b"v", ends=b"\n", within_s=0.3, ignored=(b"", b"Unknown!"))
    with pytest.raises(PortError, match="talks nonsense: wanted the reply of Letter Board"):
        greeted(terminal, device(ask))


def test_a_command_that_is_over_after_a_silence_is_given_it(terminal) -> None:
    heard_s: list[float] = []
    over = threading.Event()

    def board() -> None:
        while not over.wait(0.005):
            with suppress(OSError):
                if os.read(terminal.master, 1):
                    heard_s.append(time.monotonic())
                    os.write(terminal.master, b"?Hello\n")

    listener = threading.Thread(target=board)
    listener.start()
    try:
        asks = (Ask(b"s", within_s=5, quiet_s=0.6), Ask(b"v", ends=b"\n", within_s=5))
        greeted(terminal, device(*asks))
    finally:
        over.set()
        listener.join()
    assert heard_s[1] - heard_s[0] > 0.5


def test_what_a_parser_cannot_use_is_told_with_the_port(terminal) -> None:
    def refuse(said: bytes) -> Letters:
        raise PortError("an unknown board: give --rate")

    with pytest.raises(PortError, match=f"{terminal.name}: an unknown board: give --rate"):
        greeted(terminal, replace(device(), reader=refuse))


def test_why_it_was_not_understood_at_its_own_rate_is_told_and_the_whole_wait(terminal) -> None:
    terminal.says(b"AB CD ")
    made: list[Letters] = []

    def reader(said: bytes) -> Letters:
        made.append(Letters(said, knows=False))
        if len(made) > 1:
            made[-1].feed = lambda chunk: []  # noise, at the wrong rate
        return made[-1]

    facts = replace(device(bauds=(115200, 9600)), reader=reader)
    with pytest.raises(PortError, match="Letter Board: no digit says its rate"):
        greeted(terminal, facts, clock=hurried)
    assert len(made) == 2


def test_the_wait_at_all_baud_rates_is_told(terminal) -> None:
    with pytest.raises(PortError, match=r"no byte came in ([89]|\d\d)[.\d]* s; .* no other sensor"):
        greeted(terminal, device(bauds=(115200, 9600)), clock=hurried)


def test_a_greeting_ends_when_it_is_asked_to_and_says_goodbye(terminal) -> None:
    heard = answers(terminal, {})
    facts = replace(device(Ask(b"v", ends=b"\n", within_s=60)), goodbye=b"g")
    asked = iter([False] * 5)
    with pytest.raises(StoppedError, match=f"{terminal.name}: stopped before"):
        greet_at_once(Port(terminal.name, 115200), facts, time.monotonic, lambda: next(asked, True))
    assert heard == [b"v", b"g"]
    Port(terminal.name, 115200).close()
