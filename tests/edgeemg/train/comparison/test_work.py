"""A cell never raises: it has a result, or a reason."""

import json
from dataclasses import replace

import pytest

from edgeemg.train.comparison.work import Cell, Job, run_cell


def test_a_cell_gives_metrics_that_are_plain_json(cells: list[Cell], job: Job) -> None:
    outcome = run_cell(cells[0], job)
    assert outcome.result is not None, outcome.reason
    metrics = outcome.result.metrics
    assert json.loads(json.dumps(metrics)) == metrics
    assert metrics["generated"] is True
    assert len(outcome.result.train_seconds) == len(metrics["accuracy"]["folds"]) == 2


def test_the_same_cell_twice_gives_the_same_metrics(cells: list[Cell], job: Job) -> None:
    one, two = run_cell(cells[1], job), run_cell(cells[1], job)
    assert one.result is not None
    assert two.result is not None
    assert one.result.metrics == two.result.metrics


def test_what_cannot_be_evaluated_has_our_message_as_its_reason(impossible: Cell, job: Job) -> None:
    outcome = run_cell(impossible, job)
    assert outcome.result is None
    assert "--hop-ms" in outcome.reason


def test_a_bug_is_a_reason_that_says_where(
    cells: list[Cell], job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edgeemg.train import evaluation

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("by\nnothing")

    monkeypatch.setattr(evaluation, "cut", broken)
    outcome = run_cell(cells[0], job)
    assert outcome.result is None
    assert outcome.reason.startswith("ZeroDivisionError: by nothing (test_work.py:")


def test_a_worker_with_other_code_gives_no_figures(cells: list[Cell], job: Job) -> None:
    outcome = run_cell(cells[0], replace(job, recipe_sha256="another"))
    assert outcome.result is None
    assert "other code" in outcome.reason
