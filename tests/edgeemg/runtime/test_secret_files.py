from pathlib import Path

import pytest

from edgeemg.errors import SinkError
from edgeemg.runtime.secret_files import read_secret


def held(tmp_path: Path, content: bytes, mode: int = 0o600) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_the_text_comes_back_as_it_is(tmp_path: Path) -> None:
    told: list[str] = []
    content = "mé\nsecret\n" + "x" * 4000
    assert read_secret(held(tmp_path, content.encode()), "password", tell=told.append) == content
    assert told == []


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o677])
def test_a_file_that_others_may_touch_is_told_by_name_and_not_by_content(
    mode: int, tmp_path: Path
) -> None:
    told: list[str] = []
    path = held(tmp_path, b"secret", mode)
    read_secret(path, "token", tell=told.append)
    assert told == [f"others on this machine may read the token in {path}: chmod 600 {path}"]


@pytest.mark.parametrize(
    ("content", "why"), [(b"\xff\xfe", "it is not text"), (b"x" * 4097, "more than 4096 bytes")]
)
def test_what_is_no_secret_is_refused(content: bytes, why: str, tmp_path: Path) -> None:
    path = held(tmp_path, content)
    with pytest.raises(SinkError, match=why) as refused:
        read_secret(path, "token", tell=pytest.fail)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(("name", "why"), [("none", "No such file"), ("", "Is a directory")])
def test_what_cannot_be_read_is_named(name: str, why: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with pytest.raises(SinkError, match=why) as refused:
        read_secret(path, "password", tell=pytest.fail)
    assert f"the password in {path}" in str(refused.value)
