"""What was typed after `python -m benchmarks` in; its exit code out, 130 for Ctrl-C at any moment.

Nothing is imported before Ctrl-C is taken care of, as in edgeemg.cli.main.
"""

from edgeemg.cli import interrupts


def main() -> None:
    """The entry: what there is stands in benchmarks.commands."""
    interrupts.end_at_once()
    from benchmarks.commands import main as benchmarks

    benchmarks(prog_name="python -m benchmarks")


if __name__ == "__main__":
    main()
