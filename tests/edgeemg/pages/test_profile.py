"""The pages of a profile, measured and emulated."""

from typing import Any

import pytest

from edgeemg.pages.profile import profile_page

BUNDLE = {
    "name": "cnn <on> EMG",
    "family": "cnn",
    "parameters": 41445,
    "macs": 2_600_000,
    "window_ms": 800.0,
    "hop_ms": 100.0,
}
STAGES = ("parse", "filter", "window", "network", "decision")
TIMES = {"p50": 100.0, "p90": 120.0, "p95": 130.0, "p99": 900.0, "max": 5000.0}


def file_row(name: str = "model.onnx", **changed: Any) -> dict[str, Any]:
    return {
        "file": name,
        "status": "measured",
        "reason": None,
        "latency_us": TIMES,
        "histogram": {"edges_us": [90.0, 100.0, 500.0, 5100.0], "counts": [40, 9, 1]},
        "p50_spread": 0.04,
        "first_us": 640.0,
        "load_ms": 25.0,
        "bytes": 189_000,
        "runs": 50,
        "memory_mb": {"runtime": 35.0, "engine": 53.0, "loaded": 64.0, "peak": 66.0, "pss": 41.0},
        "real_time_factor": 0.001,
        "multiply_adds_per_second": 26e9,
        "share_of_peak": 0.42,
        "correct": True,
        "agreeing_labels": 16,
        "golden_inputs": 16,
        "largest_difference": 0.0,
        "stages": {
            "stages_us": dict.fromkeys(STAGES, TIMES),
            "hop_us": TIMES,
            "shares": dict.fromkeys(STAGES, 0.2),
        },
        "operators": [{"name": "conv", "kind": "FusedConv", "p50_us": 36.0, "macs": 1_075_200}],
        "energy": None,
        **changed,
    }


def measured(*files: dict[str, Any], **changed: Any) -> dict[str, Any]:
    state = dict.fromkeys(
        ("governor", "clock_mhz", "measured_clock_mhz", "temperature_c", "throttled")
    )
    return {
        "kind": "measured",
        "bundle": BUNDLE,
        "machine": {
            "name": "Raspberry Pi 4 (aarch64, 4 cores)",
            "core": "Cortex-A72",
            "dot_product": False,
            "system": "Debian",
            "kernel": "6.6",
            "python": "3.11.2",
            "libraries": {"numpy": "2.0"},
        },
        "board": {when: {**state, "load_average": 0.5} for when in ("before", "after")},
        "settings": {"rounds": 3},
        "baseline_mb": {"python": 11.0, "numpy": 27.0},
        "files": list(files) or [file_row()],
        "invalid_because": None,
        "notes": [],
        **changed,
    }


def emulated() -> dict[str, Any]:
    cost = {
        "instructions": 963_374,
        "instructions_per_second": 9_633_740,
        "by_kind": dict.fromkeys(
            ("float multiply-add", "int8 dot", "int8 multiply", "load and store", "rest"), 192_674
        ),
        "estimate_us": {"low_us": 182.0, "high_us": 872.0, "limited_by": "integer products"},
        "share_of_hop": [0.00182, 0.00872],
    }
    board = {
        "title": "Raspberry Pi 4 Model B",
        "cpu": "cortex-a72",
        "clock_mhz": [1500, 1800],
        "limits_from": "a guide",
        "files": [
            {"file": "model.int8.tflite", "status": "counted", "peak_memory_mb": 46.1, **cost},
            {"file": "model.onnx", "status": "failed", "reason": "it crashed"},
        ],
        "stages": dict.fromkeys(STAGES, cost),
    }
    return {
        "kind": "emulated",
        "bundle": BUNDLE,
        "assumptions": ["one core", "nothing waits"],
        "boards": {"pi-4": board},
    }


def text_of(page: Any) -> str:
    return " ".join(page.text.split())


def test_the_headline_is_the_fastest_files_p50_and_tail(parsed: Any) -> None:
    slow = file_row("slow.onnx", latency_us={**TIMES, "p50": 300.0})
    text = text_of(parsed(profile_page(measured(slow, file_row()))))
    headline = text[text.index("0.100 ms") :]
    assert headline.startswith("0.100 ms one inference, p50, of the fastest file, model.onnx")
    assert "p99 0.900 ms" in headline


def test_a_run_that_was_throttled_is_said_above_the_number(parsed: Any) -> None:
    page = profile_page(measured(invalid_because="throttled", notes=["others ran"]))
    text = text_of(parsed(page))
    assert text.index("Not valid: throttled during the run") < text.index("0.100 ms")
    assert text.index("others ran") < text.index("0.100 ms")


def test_a_file_that_was_not_measured_keeps_its_row(parsed: Any) -> None:
    absent = file_row(
        "model.tflite", status="not installed", reason="pip install x", latency_us=None
    )
    text = text_of(parsed(profile_page(measured(file_row(), absent))))
    assert "not installed: pip install x" in text


def test_nothing_measured_makes_a_page_all_the_same(parsed: Any) -> None:
    absent = file_row(status="failed", reason="it crashed", latency_us=None)
    assert "failed: it crashed" in text_of(parsed(profile_page(measured(absent))))


def test_operators_and_energy_are_told_where_there_are_any(parsed: Any) -> None:
    energy = {"millijoules": 0.75, "watts": 3.5, "idle_watts": 2.0, "source": "hwmon ina219"}
    told = text_of(parsed(profile_page(measured(file_row(energy=energy)))))
    for said in ("FusedConv", "36.0", "1,075,200"):
        assert said in told
    assert "0.750 mJ an inference above idle" in told
    silent = text_of(parsed(profile_page(measured(file_row(operators=None, stages=None)))))
    assert "FusedConv" not in silent
    assert "mJ" not in silent
    assert "Stages of one hop" not in silent


def test_an_emulated_page_says_so_above_its_interval(parsed: Any) -> None:
    text = text_of(parsed(profile_page(emulated())))
    assert text.index("Emulated.") < text.index("0.18 to 0.87 ms estimate of one inference")
    assert text.index("Times are estimates") < text.index("0.18 to 0.87 ms")
    assert "it crashed" in text


def test_names_are_escaped() -> None:
    for report in (measured(), emulated()):
        page = profile_page(report)
        assert "cnn <on> EMG" not in page
        assert "cnn &lt;on&gt; EMG" in page


@pytest.mark.slow
@pytest.mark.parametrize("report", [measured(), emulated()], ids=["measured", "emulated"])
@pytest.mark.parametrize("width", [360, 1200])
def test_a_page_fits_a_phone_and_asks_nobody(browser: Any, report: Any, width: int) -> None:
    facts = browser(profile_page(report), width)
    assert facts["content"] <= facts["width"]
    assert facts["requests"] == 0
    assert facts["svgs"] == (3 if report["kind"] == "measured" else 2)
    assert facts["smallest"] >= 8
