"""Adjusted p-values against statsmodels and against sums done by hand."""

import itertools

import numpy as np
import pytest

from embias.errors import InputError
from embias.stats import adjust

# statsmodels 0.15.0, multipletests(P, method="holm" | "fdr_bh" | "fdr_by" | "bonferroni")[1].
P = [0.01, 0.04, 0.03, 0.005, 0.04, 0.5, 0.9, 0.01, 1.0]
STATSMODELS = {
    "holm": [0.08, 0.2, 0.18, 0.045, 0.2, 1.0, 1.0, 0.08, 1.0],
    "benjamini-hochberg": [0.03, 0.06, 0.06, 0.03, 0.06, 0.6428571428571428, 1.0, 0.03, 1.0],
    "benjamini-yekutieli": [
        0.08486904761904762,
        0.16973809523809524,
        0.16973809523809524,
        0.08486904761904762,
        0.16973809523809524,
        1.0,
        1.0,
        0.08486904761904762,
        1.0,
    ],
    "bonferroni": [0.09, 0.36, 0.27, 0.045, 0.36, 1.0, 1.0, 0.09, 1.0],
    "none": P,
}


@pytest.mark.parametrize("method", STATSMODELS)
def test_figures_of_statsmodels(method):
    assert adjust(P, method) == pytest.approx(STATSMODELS[method], abs=1e-15, rel=1e-14)


@pytest.mark.parametrize("method", STATSMODELS)
def test_nan_does_not_count_and_stays(method):
    with_nan = [np.nan, *P[:4], np.nan, *P[4:]]
    adjusted = adjust(with_nan, method)
    assert np.flatnonzero(np.isnan(adjusted)).tolist() == [0, 5]
    assert adjusted[~np.isnan(adjusted)].tolist() == adjust(P, method).tolist()


@pytest.mark.parametrize("method", STATSMODELS)
def test_order_of_the_tests_is_irrelevant(method):
    for order in itertools.permutations(range(5)):
        p = np.array(P)[list(order)]
        assert adjust(p, method) == pytest.approx(adjust(P[:5], method)[list(order)], rel=1e-15)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        # Sorted .01 .02 .02 .5: times 4 3 2 1 is .04 .06 .04 .5, and no one below an earlier one.
        ("holm", [0.06, 0.5, 0.04, 0.06]),
        # Times 4/1 4/2 4/3 4/4 is .04 .04 .0267 .5, and no one above a later one.
        ("benjamini-hochberg", [0.08 / 3, 0.5, 0.08 / 3, 0.08 / 3]),
        # The same times 1 + 1/2 + 1/3 + 1/4 = 25/12, at most 1.
        ("benjamini-yekutieli", [0.08 / 3 * 25 / 12, 1.0, 0.08 / 3 * 25 / 12, 0.08 / 3 * 25 / 12]),
        ("bonferroni", [0.08, 1.0, 0.04, 0.08]),
    ],
)
def test_ties_by_hand(method, expected):
    assert adjust([0.02, 0.5, 0.01, 0.02], method) == pytest.approx(expected, rel=1e-14)


def test_order_between_the_methods():
    p = np.random.default_rng(0).uniform(size=40) ** 3
    by = {method: adjust(p, method) for method in STATSMODELS}
    for method, adjusted in by.items():
        assert np.all(adjusted >= p), method
        assert np.all(adjusted <= 1), method
        assert np.all(np.diff(adjusted[np.argsort(p)]) >= 0), method
    assert np.all(by["holm"] <= by["bonferroni"])
    assert np.any(by["holm"] < by["bonferroni"])
    assert np.all(by["benjamini-hochberg"] <= by["holm"])
    assert np.any(by["benjamini-hochberg"] < by["benjamini-yekutieli"])


def test_holm_holds_the_family_error():
    # Ten true nulls at .05: a false alarm in 40 percent of families without adjustment.
    p = np.random.default_rng(1).uniform(size=(4000, 10))
    raw, holm = (
        np.mean([adjust(family, method).min() <= 0.05 for family in p])
        for method in ("none", "holm")
    )
    assert raw == pytest.approx(1 - 0.95**10, abs=0.03)
    assert holm == pytest.approx(1 - 0.995**10, abs=0.012)


def test_edges():
    assert adjust([]).shape == (0,)
    assert np.isnan(adjust([np.nan, np.nan])).all()
    assert adjust([0.2]).tolist() == [0.2]
    assert adjust([0.0, 1.0]).tolist() == [0.0, 1.0]
    p = np.array([0.03, 0.01])
    assert adjust(p, "none") is not p
    adjust(p)[0] = 7
    assert p.tolist() == [0.03, 0.01]


@pytest.mark.parametrize(
    ("p", "method", "message"),
    [
        ([0.1, 1.2], "holm", r"pvalues\[1\] is 1.2"),
        ([-0.1], "none", r"pvalues\[0\] is -0.1"),
        ([[0.1]], "holm", r"shape \(1, 1\)"),
        (0.1, "holm", r"shape \(\)"),
        (["a"], "holm", "not an array of numbers"),
        ([0.1], "hom", "did you mean 'holm'"),
    ],
)
def test_bad_input_is_named(p, method, message):
    with pytest.raises(InputError, match=message):
        adjust(p, method)
