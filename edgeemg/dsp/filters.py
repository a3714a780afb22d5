"""Raw samples in, causally filtered samples out; the state goes on from block to block.

A cascade of second-order sections is one linear system with 2 states a section. Over a block
of N samples it is exactly

    y  = H x + O z        H (N, N) lower-triangular Toeplitz of the impulse response, O (N, states)
    z' = A^N z + R x      R (states, N)

so a block costs two small matrix products instead of a loop over samples. The matrices depend
only on the sections and are made once. Sections come from the host; nothing is designed here.
Form: transposed direct form II, as in scipy.signal.sosfilt; equal to it to rounding.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from edgeemg.errors import ManifestError

_BLOCK = 64  # samples a matrix product covers; longer input is walked in blocks of this length


class CausalFilter:
    """Second-order sections over (time, channel), with state.

    sections  (n, 6) rows of b0 b1 b2 a0 a1 a2, a0 = 1; no rows passes samples through
    block     longest stretch that one matrix product covers, samples

    Any chunking of the same samples gives the same output. The state starts from the first
    sample as if it had been there for ever, so that an electrode offset of thousands of
    microvolts makes no transient.
    """

    def __init__(self, sections: ArrayLike, *, block: int = _BLOCK) -> None:
        sos = _sections(sections)
        _check(sos)
        if block < 1:
            raise ValueError(f"block must be at least 1 sample, got {block}")
        self._block = block
        a, b, c, d = _state_space(sos)
        powers = _powers(a, block)
        self._powers = powers  # (block + 1, states, states)
        self._observe = np.einsum("s,kst->kt", c, powers[:-1])  # row k: C A^k
        reach: NDArray[np.float64] = np.einsum("kst,t->sk", powers[:-1], b)  # column k: A^k B
        self._reach = np.ascontiguousarray(reach[:, ::-1])
        impulse = np.concatenate([[d], self._observe[:-1] @ b])
        lag = np.subtract.outer(np.arange(block), np.arange(block))
        self._response = np.where(lag >= 0, impulse[np.abs(lag)], 0.0)
        self._resting = np.linalg.solve(np.eye(len(a)) - a, b)  # state under a constant input of 1
        self._state: NDArray[np.float64] | None = None  # (states, channel)

    def reset(self) -> None:
        """Forget the past: the next sample starts the state anew."""
        self._state = None

    def process(self, microvolts: NDArray[np.floating]) -> NDArray[np.float32]:
        """(time, channel) -> (time, channel) float32, filtered; keeps the state."""
        if not len(microvolts):
            return np.zeros(microvolts.shape, dtype=np.float32)
        if self._state is None:
            self._state = np.outer(self._resting, microvolts[0].astype(np.float64))
        if self._state.shape[1] != microvolts.shape[1]:
            raise ValueError(
                f"the filter runs on {self._state.shape[1]} channels, got {microvolts.shape[1]}"
            )
        filtered = np.empty(microvolts.shape, dtype=np.float32)
        for start in range(0, len(microvolts), self._block):
            # in one memory order: a product's rounding may depend on it
            block = microvolts[start : start + self._block].astype(np.float64, order="C")
            filtered[start : start + self._block] = self._step(block, self._state)
        return filtered

    def _step(self, block: NDArray[np.float64], state: NDArray[np.float64]) -> NDArray[np.float64]:
        n = len(block)
        out: NDArray[np.float64] = self._response[:n, :n] @ block + self._observe[:n] @ state
        self._state = self._powers[n] @ state + self._reach[:, self._block - n :] @ block
        return out


class FilterBank:
    """One or several causal bands over the same channels, side by side.

    process: (time, channel) microvolts -> (time, band * channel), band-major.
    """

    def __init__(self, bands: Sequence[ArrayLike], *, block: int = _BLOCK) -> None:
        if not bands:
            raise ManifestError("a front end needs at least one band of filter sections, got none")
        self._filters = [CausalFilter(sections, block=block) for sections in bands]

    def reset(self) -> None:
        """Forget the past in every band."""
        for band in self._filters:
            band.reset()

    def process(self, microvolts: NDArray[np.floating]) -> NDArray[np.float32]:
        """(time, channel) -> (time, band * channel) float32."""
        if len(self._filters) == 1:
            return self._filters[0].process(microvolts)
        return np.concatenate([band.process(microvolts) for band in self._filters], axis=1)


def _sections(sections: ArrayLike) -> NDArray[np.float64]:
    try:
        sos: NDArray[np.float64] = np.asarray(sections, dtype=np.float64)
    except (ValueError, TypeError) as error:
        raise ManifestError(f"filter sections must be rows of 6 numbers ({error})") from error
    if not sos.size:
        return np.empty((0, 6))
    if sos.ndim != 2 or sos.shape[1] != 6:
        raise ManifestError(f"filter sections must be rows of 6 numbers, got shape {sos.shape}")
    return sos


def _check(sos: NDArray[np.float64]) -> None:
    if not np.isfinite(sos).all():
        raise ManifestError("filter sections must be finite numbers")
    if not (sos[:, 3] == 1).all():
        raise ManifestError("filter sections must have a0 = 1 (rows of b0 b1 b2 a0 a1 a2)")
    for row in sos:
        radius = float(np.abs(np.roots(row[3:])).max(initial=0.0))
        if radius >= 1:
            raise ManifestError(
                f"a filter section has a pole at radius {radius:.6f}: it would never settle"
            )


def _state_space(
    sos: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """The cascade as z' = A z + B x, y = C z + D x."""
    states = 2 * len(sos)
    a = np.zeros((states, states))
    b = np.zeros(states)
    c = np.zeros(states)  # C and D of the sections so far: the input of the next one
    d = 1.0
    for n, (b0, b1, b2, _, a1, a2) in enumerate(sos):
        one, two = 2 * n, 2 * n + 1
        # section: y = b0 u + z1;  z1' = (b1 - a1 b0) u - a1 z1 + z2;  z2' = (b2 - a2 b0) u - a2 z1
        into_one, into_two = b1 - a1 * b0, b2 - a2 * b0
        a[one] += into_one * c
        a[two] += into_two * c
        b[one] = into_one * d
        b[two] = into_two * d
        a[one, one] -= a1
        a[one, two] += 1.0
        a[two, one] -= a2
        c = b0 * c
        c[one] += 1.0
        d *= b0
    return a, b, c, float(d)


def _powers(a: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    powers = np.empty((n + 1, *a.shape))
    powers[0] = np.eye(len(a))
    for k in range(n):
        powers[k + 1] = a @ powers[k]
    return powers
