"""A bundle's folder and what was asked for in; what the loop runs, and why that, out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgeemg.cli.picking import pick
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.profiler.boards import this_board
from edgeemg.runtime.bundle import Bundle, open_bundle
from edgeemg.runtime.decisions import Decider
from edgeemg.runtime.engines import Engine, open_engine
from edgeemg.runtime.loop import Listener


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A bundle that is ready to run; `why` its engine and precision were taken."""

    bundle: Bundle
    engine: Engine
    settings: DecisionSettings
    why: str

    @property
    def manifest(self) -> Manifest:
        return self.bundle.manifest

    @property
    def about(self) -> str:
        """In one line: the bundle, its labels, and what runs."""
        labels = ", ".join(self.manifest.labels)
        return (
            f"{self.manifest.name}: {labels}; "
            f"{self.engine.name} {self.engine.precision}, {self.why}"
        )


@dataclass(frozen=True, slots=True, eq=False)
class Model:
    """Which bundle to run, and how.

    engine, precision  None: picked by what export chose for this board
    settings           the manifest -> the decision settings to run with
    """

    folder: Path
    engine: str | None = None
    precision: str | None = None
    settings: Callable[[Manifest], DecisionSettings] = lambda manifest: manifest.decision

    def load(self) -> Loaded:
        """Read, check and open it, as it is on disk now; any EdgeEmgError of what would run."""
        bundle = open_bundle(self.folder)
        picked = pick(
            bundle.manifest, engine=self.engine, precision=self.precision, board=this_board()
        )
        engine = open_engine(bundle, picked.engine, picked.precision)
        settings = self.settings(bundle.manifest)
        Decider(bundle.manifest, settings)  # what it refuses is refused before anything runs
        Listener(engine, bundle.manifest)
        return Loaded(bundle, engine, settings, picked.why)
