"""Bytes and the marks of a frame of fixed length in, whole frames out; noise passed and counted.

What formats without a delimiter share. A frame that follows directly on a frame, with the counter
one up, is taken at once, in bulk. Any other one needs proof, since marks also occur in data and in
noise: as many frames in a row as the format says. Without it the reader moves on by one byte.
"""

import numpy as np
from numpy.typing import NDArray

Table = NDArray[np.uint8]

_FEW = 4  # frames, lost unseen besides those that the noise has room for, that are no surprise

_FIRST_LOOK = 64  # places a search looks at at once; more with each look that finds nothing
_WIDEST_LOOK = 4096
_LONGEST_RUN = 256  # frames a look: bounds what noise in the middle of a long chunk costs


class SlidingReader:
    """Finds frames of `frame_bytes` bytes; a subclass says what they look like.

    turn           numbers of the counter; 0: the format has none
    head           how every frame begins; b"": the format does not say
    longest_proof  the most frames in a row that `_proof` asks for
    further        frames that may be lost in such a row behind the second one

    rejected_bytes  bytes that belonged to no frame
    resyncs         stretches of them
    malformed       frames that were refused where one was due
    """

    def __init__(
        self,
        frame_bytes: int,
        *,
        turn: int = 0,
        head: bytes = b"",
        longest_proof: int = 3,
        further: int = 0,
    ) -> None:
        self.rejected_bytes = 0
        self.resyncs = 0
        self.malformed = 0
        self._frame_bytes = frame_bytes
        self._turn = turn
        self._head = head
        self._longest_proof = longest_proof
        self._further = further
        self._held = b""
        self._in_lock = True  # a stream starts with a frame
        self._rejected = 0  # bytes since the last frame
        self._any = False  # whether a frame came yet
        self._last = 0  # counter of the last frame

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of their frame or for its proof."""
        return len(self._held)

    def _looks(self, table: Table) -> NDArray[np.bool_]:
        """(n, frame_bytes) -> (n,): whether each could be a frame by itself."""
        raise NotImplementedError

    def _counters(self, table: Table) -> NDArray[np.int64]:
        """(n, frame_bytes) -> (n,) counters, below `turn`."""
        raise NotImplementedError

    def _proof(self, rejected: int | None, step: int) -> int:
        """How many frames in a row it takes to believe a frame, this one among them.

        rejected  bytes since the last frame; None: there was none yet
        step      of the counter from the last frame; 0 where there is none, or no counter
        """
        raise NotImplementedError

    def _proof_by_room(self, rejected: int | None, step: int) -> int:
        """As `_proof`, where the marks are enough if as many frames miss as noise has room for."""
        room = -(-rejected // self._frame_bytes) if rejected else 0
        if room and 1 <= step <= 1 + room:
            return 1
        return 2 if step <= 1 + room + _FEW else 3

    def _find(self, chunk: bytes) -> list[Table]:
        """The frames that this chunk completes: (n, frame_bytes), in stretches without noise."""
        buffer = self._held + chunk
        runs: list[Table] = []
        at = 0
        while at + self._frame_bytes <= len(buffer):
            run = self._run(buffer, at)
            if not len(run):
                at, proven = self._next(buffer, at)
                if not proven:
                    break
                run = self._table(buffer, at, 1)
            self._any, self._in_lock, self._rejected = True, True, 0
            if self._turn:
                self._last = int(self._counters(run[-1:])[0])
            at += run.size
            runs.append(run)
        self._held = buffer[at:]
        return runs

    def _table(self, buffer: bytes, at: int, most: int) -> Table:
        whole = min((len(buffer) - at) // self._frame_bytes, most)
        flat = np.frombuffer(buffer, np.uint8, whole * self._frame_bytes, at)
        return flat.reshape(whole, self._frame_bytes)

    def _run(self, buffer: bytes, at: int) -> Table:
        """The frames from `at` on that follow each other and the last one; often all there are."""
        if not (self._any and self._in_lock):
            return self._table(buffer, at, 0)
        table = self._table(buffer, at, _LONGEST_RUN)
        good = self._looks(table)
        if self._turn:
            counters = self._counters(table)
            good[0] &= (counters[0] - self._last) % self._turn == 1
            good[1:] &= np.diff(counters) % self._turn == 1
        return table if good.all() else table[: int(good.argmin())]

    def _next(self, buffer: bytes, at: int) -> tuple[int, bool]:
        """The place of the next frame, and whether it has its proof; what is before is rejected.

        Without it more bytes are needed, from that place on.
        """
        # not sliding_window_view: it leaves a cycle of references behind, and the buffer with it
        places = max(len(buffer) - self._frame_bytes + 1, 0)
        windows = np.ndarray((places, self._frame_bytes), np.uint8, buffer, 0, (1, 1))
        start, wide = at, _FIRST_LOOK
        while start < len(windows):
            seen = windows[start : start + wide + self._longest_proof * self._frame_bytes]
            good = self._looks(seen)
            marks = good.tolist()
            counters = self._counters(seen).tolist() if self._turn else []
            for place in np.flatnonzero(good[:wide]).tolist():
                rejected = self._rejected + start + place - at
                proven = self._is_proven(marks, counters, place, rejected)
                if proven is not False:
                    self._reject(buffer, at, start + place)
                    return start + place, bool(proven)
            start += wide
            wide = min(4 * wide, _WIDEST_LOOK)
        self._reject(buffer, at, len(windows))
        return len(windows), False

    def _is_proven(
        self, marks: list[bool], counters: list[int], place: int, rejected: int
    ) -> bool | None:
        """Whether a frame stands at `place`; None where only more bytes can tell.

        marks, counters  of the frames that may begin at each place
        """
        step = (counters[place] - self._last) % self._turn if self._turn and self._any else 0
        wanted = self._proof(rejected if self._any else None, step)
        assert 1 <= wanted <= self._longest_proof
        for n in range(wanted):
            one = place + n * self._frame_bytes
            if one >= len(marks):
                return None
            if not marks[one]:
                return False
            lost = (counters[one] - counters[place] - n) % self._turn if self._turn else 0
            if lost > (self._further if n > 1 else 0):
                return False
        return True

    def _reject(self, buffer: bytes, start: int, stop: int) -> None:
        if start == stop:
            return
        self.rejected_bytes += stop - start
        self._rejected += stop - start
        if not self._in_lock:
            return
        self._in_lock = False
        self.resyncs += 1
        self.malformed += self._any and buffer.startswith(self._head, start)
