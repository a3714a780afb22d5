"""What the device imports, looked at in a fresh interpreter."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HOST_ONLY = {"torch", "scipy", "onnx", "pandas", "sklearn", "matplotlib", "rich", "edfio"}

_IMPORT_THE_DEVICE = """
import importlib, pkgutil
import edgeemg.cli.verbs
for package in ("edgeemg.dsp", "edgeemg.runtime", "edgeemg.profiler", "firmware_bridge"):
    top = importlib.import_module(package)
    for found in pkgutil.walk_packages(top.__path__, package + "."):
        importlib.import_module(found.name)
"""

_RUN = """
from pathlib import Path
import numpy as np
from edgeemg.dsp.samples import Samples
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import open_engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import run

bundle, health = open_bundle(Path(sys.argv[1])), Health()
noise = Samples.contiguous(np.random.default_rng(0).normal(0, 10, (500, 4)), 250)
run([noise], open_engine(bundle, sys.argv[2], sys.argv[3]), bundle.manifest, [], health=health)
assert health.windows == 17, health
"""


def modules_after(code: str, *arguments: str) -> set[str]:
    """The modules that a fresh interpreter holds after running the code."""
    whole = f"import sys\n{code}\nimport json\nprint(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", whole, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def packages(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def ours(loaded: set[str]) -> set[str]:
    return {name for name in loaded if name.startswith(("edgeemg", "firmware_bridge"))}


def test_the_package_alone_loads_not_even_numpy() -> None:
    loaded = packages(modules_after("import edgeemg"))
    assert "edgeemg" in loaded
    assert not loaded & (HOST_ONLY | {"numpy", "click", "serial", "onnxruntime"})


def test_the_command_line_loads_no_verb_before_it_is_called() -> None:
    first = {"edgeemg", "edgeemg.cli", "edgeemg.cli.main", "edgeemg.cli.interrupts"}
    before = modules_after("import edgeemg.cli.main")
    # Ctrl-C is taken care of when main begins: what loads before that would be a traceback
    assert ours(before) == first
    assert not packages(before) & {"click", "typing", "contextlib"} - packages(modules_after(""))
    loaded = modules_after("import edgeemg.cli.main, edgeemg.cli.verbs")
    assert ours(loaded) == first | {"edgeemg.cli.verbs", "edgeemg.errors"}
    assert not packages(loaded) & (HOST_ONLY | {"numpy"})


def test_every_module_of_the_device_is_light() -> None:
    loaded = modules_after(_IMPORT_THE_DEVICE)
    assert {"edgeemg.runtime.loop", "firmware_bridge.sensor", "numpy"} <= loaded
    engines = {"onnxruntime", "ai_edge_litert", "tflite_runtime"}
    assert not packages(loaded) & (HOST_ONLY | engines)


@pytest.mark.parametrize("precision", ["float32", "int8"])
@pytest.mark.parametrize(
    ("engine", "library", "other"),
    [
        ("onnx", "onnxruntime", "ai_edge_litert"),
        ("tflite", "ai_edge_litert", "onnxruntime"),
    ],
)
def test_a_running_device_holds_one_engine_and_nothing_of_the_host(
    tiny_bundle: Path, engine: str, library: str, other: str, precision: str
) -> None:
    code = _IMPORT_THE_DEVICE + _RUN
    loaded = packages(modules_after(code, str(tiny_bundle), engine, precision))
    assert library in loaded
    assert not loaded & (HOST_ONLY | {other})
