import pytest

from edgeemg.profiler.products import multiply_accumulates

FLAT = ()  # a scale or a zero point


@pytest.mark.parametrize(
    ("name", "inputs", "output", "macs"),
    [
        ("FusedConv", [(1, 2, 50), (8, 2, 9), (8,)], (1, 8, 42), 42 * 8 * 2 * 9),
        ("Conv", [(1, 8, 50), (8, 1, 9)], (1, 8, 42), 42 * 8 * 9),  # in 8 groups
        ("QLinearConv", [(1, 50, 2), FLAT, FLAT, (8, 2, 9), (8,)], (1, 42, 8), 42 * 8 * 2 * 9),
        ("CONV_2D", [(1, 1, 50, 2), (8, 1, 9, 2), (8,)], (1, 1, 42, 8), 42 * 8 * 2 * 9),
        ("DEPTHWISE_CONV_2D", [(1, 1, 50, 8), (1, 1, 9, 8)], (1, 1, 42, 8), 42 * 8 * 9),
        ("FULLY_CONNECTED", [(20, 48), (96, 48), (96,)], (20, 96), 20 * 48 * 96),
        ("Gemm", [(20, 48), (48, 96)], (20, 96), 20 * 48 * 96),
        ("Gemm", [(48, 20), (48, 96)], (20, 96), 20 * 48 * 96),  # the first one transposed
        ("MatMul", [(1, 4, 20, 12), (1, 4, 12, 20)], (1, 4, 20, 20), 4 * 20 * 20 * 12),
        ("BATCH_MATMUL", [(4, 20, 12), (4, 20, 12)], (4, 20, 20), 4 * 20 * 20 * 12),
        ("QGemm", [(1, 64), FLAT, FLAT, (6, 64)], (1, 6), 6 * 64),
        ("MatMul", [(48,), (48, 96)], (96,), 48 * 96),
        ("GRU", [(10, 1, 8), (1, 48, 8), (1, 48, 16)], (10, 1, 1, 16), 10 * 48 * (8 + 16)),
        ("Add", [(1, 8, 42), (8,)], (1, 8, 42), 0),
        ("Attention", [(1, 20, 48)], (1, 20, 48), None),
    ],
)
def test_a_product_multiplies_what_its_shapes_say(
    name: str, inputs: list[tuple[int, ...]], output: tuple[int, ...], macs: int | None
) -> None:
    assert multiply_accumulates(name, inputs, output) == macs
