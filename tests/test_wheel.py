"""The built wheel, in an environment with the base and one engine only, on a pseudo-terminal."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = ("torch", "scipy", "onnx", "pandas", "sklearn", "matplotlib", "edfio")
WATCHED = """
import sys
from edgeemg.cli.main import main
sys.argv[0] = "edgeemg"
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
loaded = [name for name in {heavy!r} if name in sys.modules]
assert not loaded, loaded
"""


@pytest.fixture(scope="module")
def wheel(project_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "-w",
        out,
        project_root,
    ]
    subprocess.run(command, check=True, timeout=300)
    (built,) = out.glob("edgeemg-*.whl")
    return built


def device(wheel: Path, extra: str, folder: Path) -> Path:
    """The Python of a fresh environment with the wheel and one extra."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    command = [python, "-m", "pip", "install", "--quiet", f"{wheel}[{extra}]"]
    subprocess.run(command, check=True, timeout=600)
    return python


@pytest.mark.slow
@pytest.mark.parametrize(
    ("extra", "engine"),
    [
        ("onnx", "onnx"),
        ("litert", "tflite"),
        pytest.param(
            "tflite-runtime",
            "tflite",
            marks=pytest.mark.skipif(
                sys.version_info >= (3, 12), reason="tflite-runtime has no wheel above Python 3.11"
            ),
        ),
    ],
)
def test_a_device_with_one_engine_runs_a_bundle_from_a_port(
    extra, engine, wheel, tiny_bundle, tiny_recording, simulated, edgeemg, tmp_path
):
    python = device(wheel, extra, tmp_path / "env")
    absent = f"import importlib.util as u; print([n for n in {HEAVY!r} if u.find_spec(n)])"
    found = subprocess.run([python, "-c", absent], capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout.strip() == "[]", found.stdout

    with simulated(tiny_recording, tmp_path / "emg", "--speed", 2) as port:
        options = ("--port", port, "--engine", engine, "--every-hop", "--seconds", "4")
        command = [python, "-c", WATCHED.format(heavy=HEAVY), "run", tiny_bundle, *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    live = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(live) > 50
    assert "wire_lost 0;" in done.stderr

    offline = edgeemg(
        "run", tiny_bundle, "--recording", tiny_recording, "--every-hop", "--engine", engine
    )
    expected = [json.loads(line) for line in offline.stdout.splitlines()]
    for one, two in zip(live, expected, strict=False):
        assert one["sample_index"] == two["sample_index"]
        assert one["label"] == two["label"]
        assert one["confidence"] == pytest.approx(two["confidence"], abs=1e-3)


@pytest.mark.slow
def test_without_an_engine_the_error_names_the_extra(wheel, tiny_bundle, tmp_path):
    python = device(wheel, "mqtt", tmp_path / "env")
    for verb in ("run", "train"):
        arguments = {"run": [tiny_bundle, "--port", "/dev/null"], "train": ["x", "--out", "y"]}[
            verb
        ]
        command = [python, "-m", "edgeemg", verb, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 2, done.stderr
        assert "pip install 'edgeemg[" in done.stderr
        assert "Traceback" not in done.stderr
