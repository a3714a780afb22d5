from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.errors import EngineError, ManifestError
from edgeemg.typed_json import build


@dataclass(frozen=True)
class Leaf:
    name: str
    size: int = 1


@dataclass(frozen=True)
class Whole:
    number: float
    mode: Literal["a", "b"] = "a"
    leaves: tuple[Leaf, ...] = ()
    rows: tuple[tuple[float, ...], ...] = ()
    by_name: dict[str, Leaf] = field(default_factory=dict)
    maybe: str | None = None
    sure: bool = False
    anything: Any = None


def test_nested_plain_json_becomes_nested_dataclasses() -> None:
    plain = {
        "number": 2,
        "mode": "b",
        "leaves": [{"name": "x"}, {"name": "y", "size": 3}],
        "rows": [[1, 2.5], []],
        "by_name": {"k": {"name": "z"}},
        "maybe": "m",
        "sure": True,
        "anything": {"deep": [None]},
    }
    built = build(Whole, plain)
    assert built == Whole(
        2.0,
        "b",
        (Leaf("x"), Leaf("y", 3)),
        ((1.0, 2.5), ()),
        {"k": Leaf("z")},
        "m",
        True,
        {"deep": [None]},
    )
    assert type(built.number) is float
    assert type(built.rows[0][0]) is float


def test_null_fits_an_optional_field_only() -> None:
    assert build(Whole, {"number": 1, "maybe": None}).maybe is None
    with pytest.raises(ManifestError, match="number must be float, got 'None'"):
        build(Whole, {"number": None})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": "1"}, "number must be float"),
        ({"number": True}, "number must be float"),
        ({"number": [1]}, "number must be float"),
        ({"number": float("nan")}, "number must be a finite number"),
        ({"number": float("-inf")}, "number must be a finite number"),
        ({"number": 10**400}, "number must be a finite number"),
        ({"mode": "c"}, "mode must be one of a, b, got 'c'"),
        ({"mode": ["a"]}, "mode must be one of a, b"),
        ({"leaves": {"name": "x"}}, "leaves must be a list"),
        ({"leaves": "xy"}, "leaves must be a list"),
        ({"leaves": [{"name": "x"}, 7]}, r"leaves\[1\] must be an object, got '7'"),
        ({"leaves": [{"name": 7}]}, r"leaves\[0\]\.name must be str"),
        ({"leaves": [{"name": "x", "size": 1.0}]}, r"leaves\[0\]\.size must be int"),
        ({"leaves": [{"name": "x", "size": False}]}, r"leaves\[0\]\.size must be int"),
        ({"rows": [[1], ["2"]]}, r"rows\[1\]\[0\] must be float"),
        ({"by_name": []}, "by_name must be an object"),
        ({"by_name": {"k": {}}}, r"by_name\.k is incomplete .*name"),
        ({"maybe": 3}, "maybe must be str"),
        ({"sure": 1}, "sure must be bool"),
        ({"colour": 1, "shape": 2}, "manifest has unknown fields colour, shape"),
        ({"leaves": [{"name": "x", "age": 1}]}, r"leaves\[0\] has unknown fields age"),
    ],
)
def test_a_mismatch_names_the_field(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        build(Whole, {"number": 1, **change})


def test_a_missing_field_is_named() -> None:
    with pytest.raises(ManifestError, match=r"manifest is incomplete .*number"):
        build(Whole, {})


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ([], "a measurement must be an object"),
        ({}, "a measurement is incomplete"),
        ({"number": "x"}, "number must be float"),
        ({"number": 1, "by_name": {"k": {}}}, r"by_name\.k is incomplete"),
    ],
)
def test_what_is_no_manifest_has_a_name_and_an_error_of_its_own(plain: Any, message: str) -> None:
    with pytest.raises(EngineError, match=f"^{message}"):
        build(Whole, plain, whole="a measurement", error=EngineError)


def test_a_long_wrong_value_is_cut_in_the_message() -> None:
    with pytest.raises(ManifestError) as caught:
        build(Whole, {"number": "x" * 10_000})
    assert len(str(caught.value)) < 100


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ["number", "mode", "leaves", "rows", "by_name", "maybe", "sure", "anything"]


@given(st.dictionaries(st.sampled_from(FIELDS), json_values) | json_values)
def test_any_json_is_built_or_refused_with_a_manifest_error(plain: Any) -> None:
    try:
        built = build(Whole, plain)
    except ManifestError:
        return
    assert isinstance(built, Whole)
    assert set(plain) <= set(FIELDS)
