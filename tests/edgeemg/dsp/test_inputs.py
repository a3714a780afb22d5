from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.dsp.gaps import bridged, longest_bridge
from edgeemg.dsp.inputs import FrontEnd, ModelInput, filtered, scaled
from edgeemg.dsp.samples import Samples
from edgeemg.manifest import Manifest


def stream(
    *, n: int = 600, first_index: int = 0, breaks: dict[int, int] | None = None, seed: int = 0
) -> Samples:
    """Noise on electrode offsets, two channels; `breaks` are steps in the index by row."""
    rng = np.random.default_rng(seed)
    values = (rng.uniform(-30_000, 30_000, 2) + rng.normal(0, 20, (n, 2))).astype(np.float32)
    step = np.ones(n, np.int64)
    for row, lost in (breaks or {}).items():
        step[row] += lost
    index = first_index - 1 + np.cumsum(step)
    return Samples(values, 250.0, index, rng.random((n, 2)) > 0.1)


def inputs_of(manifest: Manifest, chunks: list[Samples]) -> list[ModelInput]:
    front_end = FrontEnd(manifest)
    return [one for chunk in chunks for one in front_end.feed(chunk)]


def bits(inputs: list[ModelInput]) -> list[tuple[int, float, bytes]]:
    return [(one.index, one.valid, one.values.tobytes()) for one in inputs]


@given(data=st.data(), first_index=st.sampled_from([0, 17, 2**31 - 100, 2**45 + 11]))
def test_any_chunking_gives_bit_identical_model_inputs(
    plain_manifest: Manifest, data: st.DataObject, first_index: int
) -> None:
    breaks = data.draw(st.dictionaries(st.integers(0, 599), st.integers(1, 1000), max_size=3))
    whole = stream(first_index=first_index, breaks=breaks)
    for row in data.draw(st.sets(st.integers(0, 599), max_size=3)):
        whole.microvolts[row, row % 2] = np.nan
    cuts = sorted(data.draw(st.sets(st.integers(0, 600), max_size=20)))
    chunks = [whole[a:b] for a, b in pairwise([0, *cuts, 600])]
    if data.draw(st.booleans()):  # as a sensor's channels are picked: another memory order
        chunks = [chunk.columns([0, 1]) for chunk in chunks]
    wanted = inputs_of(plain_manifest, [whole])
    assert wanted
    assert bits(inputs_of(plain_manifest, chunks)) == bits(wanted)


def test_one_sample_at_a_time_gives_bit_identical_model_inputs(plain_manifest: Manifest) -> None:
    whole = stream(breaks={250: 7})
    singles = [whole[n : n + 1] for n in range(len(whole))]
    assert bits(inputs_of(plain_manifest, singles)) == bits(inputs_of(plain_manifest, [whole]))


def test_what_the_device_sees_is_what_training_saw(plain_manifest: Manifest) -> None:
    whole = stream(breaks={250: 7})
    trained_on = filtered(whole, [band.sections for band in plain_manifest.bands])
    row = {int(n): r for r, n in enumerate(whole.index)}
    inputs = inputs_of(plain_manifest, [whole])
    assert len(inputs) == 16
    for one in inputs:
        last = row[one.index]
        window = trained_on.microvolts[None, last - 69 : last + 1]
        wanted = scaled(window, scale=plain_manifest.scale, clip=plain_manifest.clip)
        assert one.values.shape == plain_manifest.input_shape
        assert one.values.dtype == np.float32
        assert one.values.flags.c_contiguous
        np.testing.assert_allclose(one.values, wanted, rtol=1e-5, atol=1e-5)
        worst = whole.valid[last - 69 : last + 1].mean(axis=0).min()
        assert one.valid == pytest.approx(worst)


@pytest.mark.parametrize("first_index", [0, 1, 29, 30, 2**31 + 7])
def test_inputs_end_a_window_after_multiples_of_the_hop(
    plain_manifest: Manifest, first_index: int
) -> None:
    last = first_index + 299
    ends = [
        one.index for one in inputs_of(plain_manifest, [stream(n=300, first_index=first_index)])
    ]
    assert ends == [n for n in range(first_index + 69, last + 1) if (n + 1 - 70) % 30 == 0]


def test_an_input_comes_with_the_sample_that_completes_it(plain_manifest: Manifest) -> None:
    front_end, whole = FrontEnd(plain_manifest), stream(n=300)
    for n in range(300):
        arrived = replace(whole[n : n + 1], arrived_s=float(n))
        for one in front_end.feed(arrived):
            assert one.index == n
            assert one.arrived_s == n


def test_no_window_and_no_filter_state_crosses_a_break(plain_manifest: Manifest) -> None:
    before, after = stream(n=200), stream(n=200, first_index=230, seed=1)
    both = inputs_of(plain_manifest, [before, after])
    assert bits(both) == bits(
        inputs_of(plain_manifest, [before]) + inputs_of(plain_manifest, [after])
    )
    assert not any(200 <= one.index < 230 + 69 for one in both)


