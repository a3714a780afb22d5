"""Strokes as the kernel's headers want them, and a real uinput where there is one."""

import os
import shutil
import struct
import subprocess
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import SinkError
from edgeemg.manifest import Manifest
from edgeemg.runtime import sink_keyboard
from edgeemg.runtime.key_codes import KEY_CODES
from edgeemg.runtime.sink_keyboard import (
    EVENT,
    SETUP,
    UINPUT,
    Keyboard,
    events,
    names_a_file,
    parse_keys,
    unfitting,
)
from edgeemg.runtime.sinks import Decision

ENTER, CTRL, C = (KEY_CODES[f"KEY_{name}"] for name in ("ENTER", "LEFTCTRL", "C"))
HEADER = Path("/usr/include/linux/uinput.h")
_PRINT = r"""
#include <linux/uinput.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
int main(void) {
    struct uinput_setup setup = {{6, 0, 0, 1}, "edgeemg decisions", 0};
    struct input_event event;
    memset(&event, 0, sizeof event);
    event.type = EV_KEY; event.code = KEY_ENTER; event.value = 1;
    unsigned long numbers[] = {UI_DEV_CREATE, UI_DEV_DESTROY, UI_DEV_SETUP, UI_SET_EVBIT,
        UI_SET_KEYBIT, EV_SYN, EV_KEY, BUS_VIRTUAL, SYN_REPORT};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) printf("%lu ", numbers[i]);
    printf("\n");
    for (size_t i = 0; i < sizeof setup; i++) printf("%02x", ((unsigned char *)&setup)[i]);
    printf("\n");
    for (size_t i = 0; i < sizeof event; i++) printf("%02x", ((unsigned char *)&event)[i]);
    printf("\n");
    return 0;
}
"""


def test_numbers_and_layouts_are_those_of_the_kernels_headers(
    tmp_path: Path, missing: Callable[[str], NoReturn]
) -> None:
    if shutil.which("gcc") is None or not HEADER.exists():
        missing(f"gcc or {HEADER} is missing")
    (tmp_path / "uinput.c").write_text(_PRINT)
    subprocess.run(["gcc", "-o", tmp_path / "uinput", tmp_path / "uinput.c"], check=True)
    done = subprocess.run([tmp_path / "uinput"], capture_output=True, text=True, check=True)
    numbers, setup, event = done.stdout.splitlines()
    names = "UI_DEV_CREATE UI_DEV_DESTROY UI_DEV_SETUP UI_SET_EVBIT UI_SET_KEYBIT EV_SYN EV_KEY"
    ours = [getattr(sink_keyboard, name) for name in names.split()]
    assert [*ours, 6, 0] == [int(one) for one in numbers.split()]
    assert SETUP.pack(6, 0, 0, 1, b"edgeemg decisions", 0).hex() == setup
    assert next(events((ENTER,), pressed=True)).hex() == event


def test_a_stroke_is_pressed_in_order_and_ends_in_a_report() -> None:
    sent = [EVENT.unpack(one)[2:] for one in events((CTRL, C), pressed=True)]
    assert sent == [(1, CTRL, 1), (1, C, 1), (0, 0, 0)]


def test_keys_are_written_inline(plain_manifest: Manifest) -> None:
    keys = parse_keys("left=KEY_ENTER, não = KEY_LEFTCTRL + KEY_C", plain_manifest)
    assert keys == {"left": (ENTER,), "não": (CTRL, C)}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("keys.json", '{"left": "KEY_ENTER", "não": "KEY_LEFTCTRL+KEY_C"}'),
        ("keys.toml", 'left = "KEY_ENTER"\n"não" = "KEY_LEFTCTRL+KEY_C"\n'),
        ("a=b.json", '{"left": "KEY_ENTER", "não": "KEY_LEFTCTRL+KEY_C"}'),
    ],
)
def test_keys_are_read_from_a_file(
    name: str, text: str, tmp_path: Path, plain_manifest: Manifest
) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    keys = parse_keys(str(tmp_path / name), plain_manifest)
    assert keys == {"left": (ENTER,), "não": (CTRL, C)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("up=KEY_UP", "labels, left, rest, não; got up"),
        ("left=ENTER", "no key 'ENTER'"),
        ("left=KEY_ENTER+", "no key ''"),
        ("left=", "no key ''"),
        ("=KEY_UP", "got "),
        ("", r"cannot read keys from \. "),
        ("/no/such/file", r"cannot read keys from /no/such/file \(No such file"),
    ],
)
def test_what_is_no_table_of_keys_is_refused(
    text: str, message: str, plain_manifest: Manifest
) -> None:
    with pytest.raises(SinkError, match=message):
        parse_keys(text, plain_manifest)


