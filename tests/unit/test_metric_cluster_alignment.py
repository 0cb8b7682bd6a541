"""Cluster alignment: exact null, scikit-learn, separated and noisy words, real vectors."""

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import v_measure_score
from test_audit import flowers

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics import association_scores
from embias.metrics._raw import rows_of
from embias.metrics.card import RoleVectors
from embias.metrics.cluster_alignment import CARD, cluster_alignment
from embias.metrics.most_biased import most_biased


def two_sides(n, gap, seed=0, d=10):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(2 * n, d))
    rows[:n, 0] += gap
    rows[n:, 0] -= gap
    return rows, np.repeat(["he", "she"], n)


def aligned(clusters, sides):
    share = np.mean(np.asarray(clusters) == np.asarray(sides))
    return max(share, 1 - share)


def test_separated_sides_are_found_and_p_is_the_exact_one():
    result = cluster_alignment(*two_sides(8, 30), rng=0)
    assert result.value == 1
    assert result.pvalue == pytest.approx(2 / math.comb(16, 8), rel=1e-12)
    assert result.pvalue_method == "exact"
    assert result.scores["words"] == (1.0,) * 16
    assert result.figures["v_measure"] == pytest.approx(1)
    assert result.counts == {"words": 16, "side he": 8, "side she": 8}


@pytest.mark.parametrize(("sizes", "first"), [((3, 5), 4), ((4, 4), 2), ((2, 7), 6)])
def test_the_null_is_that_of_all_relabellings(sizes, first):
    """Clusters of `first` and the rest, far apart: every relabelling, one by one."""
    n = sum(sizes)
    rows = np.zeros((n, 2))
    rows[:first] = [1.0, 0.0]
    rows[first:] = [0.0, 1.0]
    rows += 1e-3 * np.random.default_rng(0).normal(size=rows.shape)
    clusters = np.arange(n) < first
    sides = np.repeat([True, False], sizes)
    observed = aligned(clusters, sides)
    found = [
        aligned(clusters, np.isin(np.arange(n), chosen))
        for chosen in itertools.combinations(range(n), sizes[0])
    ]
    p = Fraction(sum(value >= observed - 1e-12 for value in found), len(found))
    result = cluster_alignment(rows, sides, rng=0)
    assert result.value == pytest.approx(observed)
    assert result.pvalue == pytest.approx(float(p), rel=1e-12)
    assert result.no_bias == pytest.approx(np.mean(found), rel=1e-12)


def test_on_noise_it_is_what_the_null_says():
    """No bias is .5 + .4 / sqrt(n) for n words on two equal sides, not .5."""
    values, expected = [], []
    for seed in range(60):
        result = cluster_alignment(*two_sides(50, 0, seed), n_seeds=1, rng=seed)
        values.append(result.value)
        expected.append(result.no_bias)
    assert np.mean(expected) == pytest.approx(0.5 + 0.4 / math.sqrt(100), abs=0.003)
    assert np.mean(values) == pytest.approx(np.mean(expected), abs=0.012)


def test_it_is_the_clustering_of_scikit_learn():
    rows, sides = two_sides(30, 0.7, seed=3)
    result = cluster_alignment(rows, sides, n_seeds=4, n_init=10, rng=11)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    # Rows are sorted first, so that the order in which they are given does not matter.
    order = np.lexsort(units.T[::-1])
    fits = [KMeans(2, n_init=10, random_state=11 + i).fit(units[order]) for i in range(4)]
    truth = sides[order] == "he"
    shares = [aligned(fit.labels_, truth) for fit in fits]
    best = int(np.argmin([fit.inertia_ for fit in fits]))
    assert result.value == pytest.approx(shares[best])
    assert result.figures["seeds_mean"] == pytest.approx(np.mean(shares))
    assert result.figures["seeds_min"] == pytest.approx(min(shares))
    assert result.figures["seeds_max"] == pytest.approx(max(shares))
    assert result.figures["seeds_sd"] == pytest.approx(np.std(shares))
    assert result.figures["v_measure"] == pytest.approx(v_measure_score(truth, fits[best].labels_))
    assert result.settings["seeds"] == [11, 12, 13, 14]


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_rotation_order_and_names_of_sides_change_nothing(seed):
    rng = np.random.default_rng(seed)
    rows, sides = two_sides(12, 3, seed)
    result = cluster_alignment(rows, sides, rng=0)
    order = rng.permutation(24)
    rotation = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    moved = cluster_alignment(rows[order], sides[order], rng=0)
    assert moved.value == result.value
    assert moved.figures == result.figures
    assert np.array(result.scores["words"])[order].tolist() == list(moved.scores["words"])
    turned = cluster_alignment(7 * rows @ rotation, np.where(sides == "he", 0, 5), rng=0)
    assert turned.value == pytest.approx(result.value)
    assert turned.pvalue == pytest.approx(result.pvalue)


