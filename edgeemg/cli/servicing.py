"""What `edgeemg service` is asked for in; a unit and its udev rules, written or taken away, out."""

import grp
import hashlib
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import edgeemg
from edgeemg.cli.reachable import exists, in_homes, why_hidden, why_unwritable
from edgeemg.cli.run_arguments import RunArguments
from edgeemg.cli.service_warnings import token_remedy, warnings
from edgeemg.cli.udev_rules import Adapter, adapter_of, rules_text
from edgeemg.cli.unit_file import Needs, unit_text
from edgeemg.errors import EdgeEmgError
from edgeemg.manifest import MANIFEST_NAME
from edgeemg.profiler.service_checks import is_ours

PREFIX = Path("/etc")
_NAMES = re.compile(r"[a-z_][a-z0-9_-]{0,30}")  # of services and users: useradd(8)
_GROUPS = ("dialout", "uucp")  # who may open serial ports: Debian and Fedora, Arch
# where units lie beside those in /etc, below the folder that holds it: systemd.unit(5)
_UNITS = ("run", "usr/local/lib", "usr/lib", "lib")
_MARK = "# written by `edgeemg service install`; sha256 of what follows: "
_ADVICE = {
    ".service": "# change it by `systemctl edit {name}`, which keeps this file as it is\n",
    ".rules": "# change it by rules of your own, in a file whose name comes after this one's\n",
}


@dataclass(frozen=True, slots=True)
class Service:
    """Two files, and what speaks against them.

    problems  why the service would not start, in sentences
    warnings  what it lacks to serve its pages
    """

    name: str
    unit: str
    rules: str
    adapter: Adapter | None
    problems: tuple[str, ...]
    warnings: tuple[str, ...]

    def paths(self, prefix: Path = PREFIX) -> dict[Path, str]:
        """Where the files go below `prefix`, and what is in them."""
        unit, rules = file_paths(self.name, prefix)
        texts = {unit: self.unit, rules: self.rules}
        return {path: _marked(path, text, self.name) for path, text in texts.items()}


def file_paths(name: str, prefix: Path = PREFIX) -> tuple[Path, Path]:
    """The unit and the udev rules of the service of this name; EdgeEmgError where it is none."""
    _check_name(name, "service")
    rules = prefix / f"udev/rules.d/60-{name}.rules"
    return prefix / f"systemd/system/{name}.service", rules


def plan(
    asked: RunArguments,
    *,
    name: str,
    user: str,
    prefix: Path = PREFIX,
    find: Callable[[Path], Adapter | None] = adapter_of,
) -> Service:
    """The files of a service that runs what was asked for, with this Python.

    prefix  where it will be written to
    find    what USB adapter a port is

    EdgeEmgError for a name that is none, and for paths and addresses that a unit cannot hold.
    """
    _check_name(name, "service")
    _check_name(user, "user")
    warned = tuple(warnings(asked, name=name, prefix=prefix))
    adapter = find(asked.port)
    port = asked.port if adapter is None else Path(f"/dev/{name}-sensor")
    python = Path(sys.executable)
    read = [asked.bundle / MANIFEST_NAME, *_programs(python), *asked.files]
    written = list(_files_written(asked.sinks))
    needs = Needs(
        port=_real_name(asked.port),
        sinks=asked.sinks,
        monitor=asked.monitor,
        writable=tuple(dict.fromkeys(str(one.parent) for one in written)),
        in_homes=in_homes([*read, *(one.parent for one in written)]),
    )
    group = serial_group()
    remedies = dict.fromkeys(asked.tokens, token_remedy(name))
    reasons = (
        *(why_hidden(one, user, groups=[group], instead=remedies.get(one)) for one in read),
        *(why_unwritable(one, user, groups=[group]) for one in written),
    )
    command = [str(python), "-P", "-m", "edgeemg", *asked.command(port)]
    return Service(
        name=name,
        unit=unit_text(
            name, command, user=user, dynamic=not exists(user), group=group, needs=needs
        ),
        rules=rules_text(name, adapter, group=group, types=_types(asked.sinks)),
        adapter=adapter,
        problems=tuple(dict.fromkeys(why for why in reasons if why)),
        warnings=warned,
    )


