"""Made-up results in the shapes that `--json` prints, and what a browser makes of a page."""

import shutil
import subprocess
from collections.abc import Callable
from html import escape
from html.parser import HTMLParser
from itertools import product
from typing import Any, NoReturn

import pytest

Browser = Callable[[str, int], dict[str, int]]
_VOID = {"meta", "link", "img", "br", "hr", "input"}


class Parsed(HTMLParser):
    """The elements of a page, its text, and a check that all that opens closes in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] != "style":
            self.text += data


@pytest.fixture
def parsed() -> type[Parsed]:
    return Parsed


@pytest.fixture
def metrics() -> dict[str, Any]:
    """What `edgeemg evaluate --json` prints."""
    folds = [0.7, 0.75, 0.8]
    measure = {"mean": 0.75, "std": 0.041, "folds": folds}
    names = ("accuracy", "balanced_accuracy", "macro_f1")
    calibration = {"mean": 0.043, "std": 0.01, "folds": [0.03, 0.043, 0.056]}
    return {
        "data": "made up",
        "protocol": "blocked, 3 folds",
        "model": "cnn",
        "n_trials": 1240,
        **dict.fromkeys(names, measure),
        "expected_calibration_error": calibration,
        "confusion": {"labels": ["não", "sim"], "counts": [[400, 220], [90, 530]]},
        "warnings": ["rest alone betrays the recording"],
        "front_end": "broad",
        "window_samples": 200,
        "window_ms": 800.0,
        "hop_ms": 100.0,
        "epochs": 60,
        "fraction": 1.0,
        "seed": 0,
        "parameters": 31902,
        "macs": 2400000,
        "chance": 0.5,
        "majority": 0.51,
        "fold_names": ["1", "2", "3"],
        "n_train": [800, 810, 820],
        "n_test": [400, 420, 420],
        "licence": "CC BY 4.0",
        "generated": False,
    }


@pytest.fixture
def comparison() -> Callable[..., dict[str, Any]]:
    """`comparison(models=..., ...)`: what `edgeemg compare --json` prints for such a grid."""

    def make(
        models: tuple[str, ...] = ("cnn", "lda"),
        front_ends: tuple[str, ...] = ("broad",),
        windows_ms: tuple[float, ...] = (400.0, 800.0),
        fractions: tuple[float, ...] = (0.5, 1.0),
        **more: Any,
    ) -> dict[str, Any]:
        rows = [
            _row(n, *choice)
            for n, choice in enumerate(product(models, front_ends, windows_ms, fractions))
        ]
        return {
            "schema": 1,
            "data": "made up",
            "edgeemg_version": "0",
            "grid": {},
            "protocol": "blocked, 3 folds",
            "licence": "CC BY 4.0",
            "generated": False,
            "chance": 0.25,
            "majority": 0.3,
            "labels": ["a", "b", "c", "d"],
            "warnings": ["rest alone betrays the recording"],
            "paired": "95 % interval",
            "rows": rows,
            "lacking": [],
        } | more

    return make


def _row(
    place: int, model: str, front_end: str, window_ms: float, fraction: float
) -> dict[str, Any]:
    mean = 0.8 - 0.01 * place
    measure = {"mean": mean, "std": 0.02, "folds": [mean - 0.02, mean, mean + 0.02]}
    names = ("accuracy", "balanced_accuracy", "macro_f1", "expected_calibration_error")
    return {
        "model": model,
        "front_end": front_end,
        "window_ms": window_ms,
        "fraction": fraction,
        "seeds": [0],
        "parameters": 10 * sum(map(ord, model)),
        "macs": int(10 * sum(map(ord, model)) * window_ms),
        "n_trials": 300,
        "n_train": 200 * fraction,
        **dict.fromkeys(names, measure),
        "train_seconds": {"mean": 12.3, "folds": [12.3] * 3},
        "folds": [["1", 100], ["2", 100], ["3", 100]],
        "cells": [str(place)],
        "to_best": {"mean": -0.01 * place, "low": -0.05, "high": 0.03, "n": 3},
    }


@pytest.fixture(scope="session")
def browser(
    tmp_path_factory: pytest.TempPathFactory, missing: Callable[[str], NoReturn]
) -> Browser:
    """`browser(html, width)`: what a real browser measures of a page in a window that wide."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        missing("no chromium here: apt-get install chromium")
    folder = tmp_path_factory.mktemp("browser")

    def measure(html: str, width: int) -> dict[str, int]:
        # a frame, for a browser's own window has a least width; its page may run no script
        frame = folder / "frame.html"
        frame.write_text(
            f"<iframe srcdoc='{escape(html)}' style='border:0; width:{width}px'></iframe>"
            + _MEASURE
        )
        flags = (
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            f"--user-data-dir={folder}/profile",
        )
        done = subprocess.run(
            [program, *flags, "--virtual-time-budget=5000", "--dump-dom", frame.as_uri()],
            capture_output=True,
            text=True,
            timeout=120,
        )
        title = done.stdout.partition("<title>")[2].partition("</title>")[0]
        assert title, done.stderr[-2000:]
        return {name: int(value) for name, value in (one.split("=") for one in title.split())}

    return measure


_MEASURE = """<script>
const frame = document.querySelector("iframe")
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement
  const boxes = [...page.querySelectorAll(".box")]
  const fonts = [...page.querySelectorAll("svg text")].map(
    text => parseFloat(getComputedStyle(text).fontSize) * text.getCTM().a)
  const facts = {
    width: root.clientWidth,
    content: root.scrollWidth,
    scrolling: boxes.filter(box => box.scrollWidth > box.clientWidth).length,
    requests: frame.contentWindow.performance.getEntriesByType("resource").length,
    svgs: page.querySelectorAll("svg").length,
    smallest: Math.floor(Math.min(...fonts, 99)),
  }
  document.title = Object.entries(facts).map(([name, value]) => name + "=" + value).join(" ")
}
</script>"""
