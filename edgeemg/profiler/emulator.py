"""A bundle and a core in; exact instructions, memory and answers of an emulated process out.

qemu-user runs the aarch64 wheels that a board would install, under CPython for arm64, and a
plugin counts what they execute. docs/boards.md says what the count is, and what it is not.
"""

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from edgeemg.errors import EngineError, MissingToolError
from edgeemg.profiler.aarch64_wheels import Wheels, wheels_with
from edgeemg.profiler.boards import CPUS
from edgeemg.profiler.cache import cache_folder, locked
from edgeemg.profiler.children import why_it_ended
from edgeemg.profiler.counter import compile_counter, find_tools
from edgeemg.profiler.debian_root import PYTHON
from edgeemg.profiler.guest_files import (
    core_folder,
    fill,
    package_folder,
    pycache_folder,
    wheels_folder,
)
from edgeemg.profiler.marks import Mark, kinds_between, laps_between, parse_marks
from edgeemg.profiler.stages import LAPS, STAGES
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.libraries import LIBRARIES

RUNS = 20  # counted inferences
_GUEST, _STAGES_GUEST = "edgeemg.profiler.guest", "edgeemg.profiler.guest_stages"
_PATIENCE_S = 300


@dataclass(frozen=True, slots=True)
class Emulated:
    """One model file on one emulated core.

    library            name and version of what ran it, as in `onnxruntime 1.32.0`
    python             version and build of the CPython that called it
    instructions       executed for one inference (for a stream bundle: one hop), with the Python
                       call and the scaling of int8 inputs; counted, and not a time
    kinds              the same by kind (instruction_kinds.KINDS)
    peak_memory_bytes  the most memory that the emulated process held at once, without qemu's own
    logits             (golden input, class): what the file answers there
    """

    file: str
    engine: str
    precision: str
    library: str
    python: str
    cpu: str
    instructions: int
    kinds: dict[str, int]
    peak_memory_bytes: int
    logits: list[list[float]]


class Answer(NamedTuple):
    """What edgeemg.profiler.guest prints, by the same names as in Emulated."""

    library: str
    python: str
    logits: list[list[float]]


