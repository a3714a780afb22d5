import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeemg.profiler.boards import BOARDS, CPUS
from edgeemg.profiler.cost_model import (
    CLOCKS_MHZ,
    CORES,
    estimate,
    least_cycles,
    serial_cycles,
)
from edgeemg.profiler.instruction_kinds import KINDS

COUNTS = st.fixed_dictionaries({kind: st.integers(0, 10**9) for kind in KINDS})


def only(**counts: int) -> dict[str, int]:
    return dict.fromkeys(KINDS, 0) | counts


def test_every_board_has_a_core_with_limits_and_a_clock() -> None:
    assert set(CORES) == set(CPUS)
    assert set(CLOCKS_MHZ) == set(BOARDS)
    assert all(0 < slow <= fast for slow, fast in CLOCKS_MHZ.values())


@pytest.mark.parametrize("board", list(BOARDS))
@given(counts=COUNTS)
def test_low_is_below_high_whatever_is_executed(board: str, counts: dict[str, int]) -> None:
    spent = estimate(counts, board)
    assert 0 <= spent.low_us <= spent.high_us


@pytest.mark.parametrize("cpu", CPUS)
@given(counts=COUNTS, more=COUNTS)
def test_more_instructions_are_never_cheaper(
    cpu: str, counts: dict[str, int], more: dict[str, int]
) -> None:
    both = {kind: counts[kind] + more[kind] for kind in KINDS}
    core = CORES[cpu]
    assert max(least_cycles(both, core).values()) >= max(least_cycles(counts, core).values())
    assert serial_cycles(both, core) >= serial_cycles(counts, core)


@pytest.mark.parametrize(
    ("board", "mega_fma", "gflops"),
    # cpufp's measurements of one core (pigirons/cpufp): 8 flop are one FMLA of 128 bits
    [("pi-4", 1500, 11.96), ("pi-5", 4800, 38.37)],
)
def test_the_bound_of_a_stream_of_fmla_is_what_cpufp_measured(
    board: str, mega_fma: int, gflops: float
) -> None:
    core = CORES[BOARDS[board].cpu]
    slow, _ = CLOCKS_MHZ[board]
    cycles = max(least_cycles(only(float_multiply_add=mega_fma * 10**6), core).values())
    seconds = cycles / slow / 1e6
    assert 8 * mega_fma / 1e3 / seconds == pytest.approx(gflops, rel=0.01)


def test_what_limits_is_named() -> None:
    assert estimate(only(float_multiply_add=900, other=100), "pi-4").limited_by == "float products"
    assert estimate(only(other=1000), "pi-4").limited_by == "instructions"
    assert estimate(only(load=600, other=10), "pi-4").limited_by == "loads"


def test_a_pi_4_of_either_clock_lies_within() -> None:
    spent = estimate(only(other=3 * 1800), "pi-4")
    assert spent.low_us == pytest.approx(1.0)  # 1800 cycles at 1800 MHz
    core = CORES["cortex-a72"]
    assert spent.high_us == pytest.approx(1800 * core.waiting / 1500)
