"""A recording through the loop once in, its hops out; hops and other settings in, decisions out.

The engine is what takes time. What it said at every hop is kept, and any settings are tried on
it through the smoother and the gate that a live run uses.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edgeemg.dsp.samples import Samples
from edgeemg.manifest import DecisionSettings, Manifest
from edgeemg.runtime.decisions import Gate, Opinion, Smoother
from edgeemg.runtime.engines import Engine
from edgeemg.runtime.health import Health
from edgeemg.runtime.loop import listen


@dataclass(frozen=True, slots=True, eq=False)
class Hop:
    """One window's logits (class,), the sensor's index of its last sample, and whether it is
    to be trusted (no channel off)."""

    logits: NDArray[np.float32]
    sample_index: int
    trusted: bool


def hear(
    source: Iterable[Samples], engine: Engine, manifest: Manifest, *, health: Health
) -> list[Hop]:
    """Every hop of a source, in order, from the loop that runs live; `health` counts as there."""
    said = listen(source, engine, manifest, health=health)
    return [Hop(one.logits, one.sample_index, one.trusted) for one in said]


def opinions(hops: Iterable[Hop], manifest: Manifest, smoothing_hops: int) -> list[Opinion]:
    """The opinions that a gate could let pass, of hops in order."""
    smoother = Smoother(manifest, smoothing_hops)
    heard = (smoother.feed(one.logits, one.sample_index, trusted=one.trusted) for one in hops)
    # a gate forgets what it does not let pass, so that leaving it out changes nothing
    return [one for one in heard if one.agreeing and one.label != manifest.rest_label]


def decisions(
    heard: Sequence[Opinion], manifest: Manifest, settings: DecisionSettings
) -> list[Opinion]:
    """The opinions that are decisions; `heard` comes from `opinions` with the same smoothing."""
    gate = Gate(manifest, settings)
    return [one for one in heard if gate.passes(one)]
