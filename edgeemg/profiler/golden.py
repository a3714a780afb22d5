"""A manifest in; how far a file may be off its golden logits, on this machine, out."""

from edgeemg.manifest import Manifest

_SLACK = 1.25  # int8 kernels of another processor may round a step otherwise


def allowed_difference(manifest: Manifest, file: str) -> float | None:
    """Largest difference from PyTorch's logits that a file may show; None where export kept none.

    A float file has the export's own gate. An int8 file may be off by what export saw on all
    held-out windows: the golden inputs are some of them, so more than that means that this
    machine calculates otherwise. Label agreement would not do: of 16 inputs one may be a tie.
    """
    facts = manifest.files[file]
    if facts.precision == "float32":
        gate = manifest.parity.get("gates", {}).get("float_tolerance")
        return None if gate is None else float(gate)
    for one in manifest.parity.get("files", []):
        if one.get("file") == file and one.get("largest_difference") is not None:
            return _SLACK * float(one["largest_difference"])
    return None


def in_words(difference: float | None) -> str:
    """A difference to read; None stands for logits that are not numbers."""
    return "not a number" if difference is None else f"{difference:.2g}"


def is_correct(difference: float | None, allowed: float | None) -> bool | None:
    """Whether a file answers as it should; None where nothing says how it should."""
    if difference is None:
        return False
    return None if allowed is None else difference <= allowed
