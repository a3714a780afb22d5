from pathlib import Path

import pytest

from edgeemg.profiler import energy
from edgeemg.profiler.energy import idle_watts, measure_energy
from edgeemg.profiler.power import Power
from edgeemg.profiler.rounds import Subject


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "_IDLE_S", 0.3)
    monkeypatch.setattr(energy, "_BUSY_S", 0.5)


def test_an_inference_costs_what_the_board_draws_above_idle(tiny_bundle: Path) -> None:
    subject = Subject(tiny_bundle / "model.tflite", "tflite", "float32", tiny_bundle / "golden.npz")
    spent = measure_energy(subject, 500.0, 2.0, lambda: Power(3.5, "made up"))
    assert spent is not None
    assert (spent.watts, spent.idle_watts, spent.source) == (3.5, 2.0, "made up")
    assert spent.millijoules == pytest.approx(1.5 * 0.5)  # 1.5 W for 0.5 ms


def test_idle_is_the_mean_while_nothing_runs() -> None:
    assert idle_watts(lambda: Power(2.5, "made up")) == 2.5


def test_a_machine_that_measures_no_power_has_no_energy() -> None:
    assert idle_watts(lambda: None) is None


def test_a_file_that_cannot_run_has_no_energy(tmp_path: Path) -> None:
    subject = Subject(tmp_path / "none.tflite", "tflite", "float32", tmp_path / "golden.npz")
    assert measure_energy(subject, 500.0, 2.0, lambda: Power(3.5, "made up")) is None
