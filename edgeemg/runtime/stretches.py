"""Hops and words of a recording in; what any decision settings make of them out."""

import math
from collections.abc import Iterable, Sequence

from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.decisions import Opinion
from edgeemg.runtime.event_metrics import EventCounts, Matched, Timeline, count, match
from edgeemg.runtime.replay import Hop, decisions, opinions


class Stretch:
    """A recording, or a part of it in time, as the loop heard it.

    The decider starts anew in each stretch. What smoothing gives is kept, so that thresholds,
    agreement and refractory time cost little to try.
    """

    def __init__(self, hops: Sequence[Hop], timeline: Timeline, manifest: Manifest) -> None:
        self.hops = hops
        self.timeline = timeline
        self._manifest = manifest
        self._opinions: dict[int, list[Opinion]] = {}
        able = [hop.sample_index for hop in hops if hop.trusted]
        places = [timeline.word_at(index) for index in able]
        self._heard = {place for place in places if place is not None}
        hop_hours = manifest.hop_samples / manifest.sample_rate_hz / 3600
        self._exposure = EventCounts(
            signal_hours=len(able) * hop_hours,
            rest_hours=places.count(None) * hop_hours,
            untrusted_hours=(len(hops) - len(able)) * hop_hours,
        )

    def matched(self, settings: DecisionSettings) -> Matched:
        """The decisions under these settings, beside the words."""
        smoothing = settings.smoothing_hops
        if smoothing not in self._opinions:
            self._opinions[smoothing] = opinions(self.hops, self._manifest, smoothing)
        decided = decisions(self._opinions[smoothing], self._manifest, settings)
        return match(decided, self.timeline)

    def count(self, settings: DecisionSettings) -> EventCounts:
        """What comes of these settings, and in how many hours."""
        counts = count(
            self.matched(settings),
            self.timeline,
            heard=self._heard,
            sample_rate_hz=self._manifest.sample_rate_hz,
        )
        return self._exposure + counts

    @property
    def rest_hours(self) -> float:
        """Hours of hops that could decide and lie outside every word's span."""
        return self._exposure.rest_hours

    def since(self, start: int) -> "Stretch":
        """The windows and words that begin at this sample or later, from a whole word on."""
        return self._between(self._whole(start), math.inf)

    def split(self, held_out: float) -> tuple["Stretch", "Stretch"]:
        """The first part in time and the held-out rest, a share from 0 to 1 of the hops.

        No word lies in both, and no window of the rest reaches back over the cut.
        """
        if not self.hops:
            return self, self
        row = min(round((1 - held_out) * len(self.hops)), len(self.hops) - 1)
        cut = self._whole(self.hops[row].sample_index)
        return self._between(-math.inf, cut), self._between(cut, math.inf)

    def _whole(self, cut: int) -> int:
        """The cut, or the end of the word's span that it would fall into."""
        word = self.timeline.word_at(cut)
        if word is None or self.timeline.words[word].index == cut:
            return cut
        return self.timeline.span_end(word)

    def _between(self, start: float, stop: float) -> "Stretch":
        """The windows and words that lie wholly in samples start .. stop - 1."""
        window = self._manifest.window_samples
        hops = [one for one in self.hops if start + window - 1 <= one.sample_index < stop]
        return Stretch(hops, self.timeline.between(start, stop), self._manifest)


def total(stretches: Iterable[Stretch], settings: DecisionSettings) -> EventCounts:
    """What comes of the settings in all of them together."""
    return sum((one.count(settings) for one in stretches), EventCounts())
