import os
from pathlib import Path

import pytest

from edgeemg.cli.reachable import exists, in_homes, places, why_hidden, why_unwritable

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
    assert "root" not in why  # what needs no rights of root's gets none
    assert why_hidden(place / "file", "root") is None
    assert (why_hidden(place / "file", NOBODY, instead="or so") or "").endswith(": or so")


def test_a_file_in_a_private_folder_is_not_and_the_folder_is_named(place: Path) -> None:
    inner = place / "home"
    inner.mkdir(mode=0o700)
    (inner / "file").touch(mode=0o644)
    assert (why_hidden(inner / "file", NOBODY) or "").startswith(f"{inner}: ")
    os.chown(inner, 65534, -1)  # nobody's, on every Linux
    assert why_hidden(inner / "file", "nobody") is None
    why = why_hidden(inner / "file", "root") or ""  # a service of root's has no capabilities
    assert f"{inner}: user root may not read it" in why
    assert "--user nobody" in why


def test_a_file_that_is_not_there_is_named(place: Path) -> None:
    assert why_hidden(place / "no", "root") == f"{place}/no: No such file or directory"


def test_a_link_is_followed_to_what_the_service_may_not_read(place: Path) -> None:
    inner = place / "home"
    (inner / "bundle").mkdir(parents=True)
    (inner / "bundle/file").touch(mode=0o644)
    (place / "current").symlink_to("home/bundle")
    assert why_hidden(place / "current/file", NOBODY) is None
    inner.chmod(0o700)
    why = why_hidden(place / "current/file", NOBODY) or ""
    assert why.startswith(f"{inner}: ")
    assert f"cannot use {place}/current/file" in why


def test_a_link_on_the_way_that_cannot_be_reached_hides_what_could_be(place: Path) -> None:
    (place / "file").touch(mode=0o644)
    (place / "private").mkdir(mode=0o700)
    (place / "private/link").symlink_to(place / "file")
    (place / "first").symlink_to("private/link")
    assert (why_hidden(place / "first", NOBODY) or "").startswith(f"{place}/private: ")


def test_a_link_into_tmp_is_out_of_reach(place: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (place / "link").symlink_to(tmp_path)
    if any(tmp_path.resolve().is_relative_to(one) for one in ("/tmp", "/var/tmp")):
        assert "does not see /tmp" in (why_hidden(place / "link/file", "root") or "")


def test_links_that_go_round_in_a_circle_are_one_sentence(place: Path) -> None:
    (place / "a").symlink_to("b")
    (place / "b").symlink_to("a")
    assert "symbolic links" in (why_hidden(place / "a/file", NOBODY) or "")


def test_every_place_on_the_way_is_found(tmp_path: Path) -> None:
    real = tmp_path.resolve()
    (real / "x/y").mkdir(parents=True)
    (real / "one").symlink_to("two")
    (real / "two").symlink_to(real / "x/../x/y")
    assert places(real / "one/file") == [real / "one", real / "two", real / "x/y/file"]


def test_homes_are_found_behind_links_too(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("/home/of-nobody/bundle")
    assert in_homes([Path("/opt/x"), tmp_path / "out/manifest.json"])
    assert in_homes([Path("/opt/../root/x")])
    assert not in_homes([Path("/opt/home/x"), Path("/homes/x")])


def test_a_file_may_be_written_where_its_user_or_its_groups_may(place: Path) -> None:
    file = place / "log.jsonl"
    why = why_unwritable(file, NOBODY) or ""
    assert f"user {NOBODY} may not write there" in why
    assert "root" not in why
    assert why_unwritable(file, "root") is None
    place.chmod(0o775)
    assert why_unwritable(file, NOBODY, groups=["root"]) is None
    place.chmod(0o777)
    assert why_unwritable(file, NOBODY) is None
    file.touch(mode=0o644)
    assert "may not write" in (why_unwritable(file, NOBODY) or "")
    file.chmod(0o666)
    assert why_unwritable(file, NOBODY) is None


def test_a_folder_that_is_not_there_or_hidden_or_none_takes_no_file(place: Path) -> None:
    missing = why_unwritable(place / "no/log.jsonl", NOBODY) or ""
    assert missing.startswith(f"{place}/no: no such folder")
    (place / "file").touch()
    assert "is no folder" in (why_unwritable(place / "file/log.jsonl", NOBODY) or "")
    (place / "private").mkdir(mode=0o700)
    (place / "private/open").mkdir()
    (place / "private/open").chmod(0o777)
    hidden = why_unwritable(place / "private/open/log.jsonl", NOBODY) or ""
    assert hidden.startswith(f"{place}/private: ")
    private = why_unwritable(Path("/tmp/log.jsonl"), "root") or ""
    assert "a /tmp of its own" in private


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp"])
def test_tmp_is_never_in_reach(folder: str) -> None:
    assert "a service does not see /tmp" in (why_hidden(Path(folder) / "bundle", "root") or "")


def test_users_are_known_or_not() -> None:
    assert exists("root")
    assert not exists(NOBODY)
