"""24-bit counts in, a BDF+ file out; a BDF+ file in, the same counts out.

BDF stores 24-bit integers. `microvolts_per_count` is the exact size of one count: the sensor's own
where the recording knows it (then nothing is rounded), else a power of two that fits the data.
Our sidecar keeps it with all its digits, and `read_recording` uses only that. The header of a BDF
has 8 characters for each physical limit; it is for other readers, and `_header_range` says how
close it comes.
"""

import io
import math
import warnings
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from edgeemg.errors import RecordingError, needs_extra

if TYPE_CHECKING:
    from edfio import BdfSignal

LARGEST_COUNT = 2**23 - 1  # 24 bits, symmetric; the lowest value is one lower
_LARGEST_MICROVOLTS = 9_999_999  # 8 characters with a sign: just under 10 V
_FINEST = 2.0**-22  # microvolts a count; finer than any amplifier, and it keeps the header exact
_LABEL_CHARACTERS = 16  # of a BDF header; the full name is in channels.tsv
_LONGEST_RECORD_S = 100


class Annotation(NamedTuple):
    """One BDF+ annotation: seconds from the first row of the file, and its text."""

    onset_s: float
    duration_s: float
    text: str


def fitting_count(microvolts: NDArray[np.floating]) -> float:
    """The smallest power of two, microvolts a count, with which all finite values fit 24 bits."""
    finite = microvolts[np.isfinite(microvolts)]
    peak = float(np.abs(finite).max(initial=0.0))
    if peak > _LARGEST_MICROVOLTS:
        raise RecordingError(
            f"a value of {peak:g} uV is beyond what BDF holds (10 V): check the unit and the scale"
        )
    if peak <= LARGEST_COUNT * _FINEST:
        return _FINEST
    return 2.0 ** math.ceil(math.log2(peak / LARGEST_COUNT))


def to_counts(
    microvolts: NDArray[np.float32], microvolts_per_count: float, *, exact: bool
) -> NDArray[np.int32]:
    """(time, channel) finite microvolts -> whole counts of the same shape.

    With `exact`, RecordingError unless every value is float32 of a whole 24-bit count.
    """
    counts = np.rint(microvolts.astype(np.float64) / microvolts_per_count)
    if counts.size and not -LARGEST_COUNT - 1 <= counts.min() <= counts.max() <= LARGEST_COUNT:
        raise RecordingError(
            f"values reach {np.abs(microvolts).max():g} uV, more than 24 bits of "
            f"{microvolts_per_count:g} uV: MicrovoltsPerCount is not the sensor's"
        )
    whole: NDArray[np.int32] = counts.astype(np.int32)
    if exact and not np.array_equal(to_microvolts(whole, microvolts_per_count), microvolts):
        raise RecordingError(
            f"values are not whole counts of {microvolts_per_count!r} uV: "
            "leave MicrovoltsPerCount out, and the file stores them rounded"
        )
    return whole


def to_microvolts(counts: NDArray[np.int32], microvolts_per_count: float) -> NDArray[np.float32]:
    """Whole counts -> float32 microvolts: the product in double precision, rounded once."""
    microvolts: NDArray[np.float32] = (counts * microvolts_per_count).astype(np.float32)
    return microvolts


def write_bdf(
    path: Path,
    counts: NDArray[np.int32],
    *,
    microvolts_per_count: float,
    sample_rate_hz: float,
    channels: Sequence[str],
    annotations: Sequence[Annotation],
) -> None:
    """(time, channel) counts -> `path`; the last record is filled up with the last row."""
    with needs_extra("data", "writing recordings"):
        import edfio

    record_samples, record_s = _record(sample_rate_hz)
    padding = -len(counts) % record_samples
    padded = np.pad(counts, ((0, padding), (0, 0)), mode="edge")
    buffer = io.BytesIO()  # writing a file, edfio hides what the file system says
    try:
        signals = [
            _signal(name, column, microvolts_per_count, record_samples / record_s)
            for name, column in zip(channels, padded.T, strict=True)
        ]
        edfio.Bdf(
            signals,
            data_record_duration=record_s,
            annotations=[edfio.EdfAnnotation(*annotation) for annotation in annotations],
        ).write(buffer)
    except ValueError as error:
        raise RecordingError(f"{path.name} cannot be written as BDF+: {error}") from error
    path.write_bytes(buffer.getbuffer())


