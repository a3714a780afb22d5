"""`edgeemg calibrate`: from recordings and from a simulated sensor, and all that can be wrong."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.data.bids import find_recordings, read_recording, write_recording
from edgeemg.digests import sha256_of
from edgeemg.dsp.samples import Event, Recording, Samples
from edgeemg.manifest import read_manifest
from edgeemg.runtime.bundle import open_bundle
from edgeemg.runtime.engines import open_engine

LOUD = {"left": [60, 5, 5, 5], "rest": [5, 5, 5, 5], "right": [5, 5, 60, 5]}  # microvolts
LENGTH = 200  # samples of a trial


def a_day(*, repetitions=5, labels=("left", "rest", "right"), seed=0, loud=LOUD, rate=250.0):
    """Each label is loud on a channel of its own; the tiny bundle's network knows nothing of it."""
    rng = np.random.default_rng(seed)
    said = [label for _ in range(repetitions) for label in labels]
    pieces = [rng.normal(0, 1, (LENGTH, 4)) * loud.get(one, loud["rest"]) for one in said]
    events = tuple(Event(n * LENGTH, LENGTH, one) for n, one in enumerate(said))
    samples = Samples.contiguous(np.concatenate(pieces), rate)
    channels = ("EMG1", "EMG2", "EMG3", "EMG4")
    return Recording(samples, events, channels, "01", "1", "day", "1", 50.0, True, {})


def written(folder, *recordings):
    for one in recordings:
        write_recording(one, folder)
    return folder


@pytest.fixture
def own(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "tiny")


def test_a_better_bundle_is_written_beside_the_old_one(edgeemg, own, tmp_path):
    before = {one.name: sha256_of(one) for one in own.iterdir()}
    rec = written(tmp_path / "rec", a_day())
    done = edgeemg("calibrate", own, "--from", rec, "--engine", "onnx", "--json")
    assert done.returncode == 0, done.stderr
    assert {one.name: sha256_of(one) for one in own.iterdir()} == before
    report = json.loads(done.stdout)
    made = tmp_path / "tiny-calibrated-1"
    assert report["written"] == str(made)
    assert report["better"]
    assert report["after"] > report["before"]
    assert report["trials"] == {"left": 5, "rest": 5, "right": 5}
    assert "all, balanced" in done.stderr
    provenance = read_manifest(made).calibration
    assert provenance.source_sha256 == before["manifest.json"]
    assert (provenance.before, provenance.after) == (report["before"], report["after"])
    assert provenance.data == "rec"
    for name, facts in open_bundle(made).models.items():
        inputs, wanted = open_bundle(made).golden_of(name)
        given = open_engine(made, facts.engine, facts.precision).logits(inputs[:1])
        np.testing.assert_allclose(given, wanted[0], atol=1e-3)
    healthy = edgeemg("doctor", made)
    assert "wrong answers" not in healthy.stdout + healthy.stderr
    assert (healthy.stdout + healthy.stderr).count("as at export") == 4
    again = edgeemg("calibrate", made, "--from", rec, "--force", "--engine", "onnx")
    assert again.returncode == 0, again.stderr
    assert read_manifest(tmp_path / "tiny-calibrated-2").calibration.source == made.name


