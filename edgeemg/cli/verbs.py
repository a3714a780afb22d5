"""The verbs of `edgeemg`, each loaded only when it is called."""

import errno
import importlib
import signal
import sys
from contextlib import suppress
from types import FrameType
from typing import NoReturn

import click

from edgeemg import __version__
from edgeemg.cli import interrupts
from edgeemg.errors import EdgeEmgError

# verb -> module and command; the module is imported when the verb is called
VERBS = {
    "demo": ("edgeemg.cli.demo", "demo"),
    "data": ("edgeemg.cli.data", "data"),
    "record": ("edgeemg.cli.record", "record"),
    "train": ("edgeemg.cli.train", "train"),
    "evaluate": ("edgeemg.cli.evaluate", "evaluate"),
    "compare": ("edgeemg.cli.compare", "compare"),
    "export": ("edgeemg.cli.export", "export"),
    "tune": ("edgeemg.cli.tune", "tune"),
    "inspect": ("edgeemg.cli.inspect", "inspect"),
    "profile": ("edgeemg.cli.profile", "profile"),
    "simulate": ("edgeemg.cli.simulate", "simulate"),
    "run": ("edgeemg.cli.run", "run"),
    "calibrate": ("edgeemg.cli.calibrate", "calibrate"),
    "doctor": ("edgeemg.cli.doctor", "doctor"),
    "service": ("edgeemg.cli.service", "service"),
}
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Verbs(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in VERBS:
            return None
        module, name = VERBS[cmd_name]
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            with interrupts.Raised():
                return super().invoke(ctx)
        except (KeyboardInterrupt, click.Abort):
            # click would exit 1, which is a gate that failed
            _fail(interrupts.SAYS, interrupts.EXIT_CODE)


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="edgeemg")
def edgeemg() -> None:
    """Surface-EMG silent-speech classifiers, from recordings to a headless wearable.

    \b
    edgeemg demo                                           the whole path on generated EMG
    edgeemg data import csv my.csv --rate 250 --out rec    your recordings
    edgeemg train rec --model cnn --out runs/cnn
    edgeemg export runs/cnn --quantize --out bundles/cnn
    edgeemg run bundles/cnn --port /dev/ttyUSB0 --device cyton
    """


def call() -> None:
    """Call the verb that was typed; what a user can cause becomes one line and an exit code."""
    # as Ctrl-C: what a verb has begun is taken back; `run` and `simulate` set handlers of their own
    signal.signal(signal.SIGTERM, _terminate)
    try:
        edgeemg(prog_name="edgeemg")
    except EdgeEmgError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        # what no module expected of the file system: name the file, never a traceback
        remedy = "free some space and try again" if error.errno in _DISK_FULL else "check the path"
        where = f"{error.filename}: " if error.filename else ""
        _fail(f"{where}{error.strerror or error}: {remedy}", 2)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # signal's signature
    sys.exit(128 + number)


def _fail(message: str, exit_code: int) -> NoReturn:
    with suppress(OSError):  # nobody hears it on a full disk; the exit code still tells
        click.echo(f"edgeemg: {' '.join(message.split())}", err=True)
    sys.exit(exit_code)
