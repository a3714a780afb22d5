"""What happened in the loop, in numbers: nothing is lost without being counted here."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np


@dataclass(slots=True)
class Health:
    """Counters of one run of the loop; `recent_latency_ms` holds the last thousand hops."""

    samples: int = 0
    breaks: int = 0
    missing_samples: int = 0
    dropped_samples: int = 0  # of those missing: the loop was too slow for them
    waiting_samples: int = 0  # not of `samples`: read, and not heard any more when it ended
    bridged_samples: int = 0
    unusable_samples: int = 0
    windows: int = 0
    untrusted_windows: int = 0
    decisions: int = 0
    recent_latency_ms: deque[float] = field(default_factory=lambda: deque(maxlen=1000))

    def summary(self) -> dict[str, float | int]:
        """The counters as one flat object; latencies only where there were any."""
        counters: dict[str, float | int] = {
            "samples": self.samples,
            "breaks": self.breaks,
            "missing_samples": self.missing_samples,
            "dropped_samples": self.dropped_samples,
            "waiting_samples": self.waiting_samples,
            "bridged_samples": self.bridged_samples,
            "unusable_samples": self.unusable_samples,
            "windows": self.windows,
            "untrusted_windows": self.untrusted_windows,
            "decisions": self.decisions,
        }
        if self.recent_latency_ms:
            p50, p99 = np.percentile(self.recent_latency_ms, [50, 99])
            counters["latency_p50_ms"] = round(float(p50), 3)
            counters["latency_p99_ms"] = round(float(p99), 3)
        return counters
