"""Samples from a sensor and keys from a person in, a journal and a moving picture out.

The loop of `edgeemg record`: whatever happens in it, samples are taken first.
"""

import math
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, Self

from edgeemg.cli import recording_files
from edgeemg.cli.keyboard import Keyboard
from edgeemg.cli.record_rate import RateWatch
from edgeemg.cli.record_screen import Scene
from edgeemg.cli.record_views import Plain, Screen
from edgeemg.data.journal import JournalHeader
from edgeemg.data.journal_recording import COUNTERS, TOLD
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.data.level_meter import Level, LevelMeter
from edgeemg.data.prompting import Phase, Prompter
from edgeemg.data.trial_marks import TAKEN_BACK, Mark
from edgeemg.data.trial_plan import TrialPlan
from edgeemg.dsp.samples import Samples
from edgeemg.errors import PortError

if TYPE_CHECKING:
    from firmware_bridge.frames import Stream

_SHOW_S = 0.1
_LEVELS_S = 0.25
_COUNTERS_S = 10.0
_SILENT_S = 1.0  # without a sample: the person should stop speaking
_DRAIN_S = 0.5  # for the last trial's samples that are still on the way

_START, _BY_HAND, _NO_SAMPLES = "start", "by hand", "no samples"
_HOLDS = {
    _START: "press space to begin",
    _BY_HAND: "press space to go on",
    _NO_SAMPLES: "no samples from the sensor",
}


