"""A module of this package and its options in; its exit code out, 130 after Ctrl-C.

`python -m benchmarks` hears the same Ctrl-C and says so: this process ends without a word.
"""

import os
import signal
import sys

from edgeemg.cli import interrupts


def main() -> None:
    """Ctrl-C ends it at once while modules load, and in the module takes back what was begun."""
    heard = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if heard:
        signal.signal(signal.SIGINT, lambda *_: os._exit(interrupts.EXIT_CODE))
    import importlib

    import click

    name, *options = sys.argv[1:]
    command: click.Command = importlib.import_module(f"benchmarks.{name}").main
    try:
        if heard:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        command.main(options, prog_name=f"python -m benchmarks.{name}", standalone_mode=False)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(interrupts.EXIT_CODE)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
