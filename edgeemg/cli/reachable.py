"""A path and a user in; why a service of that user could not read or write it, out."""

import grp
import os
import pwd
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

_SCRATCH = ("/tmp", "/var/tmp")  # noqa: S108  # the service gets its own, empty
_HOMES = ("/home", "/root", "/run/user")  # what ProtectHome= hides: systemd.exec(5)
_MOST_LINKS = 40  # the kernel follows no more: path_resolution(7)


def why_hidden(
    path: Path, user: str, *, groups: Sequence[str] = (), instead: str | None = None
) -> str | None:
    """One sentence with a remedy; None where the service can read the path.

    groups   that the service is in, beside the user's own
    instead  the remedy; None: to move it, or to let the user read it

    Links are followed, and each must be in reach. A user that does not exist yet has the rights
    that everybody has; root has those of its own files only, for a service has no capabilities.
    """
    who = _who(user, groups)
    *links, real = places(path)
    if any(_is_below(one, _SCRATCH) for one in (*links, real)):
        remedy = instead or "move it"
        return f"{path}: a service does not see /tmp, and it is emptied at every start: {remedy}"
    entered = [one for place in (*links, real) for one in reversed(place.parents)]
    for one in dict.fromkeys((*entered, real)):
        try:
            found = one.stat()
        except OSError as error:
            return f"{one}: {error.strerror}"
        is_folder = stat.S_ISDIR(found.st_mode)
        if not who.may(found, os.X_OK if is_folder else os.R_OK):
            remedy = instead or _remedy(found.st_uid, is_folder=is_folder)
            return f"{one}: user {user} may not read it, so the service cannot use {path}: {remedy}"
    return None


def why_unwritable(file: Path, user: str, *, groups: Sequence[str] = ()) -> str | None:
    """One sentence with a remedy; None where the service can write the file.

    user, groups  as in `why_hidden`
    """
    folder = file.parent
    if any(_is_below(one, _SCRATCH) for one in places(folder)):
        return (
            f"{file}: a service has a /tmp of its own, so nobody would see the file: "
            f"name another folder, or none, as in jsonl:{file.name}"
        )
    who = _who(user, groups)
    try:
        if not stat.S_ISDIR(folder.stat().st_mode):
            return f"{folder} is no folder: name one that is"
        if why := why_hidden(folder, user, groups=groups):
            return why
        may_write = who.may(folder.stat(), os.W_OK | os.X_OK)
        may_write &= not file.exists() or who.may(file.stat(), os.W_OK)
    except FileNotFoundError:
        return f"{folder}: no such folder, and without it the service does not start: make it"
    except OSError as error:
        return f"{folder}: {error.strerror}"
    if may_write:
        return None
    return (
        f"{file}: user {user} may not write there: give the folder to a user of this system, "
        f"whom --user names, or name no folder, as in jsonl:{file.name}"
    )


def in_homes(paths: Iterable[Path]) -> bool:
    """Whether any of them lies in a home, or is reached through a link in one."""
    return any(_is_below(one, _HOMES) for path in paths for one in places(path))


def places(path: Path) -> list[Path]:
    """Each link on the way, and last what the path leads to; without `..`.

    A path through more links than the kernel follows ends with one of them.
    """
    found: list[Path] = []
    while len(found) < _MOST_LINKS:
        way = (*reversed(path.parents), path)
        link = next((one for one in way if os.path.islink(one)), None)  # noqa: PTH114  # never raises
        if link is None:
            break
        found.append(_plain(link))
        path = link.parent / link.readlink() / path.relative_to(link)
    return [*found, _plain(path)]


def exists(user: str) -> bool:
    """Whether the system knows a user of this name."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Who:
    """Somebody without capabilities; uid -1: nobody's files are theirs."""

    uid: int
    groups: frozenset[int]

    def may(self, found: os.stat_result, right: int) -> bool:
        """right  of os.R_OK, os.W_OK and os.X_OK, as in access(2)."""
        shift = 6 if found.st_uid == self.uid else 3 if found.st_gid in self.groups else 0
        return found.st_mode >> shift & right == right


def _who(user: str, groups: Sequence[str]) -> _Who:
    named = {one.gr_gid for one in grp.getgrall() if one.gr_name in groups}
    if not exists(user):
        return _Who(-1, frozenset(named))
    known = pwd.getpwnam(user)
    return _Who(known.pw_uid, frozenset({*os.getgrouplist(user, known.pw_gid), *named}))


def _remedy(uid: int, *, is_folder: bool) -> str:
    move = "move it below /opt" if is_folder else "let everybody read it (chmod o+r)"
    return move if uid == 0 else f"{move}, or name its owner with --user {_owner(uid)}"


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _is_below(path: Path, folders: Iterable[str]) -> bool:
    return any(path.is_relative_to(one) for one in folders)


def _plain(path: Path) -> Path:
    """Without `..`; only right where no parent is a link."""
    return Path(os.path.normpath(path))
