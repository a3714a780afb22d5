"""The unit, read by systemd's own tools."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeemg.cli.unit_file import Needs, quoted, unit_text
from edgeemg.errors import EdgeEmgError

COMMAND = [sys.executable, "-P", "-m", "edgeemg", "run", "/opt/bundle", "--port=/dev/ttyUSB0"]
NEEDS = {
    "the least": Needs(port="ttyUSB0", sinks=("jsonl",)),
    "files": Needs(port="ttyACM1", sinks=("jsonl:/srv/a b%/x",), writable=("/srv/a b%",)),
    "a monitor here": Needs(sinks=("udp://127.0.0.1:9",), monitor=""),
    "a monitor for all": Needs(sinks=("ws://[::1]:9",), monitor="0.0.0.0:8766"),
    "a broker": Needs(sinks=("mqtts://broker.example/emg", "keys:yes=KEY_ENTER"), in_homes=True),
    "a command": Needs(port="ttyAMA0", sinks=("exec:say",)),
    "another port": Needs(port="serial7"),
}
# the escapes of systemd.syntax(7) that a quoted word may hold
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v", "s": " "}


def text_of(needs: Needs, command: list[str] = COMMAND, *, dynamic: bool = True) -> str:
    return unit_text(
        "edgeemg", command, user="edgeemg", dynamic=dynamic, group="dialout", needs=needs
    )


def settings_of(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(name, []).append(value)
    return found


@pytest.fixture
def analyze(missing: Callable[[str], NoReturn]) -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        missing("systemd-analyze, of Debian's package systemd")
    return program


def verified(analyze: str, unit: Path) -> subprocess.CompletedProcess[str]:
    """As systemd reads it; the words of its command are in the dump that it makes for debugging."""
    return subprocess.run(
        [analyze, "verify", "--man=no", str(unit)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "SYSTEMD_LOG_LEVEL": "debug", "SYSTEMD_LOG_COLOR": "0"},
    )


def complaints(done: subprocess.CompletedProcess[str], name: str) -> list[str]:
    """What systemd says of this unit; at that level it says much of others, too."""
    found = [line for line in done.stderr.splitlines() if name in line]
    return [line for line in found if re.search(r"nknown|nvalid|ailed|gnoring|not ", line)]


@pytest.mark.parametrize("dynamic", [True, False])
@pytest.mark.parametrize("needs", NEEDS.values(), ids=NEEDS)
def test_systemd_accepts_the_unit(
    analyze: str, tmp_path: Path, needs: Needs, dynamic: bool
) -> None:
    unit = tmp_path / "edgeemg.service"
    unit.write_text(text_of(needs, dynamic=dynamic))
    done = subprocess.run(
        [analyze, "verify", "--man=no", str(unit)], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stdout) == (0, "")
    assert "edgeemg.service" not in done.stderr


def test_systemd_complains_where_there_is_a_reason(analyze: str, tmp_path: Path) -> None:
    unit = tmp_path / "edgeemg.service"
    unit.write_text(text_of(Needs()).replace("ProtectClock=yes", "ProtectClok=yes"))
    assert complaints(verified(analyze, unit), "edgeemg.service")


@pytest.mark.parametrize("needs", NEEDS.values(), ids=NEEDS)
def test_the_exposure_is_below_2(analyze: str, tmp_path: Path, needs: Needs) -> None:
    unit = tmp_path / "edgeemg.service"
    unit.write_text(text_of(needs))
    done = subprocess.run(
        [analyze, "security", "--offline=true", "--no-pager", "--threshold=20", str(unit)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    found = re.search(r"Overall exposure level for edgeemg.service: ([0-9.]+)", done.stdout)
    assert found, done.stderr
    assert float(found[1]) < 2.0
    assert done.returncode == 0


def test_without_a_network_sink_there_is_no_network() -> None:
    alone = settings_of(text_of(NEEDS["the least"]))
    assert alone["PrivateNetwork"] == ["yes"]
    assert alone["RestrictAddressFamilies"] == ["AF_UNIX"]
    here = settings_of(text_of(NEEDS["a monitor here"]))
    assert "PrivateNetwork" not in here
    assert (here["IPAddressDeny"], here["IPAddressAllow"]) == (["any"], ["localhost"])
    for monitor in ("8766", "localhost", "[::1]:9"):
        assert settings_of(text_of(Needs(monitor=monitor)))["IPAddressDeny"] == ["any"]
    for beyond in ("a monitor for all", "a broker", "a command"):
        assert "IPAddressDeny" not in settings_of(text_of(NEEDS[beyond]))


def test_only_the_devices_that_are_needed_may_be_opened() -> None:
    def devices(which: str) -> list[str]:
        return settings_of(text_of(NEEDS[which]))["DeviceAllow"]

    assert devices("the least") == ["char-ttyUSB rw", "char-ttyACM rw"]
    assert devices("a command") == ["char-ttyAMA rw"]
    assert devices("another port") == ["/dev/serial7 rw"]
    for name in ("ttySC0", "ttySAC1", "ttySTM0"):  # drivers of their own, whatever they begin with
        assert settings_of(text_of(Needs(port=name)))["DeviceAllow"] == [f"/dev/{name} rw"]
    assert settings_of(text_of(Needs(port="ttyS12")))["DeviceAllow"] == ["char-ttyS rw"]
    assert devices("a broker")[-1] == "/dev/uinput rw"
    assert sum("uinput" in text_of(one) for one in NEEDS.values()) == 1


def test_every_restriction_that_could_surprise_is_explained() -> None:
    lines = text_of(NEEDS["a broker"]).splitlines()
    for name in ("WatchdogSec", "MemoryDenyWriteExecute", "ProtectSystem", "DevicePolicy"):
        (place,) = [n for n, line in enumerate(lines) if line.startswith(f"{name}=")]
        assert lines[place - 1].startswith("#"), name


# --- words


def unquoted(word: str) -> str:
    """systemd.syntax(7), "Quoting", and %% of "Specifiers", read backwards, by another hand."""
    assert word[0] == word[-1] == '"'
    plain, rest = [], word[1:-1]
    while rest:
        found = re.match(r'%%|\\x([0-9a-f]{2})|\\([a-z"\\])|[^"\\%\n\r\0]', rest)
        assert found, rest
        code, escape = found.groups()
        if code:
            plain.append(chr(int(code, 16)))
        elif escape:
            plain.append(ESCAPES.get(escape, escape))
        else:
            plain.append(found[0][0])
        rest = rest[found.end() :]
    return "".join(plain)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",))))
def test_any_word_comes_back_as_it_was(word: str) -> None:
    assert unquoted(quoted(word)) == word


@pytest.mark.parametrize("word", ["a\0b", "a\udc80b"])
def test_a_word_that_no_unit_can_hold_is_refused(word: str) -> None:
    with pytest.raises(EdgeEmgError, match="rename"):
        quoted(word)


def shown(word: str) -> str:
    """A word as systemd's dump shows it: as a shell would want it."""
    if word and not set(word) & set(" \t\n\r\"\\`$*?['()<>|&;!"):
        return word
    for plain in '\\"`$':
        word = word.replace(plain, f"\\{plain}")
    return '"' + word.replace("\n", "\\n").replace("\t", "\\t") + '"'


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(words=st.lists(st.text("aB %$\"'\\;{}*\n\t#=@!-é", max_size=12), max_size=4))
def test_systemd_itself_reads_the_words_as_they_were(
    analyze: str, tmp_path: Path, words: list[str]
) -> None:
    unit = tmp_path / "edgeemg.service"
    unit.write_text(text_of(Needs(), ["/bin/true", *words]))
    done = verified(analyze, unit)
    assert done.returncode == 0
    (read,) = re.findall(r"^\t+Command Line: (/bin/true.*)$", done.stdout, re.MULTILINE)
    assert read == " ".join(map(shown, ["/bin/true", *words]))


def test_a_program_in_a_folder_with_spaces_is_found(analyze: str, tmp_path: Path) -> None:
    """systemd looks whether the program is there: it read its name as it is."""
    program = tmp_path / "a b %n $HOME é" / "python 3"
    program.parent.mkdir()
    shutil.copy("/bin/true", program)
    unit = tmp_path / "edgeemg.service"
    for name, code in ((program, 0), (program.with_name("no"), 1)):
        unit.write_text(text_of(Needs(), [str(name), "run"]))
        assert verified(analyze, unit).returncode == code


@pytest.mark.parametrize("program", ["/a'b/python", '/a"b', "/a\\b", "/a\nb", "python"])
def test_a_program_that_systemd_cannot_start_is_refused(program: str) -> None:
    with pytest.raises(EdgeEmgError, match="systemd cannot start"):
        text_of(Needs(), [program])


@pytest.mark.parametrize("folder", ["/a'b", '/a"b', "/a\\b", "/a\nb"])
def test_a_folder_that_a_setting_cannot_name_is_refused(folder: str) -> None:
    with pytest.raises(EdgeEmgError, match="rename it"):
        text_of(Needs(writable=(folder,)))
