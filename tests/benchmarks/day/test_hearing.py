import socket
from pathlib import Path

import numpy as np
import pytest

from benchmarks.day.hearing import Ear, Reference
from edgeemg.dsp.samples import Samples
from edgeemg.manifest import read_manifest


@pytest.fixture(scope="module")
def reference(tiny_bundle: Path) -> Reference:
    rng = np.random.default_rng(0)
    return Reference(tiny_bundle, Samples.contiguous(rng.normal(0, 20, (1010, 4)), 250.0))


def test_a_period_is_a_whole_number_of_hops(reference: Reference) -> None:
    assert (reference.period, reference.hop) == (1000, 25)


def test_it_agrees_with_one_label_and_only_to_the_last_digit(
    reference: Reference, tiny_bundle: Path
) -> None:
    labels = read_manifest(tiny_bundle).labels
    odds = np.arange(0, 1.00005, 0.0001)
    for index in (24 + 1000, 499 + 5000, 974 + 25_000):
        fits = {one: [p for p in odds if reference.agrees(index, one, p)] for one in labels}
        (found,) = [one for one, which in fits.items() if which]
        assert 1 <= len(fits[found]) <= 3


def test_a_hop_off_the_grid_agrees_with_nothing(reference: Reference, tiny_bundle: Path) -> None:
    odds = np.arange(0, 1.00005, 0.0001)
    labels = read_manifest(tiny_bundle).labels
    assert not any(reference.agrees(1025, one, p) for one in labels for p in odds)


def test_an_ear_counts_only_while_it_is_open() -> None:
    ear = Ear()
    port = ear.port
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        mouth.sendto(b"one", ("127.0.0.1", port))
        ear.close()
        mouth.sendto(b"two", ("127.0.0.1", port))
        ear.open()
        assert ear.port == port
        mouth.sendto(b"three", ("127.0.0.1", port))
        ear.close()
    assert ear.heard == 2
