"""Counts in, a sensor on a pseudo-terminal out: genuine bytes, at the pace of the device."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from firmware_bridge.boards import Board
from firmware_bridge.devices.bitalino_board import BitalinoBoard
from firmware_bridge.devices.chords_board import ChordsBoard
from firmware_bridge.devices.cyton_board import CytonBoard
from firmware_bridge.devices.cyton_daisy_board import CytonDaisyBoard
from firmware_bridge.devices.edgeemg_board import EdgeemgBoard
from firmware_bridge.devices.freeeeg32_board import FreeEeg32Board
from firmware_bridge.devices.spikerbox_board import SpikerboxBoard
from firmware_bridge.devices.text_board import TextBoard
from firmware_bridge.devices.umyo_board import UmyoBoard
from firmware_bridge.faults import Faults, FaultyLine
from firmware_bridge.pseudo_terminals import PseudoTerminal

BOARDS: dict[str, type[Board]] = {
    "edgeemg": EdgeemgBoard,
    "cyton": CytonBoard,
    "cyton-daisy": CytonDaisyBoard,
    "chords": ChordsBoard,
    "text": TextBoard,
    "bitalino": BitalinoBoard,
    "freeeeg32": FreeEeg32Board,
    "spikerbox": SpikerboxBoard,
    "umyo": UmyoBoard,
}

_IDLE_S = 0.05  # longest nap: how soon a stop is seen
_NAP_S = 0.002  # shortest nap, at high speed: several packets a wake-up instead of a busy loop
_BURST_S = 1.0  # of samples in a wake-up, at most, when catching up


@dataclass(slots=True)
class _Pause:
    """One thing that goes wrong again and again, in streamed samples: when, and how long."""

    kind: str
    every: int
    length: int
    begins: int
    ends: int = -1  # while it lasts


class Emulator:
    """A board on a pseudo-terminal at `port_name`.

    link       a symbolic link to it that stays the same from run to run; removed at the end
    speed      1.0 is the device's own pace
    lossless   False: what a reader makes no room for within 0.1 s is dropped and counted;
               True: the board waits for the reader, as no sensor would
    linger_s   how long it stays, silent, after the last sample, so that a reader can drain
    faults     what is to go wrong, in samples that it streams. Where anything is, the world goes
               on by wall time from the first sample on, whether the board streams or not; else
               it waits, so that every row of the recording is sent

    lost_samples      played by the board, and never put on the line
    overflowed_bytes  dropped for want of a reader

    `run` plays until the recording is over or `stop` is called; as a context manager it plays
    in a thread, and leaving it raises what went wrong there.
    """

    def __init__(
        self,
        board: Board,
        *,
        link: Path | None = None,
        speed: float = 1.0,
        lossless: bool = False,
        linger_s: float = 5.0,
        faults: Faults = Faults(),  # noqa: B008  # it is frozen
    ) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be above 0, got {speed}")
        self.board = board
        self.line = FaultyLine(faults)
        self.paused_samples = 0
        self.pauses = dict.fromkeys(("stall", "reboot", "unplug"), 0)
        self._speed = speed
        self._rate_hz = board.stream.sample_rate_hz * speed * (1 + faults.clock_ppm * 1e-6)
        self._lossless = lossless
        self._linger_s = linger_s
        self._burst_s = faults.burst_s / speed
        self._terminal = PseudoTerminal(link=link, lossless=lossless)
        self._stopped = False  # no Event: its lock is not safe in a signal handler
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="emulator")
        self._playing: Future[None] | None = None
        self._busy_until_s = 0.0
        self._started_s = 0.0  # when the stream was started; the first one, where the world goes on
        self._played = 0  # samples since then
        self._streamed = 0  # samples since the emulator was started, lost in a pause or not
        self._ended_s: float | None = None
        self._held = bytearray()
        self._released_s = 0.0
        self._plan = _planned(faults, board.stream.sample_rate_hz)
        board.rewinds = not self._plan

    @property
    def port_name(self) -> str:
        """The port that a reader opens; another one after each replug."""
        return self._terminal.port_name

    @property
    def overflowed_bytes(self) -> int:
        """Bytes dropped for want of a reader."""
        return self._terminal.overflowed_bytes

    @property
    def lost_samples(self) -> int:
        """Samples that the board played and of which a frame was never put on the line."""
        board = self.board
        dropped = self.line.dropped_frames * board.samples_per_frame // board.frames_per_sample
        return self.paused_samples + dropped

    def run(self) -> None:
        """Play until the recording is over, or `stop`."""
        try:
            while not self._stopped:
                self._nap()
                self._listen()
                self._play()
        finally:
            self._terminal.close()

    def stop(self) -> None:
        """End `run` within 50 ms, or soon after where its reader makes no room.

        May be called from a signal handler or another thread.
        """
        self._stopped = True

    def __enter__(self) -> Self:
        self._playing = self._pool.submit(self.run)
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()
        self._pool.shutdown()
        assert self._playing is not None
        self._playing.result()

    def _nap(self) -> None:
        """Until the next frame is due, a command comes, or there is room to write."""
        now_s = time.monotonic()
        wake_s = _IDLE_S
        if self._busy_until_s > now_s:
            time.sleep(min(self._busy_until_s - now_s, _IDLE_S))
            return
        if self.board.streaming and not self.board.finished and not self._terminal.waiting:
            due_s = self._started_s + (self._played + self.board.samples_per_frame) / self._rate_hz
            wake_s = min(max(due_s - now_s, _NAP_S), _IDLE_S)
        self._terminal.wait(wake_s)

    def _listen(self) -> None:
        if self._busy_until_s > time.monotonic():
            return
        if self._powerless:
            while self._terminal.command():
                pass
            return
        self._terminal.send(b"")
        command = self._terminal.command()
        if not self.board.streaming and not self.board.rewinds:
            self._go_on(time.monotonic())  # up to now: what it may start is not late
        was_streaming = self.board.streaming
        reply, delay_s = self.board.answer(command) if command else (self.board.idle(), 0.0)
        if delay_s:
            self._busy_until_s = time.monotonic() + delay_s / self._speed
            self._terminal.queue(reply)
        else:
            self._terminal.send(reply)
        starts = self.board.streaming and not was_streaming
        if starts and (self.board.rewinds or not self._started_s):
            self._started_s, self._played = time.monotonic(), 0
        if was_streaming and not self.board.streaming and self.board.finished:
            self.stop()

    def _play(self) -> None:
        now_s = time.monotonic()
        if self._lossless and self._terminal.waiting:
            return
        if self.board.finished:
            self._end(now_s)
            return
        self._ended_s = None
        if self.board.streaming:
            self._started_s = self._started_s or now_s  # it streams from power-on
        elif self.board.rewinds or not self._started_s:
            return
        self._go_on(now_s)

    def _go_on(self, now_s: float) -> None:
        """The world, up to this time: what the board streams of it goes on the line."""
        if not self._started_s:
            return
        board = self.board
        due = int((now_s - self._started_s) * self._rate_hz) - self._played
        if board.streaming:
            most = round(_BURST_S * board.stream.sample_rate_hz)
            due = min(due, max(most, board.samples_per_frame))
        due -= due % board.samples_per_frame
        if due <= 0:
            return
        self._played += due
        if not board.streaming:
            board.skip(due)
            return
        before = board.sent
        frames = board.frames(due)
        self._streamed += due
        if self._paused():
            self.paused_samples += board.sent - before
            return
        self._put(self.line.carry(frames), now_s)

    def _end(self, now_s: float) -> None:
        self._put(b"", now_s, at_once=True)
        self._ended_s = self._ended_s or now_s
        if now_s - self._ended_s > self._linger_s:
            self.stop()

    def _put(self, arriving: bytes, now_s: float, *, at_once: bool = False) -> None:
        if not self._burst_s:
            self._terminal.send(arriving)
            return
        self._held += arriving
        if at_once or now_s - self._released_s >= self._burst_s:
            self._terminal.send(bytes(self._held))
            self._held.clear()
            self._released_s = now_s

    @property
    def _powerless(self) -> bool:
        """Whether the board has no power, and hears nothing."""
        return any(pause.kind == "reboot" and pause.ends >= 0 for pause in self._plan)

    def _paused(self) -> bool:
        """Whether what was just played is lost; begins and ends what goes wrong."""
        lost = False
        for pause in self._plan:
            if pause.ends < 0 and self._streamed >= pause.begins:
                pause.ends = pause.begins + pause.length
                self.pauses[pause.kind] += 1
                if pause.kind == "unplug":
                    self._terminal.unplug()
            if pause.ends < 0:
                continue
            lost = True
            if self._streamed >= pause.ends:
                self._mend(pause)
        return lost

    def _mend(self, pause: _Pause) -> None:
        pause.begins, pause.ends = self._streamed + pause.every, -1
        if pause.kind == "unplug":
            self._terminal.plug()
        if pause.kind == "reboot":
            self._terminal.send(self.board.restart())


def _planned(faults: Faults, rate_hz: float) -> list[_Pause]:
    plan = []
    for kind, every_s, long_s in faults.pauses():
        every, length = (max(1, round(seconds * rate_hz)) for seconds in (every_s, long_s))
        plan.append(_Pause(kind, every, length, begins=every))
    return plan