def test_a_table_longer_than_a_file_name_is_read(plain_manifest: Manifest) -> None:
    text = "left=KEY_ENTER," + " " * 300 + "não=KEY_C"
    assert parse_keys(text, plain_manifest) == {"left": (ENTER,), "não": (C,)}


def test_a_file_of_keys_is_told_from_a_table(tmp_path: Path) -> None:
    assert names_a_file(str(tmp_path))
    assert not any(names_a_file(text) for text in ("a=" + "b" * 300, "a=\0", "a=\ud800"))


def test_what_does_not_fit_another_model_is_said(plain_manifest: Manifest) -> None:
    keys, before = {"left": (ENTER,), "não": (C,)}, plain_manifest.labels
    assert unfitting(keys, before, plain_manifest) == ""
    other = replace(plain_manifest, labels=("left", "rest", "up", "still"), rest_label="still")
    assert unfitting(keys, before, other) == (
        "new labels without a key: up; keys for labels that the model lost: não"
    )
    assert unfitting({"left": (ENTER,)}, before, plain_manifest) == ""  # as it was asked for


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"left": 28}', '{"left": {}}', "[" * 30000, "\x00"]
)
def test_a_file_that_holds_something_else_is_refused(
    text: str, tmp_path: Path, plain_manifest: Manifest
) -> None:
    for name in ("keys.json", "keys.toml"):
        (tmp_path / name).write_text(text)
        with pytest.raises(SinkError):
            parse_keys(str(tmp_path / name), plain_manifest)


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(plain_manifest: Manifest, text: str) -> None:
    try:
        keys = parse_keys("left=" + text, plain_manifest)
    except SinkError:
        return
    assert set(keys["left"]) <= set(KEY_CODES.values())


def test_a_machine_without_uinput_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="sudo modprobe uinput"):
        Keyboard({"left": (ENTER,)}, tmp_path / "uinput")


def test_what_is_no_uinput_makes_no_keyboard(tmp_path: Path) -> None:
    (tmp_path / "uinput").touch()
    with pytest.raises(SinkError, match=r"makes no keyboard \(Inappropriate ioctl"):
        Keyboard({"left": (ENTER,)}, tmp_path / "uinput")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may open everything")
def test_a_device_without_permission_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "uinput").touch(mode=0)
    with pytest.raises(SinkError, match=r"70-uinput\.rules"):
        Keyboard({"left": (ENTER,)}, tmp_path / "uinput")


@pytest.mark.skipif(
    not os.access(UINPUT, os.W_OK), reason=f"{UINPUT} is not here, or not for us: a kernel's matter"
)
def test_a_real_keyboard_types() -> None:
    before = {one.name for one in Path("/dev/input").glob("event*")}
    keyboard = Keyboard({"left": (ENTER,)})
    deadline = threading.Event()
    made: set[str] = set()
    for _ in range(200):
        made = {one.name for one in Path("/dev/input").glob("event*")} - before
        if made:
            break
        deadline.wait(0.05)
    with (Path("/dev/input") / made.pop()).open("rb", buffering=0) as heard:
        keyboard.deliver(Decision("left", 1.0, 0, 0.0, None, "e"))
        read = [struct.unpack("@llHHi", heard.read(EVENT.size))[2:] for _ in range(4)]
    assert read == [(1, ENTER, 1), (0, 0, 0), (1, ENTER, 0), (0, 0, 0)]
    keyboard.close()
