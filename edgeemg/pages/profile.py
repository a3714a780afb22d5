"""A report of `edgeemg profile` in, an HTML page out."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from edgeemg.errors import needs_extra
from edgeemg.pages.bars import intervals, spreads, stacked
from edgeemg.pages.page import page
from edgeemg.pages.plot import Plot
from edgeemg.pages.svg import inline

Plain = Mapping[str, Any]


def profile_page(report: Plain) -> str:
    """One self-contained page of what `edgeemg profile --json` prints, measured or emulated.

    MissingExtraError without the `train` extra, which a device does not have: take the JSON to
    another machine.
    """
    with needs_extra("train", "a page (or make it elsewhere, of what --json printed)"):
        import matplotlib  # noqa: F401  # asked for before any work
    plots = list((_measured if report["kind"] == "measured" else _emulated)(report))
    content = {
        "report": report,
        "counted": [one for one in report.get("files", ()) if one["status"] == "measured"],
        "plots": [
            {"plot": plot, "svg": inline(plot.svg, plot.name, title=plot.title)} for plot in plots
        ],
    }
    return page(f"profile_{report['kind']}.html", content)


def _measured(report: Plain) -> Iterator[Plot]:
    files = [one for one in report["files"] if one["status"] == "measured"]
    if not files:
        return
    yield Plot(
        "latency",
        "Time of one inference",
        "Every timed inference; line: p50, dashes: p99. A tail that other programs made is in it.",
        spreads(
            "latency",
            {one["file"]: _histogram(one) for one in files},
            {one["file"]: _ends(one) for one in files},
            "milliseconds",
        ),
    )
    staged = {one["file"]: one["stages"]["stages_us"] for one in files if one["stages"]}
    if staged:
        parts = list(next(iter(staged.values())))
        rows = {file: [one[part]["p50"] / 1e3 for part in parts] for file, one in staged.items()}
        yield Plot(
            "stages",
            "Stages of one hop",
            "p50 of each, from a sensor's bytes to a decision, with each file as the network.",
            stacked("stages", rows, parts, "milliseconds a hop"),
        )
    kept = {one["file"]: _memory(one["memory_mb"]) for one in files if _known(one["memory_mb"])}
    if kept:
        yield Plot(
            "memory",
            "Memory",
            "Resident megabytes of a fresh process, step by step up to its peak.",
            stacked("memory", kept, ["runtime", "engine", "model", "inference"], "MB"),
        )


def _emulated(report: Plain) -> Iterator[Plot]:
    for name, board in report["boards"].items():
        files = [one for one in board["files"] if one["status"] == "counted"]
        if not files:
            continue
        yield Plot(
            f"{name}-estimate",
            f"{board['title']}: time of one inference, an estimate",
            "From a bound of the core to a calibrated upper end. Nothing was measured on a board.",
            intervals(f"{name}-estimate", {one["file"]: _low_high(one) for one in files}, "ms"),
        )
        parts = list(files[0]["by_kind"])
        rows = {one["file"]: [one["by_kind"][part] / 1e6 for part in parts] for one in files}
        short = [part.replace("float multiply-add", "float FMA") for part in parts]
        yield Plot(
            f"{name}-kinds",
            f"{board['title']}: instructions of one inference",
            "Counted on the emulated core, by what they do.",
            stacked(f"{name}-kinds", rows, short, "million instructions"),
        )


def _histogram(one: Plain) -> tuple[list[float], list[float]]:
    its = one["histogram"]
    return [edge / 1e3 for edge in its["edges_us"]], its["counts"]


def _ends(one: Plain) -> tuple[float, float]:
    return one["latency_us"]["p50"] / 1e3, one["latency_us"]["p99"] / 1e3


def _known(memory: Plain | None) -> bool:
    steps = ("runtime", "engine", "loaded", "peak")
    return memory is not None and all(memory[one] is not None for one in steps)


def _memory(memory: Plain) -> list[float]:
    """What each step added."""
    steps = [memory[one] for one in ("runtime", "engine", "loaded", "peak")]
    return [steps[0], *(max(0.0, two - one) for one, two in pairwise(steps))]


def _low_high(one: Plain) -> tuple[float, float]:
    return one["estimate_us"]["low_us"] / 1e3, one["estimate_us"]["high_us"] / 1e3
