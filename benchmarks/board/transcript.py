"""Steps and what they found in; lines as they happen, a JSON file and a table, out."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.board.rig import Facts
from edgeemg.errors import EdgeEmgError

EMULATED = (
    "emulated: Debian arm64 in qemu-system-aarch64; it shows that the parts work together, "
    "and no time here is a board's"
)


@dataclass(frozen=True, slots=True)
class Step:
    """One step. `host_s` is what it took on the machine that emulates; no board's time."""

    title: str
    passed: bool
    host_s: float
    facts: Facts
    why: str = ""


@dataclass(slots=True)
class Transcript:
    """What was run on what, and every step's outcome."""

    about: dict[str, Any]
    steps: list[Step] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.passed for step in self.steps)

    def take(self, title: str, run: Callable[[], Facts]) -> Step:
        """Run one step; an error of ours fails it, any other is a mistake in this test."""
        began_s = time.monotonic()
        facts: Facts = {}
        why = ""
        try:
            facts = run()
        except EdgeEmgError as error:
            why = str(error)
        step = Step(title, not why, round(time.monotonic() - began_s, 1), facts, why)
        self.steps.append(step)
        return step

    def write(self, path: Path) -> None:
        """As JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        told = {
            "what": EMULATED,
            "passed": self.passed,
            "steps_host_s": round(sum(step.host_s for step in self.steps), 1),
            **self.about,
            "steps": [asdict(step) for step in self.steps],
        }
        path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def as_lines(step: Step) -> list[str]:
    """One step for a terminal."""
    head = f"{'ok' if step.passed else 'FAIL':<5} {step.title} ({step.host_s:.0f} s of the host)"
    why = [f"      {step.why}"] if step.why else []
    return [head, *why, *(f"      {name}: {fact}" for name, fact in step.facts.items())]


def as_table(transcript: Transcript) -> list[str]:
    """All steps as a table for a page."""
    rows = [f"Emulated, {transcript.about['date']}, commit {transcript.about['commit']}."]
    rows += ["", "| step | result | what was found |", "|---|---|---|"]
    for step in transcript.steps:
        found = "; ".join(f"{name}: {fact}" for name, fact in step.facts.items()) or step.why
        rows.append(f"| {step.title} | {'passed' if step.passed else 'failed'} | {_cell(found)} |")
    return rows


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")
