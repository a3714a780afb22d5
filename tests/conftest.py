"""What many tests lean on."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from torch import nn

    from edgeemg.manifest import Manifest
    from edgeemg.profiler.emulator import Emulator
    from edgeemg.train.runs import Run

Run = Callable[..., subprocess.CompletedProcess[str]]
Simulated = Callable[..., AbstractContextManager[str]]
Missing = Callable[[str], NoReturn]
ROOT = Path(__file__).resolve().parent.parent
SHARED_DATA = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def missing() -> Missing:
    """`missing(reason)` skips where a person runs the tests, and fails in CI, where all must be."""

    def leave(reason: str) -> NoReturn:
        if os.environ.get("CI") == "true":
            pytest.fail(f"in CI this must be there: {reason}")
        pytest.skip(reason)

    return leave


@pytest.fixture(scope="session")
def shared_data(missing: Missing) -> Path:
    """The real recordings, which are not part of the project."""
    if not SHARED_DATA.is_dir():
        missing(f"real recordings are not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def without_privileges() -> Iterator[None]:
    """As somebody whom the system may refuse something, even where the tests run as root."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    yield
    os.seteuid(0)


@pytest.fixture(scope="session")
def project_root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def emulator(missing: Missing) -> "Emulator":
    """Emulated boards; what it downloads stays in the user's cache."""
    from edgeemg.errors import MissingToolError
    from edgeemg.profiler.emulator import prepare

    try:
        return prepare(print)
    except MissingToolError as error:
        missing(str(error))


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole bundle of a small CNN with seeded random weights: four files, golden inputs, seal.

    Made once and shared: copy it with shutil.copytree before changing anything in it.
    """
    from edgeemg_export.bundle import write_bundle

    folder = tmp_path_factory.mktemp("bundles") / "tiny"
    folder.mkdir()
    write_bundle(
        _untrained_run(folder),
        folder,
        formats=("onnx", "tflite"),
        quantize=True,
        min_agreement=0.0,
        max_accuracy_drop=1.0,
        log=folder.with_name("tiny.log"),
        on_step=lambda _: None,
    )
    return folder


@pytest.fixture(scope="session")
def streams_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """`streams_of(family)`: bundles of one small network, seeded random weights, made once.

    That of whole windows, and that of a stream.
    """
    return cache(lambda family: _made_streams(tmp_path_factory.mktemp(family), family))


@pytest.fixture(scope="session")
def tiny_streams(streams_of: Callable[[str], tuple[Path, Path]]) -> tuple[Path, Path]:
    """Both bundles of a small TCN."""
    return streams_of("tcn")


def _made_streams(folders: Path, family: str) -> tuple[Path, Path]:
    from edgeemg_export.bundle import write_bundle

    run = _untrained_run(folders, family=family)
    made = (folders / "windows", folders / "stream")
    for stream, folder in enumerate(made):
        folder.mkdir()
        write_bundle(
            run,
            folder,
            formats=("onnx", "tflite"),
            quantize=True,
            stream=bool(stream),
            min_agreement=0.0,
            max_accuracy_drop=1.0,
            log=folders / "tiny.log",
            on_step=lambda _: None,
        )
    return made


@pytest.fixture
def wrong_bundle(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny bundle, sealed over golden logits that no file of it gives."""
    from dataclasses import replace

    import numpy as np

    from edgeemg.digests import sha256_of
    from edgeemg.manifest import read_manifest, write_manifest
    from edgeemg.runtime.bundle import GOLDEN_NAME

    folder = tmp_path / "wrong"
    shutil.copytree(tiny_bundle, folder)
    golden = folder / GOLDEN_NAME
    with np.load(golden) as arrays:
        answers = {name: arrays[name] for name in arrays.files}
    inputs = answers.pop("inputs")
    wrong = {name: one + np.float32(5) * (one == one.min()) for name, one in answers.items()}
    np.savez(golden, inputs=inputs, **wrong)
    manifest = read_manifest(folder)
    facts = replace(
        manifest.files[GOLDEN_NAME], sha256=sha256_of(golden), bytes=golden.stat().st_size
    )
    write_manifest(replace(manifest, files={**manifest.files, GOLDEN_NAME: facts}), folder)
    return folder


