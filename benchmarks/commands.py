"""`python -m benchmarks`: a table's name in; its figures, and the pages that show them, out."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NoReturn

import click

from benchmarks.tables import RESULTS, TABLES, Table, command, make_pages
from edgeemg.cli import interrupts
from edgeemg.errors import EdgeEmgError

_ROOT = Path(__file__).parent.parent
_PATIENCE_S = 30.0


class _Interruptible(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            with interrupts.Raised():
                return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            # click would exit 1 and say "Aborted!"
            _fail(interrupts.SAYS, interrupts.EXIT_CODE)


@click.group(
    cls=_Interruptible,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.pass_context
def main(context: click.Context) -> None:
    """Measure what edgeemg costs beside its peers: one command a table.

    Figures go to benchmarks/results/, tables to docs/benchmarks.md and to the pages that share
    them. Without a command: what there is. A first run downloads and installs the peers, each into
    an environment of its own in the user's cache. Close other programs before a run that is kept.

    \b
    Examples:
      python -m benchmarks                   what there is, what it needs, what is measured
      python -m benchmarks serial --quick    coarser; printed, and kept nowhere
      python -m benchmarks footprint         measured, kept, and put on the page
      python -m benchmarks page              every table again from the kept figures

    Exit codes: 0 good, 2 bad usage, a missing tool, or a benchmark that failed, 130 Ctrl-C.
    """
    if context.invoked_subcommand is None:
        click.echo("\n".join(_overview()))


@main.command()
def page() -> None:
    """Make every table again from the kept figures; measures nothing.

    \b
    Example:
      python -m benchmarks page && git diff --exit-code docs
    """
    _put(list(TABLES))


@main.command(name="all")
@click.option("--quick", is_flag=True, help="Coarser; printed, and kept nowhere.")
def measure_all(quick: bool) -> None:
    """Measure every table, one after another; the others run where one fails.

    \b
    Examples:
      python -m benchmarks all --quick
      python -m benchmarks all
    """
    failed = [name for name in TABLES if _measured(name, quick=quick)]
    if failed:
        _fail(f"{', '.join(failed)} failed: what each wanted is said above")


def _add_command(name: str, table: Table) -> None:
    @main.command(name=name, help=_help(name, table), short_help=table.about)
    @click.option("--quick", is_flag=True, help="Coarser; printed, and kept nowhere.")
    def measure(quick: bool) -> None:
        if code := _measured(name, quick=quick):
            sys.exit(code)


def _help(name: str, table: Table) -> str:
    return (
        f"Measure {table.about}. About {table.minutes} minutes on two cores; needs {table.needs}."
        f"\n\n\b\nExamples:\n  {command(name)} --quick\n  {command(name)}"
    )


def _measured(name: str, *, quick: bool) -> int:
    """Run it in a process of its own, which prints its table; its exit code, 2 for any failure."""
    table = TABLES[name]
    about = "quick" if quick else f"about {table.minutes} minutes"
    click.echo(f"{name}: {about}; needs {table.needs}", err=True)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="edgeemg-benchmarks-") as scratch:
        fresh = Path(scratch) / table.stored
        words = [sys.executable, "-m", "benchmarks.child", table.module, "--out", str(fresh)]
        code = _called([*words, *(table.quick if quick else table.extra)])
        if code or not fresh.is_file():
            click.echo(f"benchmarks: {name} failed ({code}); nothing is kept", err=True)
            return 2
        if not quick:
            RESULTS.mkdir(exist_ok=True)
            (RESULTS / table.stored).write_bytes(fresh.read_bytes())
    click.echo(f"{name}: {time.monotonic() - began_s:.0f} s", err=True)
    if not quick:
        _put([name])
    return 0


def _called(words: list[str]) -> int:
    with subprocess.Popen(words, cwd=_ROOT) as child:  # noqa: S603  # a module of this package
        try:
            return child.wait()
        except KeyboardInterrupt:
            # it hears the terminal's Ctrl-C too, and takes back what it began
            try:
                child.wait(_PATIENCE_S)
            except subprocess.TimeoutExpired:
                child.kill()
            raise


def _put(names: list[str]) -> None:
    try:
        changed = make_pages(names)
    except EdgeEmgError as error:
        _fail(str(error))
    for one in changed:
        click.echo(f"changed docs/{one.name}", err=True)


def _fail(message: str, code: int = 2) -> NoReturn:
    click.echo(f"benchmarks: {message}", err=True)
    sys.exit(code)


def _overview() -> list[str]:
    lines = ["python -m benchmarks NAME [--quick]; all; page; --help", ""]
    for name, table in TABLES.items():
        lines.append(f"{name:<14}{table.about}")
        lines.append(f"{'':<14}about {table.minutes} minutes; needs {table.needs}")
        lines.append(f"{'':<14}{_kept(RESULTS / table.stored)}")
    return lines


def _kept(path: Path) -> str:
    if not path.is_file():
        return "not measured yet"
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
        return f"measured on {facts['date']}, commit {facts['commit']}"
    except (ValueError, LookupError, TypeError):
        return f"{path.name} cannot be read: measure again"


for _name, _table in TABLES.items():
    _add_command(_name, _table)
