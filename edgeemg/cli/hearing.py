"""What `tune` and `evaluate BUNDLE DIR` share: recordings through the loop, with progress."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import click

from edgeemg.cli.picking import pick
from edgeemg.cli.running import recorded_pieces
from edgeemg.dsp.identical import digest
from edgeemg.dsp.samples import Recording, Samples
from edgeemg.errors import RecordingError
from edgeemg.manifest import Manifest
from edgeemg.profiler.boards import this_board
from edgeemg.runtime.bundle import Bundle
from edgeemg.runtime.engines import Engine, open_engine
from edgeemg.runtime.event_metrics import Timeline, usual_grace, words_of
from edgeemg.runtime.health import Health
from edgeemg.runtime.replay import hear
from edgeemg.runtime.stretches import Stretch

_LOSSES = ("breaks", "missing_samples", "unusable_samples", "untrusted_windows")
_SHORT_S = 10.0  # pieces between breaks shorter than this are trials, not a stream


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What the loop heard of recordings, and what has to be said beside every number of it.

    file, why  of the bundle, which file ran, and why that one
    grace_ms   how long after its end a word counts
    losses     samples and windows that decided nothing, by kind
    """

    stretches: list[Stretch]
    data: str
    engine: str
    file: str
    why: str
    recordings: int
    minutes: float
    grace_ms: float
    losses: dict[str, int]
    generated: bool
    licence: str
    warnings: list[str]


def hear_recordings(
    bundle: Bundle,
    folder: Path,
    *,
    engine: str | None,
    precision: str | None,
    which: Mapping[str, Sequence[str]],
    grace_ms: float | None = None,
    unseen: bool = False,
) -> Heard:
    """Run the loop over every recording below a folder, or those of `which` (subject, session,
    task).

    engine, precision  None: picked by what export chose for this board
    grace_ms           how long after its end a word counts; `usual_grace` where None
    unseen             none of them was trained on, whatever the folder is called
    Raises RecordingError where nothing can be judged: no rest, or nothing held out from training.
    """
    from edgeemg.cli.training import load_recordings

    picked = pick(bundle.manifest, engine=engine, precision=precision, board=this_board())
    opened = open_engine(bundle, picked.engine, picked.precision)
    recordings = load_recordings(folder, which["subject"], which["session"], which["task"])
    stretches, health = _stretches(recordings, opened, bundle.manifest, grace_ms)
    warnings = _warnings(recordings, bundle.manifest)
    seen = [False] * len(recordings) if unseen else _seen(recordings, bundle.manifest)
    if any(seen):
        stretches, said = _held_out(stretches, recordings, seen, bundle)
        warnings.append(said)
    grace_ms = stretches[0].timeline.grace_samples / bundle.manifest.sample_rate_hz * 1000
    _check_rest(stretches, folder, grace_ms)
    return Heard(
        stretches=stretches,
        data=folder.resolve().name,
        engine=f"{opened.name} {opened.precision}",
        file=bundle.model_path(picked.engine, picked.precision).name,
        why=picked.why,
        recordings=len(recordings),
        minutes=sum(len(one.samples) / one.samples.sample_rate_hz for one in recordings) / 60,
        grace_ms=grace_ms,
        losses={name: sum(getattr(one, name) for one in health) for name in _LOSSES},
        generated=any(one.generated for one in recordings),
        licence="; ".join(sorted({one.licence for one in recordings})),
        warnings=warnings,
    )


def _stretches(
    recordings: Sequence[Recording], engine: Engine, manifest: Manifest, grace_ms: float | None
) -> tuple[list[Stretch], list[Health]]:
    """A stretch a recording, and what the loop counted in each."""
    words = [words_of(recording.events, manifest) for recording in recordings]
    grace = (
        usual_grace(words, manifest)
        if grace_ms is None
        else round(grace_ms * manifest.sample_rate_hz / 1000)
    )
    length = sum(len(one.samples) for one in recordings)
    stretches, healths = [], []
    with click.progressbar(length=length, label="hearing", file=sys.stderr) as bar:
        for recording, said in zip(recordings, words, strict=True):
            health = Health()
            pieces = recorded_pieces(recording, manifest)
            hops = hear(_told(pieces, bar.update), engine, manifest, health=health)
            stretches.append(Stretch(hops, Timeline(said, grace), manifest))
            healths.append(health)
    return stretches, healths


