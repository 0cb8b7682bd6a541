"""Bias by neighbours: a loop over words, SciPy, noise, both pools, real vectors."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from embias.errors import InputError
from embias.metrics import association_scores
from embias.metrics.most_biased import most_biased
from embias.metrics.neighbour_bias import neighbour_bias


def cosine(v, w):
    return float(v @ w / math.sqrt((v @ v) * (w @ w)))


def by_loop(vectors, bias, targets, k, among):
    """The share of each target's neighbours on the first side, and that of its pool."""
    shares, bases = [], []
    for t in targets:
        others = [j for j in among if j != t]
        near = sorted(others, key=lambda j: (-round(cosine(vectors[t], vectors[j]), 12), j))[:k]
        half = {1: 1.0, 0: 0.5, -1: 0.0}
        shares.append(np.mean([half[int(np.sign(bias[j]))] for j in near]))
        bases.append(np.mean([half[int(np.sign(bias[j]))] for j in others]))
    return np.array(shares), np.array(bases)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["all", "balanced"]))
def test_it_is_the_loop_over_words(seed, pool):
    rng = np.random.default_rng(seed)
    vectors, bias = rng.normal(size=(40, 5)), rng.normal(size=40)
    bias[::7] = 0.0
    targets = rng.choice(40, 12, replace=False)
    among = np.sort(most_biased(bias, 8)[0]) if pool == "balanced" else np.arange(40)
    shares, bases = by_loop(vectors, bias, targets, 5, among)
    result = neighbour_bias(
        vectors, bias, targets=targets, k=5, pool=pool, n_biased=8, n_resamples=199, rng=0
    )
    assert result.scores["words"] == pytest.approx(shares)
    assert result.value == pytest.approx(stats.pearsonr(bias[targets], shares).statistic)
    figures = result.figures
    assert figures["spearman"] == pytest.approx(stats.spearmanr(bias[targets], shares).statistic)
    assert figures["mean_share"] == pytest.approx(shares.mean())
    assert figures["deviation"] == pytest.approx((shares - bases).mean())
    assert figures["ratio"] == pytest.approx((shares / bases).mean())
    own = np.sign(bias[targets])
    same = np.select([own > 0, own < 0], [shares, 1 - shares], 0.5)
    assert figures["same_side"] == pytest.approx(same.mean())
    assert figures["base_rate"] == pytest.approx(((np.sign(bias[among]) + 1) / 2).mean())
    assert result.counts == {"words": 12, "pool": among.size}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_what_changes_nothing_and_what_turns_round(seed):
    rng = np.random.default_rng(seed)
    vectors, bias = rng.normal(size=(30, 4)), rng.normal(size=30)
    options = {"k": 4, "n_resamples": 199, "rng": 0}
    result = neighbour_bias(vectors, bias, **options)
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    longer = vectors @ rotation * rng.uniform(0.1, 10, (30, 1))
    assert neighbour_bias(longer, bias, **options).value == pytest.approx(result.value, abs=1e-9)
    order = rng.permutation(30)
    mixed = neighbour_bias(vectors[order], bias[order], **options)
    assert mixed.value == pytest.approx(result.value, abs=1e-9)
    # Turning the sign of the bias turns every share into one minus itself; r stays.
    turned = neighbour_bias(vectors, -bias, **options)
    assert turned.value == pytest.approx(result.value, abs=1e-9)
    assert np.array(turned.scores["words"]) == pytest.approx(1 - np.array(result.scores["words"]))
    assert turned.figures["deviation"] == pytest.approx(-result.figures["deviation"], abs=1e-9)
    # Stretching an axis is no rotation.
    stretched = neighbour_bias(vectors * [9, 1, 1, 1], bias, **options)
    assert stretched.scores["words"] != result.scores["words"]


def test_a_bias_along_an_axis_is_found_and_noise_is_not():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(300, 6)) * [4, 1, 1, 1, 1, 1]
    result = neighbour_bias(vectors, vectors[:, 0], k=20, n_resamples=999, rng=0)
    assert result.value > 0.7
    assert result.pvalue == 0.001
    assert result.interval.low < result.value < result.interval.high
    values = [
        neighbour_bias(rng.normal(size=(100, 6)), rng.normal(size=100), k=10, n_resamples=100)
        for _ in range(80)
    ]
    found = [each.value for each in values]
    assert abs(np.mean(found)) < 4 * np.std(found) / math.sqrt(80)
    # p is about uniform.
    assert 0.3 < np.mean([each.pvalue for each in values]) < 0.7


