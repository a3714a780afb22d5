"""Every combination once."""

from dataclasses import replace

from edgeemg.train.comparison.grid import Grid, name


def test_every_combination_is_one_setting(grid: Grid) -> None:
    whole = list(replace(grid, seeds=(0, 1), fractions=(0.5, 1.0)).settings())
    assert len(whole) == len(set(whole)) == 2 * 2 * 2 * 2
    first = whole[0]
    assert (first.train.model, first.train.window_ms, first.fraction) == ("simple-cnn", 400, 0.5)
    assert {one.train.fit.seed for one in whole} == {0, 1}


def test_what_is_not_varied_stays_as_in_the_base(grid: Grid) -> None:
    base = replace(grid.base, folds=7, per_person=True)
    for settings in replace(grid, base=base).settings():
        assert settings.folds == 7
        assert settings.per_person
        assert settings.train.fit.epochs == grid.base.train.fit.epochs


def test_a_choice_that_is_named_twice_counts_once(grid: Grid) -> None:
    assert len(list(replace(grid, models=("cnn", "cnn"), windows_ms=(400.0,)).settings())) == 1


def test_cells_of_a_grid_have_names_of_their_own(grid: Grid) -> None:
    whole = list(replace(grid, seeds=(0, 1), fractions=(0.5, 1.0)).settings())
    assert len({name(one) for one in whole}) == len(whole)
