"""The contract file beside every model: what goes in, what comes out, and the proof.

A *run* (what training writes) holds a manifest without files; a *bundle* (what export writes)
holds the same manifest with every file's sha256. The manifest seals itself with a sha256 over
its own canonical JSON, so that a flipped byte anywhere in a bundle is refused, not run.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from edgeemg.digests import sha256, sha256_of
from edgeemg.errors import ManifestError
from edgeemg.provenance import Calibration as Calibration
from edgeemg.provenance import Training as Training
from edgeemg.typed_json import build

SCHEMA_VERSION = 1
MANIFEST_NAME = "manifest.json"
_SEAL = "manifest_sha256"
_LARGEST = 4 * 1024 * 1024  # bytes; more is not a manifest


@dataclass(frozen=True, slots=True)
class Channel:
    """One sensor channel that the model reads, in the order it reads them."""

    name: str
    unit: str = "uV"


@dataclass(frozen=True, slots=True)
class Band:
    """One causal filter: rows of b0 b1 b2 a0 a1 a2, applied to every channel."""

    name: str
    sections: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Which network, built with which options, and how large.

    `macs` are multiply-accumulates of one inference.
    """

    family: str
    parameters: int
    macs: int
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StateTensor:
    """One state that a streaming model takes and gives back."""

    name: str
    shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A file of the bundle. `engine`, `precision`, `recipe` and `input_dtype` are empty for
    files that no engine loads.

    kept_float  operators, by type or scope, that the recipe leaves in float
    """

    sha256: str
    bytes: int
    engine: str = ""
    precision: str = ""
    recipe: str = ""
    input_dtype: str = ""
    kept_float: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The file that is best on one board, and what it costs there.

    instructions       of one decision, counted on that board's core, emulated; not a time
    peak_memory_bytes  of the whole process, emulated
    """

    file: str
    engine: str
    precision: str
    instructions: int
    peak_memory_bytes: int


@dataclass(frozen=True, slots=True)
class DecisionSettings:
    """How probabilities become decisions.

    smoothing_hops  probabilities are averaged over this many hops
    threshold       least smoothed probability; `thresholds` overrides it by label
    agreement_hops  this many hops in a row must name the same label
    refractory_ms   after a decision, the time in which none follows
    origin          what they were tuned on and how it went; empty for the defaults
    """

    smoothing_hops: int = 3
    threshold: float = 0.6
    thresholds: dict[str, float] = field(default_factory=dict)
    agreement_hops: int = 2
    refractory_ms: float = 1000.0
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that the device needs to know about a model.

    scale  one divisor a model input channel (band-major), microvolts: input = filtered / scale
    clip   scaled input is clipped to ± this, so that an electrode pop cannot set the range
    failed_gates  a sentence for each gate that the bundle was written in spite of
    choice        board -> the file to run there, of those that passed their gates
    calibration   of a bundle that was fitted to a day's electrodes; parity, choice and the
                  training's metrics are then those of the bundle that it was made from
    """

    name: str
    created: str
    edgeemg_version: str
    labels: tuple[str, ...]
    rest_label: str | None
    sample_rate_hz: float
    channels: tuple[Channel, ...]
    window_samples: int
    hop_samples: int
    bands: tuple[Band, ...]
    scale: tuple[float, ...]
    clip: float
    model: ModelFacts
    training: Training
    mode: Literal["window", "stream"] = "window"
    state: tuple[StateTensor, ...] = ()
    decision: DecisionSettings = field(default_factory=DecisionSettings)
    files: dict[str, ModelFile] = field(default_factory=dict)
    parity: dict[str, Any] = field(default_factory=dict)
    failed_gates: tuple[str, ...] = ()
    choice: dict[str, Choice] = field(default_factory=dict)
    calibration: Calibration | None = None
    schema_version: int = SCHEMA_VERSION

    def __post_init__(self) -> None:
        n_inputs = len(self.bands) * len(self.channels)
        _require(len(set(self.labels)) == len(self.labels) >= 2, "labels", "at least 2, all unlike")
        _require(self.rest_label in (None, *self.labels), "rest_label", "one of labels")
        _require(self.sample_rate_hz > 0, "sample_rate_hz", "above 0")
        _require(len(self.channels) >= 1, "channels", "at least one")
        _require(self.window_samples >= 1, "window_samples", "at least 1")
        longest = self.window_samples
        _require(1 <= self.hop_samples <= longest, "hop_samples", f"in 1..{longest}")
        _require(len(self.bands) >= 1, "bands", "at least one")
        _require(
            all(len(row) == 6 for band in self.bands for row in band.sections),
            "bands",
            "rows of 6 numbers (b0 b1 b2 a0 a1 a2)",
        )
        _require(
            len(self.scale) == n_inputs and all(one > 0 for one in self.scale),
            "scale",
            f"{n_inputs} numbers above 0 (bands x channels)",
        )
        _require(self.clip > 0, "clip", "above 0")
        for board, one in self.choice.items():
            _require(one.file in self.files, f"choice.{board}.file", "one of files")

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """(1, band * channel, time): what the model takes."""
        return (1, len(self.bands) * len(self.channels), self.window_samples)

    def dumps(self) -> str:
        """The manifest as sealed JSON."""
        plain = asdict(self)
        # empty ones are left out, so that an edgeemg that does not know them reads the bundle too
        _drop_empty(plain, "failed_gates", "choice", "calibration")
        _drop_empty(plain["decision"], "origin")
        for facts in plain["files"].values():
            _drop_empty(facts, "kept_float")
        plain[_SEAL] = _seal(plain)
        return json.dumps(plain, indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def portable(self) -> "Manifest":
        """Without what is known of a whole bundle only: what an ONNX file carries about itself."""
        return replace(self, files={}, parity={}, failed_gates=(), choice={})


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run or a bundle; refuses an unknown version and a broken seal."""
    path = folder / MANIFEST_NAME
    try:
        text = _held(folder, path)
    except OSError as error:
        raise ManifestError(
            f"{path} cannot be read ({error.strerror}): "
            "check its name and rights, or copy the whole folder again"
        ) from error
    return parse_manifest(text, source=str(path))


