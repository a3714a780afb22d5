"""`edgeemg tune` and `edgeemg evaluate BUNDLE DIR`: what is written, told, refused and printed."""

import json
import shutil
from dataclasses import replace

import pytest

from edgeemg.data.bids import read_recordings, write_recording
from edgeemg.data.synth import make_recordings
from edgeemg.dsp.identical import digest
from edgeemg.dsp.samples import Event
from edgeemg.manifest import Choice, DecisionSettings, read_manifest, write_manifest
from edgeemg.runtime.bundle import open_bundle
from edgeemg.train.splits import PROTOCOLS, blocked
from edgeemg.train.trials import Trial

CHANNELS = ("EMG1", "EMG2", "EMG3", "EMG4")  # as the tiny bundle's are
LABELS = {"up": "left", "down": "right", "rest": "rest"}
LOOSE = 2000  # an hour: the tiny bundle's weights are random


def recording(labels=LABELS, **changes):
    """Forty seconds of generated EMG under labels that the tiny bundle decides."""
    (whole,) = make_recordings(words=2, repetitions=6, channels=4, seed=3)
    events = tuple(
        replace(one, label=labels[one.label]) for one in whole.events if one.label in labels
    )
    return replace(whole, channels=CHANNELS, events=events, **changes)


@pytest.fixture(scope="module")
def new_day(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "new-day"
    write_recording(recording(), folder)
    return folder


@pytest.fixture
def bundle(tiny_bundle, tmp_path):
    return shutil.copytree(tiny_bundle, tmp_path / "bundle")


def names(folder):
    return sorted(one.name for one in folder.iterdir())


def one_clear_line(done, exit_code, *words):
    assert done.returncode == exit_code, done.stderr
    assert "Traceback" not in done.stderr
    ours = [line for line in done.stderr.splitlines() if line.startswith("edgeemg: ")]
    assert len(ours) == 1, done.stderr
    for word in words:
        assert word in ours[0]


def test_settings_are_chosen_judged_and_written(edgeemg, bundle, new_day):
    done = edgeemg("tune", bundle, new_day, "--false-per-hour", LOOSE, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    after = open_bundle(bundle).manifest.decision
    assert after == DecisionSettings(**{**report["settings"]["after"], "origin": after.origin})
    assert after.origin.startswith("tuned for 2000 false activations an hour of rest on new-day")
    assert "GENERATED EMG" in after.origin
    assert report["settings"]["before"]["threshold"] == 0.6
    assert report["written"] is True
    tuning = report["parts"]["tuning"]["after"]
    assert tuning["false_per_hour"]["value"] <= LOOSE
    assert tuning["words"] == 7
    assert report["parts"]["held_out"]["before"]["words"] == 5
    assert report["judgement"]["verdict"] in ("held", "cannot be judged")
    assert report["generated"] is True


def test_the_tuned_bundle_inspects_runs_and_can_be_put_back(edgeemg, bundle, new_day):
    before = read_manifest(bundle)
    assert edgeemg("tune", bundle, new_day, "--false-per-hour", LOOSE).returncode == 0
    inspected = edgeemg("inspect", bundle, "--json")
    assert inspected.returncode == 0, inspected.stderr
    assert json.loads(inspected.stdout)["decision"]["origin"].startswith("tuned for")
    (path,) = new_day.rglob("*_emg.bdf")
    assert edgeemg("run", bundle, "--recording", path).returncode == 0
    (bundle / "manifest.before-tune-1.json").replace(bundle / "manifest.json")
    assert open_bundle(bundle).manifest == before


def test_before_and_after_are_told_on_both_parts(edgeemg, bundle, new_day):
    done = edgeemg("tune", bundle, new_day, "--false-per-hour", LOOSE, "--dry-run")
    head = next(line for line in done.stderr.splitlines() if "tuning: before" in line)
    assert head.split("  ")[-1].strip() == "held out: after"
    assert "GENERATED EMG" in done.stderr
    assert max(map(len, head.splitlines())) <= 100


def test_a_dry_run_writes_nothing(edgeemg, bundle, new_day, tiny_bundle):
    done = edgeemg("tune", bundle, new_day, "--false-per-hour", LOOSE, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["written"] is False
    assert names(bundle) == names(tiny_bundle)
    assert read_manifest(bundle) == read_manifest(tiny_bundle)


def test_too_few_minutes_to_judge_is_said_with_how_many_would_do(edgeemg, bundle, new_day):
    done = edgeemg("tune", bundle, new_day, "--false-per-hour", 500, "--dry-run", "--json")
    assert done.returncode == 0, done.stderr
    assert "CANNOT BE JUDGED from so few minutes" in done.stderr
    judgement = json.loads(done.stdout)["judgement"]
    assert judgement["verdict"] == "cannot be judged"
    assert judgement["expected"] < 3
    assert f"about {judgement['minutes_needed']:.0f} minutes of such recordings" in done.stderr


def test_a_target_that_nothing_keeps_is_exit_code_1_and_nothing_written(
    edgeemg, bundle, new_day, tiny_bundle
):
    done = edgeemg("tune", bundle, new_day, "--false-per-hour", 1, "--json")
    one_clear_line(done, 1, "left as it was", "1 false activations an hour", "record more rest")
    report = json.loads(done.stdout)
    assert report["settings"]["after"] is report["judgement"] is None
    assert names(bundle) == names(tiny_bundle)


def test_settings_that_the_held_out_part_refutes_are_written_only_when_asked(bundle, new_day):
    """The verdict itself is tested in runtime/test_tuning.py."""
    from edgeemg.cli.tune import _is_to_be_written
    from edgeemg.cli.tuning import outcome, tune_with_progress
    from edgeemg.errors import GateError
    from edgeemg.runtime.tuning import Judgement

    options = {
        "engine": None,
        "precision": None,
        **dict.fromkeys(("subject", "session", "task"), ()),
        "grace_ms": None,
        "unseen": False,
        "held_out": 0.4,
        "false_per_hour": LOOSE,
        "max_delay_ms": None,
        "dry_run": False,
        "write_anyway": False,
    }
    report = tune_with_progress(bundle, new_day, options)
    refuted = replace(report, judgement=Judgement("exceeded", 3.0, 1.0))
    assert _is_to_be_written(report, options)
    assert not _is_to_be_written(refuted, options)
    assert _is_to_be_written(refuted, {**options, "write_anyway": True})
    with pytest.raises(GateError, match="--write-anyway"):
        outcome(refuted, None)


# --- recordings that the model was trained on


TRIALS = [Trial("r", label, n, n) for n in range(40) for label in ("left", "rest")]


def say_trained_on(bundle, folder, parts=None):
    """What export would have written, had `train`, or a fold, trained on these recordings."""
    manifest = read_manifest(bundle)
    digests = tuple(digest(one) for one in read_recordings(folder))
    protocol = (parts or blocked(TRIALS)).protocol
    training = replace(manifest.training, digests=digests, protocol=protocol)
    write_manifest(replace(manifest, training=training), bundle)


@pytest.fixture
def trained_on_new_day(bundle, new_day):
    say_trained_on(bundle, new_day)
    return bundle


def test_of_recordings_trained_on_only_the_held_out_end_counts(
    edgeemg, trained_on_new_day, new_day
):
    ours = edgeemg("evaluate", trained_on_new_day, new_day, "--json")
    assert ours.returncode == 0, ours.stderr
    seen = json.loads(ours.stdout)
    assert any("held out from training" in one for one in seen["warnings"])
    assert 0 < seen["words"] <= 3
    assert 0 < seen["hours"]["signal"] < 0.25 * 40 / 3600 * 2


def test_recordings_trained_on_are_known_under_another_name(
    edgeemg, trained_on_new_day, new_day, tmp_path
):
    shutil.copytree(new_day, tmp_path / "renamed")
    done = edgeemg("evaluate", trained_on_new_day, tmp_path / "renamed", "--json")
    assert done.returncode == 0, done.stderr
    assert any("held out from training" in one for one in json.loads(done.stdout)["warnings"])


def test_nothing_held_out_is_refused(edgeemg, bundle, tmp_path):
    short = recording()
    few = replace(short, samples=short.samples[:4000], events=short.events[:5])
    write_recording(few, tmp_path / "new-day")
    say_trained_on(bundle, tmp_path / "new-day")
    done = edgeemg("tune", bundle, tmp_path / "new-day", "--false-per-hour", LOOSE)
    one_clear_line(done, 2, "none of them has an end that `edgeemg train` held out", "another day")


VERBS = (("evaluate", ()), ("tune", ("--false-per-hour", LOOSE)))


@pytest.mark.parametrize(("verb", "options"), VERBS)
@pytest.mark.parametrize("protocol", ["blocked", "shuffled"])
def test_what_a_kept_fold_was_trained_on_judges_nothing(
    edgeemg, bundle, new_day, protocol, verb, options
):
    """A fold trained on the end of the recording too, whatever stretch it tested."""
    say_trained_on(bundle, new_day, PROTOCOLS[protocol](TRIALS, count=5, seed=0)[0])
    done = edgeemg(verb, bundle, new_day, *options)
    one_clear_line(done, 2, "1 of these 1 recordings", f"protocol {protocol}, 5 folds", "another")


def test_of_what_a_kept_fold_never_saw_all_is_used_and_of_the_rest_nothing(
    edgeemg, bundle, new_day, tmp_path
):
    both = tmp_path / "both"
    shutil.copytree(new_day, both)
    _, other = make_recordings(sessions=2, words=2, repetitions=6, channels=4, seed=3)
    events = tuple(replace(one, label=LABELS[one.label]) for one in other.events)
    write_recording(replace(other, channels=CHANNELS, events=events, session="new"), both)
    say_trained_on(bundle, new_day, PROTOCOLS["blocked"](TRIALS, count=5, seed=0)[0])
    done = edgeemg("evaluate", bundle, both, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    said = "trained on 1 of these 2 recordings: nothing of what it was trained on is used"
    assert any(said in one for one in found["warnings"])
    alone = json.loads(edgeemg("evaluate", bundle, both, "--session", "new", "--json").stdout)
    assert found["words"] == alone["words"] == 12
    assert found["hours"] == alone["hours"]


def test_unseen_takes_the_whole_recordings(edgeemg, trained_on_new_day, new_day):
    arguments = ("--false-per-hour", LOOSE, "--dry-run", "--json", "--unseen")
    done = edgeemg("tune", trained_on_new_day, new_day, *arguments)
    report = json.loads(done.stdout)
    assert sum(one["before"]["words"] for one in report["parts"].values()) == 12
    assert not any("held out from training" in one for one in report["warnings"])


# --- bad input


def test_recordings_without_rest_are_refused(edgeemg, bundle, tmp_path):
    whole = recording()
    events = tuple(Event(n * 250, 250, ("left", "right")[n % 2]) for n in range(40))
    write_recording(
        replace(whole, samples=whole.samples[:10_000], events=events), tmp_path / "busy"
    )
    done = edgeemg("tune", bundle, tmp_path / "busy", "--false-per-hour", 2)
    one_clear_line(done, 2, "holds no rest", "--grace-ms")


def test_recordings_without_a_word_of_the_model_are_refused(edgeemg, bundle, tmp_path):
    write_recording(recording({"up": "cough", "rest": "rest"}), tmp_path / "other")
    done = edgeemg("tune", bundle, tmp_path / "other", "--false-per-hour", 2)
    one_clear_line(done, 2, "no word of the model (left, right)")


def test_recordings_of_other_channels_are_refused(edgeemg, bundle, tmp_path):
    write_recording(replace(recording(), channels=("a", "b", "c", "d")), tmp_path / "other")
    done = edgeemg("tune", bundle, tmp_path / "other", "--false-per-hour", 2)
    one_clear_line(done, 2, "no channel EMG1")


def test_a_damaged_bundle_is_refused(edgeemg, bundle, new_day):
    (bundle / "model.tflite").write_bytes(b"")
    done = edgeemg("tune", bundle, new_day, "--false-per-hour", 2)
    one_clear_line(done, 2, "model.tflite")


@pytest.mark.parametrize("target", ["0", "-1", "nan", "inf", "x"])
def test_a_target_that_is_no_rate_is_refused(target, edgeemg, bundle, new_day):
    done = edgeemg("tune", bundle, new_day, "--false-per-hour", target)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


# --- evaluate BUNDLE DIR


def test_evaluate_tells_figures_with_intervals_and_the_curve(edgeemg, bundle, new_day):
    done = edgeemg("evaluate", bundle, new_day, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["protocol"].startswith("continuous: the runtime over 1 recordings")
    assert found["words"] == 12
    assert found["hits"]["count"] + found["wrong"]["count"] + found["misses"]["count"] == 12
    rate = found["false_per_hour"]
    assert rate["low"] <= rate["value"] <= rate["high"]
    assert rate["of"] == found["hours"]["rest"] < found["hours"]["signal"]
    (own,) = [one for one in found["curve"] if one["operating_point"]]
    assert own["false_per_hour"] == rate
    assert own["threshold"] == found["settings"]["threshold"]
    assert any("Generated EMG" in one for one in found["warnings"])


def test_evaluate_counts_the_decisions_that_run_sends(edgeemg, bundle, new_day):
    found = json.loads(edgeemg("evaluate", bundle, new_day, "--json").stdout)
    (path,) = new_day.rglob("*_emg.bdf")
    sent = edgeemg("run", bundle, "--recording", path).stdout.splitlines()
    told = sum(found[one]["count"] for one in ("hits", "wrong", "false_per_hour"))
    assert told + found["repeats"] == len(sent) > 3


def test_labels_that_the_model_does_not_know_are_told(edgeemg, bundle, tmp_path):
    labels = {"up": "left", "down": "cough", "rest": "rest"}
    write_recording(recording(labels), tmp_path / "other")
    found = json.loads(edgeemg("evaluate", bundle, tmp_path / "other", "--json").stdout)
    assert any("count as rest: cough (6)" in one for one in found["warnings"])
    assert found["words"] == 6


@pytest.mark.parametrize(("verb", "options"), [VERBS[0], ("tune", (*VERBS[1][1], "--dry-run"))])
def test_the_file_that_export_chose_is_judged_and_named_with_the_reason(
    edgeemg, bundle, new_day, verb, options
):
    choice = {"pi-4": Choice("model.int8.tflite", "tflite", "int8", 10**6, 10**7)}
    write_manifest(replace(read_manifest(bundle), choice=choice), bundle)
    done = edgeemg(verb, bundle, new_day, *options, "--json")
    assert done.returncode == 0, done.stderr
    (told,) = [line for line in done.stderr.splitlines() if line.startswith("tiny; ")]
    assert told.startswith("tiny; model.int8.tflite in ai-edge-litert")
    assert "int8, chosen for pi-4; continuous" in told
    found = json.loads(done.stdout)
    assert (found["file"], found["picked"]) == ("model.int8.tflite", "chosen for pi-4")
    asked = edgeemg(verb, bundle, new_day, *options, "--precision", "float32", "--json")
    found = json.loads(asked.stdout)
    assert (found["file"], found["picked"]) == ("model.onnx", "as asked for")


# --- the whole way


@pytest.mark.slow
def test_a_trained_model_keeps_its_target_on_days_that_it_never_saw(edgeemg, tmp_path):
    data, run, bundle = (tmp_path / name for name in ("generated", "run", "bundle"))
    made = edgeemg("data", "synth", "--sessions", 8, "--repetitions", 40, "--out", data)
    assert made.returncode == 0, made.stderr
    old = [part for one in (1, 2, 3) for part in ("--session", one)]
    new = [part for one in (4, 5, 6, 7, 8) for part in ("--session", one)]
    trained = edgeemg("train", data, *old, "--model", "lda", "--out", run)
    assert trained.returncode == 0, trained.stderr
    exported = edgeemg("export", run, "--format", "onnx", "--out", bundle)
    assert exported.returncode == 0, exported.stderr
    target = 60  # an hour; five minutes of held-out rest judge no less
    done = edgeemg("tune", bundle, data, *new, "--unseen", "--false-per-hour", target, "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["judgement"]["verdict"] == "held"
    held_out = report["parts"]["held_out"]
    assert held_out["before"]["false_per_hour"]["value"] > 2 * target
    assert held_out["after"]["false_per_hour"]["value"] <= 2 * target
    assert held_out["after"]["hits"]["value"] > 0.5
    found = json.loads(edgeemg("evaluate", bundle, data, *new, "--json").stdout)
    assert found["settings"]["origin"].startswith(f"tuned for {target} false activations")
