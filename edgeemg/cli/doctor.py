"""`edgeemg doctor`: what on this machine would stop edgeemg from working, and what to do."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edgeemg.profiler.checks import Check

_BAUD = 115200
_WIDTH = 100
_MARKS = {"ok": "ok", "warn": "warn", "fail": "FAIL"}


@click.command(short_help="What on this machine would stop it from working.")
@click.argument("bundle", required=False, type=click.Path(path_type=Path))
@click.option("--port", help="Also open this serial port.")
@click.option("--json", "as_json", is_flag=True, help="Print the findings on stdout.")
def doctor(bundle: Path | None, port: str | None, as_json: bool) -> None:
    """Look for what would stop edgeemg here, and say what to do about it.

    System, power and heat, memory, disk, clock; numpy and engines, each of which runs a tiny model
    in a process of its own; serial ports, the right to open them, who holds them, and programs
    that would; the service, if it is installed; with BUNDLE, every model file against its golden
    inputs. Exit code 1 when a check fails; warnings do not fail. Findings go to stderr, so that
    stdout is for --json.

    \b
    edgeemg doctor
    edgeemg doctor bundles/cnn --port /dev/ttyUSB0
    edgeemg doctor 2>&1 | less
    edgeemg doctor --json | jq '.checks[] | select(.status != "ok")'
    """
    from edgeemg.errors import GateError

    checks = []
    for check in _checks(bundle, port):
        checks.append(check)
        click.echo(_lines(check), err=True)
    failed = [check.name for check in checks if check.status == "fail"]
    warnings = sum(check.status == "warn" for check in checks)
    click.echo(f"{len(checks)} checks: {len(failed)} failed, {warnings} warnings", err=True)
    if as_json:
        click.echo(_as_json(checks))
    if failed:
        raise GateError(f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}")


def _checks(bundle: Path | None, port: str | None) -> Iterator["Check"]:
    """In the order of the path: the system, the engines, the ports, the bundle, the service."""
    from edgeemg.profiler.board import read_machine, read_state
    from edgeemg.profiler.checks import numpy_check, system_checks
    from edgeemg.profiler.memory_checks import memory_checks
    from edgeemg.profiler.port_checks import port_checks
    from edgeemg.profiler.power_checks import power_check
    from edgeemg.profiler.service_checks import service_checks

    numpy = numpy_check()
    # what needs numpy is loaded here only after it has run in another process
    calculating = _calculating(bundle) if numpy.status == "ok" else _not_calculating()
    yield from system_checks(read_machine(), Path.cwd())
    yield power_check(read_state())
    yield from memory_checks()
    yield numpy
    yield from port_checks()
    if port is not None:
        yield _opened(port)
    yield from calculating
    yield from service_checks()


def _calculating(bundle: Path | None) -> Iterator["Check"]:
    from itertools import chain

    from edgeemg.profiler.engine_checks import bundle_checks, engine_checks
    from edgeemg.runtime.bundle import open_bundle

    # opened before anything is printed: a damaged bundle is a usage error, not a finding
    tests = () if bundle is None else bundle_checks(open_bundle(bundle))
    return chain(engine_checks(), tests)


def _not_calculating() -> Iterator["Check"]:
    from edgeemg.profiler.checks import Check

    yield Check("engines", "warn", "not tested: numpy does not run", "mend numpy first")


def _opened(port: str) -> "Check":
    from edgeemg.errors import PortError
    from edgeemg.profiler.checks import Check
    from edgeemg.profiler.port_checks import busy_check, how_to_free, named
    from edgeemg.profiler.port_holders import holders_of
    from firmware_bridge.ports import Port

    name = f"open {port}"
    holders = holders_of(Path(port))
    if holders and all(one.is_ours for one in holders):
        return Check(name, "ok", f"in use by {named(holders)}")
    try:
        with Port(port, _BAUD) as opened:
            quick = "low latency" if opened.low_latency else "no low-latency mode"
            timer_ms = opened.latency_ms or 0
    except PortError as error:
        found, _, remedy = str(error).removeprefix(f"{port}: ").partition("; ")
        if holders:
            return Check(name, "fail", f"held by {named(holders)}", how_to_free(holders))
        if found.startswith("busy"):
            return busy_check(name, Path(port))
        return Check(name, "fail", found, remedy or None)
    if timer_ms > 1:
        found = f"opened and closed, but its adapter gathers bytes for {timer_ms} ms"
        return Check(name, "warn", found, "`edgeemg service install` writes a rule that ends it")
    return Check(name, "ok", f"opened and closed, {quick}")


def _lines(check: "Check") -> str:
    import textwrap

    head = f"{_MARKS[check.status]:<5} {check.name:<18} "
    indent = " " * len(head)
    text = textwrap.fill(
        check.found, _WIDTH, initial_indent=head, subsequent_indent=indent, break_long_words=False
    )
    if check.status == "ok" or check.remedy is None:
        return text
    indent = " " * (len(head) - 3)
    remedy = textwrap.fill(
        check.remedy,
        _WIDTH,
        initial_indent=f"{indent}-> ",
        subsequent_indent=f"{indent}   ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return f"{text}\n{remedy}"


def _as_json(checks: list["Check"]) -> str:
    import json
    from dataclasses import asdict

    from edgeemg.profiler.board import read_machine

    found = {
        "schema_version": 1,
        "machine": asdict(read_machine()),
        "ok": all(check.status != "fail" for check in checks),
        "checks": [asdict(check) for check in checks],
    }
    return json.dumps(found, indent=2)
