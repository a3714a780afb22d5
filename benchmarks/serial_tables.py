"""Simulated sensors in; what reading them costs and loses, ours beside BrainFlow's driver, out.

    python -m benchmarks.serial_tables --out serial.json

Three parts: parsers alone (serial_parsers), whole drivers (serial_drivers), and damaged bytes
(serial_loss). The sensors are simulated, the values generated. BrainFlow runs in an environment of
its own, which is made the first time.
"""

import sys
from pathlib import Path
from typing import Any

import click

from benchmarks import serial_loss
from benchmarks.doc_tables import put_between
from benchmarks.figures_file import FiguresFile, keep_figures
from benchmarks.machine_facts import in_words, machine_facts
from benchmarks.peers import PEERS
from benchmarks.serial_drivers import (
    DRIVERS,
    driver_costs,
    driver_table,
    flat_out_costs,
    flat_out_table,
)
from benchmarks.serial_loss import loss_table
from benchmarks.serial_parsers import parser_costs, parser_table
from edgeemg.errors import EdgeEmgError

_QUICK = (serial_loss.ALL[0], serial_loss.ALL[2], serial_loss.ALL[5])


@click.command()
@click.option("--seconds", default=8.0, show_default=True, help="Of signal, a driver and round.")
@click.option("--rounds", default=3, show_default=True)
@click.option("--loss-seconds", default=40.0, show_default=True, help="Of signal, a damage.")
@click.option("--packets", default=200_000, show_default=True, help="Flat out, a round.")
@click.option("--quick", is_flag=True, help="One round, shorter, and three kinds of damage.")
@click.option("--out", type=FiguresFile(), help="Keep the figures as JSON.")
@click.option("--page", type=click.Path(path_type=Path), help="Put the tables on this page.")
def main(
    seconds: float,
    rounds: int,
    loss_seconds: float,
    packets: int,
    quick: bool,
    out: Path | None,
    page: Path | None,
) -> None:
    """Print the tables."""
    if quick:
        seconds, rounds, loss_seconds, packets = min(seconds, 3.0), 1, min(loss_seconds, 8.0), 50000
    facts = machine_facts()
    try:
        plain = {
            **facts,
            "brainflow": PEERS["brainflow"][0],
            "seconds": seconds,
            "rounds": rounds,
            "loss_seconds": loss_seconds,
            "parsers": parser_costs(),
            "drivers": driver_costs(seconds, rounds, _say),
            "flat_out": flat_out_costs(packets, rounds, _say),
            "loss": serial_loss.loss(
                _QUICK if quick else serial_loss.ALL, seconds=loss_seconds, tell=_say
            ),
        }
    except EdgeEmgError as error:
        click.echo(f"serial_tables: {error}", err=True)
        sys.exit(error.exit_code)
    keep_figures(out, plain)
    lines = table(plain)
    click.echo("\n".join(lines))
    if page is not None:
        put_between(page, "benchmarks serial", lines)


def table(plain: dict[str, Any]) -> list[str]:
    """Drivers, flat out, and what is lost, for a page."""
    beside = {
        name: plain["drivers"][name] for name, one in DRIVERS.items() if one.sensor == "cyton"
    }
    return [
        *driver_table(beside),
        "",
        *flat_out_table(plain["flat_out"]),
        "",
        *loss_table(plain["loss"]),
        "",
        f"Costs: median of {plain['rounds']} rounds, in turn, of {plain['seconds']:g} s of signal "
        f"each. Damage: {plain['loss_seconds']:g} s of signal, the same bytes for both. "
        f"{_words(plain)}",
    ]


def parsers_page(plain: dict[str, Any]) -> list[str]:
    """The parsers of every sensor, for the page about sensors."""
    return [
        *parser_table(plain["parsers"]),
        "",
        "Pieces of 4 ms, fastest of five goes over 4 s of signal.",
    ]


def drivers_page(plain: dict[str, Any]) -> list[str]:
    """Every driver, for the page about sensors."""
    return [
        *driver_table(plain["drivers"]),
        "",
        f"Median of {plain['rounds']} rounds, in turn, of {plain['seconds']:g} s of signal. "
        f"{_words(plain)}",
    ]


def _words(plain: dict[str, Any]) -> str:
    return f"{plain['brainflow'].replace('==', ' ')}; {in_words(plain)}."


def _say(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
