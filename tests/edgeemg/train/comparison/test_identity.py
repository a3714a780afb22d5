"""A key changes with everything that figures depend on, and with nothing else."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edgeemg.dsp.samples import Recording
from edgeemg.train.comparison import identity
from edgeemg.train.comparison.identity import cell_key, data_sha256, recipe_sha256
from edgeemg.train.settings import EvaluationSettings


def key(settings: EvaluationSettings, data: str = "d", recipe: str = "r") -> str:
    return cell_key(settings, data_sha256=data, recipe_sha256=recipe)


def test_the_key_depends_on_settings_data_and_recipe() -> None:
    settings = EvaluationSettings()
    train = settings.train
    others = [
        key(replace(settings, fraction=0.5)),
        key(replace(settings, protocol="session")),
        key(replace(settings, train=replace(train, fit=replace(train.fit, epochs=1)))),
        key(settings, data="other"),
        key(settings, recipe="other"),
    ]
    assert len({key(settings), *others}) == 6
    assert key(EvaluationSettings()) == key(settings)


def test_one_sample_one_label_or_one_warning_changes_the_data(
    recordings: tuple[Recording, ...],
) -> None:
    (one,) = recordings
    samples = one.samples
    louder = samples.microvolts.copy()
    louder[100, 0] = np.nextafter(louder[100, 0], np.float32(np.inf))
    doubted = samples.valid.copy()
    doubted[100, 0] = False
    events = (replace(one.events[0], label="other"), *one.events[1:])
    others = [
        replace(one, samples=replace(samples, microvolts=louder)),
        replace(one, samples=replace(samples, valid=doubted)),
        replace(one, samples=replace(samples, index=samples.index + 1)),
        replace(one, events=events),
        replace(one, subject="other"),
        replace(one, mains_hz=60.0),
        replace(one, about=one.about | {"Warnings": ["something else"]}),
    ]
    seen = {data_sha256([each]) for each in (one, *others)}
    assert len(seen) == len(others) + 1
    assert data_sha256([one, one]) not in seen


def test_where_the_files_lie_does_not_change_the_data(recordings: tuple[Recording, ...]) -> None:
    moved = [replace(one, about=one.about | {"Source": "/elsewhere"}) for one in recordings]
    assert data_sha256(moved) == data_sha256(recordings)


@pytest.fixture
def copied_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The code that figures come from, in a place where it may be changed."""
    package = tmp_path / "edgeemg"
    here = Path(identity.__file__).resolve()
    for folder in ("dsp", "train"):
        shutil.copytree(here.parents[2] / folder, package / folder)
    shutil.copy(here.parents[2] / "manifest.py", package)
    monkeypatch.setattr(identity, "_PACKAGE", package)
    monkeypatch.setattr(identity, "_HERE", package / "train" / "comparison")
    return package


def recipe_now() -> str:
    recipe_sha256.cache_clear()
    try:
        return recipe_sha256()
    finally:
        recipe_sha256.cache_clear()


def test_a_changed_line_of_code_is_another_recipe(copied_package: Path) -> None:
    before = recipe_now()
    fit = copied_package / "train" / "fit.py"
    text = fit.read_text()
    assert "torch.optim.AdamW" in text
    fit.write_text(text.replace("torch.optim.AdamW", "torch.optim.Adam"))
    assert recipe_now() != before
    fit.write_text(text)
    assert recipe_now() == before
    manifest = copied_package / "manifest.py"
    manifest.write_text(manifest.read_text() + "\nUNUSED = 1\n")
    assert recipe_now() != before


def test_comments_docstrings_and_the_comparison_itself_are_no_recipe(copied_package: Path) -> None:
    before = recipe_now()
    fit = copied_package / "train" / "fit.py"
    _, rest = fit.read_text().split("\n", 1)
    fit.write_text(f'"""Other words."""\n# and a remark\n{rest}')
    table = copied_package / "train" / "comparison" / "table.py"
    table.write_text(table.read_text() + "\nUNUSED = 1\n")
    assert recipe_now() == before
