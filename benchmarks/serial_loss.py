"""Damage in; what two drivers make of the same damaged bytes out: right, wrong, lost, and told.

A simulated Cyton sends packets of generated noise at their own rate over a pseudo-terminal. Bytes
or packets of them are lost, or bits flip, drawn once from a seed: each driver, a process of its
own, gets the same bytes. No two packets are alike, so a row is right where all its channels are
those of a packet that was sent, and wrong otherwise. A Cyton's packets have no checksum: a bit that
flips in a channel reaches the user of every driver.
"""

import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import peer_python
from benchmarks.serial_drivers import Driver, read_by
from firmware_bridge.devices import cyton
from firmware_bridge.devices.cyton_board import CytonBoard
from firmware_bridge.emulator import Emulator

HOWS = {"edgeemg": "driver", "BrainFlow": "brainflow"}  # of benchmarks/subjects/reader.py
_CLEAN = 50  # packets before and behind, which are not counted: a driver may need its neighbours
_SPREAD = 1 << 17  # of the counts, of 2**23
_START_S = 30.0
_SEED = 7
_BYTES, _BITS, _PACKETS = "{} of bytes lost", "a bit flipped in {} of bytes", "{} of packets lost"


class Damage(NamedTuple):
    """What happens to the bytes: `kind` of DAMAGES, and to what share."""

    kind: str
    rate: float

    @property
    def name(self) -> str:
        """For a row of the table."""
        return self.kind.format(f"{100 * self.rate:g} %") if self.rate else "none"


def lost_bytes(packets: list[bytes], rate: float, rng: np.random.Generator) -> list[bytes]:
    """Each byte is lost with this probability."""
    kept = rng.random((len(packets), cyton.PACKET_BYTES)) >= rate
    return [_kept(packet, one) for packet, one in zip(packets, kept, strict=True)]


def flipped_bits(packets: list[bytes], rate: float, rng: np.random.Generator) -> list[bytes]:
    """One bit of each byte flips with this probability."""
    table = np.frombuffer(b"".join(packets), np.uint8).reshape(-1, cyton.PACKET_BYTES)
    hit = rng.random(table.shape) < rate
    bits = (1 << rng.integers(0, 8, table.shape)).astype(np.uint8)
    return [row.tobytes() for row in table ^ np.where(hit, bits, 0).astype(np.uint8)]


def lost_packets(packets: list[bytes], rate: float, rng: np.random.Generator) -> list[bytes]:
    """Each packet is lost with this probability, as on the air."""
    kept = rng.random(len(packets)) >= rate
    return [packet if one else b"" for packet, one in zip(packets, kept, strict=True)]


DAMAGES: dict[str, Callable[[list[bytes], float, np.random.Generator], list[bytes]]] = {
    _BYTES: lost_bytes,
    _BITS: flipped_bits,
    _PACKETS: lost_packets,
}
ALL = (
    Damage(_BYTES, 0.0),
    Damage(_BYTES, 1e-4),
    Damage(_BYTES, 1e-3),
    Damage(_BYTES, 1e-2),
    Damage(_BITS, 1e-4),
    Damage(_BITS, 1e-3),
    Damage(_BITS, 1e-2),
    Damage(_PACKETS, 1e-2),
    Damage(_PACKETS, 1e-1),
)


def _kept(packet: bytes, kept: NDArray[np.bool_]) -> bytes:
    return np.frombuffer(packet, np.uint8)[kept].tobytes()


class DamagedCyton(CytonBoard):
    """Plays packets that were damaged before.

    whole    the numbers of the packets that arrive as they were sent
    """

    def __init__(self, n_packets: int, damage: Damage, *, seed: int = _SEED) -> None:
        rng = np.random.default_rng(seed)
        counts = rng.integers(-_SPREAD, _SPREAD, (n_packets + 2 * _CLEAN, 8), dtype=np.int32)
        super().__init__(counts)
        self.sent_counts = counts
        packets = cyton.encode(counts)
        harmed = slice(_CLEAN, _CLEAN + n_packets)
        self._wired = list(packets)
        self._wired[harmed] = DAMAGES[damage.kind](packets[harmed], damage.rate, rng)
        same = [a == b for a, b in zip(packets, self._wired, strict=True)]
        self.whole = set(np.flatnonzero(same).tolist())

    def wire(self, counts: NDArray[np.int32], first_counter: int) -> list[bytes]:
        """As in Board."""
        return self._wired[first_counter : first_counter + len(counts)]


