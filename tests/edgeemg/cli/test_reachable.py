import os
from pathlib import Path

import pytest

from edgeemg.cli.reachable import exists, why_hidden

NOBODY = "edgeemg-of-no-system"


@pytest.fixture
def place() -> "Path":
    """A folder that everybody may enter, outside /tmp; taken away afterwards."""
    import shutil
    import tempfile

    try:
        folder = Path(tempfile.mkdtemp(dir="/var/lib"))
    except PermissionError:
        pytest.skip("only root can make a folder outside /tmp that everybody may enter")
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def test_what_everybody_may_read_is_in_reach(place: Path) -> None:
    (place / "file").touch(mode=0o644)
    assert why_hidden(place / "file", NOBODY) is None


def test_a_private_file_is_not(place: Path) -> None:
    (place / "file").touch(mode=0o600)
    why = why_hidden(place / "file", NOBODY) or ""
    assert f"{place}/file: user {NOBODY} may not read it" in why
    assert "--user root" in why
    assert why_hidden(place / "file", "root") is None


def test_a_file_in_a_private_folder_is_not_and_the_folder_is_named(place: Path) -> None:
    inner = place / "home"
    inner.mkdir(mode=0o700)
    (inner / "file").touch(mode=0o644)
    assert (why_hidden(inner / "file", NOBODY) or "").startswith(f"{inner}: ")
    os.chown(inner, 65534, -1)  # nobody's, on every Linux
    assert why_hidden(inner / "file", "nobody") is None


def test_a_file_that_is_not_there_is_named(place: Path) -> None:
    assert why_hidden(place / "no", "root") == f"{place}/no: No such file or directory"


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp"])
def test_tmp_is_never_in_reach(folder: str) -> None:
    assert "a service does not see /tmp" in (why_hidden(Path(folder) / "bundle", "root") or "")


def test_users_are_known_or_not() -> None:
    assert exists("root")
    assert not exists(NOBODY)
