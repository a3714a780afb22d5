"""What a loop sees and hears in, the messages that draw a page out: text, JSON.

The loop's thread calls `see` and `hear`, the page's thread all else. Between them lie two bounded
queues; what does not fit is not shown, and counted.
"""

import json
import math
import time
from collections import deque
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from edgeemg.dsp.probabilities import softmax
from edgeemg.dsp.samples import Samples, join
from edgeemg.manifest import Manifest
from edgeemg.runtime.decisions import Verdict
from edgeemg.runtime.monitor_contact import Meter, contact
from edgeemg.runtime.monitor_traces import Traces
from edgeemg.runtime.watching import Said

FRAMES_PER_S = 8
_CONTACT_EVERY = 4  # frames
_FACTS_EVERY = 8
_MOST_PIECES = 512  # that wait for the page
_MOST_S = 2.0  # of samples that one frame shows: more came from no sensor, or the page stood still
_SILENT_S = 1.5  # without samples: what the electrodes were like says nothing any more
_DECISIONS = 20  # that a page shows

Facts = Callable[[], Mapping[str, Any]]


class Messages:
    """A `Watcher` whose words are messages.

    meter  judges the electrodes
    facts  how the rest is doing, by name; asked once a second while somebody looks on
    """

    def __init__(
        self,
        manifest: Manifest,
        *,
        meter: Meter,
        facts: Facts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._manifest = manifest
        self._meter = meter
        self._facts = facts
        self._clock = clock
        self._traces = Traces(manifest.sample_rate_hz, len(manifest.channels))
        self._is_watched = False
        self._pieces: deque[Samples] = deque(maxlen=_MOST_PIECES)
        self._seen = self._taken = 0  # samples, while somebody looks on
        self._came_s: float | None = None  # when samples last came
        self._latest: tuple[Said, Verdict] | None = None
        self._decided: deque[tuple[Verdict, float]] = deque(maxlen=_DECISIONS)
        self._told: deque[tuple[Verdict, float]] = deque(maxlen=_DECISIONS)
        self._frame = 0

    def see(self, samples: Samples) -> None:
        """As in `Watcher`; while nobody looks on, nothing is kept."""
        if not len(samples):
            return
        self._came_s = self._clock()
        if self._is_watched:
            self._pieces.append(samples)
            self._seen += len(samples)

    def hear(self, said: Said, verdict: Verdict, latency_ms: float) -> None:  # noqa: ARG002  # a Watcher
        """As in `Watcher`; decisions are kept for who looks on later."""
        self._latest = (said, verdict)
        if verdict.accepted:
            self._decided.append((verdict, self._clock()))

    def begin(self) -> None:
        """Somebody looks on: what came before is long ago."""
        self._pieces.clear()
        self._traces.clear()
        self._meter.clear()
        self._seen = self._taken = 0
        self._frame = 0
        self._is_watched = True

    def end(self) -> None:
        """Nobody looks on."""
        self._is_watched = False
        self._pieces.clear()

    def hello(self) -> str:
        """What a page needs first: what runs, and the decisions that were told already."""
        manifest = self._manifest
        return _text(
            {
                "kind": "hello",
                "model": manifest.name,
                "version": manifest.edgeemg_version,
                "generated": manifest.training.generated,
                "labels": manifest.labels,
                "rest": manifest.rest_label,
                "channels": [one.name for one in manifest.channels],
                "rate_hz": manifest.sample_rate_hz,
                "column_s": self._traces.column_samples / manifest.sample_rate_hz,
                "decisions": [self._decision(*one) for one in self._told],
            }
        )

    def next(self) -> str:
        """What is new since the last one: the same for every page."""
        now_s = self._clock()
        frame: dict[str, Any] = {
            "kind": "frame",
            "silent_s": None if self._came_s is None else round(now_s - self._came_s, 2),
            "traces": self._new_traces(),
        }
        if self._frame % _CONTACT_EVERY == 0:
            if self._came_s is None or now_s - self._came_s > _SILENT_S:
                self._meter.clear()
            frame["contact"] = [contact(one) for one in self._meter.levels()]
        if self._frame % _FACTS_EVERY == 0:
            frame["facts"] = {**self._known_facts(), "not_shown": self._not_shown()}
        latest, self._latest = self._latest, None
        if latest is not None:
            frame["said"] = _said(*latest)
        if self._decided:
            frame["decisions"] = [self._decision(*one) for one in self._new_decisions()]
        self._frame += 1
        return _text(frame)

    def _new_traces(self) -> list[tuple[int, list[int]]]:
        """(first column, lowest and highest of each channel, column by column), of each run."""
        most = _MOST_S * self._manifest.sample_rate_hz
        kept: deque[Samples] = deque()
        waiting = 0
        while self._pieces:
            kept.append(self._pieces.popleft())
            waiting += len(kept[-1])
            while len(kept) > 1 and waiting - len(kept[0]) >= most:
                waiting -= len(kept.popleft())
        self._taken += waiting
        made = []
        for samples in _joined(list(kept)):
            self._meter.take(samples)
            made += self._traces.take(samples)
        return [(one.first, one.ends.ravel().tolist()) for one in made]

    def _not_shown(self) -> int:
        """Samples that came too fast for the page; what waits now is shown in the next frame."""
        return max(0, self._seen - self._taken - sum(map(len, tuple(self._pieces))))

    def _known_facts(self) -> dict[str, Any]:
        try:
            return {name: _plain(one) for name, one in self._facts().items()}
        except RuntimeError:  # a counter changed while it was read: the next second tells
            return {}

    def _new_decisions(self) -> list[tuple[Verdict, float]]:
        new = []
        while self._decided:
            new.append(self._decided.popleft())
        self._told.extend(new)
        return new

    def _decision(self, verdict: Verdict, heard_s: float) -> dict[str, Any]:
        """Its age and not its time: a wearable may not know what time it is."""
        return {
            "label": verdict.label,
            "confidence": round(verdict.confidence, 3),
            "sample_index": verdict.sample_index,
            "ago_s": round(self._clock() - heard_s, 2),
        }


def _joined(pieces: list[Samples]) -> list[Samples]:
    """As one, which is less work; as they came where the sensor began to count anew."""
    if len(pieces) < 2 or any(one.index[-1] >= two.index[0] for one, two in pairwise(pieces)):
        return pieces
    return [join(pieces)]


def _said(said: Said, verdict: Verdict) -> dict[str, Any]:
    return {
        "probabilities": [round(float(one), 3) for one in softmax(said.logits)],
        "label": verdict.label,
        "confidence": round(verdict.confidence, 3),
        "trusted": said.trusted,
    }


def _text(message: Mapping[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"), allow_nan=False)


def _plain(value: Any) -> Any:
    """What JSON has a word for: null for NaN and infinity, text for what is no plain data."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return str(value)
