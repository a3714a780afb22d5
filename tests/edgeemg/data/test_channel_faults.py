"""Flat and railed channels are named, and one rule decides for a whole import."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.data.channel_faults import fault_of, without_bad_channels
from edgeemg.dsp.samples import Recording, Samples
from edgeemg.errors import RecordingError

Build = Callable[..., Recording]


@pytest.fixture
def with_flat(cyton_recording: Build) -> Callable[..., Recording]:
    """A recording in which the named channels are flat."""

    def build(*flat: str, task: str = "t") -> Recording:
        recording = cyton_recording(task=task)
        microvolts = recording.samples.microvolts.copy()
        for name in flat:
            microvolts[:, recording.channels.index(name)] = 12.0
        return replace(recording, samples=replace(recording.samples, microvolts=microvolts))

    return build


def test_faults_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(1000).astype(np.float32)
    assert fault_of(noise) == ""
    assert fault_of(np.full(9, -187500.02, dtype=np.float32)) == "flat at -187500.02 uV"
    assert fault_of(np.minimum(noise, -0.5)).startswith("railed: 6")
    assert fault_of(np.minimum(noise, 0.5)) == ""  # 31 % at one extreme


def test_a_channel_bad_in_half_of_the_recordings_is_left_out_of_all(
    with_flat: Callable[..., Recording],
) -> None:
    kept, dropped = without_bad_channels([with_flat("throat"), with_flat()], keep=False)
    assert dropped == {"throat": "flat at 12.00 uV (bad in 1 of 2 recordings)"}
    for one in kept:
        assert one.channels == ("chin",)
        assert one.samples.microvolts.shape == one.samples.valid.shape == (611, 1)
        assert one.samples.valid.all()
        assert one.about["DroppedChannels"] == dropped


def test_a_channel_bad_in_few_is_kept_and_invalid_there(
    with_flat: Callable[..., Recording],
) -> None:
    recordings = [with_flat("throat"), with_flat(), with_flat()]
    kept, dropped = without_bad_channels(recordings, keep=False)
    assert dropped == {}
    assert [one.channels for one in kept] == [("chin", "throat")] * 3
    assert [one.samples.valid.all(axis=0).tolist() for one in kept] == [
        [True, False],
        [True, True],
        [True, True],
    ]
    assert kept[0].about["InvalidChannels"] == {"throat": "flat at 12.00 uV"}
    assert "InvalidChannels" not in kept[1].about


def test_bad_channels_can_be_kept_and_are_named(with_flat: Callable[..., Recording]) -> None:
    kept, dropped = without_bad_channels([with_flat("chin", "throat")], keep=True)
    assert dropped == {}
    assert kept[0].channels == ("chin", "throat")
    assert kept[0].samples.valid.all()
    assert set(kept[0].about["KeptBadChannels"]) == {"chin", "throat"}


def test_no_good_channel_is_an_error(with_flat: Callable[..., Recording]) -> None:
    with pytest.raises(RecordingError, match="--keep-bad-channels"):
        without_bad_channels([with_flat("chin", "throat")], keep=False)


def test_recordings_with_different_channels_are_an_error(
    cyton_recording: Build,
) -> None:
    other = cyton_recording(
        samples=Samples.contiguous(np.zeros((9, 2)), 250), channels=("nose", "ear")
    )
    with pytest.raises(RecordingError, match="same channels"):
        without_bad_channels([cyton_recording(), other], keep=False)
    assert without_bad_channels([], keep=False) == ([], {})
