"""Relabellings of any number of groups: all of them, or drawn; and the p-values they give."""

import itertools

import numpy as np
import pytest

from embias.errors import InputError
from embias.metrics import _relabel
from embias.stats import clopper_pearson


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3), (3, 1, 2), (1, 2, 1, 1), (1, 6)])
def test_every_labelling_comes_once(sizes):
    rows = np.concatenate(list(_relabel._all_labels(sizes, 7)))
    assert len(rows) == len(np.unique(rows, axis=0)) == _relabel.partitions(sizes)
    for group, size in enumerate(sizes):
        assert ((rows == group).sum(axis=1) == size).all()


def test_sampled_labels_have_the_sizes():
    rows = np.concatenate(list(_relabel._drawn_labels((3, 1, 2), 7, 50, np.random.default_rng(0))))
    assert rows.shape == (50, 6)
    for group, size in enumerate((3, 1, 2)):
        assert ((rows == group).sum(axis=1) == size).all()
    assert len(np.unique(rows, axis=0)) > 20


def test_a_large_lopsided_problem_is_sampled():
    # 7,001 relabellings are few, but they have 49 million labels.
    rng = np.random.default_rng(0)
    test = _relabel.relabelling_test(
        0.0,
        lambda labels: np.zeros(len(labels)),
        (1, 7000),
        alternative="greater",
        noise=0,
        n_resamples=10,
        rng=rng,
    )
    assert (test.method, test.pvalue) == ("sampled", 1)


def test_two_groups_come_as_all_combinations():
    labels = np.concatenate(list(_relabel._all_labels((4, 3), 5)))
    found = {tuple(np.flatnonzero(row)) for row in _relabel.in_first(labels)}
    assert found == set(itertools.combinations(range(7), 4))


@pytest.mark.parametrize("sizes", [(5, 4), (2, 3, 1)])
def test_blocks_change_no_draw(sizes):
    one, other = (
        np.concatenate(list(_relabel._drawn_labels(sizes, block, 30, np.random.default_rng(3))))
        for block in (4, 100)
    )
    assert (one == other).all()


def test_all_are_taken_where_draws_would_be_dearer(monkeypatch):
    monkeypatch.setattr(_relabel, "MOST_ENUMERATED", 10)
    for draws, exact in ((34, False), (35, True)):
        found, blocks = _relabel.relabellings(
            (4, 3), n_resamples=draws, rng=np.random.default_rng(0)
        )
        assert found == exact
        assert sum(map(len, blocks)) == draws


@pytest.mark.parametrize("hits", [0, 3, 60, 99])
def test_a_sampled_p_value_is_never_0_and_lies_in_its_bounds(hits):
    low, high = clopper_pearson(hits, 99)
    one = _relabel.Relabelled.from_hits(hits, 99, exact=False)
    assert one.pvalue == (hits + 1) / 100
    assert 0 < one.bounds[0] <= one.pvalue <= one.bounds[1]
    assert one.bounds[0] == pytest.approx(low)
    assert one.bounds[1] == max(high, one.pvalue)
    two = _relabel.Relabelled.from_hits(hits, 99, exact=False, sides=2)
    assert two.pvalue == min(1, 2 * one.pvalue)
    counted = _relabel.Relabelled.from_hits(hits, 99, exact=True)
    assert counted.fields() == {
        "pvalue": max(hits, 1) / 99,
        "pvalue_bounds": (counted.pvalue, counted.pvalue),
        "pvalue_method": "exact",
        "n_resamples": None,
    }


def test_the_number_of_draws():
    assert _relabel.draws_for(None, 4_000) == 9_999
    assert _relabel.draws_for(None, 8_000) == 5_000
    assert _relabel.draws_for(None, 10**6) == 999
    assert _relabel.draws_for(7, 10**6) == 7
    with pytest.raises(InputError, match="n_resamples=99"):
        _relabel.draws_for(99, 1, at_least=100)
