"""The spectrum in the network is the spectrum."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.train.models.fft_cnn import FftCnn, Spectrum


def hann(length):
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


@settings(deadline=None, max_examples=40)
@given(
    frame=st.integers(3, 70),
    hop=st.integers(1, 30),
    extra=st.integers(0, 90),
    channels=st.integers(1, 3),
)
def test_it_is_the_one_sided_spectrum_of_every_frame(frame, hop, extra, channels):
    x = np.random.default_rng(frame).standard_normal((2, channels, frame + extra))
    got = Spectrum(frame, hop)(torch.from_numpy(x.astype(np.float32))).numpy()
    starts = range(0, extra + 1, hop)
    assert got.shape == (2, channels * (frame // 2 + 1), len(starts))
    window = hann(frame) / hann(frame).sum()
    for n, start in enumerate(starts):
        expected = np.fft.rfft(x[..., start : start + frame] * window)  # (batch, channel, bin)
        wanted = np.concatenate([expected[..., :1].real, np.abs(expected[..., 1:])], axis=-1)
        # the floor under the root is 1e-3 of a unit
        np.testing.assert_allclose(got[..., n], wanted.reshape(2, -1), atol=1.1e-3)


@pytest.mark.parametrize("cycles", [1, 3, 10])
def test_a_sine_in_the_middle_of_a_bin_gives_half_its_amplitude(cycles):
    sine = 6 * np.sin(2 * np.pi * cycles * np.arange(50) / 50 + 0.7)
    spectrum = Spectrum(50, 12)(torch.from_numpy(sine.astype(np.float32))[None, None])
    assert float(spectrum[0, cycles, 0]) == pytest.approx(3, rel=1e-4)


def test_which_way_a_slow_movement_goes_is_kept():
    up = torch.full((1, 1, 50), 2.0)
    rows = [Spectrum(50, 12)(x)[0, :, 0] for x in (up, -up)]
    assert rows[0][0] == pytest.approx(2)
    assert rows[1][0] == pytest.approx(-2)
    torch.testing.assert_close(rows[0][1:], rows[1][1:])


def test_the_spectrum_is_not_trained_and_not_stored():
    model = FftCnn(2, 200, 6)
    assert not list(model.spectrum.parameters())
    assert not [name for name in model.state_dict() if name.startswith("spectrum")]
    before = model.spectrum.kernels.clone()
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model(torch.randn(4, 2, 200)).square().sum().backward()
    optimizer.step()
    assert torch.equal(model.spectrum.kernels, before)
