"""Blocks of a journal: whole ones come back, damaged ones are left out, nothing raises."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.data import journal_blocks as blocks

PAYLOADS = st.lists(
    st.tuples(
        st.sampled_from(sorted(blocks.MAGIC)), st.integers(0, 2**62), st.binary(max_size=200)
    ),
    max_size=6,
)


def packed(parts):
    return [blocks.pack_block(kind, n, index, body) for n, (kind, index, body) in enumerate(parts)]


def scanned(content):
    damage = blocks.Damage()
    found = list(blocks.scan_blocks(content, damage))
    whole = sum(blocks.OVERHEAD + len(block.payload) for block in found)
    assert whole + damage.lost_bytes == len(content)
    return found, damage


@given(PAYLOADS)
def test_what_was_packed_comes_back(parts):
    found, damage = scanned(b"".join(packed(parts)))
    assert [(one.kind, one.first_index, one.payload) for one in found] == parts
    assert damage.stretches == []


@given(PAYLOADS, st.binary(max_size=60), st.data())
def test_noise_between_blocks_costs_no_block(parts, noise, data):
    pieces = packed(parts)
    at = data.draw(st.integers(0, len(pieces)))
    found, damage = scanned(b"".join([*pieces[:at], noise, *pieces[at:]]))
    assert [one.payload for one in found] == [body for _, _, body in parts]
    assert damage.lost_bytes == len(noise)


@given(PAYLOADS.filter(bool), st.data())
def test_a_flipped_bit_costs_its_block_and_no_other(parts, data):
    pieces = packed(parts)
    hit = data.draw(st.integers(0, len(pieces) - 1))
    spoiled = bytearray(pieces[hit])
    bit = data.draw(st.integers(0, 8 * len(spoiled) - 1))
    spoiled[bit // 8] ^= 1 << bit % 8
    found, damage = scanned(b"".join([*pieces[:hit], bytes(spoiled), *pieces[hit + 1 :]]))
    assert [one.seq for one in found] == [n for n in range(len(parts)) if n != hit]
    assert damage.lost_bytes == len(spoiled)


@given(st.binary(max_size=2000))
def test_noise_is_no_block_and_never_raises(noise):
    scanned(noise + b"\xe5mgS" + noise)


@given(
    st.integers(1, 40),
    st.integers(1, 5),
    st.integers(0, 2**32 - 1),
)
def test_samples_come_back_bit_for_bit_nan_and_mask_too(rows, channels, seed):
    rng = np.random.default_rng(seed)
    bits = rng.integers(0, 2**32, (rows, channels), dtype=np.uint32)
    values = bits.view(np.float32)  # every kind of NaN among them
    valid = rng.random((rows, channels)) < 0.5
    payload = blocks.pack_samples(values, valid)
    assert len(payload) + blocks.OVERHEAD == blocks.samples_bytes(rows, channels)
    unpacked = blocks.unpack_samples(payload)
    assert unpacked is not None
    assert np.array_equal(unpacked[0].view(np.uint32), bits)
    assert np.array_equal(unpacked[1], valid)


@pytest.mark.parametrize("cut", [0, 3, 7, 8, 9, 60, -1])
def test_a_payload_of_another_length_is_no_samples(cut):
    payload = blocks.pack_samples(np.zeros((5, 3), np.float32), np.ones((5, 3), np.bool_))
    assert blocks.unpack_samples(payload[:cut]) is None
    assert blocks.unpack_samples(payload + b"\0") is None
