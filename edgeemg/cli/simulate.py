"""`edgeemg simulate`: a recording in, a sensor on a pseudo-terminal out."""

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from edgeemg.cli.numbers import FRACTION, POSITIVE, FiniteRange

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from edgeemg.dsp.samples import Recording
    from firmware_bridge.emulator import Emulator
    from firmware_bridge.frames import Device


@click.command(short_help="A sensor on a pseudo-terminal, playing a recording.")
@click.argument("recordings", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--device", default="cyton", show_default=True, help="The sensor to simulate.")
@click.option("--link", type=click.Path(path_type=Path), help="A link to the simulated port.")
@click.option("--recording", "name", metavar="NAME", help="Which one, where DIR holds several.")
@click.option(
    "--speed",
    type=FiniteRange(0, 1000, min_open=True),
    default=1.0,
    show_default=True,
)
@click.option("--loop", is_flag=True, help="Play it again and again.")
@click.option(
    "--gain-scale",
    type=POSITIVE,
    default=1.0,
    help="Multiply the microvolts by this.",
)
@click.option(
    "--drop",
    type=FRACTION,
    default=0.0,
    help="Lose packets: a fraction.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Which packets --drop loses.",
)
def simulate(
    recordings: Path,
    device: str,
    link: Path | None,
    name: str | None,
    speed: float,
    loop: bool,
    gain_scale: float,
    drop: float,
    seed: int,
) -> None:
    """Play a recording as the bytes of a sensor, on a pseudo-terminal, until it is over.

    DIR is a folder with recordings, or one *_emg.bdf file. It is a simulated sensor: the bytes
    and commands are those of the device, the electrodes are not there. The stream starts when
    a reader asks for it. Above real speed the sensor waits for its reader.

    \b
    edgeemg simulate rec --device cyton --link /tmp/emg
    edgeemg simulate rec --link /tmp/emg --recording sub-01_ses-A_task-covert_run-1 --loop
    edgeemg simulate rec --link /tmp/emg --speed 10 --drop 0.01 --seed 3
    """
    from edgeemg.data.bids import read_recording
    from firmware_bridge.devices import find_device
    from firmware_bridge.emulator import BOARDS, Emulator
    from firmware_bridge.faults import dropped_rows

    facts = find_device(device)
    recording = read_recording(_choose(recordings, name))
    counts = _to_counts(recording, facts, gain_scale)
    lost = dropped_rows(len(counts), drop, seed=seed)
    board = BOARDS[device](counts, loop=loop, dropped=lost)
    emulator = Emulator(board, link=link, speed=speed, lossless=speed > 1)
    seconds = len(counts) / facts.sample_rate_hz / speed
    what = "generated EMG" if recording.generated else "recorded EMG"
    _run_until_told(
        emulator,
        f"simulated {facts.title} on {link or emulator.port_name}: {what}, {recording.name}, "
        f"{seconds:.1f} s at speed {speed:g}{', in a loop' if loop else ''}; Ctrl-C ends it",
    )
    click.echo(
        f"sent {board.sent} packets, lost {board.lost_on_air} on purpose, "
        f"{emulator.overflowed_bytes} bytes for want of a reader",
        err=True,
    )


def _choose(recordings: Path, name: str | None) -> Path:
    """The BDF of the recording that is asked for, or the first one."""
    from edgeemg.data.bids import find_recordings
    from edgeemg.errors import RecordingError

    if recordings.is_file():
        return recordings
    paths = {path.name.removesuffix("_emg.bdf"): path for path in find_recordings(recordings)}
    chosen = next(iter(paths)) if name is None else name.removesuffix("_emg.bdf")
    if chosen not in paths:
        raise RecordingError(f"{recordings} holds no recording {name}: it holds {', '.join(paths)}")
    if name is None and len(paths) > 1:
        click.echo(
            f"{recordings} holds {len(paths)} recordings: playing the first, --recording names "
            f"another: {', '.join(paths)}",
            err=True,
        )
    return paths[chosen]


def _to_counts(recording: "Recording", device: "Device", gain_scale: float) -> "NDArray[np.int32]":
    """What the device would have sent: (time, device.n_channels) counts."""
    import numpy as np

    from edgeemg.dsp.channels import sensor_inputs
    from edgeemg.errors import RecordingError
    from firmware_bridge.emulator import microvolts_to_counts

    samples = recording.samples
    if samples.sample_rate_hz != device.sample_rate_hz:
        raise RecordingError(
            f"{recording.name} has {samples.sample_rate_hz:g} Hz, and the {device.title} sends "
            f"{device.sample_rate_hz:g} Hz: import it at that rate"
        )
    if samples.n_channels > device.n_channels:
        raise RecordingError(
            f"{recording.name} has {samples.n_channels} channels, and the {device.title} has "
            f"{device.n_channels}: import it with fewer channels"
        )
    microvolts = samples.microvolts.astype(np.float64) * gain_scale
    range_uv = (device.rail_count + 1) * device.microvolts_per_count
    largest = float(np.nanmax(np.abs(microvolts), initial=0.0))
    if largest > range_uv + device.microvolts_per_count / 2:
        raise RecordingError(
            f"{recording.name} reaches {largest:.0f} uV, and the {device.title} ends at "
            f"{range_uv:.0f} uV: scale it down with --gain-scale {0.9 * range_uv / largest:.2g}"
        )
    inputs = sensor_inputs(recording.channels, n_inputs=device.n_channels)
    on_inputs = np.full((len(samples), device.n_channels), np.nan)
    on_inputs[:, inputs] = microvolts
    counts = microvolts_to_counts(on_inputs, device)
    _say_what_differs(recording, counts[:, inputs], inputs, device)
    return counts


def _say_what_differs(
    recording: "Recording",
    counts: "NDArray[np.int32]",
    inputs: tuple[int, ...],
    device: "Device",
) -> None:
    import numpy as np

    samples = recording.samples
    named = zip(inputs, recording.channels, strict=True)
    places = ", ".join(f"{n + 1} {channel}" for n, channel in named)
    rest = "" if len(inputs) == device.n_channels else "; the others open (railed)"
    click.echo(f"inputs: {places}{rest}", err=True)
    breaks = int((np.diff(samples.index) != 1).sum())
    if breaks:
        click.echo(
            f"the recording has {breaks} breaks in time: a sensor has none, so its rows follow "
            "each other without, and decisions differ from those on the recording",
            err=True,
        )
    unknown = int(np.isnan(samples.microvolts).sum())
    if unknown:
        click.echo(
            f"{unknown} of its values are not known: they are sent as the lower rail, and "
            "decisions differ from those on the recording",
            err=True,
        )
    sent = (counts * device.microvolts_per_count).astype(np.float32)
    off = float(np.nanmax(np.abs(sent - samples.microvolts), initial=0.0))
    if off:
        click.echo(
            f"its values differ from the recording's by up to {off:.3g} uV (scaled, or rounded to "
            f"counts of the {device.title}), and decisions may differ",
            err=True,
        )


def _run_until_told(emulator: "Emulator", announcement: str) -> None:
    """Play to the end, or until SIGINT or SIGTERM; the link is gone afterwards."""
    told = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: emulator.stop()) for number in told}
    click.echo(announcement, err=True)
    try:
        emulator.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
