"""What a cell's figures depend on in, a sha256 that changes whenever any of it does out."""

import ast
import hashlib
import json
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path

from edgeemg.dsp.samples import Recording
from edgeemg.train.settings import EvaluationSettings

_LIBRARIES = ("torch", "numpy", "scipy", "scikit-learn")  # a new one may move the last digits
_PACKAGE = Path(__file__).resolve().parents[2]
_CODE = ("dsp", "train")  # folders of the package that figures come from
_HERE = Path(__file__).resolve().parent  # collects figures and makes none


def cell_key(settings: EvaluationSettings, *, data_sha256: str, recipe_sha256: str) -> str:
    """The name of a cell: 32 hexadecimal digits over its settings, data and recipe."""
    whole = {"settings": asdict(settings), "data": data_sha256, "recipe": recipe_sha256}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()[:32]


def data_sha256(recordings: Sequence[Recording]) -> str:
    """Over all that an evaluation reads of recordings; where the files lie does not count."""
    digest = hashlib.sha256()
    for one in recordings:
        samples = one.samples
        facts = {
            "name": [one.subject, one.session, one.task, one.run],
            "channels": one.channels,
            "events": [[event.index, event.length, event.label] for event in one.events],
            "sample_rate_hz": samples.sample_rate_hz,
            "mains_hz": one.mains_hz,
            "generated": one.generated,
            "licence": one.licence,
            "warnings": one.warnings,
            "shape": samples.microvolts.shape,
        }
        digest.update(json.dumps(facts, sort_keys=True).encode())
        for array in (samples.microvolts, samples.index, samples.valid):
            digest.update(array.tobytes())
    return digest.hexdigest()


@cache
def recipe_sha256() -> str:
    """Over the code that makes figures from recordings, and the libraries that it stands on.

    The code itself and no version number: between two releases it changes, and cells from before
    must not pose as new ones. Comments, docstrings and formatting do not count.
    """
    digest = hashlib.sha256(platform.python_version().encode())
    for library in _LIBRARIES:
        digest.update(f"{library}={version(library)}\n".encode())
    for path in _sources():
        digest.update(f"{path.relative_to(_PACKAGE).as_posix()}\n".encode())
        digest.update(_bare(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def _sources() -> Iterator[Path]:
    yield _PACKAGE / "manifest.py"  # what a band is
    for folder in _CODE:
        for path in sorted((_PACKAGE / folder).rglob("*.py")):
            if not path.is_relative_to(_HERE):
                yield path


def _bare(source: str) -> str:
    """The syntax tree as text, without docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            continue
        if ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)
