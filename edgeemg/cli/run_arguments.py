"""Arguments of `edgeemg run` as typed in; checked, and as a service needs them, out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import click
from click.core import ParameterSource

_NOT_FOR_A_SERVICE = {
    "recording": "a service reads a sensor: give --port instead of --recording",
    "seconds": "a service runs for ever: leave --seconds out",
    "no_reconnect": "a service waits for its sensor: leave --no-reconnect out",
}


@dataclass(frozen=True, slots=True)
class RunArguments:
    """What a person asked `edgeemg run` to do.

    options  name -> value or values, of those that were given; paths are absolute
    flags    that were given
    files    that it reads, beside the bundle
    tokens   those of them that hold a token
    values   everything, with what is there by default, under the names of `run`'s own parameters
    """

    bundle: Path
    port: Path
    sinks: tuple[str, ...]
    monitor: str | None
    options: dict[str, tuple[str, ...]]
    flags: tuple[str, ...]
    files: tuple[Path, ...]
    tokens: tuple[Path, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)

    def command(self, port: Path) -> Iterator[str]:
        """The arguments again, for a service whose sensor is on `port`."""
        yield from ("run", str(self.bundle), f"--port={port}")
        for name, values in self.options.items():
            yield from (f"{name}={value}" for value in values)
        yield from self.flags


def parse(arguments: Sequence[str]) -> RunArguments:
    """Read with the parser of `edgeemg run` itself; click.UsageError where that refuses them."""
    from edgeemg.cli.run import run

    context = run.make_context("edgeemg run", list(arguments))
    values = context.params
    given = [
        one
        for one in run.params
        if one.name and context.get_parameter_source(one.name) is ParameterSource.COMMANDLINE
    ]
    for one in given:
        if one.name in _NOT_FOR_A_SERVICE:
            raise click.UsageError(_NOT_FOR_A_SERVICE[one.name])
    if values["port"] is None:
        raise click.UsageError("give the sensor's --port, as in --port /dev/ttyUSB0")
    _check_device(values)
    _check_texts(values)
    read: list[Path] = []
    tokens: list[Path] = []
    sinks = tuple(_whole(one, read, tokens) for one in values["sinks"])
    values = {**values, "sinks": sinks}
    read += [one.absolute() for name, one in values.items() if _is_read(name, one)]
    if values["monitor_token_file"] is not None:
        tokens.append(values["monitor_token_file"].absolute())
    chosen = [one for one in given if isinstance(one, click.Option) and one.name != "port"]
    flags = tuple(one.opts[0] for one in chosen if one.is_flag)
    return RunArguments(
        bundle=values["bundle"].absolute(),
        port=Path(values["port"]).absolute(),
        sinks=sinks,
        monitor=values["monitor"],
        options={one.opts[0]: _texts(values[one.name or ""]) for one in chosen if not one.is_flag},
        flags=tuple(dict.fromkeys((*flags, "--wait"))),
        files=tuple(read),
        tokens=tuple(tokens),
        values=values,
    )


def _is_read(name: str, value: Any) -> bool:
    return name != "bundle" and isinstance(value, Path)


def _whole(sink: str, read: list[Path], tokens: list[Path]) -> str:
    """The sink with whole paths of the files that it reads, as in keys:FILE and ?ca=FILE.

    read, tokens  get them, and those that hold a token
    """
    from edgeemg.runtime.sink_keyboard import names_a_file

    kind, _, where = sink.partition(":")
    if kind == "keys" and names_a_file(where) and Path(where).is_file():
        read.append(Path(where).absolute())
        return f"keys:{read[-1]}"
    address, mark, query = sink.partition("?")
    if kind in ("jsonl", "exec") or not mark:
        return sink
    parts = [one.partition("=") for one in query.split("&")]
    for n, (name, equals, value) in enumerate(parts):
        path = Path(unquote(value))
        if value and path.is_file():
            read.append(path.absolute())
            tokens += [read[-1]] * (name == "token_file")
            parts[n] = (name, equals, quote(str(read[-1])))
    return f"{address}?{'&'.join(''.join(one) for one in parts)}"


def _check_device(values: dict[str, Any]) -> None:
    from edgeemg.cli.sensor_options import device_of

    device_of(dict(values))


def _check_texts(values: dict[str, Any]) -> None:
    """What `run` would refuse at each start, for ever; and what a line of a unit cannot hold."""
    from edgeemg.cli.sink_names import check_names

    if not str(values["port"]).isprintable():
        raise click.UsageError(f"--port {values['port']!r} holds a character that no port has")
    check_names(values["sinks"], every_hop=values["every_hop"])


def _texts(value: Any) -> tuple[str, ...]:
    """A value as it was typed, or as good; of several, each."""
    if isinstance(value, tuple):
        return tuple(str(one) for one in value)
    return (str(value.absolute() if isinstance(value, Path) else value),)
