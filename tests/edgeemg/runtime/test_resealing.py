"""A bundle under other settings: still whole, and the one before is kept."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from edgeemg.errors import ManifestError
from edgeemg.manifest import DecisionSettings, read_manifest, write_manifest
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.resealing import replace_settings

TUNED = DecisionSettings(5, 0.9, {"left": 0.7}, 4, 500.0, "tuned on generated EMG")


def test_the_bundle_verifies_and_says_what_was_asked(own_bundle: Path) -> None:
    before = open_bundle(own_bundle)
    replace_settings(before, TUNED)
    after = open_bundle(own_bundle)
    assert after.manifest == replace(before.manifest, decision=TUNED)


def test_the_manifest_before_is_kept_and_can_be_put_back(own_bundle: Path) -> None:
    original = (own_bundle / "manifest.json").read_bytes()
    kept = replace_settings(open_bundle(own_bundle), TUNED)
    assert kept.name == "manifest.before-tune-1.json"
    assert kept.read_bytes() == original
    again = replace_settings(open_bundle(own_bundle), DecisionSettings())
    assert again.name == "manifest.before-tune-2.json"
    kept.replace(own_bundle / "manifest.json")
    assert open_bundle(own_bundle).manifest.decision == DecisionSettings()


def test_nothing_else_changes_and_nothing_is_left_behind(own_bundle: Path) -> None:
    before = {one.name: one.read_bytes() for one in own_bundle.iterdir()}
    mode = (own_bundle / "manifest.json").stat().st_mode
    kept = replace_settings(open_bundle(own_bundle), TUNED)
    after = {one.name: one.read_bytes() for one in own_bundle.iterdir()}
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"manifest.json", kept.name}
    assert (own_bundle / "manifest.json").stat().st_mode == mode


def test_a_manifest_that_changed_meanwhile_is_not_overwritten(own_bundle: Path) -> None:
    opened = open_bundle(own_bundle)
    write_manifest(replace(opened.manifest, name="another"), own_bundle)
    with pytest.raises(ManifestError, match="changed since it was read"):
        replace_settings(opened, TUNED)
    assert read_manifest(own_bundle).name == "another"


def test_settings_that_no_gate_takes_are_refused(own_bundle: Path) -> None:
    with pytest.raises(ManifestError, match="unknown labels up"):
        replace_settings(open_bundle(own_bundle), replace(TUNED, thresholds={"up": 0.5}))
    assert len(list(own_bundle.glob("manifest*"))) == 1


def test_a_failure_while_writing_leaves_the_bundle_as_it_was(
    own_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = open_bundle(own_bundle)
    before = {one.name for one in own_bundle.iterdir()}

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_settings(opened, TUNED)
    assert {one.name for one in own_bundle.iterdir()} == before
    assert open_bundle(own_bundle).manifest == opened.manifest


def test_an_untuned_manifest_is_one_that_an_edgeemg_before_tune_reads(own_bundle: Path) -> None:
    """Unknown fields are refused, so the new one stands only where it says something."""
    plain = json.loads((own_bundle / "manifest.json").read_text())
    assert "origin" not in plain["decision"]
    assert read_manifest(own_bundle).decision == DecisionSettings()
