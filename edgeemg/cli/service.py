"""`edgeemg service`: the runtime as a systemd service that starts with the board."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from edgeemg.cli.servicing import Service

_NAMED = click.option(
    "--name", default="edgeemg", show_default=True, help="Of the service, and of its files."
)
_PREFIX = click.option(
    "--prefix",
    type=click.Path(path_type=Path),
    help="Below another folder than /etc, as in the image of a board; nothing is started.",
)


@click.group()
def service() -> None:
    """Start the runtime with the board, for ever, without rights that it does not need.

    \b
    edgeemg service install bundles/cnn --port /dev/ttyUSB0 --device cyton --dry-run
    sudo "$(command -v edgeemg)" service install bundles/cnn --port /dev/ttyUSB0
    edgeemg service status
    """


@service.command(
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": True},
    options_metavar="BUNDLE --port P [OPTIONS] [OPTIONS of edgeemg run]",
    short_help="Write the systemd unit and the udev rules, and start it.",
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="")
@_NAMED
@click.option(
    "--user",
    default="edgeemg",
    show_default=True,
    help="Who it runs as; one that does not exist is made at each start.",
)
@click.option("--dry-run", is_flag=True, help="Print the two files, and write nothing.")
@_PREFIX
def install(
    arguments: tuple[str, ...], name: str, user: str, dry_run: bool, prefix: Path | None
) -> None:
    """Write a hardened unit and udev rules for `edgeemg run BUNDLE --port P ...`, and start it.

    Every option of `edgeemg run` that suits a service is taken: --device, --sink, --monitor,
    --engine, --threshold and so on. Comments in the unit say what each restriction is for. Where
    the sensor is plugged in, it gets the name /dev/NAME-sensor, whichever socket it is in later.

    What `edgeemg run` would refuse at each start is refused here: the bundle, its engine, decision
    settings, --channels, the program, the keys and the files of a sink. With --dry-run, and below
    --prefix, for another machine, it is a warning.

    Files that are as they should be are left alone; one that was changed by hand is kept as
    .before; one that somebody else wrote is never touched. Passwords and tokens belong into
    /etc/NAME.env, which only root needs to read.

    \b
    edgeemg service install bundles/cnn --port /dev/ttyUSB0 --dry-run
    sudo "$(command -v edgeemg)" service install bundles/cnn --port /dev/ttyUSB0 \\
        --device cyton --sink jsonl:decisions.jsonl --monitor
    edgeemg service install bundles/cnn --port /dev/ttyUSB0 --prefix image/etc
    """
    from edgeemg.cli import servicing
    from edgeemg.cli.run_arguments import parse
    from edgeemg.cli.service_trial import refusals
    from edgeemg.errors import EdgeEmgError

    asked = parse(arguments)
    below = prefix or servicing.PREFIX
    planned = servicing.plan(asked, name=name, user=user, prefix=below)
    problems = (*refusals(asked), *planned.problems)
    files = planned.paths(below)
    servicing.check_ours((*files, *servicing.units_beside(name, below)))
    if dry_run:
        _warn((*problems, *planned.warnings))
        click.echo("\n".join(f"# --- {path}\n{text}" for path, text in files.items()), nl=False)
        return
    if prefix is None and problems:
        raise EdgeEmgError(problems[0])
    _warn((*problems, *planned.warnings))
    _write(files)
    _say_sensor(planned)
    _start(name, here=prefix is None)


@service.command(short_help="Stop it, and take its files away.")
@_NAMED
@_PREFIX
def remove(name: str, prefix: Path | None) -> None:
    """Stop the service and take its unit and udev rules away; what it wrote stays.

    A service that `edgeemg service install` did not make is refused.

    \b
    sudo "$(command -v edgeemg)" service remove
    """
    from edgeemg.cli import servicing
    from edgeemg.cli.managing import reload_all, stop

    unit, rules = servicing.file_paths(name, prefix or servicing.PREFIX)
    servicing.check_ours((unit, rules))
    if prefix is None and unit.exists():
        stop(name)
    for path in (unit, rules):
        click.echo(servicing.remove(path), err=True)
    if prefix is None:
        reload_all()
    click.echo(f"what it wrote stays in /var/lib/{name}", err=True)


@service.command(short_help="Whether it is installed and runs.")
@_NAMED
@click.option("--json", "as_json", is_flag=True, help="Print it on stdout.")
def status(name: str, as_json: bool) -> None:
    """Say whether the service is installed and runs; exit code 1 where it does not.

    \b
    edgeemg service status
    edgeemg service status --json | jq .StatusText
    """
    import json

    from edgeemg.cli.servicing import file_paths
    from edgeemg.errors import GateError
    from edgeemg.profiler.manager import facts_of
    from edgeemg.profiler.service_checks import service_check

    unit, _ = file_paths(name)
    facts = facts_of(name)
    check = service_check(name, facts, installed=unit.exists())
    if as_json:
        click.echo(json.dumps({"name": name, "installed": unit.exists(), **facts}, indent=2))
    if check.status == "fail" or not unit.exists():
        raise GateError(f"{check.found}; {check.remedy}" if check.remedy else check.found)
    click.echo(check.found, err=True)


def _warn(sentences: Iterable[str]) -> None:
    for one in sentences:
        click.echo(f"warning: {one}", err=True)


def _write(files: dict[Path, str]) -> None:
    from edgeemg.cli.servicing import write

    for path, text in files.items():
        click.echo(write(path, text), err=True)


def _say_sensor(planned: "Service") -> None:
    if planned.adapter is not None:
        click.echo(f"/dev/{planned.name}-sensor is the adapter {planned.adapter}", err=True)
        return
    click.echo(
        "no USB adapter is on this port now, so the sensor gets no name of its own: "
        "plug it in and install again, if it may change its socket",
        err=True,
    )


def _start(name: str, *, here: bool) -> None:
    from edgeemg.cli.managing import start
    from edgeemg.profiler.manager import is_running

    if here and is_running():
        start(name)
        click.echo(
            f"{name} is started, now and with the board\n"
            f"next: edgeemg service status; journalctl -fu {name}; edgeemg doctor",
            err=True,
        )
        return
    why = "systemd does not run here" if here else "nothing is started"
    click.echo(
        f"{why}; on the board:\n"
        "  sudo udevadm control --reload && sudo udevadm trigger\n"
        f"  sudo systemctl daemon-reload && sudo systemctl enable --now {name}",
        err=True,
    )