def test_lengths_count_only_where_asked_for():
    rng = np.random.default_rng(1)
    rows = np.r_[[[1.0, 0.0]] * 6, [[0.0, 1.0]] * 6] + 0.01 * rng.normal(size=(12, 2))
    sides = np.repeat([0, 1], 6)
    # Lengths that cut across the sides.
    longer = rows * np.where(np.arange(12) % 2, 100.0, 1.0)[:, None]
    assert cluster_alignment(longer, sides, rng=0).value == 1
    assert cluster_alignment(longer, sides, lengths="raw", rng=0).value < 1
    assert cluster_alignment(rows, sides, lengths="raw", rng=0).value == 1


def test_three_sides_are_matched_to_three_clusters():
    rng = np.random.default_rng(2)
    rows = np.repeat(np.eye(3), [5, 6, 7], axis=0) + 0.01 * rng.normal(size=(18, 3))
    sides = np.repeat(["a", "b", "c"], [5, 6, 7])
    result = cluster_alignment(rows, sides, rng=0)
    assert result.value == 1
    assert result.value_range == (pytest.approx(1 / 3), 1.0)
    assert (result.pvalue, result.pvalue_method) == (1 / 10_000, "sampled")
    assert result.n_resamples == 9_999
    # The null by brute force: shuffled labels, best of the six matchings.
    clusters = np.repeat([0, 1, 2], [5, 6, 7])
    drawn = [rng.permutation(clusters) for _ in range(4_000)]
    best = [
        max(np.mean(np.array(m)[labels] == clusters) for m in itertools.permutations(range(3)))
        for labels in drawn
    ]
    assert result.no_bias == pytest.approx(np.mean(best), abs=0.01)


def test_it_says_where_it_is_uninformative():
    signal, sides = two_sides(20, 30)
    noise = np.random.default_rng(0).normal(size=signal.shape)
    result = cluster_alignment(noise, sides, original=signal, rng=0)
    assert result.figures["original"] == 1
    assert "Uninformative" not in result.note
    result = cluster_alignment(noise, sides, original=noise[::-1], rng=0)
    assert "Uninformative" in result.note
    assert result.figures["original_pvalue"] > 0.05


def test_words_that_coincide():
    sides = [0, 0, 1, 1]
    result = cluster_alignment(np.ones((4, 3)), sides, rng=0)
    assert math.isnan(result.value)
    assert result.pvalue is None
    assert "nothing to cluster" in result.note
    twice = np.repeat(np.eye(2), 4, axis=0)
    assert cluster_alignment(twice, np.repeat([0, 1], 4), rng=0).value == 1


def test_he_and_she_words_cluster_and_still_do_without_the_direction(extract):
    """Gonen & Goldberg's finding; figures checked with scikit-learn's KMeans by itself."""
    vectors = extract.vectors.astype(np.float64)
    he, she = (vectors[list(extract.words).index(word)] for word in ("he", "she"))
    rows, sides = most_biased(association_scores(vectors, [he], [she]), 500)
    units = rows_of(vectors, "vectors", "unit")
    g = he / np.linalg.norm(he) - she / np.linalg.norm(she)
    g /= np.linalg.norm(g)
    without = units - np.outer(units @ g, g)
    result = cluster_alignment(without[rows], sides, original=units[rows], rng=0)
    assert result.figures["original"] == 1
    assert result.value == pytest.approx(0.734, abs=0.01)
    assert result.no_bias == pytest.approx(0.5126, abs=1e-3)
    assert 0 < result.pvalue < 1e-40


def test_an_audit_runs_it(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    words = ("rose", "daisy", "wasp", "flea", "love", "joy", "war", "filth")
    table = {word: np.eye(4)[i % 4] for i, word in enumerate(words)}
    (row,) = audit(table, flowers(), metrics=["cluster_alignment"]).results
    assert row.status == "error"
    assert "X has 2 words; at least 4 on each side" in row.reason
    rows, _ = two_sides(6, 30)
    roles = RoleVectors(
        x=rows[:6],
        y=rows[6:],
        a=rows[:1],
        b=rows[6:7],
        pairs=None,
        rng=np.random.default_rng(0),
    )
    result = CARD.run(roles)
    assert result.value == 1
    assert len(result.scores["words"]) == 12


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"sides": [0, 0, 0, 0]}, "sides are all 0"),
        ({"sides": [0, 0, 1]}, "3 entries for 4 rows"),
        ({"sides": [0, 0, 0, 1]}, "1 has 1 word"),
        ({"sides": ["a", "a", "b", None]}, r"sides\[3\] is missing"),
        ({"n_init": 5}, "n_init=5"),
        ({"n_seeds": 0}, "n_seeds=0"),
        ({"lengths": "long"}, "lengths='long'"),
        ({"original": np.eye(3)}, "original has 3 rows and vectors 4"),
        ({"rng": -1}, "rng=-1"),
    ],
)
def test_arguments_are_checked(changes, message):
    arguments = {"vectors": np.eye(4), "sides": [0, 0, 1, 1], **changes}
    with pytest.raises(InputError, match=message):
        cluster_alignment(**arguments)


def test_a_zero_vector_is_named():
    with pytest.raises(VectorError, match=r"vectors\[2\] is the zero vector"):
        cluster_alignment(np.diag([1.0, 1, 0, 1]), [0, 0, 1, 1])
