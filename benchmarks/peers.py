"""A peer's name in; a Python with that peer, in an environment of its own, out.

    python -m benchmarks.peers

makes all of them. Each is made once, in the user's cache, from pinned versions; another version
makes another environment. What a peer pulls in beside them is whatever pip finds that day.
"""

import hashlib
import subprocess
import sys
import venv
from functools import partial
from pathlib import Path

import click

from edgeemg.errors import EdgeEmgError, MissingToolError
from edgeemg.profiler.cache import cache_folder, filled_once, locked

_BASE = ("click==8.5.1", "pyserial==3.5")
PEERS = {
    # brainflow 5.23 finds its library by way of pkg_resources, which setuptools 81 has no more
    "brainflow": (
        "brainflow==5.23.0",
        "scipy==1.17.1",
        "onnxruntime==1.32.0",
        "numpy==2.4.6",
        "setuptools==80.10.2",
    ),
    "libemg": ("libemg==2.0.3", "onnxruntime==1.32.0", "numpy==1.26.4"),
    "onnxruntime": ("onnxruntime==1.32.0", "numpy==2.4.6"),
    "ai-edge-litert": ("ai-edge-litert==2.3.0", "numpy==2.4.6"),
    "tflite-runtime": ("tflite-runtime==2.14.0", "numpy==1.26.4"),
    "executorch": ("executorch==1.5.1", "torch==2.13.0", "numpy==2.4.6"),
    # pnnx lists torch, which its program holds already
    "ncnn": ("ncnn==1.0.20261020", "pnnx==20261020", "numpy==2.4.6", "--no-deps"),
    "torch": ("torch==2.13.0", "numpy==2.4.6"),
    # what `pip install 'edgeemg[ENGINE]'` brings beside edgeemg
    "edgeemg-onnxruntime": ("onnxruntime==1.32.0", *_BASE, "numpy==2.4.6"),
    "edgeemg-ai-edge-litert": ("ai-edge-litert==2.3.0", *_BASE, "numpy==2.4.6"),
    "edgeemg-tflite-runtime": ("tflite-runtime==2.14.0", *_BASE, "numpy==1.26.4"),
}
_PATIENCE_S = 1800


def peer_python(name: str) -> Path:
    """The interpreter of a peer's environment; MissingToolError where it cannot be made."""
    wanted = PEERS[name]
    digest = hashlib.sha256("\n".join((sys.version, *wanted)).encode()).hexdigest()[:12]
    peers = cache_folder().parent / "peers"
    with locked(peers):
        folder = filled_once(peers / f"{name}-{digest}", partial(_install, wanted))
    return folder / "bin" / "python"


def _install(wanted: tuple[str, ...], folder: Path) -> None:
    click.echo(f"installing {', '.join(wanted)} ...", err=True)
    # links, so that the environment works under the name that its folder gets in the end
    venv.create(folder, with_pip=True, symlinks=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted]
    try:
        subprocess.run(  # noqa: S603  # pip, with the versions above
            command, check=True, timeout=_PATIENCE_S, capture_output=True, text=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        said = str(error.stderr or error).strip().splitlines()
        raise MissingToolError(
            f"pip cannot install {wanted[0]} ({said[-1] if said else error}): check the network"
        ) from error


@click.command()
def main() -> None:
    """Make the environments that are not there yet, and print where they are."""
    try:
        for name in PEERS:
            click.echo(f"{name}: {peer_python(name)}")
    except EdgeEmgError as error:
        click.echo(f"peers: {error}", err=True)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