def judged(
    board: DamagedCyton, rows: NDArray[np.int64], numbers: NDArray[np.int64]
) -> dict[str, int]:
    """What a driver has handed on against what was sent; clean ends left out.

    rows     (n, 8) counts
    numbers  (n,) of each row, by the driver

    whole      packets that arrived as they were sent
    right      of all packets, those handed on with all channels right
    numbered   of these, those with the counter that the sensor had given them, of one byte
    placed     of these, those whose number is their place in what was sent
    wrong      rows whose channels were never sent
    """
    place = {tuple(row): n for n, row in enumerate(board.sent_counts.tolist())}
    counted = range(_CLEAN, len(place) - _CLEAN)
    heard = [place.get(tuple(row)) for row in rows.tolist()]
    off = {
        one: (told - one)
        for one, told in zip(heard, numbers.tolist(), strict=True)
        if one is not None and one in counted
    }
    whole = board.whole.intersection(counted)
    return {
        "sent": len(counted),
        "whole": len(whole),
        "right": len(off),
        "numbered": sum(one % cyton.STREAM.turn == 0 for one in off.values()),
        "placed": sum(one == 0 for one in off.values()),
        "whole_lost": len(whole - off.keys()),
        "wrong": sum(one is None for one in heard),
    }


def loss(
    damages: Sequence[Damage], *, seconds: float, tell: Callable[[str], None]
) -> list[dict[str, Any]]:
    """For each damage what became of every driver: all at once, each on a sensor of its own."""
    peer_python("brainflow")  # made before anything runs against the clock
    found = []
    for damage in damages:
        tell(f"damage: {damage.name}")
        with ThreadPoolExecutor() as at_once:
            asked = {
                name: at_once.submit(_one, damage, how, seconds=seconds)
                for name, how in HOWS.items()
            }
            drivers = {name: one.result() for name, one in asked.items()}
        found.append({"damage": damage.name, "drivers": drivers})
    return found


def _one(damage: Damage, how: str, *, seconds: float) -> dict[str, Any]:
    board = DamagedCyton(round(seconds * cyton.RATE_HZ), damage)
    with tempfile.TemporaryDirectory(prefix="edgeemg-loss-") as folder:
        kept = f"{folder}/rows.npz"
        sensor = Emulator(board, lossless=True, linger_s=_START_S)
        longest_s = seconds + _START_S
        told = read_by(Driver("cyton", how), sensor, seconds=longest_s, keep=kept)["told"]
        with np.load(kept) as rows:
            counts, numbers = rows["counts"], rows["numbers"]
    # what a user may work out of the packets' counter where the driver tells nothing
    steps = np.diff(numbers) - 1
    missing = told["lost"] if told else int((steps % cyton.STREAM.turn).sum())
    found = judged(board, counts, numbers)
    return {**found, "told": bool(told), "missing": missing, "counters": told}


def loss_table(rows: Sequence[dict[str, Any]]) -> list[str]:
    """A line for each damage and driver."""
    lines = [
        "| damage | driver | packets sent | whole on arrival | delivered right "
        "| of them with their own counter | at their place in time | whole, and lost "
        "| delivered wrong | missing |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    for row in rows:
        for name, found in row["drivers"].items():
            who = "told by the driver" if found["told"] else "by the counter in its data"
            placed = f"{found['placed']:,}" if found["told"] else "has no index"
            lines.append(
                f"| {row['damage']} | {name} | {found['sent']:,} | {found['whole']:,} "
                f"| {found['right']:,} | {found['numbered']:,} | {placed} "
                f"| {found['whole_lost']:,} | {found['wrong']:,} | {found['missing']:,}, {who} |"
            )
    return lines
