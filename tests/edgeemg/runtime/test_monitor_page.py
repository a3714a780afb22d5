"""The monitor's page in a real browser: what a person reads while generated EMG plays."""

import importlib.util
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import pytest

from edgeemg.cli.monitoring import open_monitor
from edgeemg.data.synth import make_recordings
from edgeemg.dsp.samples import Samples
from edgeemg.errors import MissingToolError
from edgeemg.manifest import Channel
from edgeemg.runtime.decisions import Verdict
from edgeemg.runtime.watching import Said

NAMES = ("chin", "throat", "jaw", "<b>lip</b>")
LABELS = ("left", "rest", "não", "<i>up</i>")
RAIL_UV = 8_388_607 * 0.0224


class Converter:
    """What the monitor reads of a sensor's stream."""

    microvolts_per_count = 0.0224
    lowest_count, highest_count, zero_count = -8_388_608, 8_388_607, 0


class Playing:
    """Generated EMG at real speed: chin is well, throat hums, jaw is railed, lip is flat."""

    def __init__(self):
        self.silent = False
        self.facts = {
            "sensor": "OpenBCI Cyton on /dev/cyton",
            "state": "connected",
            "state_s": 4.0,
            "engine": "onnx int8",
            "counters": {
                "samples": 990,
                "missing_samples": 10,
                "dropped_samples": 0,
                "decisions": 1,
                "latency_p50_ms": 1.25,
                "latency_p99_ms": 4.5,
                "sink_mqtt_sent": 17,
            },
        }
        (recording, *_) = make_recordings(words=2, repetitions=2, channels=4, seed=3)
        values = recording.samples.microvolts.copy()
        n = np.arange(len(values))
        values[:, 1] += 3000 * np.sin(2 * np.pi * 50 * n / 250)
        values[:, 2] = RAIL_UV
        values[:, 3] = values[0, 3]
        self._values = values
        self._valid = np.tile([True, True, False, True], (len(values), 1))

    def play(self, watcher, ended):
        first = 0
        while not ended.wait(0.04):
            if self.silent:
                watcher.see(Samples.contiguous(np.empty((0, 4)), 250))
                continue
            rows = np.arange(first, first + 10)
            there = rows % len(self._values)
            watcher.see(Samples(self._values[there], 250.0, rows, self._valid[there]))
            first += 10
            said = Said(np.float32([0, 1, 2, -3]), first, True, 0.0)
            watcher.hear(said, Verdict("não", 0.87, first, first % 500 == 250), 1.0)


@contextmanager
def served(manifest, playing, address="127.0.0.1:0", token_file=None):
    """The page's URL while the signal plays."""
    ended = threading.Event()
    with open_monitor(
        address,
        token_file=token_file,
        manifest=manifest,
        facts=lambda: playing.facts,
        stream=Converter(),
    ) as monitor:
        player = threading.Thread(target=playing.play, args=(monitor, ended))
        player.start()
        try:
            yield monitor.url
        finally:
            ended.set()
            player.join()


@pytest.fixture(scope="module")
def manifest(plain_manifest):
    return replace(
        plain_manifest,
        labels=LABELS,
        channels=tuple(map(Channel, NAMES)),
        scale=(10.0,) * 8,
        name="words of today",
    )


@pytest.fixture(scope="module")
def page(project_root, missing):
    """A browser; benchmarks are not installed, they run from the checkout."""
    where = project_root / "benchmarks" / "browser.py"
    spec = importlib.util.spec_from_file_location("benchmarks_browser", where)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        with module.open_browser() as opened:
            yield opened
    except MissingToolError as error:
        missing(str(error))


@pytest.fixture
def playing():
    return Playing()


def where_frames_stand_still(page):
    """The number of frames that came, once none came for a second."""
    deadline_s = time.monotonic() + 60
    seen = None
    while seen != (seen := page.evaluate("frames")):
        assert time.monotonic() < deadline_s, "frames never stood still"
        time.sleep(1)
    return seen


def says(selector, text):
    return f"document.querySelector({selector!r})?.innerText.includes({text!r})"


def test_a_person_reads_contacts_decisions_and_health(page, manifest, playing):
    page.requests.clear()
    with served(manifest, playing) as url:
        page.open(url, width=1280, height=900)
        page.wait_for(says("#summary", "3 of 4 need a hand"))
        assert page.text("#summary") == (
            "3 of 4 need a hand: throat noisy, jaw railed, <b>lip</b> flat."
        )
        rows = page.evaluate("[...document.querySelectorAll('.channel')].map(one => one.innerText)")
        for row, name, word in zip(rows, NAMES, ("good", "noisy", "railed", "flat"), strict=True):
            assert name in row
            assert word in row
        assert "µV" in rows[0]
        assert "50 Hz" in rows[1]
        page.wait_for(says("#decisions", "não"))
        assert page.text("#word") == "não"
        assert "0.87" in page.text("#decisions")
        page.wait_for(says(".classes .best", "0.66"))
        assert "não" in page.text(".classes .best")
        facts = page.text("#facts")
        for wanted in ("1.25 ms", "4.5 ms", "10 of 1,000", "onnx int8", "/dev/cyton"):
            assert wanted in facts
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        page.wait_for(says("#counters", "sink mqtt sent"))
        assert page.text("#sensor") == "sensor connected"
        assert page.text("#model") == "words of today"
        assert page.text("#gone") == ""
    assert page.complaints == []
    assert {one.split("/")[2] for one in page.requests} == {url.split("/")[2]}


