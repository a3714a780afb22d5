from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.dsp.samples import Samples
from edgeemg.dsp.windows import HopBlocks, Windows, trust
from edgeemg.errors import ManifestError


def samples_at(index: list[int] | range, *, arrived_s: float = 0.0) -> Samples:
    """One channel whose values say which sample they are (float32: below 2**24 only)."""
    values = np.array(index, dtype=np.float32).reshape(-1, 1)
    mask = np.ones(values.shape, np.bool_)
    return Samples(values, 250.0, np.array(index, np.int64), mask, arrived_s)


@st.composite
def streams(draw: st.DrawFn, *, largest_start: int = 1000) -> tuple[Samples, list[Samples]]:
    """A stream with breaks, and the same stream in chunks of any length."""
    at = draw(st.integers(0, largest_start))
    index: list[int] = []
    for length, gap in draw(
        st.lists(st.tuples(st.integers(1, 60), st.integers(1, 40)), min_size=1, max_size=5)
    ):
        index.extend(range(at, at + length))
        at += length + gap
    whole = samples_at(index)
    cuts = draw(st.lists(st.integers(0, len(whole)), max_size=12))
    return whole, [whole[a:b] for a, b in pairwise([0, *sorted(cuts), len(whole)])]


def whole_windows(samples: Samples, *, length: int, hop: int) -> list[list[int]]:
    """Every window there is, found the slow way: by asking whether each sample is there."""
    there = set(samples.index.tolist())
    starts = range(0, max(there) + 1, hop)
    candidates = [list(range(start, start + length)) for start in starts]
    return [window for window in candidates if there.issuperset(window)]


def through_blocks(chunks: list[Samples], *, length: int, hop: int) -> list[list[int]]:
    blocks, windows = HopBlocks(hop, phase=length), Windows(length, hop)
    return [
        window.values[:, 0].astype(int).tolist()
        for chunk in chunks
        for block in blocks.feed(chunk)
        for window in windows.feed(block)
    ]


# --- windows


@given(stream=streams(), hop=st.integers(1, 20), more=st.integers(0, 30))
def test_windows_are_those_without_a_break_on_multiples_of_the_hop(
    stream: tuple[Samples, list[Samples]], hop: int, more: int
) -> None:
    whole, chunks = stream
    windows = Windows(hop + more, hop)
    cut = [window for chunk in chunks for window in windows.feed(chunk)]
    wanted = whole_windows(whole, length=hop + more, hop=hop)
    assert [window.values[:, 0].astype(int).tolist() for window in cut] == wanted
    assert [window.index for window in cut] == [window[-1] for window in wanted]


@given(stream=streams(), hop=st.integers(1, 20), more=st.integers(0, 30))
def test_windows_of_blocks_are_the_same_windows(
    stream: tuple[Samples, list[Samples]], hop: int, more: int
) -> None:
    whole, chunks = stream
    found = through_blocks(chunks, length=hop + more, hop=hop)
    assert found == whole_windows(whole, length=hop + more, hop=hop)


@pytest.mark.parametrize("length", [30, 35, 59])
@pytest.mark.parametrize("first", [0, 1, 29, 30, 31])
def test_no_window_waits_for_a_sample_that_it_does_not_hold(first: int, length: int) -> None:
    blocks, windows = HopBlocks(30, phase=length), Windows(length, 30)
    ends = []
    for n in range(first, first + 200):
        for block in blocks.feed(samples_at([n], arrived_s=n)):
            for window in windows.feed(block):
                assert window.index == n
                assert window.arrived_s == n
                ends.append(n)
    assert ends == [n for n in range(first + length - 1, first + 200) if (n + 1 - length) % 30 == 0]


def test_after_a_break_a_window_fills_anew() -> None:
    windows = Windows(4, 2)
    assert [one.index for one in windows.feed(samples_at(range(7)))] == [3, 5]
    assert windows.feed(samples_at(range(8, 11))) == []
    assert [one.index for one in windows.feed(samples_at([11]))] == [11]


def test_reset_forgets_what_was_held() -> None:
    windows = Windows(4, 2)
    windows.feed(samples_at(range(3)))
    windows.reset()
    assert windows.feed(samples_at(range(3, 7))) == []
    assert [one.index for one in windows.feed(samples_at([7]))] == [7]


