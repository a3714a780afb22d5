import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_bridge import cobs

full = bytes(range(1, 255))
# blocks with zeros and without, of lengths about a full block of 254
mostly_plain = st.lists(
    st.one_of(
        st.binary(max_size=20),
        st.just(b"\0"),
        st.integers(250, 258).map(lambda n: b"\x07" * n),
        st.integers(505, 512).map(lambda n: b"\xff" * n),
    ),
    max_size=6,
).map(b"".join)


@given(plain=mostly_plain)
@example(plain=b"")
@example(plain=full)
@example(plain=full + b"\0")
@example(plain=full + b"\0" + full)
def test_what_is_encoded_is_decoded(plain: bytes) -> None:
    encoded = cobs.encode(plain)
    assert b"\0" not in encoded
    assert cobs.decode(encoded) == plain


@given(plain=mostly_plain)
def test_it_costs_one_byte_and_one_for_every_254(plain: bytes) -> None:
    assert len(plain) + 1 <= len(cobs.encode(plain)) <= len(plain) + 1 + len(plain) // 254


@given(encoded=st.one_of(st.binary(max_size=300), mostly_plain))
def test_what_is_decoded_is_the_same_frame_again(encoded: bytes) -> None:
    """Any bytes: refused, or the code of what comes out, give or take the code byte too many."""
    plain = cobs.decode(encoded)
    if plain is not None:
        assert cobs.encode(plain) in (encoded, encoded[:-1])


@pytest.mark.parametrize("zero_at", range(4))
def test_a_zero_is_refused_wherever_it_stands(zero_at: int) -> None:
    encoded = bytearray(cobs.encode(b"\x05\x06\0"))
    encoded[zero_at] = 0
    assert cobs.decode(bytes(encoded)) is None


def test_nothing_is_refused() -> None:
    assert cobs.decode(b"") is None


def test_a_code_byte_too_many_changes_nothing() -> None:
    assert cobs.decode(cobs.encode(full) + b"\x01") == full
