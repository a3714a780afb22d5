"""What literature.py found, as plain data, in; the lines of a page out."""

from collections.abc import Iterator
from typing import Any

from benchmarks.literature_networks import STATIC_BIOFORMER
from benchmarks.machine_facts import in_words
from edgeemg.profiler.boards import BOARDS

Network = dict[str, Any]


def table(plain: dict[str, Any]) -> list[str]:
    """Three tables: sizes beside the published ones, every file, published devices beside ours."""
    networks: dict[str, Network] = plain["networks"]
    boards = list(next(iter(next(iter(networks.values()))["files"].values()))["boards"])
    return [
        "Sizes; what was published stands behind the bar.",
        "",
        *_sizes(networks),
        "",
        "Each file: thousand instructions of one inference, counted on emulated cores, and "
        "milliseconds on one core of a board, which are an estimate and not a time. In brackets: "
        "of the float file's in the same format. `furthest from PyTorch` is the largest "
        "difference of a float file's logits.",
        "",
        *_files(networks, boards),
        "",
        "Times and energies that the authors measured on their devices, beside our estimate for "
        "the file that is cheapest on a board.",
        "",
        *_devices(networks, boards),
        "",
        f"Random weights, {len(networks)} networks, one count a file and core, on emulated "
        f"aarch64 with {_libraries(networks)}. {in_words(plain)}.",
    ]


def _sizes(networks: dict[str, Network]) -> Iterator[str]:
    yield (
        "| network | input | parameters / published | million multiply-accumulates / published | "
        "int8 ONNX, TFLite, kB / published |"
    )
    yield "|---|---|---|---|---|"
    for name, one in networks.items():
        if name == STATIC_BIOFORMER:
            continue  # Bioformer once more
        said = one["published"] or dict.fromkeys(("parameters", "macs", "int8_bytes"))
        sizes = [one["files"][file]["bytes"] / 1e3 for file in _INT8]
        cells = [
            name,
            " x ".join(str(n) for n in one["input"]),
            f"{one['parameters']:,}{_behind(said['parameters'], 1, ',')}",
            f"{one['macs'] / 1e6:.3f}{_behind(said['macs'], 1e6, 'g')}",
            f"{sizes[0]:.1f}, {sizes[1]:.1f}{_behind(said['int8_bytes'], 1e3, 'g')}",
        ]
        yield f"| {' | '.join(cells)} |"


_INT8 = ("model.int8.onnx", "model.int8.tflite")


def _behind(published: int | None, unit: float, form: str) -> str:
    if published is None:
        return ""
    value = published if unit == 1 else published / unit
    return f" / {value:{form}}"


def _files(networks: dict[str, Network], boards: list[str]) -> Iterator[str]:
    cores = [BOARDS[board].cpu.replace("cortex-a", "A") for board in boards]
    yield (
        "| network | file | kB | furthest from PyTorch | "
        + " | ".join([*cores, *(f"{board}, ms" for board in boards)])
        + " |"
    )
    yield "|---|---|---:|---:|" + "---:|" * 2 * len(boards)
    for name, one in networks.items():
        floats = networks.get("Bioformer", one) if name == STATIC_BIOFORMER else one
        for file, facts in one["files"].items():
            beside = floats["files"].get(file.replace(".int8", "")) if facts["recipe"] else None
            yield _file_row(name, file, facts, beside, boards)


def _file_row(
    name: str,
    file: str,
    facts: dict[str, Any],
    beside: dict[str, Any] | None,
    boards: list[str],
) -> str:
    counted = [facts["boards"][board] for board in boards]
    cells = [
        name,
        f"{file} ({facts['recipe']})" if facts["recipe"] else file,
        f"{facts['bytes'] / 1e3:.1f}",
        "" if facts["recipe"] else f"{facts['largest_difference']:.1g}",
        *(_instructions(facts, beside, board) for board in boards),
        *(_interval(one["estimate"]) for one in counted),
    ]
    return f"| {' | '.join(cells)} |"


def _instructions(facts: dict[str, Any], beside: dict[str, Any] | None, board: str) -> str:
    count = facts["boards"][board]["instructions"]
    if beside is None:
        return f"{count / 1e3:,.0f}"
    return f"{count / 1e3:,.0f} ({count / beside['boards'][board]['instructions']:.2f})"


def _devices(networks: dict[str, Network], boards: list[str]) -> Iterator[str]:
    yield (
        "| network | device | published, ms | published, uJ | from | "
        + " | ".join(f"{board}, ms, estimate" for board in boards)
        + " |"
    )
    yield "|---|---|---:|---:|---|" + "---|" * len(boards)
    for name, one in networks.items():
        ours = [_cheapest(one["files"], board) for board in boards]
        for figure in (one["published"] or {"figures": ()})["figures"]:
            spent = figure["microjoules"]
            cells = [
                name,
                figure["device"],
                f"{figure['ms']:g}",
                "" if spent is None else f"{spent:g}",
                figure["source"],
                *ours,
            ]
            yield f"| {' | '.join(cells)} |"


def _cheapest(files: dict[str, Any], board: str) -> str:
    """By the high end of the estimate: what can be promised."""
    highs = {file: facts["boards"][board]["estimate"]["high_us"] for file, facts in files.items()}
    file = min(highs, key=lambda one: highs[one])
    return f"{_interval(files[file]['boards'][board]['estimate'])} ({file})"


def _interval(estimate: dict[str, Any]) -> str:
    return f"{estimate['low_us'] / 1e3:.2g} to {estimate['high_us'] / 1e3:.2g}"


def _libraries(networks: dict[str, Network]) -> str:
    found = {
        board["library"]
        for one in networks.values()
        for facts in one["files"].values()
        for board in facts["boards"].values()
    }
    return " and ".join(sorted(found))
