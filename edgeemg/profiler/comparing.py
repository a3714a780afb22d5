"""Two reports in; file by file how they differ, and whether that is more than their spread, out."""

from collections.abc import Iterator, Mapping
from typing import Any

from edgeemg.errors import ManifestError

Plain = Mapping[str, Any]
SCHEMA_VERSION = 1


def compare(first: Plain, second: Plain, *, names: tuple[str, str]) -> dict[str, Any]:
    """What `profile --compare --json` prints, of two measured or two emulated reports.

    A row holds the second's figure over the first's, and whether the difference is more than what
    rounds of either differ by. Counts have no spread: more than 0.1 % is a difference (boards.md).
    ManifestError where the reports are of two kinds, or share nothing.
    """
    if first["kind"] != second["kind"]:
        raise ManifestError(
            f"one report is {first['kind']}, the other {second['kind']}: times and counts "
            "cannot be compared"
        )
    rows = list((_measured if first["kind"] == "measured" else _emulated)(first, second))
    if not rows:
        raise ManifestError("the reports share no file that both have figures of")
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": first["kind"],
        "names": list(names),
        "machines": [_machine(one) for one in (first, second)],
        "bundles": [one["bundle"]["name"] for one in (first, second)],
        "warnings": _warnings(first, second),
        "rows": rows,
    }


def comparison_table(found: Plain) -> str:
    """At most 100 columns."""
    lines = []
    for name, machine, bundle in zip(
        found["names"], found["machines"], found["bundles"], strict=True
    ):
        lines.append(f"{name}: {bundle}, {found['kind']} on {machine}")
    unit = "p50, ms" if found["kind"] == "measured" else "instructions"
    one, two = (name[-14:] for name in found["names"])
    lines += [
        "",
        f"{unit:<32}{one:>15}{two:>15}{'ratio':>8}{'spread':>8}  {'verdict':<10}{'peak MB':>9}",
    ]
    lines += [_line(row, found["kind"]) for row in found["rows"]]
    lines += ["", "ratio: the second over the first; spread: what rounds of both differ by"]
    return "\n".join([*lines, *(f"note: {one}" for one in found["warnings"])])


def _line(row: Plain, kind: str) -> str:
    unit, form = (1e3, ",.3f") if kind == "measured" else (1, ",.0f")
    cells = "".join(f"{row[name] / unit:>15{form}}" for name in ("first", "second"))
    peak = "-" if row["peak_mb_difference"] is None else f"{row['peak_mb_difference']:+.1f}"
    return (
        f"{row['what']:<32}{cells}{row['ratio']:>8.3f}{row['spread']:>8.1%}"
        f"  {row['verdict']:<10}{peak:>9}"
    )


def _measured(first: Plain, second: Plain) -> Iterator[dict[str, Any]]:
    others = {one["file"]: one for one in second["files"] if one["latency_us"]}
    for one in first["files"]:
        other = others.get(one["file"])
        if one["latency_us"] is None or other is None:
            continue
        spread = one["p50_spread"] + other["p50_spread"]
        peaks = [(each["memory_mb"] or {}).get("peak") for each in (one, other)]
        yield _row(one["file"], one["latency_us"]["p50"], other["latency_us"]["p50"], spread, peaks)


def _emulated(first: Plain, second: Plain) -> Iterator[dict[str, Any]]:
    """Boards by name; where each report has one alone, that one beside the other."""
    boards = [list(one["boards"]) for one in (first, second)]
    shared = [(name, name) for name in boards[0] if name in boards[1]]
    for name, other in shared or [(boards[0][0], boards[1][0])]:
        files = {one["file"]: one for one in second["boards"][other]["files"]}
        for one in first["boards"][name]["files"]:
            two = files.get(one["file"])
            if two is None or "instructions" not in one or "instructions" not in two:
                continue
            what = f"{name if name == other else f'{name}, {other}'} {one['file']}"
            peaks = [each["peak_memory_mb"] for each in (one, two)]
            yield _row(what, one["instructions"], two["instructions"], 0.001, peaks)


def _row(
    what: str, first: float, second: float, spread: float, peaks: list[float | None]
) -> dict[str, Any]:
    ratio = second / first
    verdict = "more" if ratio > 1 else "less"
    before, after = peaks
    return {
        "what": what,
        "first": first,
        "second": second,
        "ratio": round(ratio, 4),
        "spread": round(spread, 4),
        "verdict": "the same" if abs(ratio - 1) <= spread else verdict,
        "peak_mb_difference": None if before is None or after is None else round(after - before, 3),
    }


def _machine(report: Plain) -> str:
    if report["kind"] == "measured":
        return str(report["machine"]["name"])
    return ", ".join(report["boards"])


def _warnings(first: Plain, second: Plain) -> list[str]:
    said = []
    for place, one in (("first", first), ("second", second)):
        if one.get("invalid_because"):
            said.append(f"the {place} run is not valid: {one['invalid_because']}")
    keys = ("name", "parameters", "macs", "window_ms", "hop_ms")
    if any(first["bundle"][key] != second["bundle"][key] for key in keys):
        said.append("the reports are of different models")
    return said
