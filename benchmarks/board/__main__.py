"""`python -m benchmarks.board`: this checkout in, the whole wearable on an emulated board out."""

import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click

from benchmarks.board import ending, installing, running
from benchmarks.board.debian_image import debian_image
from benchmarks.board.machine import Disks, Machine
from benchmarks.board.material import Material, generated, payload
from benchmarks.board.rig import Facts, Rig
from benchmarks.board.tools import call, find_tools
from benchmarks.board.transcript import EMULATED, Transcript, as_lines, as_table
from benchmarks.doc_tables import put_between
from benchmarks.machine_facts import machine_facts
from edgeemg.errors import EdgeEmgError

# title, what it does, and whether all that follow need it
STEPS: tuple[tuple[str, Callable[[Rig], Facts], bool], ...] = (
    ("boots with the sensor plugged in", installing.boots, True),
    ("the wheel and one engine are installed", installing.installs, True),
    ("`edgeemg doctor`", installing.doctor, False),
    ("`edgeemg service install` runs inside", installing.installs_service, True),
    ("decides on the recording at real speed", running.decides, False),
    ("the sensor is unplugged and plugged in again", running.survives_unplug, False),
    ("the sensor loses its power", running.survives_reboot, False),
    ("the decision loop hangs", running.survives_hang, False),
    ("power is cut while it records", ending.survives_power_cut, False),
)


@click.command()
@click.option("--seconds", type=click.FloatRange(min=20), default=300.0, show_default=True)
@click.option("--bundle", type=click.Path(exists=True, path_type=Path), help="Not the one made.")
@click.option("--recording", type=click.Path(exists=True, path_type=Path), help="*_emg.bdf")
@click.option("--out", type=click.Path(path_type=Path), help="JSON transcript to write.")
@click.option("--page", type=click.Path(path_type=Path), help="Page whose table to replace.")
@click.option("--keep", type=click.Path(path_type=Path), help="Keep console.log and disks here.")
def main(
    seconds: float,
    bundle: Path | None,
    recording: Path | None,
    out: Path | None,
    page: Path | None,
    keep: Path | None,
) -> None:
    """Run every step on an emulated board; exit code 1 where one fails.

    The first run downloads Debian and lets it configure itself in the emulated board, which takes
    many minutes; later ones take it from the cache.
    """
    if (bundle is None) != (recording is None):
        raise click.UsageError("give both --bundle and --recording, or none")
    material = None if bundle is None or recording is None else Material(bundle, recording)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # qemu must not outlive this
    try:
        with tempfile.TemporaryDirectory(prefix="board-") as scratch:
            transcript = _run(Path(scratch), material, seconds, keep)
    except EdgeEmgError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
    if out is not None:
        transcript.write(out)
    if page is not None:
        put_between(page, "board-test", as_table(transcript))
    sys.exit(not transcript.passed)


def _run(folder: Path, material: Material | None, seconds: float, keep: Path | None) -> Transcript:
    find_tools()
    _tell(EMULATED)
    began_s = time.monotonic()
    image = debian_image(_tell)
    plays = material or generated(_tell)
    disk, wheel = payload(plays, folder, _tell)
    own = folder / "disk.img"
    call(["cp", "--sparse=always", image.disk, own], timeout_s=300)
    prepared_s = round(time.monotonic() - began_s, 1)
    _tell(f"ready after {prepared_s:.0f} s of the host")
    transcript = Transcript({**_about(plays, wheel, seconds), "preparing_host_s": prepared_s})
    with ExitStack() as stack:
        if keep is not None:
            stack.callback(shutil.copytree, folder, keep, dirs_exist_ok=True, ignore=_sockets)
        machine = stack.enter_context(Machine(image, Disks(own, disk, folder)))
        rig = Rig(machine, plays, folder, seconds)
        stack.callback(rig.close)
        _take_all(transcript, rig)
    return transcript


def _take_all(transcript: Transcript, rig: Rig) -> None:
    for title, run, needed in STEPS:
        step = transcript.take(title, lambda run=run: run(rig))  # type: ignore[misc]
        for line in as_lines(step):
            _tell(line)
        if needed and not step.passed:
            return


def _about(material: Material, wheel: str, seconds: float) -> dict[str, object]:
    host = machine_facts()
    qemu = call(["qemu-system-aarch64", "--version"], timeout_s=60).stdout.splitlines()[0]
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "commit": host["commit"],
        "host": {name: host[name] for name in ("processor", "cores", "load_1_min")},
        "qemu": qemu,
        "wheel": wheel,
        "recording": material.recording.name,
        "seconds": seconds,
    }


def _sockets(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if not (Path(folder) / name).is_file()]


def _tell(text: str) -> None:
    click.echo(text, err=True)


if __name__ == "__main__":
    main()
