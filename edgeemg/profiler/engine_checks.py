"""The engines, and a bundle, in; whether they run here and answer rightly out."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgeemg.profiler.checks import Check
from edgeemg.profiler.children import Failure
from edgeemg.profiler.golden import allowed_difference, in_words, is_correct
from edgeemg.profiler.latency import Measurement
from edgeemg.profiler.libraries import how_to_install
from edgeemg.profiler.probes import write_probe
from edgeemg.profiler.rounds import Subject, measure_once
from edgeemg.runtime.bundle import GOLDEN_NAME, Bundle
from edgeemg.runtime.engines import ENGINES, installed_engines

_RUNS = 50  # inferences: enough to see whether a file keeps up
_PROBE_TOLERANCE = 1e-5


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
    """Every model file answers its golden inputs as at export, and in less than a hop."""
    bundle.golden()  # ManifestError where there is none
    here = installed_engines()
    for name, facts in bundle.models.items():
        if facts.engine not in here:
            remedy = f"to use this file: {how_to_install(facts.engine)}"
            yield Check(name, "warn", "not tested: its engine is not installed", remedy)
            continue
        golden = bundle.folder / GOLDEN_NAME
        subject = Subject(bundle.folder / name, facts.engine, facts.precision, golden)
        yield _judged(bundle, name, measure_once(subject, runs=_RUNS))


def _probed(engine: str) -> Check:
    name = f"engine {engine}"
    remedy = f"{how_to_install(engine)} --force-reinstall, or use another engine"
    with tempfile.TemporaryDirectory() as folder:
        path, golden = write_probe(engine, Path(folder))
        measured = measure_once(Subject(path, engine, "float32", golden), runs=_RUNS)
    if isinstance(measured, Failure):
        return Check(name, "fail", measured.reason, remedy)
    if not is_correct(measured.largest_difference, _PROBE_TOLERANCE):
        return Check(name, "fail", f"{measured.engine_version} calculates wrongly", remedy)
    found = f"{measured.engine_version} runs, imported in {measured.import_ms:.0f} ms"
    return Check(name, "ok", found)


def _judged(bundle: Bundle, name: str, measured: Measurement | Failure) -> Check:
    others = "use another file of the bundle (--engine, --precision)"
    if isinstance(measured, Failure):
        return Check(name, "fail", measured.reason, f"{others}, or reinstall the engine")
    allowed = allowed_difference(bundle.manifest, name)
    labels = f"{measured.agreeing_labels} of {measured.golden_inputs} labels"
    if is_correct(measured.largest_difference, allowed) is False:
        found = f"wrong answers: off by {in_words(measured.largest_difference)}, {labels} right"
        return Check(name, "fail", found, f"{others}: this machine calculates otherwise")
    manifest = bundle.manifest
    hop_ms = manifest.hop_samples / manifest.sample_rate_hz * 1000
    p50_ms = float(np.median(measured.latencies_us)) / 1000
    found = f"answers as at export, {labels} as PyTorch; {p50_ms:.2f} ms of a {hop_ms:g} ms hop"
    if p50_ms >= hop_ms:
        return Check(name, "fail", found, f"too slow for this board: {others}, or a longer hop")
    return Check(name, "ok", found)