@dataclass(frozen=True, slots=True)
class Emulator:
    """What `prepare` has laid out: qemu, the counter, and a cache with all that a guest needs."""

    qemu: Path
    counter: Path
    cache: Path

    def measure(
        self,
        bundle: Bundle | Path,
        *,
        cpu: str,
        engine: str,
        precision: str,
        library: str | None = None,
        runs: int = RUNS,
    ) -> Emulated:
        """Run one file of a bundle in a fresh emulated process: 2 to 5 s of one host core.

        cpu      one of `boards.CPUS`
        engine, precision  as for `open_engine`
        library  "onnxruntime", "ai-edge-litert" or "tflite-runtime"; None: the engine's first
        runs     inferences to count, after a warm-up; `instructions` is their mean
        Raises ManifestError for a bad bundle, EngineError where the process dies or refuses.
        """
        if cpu not in CPUS:
            raise EngineError(f"unknown core {cpu!r}: choose one of {', '.join(CPUS)}")
        if isinstance(bundle, Path):
            bundle = open_bundle(bundle)
        path = bundle.model_path(engine, precision)
        request = (_GUEST, str(bundle.folder.resolve()), engine, precision, str(runs))
        text, marks = self._settled(cpu, wheels_with(_library(engine, library)), request)
        answer, kinds = parse_answer(text), kinds_between(marks, runs=runs)
        return Emulated(
            file=path.name,
            engine=engine,
            precision=precision,
            library=answer.library,
            python=answer.python,
            cpu=cpu,
            instructions=sum(kinds.values()),
            kinds=kinds,
            peak_memory_bytes=marks[-1].peak_memory_bytes,
            logits=answer.logits,
        )

    def measure_stages(
        self, bundle: Bundle | Path, *, cpu: str, engine: str, precision: str, hops: int = RUNS
    ) -> dict[str, dict[str, int]]:
        """Instructions of one hop by kind, for each of `stages.STAGES`: the whole way of a sample.

        Arguments and errors as in `measure`.
        """
        if isinstance(bundle, Path):
            bundle = open_bundle(bundle)
        request = (_STAGES_GUEST, str(bundle.folder.resolve()), engine, precision, str(hops))
        _, marks = self._settled(cpu, wheels_with(_library(engine, None)), request)
        laps = dict(zip(LAPS, laps_between(marks, rounds=hops), strict=True))
        return {name: laps[name] for name in STAGES}

    def _settled(
        self, cpu: str, wheels: Wheels, request: tuple[str, ...]
    ) -> tuple[str, list[Mark]]:
        """What the guest printed, and its marks.

        A process that meets new code compiles it, which takes memory that no later one takes:
        then another process is asked again.
        """
        before = self._compiled()
        outcome = self._run(cpu, wheels, request)
        if self._compiled() != before:
            outcome = self._run(cpu, wheels, request)
        return outcome

    def python(
        self,
        cpu: str,
        arguments: Sequence[str],
        *,
        folders: Iterable[Path],
        more: Mapping[str, str] | None = None,
        patience_s: float = _PATIENCE_S,
    ) -> tuple[str, list[Mark]]:
        """What a fresh emulated CPython printed, and the marks that it made.

        arguments  what stands behind `python3 -S -s`
        folders    its module path
        more       variables, beside those that every guest has
        Raises EngineError where it dies, or has not ended in time.
        """
        root = core_folder(self.cache, cpu)
        with tempfile.NamedTemporaryFile("r", prefix="edgeemg-marks-") as counted:
            command = [
                *(str(self.qemu), "-cpu", cpu, "-L", str(root), "-seed", "1"),
                *("-plugin", f"{_quoted(self.counter)},out={_quoted(Path(counted.name))}"),
                *(str(root / PYTHON), "-S", "-s", *arguments),
            ]
            try:
                child = subprocess.run(  # noqa: S603  # qemu, our own module
                    command,
                    env={**(more or {}), **self._environment(folders)},
                    capture_output=True,
                    text=True,
                    errors="replace",
                    timeout=patience_s,
                    check=False,
                )
            except subprocess.TimeoutExpired as error:
                raise EngineError(
                    f"on an emulated {cpu}: no answer within {patience_s:g} s"
                ) from error
            if child.returncode:
                why = why_it_ended(child.returncode, child.stderr)
                raise EngineError(f"on an emulated {cpu}: {why}")
            return child.stdout, parse_marks(counted.read())

    def _run(self, cpu: str, wheels: Wheels, request: tuple[str, ...]) -> tuple[str, list[Mark]]:
        folders = (wheels_folder(self.cache, wheels), package_folder(self.cache))
        try:
            return self.python(cpu, ("-P", "-m", *request), folders=folders)
        except EngineError as error:
            names = ", ".join(wheels.distributions)
            raise EngineError(f"{request[1]}: with {names}, {error}") from error

    def _environment(self, folders: Iterable[Path]) -> dict[str, str]:
        """The guest's whole environment: nothing of the user's may change a count."""
        return {
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
            "PYTHONPATH": ":".join(map(str, folders)),
            # Python would write beside its library, which in the guest is the host's /usr
            "PYTHONPYCACHEPREFIX": str(pycache_folder(self.cache)),
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            # onnxruntime >= 1.29 otherwise reports to its maker, with threads of its own
            "ORT_DISABLE_TELEMETRY": "1",
        }

    def _compiled(self) -> dict[Path, int]:
        """Python's compiled files, and when each was written."""
        compiled = pycache_folder(self.cache).rglob("*.pyc")
        return {path: path.stat().st_mtime_ns for path in compiled}


def prepare(tell: Callable[[str], None]) -> Emulator:
    """Fetch and lay out, once, what emulation needs; later calls take it from the cache.

    tell  is told what is being downloaded (90 MB in all; 300 MB in `cache.cache_folder()`)
    Raises MissingToolError that says what to install, or why a download failed.
    """
    cache = cache_folder()
    if ":" in str(cache):  # the guest finds its modules by a list that is divided by it
        raise MissingToolError(
            f"{cache}: emulation needs a folder without ':' in its name: "
            "set XDG_CACHE_HOME to another"
        )
    tools = find_tools()
    with locked(cache):
        fill(cache, tell=tell)
        counter = compile_counter(tools, cache)
    return Emulator(tools.qemu, counter, cache)


def parse_answer(text: str) -> Answer:
    """What the guest has printed; EngineError where it is something else."""
    try:
        return Answer(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise EngineError(f"the emulated process printed nonsense ({error}): try again") from error


def _library(engine: str, library: str | None) -> str:
    """What runs the engine's files: what was asked for, or else its first."""
    names = [one.distribution for one in LIBRARIES.get(engine, ())]
    if not names:
        raise EngineError(f"unknown engine {engine!r}: choose one of {', '.join(LIBRARIES)}")
    if library is None:
        return names[0]
    if library not in names:
        raise EngineError(f"{library!r} cannot run {engine} files: choose {' or '.join(names)}")
    return library


def _quoted(path: Path) -> str:
    """As qemu's options want it: a comma in a value is written twice."""
    return str(path).replace(",", ",,")
