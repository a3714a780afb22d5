"""The model files that an inspection found in; tables of at most 100 columns, and words, out."""

import textwrap
from collections.abc import Iterator
from typing import Any

_WIDTH = 100
UNBROKEN = "\xa0"  # a space that no line ends at, until it is printed
# a key of `operators`, its heading, and the column's width
_KINDS = (
    ("total", "operators", 11),
    ("int8", "int8", 6),
    ("int8_weights", "int8 weights", 14),
    ("unpacking", "unpacking", 11),
    ("conversions", "conversions", 13),
    ("other", "other", 7),
)


def file_tables(found: dict[str, Any]) -> Iterator[str]:
    """What each file is and how good, then what it does; then what the columns are."""
    yield (
        f"{'file':<19} {'recipe':<22}{'kB':>9}{'M MACs':>9}{'in int8':>9}"
        f"{'agree':>10}{'drop':>8}{'gates':>9}"
    )
    yield from map(_file_row, found["files"])
    yield ""
    kinds = "".join(f"{heading:>{width}}" for _, heading, width in _KINDS)
    yield f"{'file':<19}{kinds}{'XNNPACK':>10}{'outside':>8}"
    yield from map(_operators_row, found["files"])
    yield from _remarks(found)


def _file_row(one: dict[str, Any]) -> str:
    operators, parity = one["operators"] or {}, one["parity"] or {}
    macs, narrow = operators.get("macs"), operators.get("int8_macs")
    share = narrow / macs if macs and narrow is not None else None
    passed = {True: "passed", False: "FAILED", None: None}[parity.get("passed")]
    return (
        f"{one['file']:<19} {one['recipe'] or one['precision']:<22}{one['bytes'] / 1000:>9.1f}"
        f"{_cell(macs, '{:.3f}', 1e6):>9}{_share(share):>9}"
        f"{_cell(parity.get('label_agreement'), '{:.2%}'):>10}"
        f"{_cell(parity.get('balanced_accuracy_drop'), '{:.2f}', 0.01):>8}{passed or '-':>9}"
    )


def _operators_row(one: dict[str, Any]) -> str:
    operators = one["operators"] or {}
    kinds = "".join(f"{operators.get(name, '-'):>{width}}" for name, _, width in _KINDS)
    taken, outside = "-", "-"
    if delegated := operators.get("delegated"):
        taken = f"{delegated['operators']} in {delegated['partitions']}"
        outside = str(sum(delegated["outside"].values()))
    return f"{one['file']:<19}{kinds}{taken:>10}{outside:>8}"


def _remarks(found: dict[str, Any]) -> Iterator[str]:
    for remark in _columns(found):
        yield from textwrap.wrap(remark, _WIDTH, subsequent_indent="    ", break_on_hyphens=False)


def _columns(found: dict[str, Any]) -> Iterator[str]:
    yield (
        "M MACs: million multiply-accumulates of one inference, counted in the file; "
        "in int8: the share of them that multiply 8-bit integers"
    )
    if found["held_out"]:
        windows = f"{found['held_out']['windows']:,} held-out windows"
        yield f"agree: same label as PyTorch, on {windows}; drop: balanced accuracy lost, in points"
    yield (
        "int8: operators with 8-bit activations in and out; int8 weights: with float activations; "
        "unpacking: stored weights to float, once; conversions: of activations, each costs time"
    )
    if any((one["operators"] or {}).get("delegated") for one in found["files"]):
        yield (
            "XNNPACK: how many operators TFLite's fast kernels take here, in how many partitions; "
            "outside: those left to TFLite's own kernels"
        )


def in_words(one: dict[str, Any]) -> str:
    """A file's arithmetic, its operators by name, and what the fast kernels leave."""
    said = [
        one["explanation"],
        *_operators(one["operators"]),
        one["operators_missing"],
        *_worst_layers(one["parity"] or {}),
    ]
    return f"{one['file']}: {'; '.join(filter(None, said))}"


def _operators(operators: dict[str, Any] | None) -> Iterator[str]:
    if operators is None:
        return
    seen = {"engine": "runs", "file": "holds"}[operators["seen_in"]]
    yield f"{seen} {_by_name(operators['counts'])}"
    outside = (operators["delegated"] or {}).get("outside")
    if outside and sum(outside.values()) < operators["total"]:
        yield f"outside XNNPACK: {_by_name(outside)}"


def _worst_layers(parity: dict[str, Any]) -> Iterator[str]:
    """Of a file that failed: where to look."""
    layers = parity.get("worst_layers")
    if layers and parity.get("passed") is False:
        told = ", ".join(f"{one['layer']} ({one['snr_db']:.1f} dB)" for one in layers)
        yield f"layers that are worst, by signal to int8 noise: {told}"


def _by_name(counts: dict[str, int]) -> str:
    return ", ".join(f"{count}{UNBROKEN}{name}" for name, count in counts.items())


def _share(share: float | None) -> str:
    return ">99%" if share is not None and 0.995 <= share < 1 else _cell(share, "{:.0%}")


def _cell(value: float | None, form: str, unit: float = 1) -> str:
    return "-" if value is None else form.format(value / unit)
