"""A sensor, a plan and a terminal in, a journal of samples and trials out, and then EMG-BIDS."""

from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from edgeemg import __version__
from edgeemg.cli import recording_files
from edgeemg.cli.keyboard import Keyboard
from edgeemg.cli.record_session import Session, Told
from edgeemg.cli.record_views import open_view
from edgeemg.cli.recording_files import say
from edgeemg.data.journal import JournalHeader
from edgeemg.data.journal_writer import JournalWriter
from edgeemg.data.trial_plan import TrialPlan
from edgeemg.errors import EdgeEmgError, MissingExtraError, OutputExistsError, RecordingError

if TYPE_CHECKING:
    from firmware_bridge.frames import Device, Stream
    from firmware_bridge.sensor import Sensor

_OF_THE_JOURNAL = (RecordingError, OutputExistsError)  # it takes no more, or never did
_FEW = 7  # fewer trials of a word cannot be split for training, validation and a test


@dataclass(frozen=True, slots=True)
class Request:
    """What `edgeemg record` was asked for.

    run       empty: the first number that is free
    channels  inputs of the sensor, from 1; empty: all
    choose    the stream -> its inputs, from 0, instead of `channels`; it may refuse the sensor
    to_train  warn where there are too few repetitions to train on
    at_once   begin without a key
    about     of the sidecar, under its BIDS keys
    """

    port: str
    device: "Device"
    out: Path
    plan: TrialPlan
    subject: str
    session: str
    task: str
    run: str
    channels: tuple[int, ...]
    mains_hz: float
    generated: bool
    at_once: bool
    keep_journal: bool
    about: dict[str, Any]
    choose: "Callable[[Stream], tuple[int, ...]] | None" = None
    to_train: bool = True


def record(request: Request) -> None:
    """Record until the plan is done or somebody ends it; then write EMG-BIDS below `request.out`.

    What goes wrong on the way (sensor, disk) is raised after what was recorded has been kept.
    """
    if request.to_train and request.plan.repetitions < _FEW:
        say(f"warning: edgeemg train wants at least {_FEW} --repetitions of each word")
    for path in recording_files.left_behind(request.out):
        say(f"warning: {path} did not end: edgeemg data recover {path} --out DIR")
    with Told() as told:
        journal, trouble = _record(request, told)
        if not isinstance(trouble, _OF_THE_JOURNAL):
            # where the disk takes no more, there is no room for it
            _keep(journal, request)
    if trouble is not None:
        raise trouble


def _keep(journal: Path, request: Request) -> None:
    """As EMG-BIDS, or at least as the journal that it is."""
    say(f"writing what was recorded to {request.out} ...")
    safe = f"what was recorded is safe in {journal}"
    try:
        recording_files.keep(journal, request.out, keep_journal=request.keep_journal)
    except MissingExtraError as error:
        say(
            f"{safe}; {error}. Or copy the file to the workstation, and there: "
            f"edgeemg data recover {journal.name} --out DIR"
        )
    except EdgeEmgError as error:
        remedy = f"edgeemg data recover {journal} --out DIR"
        raise RecordingError(f"{error}; {safe}: {remedy}") from error
    except OSError as error:
        remedy = f"edgeemg data recover {journal} --out DIR"
        raise RecordingError(f"{request.out}: {error.strerror}; {safe}: {remedy}") from error


def _record(request: Request, told: Told) -> tuple[Path, EdgeEmgError | None]:
    """The journal, and what ended it early; raises where nothing was recorded."""
    recording_files.check_writable(request.out)
    names = {key: getattr(request, key) for key in ("subject", "session", "task")}
    generated = request.generated
    run = recording_files.free_run(request.out, **names, run=request.run, generated=generated)
    messages: deque[str] = deque()
    say(f"opening {request.device.title} on {request.port} ...")
    with ExitStack() as stack:
        sensor = stack.enter_context(_open(request, messages, told))
        header = _header(request, sensor.stream, run, link=sensor.link)
        if short := recording_files.check_space(request.out, _needed_bytes(request.plan, header)):
            say(f"warning: {short}")
        journal = recording_files.journal_path(request.out, _name(header))
        session = _session(request, header, sensor.stream, journal, messages, stack)
        trouble = _run(session, sensor, told)
        if not session.has_begun:
            session.discard()
            raise trouble or RecordingError("ended before the first word: nothing is kept")
    return journal, trouble