def _told(pieces: Iterable[Samples], on_samples: Callable[[int], None]) -> Iterator[Samples]:
    for piece in pieces:
        yield piece
        on_samples(len(piece))


def _held_out(
    stretches: Sequence[Stretch],
    recordings: Sequence[Recording],
    seen: Sequence[bool],
    bundle: Bundle,
) -> tuple[list[Stretch], str]:
    """Of recordings that were trained on only what was held out, and the sentence that says so."""
    kept, ends = [], 0
    for stretch, recording, trained in zip(stretches, recordings, seen, strict=True):
        start = _trained_until(recording, bundle.manifest) if trained else 0
        if start is not None:
            kept.append(stretch.since(start) if trained else stretch)
            ends += trained
    which = f"{bundle.folder} was trained on {sum(seen)} of these {len(seen)} recordings"
    if not any(one.hops for one in kept):
        protocol = bundle.manifest.training.protocol.partition(":")[0]
        raise RecordingError(
            f"{which} (protocol {protocol}), and none of them has an end that `edgeemg train` held "
            "out: take recordings of another day"
        )
    if not any(one.rest_hours for one in kept):
        raise RecordingError(
            f"{which}, and what was held out from training, which alone can be judged, holds no "
            "rest: take recordings of another day"
        )
    left = sum(len(one.hops) for one in kept) / sum(len(one.hops) for one in stretches)
    each = "each" if ends == sum(seen) else f"{ends}"
    used = f"only the end of {each} of them, held out from training,"
    if not ends:
        used = "nothing of what it was trained on"
    return kept, (
        f"the bundle was trained on {sum(seen)} of these {len(seen)} recordings: {used} "
        f"is used ({left:.0%} of all hops are left); a day that it never saw tells more"
    )


def _seen(recordings: Sequence[Recording], manifest: Manifest) -> list[bool]:
    """Which recordings were trained on, by their samples; whatever the folder is called."""
    return [digest(one) in manifest.training.digests for one in recordings]


def _trained_until(recording: Recording, manifest: Manifest) -> int | None:
    """The first sample behind every window that trained or stopped training; None where all did,
    or where the bundle does not come from `edgeemg train`: a fold of `evaluate --keep` tests a
    stretch anywhere, and trains on what comes after it too.

    The windows are cut as training cut them, so that trials without one are not counted either.
    """
    from edgeemg.train.splits import blocked
    from edgeemg.train.trials import cut_windows

    columns = [recording.channels.index(one.name) for one in manifest.channels]
    read = replace(recording, samples=recording.samples.columns(columns))
    length = {"window": manifest.window_samples, "hop": manifest.hop_samples}
    try:
        trials = cut_windows([read], manifest.bands, **length).trials
        parts = blocked(trials)
    except RecordingError:
        return None
    if parts.protocol != manifest.training.protocol:
        return None
    return 1 + max(trials[int(n)].last for n in (*parts.train, *parts.validation))


def _warnings(recordings: Sequence[Recording], manifest: Manifest) -> list[str]:
    warnings = list(dict.fromkeys(text for one in recordings for text in one.warnings))
    own = manifest.calibration
    if own is not None and any(digest(one) in own.digests for one in recordings):
        warnings.append(
            "the bundle was calibrated on some of these recordings, which flatters it there"
        )
    unknown = Counter(
        event.label
        for one in recordings
        for event in one.events
        if event.label not in manifest.labels
    )
    if unknown:
        named = ", ".join(f"{label} ({number})" for label, number in unknown.most_common())
        warnings.append(f"labels that the model does not know count as rest: {named}")
    pieces_s = [
        len(piece) / manifest.sample_rate_hz for one in recordings for piece in one.samples.runs()
    ]
    if median(pieces_s) < _SHORT_S:
        warnings.append(
            f"these are trials of {median(pieces_s):.1f} s, not a stream: filters start anew in "
            "each, and rest that was asked for is not what a day is like"
        )
    return warnings


def _check_rest(stretches: Sequence[Stretch], folder: Path, grace_ms: float) -> None:
    if any(one.rest_hours for one in stretches):
        return
    raise RecordingError(
        f"{folder} holds no rest in which an activation would be false: every hop lies in a word "
        f"or in the {grace_ms:.0f} ms after one; record some minutes without words, or give a "
        "shorter --grace-ms"
    )
