"""Instructions of an emulated core by kind in; an estimate of the time they take on a board out.

An estimate is an interval, never a time. Its low end is a bound: no core can issue faster than its
published limits, with nothing waiting for anything. Its high end is calibrated: each instruction
by itself at its limit, nothing in parallel, times the most by which that was exceeded in published
single-thread figures, which benchmarks/published.py rebuilds. docs/profiling.md shows both ends
beside what people measured.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from edgeemg.profiler.boards import BOARDS

ASSUMPTIONS = (
    "one core at its full clock, its first-level caches warm, no other program, no throttling",
    "low: the core issues as much in every cycle as its published limits allow, and waits for "
    "nothing",
    "high: the core does one thing at a time, and waits as long as in the slowest of the published "
    "figures that were rebuilt, at the lowest full clock that the board was sold with",
)


@dataclass(frozen=True, slots=True)
class Core:
    """What a core can do at most in one cycle.

    instructions       of any kind
    float_products     vector FMLA of 128 bits, 4 multiply-adds each
    dot_products       SDOT of 128 bits, 16 multiply-adds each; 0: it has none
    integer_products   NEON integer products, of SMLAL of 128 bits 8 multiply-adds each
    vector, memory, loads, stores, branches   of these kinds, products among the vector ones
    float_macs, int8_macs  multiply-adds: the peak that products make together
    waiting            published cycles over those of one thing at a time, the most of all networks
                       that benchmarks/published.py rebuilds, rounded up to a quarter
    source             where the limits are from
    """

    instructions: int
    float_products: int
    dot_products: int
    integer_products: int
    vector: int
    memory: int
    loads: int
    stores: int
    branches: int
    float_macs: float
    int8_macs: float
    waiting: float
    source: str


CORES = {
    "cortex-a53": Core(
        instructions=2,
        float_products=1,
        dot_products=0,
        integer_products=1,
        vector=2,
        memory=1,
        loads=1,
        stores=1,
        branches=1,
        float_macs=4,
        int8_macs=16 / 3,
        waiting=2.0,
        source="dual issue; 8 flop a cycle measured by cpufp (pigirons/cpufp, RK3399)",
    ),
    "cortex-a72": Core(
        instructions=3,
        float_products=1,
        dot_products=0,
        integer_products=1,
        vector=2,
        memory=2,
        loads=1,
        stores=1,
        branches=1,
        float_macs=4,
        int8_macs=8,
        waiting=1.75,
        source="Cortex-A72 Software Optimization Guide, ARM UAN 0016A; cpufp (BCM2711)",
    ),
    "cortex-a76": Core(
        instructions=4,
        float_products=2,
        dot_products=2,
        integer_products=1,
        vector=2,
        memory=2,
        loads=2,
        stores=2,
        branches=1,
        float_macs=8,
        int8_macs=32,
        waiting=1.25,
        source="Cortex-A76 Software Optimization Guide, PJDOC-466751330-7215; cpufp (BCM2712)",
    ),
}

# full clocks that a board was sold with, MHz, the lowest first: a Pi 3 B+ counts as a Pi 3 B, and
# a Pi 4 runs at 1800 from revision 1.4 on
CLOCKS_MHZ = {
    "pi-zero-2w": (1000, 1000),
    "pi-3b": (1200, 1400),
    "pi-4": (1500, 1800),
    "pi-5": (2400, 2400),
}


@dataclass(frozen=True, slots=True)
class Estimate:
    """Microseconds, from `low_us` to `high_us`; `limited_by` says what the low end comes from."""

    low_us: float
    high_us: float
    limited_by: str


def estimate(kinds: Mapping[str, int], board: str) -> Estimate:
    """How long so many instructions take on a board of BOARDS, within ASSUMPTIONS.

    kinds  counts by the names in instruction_kinds.KINDS
    """
    core = CORES[BOARDS[board].cpu]
    slow, fast = CLOCKS_MHZ[board]
    needs = least_cycles(kinds, core)
    limit = max(needs, key=lambda name: needs[name])
    return Estimate(
        low_us=needs[limit] / fast,
        high_us=serial_cycles(kinds, core) * core.waiting / slow,
        limited_by=limit,
    )


def least_cycles(kinds: Mapping[str, int], core: Core) -> dict[str, float]:
    """Cycles that each part of a core needs for its share; the most is what all need at least."""
    loads = kinds["load"] + kinds["load_vector"]
    stores = kinds["store"] + kinds["store_vector"]
    products = kinds["float_multiply_add"], kinds["int8_dot"], kinds["int8_multiply"]
    vector = sum(products) + kinds["float_multiply_add_scalar"] + kinds["vector_other"]
    return {
        "instructions": sum(kinds.values()) / core.instructions,
        "float products": products[0] / core.float_products,
        "dot products": products[1] / (core.dot_products or 1),
        "integer products": products[2] / core.integer_products,
        "vector instructions": vector / core.vector,
        "loads": loads / core.loads,
        "stores": stores / core.stores,
        "loads and stores": (loads + stores) / core.memory,
        "branches": kinds["branch"] / core.branches,
    }


def serial_cycles(kinds: Mapping[str, int], core: Core) -> float:
    """Cycles where nothing happens beside anything else."""
    rates = {
        "float_multiply_add": core.float_products,
        "float_multiply_add_scalar": core.vector,
        "int8_dot": core.dot_products or 1,
        "int8_multiply": core.integer_products,
        "vector_other": core.vector,
        "load_vector": core.loads,
        "store_vector": core.stores,
        "load": core.loads,
        "store": core.stores,
        "branch": core.branches,
        "other": core.instructions,
    }
    return sum(kinds[name] / rate for name, rate in rates.items())