def _untrained_run(folder: Path, family: str = "cnn") -> "Run":
    """What training would have left: random weights, random windows, and no claim to accuracy."""
    import numpy as np
    import torch

    from edgeemg.train.dataset import Part
    from edgeemg.train.models import make_model
    from edgeemg.train.runs import Run

    rng = np.random.default_rng(0)
    windows = rng.standard_normal((64, 4, 100)).astype(np.float32)
    with torch.random.fork_rng(), torch.no_grad():
        torch.manual_seed(0)
        model = make_model(family, channels=4, window_samples=100, classes=3).eval()
        model.head.weight *= 200  # else every window gets the same label, and none could be wrong
        model.head.bias -= model(torch.from_numpy(windows)).mean(dim=0)
    trials = np.arange(32) // 2
    held_out = Part(windows[:32], trials % 3, trials)
    return Run(folder, model, _untrained_manifest(model, family), windows[32:], held_out)


def _untrained_manifest(model: "nn.Module", family: str) -> "Manifest":
    from edgeemg import __version__
    from edgeemg.manifest import Channel, Manifest, ModelFacts, Training
    from edgeemg.train.front_ends import design
    from edgeemg.train.models import count_macs, count_parameters

    return Manifest(
        name="tiny",
        created="2026-01-01T00:00:00+00:00",
        edgeemg_version=__version__,
        labels=("left", "rest", "right"),
        rest_label="rest",
        sample_rate_hz=250.0,
        channels=tuple(Channel(f"EMG{n}") for n in (1, 2, 3, 4)),
        window_samples=100,
        hop_samples=25,
        bands=design("broad", 250, 50),
        scale=(10.0,) * 4,
        clip=8.0,
        model=ModelFacts(
            family=family,
            parameters=count_parameters(model),
            macs=count_macs(model, channels=4, window_samples=100),
        ),
        training=Training(
            data="none: random weights",
            protocol="none",
            licence="CC0-1.0",
            generated=True,
            recordings=0,
            trials=0,
            seed=0,
        ),
    )


@pytest.fixture(scope="session")
def edgeemg() -> Run:
    """`edgeemg(*arguments)` runs the command and gives what it printed and its exit code."""

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "edgeemg", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=300)

    return run


@pytest.fixture(scope="session")
def simulated() -> Simulated:
    """`with simulated(recording, link, *arguments) as port`: a sensor in a process of its own."""

    @contextmanager
    def start(recording: Path, link: Path, *arguments: object) -> Iterator[str]:
        command = [sys.executable, "-m", "edgeemg", "simulate", recording, "--link", link]
        command = [str(one) for one in (*command, *arguments)]
        sensor = subprocess.Popen(command, stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 30
            while not link.exists() and sensor.poll() is None and time.monotonic() < deadline:
                time.sleep(0.02)
            assert link.exists(), sensor.communicate()[1].decode()
            yield str(link)
        finally:
            sensor.terminate()
            sensor.communicate()

    return start


@pytest.fixture(scope="session")
def tiny_recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Generated EMG on four channels, twenty seconds, named as the tiny bundle's are."""
    from dataclasses import replace

    from edgeemg.data.bids import write_recording
    from edgeemg.data.synth import make_recordings

    (whole,) = make_recordings(words=2, repetitions=4, channels=4, seed=3)
    rows = slice(0, 5000)
    short = replace(
        whole,
        samples=whole.samples[rows],
        channels=("EMG1", "EMG2", "EMG3", "EMG4"),
        events=tuple(one for one in whole.events if one.index + one.length <= 5000),
    )
    return write_recording(short, tmp_path_factory.mktemp("rec"))
