"""A sample rate and the mains frequency in, filter sections out: scipy designs, on the host."""

from collections.abc import Callable

import numpy as np

from edgeemg.errors import ModelError, RecordingError
from edgeemg.manifest import Band

_NOTCH_Q = 30.0  # -3 dB width of 2 Hz at 60 Hz: mains wanders by 0.1 Hz, EMG keeps the rest
_HIGH_PASS_HZ = 0.8  # takes electrode offset and drift, keeps movement of the lips and jaw


def broad(sample_rate_hz: float, mains_hz: float | None) -> tuple[Band, ...]:
    """One band: second-order Butterworth high-pass at 0.8 Hz, notches at mains and harmonics.

    Movement below 10 Hz carries information on the cheap sensors, so it is kept.
    """
    from scipy.signal import butter

    high_pass = butter(2, _HIGH_PASS_HZ, "highpass", fs=sample_rate_hz, output="sos")
    return (_band("broad", [high_pass, *_notches(sample_rate_hz, mains_hz)]),)


def split(sample_rate_hz: float, mains_hz: float | None) -> tuple[Band, ...]:
    """Two bands: movement (0.8 to 10 Hz) and muscle (15 Hz up, notches at mains and harmonics)."""
    from scipy.signal import butter

    movement = butter(2, (_HIGH_PASS_HZ, 10.0), "bandpass", fs=sample_rate_hz, output="sos")
    muscle = butter(2, 15.0, "highpass", fs=sample_rate_hz, output="sos")
    return (
        _band("movement", [movement]),
        _band("muscle", [muscle, *_notches(sample_rate_hz, mains_hz)]),
    )


FRONT_ENDS: dict[str, Callable[[float, float | None], tuple[Band, ...]]] = {
    "broad": broad,
    "split": split,
}


def design(name: str, sample_rate_hz: float, mains_hz: float | None) -> tuple[Band, ...]:
    """The bands of a named front end."""
    if name not in FRONT_ENDS:
        raise ModelError(f"unknown front end {name!r}: choose one of {', '.join(FRONT_ENDS)}")
    if sample_rate_hz < 50:
        raise RecordingError(
            f"a front end needs at least 50 samples a second, the recording has {sample_rate_hz}"
        )
    return FRONT_ENDS[name](sample_rate_hz, mains_hz)


def _notches(sample_rate_hz: float, mains_hz: float | None) -> list[np.ndarray]:
    from scipy.signal import iirnotch, tf2sos

    if mains_hz is None:
        return []
    harmonics = np.arange(mains_hz, 0.49 * sample_rate_hz, mains_hz)
    return [tf2sos(*iirnotch(float(hz), _NOTCH_Q, fs=sample_rate_hz)) for hz in harmonics]


def _band(name: str, parts: list[np.ndarray]) -> Band:
    rows = np.vstack(parts)
    return Band(name, tuple(tuple(float(one) for one in row) for row in rows))
