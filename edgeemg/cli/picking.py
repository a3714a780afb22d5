"""A bundle, and what was asked for, in; the engine and precision to run, and why, out."""

from collections.abc import Sequence
from typing import NamedTuple

from edgeemg.errors import MissingExtraError
from edgeemg.manifest import Manifest
from edgeemg.runtime.engines import installed_engines
from edgeemg.runtime.libraries import how_to_install


class Pick(NamedTuple):
    """Which file of a bundle runs; `why` is told when it starts."""

    engine: str
    precision: str
    why: str


def pick(
    manifest: Manifest, *, engine: str | None, precision: str | None, board: str | None
) -> Pick:
    """What was asked for, else what export chose, else the first installed engine in float32.

    Of the installed engines the first that the bundle has a file for.

    board  that this runs on, a key of BOARDS, None for any other machine. Where export did not
           measure it, and chose for one board only, that one's file is taken.
    A choice whose engine is not installed is not taken, and `why` says so. MissingExtraError where
    no engine is installed.
    """
    if engine is not None or precision is not None:
        asked = precision or "float32"
        return Pick(engine or _default(manifest, asked), asked, "as asked for")
    default = _default(manifest, "float32")
    if board not in manifest.choice and board in manifest.parity.get("boards", ()):
        return Pick(default, "float32", f"the default, as export ruled out all for {board}")
    chosen = board if board in manifest.choice else _only(list(manifest.choice))
    if chosen is None:
        return Pick(default, "float32", "the default")
    choice = manifest.choice[chosen]
    if choice.engine not in installed_engines():
        why = f"the default, as what was chosen for {chosen} needs {how_to_install(choice.engine)}"
        return Pick(default, "float32", why)
    return Pick(choice.engine, choice.precision, f"chosen for {chosen}")


def _only(boards: Sequence[str]) -> str | None:
    return boards[0] if len(boards) == 1 else None


def _default(manifest: Manifest, precision: str) -> str:
    """The first installed engine that the bundle has a file for, else the first installed one."""
    has = {one.engine for one in manifest.files.values() if one.precision == precision}
    able = [one for one in installed_engines() if one in has]
    return able[0] if able else default_engine()


def default_engine() -> str:
    """The first installed engine."""
    engines = installed_engines()
    if not engines:
        raise MissingExtraError(
            "no inference engine is installed: pip install 'edgeemg[litert]' or 'edgeemg[onnx]'"
        )
    return engines[0]
