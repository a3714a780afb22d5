"""`edgeemg inspect`: a bundle in, what it holds in plain words out."""

import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from edgeemg.cli.board_tables import board_tables
from edgeemg.cli.file_tables import UNBROKEN, file_tables, in_words

_WIDTH = 100
_INDENT = 11


@click.command(short_help="What a bundle holds, and what was really quantised.")
@click.argument("bundle", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print everything on stdout.")
def inspect(bundle: Path, as_json: bool) -> None:
    """Tell what a bundle takes, decides and was trained on, and what each model file does.

    Every file is checked against its sha256 first. Gates that failed at export come first. ONNX
    operators are told as onnxruntime runs them on this machine, TFLite operators as the file holds
    them, with what XNNPACK takes of them here; either takes its engine. The text goes to stderr,
    so that stdout is for --json.

    \b
    edgeemg inspect bundles/cnn
    edgeemg inspect bundles/cnn 2>&1 | less
    edgeemg inspect bundles/cnn --json | jq '.files[].operators'
    edgeemg inspect bundles/cnn --json | jq .choice
    """
    from edgeemg.profiler.inspection import inspect_bundle
    from edgeemg.runtime.bundle import open_bundle

    found = inspect_bundle(open_bundle(bundle))
    if found["failed_gates"]:
        click.secho(_failed(found["failed_gates"]), fg="red", bold=True, err=True)
    click.echo(_text(found), err=True)
    if as_json:
        import json

        click.echo(json.dumps(found, indent=2))


def _text(found: dict[str, Any]) -> str:
    """The manifest in plain words, a table of the files, and their operators."""
    created = found["created"].partition("T")[0]
    lines = [f"{found['name']}, made {created} with edgeemg {found['edgeemg_version']}"]
    lines += [_fact(name, text) for name, text in _facts(found)]
    lines += ["", *file_tables(found), ""]
    lines += [_wrapped(text, indent=4) for text in map(in_words, found["files"])]
    if found["boards"]:
        lines += ["", board_tables(found["boards"])]
    return "\n".join(lines)


def _failed(sentences: list[str]) -> str:
    head = "GATES FAILED: this bundle was written in spite of it, because of --allow-fail:"
    return "\n".join([head, *(_wrapped(f"  {one}", indent=4) for one in sentences)])


def _facts(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    rest, rate = found["rest_label"], found["sample_rate_hz"]
    words = ", ".join(one for one in found["labels"] if one != rest)
    yield "decides", f"{words}; {f'rest is {rest}' if rest else 'there is no rest label'}"
    channels = ", ".join(one["name"] for one in found["channels"])
    units = ", ".join(dict.fromkeys(one["unit"] for one in found["channels"]))
    yield "sensor", f"{len(found['channels'])} channels at {rate:g} Hz: {channels} ({units})"
    yield (
        "window",
        f"{found['window_ms']:g} ms ({found['window_samples']} samples), a new one every "
        f"{found['hop_ms']:g} ms ({found['hop_samples']} samples)",
    )
    for band in found["bands"]:
        yield "filters", _band(band, rate / 2)
    scale = found["scale_microvolts"]
    yield (
        "input",
        f"(1, band x channel, time) = {tuple(found['input_shape'])}: filtered microvolts over "
        f"{_range(scale)}, clipped to ±{found['clip']:g}",
    )
    yield "model", _model(found)
    if found["state"]:
        yield "state", _state(found)
    for board, one in found["choice"].items():
        yield "chosen", _choice(board, one)
    yield "decision", _decision(found["decision"])
    yield from _training(found)


def _band(band: dict[str, Any], nyquist_hz: float) -> str:
    count = band["sections"]
    passes = ", ".join(_stretch(low, high, nyquist_hz) for low, high in band["passes_hz"])
    return f"{band['name']}: {count} second-order sections; -3 dB: {passes or 'nothing passes'}"


def _stretch(low: float, high: float, nyquist_hz: float) -> str:
    if low == 0 and high >= nyquist_hz:
        return "everything"
    if low == 0:
        return f"up to {_hz(high)} Hz"
    if high >= nyquist_hz:
        return f"{_hz(low)} Hz and up"
    return f"{_hz(low)} to {_hz(high)} Hz"


def _hz(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.1f}"


def _range(scale: list[float]) -> str:
    low, high = (f"{one:,.0f}" if one >= 100 else f"{one:.3g}" for one in (min(scale), max(scale)))
    return low if low == high else f"{low} to {high}"


def _model(found: dict[str, Any]) -> str:
    model = found["model"]
    modes = {"window": "takes whole windows", "stream": "keeps state from hop to hop"}
    return (
        f"{model['family']}, {model['parameters']:,} parameters, "
        f"{model['macs'] / 1e6:.2f} M multiply-adds, {modes[found['mode']]}"
    )


def _state(found: dict[str, Any]) -> str:
    shapes = ", ".join(f"{one['name']} {tuple(one['shape'])}" for one in found["state"])
    sizes = ", ".join(
        f"{one['state_bytes']:,} bytes in {one['file']}"
        for one in found["files"]
        if one["state_bytes"] is not None
    )
    return f"{len(found['state'])} tensors, kept from hop to hop: {shapes}{sizes and '; '}{sizes}"


def _choice(board: str, one: dict[str, Any]) -> str:
    return (
        f"for {board}: {one['file']} ({one['instructions']:,} instructions, "
        f"{one['peak_memory_bytes'] / 1e6:.1f} MB peak, emulated)"
    )


def _decision(settings: dict[str, Any]) -> str:
    own = ", ".join(f"{label} {one:g}" for label, one in settings["thresholds"].items())
    return (
        f"mean of {settings['smoothing_hops']} hops at {settings['threshold']:g} or more"
        f"{f' ({own})' if own else ''}, {settings['agreement_hops']} hops agreeing, "
        f"none for {settings['refractory_ms']:g} ms after one"
        f"{'; ' + settings['origin'] if settings['origin'] else ''}"
    )


def _training(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    training = found["training"]
    kind = "generated EMG, not recorded" if training["generated"] else "recorded EMG"
    yield (
        "trained on",
        f"{training['data']} ({kind}): {training['recordings']} recordings, "
        f"{training['trials']:,} trials, seed {training['seed']}; {training['licence']}",
    )
    yield "protocol", training["protocol"]
    figures = [
        f"{name.replace('_', ' ')} {value:.3f}"
        for name, value in training["metrics"].items()
        if isinstance(value, float)
    ]
    if figures:
        yield "reached", f"{', '.join(figures)} under that protocol"


def _fact(name: str, text: str) -> str:
    return _wrapped(f"{name:<{_INDENT - 1}} {text}", indent=_INDENT)


def _wrapped(text: str, *, indent: int) -> str:
    filled = textwrap.fill(
        text, width=_WIDTH, subsequent_indent=" " * indent, break_on_hyphens=False
    )
    return filled.replace(UNBROKEN, " ")
