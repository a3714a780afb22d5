"""OpenBCI Cyton: 33-byte packets in, frames out, and back.

    0xA0 | counter | 8 x int24 big-endian | 6 aux bytes | 0xC0..0xCF

Layout and scale: OpenBCI_Cyton_Library, sendChannelData; OpenBCI's data format page. How packets
are told from noise: `firmware_bridge/packets.py`.
"""

from functools import partial

from numpy.typing import ArrayLike

from edgeemg.errors import PortError
from firmware_bridge.frames import Ask, Device, Frames, Stream, Wishes, refuse_wishes
from firmware_bridge.packets import (
    COUNTER_TURN,
    FOOTER,
    HIGHEST_COUNT,
    PacketReader,
    counters_of,
    counts_of,
    write_packets,
)

RESET = b"v"
START = b"b"
STOP = b"s"
DEFAULTS = b"d"
REPORT_DEFAULTS = b"D"
VERSION = b"V"
REGISTERS = b"?"
ATTACH_DAISY = b"C"
END_OF_REPLY = b"$$$"

PACKET_BYTES = 33
FOOTER_BITS = 0xF0  # 0xC0..0xCF say what the aux bytes are, all carry the same channels
CHANNELS = 8
RATE_HZ = 250.0

GAINS = (1, 2, 4, 6, 8, 12, 24)  # by their code in a channel setting; ADS1299 data sheet, CHnSET
DEFAULT_GAIN = 24  # which `d` restores
CHANNEL_NAMES = b"12345678QWERTYUI"  # in a channel setting; from the 9th on those of a Daisy
SETTING_BEGINS, SETTING_ENDS = b"x", b"X"


class CytonReader(PacketReader):
    """Packets of 33 bytes, 8 channels each; see FrameReader."""

    def __init__(self, greeting: bytes = b"", *, gain: int = DEFAULT_GAIN) -> None:  # noqa: ARG002  # it tells nothing needed here
        super().__init__(PACKET_BYTES, footer_bits=FOOTER_BITS)
        self.stream = stream_at(gain)

    def feed(self, chunk: bytes) -> list[Frames]:
        """The packets that this chunk completes: counts (n, 8), in stretches without noise."""
        return [Frames(counters_of(run), counts_of(run, CHANNELS)) for run in self.packets(chunk)]


def encode(counts: ArrayLike, first_counter: int = 0, *, footer: int = FOOTER) -> list[bytes]:
    """(time, 8) counts -> packets as the board sends them, one a sample, aux bytes zero.

    first_counter  counter of the first packet, taken modulo 256; the others follow it
    Raises ValueError for counts of another shape, or beyond 24 bits.
    """
    return write_packets(
        counts, first_counter, channels=CHANNELS, packet_bytes=PACKET_BYTES, footer=footer
    )


def stream_at(gain: int) -> Stream:
    """What a board sends at this gain."""
    return Stream(
        sample_rate_hz=RATE_HZ,
        n_channels=CHANNELS,
        microvolts_per_count=microvolts_per_count(gain),
        lowest_count=-HIGHEST_COUNT,
        highest_count=HIGHEST_COUNT,
        turn=COUNTER_TURN,
    )


def microvolts_per_count(gain: int) -> float:
    """At the electrode. ADS1299 data sheet, with the Cyton's reference of 4.5 V."""
    return 4.5 / gain / HIGHEST_COUNT * 1e6


STREAM = stream_at(DEFAULT_GAIN)

_NOT_HEARD = (
    "switch the board to PC, charge its battery, bring it nearer to the dongle, and see that "
    "both are on the same radio channel"
)
_GARBLED = "the command did not arrive whole: bring the board nearer to the dongle and try again"
# what a reply begins with, and what to do; the first that fits is said
FAILURES = (
    (b"Failure: Communications timeout", _NOT_HEARD),
    (b"Failure: System is Down", _NOT_HEARD),
    (b"Failure: Board RFduino buffer overflowed", "switch the board off and on, and try again"),
    (b"Failure: too few chars", _GARBLED),
    (b"Failure: Err: 9th char not X", _GARBLED),
    (b"Failure: Err: too many chars", _GARBLED),
    (b"Timeout processing multi byte message", _GARBLED),
    (b"Failure", _NOT_HEARD),
)
_HAS_DAISY = (b"On Daisy", "it has a Daisy module: use --device cyton-daisy, or take it off")

# an earlier run may have left it streaming: its packets would hide the reply
HUSH = Ask(STOP, within_s=0.5)
RESTORE = Ask(DEFAULTS, begins=b"updating", ends=END_OF_REPLY, within_s=2.0, trouble=FAILURES)


def reset(*trouble: tuple[bytes, str]) -> Ask:
    """Ask for the banner, which the firmware sends 500 ms after a reset.

    trouble  what else in it cannot be worked with
    """
    phrases = (*FAILURES, *trouble)
    return Ask(RESET, begins=b"OpenBCI", ends=END_OF_REPLY, within_s=3.0, trouble=phrases)


def set_gain(gain: int, n_channels: int) -> tuple[Ask, ...]:
    """One command a channel; what else `d` has set (reference, bias) stays as it is."""
    return tuple(
        Ask(
            # on | gain | normal input | in the bias | on SRB2 | not on SRB1
            b"x%c0%d0110X" % (CHANNEL_NAMES[channel], GAINS.index(gain)),
            begins=b"Success: Channel set for %d$" % (channel + 1),
            ends=b"$$",
            within_s=2.0,
            trouble=FAILURES,
        )
        for channel in range(n_channels)
    )


def wished_gain(title: str, wishes: Wishes) -> int | None:
    """The gain that is wished for, if any. Raises PortError for any other wish or gain."""
    refuse_wishes(title, wishes, "gain")
    if wishes.gain is not None and wishes.gain not in GAINS:
        known = ", ".join(map(str, GAINS))
        raise PortError(f"--gain {wishes.gain} is none of the {title}'s: it has {known}")
    return wishes.gain


def cyton(wishes: Wishes) -> Device:
    """An OpenBCI Cyton with its dongle. Raises PortError for a wish that it cannot meet."""
    gain = wished_gain("OpenBCI Cyton", wishes)
    return Device(
        name="cyton",
        title="OpenBCI Cyton",
        bauds=(115200,),
        hello=(
            HUSH,
            reset(_HAS_DAISY),
            RESTORE,
            *(set_gain(gain, CHANNELS) if gain else ()),
            Ask(START),
        ),
        goodbye=STOP,
        check="the board is switched to PC and charged, and the dongle's switch is on GPIO 6",
        loss="seen: every packet is counted",
        reader=partial(CytonReader, gain=gain or DEFAULT_GAIN),
        stream=stream_at(gain or DEFAULT_GAIN),
        # no poke: `b` begins the counter anew, and a board that lost its power forgot its gain
    )