def check_ours(paths: Iterable[Path]) -> None:
    """EdgeEmgError where one of them is there, and `edgeemg service install` never wrote it."""
    for path in paths:
        if (path.exists() or path.is_symlink()) and not is_ours(path):
            raise EdgeEmgError(
                f"{path} was not written by `edgeemg service install`, so it is left alone: "
                "give the service another --name"
            )


def units_beside(name: str, prefix: Path = PREFIX) -> Iterator[Path]:
    """Where a unit of this name would be, of the system's own or of a package's."""
    _check_name(name, "service")
    for one in _UNITS:
        yield prefix.absolute().parent / one / f"systemd/system/{name}.service"


def write(path: Path, text: str) -> str:
    """Put the file there, whole or not at all; says what became of it.

    One that a person changed is kept beside it as .before. EdgeEmgError where it cannot be written.
    """
    try:
        before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else None
        if before == text:
            return f"{path} is as it should be"
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = ""
        if before is not None and not untouched(before):
            old = path.with_name(f"{path.name}.before")
            shutil.copy2(path, old)
            kept = f"; what was there, changed by hand, is now {old}"
        _write_whole(path, text)
    except OSError as error:
        raise EdgeEmgError(
            f"cannot write {path} ({error.strerror}): run it as root (sudo), "
            "or look at the files first with --dry-run"
        ) from error
    return f"wrote {path}{kept}"


def remove(path: Path) -> str:
    """Take the file away; says what became of it. EdgeEmgError where it cannot be."""
    if not path.exists():
        return f"{path} is not there"
    try:
        if untouched(path.read_text(encoding="utf-8", errors="replace")):
            path.unlink()
            return f"removed {path}"
        old = path.with_name(f"{path.name}.before")
        path.replace(old)
    except OSError as error:
        raise EdgeEmgError(f"cannot remove {path} ({error.strerror}): run it as root") from error
    return f"{path} was changed by hand, it is now {old}"


def untouched(text: str) -> bool:
    """Whether a file is as `edgeemg service install` once wrote it."""
    mark, _, rest = text.partition("\n")
    return mark == _MARK + _sum(rest)


def serial_group() -> str:
    """Who may open serial ports on this system."""
    known = {one.gr_name for one in grp.getgrall()}
    return next((one for one in _GROUPS if one in known), _GROUPS[0])


def _marked(path: Path, text: str, name: str) -> str:
    rest = _ADVICE[path.suffix].format(name=name) + text
    return f"{_MARK}{_sum(rest)}\n{rest}"


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _write_whole(path: Path, text: str) -> None:
    handle, work = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(work).chmod(0o644)
        Path(work).replace(path)
    except BaseException:
        Path(work).unlink(missing_ok=True)
        raise


def _check_name(name: str, what: str) -> None:
    if not _NAMES.fullmatch(name):
        raise EdgeEmgError(
            f"a {what}'s name is 1 to 31 of a-z 0-9 _ - and begins with a letter, got {name!r}"
        )


def _real_name(port: Path) -> str:
    """As the kernel calls it, below /dev; "" where it is a link of udev's that is not there yet."""
    try:
        return port.resolve(strict=True).relative_to("/dev").as_posix()
    except (OSError, ValueError, RuntimeError):  # the last: a link to itself
        lone = port.parent == Path("/dev") and port.name.startswith("tty")
        return port.name if lone else ""


def _programs(python: Path) -> Iterator[Path]:
    """This Python, by its name and where that leads, and this package."""
    yield from (python, python.resolve(), Path(edgeemg.__file__))


def _files_written(sinks: Sequence[str]) -> Iterator[Path]:
    """Those with a whole path; others lie in the service's own folder."""
    for one in sinks:
        kind, _, where = one.partition(":")
        if kind == "jsonl" and where.startswith("/"):
            yield Path(where)


def _types(sinks: Sequence[str]) -> bool:
    return any(one.partition(":")[0] == "keys" for one in sinks)
