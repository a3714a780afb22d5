"""Tables of rebuilt networks say what was counted, what was published, and what is an estimate."""

from dataclasses import asdict

from benchmarks.literature_networks import STATIC_BIOFORMER
from benchmarks.literature_published import Figure, Published
from benchmarks.literature_tables import table
from benchmarks.machine_facts import machine_facts

FILES = ("model.onnx", "model.int8.onnx", "model.tflite", "model.int8.tflite")


def board(low_us, high_us):
    return {
        "cpu": "cortex-a53",
        "library": "onnxruntime 1.0",
        "instructions": 1_234_567,
        "kinds": {},
        "estimate": {"low_us": low_us, "high_us": high_us, "limited_by": "loads"},
    }


def network(published, highs=(4000, 3000, 2000, 5000)):
    return {
        "input": [14, 700],
        "parameters": 15_489,
        "macs": 3_711_968,
        "published": published and asdict(published),
        "files": {
            file: {
                "recipe": "static_wi8_ai8" if "int8" in file else "",
                "bytes": 12_345,
                "largest_difference": 2e-7,
                "boards": {"pi-zero-2w": board(800, high)},
            }
            for file, high in zip(FILES, highs, strict=True)
        },
    }


def lines_of(networks):
    return table({**machine_facts(), "networks": networks})


def rows(lines, name):
    return [one for one in lines if one.startswith(f"| {name} |")]


def test_a_published_size_stands_behind_ours_and_nothing_where_none_is_known():
    published = Published(15_489, 3_712_000, None, "a paper")
    lines = lines_of({"A": network(published), "ours": network(None)})
    assert rows(lines, "A")[0] == (
        "| A | 14 x 700 | 15,489 / 15,489 | 3.712 / 3.712 | 12.3, 12.3 |"
    )
    assert rows(lines, "ours")[0] == "| ours | 14 x 700 | 15,489 | 3.712 | 12.3, 12.3 |"


def test_each_file_has_its_count_and_its_estimate():
    a_float, an_int8 = rows(lines_of({"A": network(None)}), "A")[1:3]
    assert a_float == "| A | model.onnx | 12.3 | 2e-07 | 1,235 | 0.8 to 4 |"
    assert an_int8 == "| A | model.int8.onnx (static_wi8_ai8) | 12.3 |  | 1,235 (1.00) | 0.8 to 3 |"


def test_an_int8_file_stands_beside_the_float_file_of_its_own_format():
    one, bioformer = network(None), network(None)
    for each, count in zip(FILES, (1_000_000, 500_000, 2_000_000, 3_000_000), strict=True):
        bioformer["files"][each]["boards"]["pi-zero-2w"]["instructions"] = count
    lines = lines_of({"Bioformer": bioformer, STATIC_BIOFORMER: one})
    shown = [row.split(" | ")[4] for row in rows(lines, "Bioformer")[1:]]
    assert shown == ["1,000", "500 (0.50)", "2,000", "3,000 (1.50)"]
    # its own float files are not shown, so those of the first are what it is compared with
    assert [row.split(" | ")[4] for row in rows(lines, STATIC_BIOFORMER)][1::2] == [
        "1,235 (1.23)",
        "1,235 (0.62)",
    ]


def test_a_device_stands_beside_the_file_with_the_least_high_end():
    figures = (Figure("GAP9", 2.47, 63.9, "a paper"), Figure("a chip", 3.46, None, "a table"))
    lines = lines_of({"A": network(Published(None, None, None, "", figures))})
    assert rows(lines, "A")[-2:] == [
        "| A | GAP9 | 2.47 | 63.9 | a paper | 0.8 to 2 (model.tflite) |",
        "| A | a chip | 3.46 |  | a table | 0.8 to 2 (model.tflite) |",
    ]


def test_the_second_bioformer_has_files_and_no_sizes_of_its_own():
    lines = lines_of({"Bioformer": network(None), STATIC_BIOFORMER: network(None)})
    assert len(rows(lines, "Bioformer")) == 5
    assert len(rows(lines, STATIC_BIOFORMER)) == 4


def test_the_page_says_what_is_an_estimate_and_that_weights_are_random():
    text = "\n".join(lines_of({"A": network(None)}))
    assert "estimate and not a time" in text
    assert "Random weights" in text
    assert "onnxruntime 1.0" in text
