"""A measured report in, tables of at most 100 columns out."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edgeemg.profiler.golden import in_words
from edgeemg.profiler.percentiles import PERCENTILES
from edgeemg.profiler.stages import STAGES

Plain = Mapping[str, Any]
_MEMORY = ("runtime", "engine", "loaded", "peak", "pss")
_MOST_OPERATORS = 6
_WIDTH = 100


def profile_tables(report: Plain) -> str:
    """What was measured, where, and how sure it is. `report` as `edgeemg profile --json` has it."""
    lines = [*_heading(report), "", _latency_head(), *map(_latency_row, report["files"])]
    measured = _measured(report)
    if measured:
        lines += ["", _memory_head(), *map(_memory_row, measured)]
        lines += ["", *_stages(measured)]
        for one in measured:
            lines += _operators(one)
        lines += _energy(measured)
    remarks = [row for one in _remarks(report) for row in textwrap.wrap(one, _WIDTH)]
    return "\n".join([*lines, "", *remarks])


def _measured(report: Plain) -> list[Plain]:
    return [one for one in report["files"] if one["status"] == "measured"]


def _heading(report: Plain) -> Iterator[str]:
    facts, machine = report["bundle"], report["machine"]
    measured = _measured(report)
    yield (
        f"{facts['name']}: {facts['family']}, {facts['parameters']:,} parameters, "
        f"{facts['macs'] / 1e6:.2f} M multiply-adds, "
        f"window {facts['window_ms']:g} ms, hop {facts['hop_ms']:g} ms"
    )
    engines = ", ".join(sorted({one["engine_version"] or "" for one in measured}))
    yield f"measured on this machine: {machine['name']}"
    yield ", ".join(filter(None, [f"with Python {machine['python']}", engines]))
    if measured:
        yield (
            f"{measured[0]['runs']:,} inferences of each file on one thread, "
            f"the files in turns, in {report['settings']['rounds']} fresh processes each"
        )
    before, after = _state(report["board"]["before"]), _state(report["board"]["after"])
    if before or after:
        yield f"board before: {before}"
        yield f"board after:  {after}"


def _state(state: Plain) -> str:
    said = {
        "governor {}": state["governor"],
        "{:.0f} MHz": state["clock_mhz"],
        "{:.0f} MHz measured": state["measured_clock_mhz"],
        "{:.1f} °C": state["temperature_c"],
        "throttled {}": state["throttled"],
    }
    return ", ".join(text.format(value) for text, value in said.items() if value is not None)


def _latency_head() -> str:
    percentiles = "".join(f"{name:>9}" for name in PERCENTILES)
    return f"{'one inference, ms':<20}{percentiles}{'first':>9}{'spread':>9}{'of hop':>9}"


def _latency_row(one: Plain) -> str:
    if one["latency_us"] is None:
        return f"{one['file']:<20}   {one['status']}: {one['reason']}"
    times = "".join(f"{one['latency_us'][name] / 1000:>9.3f}" for name in PERCENTILES)
    return (
        f"{one['file']:<20}{times}{(one['first_us'] or 0) / 1000:>9.3f}"
        f"{one['p50_spread'] or 0:>8.0%} {one['real_time_factor'] or 0:>8.2%}"
    )


def _memory_head() -> str:
    stages = "".join(f"{name:>8}" for name in _MEMORY)
    return f"{'kB, start ms, MB':<20}{'kB':>8}{'import':>8}{'load':>7}{stages}  golden"


def _memory_row(one: Plain) -> str:
    stages = "".join(_cell((one["memory_mb"] or {}).get(stage), 8) for stage in _MEMORY)
    times = f"{_cell(one['import_ms'], 8)}{_cell(one['load_ms'], 7)}"
    return f"{one['file']:<20}{one['bytes'] / 1000:>8.1f}{times}{stages}  {_golden(one)}"


def _golden(one: Plain) -> str:
    word = "ok" if one["correct"] else "WRONG"
    labels = f"{one['agreeing_labels']}/{one['golden_inputs']}"
    return f"{word} {labels} {in_words(one['largest_difference'])}"


def _stages(files: Sequence[Plain]) -> Iterator[str]:
    heads = "".join(f"{name:>9}" for name in STAGES)
    yield f"{'one hop, p50 ms':<20}{heads}{'all':>9}{'p99':>9}{'GMAC/s':>8}{'of peak':>8}"
    for one in files:
        speed = (one["multiply_adds_per_second"] or 0) / 1e9
        peak = "-" if one["share_of_peak"] is None else f"{one['share_of_peak']:.1%}"
        if one["stages"] is None:
            yield f"{one['file']:<20}{'not measured':>15}{speed:>56.2f}{peak:>8}"
            continue
        spent, hop = one["stages"]["stages_us"], one["stages"]["hop_us"]
        cells = "".join(f"{spent[name]['p50'] / 1e3:>9.3f}" for name in STAGES)
        whole = f"{hop['p50'] / 1e3:>9.3f}{hop['p99'] / 1e3:>9.3f}"
        yield f"{one['file']:<20}{cells}{whole}{speed:>8.2f}{peak:>8}"


def _operators(one: Plain) -> Iterator[str]:
    """The slowest operators of a file whose engine tells."""
    if not one["operators"]:
        return
    slowest = sorted(one["operators"], key=lambda each: -each["p50_us"])
    whole = sum(each["p50_us"] for each in slowest)
    yield ""
    yield f"{one['file']}: {len(slowest)} operators, the slowest:"
    for each in slowest[:_MOST_OPERATORS]:
        macs = "" if not each["macs"] else f"{each['macs'] / 1e6:>9.3f} M MACs"
        yield (
            f"  {each['kind'][:24]:<25}{each['name'][:32]:<33}"
            f"{each['p50_us']:>8.1f} us{each['p50_us'] / whole:>6.0%}{macs}"
        )


def _energy(files: Sequence[Plain]) -> Iterator[str]:
    for one in files:
        if spent := one["energy"]:
            yield ""
            yield (
                f"{one['file']}: {spent['millijoules']:.3f} mJ an inference above idle; "
                f"{spent['watts']:.2f} W busy, {spent['idle_watts']:.2f} W idle "
                f"({spent['source']})"
            )


def _cell(value: float | None, width: int) -> str:
    return f"{'-':>{width}}" if value is None else f"{value:>{width}.1f}"


def _remarks(report: Plain) -> Sequence[str]:
    baseline = report["baseline_mb"]
    lines = [
        "spread: from the fastest to the slowest round's p50; of hop: p50 over the hop",
        "golden answers: labels as this file gave at export, and how far the worst logit is off",
        "one hop: from bytes of our own sensor protocol, generated noise in reads of 4 ms, to a "
        "decision",
        "GMAC/s: multiply-adds of the network; of peak: of what the core could do at most",
    ]
    if baseline["python"] is not None and baseline["numpy"] is not None:
        lines.append(
            f"MB: resident after each step in a fresh process; here Python alone holds "
            f"{baseline['python']:.1f}, with numpy {baseline['numpy']:.1f}; pss: pages that others "
            "map too counted in shares"
        )
    lines += [f"note: {one}" for one in report["notes"]]
    if report["invalid_because"] is not None:
        lines.append(
            f"NOT VALID: {report['invalid_because']} during the run; mend power or cooling, "
            "restart the board, profile again"
        )
    return lines
