"""Counts of words and decisions in, the lines of a table and plain JSON out."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgeemg.manifest import DecisionSettings
from edgeemg.runtime.event_metrics import EventCounts
from edgeemg.runtime.intervals import Estimate
from edgeemg.runtime.operating_points import OperatingPoint

_FIRST, _COLUMN = 26, 18
_LEAST_HIT = 0.1  # share of a word's times; a word that is hit less often is as good as off


def counts_table(columns: Mapping[str, EventCounts]) -> list[str]:
    """One line a figure, one column a part; with 95 % intervals, at most 100 characters wide."""
    counts = list(columns.values())
    rows = [
        ("", list(columns)),
        ("rest, minutes", [f"{one.rest_hours * 60:.1f}" for one in counts]),
        ("false activations", [str(one.false_activations) for one in counts]),
        ("  an hour of rest", [_rate(one.false_per_hour()) for one in counts]),
        ("words", [str(one.words) for one in counts]),
        *(
            (f"  {name}", [_percent(one.share_of_words(getattr(one, name))) for one in counts])
            for name in ("hits", "wrong", "missed")
        ),
        ("decided again", [str(one.repeats) for one in counts]),
        ("delay p50 / p90, ms", [_delay(one) for one in counts]),
    ]
    return [f"{name:<{_FIRST}}" + "".join(f"{one:>{_COLUMN}}" for one in row) for name, row in rows]


def curve_table(points: Sequence[OperatingPoint]) -> Iterator[str]:
    """A line a point with the manifest's own smoothing and agreement, up to where nothing is hit;
    * is the manifest."""
    yield f"{'':2}{'threshold':>10}{'false an hour':>18}{'missed':>10}{'wrong':>10}{'p50 ms':>10}"
    own = next(one for one in points if one.is_own)
    alike = [one for one in points if _structure(one) == _structure(own)]
    for n, one in enumerate(alike):
        yield _curve_row(one)
        if not one.counts.hits and n > alike.index(own):
            return


def _curve_row(point: OperatingPoint) -> str:
    counts = point.counts
    missed, wrong = (
        f"{number / counts.words:.1%}" if counts.words else "-"
        for number in (counts.missed, counts.wrong)
    )
    p50 = counts.delay_ms(50)
    return (
        f"{'*' if point.is_own else '':2}{_threshold(point.settings.threshold):>10}"
        f"{_rate(counts.false_per_hour()):>18}{missed:>10}{wrong:>10}"
        f"{'-' if p50 is None else f'{p50:.0f}':>10}"
    )


def settings_line(settings: DecisionSettings) -> str:
    """Decision settings in words."""
    own = settings.thresholds
    levels = [f"{label} {_threshold(one)}" for label, one in own.items()]
    if settings.threshold not in own.values():
        levels.insert(0, _threshold(settings.threshold))
    hops = f"{settings.smoothing_hops} hop{'s' if settings.smoothing_hops > 1 else ''}"
    return (
        f"mean of {hops} at {', '.join(levels)} or more, {settings.agreement_hops} agreeing, "
        f"none for {settings.refractory_ms:g} ms after one"
    )


def words_line(counts: EventCounts) -> str:
    """How often each word is hit."""
    return "hits by word: " + ", ".join(
        f"{label} {counts.hits_by_label[label] / number:.0%} of {number}"
        for label, number in sorted(counts.words_by_label.items())
    )


def seldom_hit(counts: EventCounts) -> list[str]:
    """Words that are as good as off."""
    return [
        label
        for label, number in sorted(counts.words_by_label.items())
        if counts.hits_by_label[label] < _LEAST_HIT * number
    ]


def plain_counts(counts: EventCounts) -> dict[str, Any]:
    """As `--json` prints them: rates and shares with 95 % intervals, null where there are none."""
    return {
        "hours": {
            "signal": counts.signal_hours,
            "rest": counts.rest_hours,
            "untrusted": counts.untrusted_hours,
        },
        "false_per_hour": counts.false_per_hour().plain(),
        "words": counts.words,
        "hits": counts.share_of_words(counts.hits).plain(),
        "misses": counts.share_of_words(counts.missed).plain(),
        "wrong": counts.share_of_words(counts.wrong).plain(),
        "repeats": counts.repeats,
        "unheard_words": counts.unheard_words,
        "delay_ms": {"p50": counts.delay_ms(50), "p90": counts.delay_ms(90)},
        "by_word": {
            label: {"words": number, "hits": counts.hits_by_label[label]}
            for label, number in sorted(counts.words_by_label.items())
        },
    }


def _threshold(one: float) -> str:
    return f"{one:.3f}" if one < 0.999 else f"{one:.7f}".rstrip("0").rstrip(".")


def _structure(point: OperatingPoint) -> tuple[int, int]:
    return point.settings.smoothing_hops, point.settings.agreement_hops


def _rate(one: Estimate) -> str:
    if one.value is None or one.high is None:
        return "-"
    return f"{_short(one.value)} ({_short(one.low)}-{_short(one.high)})"


def _short(number: float) -> str:
    return f"{number:.2f}" if number < 1 else f"{number:.1f}" if number < 100 else f"{number:.0f}"


def _percent(one: Estimate) -> str:
    if one.value is None or one.high is None:
        return "-"
    return f"{one.value:.1%} ({one.low * 100:.0f}-{one.high * 100:.0f})"


def _delay(counts: EventCounts) -> str:
    p50, p90 = counts.delay_ms(50), counts.delay_ms(90)
    return "-" if p50 is None or p90 is None else f"{p50:.0f} / {p90:.0f}"