def test_traces_move_and_what_is_flat_is_flat(page, manifest, playing):
    heights = """[...document.querySelectorAll('canvas')].map(one => {
        const {data, width, height} = one.getContext('2d').getImageData(0, 0, one.width, one.height)
        const rows = new Set()
        for (let k = 3; k < data.length; k += 4) if (data[k]) rows.add(Math.floor(k / 4 / width))
        return rows.size
    })"""
    with served(manifest, playing) as url:
        page.open(url, width=1280, height=900)
        page.wait_for(says("#summary", "need a hand"))
        page.wait_for(f"({heights})[0] > 10")
        before = page.evaluate("document.querySelector('canvas').toDataURL()")
        page.wait_for(f"document.querySelector('canvas').toDataURL() !== {before!r}")
        assert page.evaluate(heights)[3] <= 4


@pytest.mark.parametrize("dark", [False, True])
def test_on_a_phone_nothing_is_cut_off(page, manifest, playing, dark):
    with served(manifest, playing) as url:
        page.open(url, width=360, height=740, dark=dark)
        page.wait_for(says("#summary", "need a hand"))
        page.wait_for(says("#facts", "Latency"))
        assert page.evaluate("document.documentElement.scrollWidth") == 360
        small = page.evaluate(
            "[...document.querySelectorAll('body *')].filter(one => one.innerText?.trim() "
            "&& parseFloat(getComputedStyle(one).fontSize) < 13).length"
        )
        assert small == 0


@pytest.mark.parametrize("dark", [False, True])
def test_every_text_stands_out_from_what_is_behind_it(page, manifest, playing, dark):
    """WCAG 2.2, success criterion 1.4.3: a contrast of at least 4.5 to 1."""
    contrasts = """(() => {
        const parts = colour => colour.match(/[0-9.]+/g).map(Number)
        const light = ([r, g, b]) => [r, g, b].map(one => one / 255).map(
            one => one <= 0.03928 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4
        ).reduce((sum, one, n) => sum + one * [0.2126, 0.7152, 0.0722][n], 0)
        const behind = one => {
            for (; one; one = one.parentElement) {
                const colour = parts(getComputedStyle(one).backgroundColor)
                if (colour.length < 4 || colour[3] > 0) return colour
            }
            return [255, 255, 255]
        }
        return [...document.querySelectorAll('body *')].filter(
            one => [...one.childNodes].some(node => node.nodeType === 3 && node.data.trim())
                && one.getClientRects().length && one.tagName !== 'OPTION'
        ).map(one => {
            const [a, b] = [light(parts(getComputedStyle(one).color)), light(behind(one))]
            return [(Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05), one.innerText]
        }).sort((a, b) => a[0] - b[0])[0]
    })()"""
    with served(manifest, playing) as url:
        page.open(url, width=1280, height=900, dark=dark)
        page.wait_for(says("#facts", "Latency"))
        worst, text = page.evaluate(contrasts)
        assert worst >= 4.5, text


def test_a_silent_or_lost_sensor_and_a_prompt_are_told(page, manifest, playing):
    with served(manifest, playing) as url:
        page.open(url, width=1280, height=900)
        page.wait_for(says("#summary", "need a hand"))
        playing.silent = True
        playing.facts |= {"state": "lost", "state_s": 12.0, "prompt": "say: left"}
        page.wait_for(says("#sensor", "sensor lost for 12 s"))
        page.wait_for(says("#silent", "No samples since"))
        page.wait_for(says("#prompt", "say: left"))
        page.wait_for(says("#summary", "Waiting for a second of samples"))
        playing.silent = False
        page.wait_for(says("#summary", "need a hand"))
        page.wait_for("document.querySelector('#silent').hidden")
    page.complaints.clear()


def test_a_runtime_that_is_gone_is_told_and_found_again(page, manifest, playing):
    with served(manifest, playing) as url:
        page.open(url, width=1280, height=900)
        page.wait_for(says("#summary", "need a hand"))
    page.wait_for(says("#gone", "connection to the runtime is gone"))
    assert page.text("#sensor") == "not connected"
    with served(manifest, playing, url.split("/")[2]):
        page.wait_for("document.querySelector('#gone').hidden")
        before = page.evaluate("document.querySelector('canvas').toDataURL()")
        page.wait_for(f"document.querySelector('canvas').toDataURL() !== {before!r}")
    page.complaints.clear()  # a browser complains of a server that is gone


def test_with_a_token_a_person_types_it_in(page, manifest, playing, tmp_path):
    token = tmp_path / "token"
    token.write_text("a token+of/some&length".replace(" ", "-"))
    token.chmod(0o600)
    with served(manifest, playing, token_file=token) as url:
        page.open(url, width=360, height=740)
        page.wait_for("document.querySelector('input[name=token]') !== null")
        page.evaluate(
            f"document.querySelector('input').value = {token.read_text()!r};"
            "document.querySelector('form').requestSubmit()"
        )
        page.wait_for(says("#summary", "need a hand"))
    page.complaints.clear()


def test_a_page_that_nobody_sees_costs_nothing(page, manifest, playing):
    with served(manifest, playing) as url:
        page.open(url, width=1280, height=900)
        page.wait_for(says("#summary", "need a hand"))
        page.evaluate(
            "Object.defineProperty(document, 'hidden', {value: true, configurable: true})"
        )
        seen = where_frames_stand_still(page)
        page.evaluate(
            "delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))"
        )
        page.wait_for(f"frames > {seen + 4}")
    page.complaints.clear()
