"""What a stack takes: sizes by package, fresh processes, and an emulated one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import footprint_sizes
from benchmarks.footprint import GUEST, STACKS, _sizes
from benchmarks.footprint_guest import guest_cost
from benchmarks.footprint_sizes import Package, installed
from benchmarks.footprint_table import table
from benchmarks.machine_facts import machine_facts
from benchmarks.peers import PEERS
from edgeemg.errors import EngineError
from edgeemg.profiler.aarch64_wheels import wheels_with
from edgeemg.profiler.guest_files import package_folder, wheels_folder

COST = {
    "import_ms": 100.0,
    "first_ms": 10.0,
    "peak_bare_mb": 10.0,
    "peak_import_mb": 40.0,
    "peak_first_mb": 50.0,
}
EMULATED = {
    "packages_mb": {"numpy": 55.0, "edgeemg": 2.0, "click": 0.4},
    "no_wheel": [],
    "bare_peak_mb": 9.0,
    "import_instructions": 400_000_000,
    "import_peak_mb": 38.0,
    "first_instructions": 50_000_000,
    "first_peak_mb": 44.0,
}


def plain(**aarch64: object) -> dict[str, object]:
    rounds = [{**COST, "import_ms": one} for one in (90.0, 100.0, 300.0)]
    here = {"packages_mb": {"numpy": 65.0}, "rounds": rounds}
    stack = {"note": "", "here": here, "aarch64": {**EMULATED, **aarch64}}
    return {**machine_facts(), "rounds": 3, "cpu": "cortex-a53", "stacks": {"a": stack}}


def test_the_tables_hold_medians_here_and_counts_there() -> None:
    text = "\n".join(table(plain()))
    assert "| a | 65 | numpy 65 | 100 (90 to 300) | 10 (10 to 10) | 40 | 50 |" in text
    assert "| a | 57 | numpy 55, edgeemg 2 | 400 | 50 | 38 | 44 |" in text
    assert "9 MB are CPython's" in text


def test_what_lacks_a_wheel_or_does_not_run_is_said() -> None:
    text = "\n".join(table(plain(no_wheel=["gui==1"], why_not="no gui")))
    assert "- a: PyPI has no wheel for 64-bit ARM of gui==1, which is not in its size." in text
    assert "- a does not run there: no gui." in text
    assert "| does not run |" in text


def test_packages_are_sized_by_their_files_without_bytecode() -> None:
    found = installed(Path(sys.executable), ["setuptools<81"])
    click = found["click"]
    assert click.pure
    assert not found["numpy"].pure
    assert all("__pycache__" not in path.parts for path in click.files)
    assert click.megabytes == sum(path.stat().st_size for path in click.files) / 1e6 > 0.1
    assert "pip" not in found


def test_the_modules_of_a_pure_package_are_copied_and_can_be_imported(tmp_path: Path) -> None:
    package: Package = installed(Path(sys.executable), [])["click"]
    footprint_sizes._copy(package, tmp_path)
    code = "import click; print(click.__file__)"
    said = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert said.stdout.startswith(str(tmp_path)), said.stderr


def test_sizes_are_sorted_and_named_as_on_pypi() -> None:
    assert list(_sizes({"ai_edge_litert": 40.0, "numpy": 55.0}, 2.0)) == [
        "numpy",
        "ai-edge-litert",
        "edgeemg",
    ]


def test_every_stack_has_an_environment() -> None:
    assert {one.peer for one in STACKS.values()} <= set(PEERS)


@pytest.mark.parametrize("subject", ["python", "onnxruntime", "ai-edge-litert"])
def test_a_stack_imports_and_decides_in_a_fresh_process(subject: str, tiny_bundle: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(GUEST), subject, str(tiny_bundle)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    cost = json.loads(done.stdout)
    assert cost.keys() == COST.keys()
    assert cost["peak_bare_mb"] <= cost["peak_import_mb"] <= cost["peak_first_mb"]
    assert subject == "python" or cost["peak_import_mb"] > cost["peak_bare_mb"] + 10


@pytest.mark.slow
def test_an_emulated_process_is_counted_stage_by_stage_and_again_alike(
    emulator, tiny_bundle: Path
) -> None:
    paths = [
        wheels_folder(emulator.cache, wheels_with("tflite-runtime")),
        package_folder(emulator.cache),
    ]
    script = [str(GUEST), "python", str(tiny_bundle)]
    bare, again = (guest_cost(emulator, "cortex-a53", paths, script) for _ in range(2))
    assert bare["import_instructions"] == again["import_instructions"] < 100_000
    assert 5 < bare["bare_peak_mb"] < 30
    with pytest.raises(EngineError, match=r"on an emulated cortex-a53: .*onnxruntime"):
        guest_cost(emulator, "cortex-a53", paths, [str(GUEST), "brainflow", str(tiny_bundle)])
