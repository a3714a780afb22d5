"""What was typed after `edgeemg` in; its exit code, and one line for what went wrong, out.

Nothing is imported before Ctrl-C is taken care of: what follows takes most of the time until a verb
begins.
"""

from edgeemg.cli import interrupts


def main() -> None:
    """The console entry: exit code 0 good, 1 a gate failed, 2 bad usage or input, 130 Ctrl-C."""
    interrupts.end_at_once()
    from edgeemg.cli.verbs import call

    call()


if __name__ == "__main__":
    main()
