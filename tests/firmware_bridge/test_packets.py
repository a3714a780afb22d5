"""The rule that tells a changed counter from a loss; formats are in devices/."""

import numpy as np
import pytest

from firmware_bridge.packets import PacketReader, counters_of, write_packets

SIZE = 33


def sent(n: int) -> list[bytes]:
    counts = np.random.default_rng(1).integers(-(1 << 23), 1 << 23, (n, 8))
    return write_packets(counts, 0, channels=8, packet_bytes=SIZE)


def read(pieces: list[bytes]) -> tuple[list[int], PacketReader]:
    """The counters that were taken, and what took them."""
    reader = PacketReader(SIZE)
    runs = [run for piece in pieces for run in reader.packets(piece)]
    return [int(n) for run in runs for n in counters_of(run)], reader


@pytest.mark.parametrize("lost", range(16))
@pytest.mark.parametrize("change", [0x80, 0xE8, 0x40])
def test_a_changed_counter_before_a_loss_is_refused(lost: int, change: int) -> None:
    pieces = sent(60)
    pieces[20] = bytes([pieces[20][0], pieces[20][1] ^ change, *pieces[20][2:]])
    counters, reader = read(pieces[:21] + pieces[21 + lost :])
    assert counters == [*range(20), *range(21 + lost, 60)]
    assert reader.malformed == 1


@pytest.mark.parametrize("before", range(7))
@pytest.mark.parametrize("behind", range(7))
def test_a_packet_between_two_losses_is_taken(before: int, behind: int) -> None:
    pieces = sent(60)
    kept = [*range(20), 20 + before, *range(21 + before + behind, 60)]
    counters, reader = read([pieces[n] for n in kept])
    assert counters == kept
    assert reader.malformed == 0
