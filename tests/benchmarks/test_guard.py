"""Counts of two reference bundles may not rise unnoticed."""

from typing import TYPE_CHECKING

import pytest

from benchmarks.guard import ALLOWED_RISE, count_all, read_stored, rises

if TYPE_CHECKING:
    from edgeemg.profiler.emulator import Emulator


@pytest.mark.slow
def test_no_reference_bundle_costs_more_than_what_is_stored(emulator: "Emulator") -> None:
    stored = read_stored()
    assert len(stored) == 16  # two bundles of four files on two cores
    assert rises(stored, count_all(emulator)) == []


def test_a_rise_is_named_with_what_to_do() -> None:
    (said,) = rises({"a": 1000, "b": 1000}, {"a": 1031, "b": 1029})
    assert said.startswith("a: 1,031 instructions, +3.1% on the 1,000 stored")
    assert "python -m benchmarks.guard --write" in said
    assert ALLOWED_RISE == 0.03


def test_a_fall_is_welcome() -> None:
    assert rises({"a": 1000}, {"a": 500}) == []


def test_a_file_that_is_new_or_gone_must_be_stored() -> None:
    assert len(rises({"a": 1000}, {"b": 1000})) == 2
