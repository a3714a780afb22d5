"""Who may connect to a page of ours, and who is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.datastructures import Headers

from edgeemg.errors import SinkError
from edgeemg.runtime.web_access import Access, Address, open_access, parse_address, read_token

TOKEN = "a-token-of-some-length"
LOCAL = Access(Address("127.0.0.1", 8766))
OPEN = Access(Address("0.0.0.0", 8766), TOKEN)


@pytest.fixture(autouse=True)
def no_token_around(monkeypatch):
    monkeypatch.delenv("EDGEEMG_TOKEN", raising=False)


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("", "127.0.0.1", 8766),
        ("9000", "127.0.0.1", 9000),
        (":9000", "127.0.0.1", 9000),
        ("0.0.0.0", "0.0.0.0", 8766),
        ("wearable.local:80", "wearable.local", 80),
        ("[::1]:9000", "::1", 9000),
        ("localhost:0", "localhost", 0),
    ],
)
def test_what_an_address_leaves_out_is_loopback_and_the_usual_port(text, host, port):
    assert parse_address(text, default_port=8766) == Address(host, port)


@pytest.mark.parametrize(
    "text",
    [
        "http://127.0.0.1",
        "a:b",
        "1.2.3.4:70000",
        "a/b",
        "[::1",
        "me@host:1",
        "a b",
        "h:1?x",
        "h#x",
        "a..b",
        "x" * 64,
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(SinkError, match="HOST:PORT"):
        parse_address(text, default_port=8766)


@given(st.text())
def test_any_text_is_an_address_or_refused(text):
    try:
        parsed = parse_address(text, default_port=8766)
    except SinkError:
        return
    assert parsed.host
    assert 0 <= parsed.port < 65536


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_loopback_is_known(host):
    assert Address(host, 1).is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.4", "::", "wearable.local", "127.0.0.1.x"])
def test_anything_else_needs_a_token(host):
    address = str(Address(host, 8766))
    with pytest.raises(SinkError, match="EDGEEMG_TOKEN"):
        open_access(address, default_port=8766)


def test_beyond_loopback_with_a_token_from_the_environment(monkeypatch):
    monkeypatch.setenv("EDGEEMG_TOKEN", TOKEN)
    assert open_access("0.0.0.0", default_port=8766) == OPEN


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8766", "localhost:8766", "LocalHost:8766", "[::1]:8766"]
)
def test_on_loopback_this_machine_is_welcome_under_its_names(host):
    assert LOCAL.refusal("/", {"Host": host}) is None
    assert LOCAL.refusal("/", {"Host": host, "Origin": f"http://{host}"}) is None


@pytest.mark.parametrize(
    "host", ["evil.example:8766", "localhost.evil.example:8766", "127.0.0.1", "localhost:1", ""]
)
def test_on_loopback_any_other_host_is_refused(host):
    reason = LOCAL.refusal("/", {"Host": host})
    assert reason is not None
    assert "Host" in reason


def test_the_port_of_http_may_be_left_out_as_browsers_do():
    at_80 = LOCAL.bound(80)
    assert at_80.refusal("/", {"Host": "localhost"}) is None
    assert at_80.refusal("/", {"Host": "localhost", "Origin": "http://localhost"}) is None


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", "", "http://127.0.0.1:1", "file://", "ftp://127.0.0.1:8766"],
)
@pytest.mark.parametrize("access", [LOCAL, OPEN])
def test_a_page_of_another_site_is_refused_whatever_it_brings(access, origin):
    headers = {
        "Host": "127.0.0.1:8766",
        "Origin": origin,
        "Authorization": f"Bearer {TOKEN}",
    }
    reason = access.refusal(f"/?token={TOKEN}", headers)
    assert reason is not None
    assert "Origin" in reason


@pytest.mark.parametrize("host", ["wearable.local:8766", "192.168.1.4:8766"])
def test_with_the_token_any_host_is_welcome(host):
    assert OPEN.refusal(f"/?token={TOKEN}", {"Host": host, "Origin": f"http://{host}"}) is None
    assert OPEN.refusal("/", {"Host": host, "Authorization": f"Bearer {TOKEN}"}) is None
    assert OPEN.refusal("/", {"Host": host, "Authorization": f"bearer  {TOKEN}"}) is None


@pytest.mark.parametrize(
    ("target", "authorization"),
    [
        ("/", ""),
        ("/?token=", ""),
        (f"/?token={TOKEN}x", ""),
        (f"/?token={TOKEN[:-1]}", ""),
        (f"/?token=x&token={TOKEN}", ""),
        (f"/?tok={TOKEN}", ""),
        ("/?token=%ff%fe", ""),
        ("/", f"Basic {TOKEN}"),
        ("/", "Bearer"),
        ("/", "Bearer \udcff"),
    ],
)
def test_without_the_token_nobody_is(target, authorization):
    reason = OPEN.refusal(target, {"Host": "h:8766", "Authorization": authorization})
    assert reason == "the token is missing or wrong"


def test_a_token_with_signs_is_found_in_its_quoted_form():
    access = Access(Address("0.0.0.0", 1), "a+b&c=d/e")
    assert access.refusal("/?token=a%2Bb%26c%3Dd%2Fe", {"Host": "h"}) is None


def test_a_header_that_came_twice_is_refused():
    headers = Headers([("Host", "127.0.0.1:8766"), ("Host", "evil.example")])
    assert LOCAL.refusal("/", headers) is not None


@given(st.text(), st.dictionaries(st.sampled_from(["Host", "Origin", "Authorization"]), st.text()))
def test_nothing_that_is_asked_raises_or_passes_without_the_token(target, headers):
    assert OPEN.refusal(target, headers) is not None


def test_a_token_is_read_from_its_file(tmp_path):
    path, told = tmp_path / "token", []
    path.write_text(f"  {TOKEN}\n")
    path.chmod(0o600)
    assert read_token(path, tell=told.append) == TOKEN
    assert told == []


def test_a_token_that_others_may_read_is_told(tmp_path):
    path, told = tmp_path / "token", []
    path.write_text(TOKEN)
    path.chmod(0o644)
    assert read_token(path, tell=told.append) == TOKEN
    assert told == [f"others on this machine may read the token in {path}: chmod 600 {path}"]


def test_a_short_token_is_told(tmp_path):
    path, told = tmp_path / "token", []
    path.write_text("secret")
    path.chmod(0o600)
    assert read_token(path, tell=told.append) == "secret"
    assert "easily guessed" in told[0]


@pytest.mark.parametrize("held", [b"", b"\n", b"two words of it\n", b"\xff\xfe" * 10, b"x" * 5000])
def test_a_file_without_a_token_is_refused(tmp_path, held):
    path = tmp_path / "token"
    path.write_bytes(held)
    with pytest.raises(SinkError, match="token"):
        read_token(path, tell=lambda _: None)


def test_a_file_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(SinkError, match="absent"):
        read_token(tmp_path / "absent", tell=lambda _: None)
