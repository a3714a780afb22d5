"""Emulated boards as they are: qemu, the real wheels, and a small bundle."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.errors import EngineError, ManifestError, MissingToolError
from edgeemg.manifest import read_manifest
from edgeemg.profiler.emulator import Emulator, prepare
from edgeemg.profiler.stages import STAGES
from edgeemg.runtime.bundle import open_bundle


@pytest.mark.slow
def test_the_same_measurement_gives_the_same_count_twice(
    emulator: Emulator, tiny_bundle: Path
) -> None:
    asked = {"cpu": "cortex-a72", "engine": "tflite", "precision": "int8"}
    first, second = (emulator.measure(tiny_bundle, **asked) for _ in range(2))
    assert first.instructions == pytest.approx(second.instructions, rel=1e-4)
    assert first.peak_memory_bytes == pytest.approx(second.peak_memory_bytes, rel=0.01)
    assert first.logits == second.logits


@pytest.mark.slow
def test_more_runs_give_the_same_mean(emulator: Emulator, tiny_bundle: Path) -> None:
    asked = {"cpu": "cortex-a53", "engine": "onnx", "precision": "float32"}
    few, many = (emulator.measure(tiny_bundle, runs=runs, **asked) for runs in (20, 120))
    assert few.instructions == pytest.approx(many.instructions, rel=3e-3)
    macs = read_manifest(tiny_bundle).model.macs
    assert macs / 4 < few.instructions < 100 * macs  # one instruction multiplies four at most
    assert sum(few.kinds.values()) == few.instructions
    assert macs / 4 < few.kinds["float_multiply_add"] + few.kinds["float_multiply_add_scalar"]
    assert few.kinds["int8_dot"] == 0


@pytest.mark.slow
def test_a_core_with_dot_products_uses_them_and_one_without_does_not(
    emulator: Emulator, tiny_bundle: Path
) -> None:
    old, new = (
        emulator.measure(tiny_bundle, cpu=cpu, engine="tflite", precision="int8").kinds
        for cpu in ("cortex-a72", "cortex-a76")
    )
    assert old["int8_dot"] == 0 < old["int8_multiply"]
    assert new["int8_dot"] > 100 > new["int8_multiply"]


@pytest.mark.slow
def test_the_stages_of_a_hop_are_counted_each_by_itself(
    emulator: Emulator, tiny_bundle: Path
) -> None:
    asked = {"cpu": "cortex-a72", "engine": "tflite", "precision": "int8"}
    stages = emulator.measure_stages(tiny_bundle, hops=10, **asked)
    assert tuple(stages) == STAGES
    alone = emulator.measure(tiny_bundle, **asked)
    network = sum(stages["network"].values())
    # the network alone, but for a few thousand instructions of Python around it
    assert network == pytest.approx(alone.instructions, abs=15_000)
    assert sum(stages["parse"].values()) > 1000


@pytest.mark.slow
def test_the_file_and_the_library_are_those_that_were_asked_for(
    emulator: Emulator, tiny_bundle: Path
) -> None:
    found = emulator.measure(
        tiny_bundle,
        cpu="cortex-a76",
        engine="tflite",
        precision="float32",
        library="tflite-runtime",
        runs=1,
    )
    assert found.library == "tflite-runtime 2.14.0"
    assert found.python.startswith("3.11.")
    assert "20" in found.python  # the year in which it was built
    assert (found.file, found.cpu) == ("model.tflite", "cortex-a76")
    _, expected = open_bundle(tiny_bundle).golden_of(found.file)
    np.testing.assert_allclose(found.logits, expected, atol=1e-3)
    assert 20e6 < found.peak_memory_bytes < 80e6  # Python, numpy and an engine


@pytest.mark.slow
def test_a_bundle_that_the_guest_cannot_see_is_refused_in_one_line(
    emulator: Emulator, tiny_bundle: Path, tmp_path: Path
) -> None:
    bundle = open_bundle(tiny_bundle)
    elsewhere = replace(bundle, folder=tmp_path / "copied-away")
    with pytest.raises(
        EngineError, match=r"copied-away: with .* emulated cortex-a53: .*no such"
    ) as e:
        emulator.measure(elsewhere, cpu="cortex-a53", engine="onnx", precision="float32")
    assert "\n" not in str(e.value)


def test_what_is_unknown_is_refused_with_the_choices(tiny_bundle: Path) -> None:
    nowhere = Emulator(Path("qemu"), Path("counter.so"), Path("cache"))
    asked = {"cpu": "cortex-a72", "engine": "tflite", "precision": "int8"}
    for wrong, choices in (
        ({"cpu": "cortex-m4"}, "cortex-a53, cortex-a72, cortex-a76"),
        ({"library": "onnxruntime"}, "ai-edge-litert or tflite-runtime"),
    ):
        with pytest.raises(EngineError, match=choices):
            nowhere.measure(tiny_bundle, **{**asked, **wrong})
    with pytest.raises(ManifestError, match="holds no"):
        nowhere.measure(tiny_bundle, **{**asked, "engine": "caffe"})


def test_a_process_that_prints_nonsense_is_an_engine_error(tiny_bundle: Path) -> None:
    echo = Emulator(Path("/bin/echo"), Path("counter.so"), Path("cache"))
    with pytest.raises(EngineError, match="printed nonsense"):
        echo.measure(tiny_bundle, cpu="cortex-a72", engine="tflite", precision="int8")


def test_a_cache_whose_name_divides_a_list_of_paths_is_refused_with_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a:b"))
    told: list[str] = []
    with pytest.raises(MissingToolError, match=r"a:b/edgeemg.* ':' .*set XDG_CACHE_HOME"):
        prepare(told.append)
    assert (told, list(tmp_path.iterdir())) == ([], [])
