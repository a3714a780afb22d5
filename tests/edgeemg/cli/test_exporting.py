"""What the table after an export says of each file."""

from typing import Any

import pytest

from edgeemg.cli.exporting import parity_table


def table(**facts: Any) -> str:
    one = {
        "file": "model.int8.onnx", "precision": "int8", "recipe": "static_wi8_ai8", "bytes": 50_000,
        "largest_difference": 0.4, "label_agreement": 0.99, "balanced_accuracy": 0.7,
        "balanced_accuracy_drop": 0.016, "drop_interval": (0.0, 0.03),
        "passed": True, "let_pass": False,
    }  # fmt: skip
    return parity_table(
        {
            "pytorch": {"balanced_accuracy": 0.716},
            "held_out": {"windows": 320, "trials": 80},
            "files": [one | facts],
        }
    )


@pytest.mark.parametrize(
    ("facts", "remark"),
    [
        ({"let_pass": True}, "one trial, let pass"),
        ({}, "(+0.0 to +3.0)"),
        ({"let_pass": True, "passed": False}, "FAILED"),
    ],
)
def test_a_line_ends_with_what_the_gates_made_of_the_file(
    facts: dict[str, bool], remark: str
) -> None:
    (line,) = (one for one in table(**facts).splitlines() if one.startswith("model.int8.onnx"))
    assert line.endswith(remark)
    assert "+1.6" in line
