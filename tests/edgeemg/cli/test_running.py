import numpy as np
import pytest

from edgeemg.cli.running import first_seconds
from edgeemg.dsp.samples import Samples

RATE = 100.0


@pytest.fixture
def broken() -> Samples:
    """One second, two seconds that are missing, and another one; the sensor counted from 40."""
    index = 40 + np.concatenate([np.arange(100), np.arange(300, 400)])
    values = np.zeros((200, 1), dtype=np.float32)
    return Samples(values, RATE, index, np.ones((200, 1), dtype=bool))


@pytest.mark.parametrize(
    ("seconds", "rows"), [(0.5, 50), (1.0, 100), (2.9, 100), (3.5, 150), (4.0, 200), (60, 200)]
)
def test_what_is_missing_counts_as_time(broken: Samples, seconds: float, rows: int) -> None:
    assert len(first_seconds(broken, seconds)) == rows


def test_of_nothing_there_is_nothing(broken: Samples) -> None:
    assert len(first_seconds(broken[:0], 1.0)) == 0