def test_the_new_bundle_runs_and_decides_otherwise(edgeemg, own, tmp_path):
    rec = written(tmp_path / "rec", a_day())
    (recording,) = find_recordings(rec)
    assert edgeemg("calibrate", own, "--from", rec, "--out", tmp_path / "new").returncode == 0
    hops = {}
    for bundle in (own, tmp_path / "new"):
        done = edgeemg("run", bundle, "--recording", recording, "--every-hop")
        assert done.returncode == 0, done.stderr
        hops[bundle.name] = [json.loads(line) for line in done.stdout.splitlines()]
    truth = {one["sample_index"]: int(one["sample_index"] // LENGTH) for one in hops["new"]}
    labels = [event.label for event in read_recording(recording).events]

    def right(name):
        return np.mean([one["label"] == labels[truth[one["sample_index"]]] for one in hops[name]])

    assert right("new") > right("tiny") + 0.2


def test_where_it_is_not_better_nothing_is_written(edgeemg, own, tmp_path):
    alike = {label: [20, 20, 20, 20] for label in LOUD}
    days = (a_day(seed=n, loud=alike, repetitions=4) for n in range(20))
    for n, day in enumerate(days):
        rec = written(tmp_path / f"rec{n}", day)
        done = edgeemg("calibrate", own, "--from", rec, "--engine", "onnx", "--out", tmp_path / "o")
        if done.returncode:
            break
        shutil.rmtree(tmp_path / "o")
    assert done.returncode == 1, done.stderr
    assert "not better than" in done.stderr
    assert "--force" in done.stderr
    assert not (tmp_path / "o").exists()
    forced = edgeemg("calibrate", own, "--from", rec, "--out", tmp_path / "o", "--force")
    assert forced.returncode == 0, forced.stderr
    facts = read_manifest(tmp_path / "o").calibration
    assert facts.after <= facts.before


WRONG = {
    "another rate": (a_day(rate=500.0), "500 samples a second, the model takes 250"),
    "a channel that is not there": (
        replace(a_day(), channels=("EMG1", "EMG2", "EMG3", "EMG9")),
        "has no channel EMG4 that the model reads; it has EMG1, EMG2, EMG3, EMG9",
    ),
    "a missing label": (a_day(labels=("left", "rest")), "no usable trial of right"),
    "too few": (a_day(repetitions=2), "at least 3 of each are needed"),
    "uneven": (
        a_day(labels=("left", "left", "rest", "rest", "left", "rest", "left", "rest", "right")),
        "far fewer trials of right",
    ),
    "no label of the model's": (a_day(labels=("yes", "no")), "no whole window"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_calibrate_is_refused_in_one_line(edgeemg, tiny_bundle, tmp_path, name):
    recording, said = WRONG[name]
    rec = written(tmp_path / "rec", recording)
    out = tmp_path / "out"
    done = edgeemg("calibrate", tiny_bundle, "--from", rec, "--engine", "onnx", "--out", out)
    assert done.returncode == 2, done.stderr
    (line,) = [one for one in done.stderr.splitlines() if one.startswith("edgeemg: ")]
    assert said in line
    assert not out.exists()


def test_unknown_labels_are_left_out_and_told(edgeemg, tiny_bundle, tmp_path):
    rec = written(tmp_path / "rec", a_day(labels=("left", "rest", "right", "yes")))
    out = tmp_path / "out"
    done = edgeemg("calibrate", tiny_bundle, "--from", rec, "--engine", "onnx", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "labels that the model does not know are left out: yes (5)" in done.stderr


def test_only_the_first_repetitions_are_used(edgeemg, tiny_bundle, tmp_path):
    rec = written(tmp_path / "rec", a_day(repetitions=8))
    arguments = ("--engine", "onnx", "--repetitions", 4, "--out", tmp_path / "out", "--json")
    done = edgeemg("calibrate", tiny_bundle, "--from", rec, *arguments)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["trials"] == {"left": 4, "rest": 4, "right": 4}


def test_the_recorders_rest_is_the_models_whatever_it_is_called():
    from edgeemg.cli.calibration_recordings import _fitting

    day = a_day()
    labels = ("SILENCE", "left", "right")
    manifest = replace(_manifest_for(day), labels=labels, rest_label="SILENCE")
    labels = {one.label for one in _fitting(day, manifest).events}
    assert labels == {"SILENCE", "left", "right"}
    both = replace(day, events=(*day.events, Event(10**6, 5, "SILENCE")))
    assert "rest" in {one.label for one in _fitting(both, manifest).events}


def _manifest_for(day):
    from edgeemg.manifest import Band, Channel, Manifest, ModelFacts, Training

    return Manifest(
        name="",
        created="",
        edgeemg_version="",
        labels=("left", "rest", "right"),
        rest_label="rest",
        sample_rate_hz=250.0,
        channels=tuple(Channel(name) for name in day.channels),
        window_samples=100,
        hop_samples=25,
        bands=(Band("none", ()),),
        scale=(1.0,) * 4,
        clip=8.0,
        model=ModelFacts("cnn", 1, 1),
        training=Training("", "", "", True, 0, 0, 0),
    )


def test_a_bundle_of_an_earlier_edgeemg_is_to_be_exported_again(edgeemg, own, tmp_path):
    import onnx

    model = onnx.load(str(own / "model.onnx"))
    del model.graph.output[-1]
    onnx.save(model, str(own / "model.onnx"))
    manifest = read_manifest(own)
    size = (own / "model.onnx").stat().st_size
    facts = replace(manifest.files["model.onnx"], sha256=sha256_of(own / "model.onnx"), bytes=size)
    from edgeemg.manifest import write_manifest

    write_manifest(replace(manifest, files={**manifest.files, "model.onnx": facts}), own)
    rec = written(tmp_path / "rec", a_day())
    done = edgeemg("calibrate", own, "--from", rec, "--engine", "onnx")
    assert done.returncode == 2
    assert "export it again" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give either --port (a sensor) or --from (recordings)"),
        (("--port", "x", "--from", "y"), "give either --port"),
        (("--from", "y", "--at-once"), "--at-once goes with --port"),
        (("--from", "y", "--mains", "60"), "--mains goes with --port"),
        (("--port", "x", "--session", "2"), "go with --from"),
        (("--port", "x", "--repetitions", "2"), "3"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(edgeemg, tiny_bundle, arguments, said):
    done = edgeemg("calibrate", tiny_bundle, *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_place_that_is_taken_is_refused_before_anybody_speaks(edgeemg, tiny_bundle, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    done = edgeemg("calibrate", tiny_bundle, "--port", "nowhere", "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "is not empty" in done.stderr


QUICK = ("--ready-s", 0.2, "--trial-s", 0.5, "--rest-s", 1.0, "--at-once", "--generated")

_WITHOUT_A_WORKSTATION = """
import sys
for name in ("torch", "scipy", "onnx", "pandas", "sklearn", "matplotlib", "rich", "edfio"):
    sys.modules[name] = None  # an import fails
from edgeemg.cli.main import main
main()
"""


@pytest.mark.slow
def test_a_person_is_prompted_and_what_is_recorded_is_kept(
    simulated, own, tiny_recording, tmp_path
):
    """On the device: no torch, no scipy, no edfio. The journal stays, and calibrates again."""
    recordings = tmp_path / "kept"
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        arguments = ("calibrate", own, "--port", port, "--repetitions", 3, *QUICK, "--force")
        arguments = (*arguments, "--engine", "onnx", "--json", "--recordings", recordings)
        done = subprocess.run(
            [sys.executable, "-c", _WITHOUT_A_WORKSTATION, *map(str, arguments)],
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
        )
    assert done.returncode == 0, done.stderr
    assert "say: left" in done.stderr
    assert "edgeemg train wants" not in done.stderr
    report = json.loads(done.stdout)
    assert report["trials"]["left"] == report["trials"]["right"] == 3
    assert report["trials"]["rest"] >= 5  # between all words, and none is thrown away
    made = open_bundle(own.with_name("tiny-calibrated-1"))
    assert made.manifest.calibration.data == "kept, sub-01_ses-1_task-calibration_run-1"
    (journal,) = recordings.glob("*.emgj")
    again = subprocess.run(
        [
            *(sys.executable, "-c", _WITHOUT_A_WORKSTATION, "calibrate", own, "--from", journal),
            *("--engine", "onnx", "--json", "--force"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["after"] == report["after"]


def test_a_sensor_of_another_rate_is_refused_before_anybody_speaks(
    edgeemg, simulated, own, tiny_recording, tmp_path
):
    from edgeemg.manifest import write_manifest

    write_manifest(replace(read_manifest(own), sample_rate_hz=500.0), own)
    with simulated(tiny_recording, tmp_path / "emg", "--loop") as port:
        done = edgeemg("calibrate", own, "--port", port, "--engine", "onnx", *QUICK)
    assert done.returncode == 2
    assert "say:" not in done.stderr
    assert "250" in done.stderr
    assert not list(tmp_path.glob("**/*.emgj"))
