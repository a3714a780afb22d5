import errno
import os
from pathlib import Path

import pytest

from edgeemg.cli.outputs import fresh_folder
from edgeemg.errors import EdgeEmgError, OutputExistsError
from edgeemg.manifest import MANIFEST_NAME


def content(folder: Path) -> dict[str, str]:
    """Everything below a folder but our marks: relative path to text."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else "(folder)"
        for path in sorted(folder.rglob("*"))
        if path.name != MANIFEST_NAME
    }


def write(out: Path, *, force: bool = False, text: str = "new") -> None:
    with fresh_folder(out, force=force) as work:
        (work / "model").write_text(text)


class InTheMiddleError(Exception):
    pass


def fail(out: Path, error: BaseException, *, force: bool) -> None:
    with fresh_folder(out, force=force) as work:
        (work / "half").write_text("half")
        (work / "inner").mkdir()
        raise error


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    out = tmp_path / "out"
    (out / "inner").mkdir(parents=True)
    (out / "old").write_text("old")
    (out / MANIFEST_NAME).write_text("{}")  # ours: what `force` may replace
    return out


# --- a good end


def test_the_folder_appears_when_the_block_ends(tmp_path: Path) -> None:
    with fresh_folder(tmp_path / "a" / "b" / "out", force=False) as work:
        (work / "model").write_text("new")
        assert not (tmp_path / "a" / "b" / "out").exists()
    assert content(tmp_path / "a" / "b") == {"out": "(folder)", "out/model": "new"}


def test_others_may_read_the_folder(tmp_path: Path) -> None:
    write(tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755


@pytest.mark.parametrize("force", [False, True])
def test_an_empty_folder_is_as_good_as_none(tmp_path: Path, force: bool) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", force=force)
    assert content(tmp_path) == {"out": "(folder)", "out/model": "new"}


def test_force_replaces_the_old_content_as_a_whole(filled: Path) -> None:
    write(filled, force=True)
    assert content(filled.parent) == {"out": "(folder)", "out/model": "new"}


def test_force_needs_nothing_to_replace(tmp_path: Path) -> None:
    write(tmp_path / "out", force=True)
    assert content(tmp_path) == {"out": "(folder)", "out/model": "new"}


def test_the_old_content_is_there_until_the_new_is_whole(filled: Path) -> None:
    with fresh_folder(filled, force=True):
        assert content(filled) == {"inner": "(folder)", "old": "old"}


@pytest.mark.parametrize("name", ["out", "./out", "sub/../out", "out/", "out/../out"])
def test_a_relative_path_is_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    (tmp_path / "out").mkdir()
    write(Path(name))
    assert content(tmp_path) == {"out": "(folder)", "out/model": "new", "sub": "(folder)"}


@pytest.mark.parametrize("there", [True, False])
def test_a_symbolic_link_stays_and_the_folder_behind_it_is_replaced(
    tmp_path: Path, there: bool
) -> None:
    target = tmp_path / "disk" / "target"
    target.parent.mkdir()
    if there:
        target.mkdir()
        (target / MANIFEST_NAME).write_text("{}")
    (tmp_path / "out").symlink_to(target)
    write(tmp_path / "out", force=True)
    assert (tmp_path / "out").is_symlink()
    assert content(tmp_path / "disk") == {"target": "(folder)", "target/model": "new"}


# --- a bad end


@pytest.mark.parametrize("error", [InTheMiddleError(), KeyboardInterrupt(), SystemExit(1)])
def test_nothing_is_left_behind_on_an_error(tmp_path: Path, error: BaseException) -> None:
    with pytest.raises(type(error)):
        fail(tmp_path / "out", error, force=False)
    assert content(tmp_path) == {}


@pytest.mark.parametrize("error", [InTheMiddleError(), KeyboardInterrupt()])
def test_the_old_content_is_kept_on_an_error_with_force(filled: Path, error: BaseException) -> None:
    before = content(filled.parent)
    with pytest.raises(type(error)):
        fail(filled, error, force=True)
    assert content(filled.parent) == before


def test_the_old_content_comes_back_when_the_new_cannot_take_its_place(
    filled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = content(filled.parent)
    rename = Path.rename

    def fails_for_the_new_one(self: Path, target: Path) -> Path:
        if target == filled and (self / "model").exists():
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fails_for_the_new_one)
    with pytest.raises(OSError, match="Input/output error"):
        write(filled, force=True)
    assert content(filled.parent) == before


# --- what is refused


@pytest.mark.parametrize("form", ["{0}", "{0}/", "{0}/../out"])
def test_a_folder_that_is_not_empty_is_refused(filled: Path, form: str) -> None:
    before = content(filled.parent)
    with pytest.raises(OutputExistsError, match=r"out.* is not empty: .*--force"):
        write(Path(form.format(filled)))
    assert content(filled.parent) == before


@pytest.mark.parametrize("name", [".hidden", "..odd"])
def test_a_folder_with_hidden_files_is_not_empty(tmp_path: Path, name: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_text("")
    with pytest.raises(OutputExistsError, match="not empty"):
        write(tmp_path / "out")


@pytest.mark.parametrize("force", [False, True])
def test_a_file_is_never_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputExistsError, match="is a file: name a folder"):
        write(tmp_path / "out", force=force)
    assert content(tmp_path) == {"out": "mine"}


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("name", [".", "..", "../..", "/", "../inner", "../../out"])
def test_the_folder_one_is_in_is_never_replaced_nor_one_that_holds_it(
    filled: Path, monkeypatch: pytest.MonkeyPatch, name: str, force: bool
) -> None:
    monkeypatch.chdir(filled / "inner")
    before = content(filled.parent)
    with pytest.raises(OutputExistsError, match="is or holds the folder you are in"):
        write(Path(name), force=force)
    assert content(filled.parent) == before


@pytest.mark.parametrize("force", [False, True])
def test_a_file_as_parent_is_refused_and_left_alone(tmp_path: Path, force: bool) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises((OSError, EdgeEmgError), match="file"):
        write(tmp_path / "file" / "out", force=force)
    assert content(tmp_path) == {"file": "mine"}


def test_a_parent_that_takes_no_folder_is_an_error_that_names_it() -> None:
    with pytest.raises(OSError, match="No such file or directory") as caught:
        write(Path("/proc/out"))  # refused to root, too
    assert os.fspath(caught.value.filename).startswith("/proc/")


def test_force_does_not_replace_what_is_not_ours(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter").write_text("years")
    with pytest.raises(OutputExistsError, match="did not make"):
        write(tmp_path / "thesis", force=True)
    assert content(tmp_path) == {"thesis": "(folder)", "thesis/chapter": "years"}


@pytest.mark.parametrize("name", ["rec", ".", "rec/inner"])
def test_an_output_in_or_around_an_input_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "rec" / "inner").mkdir(parents=True)
    out, source = tmp_path / name, tmp_path / "rec"
    with pytest.raises(OutputExistsError, match="lie in each other"):  # noqa: SIM117  # the raise is in entering
        with fresh_folder(out, force=True, inputs=[source]):
            pass