class Told:
    """Ends a recording when SIGINT, SIGTERM or SIGHUP (the SSH connection broke) comes.

    One that was ignored stays so, as `nohup` wants it.
    """

    def __init__(self) -> None:
        self.stop = False
        self._before: dict[int, signal._HANDLER] = {}

    def __enter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._ask)
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _ask(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # signal's signature
        self.stop = True


class Session:
    """The loop between sensor, journal and person; `run` goes through it once."""

    def __init__(
        self,
        plan: TrialPlan,
        stream: "Stream",
        inputs: Sequence[int],
        header: JournalHeader,
        *,
        writer: JournalWriter,
        keyboard: Keyboard,
        view: Screen | Plain,
        messages: deque[str],
        sensor: str,
        name: str,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.received = 0
        self._prompter = Prompter(plan, stream.sample_rate_hz)
        self._inputs = list(inputs)
        self._header = header
        self._writer = writer
        self._keyboard = keyboard
        self._view = view
        self._told = messages  # by the driver, not yet in the journal
        self._messages: deque[str] = deque(maxlen=2)
        self._sensor = sensor
        self._title = f"{sensor}   {name}"
        self._rate = RateWatch(stream.sample_rate_hz)
        self._clock = clock
        self._meter = _meter(stream, len(inputs))
        self._loss_is_visible = stream.turn > 0
        self._levels: list[Level] = self._meter.levels()
        self._mains_told = False
        self._arrived_s = clock()
        self._shown: tuple[float, Phase] | None = None
        self._shown_s = self._levels_s = self._counted_s = -1e9
        self._free_bytes = recording_files.free_bytes(writer.path.parent)
        self._growth = recording_files.bytes_a_second(stream.sample_rate_hz, len(inputs))

    @property
    def has_begun(self) -> bool:
        """Whether a word has been asked for, or nearly."""
        return self.received > 0 and _START not in self._prompter.holds

    def begin(self) -> None:
        """Without waiting for a key."""
        self._prompter.resume(_START, self._clock())

    def run(
        self, source: Iterable[Samples], told: Told, counters: Callable[[], dict[str, Any]]
    ) -> None:
        """Until the plan is done or somebody ends it. Raises what the sensor or the disk raises."""
        ends_s = float("inf")
        for samples in source:
            now_s = self._clock()
            self._take(samples, now_s)
            self._note(self._prompter.step(now_s, age_s=now_s - self._arrived_s))
            for key in self._keyboard.pressed():
                self._press(key, now_s)
            if told.stop and self._prompter.phase is not Phase.DONE:
                self._note(self._prompter.finish())
            self._tell(now_s, counters)
            self._show(now_s, counters)
            done = self._prompter.phase is Phase.DONE
            ends_s = min(ends_s, now_s + _DRAIN_S) if done else float("inf")
            if done and (self._prompter.drained or now_s >= ends_s):
                return

    def end(self, counters: Callable[[], dict[str, Any]]) -> None:
        """Write what waits, and that this is the end. Raises what the disk raises."""
        self._count(counters)
        self._writer.close(self._prompter.next_index, **self._taken_back())

    def discard(self) -> None:
        """Keep nothing."""
        self._writer.discard()

    def _take(self, samples: Samples, now_s: float) -> None:
        if len(samples):
            chosen = samples.columns(self._inputs)
            self._arrived_s = now_s if math.isnan(samples.arrived_s) else samples.arrived_s
            self._prompter.arrived(samples.index, chosen.finite().index)
            self.received += len(samples)
            self._meter.take(chosen)
            self._writer.add(chosen)
            self._prompter.resume(_NO_SAMPLES, now_s)
            self._check_rate(int(samples.index[-1]))
            return
        self._writer.tick()
        silent = now_s - self._arrived_s > _SILENT_S
        if silent and _NO_SAMPLES not in self._prompter.holds:
            self._meter.clear()
            self._note(self._prompter.pause(_NO_SAMPLES))

    def _check_rate(self, last_index: int) -> None:
        rate_hz = self._rate.take(last_index, self._arrived_s)
        if rate_hz is None:
            return
        sends = f"sends about {rate_hz:.0f} samples a second, not {self._header.sample_rate_hz:g}"
        why = f"the sensor {sends}"
        self._note(self._prompter.give_up(why))
        self._writer.note(last_index, {"what": TOLD, "text": why})
        raise PortError(
            f"{self._sensor} {sends}: labels would lie in wrong places; give the rate that it "
            "sends with --rate, or see to the link"
        )

    def _press(self, key: str, now_s: float) -> None:
        prompter = self._prompter
        if key in "qQ":
            self._note(prompter.finish())
        if key in "uU":
            self._note(prompter.undo(now_s))
        if key != " ":
            return
        held = prompter.holds & {_START, _BY_HAND}
        for why in held:
            prompter.resume(why, now_s)
        if not held:
            self._note(prompter.pause(_BY_HAND))

    def _note(self, marks: Iterable[Mark]) -> None:
        for mark in marks:
            self._writer.note(mark.index, mark.as_event())
            if mark.what == "skip" and mark.label in self._prompter.plan.words:
                self._message(f"{mark.label} left out: {mark.reason}")

    def _tell(self, now_s: float, counters: Callable[[], dict[str, Any]]) -> None:
        """What the driver told, and now and then what it counted, into the journal."""
        while self._told:
            text = self._told.popleft()
            self._writer.note(self._prompter.next_index, {"what": TOLD, "text": text})
            self._message(text)
        if now_s - self._counted_s >= _COUNTERS_S:
            self._counted_s = now_s
            self._free_bytes = recording_files.free_bytes(self._writer.path.parent)
            self._count(counters)

    def _count(self, counters: Callable[[], dict[str, Any]]) -> None:
        event = {"what": COUNTERS, **counters(), **self._taken_back()}
        self._writer.note(self._prompter.next_index, event)

    def _taken_back(self) -> dict[str, Any]:
        return {TAKEN_BACK: self._prompter.taken_back}

    def _message(self, text: str) -> None:
        self._messages.append(text)
        self._view.tell(text)

    def _show(self, now_s: float, counters: Callable[[], dict[str, Any]]) -> None:
        begun = self._prompter.begins_s, self._prompter.phase
        if begun == self._shown and now_s - self._shown_s < _SHOW_S:
            return
        # a new prompt is drawn at once: its trial has begun
        self._shown, self._shown_s = begun, now_s
        if now_s - self._levels_s >= _LEVELS_S:
            self._levels_s = now_s
            self._levels = self._meter.levels()
            self._compare_mains()
        self._view.show(self._scene(now_s, counters()), now_s)

    def _compare_mains(self) -> None:
        """Filters are designed for the mains frequency that the recording says."""
        heard = {one.hum_hz for one in self._levels if one.hum_hz}
        if len(heard) != 1 or self._header.mains_hz in heard or self._mains_told:
            return
        self._mains_told = True
        (hz,) = heard
        self._message(f"the hum is of {hz:g} Hz: should this be --mains {hz:g}?")

    def _scene(self, now_s: float, counted: dict[str, Any]) -> Scene:
        prompter = self._prompter
        lost = sum(counted.get(name, 0) for name in ("lost", "lost_in_outages"))
        return Scene(
            title=self._title,
            phase=prompter.phase,
            word=prompter.word,
            elapsed_s=now_s - prompter.begins_s,
            length_s=prompter.ends_s - prompter.begins_s,
            holds=", ".join(_HOLDS[why] for why in sorted(prompter.holds)),
            kept=prompter.kept,
            total=prompter.total,
            to_repeat=prompter.to_repeat,
            undone=prompter.undone,
            left_s=prompter.left_s(now_s),
            recorded_s=self.received / self._header.sample_rate_hz,
            lost=lost if lost or self._loss_is_visible else None,
            expected=self.received + lost,
            disk_s=self._free_bytes / self._growth,
            channels=self._header.channels,
            levels=self._levels,
            messages=tuple(self._messages),
            has_keys=self._keyboard.there,
        )


def _meter(stream: "Stream", n_channels: int) -> LevelMeter:
    rails = (
        (count - stream.zero_count) * stream.microvolts_per_count
        for count in (stream.lowest_count, stream.highest_count)
    )
    low_uv, high_uv = rails
    return LevelMeter(
        stream.sample_rate_hz,
        n_channels,
        microvolts_per_count=stream.microvolts_per_count,
        rails_uv=(low_uv, high_uv),
    )
