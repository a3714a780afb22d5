"""Counts of two reference bundles may not rise unnoticed."""

import importlib.util
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def guard(project_root) -> ModuleType:
    """The module; benchmarks are not installed, they run from the checkout."""
    where = project_root / "benchmarks" / "guard.py"
    spec = importlib.util.spec_from_file_location("benchmarks_guard", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_no_reference_bundle_costs_more_than_what_is_stored(guard, emulator) -> None:
    stored = guard.read_stored()
    assert len(stored) == 16  # two bundles of four files on two cores
    assert guard.rises(stored, guard.count_all(emulator)) == []


def test_a_rise_is_named_with_what_to_do(guard) -> None:
    (said,) = guard.rises({"a": 1000, "b": 1000}, {"a": 1031, "b": 1029})
    assert said.startswith("a: 1,031 instructions, +3.1% on the 1,000 stored")
    assert "python -m benchmarks.guard --write" in said
    assert guard.ALLOWED_RISE == 0.03


def test_a_fall_is_welcome(guard) -> None:
    assert guard.rises({"a": 1000}, {"a": 500}) == []


def test_a_file_that_is_new_or_gone_must_be_stored(guard) -> None:
    assert len(guard.rises({"a": 1000}, {"b": 1000})) == 2
