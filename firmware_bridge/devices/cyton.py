"""OpenBCI Cyton: 33-byte packets in, frames out, and back.

    0xA0 | counter | 8 x int24 big-endian | 6 aux bytes | 0xC0..0xCF

Layout and scale: OpenBCI_Cyton_Library, sendChannelData; OpenBCI's data format page. Two marks
are all that the format has: no length and no checksum. PROTOCOL.md says how they are used.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_bridge.frames import Ask, Device, Frames

RESET = b"v"
START = b"b"
STOP = b"s"
DEFAULTS = b"d"
REPORT_DEFAULTS = b"D"
VERSION = b"V"
REGISTERS = b"?"
END_OF_REPLY = b"$$$"

PACKET_BYTES = 33
HEAD = 0xA0
FOOTER = 0xC0  # of accelerometer packets, what the board sends unless told otherwise
CHANNELS = 8
LOWEST_COUNT, HIGHEST_COUNT = -(1 << 23), (1 << 23) - 1

_HEAD_BYTE = bytes([HEAD])
_FOOTER_KIND = 0xF0  # mask: 0xC0..0xCF say what the aux bytes are, all carry the same channels
_DATA = slice(2, 2 + 3 * CHANNELS)
_NEXT_COUNTERS = (1, 2)  # steps from the last packet that need no further proof: 0 or 1 lost
_BLOCK = 256  # packets a look: bounds what noise in the middle of a long chunk costs


class CytonReader:
    """Slides over noise byte by byte, and takes packets in lock in bulk; see FrameReader.

    A packet that follows a packet with the same footer is taken at once. Any other one needs
    proof, because 0xA0 and 0xC0 also occur in data: the counter goes on from the last packet, or
    the next byte is a head again.
    """

    def __init__(self) -> None:
        self.rejected_bytes = 0
        self.resyncs = 0
        self._held = b""
        self._in_lock = True  # a stream starts with a packet
        self._last: tuple[int, int] | None = None  # counter and footer of the last packet

    def feed(self, chunk: bytes) -> list[Frames]:
        """The packets that this chunk completes: counts (n, 8), in stretches without noise."""
        buffer = self._held + chunk
        runs = []
        at = self._to_head(buffer, 0)
        while at + PACKET_BYTES <= len(buffer):
            proof = self._is_packet(buffer, at)
            if proof is None:
                break
            if proof:
                packets = _run(buffer, at)
                runs.append(self._take(packets))
                at += packets.size
            else:
                self._reject(1)
                at += 1
            at = self._to_head(buffer, at)
        self._held = buffer[at:]
        return runs

    def _to_head(self, buffer: bytes, at: int) -> int:
        found = buffer.find(_HEAD_BYTE, at)
        head = len(buffer) if found < 0 else found
        self._reject(head - at)
        return head

    def _reject(self, n_bytes: int) -> None:
        if not n_bytes:
            return
        self.rejected_bytes += n_bytes
        self.resyncs += self._in_lock
        self._in_lock = False

    def _is_packet(self, buffer: bytes, at: int) -> bool | None:
        """True, False, or None where only the next byte can tell."""
        footer = buffer[at + PACKET_BYTES - 1]
        if footer & _FOOTER_KIND != FOOTER:
            return False
        if self._last is None and self._in_lock:
            return True
        if self._last is not None:
            last_counter, last_footer = self._last
            follows = (buffer[at + 1] - last_counter) % 256 in _NEXT_COUNTERS
            if footer == last_footer and (self._in_lock or follows):
                return True
        if at + PACKET_BYTES == len(buffer):
            return None
        return buffer[at + PACKET_BYTES] == HEAD

    def _take(self, packets: NDArray[np.uint8]) -> Frames:
        self._in_lock = True
        self._last = int(packets[-1, 1]), int(packets[-1, -1])
        wide = np.zeros((len(packets), CHANNELS, 4), dtype=np.uint8)
        wide[:, :, :3] = packets[:, _DATA].reshape(-1, CHANNELS, 3)
        # the 24 bits stand at the top of 32: shifting down extends the sign
        counts = wide.view(">i4")[:, :, 0].astype(np.int32) >> 8
        return Frames(packets[:, 1].astype(np.int64), counts)


def _run(buffer: bytes, at: int) -> NDArray[np.uint8]:
    """The packet at `at` and those in lock behind it: (n, 33)."""
    whole = (len(buffer) - at) // PACKET_BYTES
    table = np.frombuffer(buffer, np.uint8, whole * PACKET_BYTES, at).reshape(whole, PACKET_BYTES)
    for start in range(1, whole, _BLOCK):
        block = table[start : start + _BLOCK]
        in_lock = (block[:, 0] == HEAD) & (block[:, -1] == table[0, -1])
        if not in_lock.all():
            return table[: start + int(in_lock.argmin())]
    return table


def encode(counts: ArrayLike, first_counter: int = 0, *, footer: int = FOOTER) -> bytes:
    """(time, 8) counts -> packets as the board sends them, aux bytes zero.

    first_counter  counter of the first packet, taken modulo 256; the others follow it
    Raises ValueError for counts of another shape, or beyond 24 bits.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != CHANNELS:
        raise ValueError(f"counts must be (time, {CHANNELS}), got {table.shape}")
    if table.size and (table.min() < LOWEST_COUNT or table.max() > HIGHEST_COUNT):
        raise ValueError(f"counts must fit 24 bits, got {table.min()}..{table.max()}")
    packets = np.zeros((len(table), PACKET_BYTES), dtype=np.uint8)
    packets[:, 0] = HEAD
    packets[:, 1] = (first_counter + np.arange(len(table))) % 256
    wide = table.astype(">i4").view(np.uint8).reshape(-1, CHANNELS, 4)
    packets[:, _DATA] = wide[:, :, 1:].reshape(-1, 3 * CHANNELS)
    packets[:, -1] = footer
    return packets.tobytes()


_TROUBLE = (
    (b"Failure:", "switch the board to PC, charge its battery, bring it nearer to the dongle"),
    (b"On Daisy", "take the Daisy module off: its 16 channels come in another format"),
)

CYTON = Device(
    name="cyton",
    title="OpenBCI Cyton",
    baud=115200,
    sample_rate_hz=250.0,
    n_channels=CHANNELS,
    # ADS1299 data sheet: reference 4.5 V; OpenBCI's default gain 24, which `d` restores
    microvolts_per_count=4.5 / 24 / HIGHEST_COUNT * 1e6,
    rail_count=HIGHEST_COUNT,
    counter_bits=8,
    hello=(
        # an earlier run may have left it streaming: its packets would hide the reply
        Ask(STOP, within_s=0.5),
        # the firmware waits 500 ms before it answers a reset
        Ask(RESET, begins=b"OpenBCI", ends=END_OF_REPLY, within_s=3.0, trouble=_TROUBLE),
        Ask(DEFAULTS, begins=b"updating", ends=END_OF_REPLY, within_s=2.0, trouble=_TROUBLE),
        Ask(START),
    ),
    goodbye=STOP,
    check="the board is switched to PC and charged, and the dongle's switch is on GPIO 6",
    reader=CytonReader,
)
