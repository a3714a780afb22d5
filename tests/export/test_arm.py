"""Exported files give the same labels on the cores of the boards as here."""

from pathlib import Path

import pytest

from edgeemg.profiler.boards import CPUS
from edgeemg.profiler.emulator import Emulator
from edgeemg.profiler.golden import allowed_difference, judge
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import PRECISIONS
from edgeemg_export.bundle import write_bundle

LIBRARIES = (
    ("onnx", "onnxruntime"),
    ("tflite", "ai-edge-litert"),
    ("tflite", "tflite-runtime"),
)


@pytest.fixture(scope="module", params=["cnn", "transformer"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("arm") / request.param
    folder.mkdir()
    write_bundle(
        request.getfixturevalue(f"{request.param}_run"),
        folder,
        formats=("onnx", "tflite"),
        quantize=True,
        log=folder.with_suffix(".log"),
        on_step=lambda _: None,
        allow_fail=True,  # how well a little training does is not the question here
    )
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("cpu", CPUS)
def test_every_file_gives_the_labels_of_this_machine(
    emulator: Emulator, bundle: Path, cpu: str
) -> None:
    for engine, library in LIBRARIES:
        for precision in PRECISIONS:
            found = emulator.measure(
                bundle, cpu=cpu, engine=engine, precision=precision, library=library, runs=1
            )
            _, here = open_bundle(bundle).golden_of(found.file)
            answers = judge([found.logits], here, allowed=allowed_difference(precision, here))
            assert answers.agreeing_labels == answers.golden_inputs, (found.library, found.file)
            assert answers.correct, (found.library, found.file, answers)


@pytest.mark.slow
def test_a_core_with_dot_products_does_int8_in_fewer_instructions(
    emulator: Emulator, bundle: Path
) -> None:
    a72, a76 = (
        emulator.measure(bundle, cpu=cpu, engine="tflite", precision="int8").instructions
        for cpu in ("cortex-a72", "cortex-a76")
    )
    assert a76 < 0.9 * a72
