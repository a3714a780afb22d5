"""Samples and events in, a file that survives a power cut out.

It is made with the first samples, whole (written beside, synced, renamed, the folder synced), and
then only grows: no block that is on the disk is touched again. Layout: `journal_blocks`;
`read_journal` reads it.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from edgeemg.data import journal_blocks as blocks
from edgeemg.data.journal import ENDED, JournalHeader
from edgeemg.dsp.samples import Samples, join
from edgeemg.errors import OutputExistsError, RecordingError

WRITE_S = 0.25  # samples wait this long in memory: what a killed process loses
SYNC_S = 1.0  # and this long in the system's memory: what a power cut loses
_HEADER_AGAIN_S = 60.0


class JournalWriter:
    """Appends to a new file; `add` and `note` keep what they are given, `tick` writes when due.

    Samples are in the file within 0.25 s (a killed process loses no more) and on the disk within
    about a second. Syncing runs in a thread: a slow card must not keep the sensor waiting.

    Where no sample came, there is no file. OutputExistsError where the file is there already.
    RecordingError where the disk takes no more: what was written before is whole.
    """

    def __init__(
        self,
        path: Path,
        header: JournalHeader,
        *,
        clock: Callable[[], float] = time.monotonic,
        sync: Callable[[int], None] = os.fdatasync,
    ) -> None:
        self.path = path
        self._clock = clock
        self._sync = sync
        self._seq = 0
        self._waiting: list[Samples] = []
        self._header = json.dumps(asdict(header)).encode()
        _refuse_existing(path)
        self._file = -1  # none yet
        self._size = 0
        self._closed = self._has_samples = False
        self._early = self._packed_header()  # what the file begins with
        self._written_s = self._synced_s = clock()
        self._header_due_s = self._synced_s + SYNC_S
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._syncing: Future[None] | None = None

    def add(self, samples: Samples) -> None:
        """Samples that follow those before: (time, channel), index above theirs."""
        if len(samples):
            self._waiting.append(samples)
        self.tick()

    def note(self, index: int, event: dict[str, Any]) -> None:
        """An event at a sample index, as plain JSON; it goes behind the samples so far."""
        self._write(self._packed_samples() + self._pack("event", index, json.dumps(event).encode()))

    def tick(self) -> None:
        """Write what has waited for 0.25 s, and sync what has waited for a second."""
        now_s = self._clock()
        if now_s - self._written_s >= WRITE_S:
            self._written_s = now_s
            content = b""
            if self._file >= 0 and now_s >= self._header_due_s:
                self._header_due_s = now_s + _HEADER_AGAIN_S
                content = self._packed_header()
            self._write(content + self._packed_samples())
        if self._file < 0:
            return
        if now_s - self._synced_s >= SYNC_S and (self._syncing is None or self._syncing.done()):
            self._synced_s = now_s
            self._finish_sync()
            self._syncing = self._pool.submit(self._sync, self._file)

    def close(self, index: int, **more: Any) -> None:
        """Write what waits, that this is the end, and `more`; sync and close. Twice is fine."""
        if self._closed:
            return
        try:
            self._write(self._packed_samples() + self._packed_header())
            self.note(index, {"what": ENDED, **more})
            if self._file < 0:
                return
            self._finish_sync()
            self._syncing = self._pool.submit(self._sync, self._file)
            self._finish_sync()
        finally:
            self._release()

    def abandon(self) -> None:
        """Close without saying that this is the end; what waits is written if that is possible."""
        if self._closed:
            return
        with suppress(RecordingError, OutputExistsError):
            self._write(self._packed_samples())
        if self._file >= 0:
            with suppress(OSError):
                os.fdatasync(self._file)
        self._release()

    def discard(self) -> None:
        """Close, and remove the file where this one made it."""
        self.abandon()
        if self._file >= 0:
            self.path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.abandon()

    def _release(self) -> None:
        self._closed = True
        self._pool.shutdown()
        if self._file >= 0:
            os.close(self._file)

    def _packed_samples(self) -> bytes:
        if not self._waiting:
            return b""
        self._has_samples = True
        whole = join(self._waiting)
        self._waiting = []
        return b"".join(self._packed(run) for run in whole.runs())

    def _packed(self, run: Samples) -> bytes:
        """A run without a break as blocks, few or one."""
        most = max(1, blocks.LARGEST_PAYLOAD // (8 * run.n_channels))
        return b"".join(
            self._pack(
                "samples",
                int(run.index[start]),
                blocks.pack_samples(
                    run.microvolts[start : start + most], run.valid[start : start + most]
                ),
            )
            for start in range(0, len(run), most)
        )

    def _packed_header(self) -> bytes:
        return self._pack("header", 0, self._header)

    def _pack(self, kind: blocks.Kind, index: int, payload: bytes) -> bytes:
        self._seq += 1
        return blocks.pack_block(kind, self._seq - 1, max(0, index), payload)

    def _write(self, content: bytes) -> None:
        if self._file < 0:
            self._early += content
            if self._has_samples:
                self._file = _create(self.path, self._early)
                self._size = len(self._early)
            return
        try:
            _write_all(self._file, content)
        except OSError as error:
            with suppress(OSError):  # half a block is no harm to the reader, only untidy
                os.ftruncate(self._file, self._size)
            raise self._refused(error) from error
        self._size += len(content)

    def _finish_sync(self) -> None:
        syncing, self._syncing = self._syncing, None
        if syncing is None:
            return
        try:
            syncing.result()
        except OSError as error:
            raise self._refused(error) from error

    def _refused(self, error: OSError) -> RecordingError:
        return RecordingError(
            f"{self.path}: the disk takes no more ({error.strerror or error}); what was recorded "
            f"until then is in it. Make room, then: edgeemg data recover {self.path} --out DIR"
        )


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise OutputExistsError(
            f"{path} is there already, left by a recording that did not end: "
            f"edgeemg data recover {path} --out DIR"
        )


def _create(path: Path, content: bytes) -> int:
    """The file with its first blocks, whole on the disk or not there; open for appending."""
    _refuse_existing(path)
    draft = path.with_name(f".{path.name}.draft")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
    except OSError as error:
        raise RecordingError(f"{path}: cannot be made ({error.strerror})") from error
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _write_all(file, content)
        os.fsync(file)
        draft.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        os.close(file)
        draft.unlink(missing_ok=True)
        raise RecordingError(f"{path}: cannot be made ({error.strerror})") from error
    return file


def _write_all(file: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(file, rest) :]


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
