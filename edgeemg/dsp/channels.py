"""Names of channels in, the sensor's inputs that they sit on out."""

import re
from collections.abc import Sequence

from edgeemg.errors import RecordingError

_NUMBER = re.compile(r"(\d+)$")


def sensor_inputs(names: Sequence[str], *, n_inputs: int) -> tuple[int, ...]:
    """Which input, from 0, each named channel is: `Channel_3` and `EMG3` are input 2.

    Where the names do not all end in unlike numbers from 1 to `n_inputs`, the channels are the
    first inputs in order. RecordingError for more names than inputs.
    """
    if len(names) > n_inputs:
        raise RecordingError(
            f"{len(names)} channels ({', '.join(names)}) do not fit a sensor of {n_inputs} inputs"
        )
    matches = [_NUMBER.search(name) for name in names]
    numbers = [int(match.group(1)) for match in matches if match]
    unlike = len(set(numbers)) == len(names)
    if unlike and all(1 <= number <= n_inputs for number in numbers):
        return tuple(number - 1 for number in numbers)
    return tuple(range(len(names)))
