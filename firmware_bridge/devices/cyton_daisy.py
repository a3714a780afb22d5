"""OpenBCI Cyton with Daisy: packets of two halves in, frames of 16 channels out, and back.

The packets are the Cyton's. An even counter is the Daisy's half (channels 9 to 16), the odd one
behind it the board's (1 to 8): 125 pairs a second. Source: OpenBCI_Cyton_Library,
ADS_writeChannelData. Each half is the mean of two samples at 250 Hz, and the board's is 4 ms newer.
"""

from dataclasses import replace
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from firmware_bridge.devices import cyton
from firmware_bridge.frames import Ask, Device, Frames, Stream, Wishes
from firmware_bridge.packets import (
    COUNTER_TURN,
    PacketReader,
    counters_of,
    counts_of,
    write_packets,
)

CHANNELS = 16
_HALF = 8  # channels
_TURN = COUNTER_TURN // 2  # pairs


class CytonDaisyReader(PacketReader):
    """Pairs up packets of 33 bytes; see FrameReader.

    A half whose other half did not come is a frame of its own, and the other half is missing in
    it: never the one of another pair. Holds one packet more than a PacketReader.
    """

    def __init__(self, greeting: bytes = b"", *, gain: int = cyton.DEFAULT_GAIN) -> None:  # noqa: ARG002  # it tells nothing needed here
        super().__init__(cyton.PACKET_BYTES, footer_bits=cyton.FOOTER_BITS)
        self.stream = stream_at(gain)
        self._waiting: NDArray[np.uint8] | None = None  # a Daisy half without its board half

    @property
    def held_bytes(self) -> int:
        """Bytes that wait for the rest of their packet, or for the other half."""
        return super().held_bytes + (0 if self._waiting is None else self._waiting.size)

    def feed(self, chunk: bytes) -> list[Frames]:
        """The pairs that this chunk completes: counts (n, 16), board half first."""
        paired = [self._pair(run) for run in self.packets(chunk)]
        return [frames for frames in paired if len(frames)]

    def _pair(self, packets: NDArray[np.uint8]) -> Frames:
        if self._waiting is not None:
            packets = np.concatenate((self._waiting, packets))
            self._waiting = None
        counter = counters_of(packets)
        if counter[-1] % 2 == 0:
            self._waiting = packets[-1:].copy()
        packets, counter = self._without_doubles(packets, counter)
        if self._waiting is not None:
            packets, counter = packets[:-1], counter[:-1]
        return _paired(counter, counts_of(packets, _HALF))

    def _without_doubles(
        self, packets: NDArray[np.uint8], counter: NDArray[np.int64]
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Without Daisy halves that came again right away: they would make two pairs of one."""
        again = (counter[1:] == counter[:-1]) & (counter[1:] % 2 == 0)
        doubles = int(again.sum())
        if not doubles:
            return packets, counter
        self.malformed += doubles
        self.resyncs += doubles
        self.rejected_bytes += doubles * cyton.PACKET_BYTES
        kept = np.append(~again, True)
        return packets[kept], counter[kept]


def _paired(counter: NDArray[np.int64], halves: NDArray[np.int32]) -> Frames:
    """Counters (n,) and counts (n, 8) of packets, none of which waits for another -> pairs."""
    of_board = counter % 2 == 1
    completes = np.zeros(len(counter), dtype=np.bool_)
    completes[1:] = of_board[1:] & (counter[1:] == counter[:-1] + 1)
    numbers = counter[~completes] // 2
    if 2 * len(numbers) == len(counter):  # all whole, as nearly always
        return Frames(numbers, halves.reshape(-1, 2, _HALF)[:, ::-1].reshape(-1, CHANNELS))
    row = np.cumsum(~completes) - 1
    counts = np.zeros((len(numbers), CHANNELS), dtype=np.int32)
    missing = np.ones((len(numbers), CHANNELS), dtype=np.bool_)
    for half, channels in ((of_board, slice(None, _HALF)), (~of_board, slice(_HALF, None))):
        counts[row[half], channels] = halves[half]
        missing[row[half], channels] = False
    return Frames(numbers, counts, missing=missing)


def encode(counts: ArrayLike, first_counter: int = 0) -> list[bytes]:
    """(time, 16) counts -> two packets a sample, the Daisy's half first.

    first_counter  number of the first pair, taken modulo 128; the others follow it
    Raises ValueError for counts of another shape, or beyond 24 bits.
    """
    table: NDArray[np.int64] = np.asarray(counts, dtype=np.int64)
    if table.ndim != 2 or table.shape[1] != CHANNELS:
        raise ValueError(f"counts must be (time, {CHANNELS}), got {table.shape}")
    halves = table.reshape(-1, 2, _HALF)[:, ::-1].reshape(-1, _HALF)
    return write_packets(halves, 2 * first_counter, channels=_HALF, packet_bytes=cyton.PACKET_BYTES)


def stream_at(gain: int) -> Stream:
    """What a board with its Daisy sends at this gain."""
    return replace(
        cyton.stream_at(gain), sample_rate_hz=cyton.RATE_HZ / 2, n_channels=CHANNELS, turn=_TURN
    )


STREAM = stream_at(cyton.DEFAULT_GAIN)

_NO_DAISY = (b"no daisy to attach", "it has no Daisy module that answers: use --device cyton")


def cyton_daisy(wishes: Wishes) -> Device:
    """A Cyton with a Daisy. Raises PortError for a wish that it cannot meet."""
    gain = cyton.wished_gain("OpenBCI Cyton with Daisy", wishes)
    return Device(
        name="cyton-daisy",
        title="OpenBCI Cyton with Daisy",
        bauds=(115200,),
        hello=(
            cyton.HUSH,
            cyton.reset(),
            Ask(
                cyton.ATTACH_DAISY,
                begins=b"16",
                ends=cyton.END_OF_REPLY,
                within_s=2.0,
                trouble=(_NO_DAISY, *cyton.FAILURES),
            ),
            cyton.RESTORE,
            *(cyton.set_gain(gain, CHANNELS) if gain else ()),
            Ask(cyton.START),
        ),
        goodbye=cyton.STOP,
        check="the board is switched to PC and charged, and the dongle's switch is on GPIO 6",
        loss="seen: every packet is counted; where one half of a pair is lost, its 8 channels are",
        reader=partial(CytonDaisyReader, gain=gain or cyton.DEFAULT_GAIN),
        stream=stream_at(gain or cyton.DEFAULT_GAIN),
        # no poke, as for the Cyton
    )
