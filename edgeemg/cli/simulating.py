"""What `simulate` does: a recording in, played as the bytes of a device; counters to stderr."""

import signal
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from edgeemg.cli.sensor_options import wishes_of
from edgeemg.data.bids import find_recordings, read_recording
from edgeemg.dsp.channels import sensor_inputs
from edgeemg.dsp.samples import Recording
from edgeemg.errors import PortError, RecordingError
from firmware_bridge.boards import Board, converter_range, microvolts_to_counts
from firmware_bridge.devices import find_device
from firmware_bridge.emulator import BOARDS, Emulator
from firmware_bridge.faults import Faults
from firmware_bridge.frames import Stream, Wishes


def play(
    recordings: Path,
    *,
    link: Path | None,
    name: str | None,
    device: str,
    speed: float,
    loop: bool,
    gain_scale: float,
    **options: Any,
) -> None:
    """Play one recording of the folder until it is over, or a signal comes.

    options  of `edgeemg simulate`: what is asked of the device, and what is to go wrong
    """
    wishes = wishes_of(options)
    recording = read_recording(_choose(recordings, name))
    kind = _board(device)
    title = kind.device.title
    stream = kind.streams(_as_recorded(wishes, recording, kind.takes))
    counts = _to_counts(recording, title, stream, gain_scale)
    emulator = Emulator(
        kind(counts, stream, loop=loop),
        link=link,
        speed=speed,
        lossless=speed > 1,
        faults=_faults(options),
    )
    seconds = len(counts) / stream.sample_rate_hz / speed
    what = "generated EMG" if recording.generated else "recorded EMG"
    _run_until_told(
        emulator,
        f"simulated {title} on {link or emulator.port_name}: {what}, {recording.name}, "
        f"{seconds:.1f} s at speed {speed:g}{', in a loop' if loop else ''}; Ctrl-C ends it",
    )
    click.echo(_account(emulator), err=True)


def _board(device: str) -> type[Board]:
    find_device(device)  # an unknown name is refused
    if device not in BOARDS:
        raise PortError(
            f"the {device} cannot be simulated: it has no encoder; these have: {', '.join(BOARDS)}"
        )
    return BOARDS[device]


def _as_recorded(wishes: Wishes, recording: Recording, takes: tuple[str, ...]) -> Wishes:
    """The wishes, and where the device can be set and nothing is wished, the recording's."""
    rate, channels = wishes.rate_hz, wishes.channels
    if rate is None and "rate_hz" in takes:
        rate = recording.samples.sample_rate_hz
    if channels is None and "channels" in takes:
        channels = recording.samples.n_channels
    return Wishes(rate_hz=rate, gain=wishes.gain, channels=channels)


def _faults(options: dict[str, Any]) -> Faults:
    stall, reboot = options["stall"] or (0.0, 0.0), options["reboot"] or (0.0, 1.0)
    return Faults(
        drop=options["drop"],
        flip=options["flip"],
        insert=options["insert"],
        burst_s=options["burst"],
        stall_every_s=stall[0],
        stall_s=stall[1],
        reboot_every_s=reboot[0],
        reboot_s=reboot[1],
        unplug_every_s=options["unplug_after"] or 0.0,
        unplug_s=options["replug_after"],
        clock_ppm=options["clock_ppm"],
        seed=options["seed"],
    )


def _account(emulator: Emulator) -> str:
    line = emulator.line
    said = [
        f"sent {emulator.board.sent - emulator.lost_samples} samples",
        f"lost {emulator.lost_samples} on purpose",
        f"{emulator.overflowed_bytes} bytes for want of a reader",
    ]
    if line.flipped_bytes or line.inserted_bytes:
        said.append(f"{line.flipped_bytes} bytes flipped, {line.inserted_bytes} inserted")
    said += [f"{n} x {kind}" for kind, n in emulator.pauses.items() if n]
    return ", ".join(said)


def _choose(recordings: Path, name: str | None) -> Path:
    """The BDF of the recording that is asked for, or the first one."""
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


def _to_counts(
    recording: Recording, title: str, stream: Stream, gain_scale: float
) -> NDArray[np.int32]:
    """What the device would have sent: (time, stream.n_channels) counts."""
    samples = recording.samples
    if samples.sample_rate_hz != stream.sample_rate_hz:
        raise RecordingError(
            f"{recording.name} has {samples.sample_rate_hz:g} Hz, and the {title} sends "
            f"{stream.sample_rate_hz:g} Hz: import it at that rate"
        )
    if samples.n_channels > stream.n_channels:
        raise RecordingError(
            f"{recording.name} has {samples.n_channels} channels, and the {title} has "
            f"{stream.n_channels}: import it with fewer channels"
        )
    microvolts = samples.microvolts.astype(np.float64) * gain_scale
    _check_range(recording, title, stream, float(np.nanmax(np.abs(microvolts), initial=0.0)))
    inputs = sensor_inputs(recording.channels, n_inputs=stream.n_channels)
    on_inputs = np.full((len(samples), stream.n_channels), np.nan)
    on_inputs[:, inputs] = microvolts
    counts = microvolts_to_counts(on_inputs, stream)
    _say_what_differs(recording, counts[:, inputs], inputs, title, stream)
    return counts


def _check_range(recording: Recording, title: str, stream: Stream, largest_uv: float) -> None:
    lowest, highest = converter_range(stream)
    steps = min(stream.zero_count - lowest, highest + 1 - stream.zero_count)
    range_uv = steps * stream.microvolts_per_count
    if largest_uv <= range_uv + stream.microvolts_per_count / 2:
        return
    raise RecordingError(
        f"{recording.name} reaches {largest_uv:.0f} uV, and the {title} ends at "
        f"{range_uv:.0f} uV: scale it down with --gain-scale {0.9 * range_uv / largest_uv:.2g}"
    )


def _say_what_differs(
    recording: Recording,
    counts: NDArray[np.int32],
    inputs: tuple[int, ...],
    title: str,
    stream: Stream,
) -> None:
    samples = recording.samples
    named = zip(inputs, recording.channels, strict=True)
    places = ", ".join(f"{n + 1} {channel}" for n, channel in named)
    rest = "" if len(inputs) == stream.n_channels else "; the others open (railed)"
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
    sent = ((counts - stream.zero_count) * stream.microvolts_per_count).astype(np.float32)
    off = float(np.nanmax(np.abs(sent - samples.microvolts), initial=0.0))
    if off:
        click.echo(
            f"its values differ from the recording's by up to {off:.3g} uV (scaled, or rounded to "
            f"counts of the {title}), and decisions may differ",
            err=True,
        )


def _run_until_told(emulator: Emulator, announcement: str) -> None:
    """Play to the end, or until SIGINT, SIGTERM or SIGHUP; the link is gone afterwards."""
    told = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, lambda *_: emulator.stop()) for number in told}
    click.echo(announcement, err=True)
    try:
        emulator.run()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