def test_a_jump_back_onto_the_next_hop_is_a_break_for_a_stream_too(
    plain_manifest: Manifest,
) -> None:
    front_end = FrontEnd(plain_manifest, newest_hop=True)
    before = list(front_end.feed(stream(n=100)))
    after = list(front_end.feed(stream(n=100, first_index=60, seed=1)))
    assert [one.index for one in before] == [69, 99]
    assert [one.index for one in after] == [129, 159]  # 129 is one hop after 99
    assert [one.values.shape[-1] for one in (*before, *after)] == [70, 30, 70, 30]


def test_samples_that_follow_do_keep_the_state(plain_manifest: Manifest) -> None:
    whole = stream(n=400)
    late = inputs_of(plain_manifest, [whole[200:]])[0]
    (kept,) = (one for one in inputs_of(plain_manifest, [whole]) if one.index == late.index)
    assert not np.allclose(late.values, kept.values, atol=1e-3)


def test_rows_that_are_not_finite_are_counted_and_break_time(plain_manifest: Manifest) -> None:
    whole = stream(n=400)
    whole.microvolts[150, 0] = np.nan
    whole.microvolts[151, 1] = np.inf
    assert longest_bridge(250.0) == 1
    front_end = FrontEnd(plain_manifest)
    with_holes = list(front_end.feed(whole))
    assert (front_end.unusable, front_end.bridged) == (2, 0)
    parts = inputs_of(plain_manifest, [whole[:150], whole[152:]])
    assert bits(with_holes) == bits(parts)
    assert all(np.isfinite(one.values).all() for one in with_holes)
    assert not any(150 <= one.index < 152 + 69 for one in with_holes)


def test_one_lost_sample_breaks_nothing_and_is_not_trusted(plain_manifest: Manifest) -> None:
    whole = stream(n=400)
    whole.microvolts[150, 0] = np.nan
    front_end = FrontEnd(plain_manifest)
    made = list(front_end.feed(whole[:300])) + list(front_end.feed(whole[301:]))
    assert (front_end.unusable, front_end.bridged) == (0, 2)
    assert [one.index for one in made] == list(range(69, 400, 30))
    mended = bridged(whole)
    assert not mended.valid[150, 0]
    over = next(one for one in made if one.index == 159)
    assert over.valid == pytest.approx(mended.valid[90:160].mean(axis=0).min())


def test_a_bridge_disturbs_a_window_less_than_a_new_start(plain_manifest: Manifest) -> None:
    whole = stream(n=400)
    kept = np.arange(400) != 300
    lossy = Samples(whole.microvolts[kept], 250.0, whole.index[kept], whole.valid[kept])
    true, over = inputs_of(plain_manifest, [whole])[-1], inputs_of(plain_manifest, [lossy])[-1]
    anew = inputs_of(plain_manifest, [whole[301:]])[-1]
    assert true.index == over.index == anew.index == 399
    assert np.abs(over.values - true.values).max() < np.abs(anew.values - true.values).max()


def test_only_rows_that_are_not_finite_are_counted(plain_manifest: Manifest) -> None:
    front_end = FrontEnd(plain_manifest)
    list(front_end.feed(stream()))
    list(front_end.feed(stream()[:0]))
    assert front_end.unusable == 0


def test_a_hop_of_many_seconds_needs_no_matrix_of_that_size(plain_manifest: Manifest) -> None:
    long = replace(plain_manifest, window_samples=200_000, hop_samples=100_000)
    (one, other) = inputs_of(long, [stream(n=300_000)])
    assert (one.index, other.index) == (199_999, 299_999)


def test_scaling_divides_by_channel_and_clips() -> None:
    windows = np.array([[[10.0, 10.0], [-30.0, 1000.0], [5.0, -1000.0]]])  # (1, time, channel)
    inputs = scaled(windows, scale=(10.0, 20.0), clip=4.0)
    assert inputs.tolist() == [[[1.0, -3.0, 0.5], [0.5, 4.0, -4.0]]]
    assert inputs.dtype == np.float32


def test_a_whole_recording_is_filtered_anew_after_each_break(plain_manifest: Manifest) -> None:
    sections = [band.sections for band in plain_manifest.bands]
    whole = stream(breaks={250: 7})
    out = filtered(whole, sections)
    assert out.microvolts.shape == (600, 4)
    assert np.array_equal(out.index, whole.index)
    assert np.array_equal(out.valid, np.hstack([whole.valid, whole.valid]))
    assert np.array_equal(out.microvolts[250:], filtered(whole[250:], sections).microvolts)
    assert np.abs(out.microvolts[[0, 250]]).max() < 1e-3  # the state starts at the first sample


def test_an_empty_recording_filters_to_an_empty_one(plain_manifest: Manifest) -> None:
    out = filtered(stream()[:0], [band.sections for band in plain_manifest.bands])
    assert out.microvolts.shape == (0, 4)