def _open(request: Request, messages: deque[str], told: Told) -> "Sensor":
    from firmware_bridge.greeting import StoppedError
    from firmware_bridge.sensor import open_sensor

    try:
        return open_sensor(
            request.port, request.device, tell=messages.append, stopped=lambda: told.stop
        )
    except StoppedError as error:
        raise click.Abort from error


def _session(
    request: Request,
    header: JournalHeader,
    stream: "Stream",
    journal: Path,
    messages: deque[str],
    stack: ExitStack,
) -> Session:
    """With the terminal taken; it is given back when the stack unwinds."""
    keyboard = stack.enter_context(Keyboard())
    view = open_view(2)
    stack.enter_context(view)
    session = Session(
        request.plan,
        stream,
        _inputs(request, stream),
        header,
        writer=stack.enter_context(JournalWriter(journal, header)),
        keyboard=keyboard,
        view=view,
        messages=messages,
        sensor=f"{request.device.title} on {request.port}",
        name=_name(header),
    )
    if request.at_once or not keyboard.there:
        session.begin()
    return session


def _run(session: Session, sensor: "Sensor", told: Told) -> EdgeEmgError | None:
    """To the end; gives what ended it early."""
    trouble: EdgeEmgError | None = None
    try:
        session.run(sensor, told, sensor.counters.as_dict)
    except _OF_THE_JOURNAL as error:
        return error  # not another write
    except EdgeEmgError as error:
        trouble = error
    try:
        session.end(sensor.counters.as_dict)
    except _OF_THE_JOURNAL as error:
        return error
    return trouble


def _header(request: Request, stream: "Stream", run: str, *, link: str) -> JournalHeader:
    inputs = _inputs(request, stream)
    about = dict(request.about)
    if Path(request.port).resolve().is_relative_to("/dev/pts"):
        about["Warnings"] = ["Recorded from a simulated sensor, not from a person wearing one."]
    about["ManufacturersModelName"] = request.device.title
    about["Recorder"] = {
        "edgeemg": __version__,
        "Started": datetime.now(UTC).isoformat(timespec="seconds"),
        "Device": request.device.name,
        "Port": link,
        "Stream": asdict(stream),
        "Inputs": [one + 1 for one in inputs],
        "Plan": asdict(request.plan),
    }
    return JournalHeader(
        sample_rate_hz=stream.sample_rate_hz,
        channels=tuple(f"EMG{one + 1}" for one in inputs),
        microvolts_per_count=stream.microvolts_per_count,
        subject=request.subject,
        session=request.session,
        task=request.task,
        run=run,
        mains_hz=request.mains_hz,
        generated=request.generated,
        about=about,
    )


def _name(header: JournalHeader) -> str:
    return f"sub-{header.subject}_ses-{header.session}_task-{header.task}_run-{header.run}"


def _inputs(request: Request, stream: "Stream") -> tuple[int, ...]:
    """The sensor's inputs to record, from 0."""
    if request.choose is not None:
        return request.choose(stream)
    asked, n = request.channels, stream.n_channels
    if not asked:
        return tuple(range(n))
    if len(set(asked)) != len(asked) or not all(1 <= one <= n for one in asked):
        raise RecordingError(
            f"--channels must name inputs from 1 to {n}, each once, got {','.join(map(str, asked))}"
        )
    return tuple(one - 1 for one in asked)


def _needed_bytes(plan: TrialPlan, header: JournalHeader) -> float:
    rate = recording_files.bytes_a_second(header.sample_rate_hz, len(header.channels))
    return plan.n_trials * plan.turn_s * rate
