"""The page of an evaluation."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from edgeemg.pages.evaluation import evaluation_page


def test_protocol_chance_and_n_stand_beside_the_number(metrics: Any, parsed: Any) -> None:
    text = " ".join(parsed(evaluation_page(metrics)).text.split())
    headline = text[text.index("0.750") :]
    for said in (
        "0.041 over 3 folds",
        "chance 0.500",
        "1,240 trials, 2 labels",
        "blocked, 3 folds",
    ):
        assert said in headline
    for said in ("CC BY 4.0", "31,902 parameters", "2.4 M", "800 to 820 trials", "0.043"):
        assert said in text


def test_warnings_stand_above_the_number(metrics: Any, parsed: Any) -> None:
    text = parsed(evaluation_page(metrics)).text
    assert text.index("rest alone betrays the recording") < text.index("0.750")
    silent = parsed(evaluation_page(metrics | {"warnings": []})).text
    assert "Read this before" not in silent


def test_generated_emg_is_said_above_the_number(metrics: Any, parsed: Any) -> None:
    text = parsed(evaluation_page(metrics | {"generated": True, "warnings": []})).text
    assert text.index("Generated EMG") < text.index("0.750")
    assert "Generated" not in parsed(evaluation_page(metrics)).text


def test_the_confusion_table_holds_every_count_and_each_labels_share(
    metrics: Any, parsed: Any
) -> None:
    page = parsed(evaluation_page(metrics))
    for said in ("400", "220", "90", "530", "65 %", "85 %", "não", "sim"):
        assert said in page.text


def test_a_label_that_never_occurred_is_no_division_by_zero(metrics: Any) -> None:
    confusion = {"labels": ["a", "b"], "counts": [[3, 1], [0, 0]]}
    assert "<td>0 %</td><td>0</td>" in evaluation_page(metrics | {"confusion": confusion})


def test_people_have_a_table_and_a_row_of_dots_each(metrics: Any, parsed: Any) -> None:
    own = {"accuracy": 0.61, "balanced_accuracy": 0.6, "macro_f1": 0.59, "n_trials": 77}
    people = {"people": {"P1": own, "P2": own}, "fold_names": ["P1 1", "P1 2", "P2 1"]}
    text = parsed(evaluation_page(metrics | people)).text
    assert text.count("P1") == text.count("P2") == 2
    assert "0.610" in text
    assert "Each with a model" not in parsed(evaluation_page(metrics)).text


@settings(max_examples=15)
@given(hostile=st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1))
def test_no_text_from_the_data_becomes_markup(hostile: str) -> None:
    check_escaped(f"<script>{hostile}</script><img src='http://x' onerror=x>\"&{{{{ 1 + 1 }}}}")


def check_escaped(hostile: str) -> None:
    from edgeemg.pages.evaluation import evaluation_page

    measure = {"mean": 0.5, "std": 0.1, "folds": [0.4, 0.6]}
    names = ("accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error")
    page = evaluation_page(
        dict.fromkeys(names, measure)
        | dict.fromkeys(("data", "protocol", "model", "licence", "front_end"), hostile)
        | {
            "confusion": {"labels": [hostile, "b"], "counts": [[1, 2], [3, 4]]},
            "warnings": [hostile],
            "fold_names": ["1", "2"],
            "n_train": [1, 2],
            "generated": False,
        }
        | dict.fromkeys(("n_trials", "window_samples", "epochs", "seed", "parameters", "macs"), 1)
        | dict.fromkeys(("window_ms", "hop_ms", "fraction", "chance", "majority"), 0.5)
    )
    assert "<script" not in page
    assert "<img" not in page
    assert page.count("{{ 1 + 1 }}") >= 6
