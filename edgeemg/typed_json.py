"""Plain JSON in, annotated dataclasses out; every mismatch names the field."""

import math
from dataclasses import fields, is_dataclass
from types import UnionType
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from edgeemg.errors import EdgeEmgError, ManifestError

T = TypeVar("T")


class _MismatchError(Exception):
    """Where in the JSON, "" for the whole, and what is wrong there."""


def build(
    kind: type[T],
    plain: Any,
    *,
    whole: str = "manifest",
    error: type[EdgeEmgError] = ManifestError,
) -> T:
    """`plain` JSON as the dataclass `kind`; `error` where the two differ.

    whole  what `plain` is called in messages about no single field of it
    """
    try:
        return _build_dataclass(kind, plain, "")
    except _MismatchError as mismatch:
        where, what = mismatch.args
        raise error(f"{where or whole} {what}") from mismatch


def _build(kind: Any, plain: Any, where: str) -> Any:
    """`plain` JSON as the annotated type `kind`, or a mismatch that says where it differs."""
    origin = get_origin(kind)
    if kind is Any:
        return plain
    if is_dataclass(kind):
        return _build_dataclass(cast("type[object]", kind), plain, where)
    if origin is tuple:
        element = get_args(kind)[0]
        if not isinstance(plain, list):
            raise _mismatch(where, "a list", plain)
        return tuple(_build(element, one, f"{where}[{n}]") for n, one in enumerate(plain))
    if origin is dict:
        element = get_args(kind)[1]
        if not isinstance(plain, dict):
            raise _mismatch(where, "an object", plain)
        return {name: _build(element, one, f"{where}.{name}") for name, one in plain.items()}
    if origin in (Union, UnionType):
        if plain is None:
            return None
        return _build(get_args(kind)[0], plain, where)
    return _build_scalar(kind, plain, where)


def _build_scalar(kind: Any, plain: Any, where: str) -> Any:
    if get_origin(kind) is Literal:
        if plain in get_args(kind):
            return plain
        raise _mismatch(where, f"one of {', '.join(get_args(kind))}", plain)
    if kind is float:
        return _build_float(plain, where)
    if type(plain) is kind:
        return plain
    raise _mismatch(where, kind.__name__, plain)


def _build_float(plain: Any, where: str) -> float:
    if type(plain) not in (int, float):
        raise _mismatch(where, "float", plain)
    try:
        number = float(plain)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _mismatch(where, "a finite number", plain)
    return number


def _build_dataclass(kind: type[T], plain: Any, where: str) -> T:
    if not isinstance(plain, dict):
        raise _mismatch(where, "an object", plain)
    hints = get_type_hints(kind)
    known = {one.name for one in fields(kind)}  # type: ignore[arg-type]  # kind is a dataclass
    unknown = sorted(set(plain) - known)
    if unknown:
        raise _MismatchError(where, f"has unknown fields {', '.join(unknown)}")
    prefix = f"{where}." if where else ""
    values = {name: _build(hints[name], one, prefix + name) for name, one in plain.items()}
    try:
        return kind(**values)
    except TypeError as error:
        raise _MismatchError(where, f"is incomplete ({error})") from error


def _mismatch(where: str, wanted: str, got: Any) -> _MismatchError:
    return _MismatchError(where, f"must be {wanted}, got {str(got)[:40]!r}")
