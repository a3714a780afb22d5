from pathlib import Path

import pytest

from edgeemg.errors import SinkError
from edgeemg.runtime.mqtt_broker import Broker, parse_broker


def silent(text: str) -> None:
    pytest.fail(text)


@pytest.fixture(autouse=True)
def no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("EDGEEMG_MQTT_USERNAME", "EDGEEMG_MQTT_PASSWORD"):
        monkeypatch.delenv(name, raising=False)


def test_the_port_is_the_usual_one() -> None:
    assert parse_broker("mqtt://host/a/b", tell=silent) == Broker("host", 1883, "a/b", tls=False)
    assert parse_broker("mqtts://host/a", tell=silent) == Broker("host", 8883, "a", tls=True)
    assert parse_broker("mqtt://host:1/a", tell=silent).port == 1


@pytest.mark.parametrize(
    ("text", "place", "title"),
    [
        ("mqtt://host/a/b", "host:1883", "mqtt://host:1883/a/b"),
        ("mqtts://host/a?ca=/x.pem", "host:8883", "mqtts://host:8883/a"),
        ("mqtt://[::1]:7/a", "[::1]:7", "mqtt://[::1]:7/a"),
    ],
)
def test_its_name_says_the_port_too(text: str, place: str, title: str) -> None:
    broker = parse_broker(text, tell=silent)
    assert (broker.place, broker.title) == (place, title)


@pytest.mark.parametrize(
    "text",
    [
        "mqtt:///topic",
        "mqtt://host",
        "mqtt://host/",
        "mqtt://host/a//b",
        "mqtt://host/a/",
        "mqtt://host/a/+/b",
        "mqtt://host/%23",
        "mqtt://host/%00",
        "mqtt://host:0/a",
        "mqtt://host/" + "a" * 2000,
        "mqtt://host/a?ca=/x.pem",
    ],
)
def test_what_names_no_broker_or_topic_is_refused(text: str) -> None:
    with pytest.raises(SinkError):
        parse_broker(text, tell=silent)


def held(tmp_path: Path, text: str, mode: int = 0o600) -> str:
    path = tmp_path / "credentials"
    path.write_text(text)
    path.chmod(mode)
    return f"mqtt://127.0.0.1/a?credentials={path}"


@pytest.mark.parametrize("text", ["me\nse cret", "me\nse cret\n"])
def test_credentials_come_from_a_file(text: str, tmp_path: Path) -> None:
    broker = parse_broker(held(tmp_path, text), tell=silent)
    assert (broker.username, broker.password) == ("me", "se cret")
    assert "cret" not in repr(broker)


def test_a_user_may_have_no_password(tmp_path: Path) -> None:
    broker = parse_broker(held(tmp_path, "me\n"), tell=silent)
    assert (broker.username, broker.password) == ("me", None)


def test_a_file_that_others_may_read_is_told(tmp_path: Path) -> None:
    told: list[str] = []
    parse_broker(held(tmp_path, "me\nsecret", mode=0o644), tell=told.append)
    assert len(told) == 1
    assert "others on this machine may read the password" in told[0]
    assert "secret" not in told[0]


@pytest.mark.parametrize("text", ["", "\nsecret\n", "a\nb\nc\n"])
def test_a_file_that_holds_something_else_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="a user name on line 1 and a password on line 2"):
        parse_broker(held(tmp_path, text), tell=silent)


def test_a_file_that_is_not_there_or_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match=r"cannot read the password in .* \(No such file"):
        parse_broker(f"mqtt://h/a?credentials={tmp_path / 'none'}", tell=silent)
    (tmp_path / "credentials").write_bytes(b"\xff\xfe")
    (tmp_path / "credentials").chmod(0o600)
    with pytest.raises(SinkError, match="not text"):
        parse_broker(f"mqtt://h/a?credentials={tmp_path / 'credentials'}", tell=silent)


def test_credentials_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDGEEMG_MQTT_USERNAME", "me")
    monkeypatch.setenv("EDGEEMG_MQTT_PASSWORD", "secret")
    broker = parse_broker("mqtts://host/a", tell=silent)
    assert (broker.username, broker.password) == ("me", "secret")
    monkeypatch.delenv("EDGEEMG_MQTT_USERNAME")
    with pytest.raises(SinkError, match="EDGEEMG_MQTT_USERNAME is not"):
        parse_broker("mqtts://host/a", tell=silent)


def test_a_password_in_the_clear_is_told_beyond_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EDGEEMG_MQTT_USERNAME", "me")
    monkeypatch.setenv("EDGEEMG_MQTT_PASSWORD", "secret")
    told: list[str] = []
    parse_broker("mqtt://localhost/a", tell=silent)
    parse_broker("mqtt://broker.lan/a", tell=told.append)
    assert told == ["the password for broker.lan:1883 goes out in the clear: use mqtts://"]
