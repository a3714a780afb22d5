from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy import signal
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from edgeemg.data.bdf import LARGEST_COUNT
from edgeemg.data.bids import read_recording, write_recording
from edgeemg.data.cyton import MICROVOLTS_PER_COUNT
from edgeemg.data.event_rows import REST
from edgeemg.data.sidecars import GENERATED_WARNING
from edgeemg.data.synth import ELECTRODES, make_recordings
from edgeemg.dsp.samples import Recording
from edgeemg.errors import RecordingError


@pytest.fixture(scope="module")
def recording() -> Recording:
    return next(make_recordings())


def muscle_band(recording: Recording) -> np.ndarray:
    """(time, channel) 20-110 Hz without mains."""
    rate_hz = recording.samples.sample_rate_hz
    x = recording.samples.microvolts.astype(np.float64)
    sections = [signal.butter(2, (20, 110), "bandpass", fs=rate_hz, output="sos")]
    sections += [signal.tf2sos(*signal.iirnotch(hum, 10, rate_hz)) for hum in (50, 100)]
    return signal.sosfiltfilt(np.vstack(sections), x - x[0], axis=0)


def features(recording: Recording) -> tuple[np.ndarray, np.ndarray]:
    """Log-variance of 5 segments of each event of 1.25 s; the first and last rest left out."""
    y = muscle_band(recording)
    events = recording.events[1:-1]
    cut = np.stack([y[event.index :][:310] for event in events])
    variance = cut.reshape(len(events), 5, 62, -1).var(axis=2)
    return np.log(variance).reshape(len(events), -1), np.array([event.label for event in events])


def accuracy(train: tuple[np.ndarray, np.ndarray], test: tuple[np.ndarray, np.ndarray]) -> float:
    """Balanced: the mean over labels."""
    lda = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage="auto", priors=np.full(len(set(train[1])), 1 / len(set(train[1])))
    ).fit(*train)
    right = lda.predict(test[0]) == test[1]
    return float(np.mean([right[test[1] == label].mean() for label in np.unique(test[1])]))


def blocked(values: np.ndarray, labels: np.ndarray) -> float:
    """Five time-contiguous folds."""
    fold = np.arange(len(labels)) * 5 // len(labels)
    return float(
        np.mean(
            [
                accuracy(
                    (values[fold != one], labels[fold != one]),
                    (values[fold == one], labels[fold == one]),
                )
                for one in range(5)
            ]
        )
    )


def test_a_recording_says_that_it_is_generated(recording: Recording) -> None:
    assert recording.generated
    assert recording.name == "sub-gen01_ses-1_task-silent"
    assert recording.mains_hz == 50
    assert recording.about["DatasetName"] == "GENERATED surface EMG, seed 0"
    assert recording.about["License"] == "CC0-1.0"
    assert recording.about["Seed"] == 0
    assert recording.about["GeneratorVersion"]
    assert recording.about["Warnings"] == [GENERATED_WARNING]
    assert recording.channels == tuple(ELECTRODES)[:8]
    assert recording.samples.microvolts.shape[1] == 8
    assert recording.samples.valid.all()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not() -> None:
    one, again, other = (next(make_recordings(repetitions=2, seed=seed)) for seed in (5, 5, 6))
    assert one.samples.microvolts.tobytes() == again.samples.microvolts.tobytes()
    assert one.events == again.events
    assert one.samples.microvolts.tobytes() != other.samples.microvolts.tobytes()


def test_more_people_and_sessions_leave_the_first_ones_as_they_were() -> None:
    few = {one.name: one for one in make_recordings(subjects=1, sessions=1, repetitions=1)}
    many = {one.name: one for one in make_recordings(subjects=2, sessions=2, repetitions=1)}
    assert list(many) == [
        f"sub-{subject}_ses-{session}_task-silent"
        for subject in ("gen01", "gen02")
        for session in ("1", "2")
    ]
    for name, recording in few.items():
        np.testing.assert_array_equal(recording.samples.microvolts, many[name].samples.microvolts)
    assert len({one.samples.microvolts.tobytes() for one in many.values()}) == 4


def test_every_value_is_a_whole_count_that_a_cyton_can_send(recording: Recording) -> None:
    counts = recording.samples.microvolts.astype(np.float64) / MICROVOLTS_PER_COUNT
    whole = np.rint(counts)
    # float32 holds microvolts to better than half a count: the count comes back
    assert np.abs(counts - whole).max() < 0.1
    sent = (whole * MICROVOLTS_PER_COUNT).astype(np.float32)
    np.testing.assert_array_equal(sent, recording.samples.microvolts)
    assert np.abs(whole).max() < LARGEST_COUNT


