"""What is refused of the names of sinks, before anything is opened."""

from pathlib import Path

import pytest

from edgeemg.cli.sink_names import check_names, check_place
from edgeemg.errors import MissingExtraError, SinkError


@pytest.mark.parametrize(
    ("first", "second", "place"),
    [
        ("jsonl:log", "jsonl:log", "log"),
        ("jsonl:log", "jsonl:./folder/../log", "log"),
        ("jsonl:log", "jsonl:link", "log"),
        ("jsonl:circle", "jsonl:./circle", "circle"),
        ("jsonl", "jsonl", "stdout"),
        ("mqtt://h/a", "mqtt://h:1883/a", "mqtt://h:1883/a"),
        ("mqtt://h/a", "mqtt://H/a?credentials=x", "mqtt://h:1883/a"),
    ],
)
def test_two_in_one_place_are_refused(first, second, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("link").symlink_to("log")
    Path("circle").symlink_to("circle")
    with pytest.raises(SinkError) as refused:
        check_names([first, "udp://h:1", second])
    assert f"--sink {first} and --sink {second} are the same place, " in str(refused.value)
    assert place in str(refused.value)


def test_several_of_a_kind_are_welcome_in_places_of_their_own():
    check_names(["jsonl", "jsonl:a", "jsonl:b", "udp://h:1", "udp://h:1", "exec:true", "exec:true"])
    check_names(["mqtt://h/a", "mqtt://h/b", "mqtt://i/a", "mqtt://h:1884/a", "mqtts://h/a"])


def test_a_file_without_a_name_is_not_stdout():
    with pytest.raises(SinkError, match="jsonl: names no file: wanted jsonl:FILE, or jsonl for st"):
        check_names(["jsonl:"])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("mqtt://host", "must end in a topic"),
        ("udp://host", "udp://HOST:PORT"),
        ("ws://127.0.0.1:8765/path", "no path"),
        ("exec:/no/such/program", "no program '/no/such/program'"),
        ("keys:up=KEY_UP", "labels, left, rest, não"),
        ("keys:left=KEY_NONE_SUCH", "no key 'KEY_NONE_SUCH'"),
    ],
)
def test_what_could_not_be_opened_is_seen_without_opening_it(name, message, plain_manifest):
    with pytest.raises(SinkError, match=message):
        check_place(name, plain_manifest)


@pytest.mark.parametrize(
    "name",
    [
        "jsonl",
        "jsonl:/no/such/folder/file",
        "mqtt://host/topic",
        "ws://0.0.0.0",
        "udp://host:1",
        "exec:true",
        "keys:left=KEY_UP",
    ],
)
def test_what_may_work_later_is_let_pass(name, plain_manifest):
    check_place(name, plain_manifest)


@pytest.mark.parametrize(
    "address",
    ["mqtts://h/t?ca=", "mqtt://h/t?credentials=", "ws://0.0.0.0:88?token_file="],
)
def test_a_file_that_a_url_names_must_be_there(address, plain_manifest, tmp_path):
    secret = tmp_path / "a secret"
    for wrong in (secret, tmp_path, "%00"):  # not there, a folder, a name that no file can have
        with pytest.raises(SinkError, match=r"there is no file .*: make it first, or leave"):
            check_place(f"{address}{wrong}", plain_manifest)
    secret.write_bytes(b"\xff nothing that could be one")  # what it holds is not looked at
    check_place(f"{address}{secret}".replace(" ", "%20"), plain_manifest)


def test_a_file_behind_a_circle_of_links_could_never_be_opened(plain_manifest, tmp_path):
    circle = tmp_path / "circle"
    circle.symlink_to(circle)
    with pytest.raises(SinkError, match="links lead in a circle: name another file"):
        check_place(f"jsonl:{circle}", plain_manifest)


def test_a_package_that_is_not_there_is_named(plain_manifest, monkeypatch):
    import sys

    for name in [one for one in sys.modules if one.partition(".")[0] == "paho"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "paho", None)
    with pytest.raises(MissingExtraError, match=r"the MQTT sink needs paho"):
        check_place("mqtt://host/topic", plain_manifest)
