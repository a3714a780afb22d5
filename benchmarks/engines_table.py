"""The figures of benchmarks.engines in; lines of a page out. Nothing is measured here."""

import statistics
from collections.abc import Iterator
from typing import Any

from benchmarks.engines_rows import REFERENCE
from benchmarks.machine_facts import in_words

_SHORT = {"cortex-a53": "A53", "cortex-a72": "A72", "cortex-a76": "A76"}


def table(plain: dict[str, Any]) -> list[str]:
    """A table for each network, who is best in it, and how it was measured."""
    lines: list[str] = []
    for network in plain["networks"]:
        lines += [*_network(network, plain["cpus"]), ""]
    windows = " and ".join(f"{one['windows']}" for one in plain["networks"])
    return [
        *lines,
        f"Time here: the median inference of a process; beside it over that of "
        f"{' '.join(REFERENCE)} in the same round: median (lowest to highest) of {plain['rounds']} "
        f"rounds, {plain['inferences']} inferences a fresh process, one window at a time, one "
        "thread. Instructions: emulated, of one inference with its Python call; counted, not a "
        "time. Memory: the most that the process held, with Python and numpy. Answers: largest "
        f"distance from PyTorch's float logits over {windows} held-out windows, and how many "
        f"labels agree. {in_words(plain)}.",
    ]


def _network(network: dict[str, Any], cpus: list[str]) -> Iterator[str]:
    channels, samples = network["shape"]
    emg = "trained on generated EMG" if network["generated_emg"] else "trained on recorded EMG"
    yield (
        f"**{network['network']}**, {network['parameters']:,} parameters, {network['macs']:,} "
        f"multiply-accumulates, {channels} channels x {samples} samples at "
        f"{network['sample_rate_hz']:g} Hz, {emg}:"
    )
    yield ""
    yield (
        "| engine | precision | file, kB | time here, µs | times the reference | "
        + "".join(f"M instructions, {_SHORT[one]} | " for one in cpus)
        + "peak memory here, MB | on aarch64, MB | largest error | labels agree |"
    )
    yield "|---|---|" + "---:|" * (7 + len(cpus))
    base = _of(network["rows"], *REFERENCE)["here"]["p50_us"]
    for row in network["rows"]:
        yield _absent(row, len(cpus)) if "absent" in row else _line(row, base, cpus)
    yield ""
    yield from _notes(network["rows"], cpus)
    yield _best(network["rows"], cpus)


def _of(rows: list[dict[str, Any]], engine: str, precision: str) -> dict[str, Any]:
    return next(one for one in rows if (one["engine"], one["precision"]) == (engine, precision))


def _absent(row: dict[str, Any], cpus: int) -> str:
    return f"| {row['engine']} | {row['precision']} |" + " |" * (7 + cpus)


def _line(row: dict[str, Any], base: list[float], cpus: list[str]) -> str:
    took = row["here"]["p50_us"]
    took_us = statistics.median(took)
    ratios = [one / other for one, other in zip(took, base, strict=True)]
    counts = [_count(row.get("aarch64", {}).get(cpu)) for cpu in cpus]
    memory = [one.get("peak_memory_mb") for one in row.get("aarch64", {}).values()]
    held = [one for one in memory if one is not None]
    cells = [
        row["engine"],
        _precision(row),
        f"{row['bytes'] / 1e3:.0f}",
        f"{took_us:.3g}" if took_us < 1000 else f"{took_us:,.0f}",
        f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})",
        *counts,
        f"{max(row['here']['peak_rss_mb']):.1f}",
        f"{max(held):.1f}" if held else "",
        *_answers(row),
    ]
    return f"| {' | '.join(cells)} |"


def _precision(row: dict[str, Any]) -> str:
    """With how much of the network it is of, by the recipe's name."""
    how = row["recipe"].partition("_wi8")[0].replace("_", " ")
    return f"{row['precision']}, {how}" if how else row["precision"]


def _count(found: dict[str, Any] | None) -> str:
    if found is None or "absent" in found:
        return ""
    wrong = " (wrong answers)" if found["answers"]["wrong"] else ""
    return f"{found['instructions'] / 1e6:.3f}{wrong}"


def _answers(row: dict[str, Any]) -> tuple[str, str]:
    """Of this machine; a core that answers wrongly says so at its count."""
    answers = row["answers"]
    error = "none" if answers["max_error"] is None else f"{answers['max_error']:.1g}"
    agree = f"{answers['agreement']:.1%}"
    return error, f"**wrong**: {agree}" if answers["wrong"] else agree


def _notes(rows: list[dict[str, Any]], cpus: list[str]) -> Iterator[str]:
    """Why a row or a core is empty."""
    for row in rows:
        title = f"{row['engine']} {row['precision']}"
        if "absent" in row:
            yield f"- {title} is left out: {row['absent']}."
        for cpu in cpus:
            if why := row.get("aarch64", {}).get(cpu, {}).get("absent"):
                yield f"- {title} on {_SHORT[cpu]}: {why}."
    yield ""


def _best(rows: list[dict[str, Any]], cpus: list[str]) -> str:
    """Who needs least, of the rows whose answers are right."""
    right = [one for one in rows if "here" in one and not one["answers"]["wrong"]]
    fastest = min(right, key=lambda one: statistics.median(one["here"]["p50_us"]))
    said = [f"here {_title(fastest)}"]
    for cpu in cpus:
        there = [(_right_count(one, cpu), one) for one in right]
        counted = [(count, one) for count, one in there if count is not None]
        if counted:
            said.append(f"on {_SHORT[cpu]} {_title(min(counted, key=lambda one: one[0])[1])}")
    least = min(right, key=lambda one: max(one["here"]["peak_rss_mb"]))
    return f"Least time or instructions: {', '.join(said)}; least memory here: {_title(least)}."


def _right_count(row: dict[str, Any], cpu: str) -> int | None:
    found = row.get("aarch64", {}).get(cpu, {})
    if "instructions" not in found or found["answers"]["wrong"]:
        return None
    count: int = found["instructions"]
    return count


def _title(row: dict[str, Any]) -> str:
    return f"{row['engine']} {row['precision']}"
