"""What a person sees while recording: it fits the terminal and says what matters."""

import math
import re
from dataclasses import replace

import pytest

from edgeemg.cli.record_screen import Scene, clock, picture
from edgeemg.data.level_meter import Fault, Level
from edgeemg.data.prompting import Phase


def scene(n_channels=8, **changes):
    plain = Scene(
        title="OpenBCI Cyton on /dev/ttyUSB0   sub-01_ses-1_task-speech_run-1",
        phase=Phase.SAY,
        word="yes",
        elapsed_s=0.5,
        length_s=2.0,
        holds="",
        kept=11,
        total=30,
        to_repeat=0,
        undone=0,
        left_s=92.0,
        recorded_s=123.0,
        lost=0,
        expected=30_000,
        disk_s=7200.0,
        channels=[f"EMG{n + 1}" for n in range(n_channels)],
        levels=[Level(23.4)] * n_channels,
        messages=(),
        has_keys=True,
    )
    return replace(plain, **changes)


def text(shown, columns=79, rows=24):
    lines = picture(shown, columns, rows)
    assert len(lines) <= rows
    assert all(len(line.text) <= columns for line in lines)
    return "\n".join(line.text for line in lines)


def test_it_says_the_word_what_is_done_and_what_is_left():
    shown = text(scene())
    for part in ("say: yes", "1.5 s", "done 11 of 30", "left 1:32", "recorded 2:03", "lost 0"):
        assert part in shown
    assert "disk lasts 2 h" in shown
    assert "disk lasts 9 min" in text(scene(disk_s=590.0))
    assert "u undo" in shown


@pytest.mark.parametrize("n_channels", [1, 8, 12, 16, 32, 64])
@pytest.mark.parametrize(("columns", "rows"), [(79, 24), (39, 12), (200, 60)])
def test_every_size_of_terminal_and_sensor_fits(n_channels, columns, rows):
    text(scene(n_channels), columns, rows)


@pytest.mark.parametrize("n_channels", [1, 8, 16, 32])
def test_on_80_by_24_every_channel_has_its_level_and_the_keys_are_there(n_channels):
    shown = text(scene(n_channels, messages=("one", "two")))
    assert shown.count("23.4 uV") == n_channels
    assert f"EMG{n_channels}" in shown
    assert "q finish" in shown
    assert "two" in shown


def test_faults_hum_and_losses_stand_out():
    levels = [
        Level(5.0, Fault.FLAT),
        Level(math.nan, Fault.MISSING),
        Level(20.0, None, 50.0, 1234.0),
        Level(2500.0),
    ]
    lines = picture(scene(4, levels=levels, lost=12), 79, 24)
    shown = "\n".join(line.text for line in lines)
    for part in ("FLAT", "MISSING", "hum 1.2 mV", "2.5 mV", "lost 12 (0.04 %)"):
        assert part in shown
    styled = [line.text for line in lines if "31m" in line.style]
    assert any("FLAT" in one for one in styled)
    assert any("lost 12" in one for one in styled)


def test_a_sensor_without_a_counter_says_that_loss_cannot_be_seen():
    assert "loss cannot be seen" in text(scene(lost=None))


def test_a_pause_says_why_and_what_is_to_come_is_told():
    shown = text(
        scene(phase=Phase.PAUSED, holds="no samples from the sensor", to_repeat=2, undone=1)
    )
    assert "paused: no samples from the sensor" in shown
    assert "2 to repeat    1 undone" in shown


@pytest.mark.parametrize("word", ["não", "止まれ" * 30, "é" * 200, "e\u0301" * 50])
def test_words_of_every_width_fit(word):
    lines = picture(scene(word=word), 79, 24)
    middle = next(line.text for line in lines if "say:" in line.text)
    wide = sum(2 for one in middle if one in "止まれ")
    combining = middle.count("\u0301")
    assert len(middle) + wide // 2 - combining <= 79


@pytest.mark.parametrize(
    ("seconds", "said"), [(0, "0:00"), (83.2, "1:23"), (7384, "2:03:04"), (math.inf, "?")]
)
def test_times_are_read_as_clocks(seconds, said):
    assert clock(seconds) == said


def test_where_not_all_channels_fit_those_at_fault_come_first_and_the_rest_is_counted():
    levels = [Level(23.4)] * 31 + [Level(0.0, Fault.FLAT)]
    shown = text(scene(32, levels=levels), 39, 16)
    assert re.search("EMG32 .* FLAT", shown)
    assert re.search("EMG32 +FLAT", text(scene(64, levels=[*levels, *levels]), 64, 14))
    n = int(shown.partition(" more channels not shown")[0].splitlines()[-1])
    assert n + shown.count("EMG") == 32


@pytest.mark.parametrize("columns", [39, 60, 79])
def test_the_keys_are_whole_on_every_terminal(columns):
    last = text(scene(), columns).splitlines()[-1]
    assert last.startswith("space pause")
    assert last.endswith(("q finish", "q finish and keep"))
