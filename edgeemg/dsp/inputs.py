"""Samples in, model inputs out: the front end, whole, as training and the device both run it.

It lives in dsp, not in the runtime, so that there is one copy of it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeemg.dsp.filters import FilterBank
from edgeemg.dsp.gaps import GapBridge, bridged
from edgeemg.dsp.samples import Samples
from edgeemg.dsp.windows import HopBlocks, Window, Windows
from edgeemg.manifest import Manifest

_LEAST_SCALE = 1e-3  # microvolts: a channel that is flat has a scale too


@dataclass(frozen=True, slots=True, eq=False)
class ModelInput:
    """values (1, band * channel, time) float32, ending at the sensor's sample `index`.

    valid is the share of valid samples in the window's worst channel (dsp.windows.trust).
    """

    values: NDArray[np.float32]
    index: int
    valid: float
    arrived_s: float


def scaled(
    windows: NDArray[np.floating], *, scale: Sequence[float], clip: float
) -> NDArray[np.float32]:
    """(window, time, channel) microvolts -> (window, channel, time), in units of scale, clipped."""
    divisor: NDArray[np.float32] = np.asarray(scale, dtype=np.float32)
    inputs = np.clip(windows / divisor, -clip, clip).transpose(0, 2, 1)
    return np.ascontiguousarray(inputs, dtype=np.float32)


def fitted_scale(windows: NDArray[np.floating]) -> tuple[float, ...]:
    """(window, time, channel) microvolts -> what `scaled` divides each channel by.

    Half the distance from the 16th to the 84th percentile: a sigma that pops do not move.
    """
    low, high = np.percentile(windows.reshape(-1, windows.shape[2]), [15.87, 84.13], axis=0)
    return tuple(max(float(one), _LEAST_SCALE) for one in (high - low) / 2)


def filtered(samples: Samples, bands: Sequence[ArrayLike]) -> Samples:
    """A whole recording through the bands, short gaps bridged; a break starts the filters anew.

    It has the rows of `dsp.gaps.bridged`: those that are whole, and those that were filled.
    """
    samples = bridged(samples)
    bank = FilterBank(bands)
    values = np.empty((len(samples), len(bands) * samples.n_channels), dtype=np.float32)
    row = 0
    for run in samples.runs():
        bank.reset()
        values[row : row + len(run)] = bank.process(run.microvolts)
        row += len(run)
    return Samples(
        values, samples.sample_rate_hz, samples.index, np.tile(samples.valid, (1, len(bands)))
    )


class FrontEnd:
    """Samples as they arrive in, model inputs out, one every hop.

    Short gaps are bridged and counted (dsp.gaps). Rows that are not finite and not mended are
    left out and counted in `unusable`: they are a break in time, as lost samples are, and no
    window and no filter state crosses one.

    newest_hop  for a model that keeps what it saw: of a window that directly follows the last one
                only the newest hop is given; of the first one, and after a break, all of it
    """

    def __init__(self, manifest: Manifest, *, newest_hop: bool = False) -> None:
        self._hop = manifest.hop_samples
        self._newest_hop = newest_hop
        self._given_index: int | None = None
        self._scale = manifest.scale
        self._clip = manifest.clip
        self._blocks = HopBlocks(manifest.hop_samples, phase=manifest.window_samples)
        self._bank = FilterBank([band.sections for band in manifest.bands])
        self._windows = Windows(manifest.window_samples, manifest.hop_samples)
        self._last_index: int | None = None
        self._bridge = GapBridge()

    @property
    def bridged(self) -> int:
        """Rows that were filled, or mended where a value was not finite."""
        return self._bridge.bridged

    @property
    def unusable(self) -> int:
        """Rows that came with a value that is not finite and were left out."""
        return self._bridge.unusable

    def feed(self, samples: Samples) -> Iterator[ModelInput]:
        """Yield the inputs that these samples complete, oldest first."""
        yield from self._inputs(self._blocks.feed(self._bridge.feed(samples)))

    def _inputs(self, blocks: Iterable[Samples]) -> Iterator[ModelInput]:
        for block in blocks:
            if self._last_index is None or block.index[0] != self._last_index + 1:
                self._bank.reset()
                self._given_index = None
            self._last_index = int(block.index[-1])
            for window in self._windows.feed(self._filtered(block)):
                new = self._new(window)
                values = scaled(new[None], scale=self._scale, clip=self._clip)
                yield ModelInput(values, window.index, window.valid, window.arrived_s)

    def _new(self, window: Window) -> NDArray[np.float32]:
        """(time, channel): what of the window has to be given."""
        follows = self._given_index == window.index - self._hop
        self._given_index = window.index
        return window.values[-self._hop :] if follows and self._newest_hop else window.values

    def _filtered(self, block: Samples) -> Samples:
        return block.bands(self._bank.process(block.microvolts))