def test_a_recording_comes_back_from_disk_as_it_was(tmp_path: Path) -> None:
    recording = next(make_recordings(repetitions=1))
    again = read_recording(write_recording(recording, tmp_path))
    np.testing.assert_array_equal(again.samples.microvolts, recording.samples.microvolts)
    assert again.events == recording.events
    assert again.channels == recording.channels
    assert again.generated
    assert again.about.items() >= recording.about.items()


def test_events_cover_the_recording_without_gap_or_overlap(recording: Recording) -> None:
    at = 0
    for event in recording.events:
        assert event.index == at
        assert event.length > 0
        at += event.length
    assert at == len(recording.samples)


def test_words_are_balanced_and_rest_lies_between(recording: Recording) -> None:
    labels = [event.label for event in recording.events]
    assert set(labels[::2]) == {REST}
    assert Counter(labels[1::2]) == {"up": 20, "down": 20, "left": 20, "right": 20}


def test_any_number_of_words_has_names() -> None:
    recording = next(make_recordings(words=30, repetitions=1, channels=2))
    assert len({event.label for event in recording.events} - {REST}) == 30


@pytest.mark.parametrize("sample_rate_hz", [100.0, 137.5, 1000.0, 2000.0])
def test_a_session_lasts_the_same_at_any_rate(sample_rate_hz: float) -> None:
    usual = next(make_recordings(repetitions=1))
    other = next(make_recordings(repetitions=1, sample_rate_hz=sample_rate_hz))
    assert other.samples.sample_rate_hz == sample_rate_hz
    assert len(other.samples) / sample_rate_hz == pytest.approx(len(usual.samples) / 250, abs=0.02)
    assert len(other.events) == len(usual.events)
    for one, same in zip(other.events, usual.events, strict=True):
        assert one.label == same.label
        assert one.index / sample_rate_hz == pytest.approx(same.index / 250, abs=0.02)


def test_the_same_muscles_are_heard_at_any_rate() -> None:
    slow, fast = (
        next(make_recordings(repetitions=3, sample_rate_hz=rate_hz)) for rate_hz in (250, 1000)
    )
    levels = [muscle_band(one).std(axis=0) for one in (slow, fast)]
    np.testing.assert_allclose(levels[1], levels[0], rtol=0.35)  # 250 Hz droops
    assert [event.label for event in slow.events] == [event.label for event in fast.events]


def test_mains_hum_is_the_highest_line_above_10_hz(recording: Recording) -> None:
    frequency_hz, power = signal.welch(recording.samples.microvolts, 250, nperseg=500, axis=0)
    above = frequency_hz > 10
    assert (frequency_hz[above][power[above].argmax(axis=0)] == 50).all()


def test_electrodes_have_offsets_of_thousands_of_microvolts() -> None:
    offsets = [
        np.abs(one.samples.microvolts.mean(axis=0))
        for one in make_recordings(subjects=4, repetitions=1)
    ]
    assert np.median(offsets) > 2000


def test_muscles_are_louder_in_words_than_at_rest(recording: Recording) -> None:
    y = muscle_band(recording)
    levels = np.array(
        [y[one.index : one.index + one.length].std(axis=0) for one in recording.events]
    )
    resting = np.array([event.label == REST for event in recording.events])
    # medians: a pop of an electrode is louder than any word
    ratio = np.median(levels[~resting], axis=0) / np.median(levels[resting], axis=0)
    assert (ratio > 1.1).all()
    assert ratio.max() > 1.5
    assert ratio.max() < 8


def test_words_can_be_told_apart_but_not_without_error(recording: Recording) -> None:
    assert 0.75 < blocked(*features(recording)) < 0.98  # chance is 0.2


def test_labels_that_mean_nothing_score_at_chance(recording: Recording) -> None:
    values, labels = features(recording)
    shuffled = np.random.default_rng(0).permutation(labels)
    assert blocked(values, shuffled) < 0.4


def test_a_model_of_one_person_does_clearly_worse_on_another() -> None:
    one, other = (features(recording) for recording in make_recordings(subjects=2))
    assert accuracy(one, other) < blocked(*one) - 0.2


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"subjects": 0}, "subjects"),
        ({"sessions": 0}, "sessions"),
        ({"repetitions": 0}, "repetitions"),
        ({"words": 1}, "words"),
        ({"words": 101}, "words"),
        ({"channels": 0}, "channels"),
        ({"channels": 17}, "channels"),
        ({"sample_rate_hz": 99.0}, "sample_rate_hz"),
        ({"sample_rate_hz": float("nan")}, "sample_rate_hz"),
        ({"seed": -1}, "seed"),
        ({"words": 50, "repetitions": 21}, "more sessions"),
    ],
)
def test_an_argument_out_of_range_is_named_before_anything_is_made(
    wrong: dict[str, int], named: str
) -> None:
    with pytest.raises(RecordingError, match=named):
        make_recordings(**wrong)
