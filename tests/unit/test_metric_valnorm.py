"""ValNorm on arrays: definition, permutations, intervals, errors."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import random_sets, score_by_definition
from scipy import stats

from embias.errors import InputError, VectorError
from embias.metrics.valnorm import CARD, valnorm


def rated(seed, n=6):
    words, _, a, b = random_sets(seed, sizes=(n, 5, 4, 3))
    return words, np.random.default_rng(seed + 1).normal(size=n), a, b


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["greater", "less", "two-sided"]))
def test_it_is_the_formula_and_counted_exactly(seed, alternative):
    words, valence, a, b = rated(seed)
    result = valnorm(words, valence, a, b, alternative=alternative)
    scores = [score_by_definition(w, a, b) for w in words]
    assert result.scores["words"] == pytest.approx(scores, abs=1e-12)
    expected = stats.pearsonr(scores, valence)
    assert result.value == pytest.approx(expected.statistic, abs=1e-12)
    assert result.figures["spearman"] == pytest.approx(stats.spearmanr(scores, valence).statistic)
    low, high = expected.confidence_interval(0.95)
    assert (result.interval.low, result.interval.high) == pytest.approx((low, high), abs=1e-12)
    drawn = np.array(
        [np.corrcoef(scores, order)[0, 1] for order in itertools.permutations(valence)]
    )
    r = result.value
    hits = {
        "greater": drawn >= r - 1e-9,
        "less": drawn <= r + 1e-9,
        "two-sided": np.abs(drawn) >= abs(r) - 1e-9,
    }[alternative]
    assert result.pvalue == pytest.approx(hits.mean())
    assert (result.pvalue_method, result.no_bias) == ("exact", None)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_what_changes_it_and_what_does_not(seed):
    words, valence, a, b = rated(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    result = valnorm(words, valence, a, b)
    moved = [v @ rotation * rng.uniform(0.1, 9, (len(v), 1)) for v in (words, a, b)]
    same = valnorm(moved[0], 3 * valence - 7, *moved[1:])
    assert same.value == pytest.approx(result.value, abs=1e-9)
    assert same.pvalue == result.pvalue
    assert valnorm(words, valence, b, a).value == pytest.approx(-result.value, abs=1e-12)
    assert valnorm(words, -valence, a, b).value == pytest.approx(-result.value, abs=1e-12)
    turned = valnorm(words[::-1], valence[::-1], a[::-1], b)
    assert turned.value == pytest.approx(result.value, abs=1e-12)
    assert turned.pvalue == result.pvalue
    assert valnorm(words, valence, a, b, ddof=0).value == pytest.approx(result.value, abs=1e-12)


def test_more_words_are_sampled():
    words, valence, a, b = rated(3, n=30)
    result = valnorm(words, valence, a, b, n_resamples=2000, rng=1, alternative="two-sided")
    assert (result.pvalue_method, result.n_resamples) == ("sampled", 2000)
    assert result.pvalue_bounds[0] <= result.pvalue <= result.pvalue_bounds[1]
    scores = result.scores["words"]
    assert result.pvalue == pytest.approx(stats.pearsonr(scores, valence).pvalue, abs=0.04)
    assert valnorm(words, valence, a, b, n_resamples=2000, rng=1).value == result.value


@pytest.mark.parametrize(("ours", "theirs"), [("bca", "BCa"), ("percentile", "percentile")])
def test_bootstrap_intervals_are_scipys_up_to_chance(ours, theirs):
    words, noise, a, b = rated(3, n=30)
    valence = noise + [2 * score_by_definition(w, a, b) for w in words]
    result = valnorm(words, valence, a, b, interval=ours, rng=1)
    scores = np.array(result.scores["words"])
    expected = stats.bootstrap(
        (scores, valence),
        lambda x, y: stats.pearsonr(x, y).statistic,
        paired=True,
        vectorized=False,
        method=theirs,
        rng=np.random.default_rng(0),
    ).confidence_interval
    assert result.interval.method == ours
    assert (result.interval.low, result.interval.high) == pytest.approx(
        (expected.low, expected.high), abs=0.02
    )


def test_real_words(extract):
    # Valence on a scale of 1 to 9, made up for this test in the order people would give.
    words = ["love", "freedom", "rainbow", "music", "table", "street", "tax", "war", "murder"]
    ratings = [8.7, 7.6, 8.1, 8.1, 5.2, 5.2, 3.0, 2.1, 1.5]
    known = [word for word in words if word in extract]
    kept = [rating for word, rating in zip(words, ratings, strict=True) if word in extract]
    assert len(known) >= 6
    pleasant = ["caress", "health", "peace", "cheer", "friend", "heaven", "honest", "lucky"]
    unpleasant = ["abuse", "crash", "filth", "sickness", "accident", "death", "grief", "poison"]
    sets = [extract.encode(group).astype(float) for group in (known, pleasant, unpleasant)]
    result = valnorm(sets[0], kept, *sets[1:])
    scores = [score_by_definition(w, *sets[1:]) for w in sets[0]]
    assert result.value == pytest.approx(np.corrcoef(scores, kept)[0, 1], abs=1e-9)
    assert result.value == pytest.approx(MADE_UP, abs=1e-6)
    assert result.pvalue < 0.02


MADE_UP = 0.82533928


def test_what_is_not_defined():
    words, valence, a, b = rated(1)
    flat = valnorm(words, np.full(6, 5.0), a, b)
    assert math.isnan(flat.value)
    assert (flat.pvalue, flat.interval) == (None, None)
    assert "not defined" in flat.note
    same = valnorm(words[:1].repeat(6, axis=0), valence, a, b)
    assert math.isnan(same.value)
    plane_a, plane_b = [[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0]]
    between = np.array([[1.0, 1.0], [1, 0], [1, 3], [0, 1], [2, 1]])
    partly = valnorm(between, [0, 9, 3, 1, 6], plane_a, plane_b)
    assert math.isnan(partly.scores["words"][0])
    assert partly.counts["words"] == 4
    assert "1 of 5 words" in partly.note


def test_duplicates_count_twice():
    words, valence, a, b = rated(1)
    twice = valnorm(np.concatenate([words, words[:1]]), [*valence, valence[0]], a, b)
    scores = [score_by_definition(w, a, b) for w in [*words, words[0]]]
    assert twice.value == pytest.approx(np.corrcoef(scores, [*valence, valence[0]])[0, 1])


def test_perfect_agreement_has_a_point_for_an_interval():
    words, _, a, b = rated(2)
    scores = valnorm(words, np.arange(6.0), a, b).scores["words"]
    result = valnorm(words, np.array(scores) * 2 + 5, a, b)
    assert result.value == pytest.approx(1)
    assert result.interval.low == pytest.approx(1, abs=1e-6)
    assert result.pvalue == pytest.approx(1 / math.factorial(6))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"valence": [1.0, 2.0, 3.0]}, InputError, "3 ratings for 5 words"),
        ({"valence": [1.0, 2.0, 3.0, 4.0, math.nan]}, InputError, r"valence\[4\]"),
        ({"words": np.eye(3), "valence": [1, 2, 3]}, InputError, "needs 4"),
        ({"a": np.eye(3)[:1], "b": np.eye(3)[1:2]}, InputError, "one attribute each"),
        ({"a": np.zeros((2, 3))}, VectorError, r"a\[0\]"),
        ({"ddof": 3}, InputError, "ddof=3"),
        ({"interval": "normal"}, InputError, "interval"),
        ({"level": 1.0}, InputError, "level"),
        ({"n_resamples": 0}, InputError, "n_resamples"),
        ({"alternative": "more"}, InputError, "alternative"),
    ],
)
def test_errors(change, error, match):
    given = {
        "words": np.eye(3)[[0, 1, 2, 0, 1]] + 0.1,
        "valence": np.arange(5.0),
        "a": np.eye(3)[:2],
        "b": np.eye(3)[1:],
    } | change
    with pytest.raises(error, match=match):
        valnorm(**given)


def test_an_audit_does_not_run_it():
    assert CARD.run is None
    assert not CARD.audited
    assert "on arrays" in CARD.to_text()
