"""One file of a bundle in; marks at the end of every stage out, inside the emulated process.

`python -m edgeemg.profiler.guest_stages BUNDLE ENGINE PRECISION HOPS`
"""

import sys
from pathlib import Path

from edgeemg.errors import EdgeEmgError
from edgeemg.profiler.guest import settle
from edgeemg.profiler.marks import EMPTY, STAGE, START, mark
from edgeemg.profiler.stages import LAPS, Pipeline
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import open_engine


def count(folder: Path, engine: str, precision: str, *, hops: int) -> None:
    """Open the file, warm up, and take so many hops, a mark a stage."""
    bundle = open_bundle(folder)
    pipeline = Pipeline(bundle.manifest, open_engine(bundle, engine, precision))
    labels = {name: STAGE + place for place, name in enumerate(LAPS)}
    settle()
    mark(EMPTY)
    mark(EMPTY)
    mark(START)
    for _ in range(hops):
        pipeline.hop(lambda name: mark(labels[name]))


def _main(folder: str, engine: str, precision: str, hops: str) -> None:
    try:
        count(Path(folder), engine, precision, hops=int(hops))
    except EdgeEmgError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _main(*sys.argv[1:])
