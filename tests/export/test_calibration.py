"""Ranges of tensors from windows."""

import numpy as np
import pytest

from edgeemg_export.calibration import off_scale, ranges


def windows(n=400):
    rng = np.random.default_rng(0)
    return [{"x": rng.uniform(-1, 1, (8, 50)).astype(np.float32)} for _ in range(n)]


def test_a_range_covers_what_nearly_all_windows_hold():
    (low, high) = ranges(windows())["x"]
    assert (low, high) == (pytest.approx(-1, abs=0.01), pytest.approx(1, abs=0.01))


def test_pops_in_single_windows_do_not_set_a_range():
    plain, popped = windows(), windows()
    popped[17]["x"] = popped[17]["x"] * 1000
    assert ranges(popped)["x"] == pytest.approx(ranges(plain)["x"], rel=0.01)


def test_a_corruption_in_every_window_is_not_hidden():
    corrupted = windows()
    for one in corrupted:
        one["x"][3] *= 1000
    assert ranges(corrupted)["x"][1] > 900


def test_every_tensor_has_its_own_range():
    both = [{"a": one["x"], "b": one["x"] * 3 + 1} for one in windows(50)]
    found = ranges(both)
    assert found["b"] == pytest.approx([3 * end + 1 for end in found["a"]], rel=1e-3)


def test_windows_beyond_the_clip_of_inputs_are_told():
    inputs = np.clip(np.random.default_rng(0).normal(0, 4, (5, 2, 50)), -8, 8).astype(np.float32)
    assert not off_scale(inputs, 8.0)
    inputs[:, 1] *= 1000
    assert off_scale(inputs, 8.0).startswith("calibration windows reach 8,000 where inputs are")