def read_bdf(path: Path) -> NDArray[np.int32]:
    """A BDF+ file -> (time, channel) counts, with the rows that fill up the last record.

    RecordingError where the file is truncated, damaged, or mixes sample rates.
    """
    with needs_extra("data", "reading recordings"):
        import edfio

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # edfio's word for a truncated file
            columns = [signal.digital for signal in edfio.read_bdf(path).signals]
            counts: NDArray[np.int32] = np.stack(columns, axis=1)
    except FileNotFoundError as error:
        raise RecordingError(f"{path}: there is no such recording") from error
    except (ArithmeticError, LookupError, NameError, TypeError, UserWarning, ValueError) as error:
        raise RecordingError(
            f"{path} is truncated or not a BDF+ file ({error}): copy or import it again"
        ) from error
    return counts


def _signal(
    name: str, column: NDArray[np.int32], microvolts_per_count: float, sample_rate_hz: float
) -> "BdfSignal":
    import edfio

    digital, physical = _header_range(column, microvolts_per_count)
    return edfio.BdfSignal.from_digital(
        np.ascontiguousarray(column),
        sample_rate_hz,
        label=name.encode("ascii", "replace").decode()[:_LABEL_CHARACTERS],
        physical_dimension="uV",
        physical_range=physical,
        digital_range=digital,
    )


def _record(sample_rate_hz: float) -> tuple[int, float]:
    """Samples and seconds of one data record: the shortest whole seconds with whole samples."""
    for seconds in range(1, _LONGEST_RECORD_S + 1):
        samples = sample_rate_hz * seconds
        if samples >= 1 and math.isclose(samples, round(samples), rel_tol=1e-12):
            return round(samples), float(seconds)
    # a rate such as 244.14 Hz: the header rounds its seconds, the sidecar has the rate
    samples = max(1, round(sample_rate_hz))
    return samples, float(f"{samples / sample_rate_hz:.6f}"[:8])


def _header_range(
    column: NDArray[np.int32], microvolts_per_count: float
) -> tuple[tuple[int, int], tuple[float, float]]:
    """Digital and physical limits for the header, so that other readers get the true gain.

    The count is written as a fraction, microvolts over counts, both of which fit the header: 187500
    over 8388607 for a Cyton at gain 24, 3300000 over 4095 for a 3.3 V 12-bit ADC. Then gain and
    offset are exact. Where no such fraction is found, or a channel sits at the lowest value of 24
    bits, the limits are rounded to 8 characters: off by less than 1e-5 of full scale above 1 uV.
    """
    low, high = int(column.min()), int(column.max())
    reach = max(-low, high, 1)
    size = Fraction(microvolts_per_count).limit_denominator(LARGEST_COUNT)
    exact = size > 0 and math.isclose(size, microvolts_per_count, rel_tol=1e-12)
    if exact:
        steps = min(LARGEST_COUNT // size.denominator, _LARGEST_MICROVOLTS // size.numerator)
        limit = steps * size.denominator
        if limit >= reach:
            physical = float(steps * size.numerator)
            return (-limit, limit), (-physical, physical)
    limit = min(reach, LARGEST_COUNT)
    physical = _eight_characters(limit * microvolts_per_count)
    return (min(low, -limit), limit), (-physical, physical)


def _eight_characters(microvolts: float) -> float:
    """Rounded so that it fits a header with its sign; RecordingError at 10 V and above."""
    for decimals in range(6, -1, -1):
        text = f"{microvolts:.{decimals}f}"
        if len(text) <= 7 and float(text) > 0:
            return float(text)
    raise RecordingError(
        f"a value of {microvolts:g} uV is beyond what BDF holds (10 V): check unit and scale"
    )
