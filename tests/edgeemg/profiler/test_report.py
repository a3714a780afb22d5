import json
import re
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.errors import ManifestError, MissingExtraError
from edgeemg.manifest import read_manifest, write_manifest
from edgeemg.profiler import details, energy
from edgeemg.profiler import report as report_module
from edgeemg.profiler.board import read_machine, read_state
from edgeemg.profiler.details import share_of_peak
from edgeemg.profiler.energy import measure_energy
from edgeemg.profiler.file_profiles import file_profile
from edgeemg.profiler.golden import allowed_difference
from edgeemg.profiler.latency import Logits, Measurement
from edgeemg.profiler.power import Power
from edgeemg.profiler.report import Profile, failures, profile
from edgeemg.profiler.tables import profile_tables
from edgeemg.runtime.bundle import open_bundle

FILES = ["model.onnx", "model.int8.onnx", "model.tflite", "model.int8.tflite"]


@pytest.fixture(scope="module")
def measured(tiny_bundle: Path) -> Profile:
    return profile(open_bundle(tiny_bundle), runs=30)


def test_every_file_is_measured_and_answers_rightly(measured: Profile) -> None:
    assert [one.file for one in measured.files] == FILES
    for one in measured.files:
        assert (one.status, one.reason, one.runs, one.correct) == ("measured", None, 30, True)
        times = [one.latency_us[name] for name in ("p50", "p90", "p95", "p99", "max")]
        assert times == sorted(times)
        assert times[0] > 0
        assert one.real_time_factor == pytest.approx(times[0] / 100_000)  # of a hop of 100 ms
        assert len(one.rounds) == 3
        assert one.memory_mb["peak"] == max(each["memory_mb"]["peak"] for each in one.rounds)
    assert failures(measured) == []


def test_every_file_has_its_details(measured: Profile) -> None:
    for one in measured.files:
        assert sum(one.histogram["counts"]) == 30
        assert 0 < one.memory_mb["pss"] <= one.memory_mb["peak"]
        assert list(one.stages["stages_us"]) == ["parse", "filter", "window", "network", "decision"]
        assert sum(one.stages["shares"].values()) == pytest.approx(1, abs=0.01)
        assert (one.operators is None) == (one.engine == "tflite")
        speed = measured.bundle["macs"] / one.latency_us["p50"] * 1e6
        assert one.multiply_adds_per_second == pytest.approx(speed, rel=1e-3)


