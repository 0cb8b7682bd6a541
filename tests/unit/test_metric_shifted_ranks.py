"""Counts of shifted numbers below sorted values: against all comparisons written out."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias.metrics import _shifted_ranks
from embias.metrics._shifted_ranks import RankTable

TIE = 1e-9
KINDS = {
    "normal": lambda rng, n: rng.normal(size=n),
    "tied": lambda rng, n: rng.integers(-3, 4, size=n) / 4,
    "all alike": lambda rng, n: np.full(n, 0.25),
    "close together": lambda rng, n: 1 + 1e-12 * rng.normal(size=n),
    "one far away": lambda rng, n: np.append(1e-4 * rng.normal(size=n - 1), 50.0),
    "within the tie": lambda rng, n: rng.integers(-3, 4, size=n) / 4 + 3e-10 * rng.normal(size=n),
}


def written_out(values, bases, shifts):
    """Every value with every shifted base: 1 where it lies below, 1/2 where both are equal."""
    apart = bases[:, None, None] + shifts[None, :, None] - values
    below = np.where(np.abs(apart) <= TIE, 0.5, (apart > 0).astype(float))
    return below.sum(axis=(1, 2)), (1 - below).sum(axis=(0, 1))


@settings(deadline=None, max_examples=150)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from(sorted(KINDS)),
    st.sampled_from([4, 64, 2**17]),
    st.sampled_from([1, 30, 2**16]),
)
def test_counts_are_those_of_all_comparisons(seed, kind, other, cells, at_once):
    rng = np.random.default_rng(seed)
    values = np.sort(KINDS[kind](rng, 40))
    bases, shifts = KINDS[other](rng, 15), rng.integers(-9, 9, size=7) / 4
    patch = pytest.MonkeyPatch()
    with patch.context() as at:
        at.setattr(_shifted_ranks, "_MOST_CELLS", cells)
        at.setattr(_shifted_ranks, "_AT_ONCE", at_once)
        table = RankTable.of(values, TIE, 60.0)
        of_bases, of_values = table.below_all(bases, shifts)
        total = table.total_below(bases, shifts)
    expected = written_out(values, bases, shifts)
    assert of_bases.tolist() == expected[0].tolist()
    assert of_values.tolist() == expected[1].tolist()
    assert total == expected[0].sum()


def test_a_table_is_used_only_where_its_cells_are_wide_enough():
    rng = np.random.default_rng(0)
    assert RankTable.of(np.sort(rng.normal(size=50)), 1e-12, 10.0).ranks.size
    assert not RankTable.of(np.sort(1e-8 * rng.normal(size=50)), 1e-12, 10.0).ranks.size
    assert not RankTable.of(np.sort(rng.normal(size=50)), 1e-12, 1e9).ranks.size
    assert not RankTable.of(np.ones(50), 1e-12, 10.0).ranks.size
