"""Bytes in, packets of one length between two marks out: the format of OpenBCI and its relatives.

    0xA0 | counter | channels, 24 bits each, high byte first | other bytes | 0xC0..0xCF

Two marks and a counter of one byte are all that the format has: no length and no checksum. The
marks also occur in data, so a packet counts as one only where its neighbours agree with it.
PROTOCOL.md says what that can tell, and what it cannot.
"""

from enum import Enum, auto

import numpy as np
from numpy.typing import ArrayLike, NDArray

HEAD = 0xA0
FOOTER = 0xC0
COUNTER_TURN = 256
LOWEST_COUNT, HIGHEST_COUNT = -(1 << 23), (1 << 23) - 1
NEXT = (1, 2)  # steps of the counter from packet to packet that surprise nobody: 0 or 1 lost

_HEAD_BYTE = bytes([HEAD])
_FIRST_CHANNEL = 2  # byte
_LOOKS = 3  # packets behind one that are asked about it
_SURE = 2  # of them that must agree where a counter says what nobody expects
_LOST_IN_NOISE = 7  # packets that may be lost before each one that proves a surprising counter
_STANDING = 4  # packets' worth of noise behind which a packet has its place
_BLOCK = 256  # packets a look: bounds what noise in the middle of a long chunk costs


class _Verdict(Enum):
    TAKE = auto()  # a packet
    REFUSE = auto()  # a packet, and its counter is wrong
    SLIDE = auto()  # no packet begins here
    WAIT = auto()  # the bytes behind it will tell


