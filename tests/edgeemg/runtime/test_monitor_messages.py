"""What a loop sees and hears, as a page is told of it."""

import json
import math
import threading
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.data.level_meter import LevelMeter
from edgeemg.dsp.samples import Samples
from edgeemg.manifest import Channel
from edgeemg.runtime.decisions import Verdict
from edgeemg.runtime.monitor_messages import Messages
from edgeemg.runtime.watching import Said


class Clock:
    def __init__(self):
        self.now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(commands, clock):
    """`make(facts)`: messages of a manifest with two channels."""

    def made(facts=dict, **changed):
        manifest = replace(commands, **changed)
        meter = LevelMeter(
            manifest.sample_rate_hz,
            len(manifest.channels),
            microvolts_per_count=0.01,
            rails_uv=(-math.inf, math.inf),
        )
        return Messages(manifest, meter=meter, facts=facts, clock=clock)

    return made


def emg(n=250, first=0, seed=0):
    rng = np.random.default_rng(seed)
    return Samples.contiguous(rng.normal(0, 20, (n, 2)), 250, first_index=first)


def said(*logits, index=99, trusted=True):
    return Said(np.float32(logits), index, trusted, 0.0)


def verdict(label="left", *, accepted=True, index=99):
    return Verdict(label, 0.91234, index, accepted)


def shown(messages):
    return json.loads(messages.next())


def columns(frame):
    return sum(len(ends) // 4 for _, ends in frame["traces"])


def test_hello_says_what_runs(make):
    hello = json.loads(make().hello())
    assert hello["kind"] == "hello"
    assert hello["channels"] == ["chin", "throat"]
    assert hello["labels"] == ["left", "rest", "right"]
    assert hello["rest"] == "rest"
    assert hello["column_s"] == 0.02
    assert hello["generated"] is True


def test_while_nobody_looks_samples_are_not_kept(make):
    messages = make()
    messages.see(emg())
    messages.begin()
    assert shown(messages)["traces"] == []


def test_samples_become_columns_and_contact(make):
    messages = make()
    messages.begin()
    for n in range(25):
        messages.see(emg(10, 10 * n, seed=n))
    frame = shown(messages)
    assert columns(frame) == 30  # of 50: the filters settle for 0.4 s
    assert [one["word"] for one in frame["contact"]] == ["good", "good"]
    assert shown(messages)["traces"] == []


def test_what_comes_faster_than_a_page_shows_is_counted(make):
    messages = make(lambda: {"engine": "onnx"})
    messages.begin()
    for n in range(20):
        messages.see(emg(250, 250 * n))
    frame = shown(messages)
    assert columns(frame) == 80  # two seconds of the twenty, less what settles
    assert frame["facts"]["not_shown"] == 18 * 250
    assert frame["facts"]["engine"] == "onnx"


def test_samples_that_nobody_takes_away_are_bounded_and_counted(make):
    messages = make()
    messages.begin()
    for n in range(2000):
        messages.see(emg(1, n))
    assert shown(messages)["facts"]["not_shown"] == 2000 - 500


def test_probabilities_are_told_once_a_hop(make):
    messages = make()
    messages.begin()
    messages.hear(said(0, 0, 0), verdict(accepted=False), 1.0)
    assert shown(messages)["said"] == {
        "probabilities": [0.333, 0.333, 0.333],
        "label": "left",
        "confidence": 0.912,
        "trusted": True,
    }
    assert "said" not in shown(messages)


def test_decisions_are_told_with_their_age_and_again_to_who_comes_later(make, clock):
    messages = make()
    messages.hear(said(1, 0, 0), verdict(), 1.0)  # while nobody looks
    clock.now_s += 5
    messages.begin()
    told = [{"label": "left", "confidence": 0.912, "sample_index": 99, "ago_s": 5.0}]
    assert json.loads(messages.hello())["decisions"] == []
    assert shown(messages)["decisions"] == told
    assert "decisions" not in shown(messages)
    assert json.loads(messages.hello())["decisions"] == told


def test_what_is_no_decision_is_not_told_as_one(make):
    messages = make()
    messages.begin()
    messages.hear(said(1, 0, 0), verdict(accepted=False), 1.0)
    assert "decisions" not in shown(messages)


def test_silence_is_told_and_old_contacts_are_not(make, clock):
    messages = make()
    messages.begin()
    assert shown(messages)["silent_s"] is None
    messages.see(emg())
    shown(messages)
    messages.see(Samples.contiguous(np.empty((0, 2)), 250))
    clock.now_s += 3
    frames = [shown(messages) for _ in range(4)]
    assert frames[-1]["silent_s"] == 3.0
    (told,) = [one["contact"] for one in frames if "contact" in one]
    assert [one["word"] for one in told] == ["waiting", "waiting"]


def test_a_sensor_that_counts_anew_is_shown_on(make):
    messages = make()
    messages.begin()
    messages.see(emg(250, 5000))
    messages.see(emg(250, 0))
    assert [first for first, _ in shown(messages)["traces"]] == [
        1020,
        0,
    ]  # so soon after, nothing is left out


def test_facts_that_json_has_no_word_for_are_null(make):
    facts = {"counters": {"latency_p50_ms": math.nan, "worst": math.inf}, "who": Channel("a")}
    messages = make(lambda: facts)
    messages.begin()
    told = shown(messages)["facts"]
    assert told["counters"] == {"latency_p50_ms": None, "worst": None}
    assert "Channel" in told["who"]


def test_facts_that_change_while_they_are_read_are_told_the_next_time(make):
    def facts():
        raise RuntimeError("deque mutated during iteration")

    messages = make(facts)
    messages.begin()
    assert shown(messages)["facts"] == {"not_shown": 0}


def test_labels_and_names_of_any_letters_arrive(make):
    messages = make(labels=("não", "rest", "</script>"))
    assert json.loads(messages.hello())["labels"] == ["não", "rest", "</script>"]


def test_one_thread_writes_while_another_reads(make):
    messages = make(sample_rate_hz=250_000.0)
    messages.begin()

    def write():
        for n in range(3000):
            messages.see(replace(emg(5, 5 * n), sample_rate_hz=250_000.0))
            messages.hear(said(1, 0, 0, index=n), verdict(index=n), 1.0)

    writer = threading.Thread(target=write)
    writer.start()
    heard = []
    while writer.is_alive():
        heard += [one["sample_index"] for one in shown(messages).get("decisions", [])]
    writer.join()
    last = shown(messages)
    heard += [one["sample_index"] for one in last.get("decisions", [])]
    assert heard == sorted(set(heard))
    assert heard[-1] == 2999