def _held(folder: Path, path: Path) -> bytes:
    if not folder.is_dir():
        raise ManifestError(f"{folder}: no such folder; give a run or a bundle")
    if not path.is_file():
        raise ManifestError(
            f"{path} is missing: {folder} is neither a run (`edgeemg train`) "
            "nor a bundle (`edgeemg export`)"
        )
    if path.stat().st_size > _LARGEST:
        raise ManifestError(f"{path} is larger than {_LARGEST} bytes: not a manifest")
    return path.read_bytes()


def parse_manifest(text: bytes | str, *, source: str) -> Manifest:
    """A manifest from its JSON; `source` names it in errors."""
    again = "copy or export it again"
    try:
        plain = json.loads(text)
        seal = plain.pop(_SEAL, None) if isinstance(plain, dict) else None
        expected = _seal(plain)
        json.dumps(plain, ensure_ascii=False).encode()  # every text: labels go to all the world
    except UnicodeEncodeError as error:
        raise ManifestError(f"{source} holds text that is no Unicode ({error}): {again}") from error
    except (ValueError, RecursionError) as error:
        raise ManifestError(f"{source} is not readable JSON ({error}): {again}") from error
    if not isinstance(plain, dict):
        raise ManifestError(f"{source} must be a JSON object, got {type(plain).__name__}: {again}")
    version = plain.get("schema_version")
    if version != SCHEMA_VERSION:
        raise ManifestError(
            f"{source} has schema version {version!r} and this edgeemg reads {SCHEMA_VERSION}: "
            "upgrade edgeemg, or export the bundle again with this version"
        )
    if seal != expected:
        raise ManifestError(f"{source} does not match its own checksum, it was damaged: {again}")
    try:
        return build(Manifest, plain)
    except ManifestError as error:
        raise ManifestError(f"{source}: {error}; {again}") from error


def write_manifest(manifest: Manifest, folder: Path) -> Path:
    """Write the sealed manifest into the folder."""
    path = folder / MANIFEST_NAME
    path.write_text(manifest.dumps(), encoding="utf-8")
    return path


def verify_files(folder: Path, files: Mapping[str, ModelFile]) -> None:
    """Refuse a bundle of which a file is missing, damaged, or outside its folder."""
    for name, facts in files.items():
        try:
            _verify(folder, name, facts)
        except OSError as error:
            raise ManifestError(
                f"{folder / name} cannot be read ({error.strerror}): "
                "check its name and rights, or copy the bundle again"
            ) from error


def _verify(folder: Path, name: str, facts: ModelFile) -> None:
    path = folder / name
    if name in ("", "..") or Path(name).name != name or path.is_symlink():
        raise ManifestError(f"{folder}: file name {name!r} must be a plain file in the bundle")
    if not path.is_file():
        raise ManifestError(f"{path} is missing: copy the whole bundle folder again")
    if path.stat().st_size != facts.bytes or sha256_of(path) != facts.sha256:
        raise ManifestError(
            f"{path} does not match its sha256 in the manifest, it was damaged: "
            "copy the bundle again, or export it anew"
        )


def _require(holds: bool, name: str, wanted: str) -> None:
    if not holds:
        raise ManifestError(f"{name} must be {wanted}")


def _drop_empty(plain: dict[str, Any], *names: str) -> None:
    for name in names:
        if not plain[name]:
            del plain[name]


def _seal(plain: Mapping[str, Any]) -> str:
    canonical = json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return str(sha256(canonical.encode()).hexdigest())
