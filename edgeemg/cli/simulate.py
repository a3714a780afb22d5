"""`edgeemg simulate`: a recording in, a sensor on a pseudo-terminal out."""

from pathlib import Path
from typing import Any

import click

from edgeemg.cli.numbers import FRACTION, POSITIVE, FiniteRange
from edgeemg.cli.sensor_options import sensor_settings

_SECONDS = FiniteRange(min=0)
_PAUSE = (POSITIVE, POSITIVE)


@click.command(short_help="A sensor on a pseudo-terminal, playing a recording.")
@click.argument("recordings", metavar="DIR", type=click.Path(path_type=Path))
@sensor_settings
@click.option("--link", type=click.Path(path_type=Path), help="A link to the simulated port.")
@click.option("--recording", "name", metavar="NAME", help="Which one, where DIR holds several.")
@click.option(
    "--speed",
    type=FiniteRange(0, 1000, min_open=True),
    default=1.0,
    show_default=True,
)
@click.option("--loop", is_flag=True, help="Play it again and again.")
@click.option("--gain-scale", type=POSITIVE, default=1.0, help="Multiply the microvolts by this.")
@click.option("--drop", type=FRACTION, default=0.0, help="Lose frames: a fraction.")
@click.option("--flip", type=FRACTION, default=0.0, help="Flip a bit of bytes: a fraction.")
@click.option("--insert", type=FRACTION, default=0.0, help="Put a stray byte behind: a fraction.")
@click.option("--burst", type=_SECONDS, default=0.0, help="Hand on bytes only this often, seconds.")
@click.option(
    "--stall", type=_PAUSE, metavar="EVERY FOR", help="This often, nothing comes for so long, s."
)
@click.option(
    "--reboot", type=_PAUSE, metavar="EVERY FOR", help="This often, no power for so long, s."
)
@click.option("--clock-ppm", type=FiniteRange(-1e5, 1e5), default=0.0, help="Its clock is fast by.")
@click.option("--unplug-after", type=POSITIVE, help="Unplug it this often, seconds.")
@click.option(
    "--replug-after",
    type=POSITIVE,
    default=1.0,
    show_default=True,
    help="Plug it in again after this, seconds.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Of what goes wrong by chance.",
)
def simulate(recordings: Path, link: Path | None, name: str | None, **options: Any) -> None:
    """Play a recording as the bytes of a sensor, on a pseudo-terminal, until it is over.

    DIR is a folder with recordings, or one *_emg.bdf file. It is a simulated sensor: the bytes
    and commands are those of the device, the electrodes are not there. The stream starts when
    a reader asks for it. Above real speed the sensor waits for its reader.

    What goes wrong on a real line can be asked for, the same for the same seed. The link survives
    a replug; times are of the sensor's own samples.

    \b
    edgeemg simulate rec --device cyton --link /tmp/emg
    edgeemg simulate rec --link /tmp/emg --recording sub-01_ses-A_task-covert_run-1 --loop
    edgeemg simulate rec --link /tmp/emg --speed 10 --drop 0.01 --seed 3
    edgeemg simulate rec --link /tmp/emg --flip 1e-4 --unplug-after 20 --replug-after 2
    edgeemg simulate rec --link /tmp/emg --device edgeemg --reboot 60 1 --clock-ppm 150
    """
    from edgeemg.cli.simulating import play

    play(recordings, link=link, name=name, **options)
