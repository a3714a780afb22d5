"""What goes on in the loop: what the model says hop by hop, and who looks on."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples
from edgeemg.runtime.decisions import Verdict


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What the model says of one window: logits (class,).

    sample_index  of the window's last sample, the sensor's own
    trusted       no channel is off in it
    arrived_s     as in Samples
    """

    logits: NDArray[np.float32]
    sample_index: int
    trusted: bool
    arrived_s: float


class Watcher(Protocol):
    """Somebody who looks on: a page, a watchdog. It returns at once and never raises."""

    def see(self, samples: Samples) -> None:
        """What came out of the source: (time, channel), the model's channels, not filtered.

        From a sensor it has no rows, twice a second, while nothing comes: time passes.
        """
        ...

    def hear(self, said: Said, verdict: Verdict, latency_ms: float) -> None:
        """What one hop said, and what was decided; latency_ms is NaN for a recording."""
        ...