def test_p_counts_all_orders_of_few_targets():
    rng = np.random.default_rng(5)
    vectors, bias = rng.normal(size=(30, 3)), rng.normal(size=30)
    targets = np.arange(6)
    for alternative in ("greater", "less", "two-sided"):
        result = neighbour_bias(
            vectors, bias, targets=targets, k=7, alternative=alternative, n_resamples=199, rng=0
        )
        shares = np.array(result.scores["words"])
        turn = {
            "greater": lambda r: r,
            "less": lambda r: -r,
            "two-sided": abs,
        }[alternative]
        drawn = [
            turn(stats.pearsonr(bias[list(order)], shares).statistic)
            for order in itertools.permutations(range(6))
        ]
        assert result.pvalue == np.mean(np.array(drawn) >= turn(result.value) - 1e-10)
        assert result.pvalue_method == "exact"
        assert "Fewer than 10 targets" in result.note or "No interval" in result.note


def test_a_pool_that_leans_moves_the_share_and_not_its_deviation():
    """Nine in ten words are of the first side, and neighbours are drawn blindly."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(1_000, 10))
    bias = np.where(rng.random(1_000) < 0.9, 1, -1) * rng.uniform(0.1, 1, 1_000)
    result = neighbour_bias(vectors, bias, k=50, n_resamples=199, rng=0)
    assert result.figures["mean_share"] == pytest.approx(0.9, abs=0.03)
    assert result.figures["deviation"] == pytest.approx(0, abs=0.01)
    assert result.figures["ratio"] == pytest.approx(1, abs=0.01)
    balanced = neighbour_bias(
        vectors, bias, k=20, pool="balanced", n_biased=80, n_resamples=199, rng=0
    )
    assert balanced.figures["base_rate"] == 0.5
    assert balanced.figures["mean_share"] == pytest.approx(0.5, abs=0.03)


def test_what_is_undefined_is_nan():
    vectors = np.random.default_rng(0).normal(size=(20, 3))
    result = neighbour_bias(vectors, np.ones(20), k=3, rng=0)
    assert math.isnan(result.value)
    assert result.pvalue is None
    assert result.interval is None
    assert "undefined" in result.note
    assert result.figures["mean_share"] == 1


def test_professions_before_and_after_the_direction_is_removed(extract):
    """Figures checked with scikit-learn's neighbours and SciPy's pearsonr by themselves."""
    words = list(extract.words)
    vectors = extract.vectors.astype(np.float64)
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    he, she = units[words.index("he")], units[words.index("she")]
    bias = association_scores(vectors, [he], [she])
    g = (he - she) / np.linalg.norm(he - she)
    without = units - np.outer(units @ g, g)
    names = (
        "nurse teacher engineer programmer librarian homemaker architect carpenter hairdresser "
        "plumber secretary physicist dancer maid captain"
    )
    targets = [words.index(word) for word in names.split()]
    result = neighbour_bias(without, bias, targets=targets, original=vectors, rng=0)
    assert result.figures["original"] == pytest.approx(0.9852545203498975, abs=1e-6)
    assert result.value == pytest.approx(0.9019317212757507, abs=1e-6)
    assert result.pvalue < 0.001
    everyone = neighbour_bias(without, bias, n_resamples=199, rng=0)
    assert everyone.value == pytest.approx(0.5978554131984616, abs=1e-6)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bias": [1.0, -1.0]}, "bias has 2 numbers for 6 vectors"),
        ({"targets": [0, 1]}, "three at least"),
        ({"targets": [0, 1, 6]}, "targets holds 6"),
        ({"targets": [0, 1, -1]}, "targets holds -1"),
        ({"targets": [0, 1, 1]}, "twice"),
        ({"targets": [0.0, 1.0, 2.0]}, "whole numbers"),
        ({"k": 6}, "k=6, and a word has 5 other"),
        ({"k": 0}, "k=0"),
        ({"pool": "some"}, "pool='some'"),
        ({"pool": "balanced", "n_biased": 4}, "n=4, and 3 words lean"),
        ({"alternative": "more"}, "alternative='more'"),
        ({"level": 2}, "level=2"),
        ({"original": np.eye(5)}, "original has 5 rows"),
    ],
)
def test_arguments_are_checked(changes, message):
    arguments = {"vectors": np.eye(6), "bias": [1.0, 2, 3, -1, -2, -3], "k": 2, **changes}
    with pytest.raises(InputError, match=message):
        neighbour_bias(**arguments)
