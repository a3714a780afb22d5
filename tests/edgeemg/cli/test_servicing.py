from pathlib import Path

import pytest

from edgeemg.cli import servicing
from edgeemg.cli.run_arguments import parse
from edgeemg.cli.servicing import (
    check_ours,
    file_paths,
    plan,
    remove,
    units_beside,
    untouched,
    write,
)
from edgeemg.cli.udev_rules import Adapter
from edgeemg.errors import EdgeEmgError

FTDI = Adapter("0403", "6015", "DM0258F4")


def planned(*arguments: str, adapter: Adapter | None = FTDI, **names: str):
    asked = parse(["/opt/bundle", "--port", "/dev/ttyUSB0", *arguments])
    names = {"name": "edgeemg", "user": "edgeemg-of-no-system", **names}
    return plan(asked, find=lambda _: adapter, **names)


def test_a_known_adapter_is_opened_by_its_own_name() -> None:
    made = planned(name="left-hand")
    assert '"--port=/dev/left-hand-sensor"' in made.unit
    assert 'SYMLINK+="left-hand-sensor"' in made.rules
    assert "StateDirectory=left-hand\n" in made.unit


def test_an_unknown_one_by_the_name_that_was_given() -> None:
    made = planned(adapter=None)
    assert '"--port=/dev/ttyUSB0"' in made.unit


def test_a_user_of_the_system_is_used_and_another_is_made() -> None:
    assert "User=root\n" in planned(user="root").unit
    assert "DynamicUser" not in planned(user="root").unit
    assert "DynamicUser=yes\n" in planned().unit


def test_a_file_with_a_whole_path_may_be_written_and_others_lie_in_its_own_folder() -> None:
    made = planned("--sink", "jsonl:/srv/emg data/log.jsonl", "--sink", "jsonl:log.jsonl")
    assert 'ReadWritePaths="/srv/emg data"\n' in made.unit
    assert made.unit.count("ReadWritePaths") == 1


def test_a_bundle_that_is_not_there_is_a_problem_and_it_is_said_once() -> None:
    problems = planned().problems
    assert any("/opt/bundle" in one for one in problems)
    assert len(set(problems)) == len(problems)


def test_a_folder_in_a_home_that_is_written_to_is_not_sealed_with_the_homes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(servicing, "_programs", lambda _: iter(()))  # this Python may be in a home
    assert "ProtectHome=yes\n" in planned("--sink", "jsonl:/srv/log.jsonl").unit
    made = planned("--sink", "jsonl:/home/of-nobody/log.jsonl")
    assert 'ReadWritePaths="/home/of-nobody"\n' in made.unit
    assert "ProtectHome=read-only\n" in made.unit  # systemd.exec(5): below "yes" nothing opens


@pytest.mark.parametrize(
    ("sink", "said"),
    [
        ("jsonl:/srv/of-nobody/log.jsonl", "/srv/of-nobody: no such folder"),
        ("jsonl:/tmp/log.jsonl", "a /tmp of its own"),
        ("jsonl:/etc/log.jsonl", "may not write there"),
    ],
)
def test_a_folder_that_cannot_be_written_to_is_a_problem(sink: str, said: str) -> None:
    assert any(said in one for one in planned("--sink", sink).problems)
    assert not any(said in one for one in planned("--sink", "jsonl:log.jsonl").problems)


@pytest.mark.parametrize("sink", [(), ("--sink", "ws://127.0.0.1:9?token_file={}")])
def test_a_private_token_is_to_be_given_by_systemd(tmp_path: Path, sink: tuple[str, ...]) -> None:
    token = tmp_path / "token"
    token.touch(mode=0o600)
    arguments = [one.format(token) for one in sink] or ["--monitor-token-file", str(token)]
    (said,) = [one for one in planned(*arguments).problems if f"{token}" in one]
    assert "write EDGEEMG_TOKEN=... into /etc/edgeemg.env" in said


@pytest.mark.parametrize("name", ["", "a b", "../x", "%n", "A", "-x", "x" * 32, "x\n"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(EdgeEmgError, match="name is 1 to 31"):
        file_paths(name)
    with pytest.raises(EdgeEmgError, match="name is 1 to 31"):
        planned(user=name)


# --- files


def test_what_is_written_carries_a_checksum(tmp_path: Path) -> None:
    for path, text in planned().paths(tmp_path).items():
        assert untouched(text)
        assert not untouched(text + "\n")
        assert not untouched(text.partition("\n")[2])
        assert path.is_relative_to(tmp_path)


def test_files_are_written_whole_and_then_left_alone(tmp_path: Path) -> None:
    (path, text), _ = planned().paths(tmp_path).items()
    assert write(path, text) == f"wrote {path}"
    assert (path.read_text(), path.stat().st_mode & 0o777) == (text, 0o644)
    before = path.stat()
    assert write(path, text) == f"{path} is as it should be"
    assert path.stat() == before
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_a_newer_version_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    (path, text), _ = planned().paths(tmp_path).items()
    (_, newer), _ = planned("--threshold", "0.7").paths(tmp_path).items()
    write(path, text)
    assert write(path, newer) == f"wrote {path}"
    assert path.read_text() == newer


def test_what_a_person_changed_is_kept_beside_it(tmp_path: Path) -> None:
    (path, text), _ = planned().paths(tmp_path).items()
    write(path, text)
    changed = text.replace("WatchdogSec=10", "WatchdogSec=99")
    path.write_text(changed)
    assert f"is now {path}.before" in write(path, text)
    assert path.read_text() == text
    assert path.with_name(f"{path.name}.before").read_text() == changed
    assert write(path, text) == f"{path} is as it should be"


def test_files_are_taken_away_and_changed_ones_kept(tmp_path: Path) -> None:
    for path, text in planned().paths(tmp_path).items():
        assert remove(path) == f"{path} is not there"
        write(path, text)
        assert remove(path) == f"removed {path}"
        path.write_text("mine")
        assert "changed by hand" in remove(path)
        assert [one.read_text() for one in path.parent.iterdir()] == ["mine"]


def test_files_of_others_are_left_alone_and_ours_are_known(tmp_path: Path) -> None:
    ours = planned().paths(tmp_path)
    check_ours(ours)  # not there yet
    for path, text in ours.items():
        write(path, text.replace("=", " = "))  # changed by hand, and ours all the same
    check_ours(ours)
    unit, _ = ours
    for make in (lambda: unit.write_text("[Unit]\n"), lambda: unit.symlink_to("/nowhere")):
        unit.unlink()
        make()
        with pytest.raises(EdgeEmgError, match="was not written by `edgeemg service install`"):
            check_ours(ours)


def test_a_unit_of_the_systems_is_found_beside_ours() -> None:
    beside = list(units_beside("ssh"))
    assert Path("/usr/lib/systemd/system/ssh.service") in beside
    assert Path("/run/systemd/system/ssh.service") in beside
    assert file_paths("ssh")[0] not in beside


def test_a_folder_in_the_way_is_one_line_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "x.service"
    (path / "inner").mkdir(parents=True)
    with pytest.raises(EdgeEmgError, match="cannot write"):
        write(path, "text")
    assert [one.name for one in tmp_path.iterdir()] == ["x.service"]
