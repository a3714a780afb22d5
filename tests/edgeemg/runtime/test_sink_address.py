import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import SinkError
from edgeemg.runtime.sink_address import parse_sink_url

EXAMPLE = "udp://HOST:PORT"


def test_a_url_is_taken_apart() -> None:
    url = parse_sink_url(
        "mqtts://[::1]:8883/home/m%C3%BCnchen?ca=/a%20b.pem&origin=http://a&origin=null",
        EXAMPLE,
        options=("ca", "credentials"),
        many=("origin",),
    )
    assert (url.scheme, url.host, url.port, url.path) == ("mqtts", "::1", 8883, "home/münchen")
    assert url.options == {"ca": "/a b.pem"}
    assert url.many == {"origin": ("http://a", "null")}
    assert url.place == "[::1]:8883"


@pytest.mark.parametrize("userinfo", ["me:secret@", "me@", ":secret@", "@"])
def test_a_password_in_a_url_is_refused_and_not_repeated(userinfo: str) -> None:
    with pytest.raises(SinkError, match="can be read by every user") as error:
        parse_sink_url(f"mqtt://{userinfo}host/topic", EXAMPLE)
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "udp:host:1",
        "udp://host:x",
        "udp://host:99999",
        "udp://[::1",
        "udp://a..b:1",
        "udp://host:1#f",
        "udp://host:1?ttl=2",
        "udp://host:1?ca=",
        "udp://host:1?ca",
        "udp://host:1?ca=1&ca=2",
    ],
)
def test_what_is_no_url_of_a_sink_is_refused(text: str) -> None:
    with pytest.raises(SinkError):
        parse_sink_url(text, EXAMPLE, options=("ca",))


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        url = parse_sink_url("udp://" + text, EXAMPLE, options=("ca",))
    except SinkError:
        return
    assert url.scheme == "udp"
    assert "@" not in url.host
