"""What the tests of recordings share."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from edgeemg.dsp.samples import Event, Recording, Samples

CYTON_COUNT = 4.5 / 24 / (2**23 - 1) * 1e6


@pytest.fixture
def cyton_recording() -> Callable[..., Recording]:
    """A builder: whole Cyton counts with a break in time after row 300, two labels, 2 channels."""

    def build(**changes: Any) -> Recording:
        rng = np.random.default_rng(4)
        counts = rng.integers(-(2**23) + 1, 2**23 - 1, (611, 2))
        microvolts = (counts * CYTON_COUNT).astype(np.float32)
        index = np.arange(40, 651, dtype=np.int64)
        index[300:] += 77
        recording = Recording(
            samples=Samples(microvolts, 250.0, index, np.ones(counts.shape, dtype=np.bool_)),
            events=(Event(40, 200, "não"), Event(250, 250, "rest")),
            channels=("chin", "throat"),
            subject="01",
            session="A",
            task="silent",
            run="",
            mains_hz=50.0,
            generated=False,
            about={"MicrovoltsPerCount": CYTON_COUNT, "License": "CC0-1.0"},
        )
        return replace(recording, **changes)

    return build
