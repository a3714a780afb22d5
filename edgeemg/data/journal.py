"""A journal (what a recorder appended to while it ran) in, all that it still holds out.

`JournalWriter` writes one; the layout is in `journal_blocks`. No footer is needed.
"""

import fcntl
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from edgeemg.data import journal_blocks as blocks
from edgeemg.data.trial_marks import MISSING
from edgeemg.dsp.samples import Samples, join
from edgeemg.errors import RecordingError
from edgeemg.typed_json import build

SUFFIX = ".emgj"
SCHEMA = 1
_MOST_TORN = 8  # blocks of a quarter of a second: what a power cut leaves half written
ENDED = "ended"  # the event with which a recorder that could end, ends


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """What every sample of the file has in common.

    channels              one name a column
    microvolts_per_count  size of one count of the sensor
    subject, session, task, run   BIDS entities, without the prefix
    mains_hz              mains frequency at the place of recording; None where unknown
    generated             True for synthetic EMG
    about                 the rest of the sidecar, under its BIDS keys
    """

    sample_rate_hz: float
    channels: tuple[str, ...]
    microvolts_per_count: float
    subject: str
    session: str
    task: str
    run: str
    mains_hz: float | None
    generated: bool
    about: dict[str, Any]
    schema: int = SCHEMA


@dataclass(slots=True)
class Journal:
    """What a file holds.

    samples  all that survived; a lost block is a break in time
    events   (sample index, JSON object) in the order of the file; MISSING where blocks are lost
    damage   one line for each thing that is lost or odd; empty where all is well
    ended    whether the recorder came to its own end; where not, the last block may be torn
    """

    header: JournalHeader
    samples: Samples
    events: list[tuple[int, dict[str, Any]]]
    damage: list[str] = field(default_factory=list)
    ended: bool = False


def read_journal(path: Path) -> Journal:
    """All that a file still holds. RecordingError where that is no header or no samples.

    Truncated anywhere, or with bits flipped, it gives what lies in whole blocks and says what is
    lost; blocks out of their order (left over from another file) are refused.
    """
    damage = blocks.Damage()
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise RecordingError(f"{path}: there is no such file") from error
    except OSError as error:
        raise RecordingError(f"{path}: cannot be read ({error.strerror})") from error
    found = list(blocks.scan_blocks(content, damage))
    header = _first_header(found, path)
    reading = _Reading(header)
    for block in found:
        reading.take(block)
    if not reading.pieces:
        raise RecordingError(f"{path} holds no samples: nothing can be recovered, delete it")
    torn = _MOST_TORN * max(blocks.OVERHEAD + len(block.payload) for block in found)
    for at, length in damage.stretches:
        if at + length == len(content) and length <= torn and not reading.ended:
            continue  # what was being written when it was killed, or power was lost
        reading.damage.append(f"{length} bytes from byte {at} on are no whole block")
    return Journal(header, join(reading.pieces), reading.events, reading.damage, reading.ended)


def is_being_written(path: Path) -> bool:
    """Whether a recorder holds the file open; not so for what cannot be opened."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


class _Reading:
    """Blocks in, in the order of the file; what belongs to the recording is kept."""

    def __init__(self, header: JournalHeader) -> None:
        self.pieces: list[Samples] = []
        self.events: list[tuple[int, dict[str, Any]]] = []
        self.damage: list[str] = []
        self.ended = False
        self._header = header
        self._seq = -1

    def take(self, block: blocks.Block) -> None:
        if block.seq <= self._seq:
            self.damage.append(f"the block at byte {block.at} is out of order: left out")
            return
        if block.seq != self._seq + 1:
            lost = block.seq - self._seq - 1
            self.damage.append(f"{lost} blocks are missing at byte {block.at}")
            self.events.append((block.first_index, {"what": MISSING, "blocks": lost}))
        self._seq = block.seq
        if block.kind == "samples":
            self._take_samples(block)
        if block.kind == "event":
            self._take_event(block)

    def _take_samples(self, block: blocks.Block) -> None:
        unpacked = blocks.unpack_samples(block.payload)
        last = int(self.pieces[-1].index[-1]) if self.pieces else -1
        wanted = len(self._header.channels)
        if unpacked is None or unpacked[0].shape[1] != wanted or block.first_index <= last:
            self.damage.append(f"the samples at byte {block.at} do not fit the others: left out")
            return
        microvolts, valid = unpacked
        index = np.arange(block.first_index, block.first_index + len(microvolts), dtype=np.int64)
        self.pieces.append(Samples(microvolts, self._header.sample_rate_hz, index, valid))

    def _take_event(self, block: blocks.Block) -> None:
        event = _json_object(block.payload)
        if event is None:
            self.damage.append(f"the event at byte {block.at} is not JSON: left out")
            return
        self.ended |= event.get("what") == ENDED
        self.events.append((block.first_index, event))


def _first_header(found: list[blocks.Block], path: Path) -> JournalHeader:
    for block in found:
        plain = _json_object(block.payload) if block.kind == "header" else None
        if plain is None:
            continue
        if plain.get("schema") != SCHEMA:
            raise RecordingError(
                f"{path} is of version {plain.get('schema')}, this edgeemg reads {SCHEMA}: "
                "recover it with the edgeemg that recorded it"
            )
        header = build(JournalHeader, plain, whole=f"{path}: the header", error=RecordingError)
        if header.sample_rate_hz > 0 and header.channels:
            return header
    raise RecordingError(
        f"{path} is no journal of edgeemg, or its header is lost: nothing can be recovered from it"
    )


def _json_object(payload: bytes) -> dict[str, Any] | None:
    try:
        plain = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    return plain if isinstance(plain, dict) else None
