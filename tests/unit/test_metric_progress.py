"""Progress of what trains or calls back: a bar where it is asked for, and the same figures."""

import re

import numpy as np
import pytest

from embias.metrics import disparity, fit_concepts, gender_specific, rnsb

rng = np.random.default_rng(0)
ROWS = rng.normal(size=(60, 8))
LABELS = rng.integers(2, size=60)
GROUPS = np.repeat(["a", "b", "c"], 20)


def share_right(true, predicted):
    return float((true == predicted).mean())


def learned(seeds=tuple(range(12)), **more):
    found = gender_specific(ROWS, seeds, c=0.5, **more)
    return found.rows, found.figures, found.settings, found.scores.tolist()


CASES = {
    "rnsb": (lambda **more: rnsb(ROWS[:20], ROWS[20:40], ROWS[40:], folds=4, **more), 5),
    "rnsb, wefe": (
        lambda **more: rnsb(ROWS[:20], ROWS[20:40], ROWS[40:], convention="wefe", **more),
        6,
    ),
    # The classifier of all words, and one for each fold: as many as there are seeds at most.
    "gender_specific": (lambda **more: learned(folds=4, **more), 5),
    "gender_specific, few seeds": (lambda **more: learned(seeds=(0, 1, 2), **more), 4),
    # Each of 3 groups resampled 100 times; 3 groups, and 3 pairs, in the data and relabelled.
    "disparity": (
        lambda **more: disparity(
            LABELS, 1 - LABELS[::-1], GROUPS, metric=share_right, n_resamples=100, rng=0, **more
        ),
        300 + 101 * (3 + 6),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bar_comes_to_its_end_and_changes_nothing(name, capsys):
    run, steps = CASES[name]
    quiet = run()
    assert capsys.readouterr().err == ""
    shown = run(progress=True)
    written = capsys.readouterr().err
    # No step more or less than was said, and none missing but for what the bar did not draw.
    assert re.search(rf"/{steps} ", written)
    assert shown == quiet


def test_every_step_is_counted(monkeypatch):
    import tqdm.auto

    bars = []

    class Kept(tqdm.auto.tqdm):
        def close(self):
            bars.append((self.n, self.total))
            super().close()

    monkeypatch.setattr(tqdm.auto, "tqdm", Kept)
    for name, (run, steps) in CASES.items():
        bars.clear()
        run(progress=True)
        assert bars[0] == (steps, steps) or pytest.fail(f"{name}: {bars[0]} of {steps}")


def test_concepts(capsys):
    quiet = fit_concepts(ROWS, 4, n_epochs=3)
    assert capsys.readouterr().err == ""
    shown = fit_concepts(ROWS, 4, n_epochs=3, progress=True)
    assert "fitting concepts" in capsys.readouterr().err
    assert (shown.codes == quiet.codes).all()


def test_names_have_no_calls_to_show(capsys):
    disparity(LABELS, LABELS[::-1], GROUPS, n_resamples=100, rng=0, progress=True)
    assert capsys.readouterr().err == ""