def test_energy_is_told_where_the_machine_measures_power(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    power = Power(3.0, "made up")
    monkeypatch.setattr(report_module, "idle_watts", lambda: 2.0)
    monkeypatch.setattr(
        details, "measure_energy", lambda *asked: measure_energy(*asked, lambda: power)
    )
    monkeypatch.setattr(energy, "_BUSY_S", 0.5)
    report = profile(open_bundle(tiny_bundle), runs=3, engine="tflite", precision="int8")
    (row,) = report.files
    assert (row.energy["watts"], row.energy["idle_watts"]) == (3.0, 2.0)
    assert "mJ an inference above idle; 3.00 W busy" in profile_tables(report.plain())
    assert report.plain()["idle_watts"] == 2.0


def test_the_share_of_peak_is_that_of_a_known_core_at_its_clock() -> None:
    machine, state = read_machine(), read_state()
    pi_4 = replace(machine, core="Cortex-A72")
    at_1500 = replace(state, clock_mhz=1800.0, measured_clock_mhz=1500.0)
    # 6000 multiply-adds in 1 us at 1500 MHz are 4 a cycle: all that NEON can do in float
    assert share_of_peak(6000, 1.0, "float32", pi_4, at_1500) == 1.0
    assert share_of_peak(6000, 1.0, "int8", pi_4, at_1500) == 0.5
    unclocked = replace(state, clock_mhz=None, measured_clock_mhz=None)
    assert share_of_peak(6000, 1.0, "float32", pi_4, unclocked) is None
    assert share_of_peak(6000, 1.0, "float32", replace(machine, core=None), at_1500) is None


def test_the_spread_is_that_of_the_rounds(measured: Profile) -> None:
    for one in measured.files:
        p50s = [each["latency_us"]["p50"] for each in one.rounds]
        expected = (max(p50s) - min(p50s)) / one.latency_us["p50"]
        assert one.p50_spread == pytest.approx(expected, abs=1e-3)


def test_every_file_is_held_to_what_it_gave_at_export(measured: Profile, tiny_bundle: Path) -> None:
    bundle = open_bundle(tiny_bundle)
    for one in measured.files:
        _, own = bundle.golden_of(one.file)
        assert one.allowed_difference == allowed_difference(one.precision, own)
        assert one.largest_difference < 1e-6  # measured on the machine that exported
        assert (one.agreeing_labels, one.turned_labels, one.golden_inputs) == (16, 0, 16)


def test_the_report_is_json_with_a_version_and_the_machine(measured: Profile) -> None:
    plain = json.loads(json.dumps(measured.plain(), allow_nan=False))
    assert plain["schema_version"] == 2
    assert plain["kind"] == "measured"
    assert plain["valid"] is True
    assert plain["bundle"]["name"] == "tiny"
    assert plain["bundle"]["hop_ms"] == 100
    assert plain["bundle"]["generated_emg"] is True
    assert plain["machine"]["name"] == measured.machine.name
    assert set(plain["board"]) == {"before", "after"}
    assert 5 < plain["baseline_mb"]["python"] < plain["baseline_mb"]["numpy"]
    assert plain["files"][0]["sha256"]
    assert plain["settings"]["threads"] == 1


def test_the_tables_show_each_file_within_100_columns(measured: Profile) -> None:
    text = profile_tables(measured.plain())
    assert max(map(len, text.splitlines())) <= 100
    assert f"measured on this machine: {measured.machine.name}" in text
    for one in measured.files:
        rows = [line for line in text.splitlines() if line.startswith(f"{one.file} ")]
        assert len(rows) == 3
        assert f"{one.latency_us['p50'] / 1000:.3f}" in rows[0]
        assert f"{one.memory_mb['peak']:.1f}" in rows[1]
        assert " ok " in rows[1]
        assert f"{one.stages['hop_us']['p50'] / 1000:.3f}" in rows[2]
        assert (f"\n{one.file}: " in text) == (one.engine == "onnx")  # its operators


def test_wrong_answers_are_named(wrong_bundle: Path) -> None:
    report = profile(open_bundle(wrong_bundle), runs=3, engine="tflite")
    assert [one.correct for one in report.files] == [False, False]
    assert failures(report)[0].startswith(
        "model.tflite answers the golden inputs wrongly (off by 5"
    )
    assert profile_tables(report.plain()).count("WRONG") == 2


def test_one_engine_and_one_precision_can_be_chosen(tiny_bundle: Path) -> None:
    report = profile(open_bundle(tiny_bundle), runs=3, engine="tflite", precision="int8")
    assert [one.file for one in report.files] == ["model.int8.tflite"]


def test_an_engine_that_is_not_installed_is_a_row_with_its_extra(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    report = profile(open_bundle(tiny_bundle), runs=3, precision="float32")
    missing, there = report.files
    assert (missing.file, missing.status) == ("model.onnx", "not installed")
    assert missing.reason == "pip install 'edgeemg[onnx]'"
    assert missing.latency_us is None
    assert there.status == "measured"
    assert "not installed: pip install 'edgeemg[onnx]'" in profile_tables(report.plain())
    assert failures(report) == []
    json.dumps(report.plain(), allow_nan=False)


def test_without_any_engine_the_extra_is_named(
    tiny_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'edgeemg\[onnx\]'$"):
        profile(open_bundle(tiny_bundle), runs=3, engine="onnx")


def test_a_file_that_the_bundle_lacks_is_refused(tiny_bundle: Path, tmp_path: Path) -> None:
    folder = tmp_path / "onnx-only"
    shutil.copytree(tiny_bundle, folder)
    manifest = read_manifest(folder)
    kept = {name: one for name, one in manifest.files.items() if one.engine != "tflite"}
    write_manifest(replace(manifest, files=kept), folder)
    with pytest.raises(ManifestError, match="holds no tflite int8 model; it holds onnx float32"):
        profile(open_bundle(folder), runs=3, engine="tflite", precision="int8")


def test_a_process_that_dies_is_a_row_with_the_signal(tiny_bundle: Path, shadowed) -> None:
    shadowed("onnxruntime")
    report = profile(open_bundle(tiny_bundle), runs=3, precision="float32")
    assert [one.status for one in report.files] == ["failed", "measured"]
    assert "SIGILL (illegal instruction" in profile_tables(report.plain())
    assert failures(report)[0].startswith("model.onnx failed: SIGILL")


def test_a_run_that_was_throttled_is_marked(tiny_bundle: Path, vcgencmd) -> None:
    vcgencmd("0x0", "0x40000")
    report = profile(open_bundle(tiny_bundle), runs=3, engine="tflite", precision="int8")
    plain = report.plain()
    assert (plain["valid"], plain["invalid_because"]) == (False, "throttled")
    assert plain["board"]["before"]["throttled"] == "0x0"
    assert plain["board"]["after"]["throttled"] == "0x40000"
    assert "NOT VALID: throttled during the run" in profile_tables(report.plain())


def test_logits_that_are_no_numbers_are_wrong_not_an_error(
    measured: Profile, tiny_bundle: Path
) -> None:
    bundle = open_bundle(tiny_bundle)
    own: Logits = tuple(map(tuple, bundle.golden_of("model.onnx")[1].tolist()))

    def round_with(logits: Logits) -> Measurement:
        times = tuple(np.arange(1.0, 101.0))
        return Measurement("e 1", 1, 1, 1, times, 1, {"peak": None}, logits)

    row = file_profile(bundle, "model.onnx", [round_with(own), round_with(((None,) * 3,) * 16)])
    assert row.correct is False
    assert row.latency_us == {"p50": 50.5, "p90": 90.1, "p95": 95.05, "p99": 99.01, "max": 100.0}
    report = replace(measured, files=[row])
    assert re.search(r"WRONG \d+/16 not a number", profile_tables(report.plain()))
    json.dumps(report.plain(), allow_nan=False)