def test_validity_is_the_share_of_the_window_that_is_to_be_trusted() -> None:
    mask = np.ones((6, 2), np.bool_)
    mask[1, 0] = mask[4, 0] = mask[5] = False
    samples = Samples(np.zeros((6, 2), np.float32), 250.0, np.arange(6), mask)
    assert [one.valid for one in Windows(4, 2).feed(samples)] == [3 / 4, 2 / 4]


@pytest.mark.parametrize("start", [2**31 - 50, 2**31, 2**40, 2**53 + 1, 2**62])
def test_the_grid_holds_for_large_indices(start: int) -> None:
    samples = Samples.contiguous(np.zeros((200, 1)), 250, first_index=start)
    blocks, windows = HopBlocks(30, phase=70), Windows(70, 30)
    ends = [one.index for block in blocks.feed(samples) for one in windows.feed(block)]
    assert ends == [n for n in range(start + 69, start + 200) if (n - 69) % 30 == 0]


@pytest.mark.parametrize(("length", "hop"), [(0, 1), (-1, 1), (10, 0), (10, 11), (10, -1)])
def test_a_window_or_hop_that_cannot_be_is_refused(length: int, hop: int) -> None:
    with pytest.raises(ManifestError, match="_samples must be"):
        Windows(length, hop)


# --- blocks


@given(stream=streams(), hop=st.integers(1, 25), phase=st.integers(0, 60))
def test_blocks_end_on_the_grid_and_hold_every_sample_in_order(
    stream: tuple[Samples, list[Samples]], hop: int, phase: int
) -> None:
    whole, chunks = stream
    blocks = HopBlocks(hop, phase=phase)
    cut = [block for chunk in chunks for block in blocks.feed(chunk)]
    cut.extend(blocks.flush())
    assert [n for block in cut for n in block.index.tolist()] == whole.index.tolist()
    for block, following in pairwise(cut):
        last = int(block.index[-1])
        assert (last + 1 - phase) % hop == 0 or following.index[0] != last + 1
    for block in cut:
        assert len(block) <= hop
        assert (np.diff(block.index) == 1).all()
        assert not any((n - phase) % hop == 0 for n in block.index[1:].tolist())


@given(stream=streams(), hop=st.integers(1, 25))
def test_blocks_do_not_depend_on_the_chunks(
    stream: tuple[Samples, list[Samples]], hop: int
) -> None:
    whole, chunks = stream
    at_once, bit_by_bit = HopBlocks(hop), HopBlocks(hop)
    wanted = [block.index.tolist() for block in at_once.feed(whole)]
    assert [b.index.tolist() for chunk in chunks for b in bit_by_bit.feed(chunk)] == wanted


def test_a_block_is_given_out_with_its_last_sample_and_not_later() -> None:
    blocks = HopBlocks(10)
    given_out = [
        [block.index.tolist() for block in blocks.feed(samples_at([n]))] for n in range(5, 21)
    ]
    wanted: list[list[list[int]]] = [[] for _ in range(5, 21)]
    wanted[9 - 5], wanted[19 - 5] = [list(range(5, 10))], [list(range(10, 20))]
    assert given_out == wanted


def test_a_block_arrived_when_its_last_piece_did() -> None:
    blocks = HopBlocks(4)
    assert list(blocks.feed(samples_at([0, 1], arrived_s=1.0))) == []
    (block,) = blocks.feed(samples_at([2, 3, 4], arrived_s=2.0))
    assert block.arrived_s == 2.0


def test_flush_gives_what_waits_once() -> None:
    blocks = HopBlocks(10)
    list(blocks.feed(samples_at([0, 1, 2])))
    assert [block.index.tolist() for block in blocks.flush()] == [[0, 1, 2]]
    assert list(blocks.flush()) == []


def test_a_hop_of_no_samples_is_refused() -> None:
    with pytest.raises(ManifestError, match="hop_samples must be at least 1"):
        HopBlocks(0)


def test_trust_is_the_worst_channels_share() -> None:
    valid = np.ones((100, 4), np.bool_)
    assert trust(valid) == 1.0
    valid[:30, 2] = False
    valid[:10, 0] = False
    assert trust(valid) == pytest.approx(0.7)
