"""A path and a user in; why a service of that user could not read it, out."""

import os
import pwd
import stat
from pathlib import Path

_HIDDEN = ("/tmp", "/var/tmp")  # noqa: S108  # the service gets its own, empty


def why_hidden(path: Path, user: str) -> str | None:
    """One sentence with a remedy; None where the service can read the path.

    A user that does not exist yet has the rights that everybody has.
    """
    if any(path.is_relative_to(one) for one in _HIDDEN):
        return f"{path}: a service does not see /tmp, and it is emptied at every start: move it"
    uid, groups = _identity(user)
    for one in (*reversed(path.parents), path):
        try:
            found = one.stat()
        except OSError as error:
            return f"{one}: {error.strerror}"
        if not _may(found, uid, groups, execute=stat.S_ISDIR(found.st_mode)):
            return (
                f"{one}: user {user} may not read it, so the service cannot use {path}: "
                f"move it below /opt, or name its owner with --user {_owner(found.st_uid)}"
            )
    return None


def exists(user: str) -> bool:
    """Whether the system knows a user of this name."""
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True


def _may(found: os.stat_result, uid: int, groups: list[int], *, execute: bool) -> bool:
    """Whether it may be read, or entered where it is a folder; access(2)."""
    if uid == 0:
        return True
    wanted = stat.S_IXOTH if execute else stat.S_IROTH
    if found.st_uid == uid:
        wanted <<= 6
    elif found.st_gid in groups:
        wanted <<= 3
    return bool(found.st_mode & wanted)


def _identity(user: str) -> tuple[int, list[int]]:
    if not exists(user):
        return -1, []
    known = pwd.getpwnam(user)
    return known.pw_uid, os.getgrouplist(user, known.pw_gid)


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