class PacketReader:
    """Slides over noise byte by byte, and takes packets in lock in bulk.

    packet_bytes  length of a packet
    footer_bits   the bits of the last byte that must be those of 0xC0; others may say what kind
                  of packet it is

    Counts as FrameReader does. Holds less than `_LOOKS` packets and three bytes.
    """

    def __init__(self, packet_bytes: int, *, footer_bits: int = 0xFF) -> None:
        self.rejected_bytes = 0
        self.resyncs = 0
        self.malformed = 0
        self._size = packet_bytes
        self._footer_bits = footer_bits
        self._held = b""
        self._in_lock = True  # a stream starts with a packet
        self._last: tuple[int, int] | None = None  # counter and footer of the last packet
        self._passed = 0  # bytes rejected since then

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of their packet, or for what those behind it say."""
        return len(self._held)

    def packets(self, chunk: bytes) -> list[NDArray[np.uint8]]:
        """The packets that this chunk completes: (n, packet_bytes), in stretches without noise."""
        buffer = self._held + chunk
        runs = []
        at = self._to_head(buffer, 0)
        while at + self._size <= len(buffer):
            verdict = self._judge(buffer, at)
            if verdict is _Verdict.WAIT:
                break
            if verdict is _Verdict.TAKE:
                runs.append(self._run(buffer, at))
                at += runs[-1].size
            else:
                at += self._pass_over(verdict)
            at = self._to_head(buffer, at)
        self._held = buffer[at:]
        return runs

    def _to_head(self, buffer: bytes, at: int) -> int:
        found = buffer.find(_HEAD_BYTE, at)
        head = len(buffer) if found < 0 else found
        self._reject(head - at)
        return head

    def _pass_over(self, verdict: _Verdict) -> int:
        refused = verdict is _Verdict.REFUSE
        self.malformed += refused
        n_bytes = self._size if refused else 1
        self._reject(n_bytes)
        return n_bytes

    def _reject(self, n_bytes: int) -> None:
        if not n_bytes:
            return
        self.rejected_bytes += n_bytes
        self._passed += n_bytes
        self.resyncs += self._in_lock
        self._in_lock = False

    def _judge(self, buffer: bytes, at: int) -> _Verdict:
        footer = buffer[at + self._size - 1]
        if footer & self._footer_bits != FOOTER & self._footer_bits:
            return _Verdict.SLIDE
        if self._last is None:
            return _Verdict.TAKE if self._in_lock else self._in_noise(buffer, at, wanted=1)
        counter, kind = self._last
        step = (buffer[at + 1] - counter) % COUNTER_TURN
        expected = self._is_in_place(step) or (step in NEXT and self._passed > 0)
        if footer == kind and expected:
            return _Verdict.TAKE
        wanted = 1 if expected or step in NEXT or self._is_in_place(step - 1) else _SURE
        if footer == kind and self._in_lock:
            return self._in_order(buffer, at, counter, wanted=wanted)
        return self._in_noise(buffer, at, wanted=wanted)

    def _is_in_place(self, step: int) -> bool:
        """Whether as many packets are missing as bytes were passed, to less than a packet."""
        missing = step - 1
        return missing <= _STANDING and abs(missing * self._size - self._passed) < self._size

    def _in_noise(self, buffer: bytes, at: int, *, wanted: int) -> _Verdict:
        """A packet, where so many behind it go on from it, one on the heels of the other."""
        lost = 1 if wanted == 1 else _LOST_IN_NOISE
        for n in range(1, wanted + 1):
            behind = buffer[at + n * self._size : at + n * self._size + 2]
            if behind and behind[0] != HEAD:
                return _Verdict.SLIDE
            if len(behind) < 2:
                return _Verdict.WAIT
            if not _goes_on(buffer[at + 1], behind[1], n, most=n * lost):
                return _Verdict.SLIDE
        return _Verdict.TAKE

    def _in_order(self, buffer: bytes, at: int, last: int, *, wanted: int) -> _Verdict:
        """A packet, and its counter right or wrong: what the first `wanted` say that know.

        last  counter of the packet before
        """
        votes = {True: 0, False: 0}
        for n in range(1, _LOOKS + 1):
            place = at + n * self._size
            if place + 3 > len(buffer):
                return _Verdict.WAIT
            vote = _vote(buffer[at + 1], last, buffer[place - 1 : place + 3], n)
            if vote is not None:
                votes[vote] += 1
                if votes[vote] == wanted:
                    break
        return _Verdict.TAKE if votes[True] == wanted else _Verdict.REFUSE

    def _run(self, buffer: bytes, at: int) -> NDArray[np.uint8]:
        """The packet at `at` and those in lock behind it."""
        size = self._size
        whole = (len(buffer) - at) // size
        table = np.frombuffer(buffer, np.uint8, whole * size, at).reshape(whole, size)
        run = table[: _in_lock(table)]
        self._in_lock, self._passed = True, 0
        self._last = int(run[-1, 1]), int(run[-1, -1])
        return run


def _goes_on(counter: int, behind: int, n: int, *, most: int = 1) -> bool:
    """Whether the counter of the `n`-th packet behind is the one due, or `most` were lost."""
    return 0 <= (behind - counter) % COUNTER_TURN - n <= most


def _vote(counter: int, last: int, around: bytes, n: int) -> bool | None:
    """Whether the `n`-th packet behind says that `counter` is right; None where it cannot tell.

    last    counter of the packet before
    around  the four bytes around its head: a byte may be lost or added on the way
    """
    if around[1] != HEAD:
        shifted = [around[k + 1] for k in (0, 2) if around[k] == HEAD]
        return True if any(_goes_on(counter, one, n) for one in shifted) else None
    behind = around[2]
    # between its neighbours it is one of a few that came, however many did not
    between = (counter - last) % COUNTER_TURN + n <= (behind - last) % COUNTER_TURN
    return between or _goes_on(counter, behind, n)


def _in_lock(table: NDArray[np.uint8]) -> int:
    """How many rows from the first on are packets of one kind that count on."""
    for start in range(1, len(table), _BLOCK):
        block = table[start : start + _BLOCK]
        steps = block[:, 1] - table[start - 1 : start - 1 + len(block), 1]  # uint8: wraps
        good = (block[:, 0] == HEAD) & (block[:, -1] == table[0, -1]) & (steps == 1)
        if not good.all():
            return start + int(good.argmin())
    return len(table)


def counters_of(packets: NDArray[np.uint8]) -> NDArray[np.int64]:
    """(n, packet_bytes) -> (n,) counters."""
    return packets[:, 1].astype(np.int64)


def counts_of(packets: NDArray[np.uint8], channels: int) -> NDArray[np.int32]:
    """(n, packet_bytes) -> (n, channels) counts."""
    wide = np.zeros((len(packets), channels, 4), dtype=np.uint8)
    data = packets[:, _FIRST_CHANNEL : _FIRST_CHANNEL + 3 * channels]
    wide[:, :, :3] = data.reshape(-1, channels, 3)
    # the 24 bits stand at the top of 32: shifting down extends the sign
    return wide.view(">i4")[:, :, 0].astype(np.int32) >> 8


def write_packets(
    counts: ArrayLike, first_counter: int, *, channels: int, packet_bytes: int, footer: int = FOOTER
) -> list[bytes]:
    """(time, channels) counts -> packets, one a row, other bytes zero.

    first_counter  counter of the first packet, taken modulo 256; the others follow it
    Raises ValueError for counts of another shape, or beyond 24 bits.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != channels:
        raise ValueError(f"counts must be (time, {channels}), got {table.shape}")
    if table.size and (table.min() < LOWEST_COUNT or table.max() > HIGHEST_COUNT):
        raise ValueError(f"counts must fit 24 bits, got {table.min()}..{table.max()}")
    packets = np.zeros((len(table), packet_bytes), dtype=np.uint8)
    packets[:, 0] = HEAD
    packets[:, 1] = (first_counter + np.arange(len(table))) % COUNTER_TURN
    wide = table.astype(">i4").view(np.uint8).reshape(-1, channels, 4)
    data = slice(_FIRST_CHANNEL, _FIRST_CHANNEL + 3 * channels)
    packets[:, data] = wide[:, :, 1:].reshape(-1, 3 * channels)
    packets[:, -1] = footer
    return [packet.tobytes() for packet in packets]
