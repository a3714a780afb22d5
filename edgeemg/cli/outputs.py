"""Folders that verbs write: whole or not at all, and never over something by accident."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edgeemg.errors import OutputExistsError
from edgeemg.manifest import MANIFEST_NAME

DEMO_MARK = "made-by-edgeemg-demo"
PAGE_MARK = b"<p>Made by edgeemg "  # edgeemg/pages/page.html


@contextmanager
def fresh_folder(out: Path, *, force: bool, inputs: Sequence[Path] = ()) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its place when the block ends well.

    OutputExistsError where `out` holds something already and `force` is not set, or what it holds
    was not made by us; where it is or holds the working directory; and where it is, holds or lies
    in one of `inputs`. With `force` the old content stays until the new one is whole.
    """
    place = out.resolve()
    if place.exists() and not place.is_dir():
        raise OutputExistsError(f"{out} is a file: name a folder")
    if Path.cwd().is_relative_to(place):
        raise OutputExistsError(f"{out} is or holds the folder you are in: name another folder")
    _keep_inputs(out, place, inputs)
    if place.is_dir() and any(place.iterdir()):
        if not force:
            raise OutputExistsError(f"{out} is not empty: name another folder, or add --force")
        if not any((place / name).is_file() for name in (MANIFEST_NAME, DEMO_MARK)):
            raise OutputExistsError(
                f"{out} holds something that edgeemg did not make, --force does not replace it: "
                "name another folder"
            )
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    try:
        yield work
        work.chmod(0o755)
        _take_place(work, place)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def check_report(report: Path | None, *, option: str = "--report") -> None:
    """Refuse a file that cannot be written, before hours of work and not after them."""
    if report is None:
        return
    if report.is_dir():
        raise OutputExistsError(f"{option} {report} is a folder: name a file")
    if report.exists() and PAGE_MARK not in report.read_bytes():
        raise OutputExistsError(
            f"{option} {report} is there and is no page of ours: name another file"
        )
    if not report.absolute().parent.is_dir():
        raise OutputExistsError(
            f"{option} {report}: there is no folder {report.absolute().parent}: make it first"
        )


def _keep_inputs(out: Path, place: Path, inputs: Sequence[Path]) -> None:
    for one in inputs:
        source = one.resolve()
        if source.is_relative_to(place) or place.is_relative_to(source):
            raise OutputExistsError(f"{out} and {one} lie in each other: name another folder")


def _take_place(work: Path, place: Path) -> None:
    if not place.exists():
        work.rename(place)
        return
    old = work.with_name(f"{work.name}-old")
    place.rename(old)
    try:
        work.rename(place)
    except OSError:
        old.rename(place)
        raise
    shutil.rmtree(old)
