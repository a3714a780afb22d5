"""A profile in, tables of at most 100 columns out."""

from collections.abc import Iterator, Sequence

from edgeemg.profiler.board import State
from edgeemg.profiler.file_profiles import FileProfile
from edgeemg.profiler.golden import in_words
from edgeemg.profiler.report import Profile

_PERCENTILES = ("p50", "p90", "p95", "p99", "max")
_STAGES = ("runtime", "engine", "loaded", "peak")


def profile_tables(profile: Profile) -> str:
    """What was measured, where, and how sure it is."""
    lines = [*_heading(profile), "", _latency_head(), *map(_latency_row, profile.files)]
    measured = _measured(profile)
    if measured:
        lines += ["", _memory_head(), *map(_memory_row, measured)]
    return "\n".join([*lines, "", *_remarks(profile)])


def _measured(profile: Profile) -> list[FileProfile]:
    return [one for one in profile.files if one.status == "measured"]


def _heading(profile: Profile) -> Iterator[str]:
    facts = profile.bundle
    measured = _measured(profile)
    yield (
        f"{facts['name']}: {facts['family']}, {facts['parameters']:,} parameters, "
        f"{facts['macs'] / 1e6:.2f} M multiply-adds, "
        f"window {facts['window_ms']:g} ms, hop {facts['hop_ms']:g} ms"
    )
    engines = ", ".join(sorted({one.engine_version or "" for one in measured}))
    yield f"measured on this machine: {profile.machine.name}"
    yield f"with {', '.join(filter(None, [f'Python {profile.machine.python}', engines]))}"
    if measured:
        yield (
            f"{measured[0].runs:,} inferences of each file on one thread, "
            f"the files in turns, in {profile.rounds} fresh processes each"
        )
    before, after = _state(profile.before), _state(profile.after)
    if before or after:
        yield f"board before: {before}"
        yield f"board after:  {after}"


def _state(state: State) -> str:
    said = {
        "governor {}": state.governor,
        "{:.0f} MHz": state.clock_mhz,
        "{:.0f} MHz measured": state.measured_clock_mhz,
        "{:.1f} °C": state.temperature_c,
        "throttled {}": state.throttled,
    }
    return ", ".join(text.format(value) for text, value in said.items() if value is not None)


def _latency_head() -> str:
    percentiles = "".join(f"{name:>9}" for name in _PERCENTILES)
    return f"{'one inference, ms':<20}{percentiles}{'first':>9}{'spread':>9}{'of hop':>9}"


def _latency_row(one: FileProfile) -> str:
    if one.latency_us is None:
        return f"{one.file:<20}   {one.status}: {one.reason}"
    times = "".join(f"{one.latency_us[name] / 1000:>9.3f}" for name in _PERCENTILES)
    return (
        f"{one.file:<20}{times}{(one.first_us or 0) / 1000:>9.3f}"
        f"{one.p50_spread or 0:>8.0%} {one.real_time_factor or 0:>8.2%}"
    )


def _memory_head() -> str:
    head = f"{'size and start':<20}{'kB':>9}{'import ms':>11}{'load ms':>9}"
    return f"{head}{'runtime':>8}{'engine':>8}{'loaded':>8}{'peak MB':>8}  golden answers"


def _memory_row(one: FileProfile) -> str:
    stages = "".join(_cell((one.memory_mb or {}).get(stage), 8) for stage in _STAGES)
    times = f"{_cell(one.import_ms, 11)}{_cell(one.load_ms, 9)}"
    return f"{one.file:<20}{one.bytes / 1000:>9.1f}{times}{stages}  {_golden(one)}"


def _golden(one: FileProfile) -> str:
    word = "ok" if one.correct else "WRONG"
    labels = f"{one.agreeing_labels}/{one.golden_inputs}"
    return f"{word} {labels} {in_words(one.largest_difference)}"


def _cell(value: float | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.1f}"


def _remarks(profile: Profile) -> Sequence[str]:
    baseline = profile.baseline_mb
    lines = [
        "spread: from the fastest to the slowest round's p50; of hop: p50 over the hop",
        "golden answers: labels as this file gave at export, and how far the worst logit is off",
    ]
    if baseline["python"] is not None and baseline["numpy"] is not None:
        lines.append(
            f"MB: resident after each step in a fresh process; here Python alone holds "
            f"{baseline['python']:.1f}, with numpy {baseline['numpy']:.1f}"
        )
    lines += [f"note: {one}" for one in profile.notes]
    if profile.invalid_because is not None:
        lines.append(
            f"NOT VALID: {profile.invalid_because} during the run; mend power or cooling, "
            "restart the board, profile again"
        )
    return lines
