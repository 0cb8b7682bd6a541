"""What a permutation p-value must satisfy whatever the scores."""

import itertools
import math

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from embias import permutation_pvalue

SCALES = st.sampled_from([1.0, 1e-9, 1e9])
ALTERNATIVE = st.sampled_from(["greater", "less", "two-sided"])


@st.composite
def two_sets(draw, largest=7):
    """Scores with and without ties, in clusters, on several scales, in unequal sets."""
    n_x, n_y = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    kind = draw(st.sampled_from(["floats", "integers", "constant", "clusters"]))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    scores = {
        "floats": rng.normal(size=n_x + n_y),
        "integers": rng.integers(-3, 4, size=n_x + n_y).astype(float),
        "constant": np.full(n_x + n_y, 0.3),
        "clusters": rng.choice([-0.7, 0.1, 0.4], size=n_x + n_y),
    }[kind]
    scores = draw(SCALES) * (scores + draw(st.sampled_from([0.0, 5.0])))
    return scores[:n_x], scores[n_x:]


def count_by_enumeration(x, y, alternative):
    """Exact rational arithmetic would be slower; integers of a fine grid are as good here."""
    pooled = np.concatenate([x, y])
    scale = np.abs(pooled - pooled.mean()).max()
    if scale <= 1e-14 * np.abs(pooled).max():
        return math.comb(pooled.size, len(x))
    centred = (pooled - pooled.mean()) / scale
    observed = centred[: len(x)].sum()
    slack = 1e-8
    sums = np.array(
        [centred[list(c)].sum() for c in itertools.combinations(range(pooled.size), len(x))]
    )
    if alternative == "greater":
        return int((sums >= observed - slack).sum())
    if alternative == "less":
        return int((sums <= observed + slack).sum())
    return int((np.abs(sums) >= abs(observed) - slack).sum())


@settings(deadline=None, max_examples=150)
@given(two_sets(), ALTERNATIVE)
def test_exact_equals_enumeration(sets, alternative):
    x, y = sets
    result = permutation_pvalue(x, y, alternative=alternative)
    assert result.count == count_by_enumeration(x, y, alternative)
    assert 1 <= result.count <= math.comb(len(x) + len(y), len(x))


@settings(deadline=None, max_examples=150)
@given(two_sets(), ALTERNATIVE)
def test_certified_bracket_holds_the_exact_p(sets, alternative):
    x, y = sets
    exact = permutation_pvalue(x, y, alternative=alternative, method="exact").pvalue
    result = permutation_pvalue(x, y, alternative=alternative, method="certified", max_work=1e5)
    low, high = result.pvalue_bounds
    assert 0 < low <= high <= 1
    assert low <= exact * (1 + 1e-12)
    assert exact <= high * (1 + 1e-12)


@settings(deadline=None, max_examples=25)
@given(two_sets(largest=19), ALTERNATIVE)
def test_certified_bracket_holds_the_exact_p_of_larger_sets(sets, alternative):
    x, y = sets
    exact = permutation_pvalue(x, y, alternative=alternative, method="exact").pvalue
    result = permutation_pvalue(x, y, alternative=alternative, method="certified")
    low, high = result.pvalue_bounds
    assert low <= exact * (1 + 1e-12)
    assert exact <= high * (1 + 1e-12)


@settings(deadline=None, max_examples=80)
@given(two_sets())
def test_one_sided_p_add_up_to_one_and_the_atom(sets):
    x, y = sets
    greater = permutation_pvalue(x, y).count
    less = permutation_pvalue(x, y, alternative="less").count
    atom = greater + less - math.comb(len(x) + len(y), len(x))
    assert atom >= 1
    assert atom == count_by_enumeration(x, y, "greater") + count_by_enumeration(
        x, y, "less"
    ) - math.comb(len(x) + len(y), len(x))


@settings(deadline=None, max_examples=80)
@given(two_sets(), st.integers(0, 1000), ALTERNATIVE)
def test_order_shift_and_scale_change_nothing(sets, seed, alternative):
    x, y = sets
    rng = np.random.default_rng(seed)
    count = permutation_pvalue(x, y, alternative=alternative).count
    shuffled = permutation_pvalue(rng.permutation(x), rng.permutation(y), alternative=alternative)
    assert shuffled.count == count
    assert permutation_pvalue(3 * x, 3 * y, alternative=alternative).count == count
    largest = np.abs(np.concatenate([x, y])).max()
    assume(largest > 0)
    shifted = permutation_pvalue(x + largest, y + largest, alternative=alternative)
    assert shifted.count == count


@settings(deadline=None, max_examples=80)
@given(two_sets())
def test_swapping_the_sets_swaps_the_tails(sets):
    x, y = sets
    assert (
        permutation_pvalue(x, y, alternative="greater").count
        == permutation_pvalue(y, x, alternative="less").count
    )
    both = permutation_pvalue(x, y, alternative="two-sided")
    assert both.count == permutation_pvalue(y, x, alternative="two-sided").count
    assert both.statistic == -permutation_pvalue(y, x).statistic


@settings(deadline=None, max_examples=60)
@given(st.integers(2, 7), st.integers(0, 2**32 - 1))
def test_two_sided_of_equal_sizes_is_twice_the_smaller_one_sided(n, seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=n), rng.normal(size=n)
    absolute = permutation_pvalue(x, y, alternative="two-sided")
    doubled = permutation_pvalue(x, y, alternative="two-sided", two_sided="doubled")
    assert absolute.pvalue == doubled.pvalue
