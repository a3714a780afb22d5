"""The demo, whole: the first thing that a new user sees."""

import re

import pytest

from edgeemg.manifest import read_manifest


@pytest.mark.slow
def test_the_demo_goes_the_whole_path_and_can_be_repeated(edgeemg, tmp_path):
    out = tmp_path / "demo"
    for _ in range(2):
        done = edgeemg("demo", "--out", out, "--seconds", 8)
        assert done.returncode == 0, done.stderr
    live = re.search(r"live accuracy (\d+)%: of (\d+) words", done.stdout)
    assert live, done.stdout
    assert int(live[2]) >= 2
    assert int(live[1]) >= 50  # the words are easy: half wrong would be a broken path
    assert "generated" in done.stderr.lower()
    assert "wire_lost 0" in done.stderr
    assert "edgeemg data import csv" in done.stderr
    names = {path.name for path in (out / "bundle").iterdir()}
    assert {"model.onnx", "model.int8.onnx", "model.tflite", "model.int8.tflite"} <= names
    assert read_manifest(out / "bundle").failed_gates == ()


def test_the_demo_does_not_write_over_somebodys_folder(edgeemg, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    done = edgeemg("demo", "--out", tmp_path)
    assert done.returncode == 2
    assert "name another --out" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
