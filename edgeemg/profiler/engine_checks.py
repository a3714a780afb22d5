"""The engines, and a bundle, in; whether they run here and answer rightly out."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.checks import Check
from edgeemg.profiler.children import Failure
from edgeemg.profiler.golden import Answers, allowed_difference, judge
from edgeemg.profiler.latency import Measurement
from edgeemg.profiler.probes import write_probe
from edgeemg.profiler.rounds import Subject, measure_once
from edgeemg.profiler.tflite_operators import hushed
from edgeemg.runtime.bundle import GOLDEN_NAME, Bundle
from edgeemg.runtime.engines import ENGINES, installed_engines, open_engine
from edgeemg.runtime.libraries import how_to_install

_RUNS = 50  # inferences: enough to see whether a file keeps up
_PROBE_TOLERANCE = 1e-5
_OTHERS = "use another file of the bundle (--engine, --precision)"


def engine_checks() -> Iterator[Check]:
    """Each engine imports and multiplies, in a process that may die of it."""
    here = installed_engines()
    if not here:
        remedy = "pip install 'edgeemg[litert]', or 'edgeemg[onnx]'"
        yield Check("engines", "fail", "none is installed", remedy)
        return
    for engine in ENGINES:
        if engine in here:
            yield _probed(engine)
        else:
            yield Check(f"engine {engine}", "ok", "not installed; the other one will do")


def bundle_checks(bundle: Bundle) -> Iterator[Check]:
    """Every model file answers its golden inputs as at export, and in less than a hop.

    ManifestError, before any check, where the bundle does not hold those answers.
    """
    answers = {name: bundle.golden_of(name)[1] for name in bundle.models}
    here = installed_engines()
    return (_checked(bundle, name, expected, here) for name, expected in answers.items())


def _checked(
    bundle: Bundle, name: str, expected: NDArray[np.float32], here: Sequence[str]
) -> Check:
    facts = bundle.models[name]
    if facts.engine not in here:
        remedy = f"to use this file: {how_to_install(facts.engine)}"
        return Check(name, "warn", "not tested: its engine is not installed", remedy)
    golden = bundle.folder / GOLDEN_NAME
    path = bundle.folder / name
    subject = Subject(path, facts.engine, facts.precision, golden, bundle.head_path)
    measured = measure_once(subject, runs=_RUNS)
    if isinstance(measured, Failure):
        return Check(name, "fail", measured.reason, f"{_OTHERS}, or reinstall the engine")
    try:
        # as `run` opens it; safe here, now that the same file ran in a process of its own
        with hushed():
            open_engine(bundle, facts.engine, facts.precision)
    except EdgeEmgError as error:
        return Check(name, "fail", str(error), _OTHERS)
    allowed = allowed_difference(facts.precision, expected)
    return _judged(name, measured, judge([measured.logits], expected, allowed=allowed), bundle)


def _probed(engine: str) -> Check:
    name = f"engine {engine}"
    remedy = f"{how_to_install(engine)} --force-reinstall, or use another engine"
    try:
        with tempfile.TemporaryDirectory() as folder:
            path, golden = write_probe(engine, Path(folder))
            measured = measure_once(Subject(path, engine, "float32", golden), runs=_RUNS)
            with np.load(golden, allow_pickle=False) as arrays:
                expected = arrays["logits"]
    except OSError as error:
        found = f"not tested: no temporary file can be written ({error.strerror})"
        return Check(name, "fail", found, "free some space, or set TMPDIR to a folder that has")
    if isinstance(measured, Failure):
        return Check(name, "fail", measured.reason, remedy)
    if not judge([measured.logits], expected, allowed=_PROBE_TOLERANCE).correct:
        return Check(name, "fail", f"{measured.engine_version} calculates wrongly", remedy)
    found = f"{measured.engine_version} runs, imported in {measured.import_ms:.0f} ms"
    return Check(name, "ok", found)


def _judged(name: str, measured: Measurement, answers: Answers, bundle: Bundle) -> Check:
    labels = f"{answers.agreeing_labels} of {answers.golden_inputs} labels"
    if not answers.correct:
        found = f"wrong answers: {answers.wrong_by()}, {labels} as at export"
        return Check(name, "fail", found, f"{_OTHERS}: this machine calculates otherwise")
    manifest = bundle.manifest
    hop_ms = manifest.hop_samples / manifest.sample_rate_hz * 1000
    p50_ms = float(np.median(measured.latencies_us)) / 1000
    found = f"answers as at export, {labels}; {p50_ms:.2f} ms of a {hop_ms:g} ms hop"
    if p50_ms >= hop_ms:
        return Check(name, "fail", found, f"too slow for this board: {_OTHERS}, or a longer hop")
    return Check(name, "ok", found)
