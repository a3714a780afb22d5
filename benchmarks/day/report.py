"""What happened in a day in; the day as figures and as a table out."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Day:
    """What a day left behind.

    passed          samples that the world had, in all
    counters        what `edgeemg run` told at the end
    hops            that were told on stdout; `settled` of them are long enough after a break to be
                    held against the recording, and `differing` of those say something else
    resident_mb     at the end of each stretch between two faults: (samples, MB)
    first_mb        after the first minute of samples
    """

    seconds: float
    faults: dict[str, int] = field(default_factory=dict)
    passed: int = 0
    exit_code: int | None = None
    counters: dict[str, float] = field(default_factory=dict)
    log: str = ""
    hops: int = 0
    settled: int = 0
    differing: int = 0
    lines_in_file: int = 0
    broken_lines: int = 0
    heard_by_udp: int = 0
    resident_mb: list[tuple[int, float]] = field(default_factory=list)
    first_mb: float = 0.0
    took_s: float = 0.0

    @property
    def grown_mb(self) -> float:
        """The most that memory was above that after the first minute."""
        return max(mb for _, mb in self.resident_mb) - self.first_mb

    @property
    def counted(self) -> int:
        """Samples that were received or are counted as lost."""
        names = ("wire_received", "wire_lost", "wire_lost_in_outages")
        return int(sum(self.counters.get(one, 0) for one in names))


def table(day: Day) -> list[str]:
    """What a day left behind, as lines of a page."""
    told = day.counters
    faults = ", ".join(f"{n} x {kind}" for kind, n in sorted(day.faults.items()))
    rows = {
        "samples, as time": f"{day.seconds / 3600:g} h, in {day.took_s:.0f} s",
        "faults": f"{sum(day.faults.values())}: {faults}",
        "exit code at the end": str(day.exit_code),
        "samples that passed": f"{day.passed:,}",
        "received": f"{told['wire_received']:,.0f}",
        "lost on the wire, by the sensor's counter": f"{told['wire_lost']:,.0f}",
        "lost while the sensor was away": f"{told['wire_lost_in_outages']:,.0f}",
        "passed, and neither received nor counted as lost": f"{day.passed - day.counted:,}",
        "dropped by the loop": f"{told['dropped_samples']:,.0f}",
        "hops decided": f"{day.hops:,}",
        "of them held against the recording": f"{day.settled:,}",
        "of those that differ": f"{day.differing:,}",
        "memory after the first minute": f"{day.first_mb:.1f} MB",
        "most that it grew after that": f"{day.grown_mb:.2f} MB",
    }
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
