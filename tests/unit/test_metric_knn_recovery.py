"""k-NN recovery: scikit-learn, a loop, the closed form of its null, contexts of words."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from test_metric_cluster_alignment import two_sides

from embias.errors import InputError
from embias.metrics import association_scores
from embias.metrics.card import RoleVectors
from embias.metrics.knn_recovery import CARD, knn_recovery
from embias.metrics.most_biased import most_biased
from embias.stats import wilson_interval


def by_loop(vectors, labels, k, words=None):
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    words = np.arange(len(units)) if words is None else np.asarray(words)
    credit, pure = [], []
    for i in range(len(units)):
        others = [j for j in range(len(units)) if words[j] != words[i]]
        near = sorted(others, key=lambda j: (-round(float(units[i] @ units[j]), 12), j))[:k]
        votes = {label: sum(labels[j] == label for j in near) for label in set(labels)}
        winners = [label for label, n in votes.items() if n == max(votes.values())]
        credit.append((labels[i] in winners) / len(winners))
        pure.append(votes[labels[i]] / k)
    names = np.unique(words)
    mean = [np.mean(np.array(credit)[words == name]) for name in names]
    return np.array(mean), np.mean([np.mean(np.array(pure)[words == name]) for name in names])


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(2, 4), st.booleans())
def test_it_is_the_loop_over_words(seed, k, n_labels, several):
    rng = np.random.default_rng(seed)
    words = np.repeat(np.arange(12), 3)
    labels = np.array(list("abcd"))[(np.arange(12) % n_labels)[words]]
    vectors = rng.normal(size=(36, 4)) + (labels == "a")[:, None]
    given_words = words if several else None
    result = knn_recovery(vectors, labels, k=k, words=given_words, n_resamples=99, rng=0)
    expected, purity = by_loop(vectors, labels, k, given_words)
    assert result.scores["words"] == pytest.approx(expected)
    assert result.value == pytest.approx(expected.mean())
    assert result.figures["purity"] == pytest.approx(purity)
    n = len(expected)
    assert result.interval == wilson_interval(round(expected.sum()), n)
    assert result.counts["words"] == n


def test_it_is_scikit_learn_with_one_left_out():
    vectors, labels = two_sides(40, 0.5, seed=1)
    rule = KNeighborsClassifier(5, metric="cosine", algorithm="brute")
    guessed = cross_val_predict(rule, vectors, labels, cv=LeaveOneOut())
    result = knn_recovery(vectors, labels, rng=0)
    assert list(result.scores["words"]) == (guessed == labels).tolist()
    by_label = [np.mean(guessed[labels == label] == label) for label in ("he", "she")]
    assert result.figures["balanced"] == pytest.approx(np.mean(by_label))
    assert result.figures["majority"] == 0.5


def test_the_null_of_one_neighbour_is_a_closed_form():
    """With k = 1 a relabelled neighbour agrees with chance sum n_c (n_c - 1) / (n (n - 1))."""
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [5, 10, 15])
    result = knn_recovery(rng.normal(size=(30, 3)), labels, k=1, n_resamples=9_999, rng=0)
    closed = (5 * 4 + 10 * 9 + 15 * 14) / (30 * 29)
    assert result.figures["purity_chance"] == pytest.approx(closed)
    assert result.no_bias == pytest.approx(closed, abs=0.003)
    assert result.no_bias < result.figures["majority"]


def test_separated_words_are_recovered_and_noise_is_not():
    result = knn_recovery(*two_sides(20, 30), n_resamples=999, rng=0)
    assert (result.value, result.pvalue) == (1, 0.001)
    found = [knn_recovery(*two_sides(20, 0, seed), n_resamples=99, rng=seed) for seed in range(60)]
    values = [each.value for each in found]
    expected = np.mean([each.no_bias for each in found])
    assert np.mean(values) == pytest.approx(expected, abs=4 * np.std(values) / math.sqrt(60))
    assert 0.3 < np.mean([each.pvalue for each in found]) < 0.7


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_rotation_lengths_order_and_names_change_nothing(seed):
    rng = np.random.default_rng(seed)
    vectors, labels = two_sides(10, 1, seed, d=5)
    result = knn_recovery(vectors, labels, n_resamples=99, rng=0)
    order = rng.permutation(20)
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    moved = (vectors @ rotation * rng.uniform(0.1, 9, (20, 1)))[order]
    other = knn_recovery(moved, labels[order] == "she", n_resamples=99, rng=0)
    assert np.array(result.scores["words"])[order].tolist() == list(other.scores["words"])


def test_stretching_an_axis_is_no_rotation():
    vectors, labels = two_sides(20, 4, d=5)
    assert knn_recovery(vectors, labels, n_resamples=99, rng=0).value > 0.9
    # The axis that tells the sides apart is all but lost.
    shrunk = knn_recovery(vectors * [1e-4, 1, 1, 1, 1], labels, n_resamples=99, rng=0)
    assert shrunk.value < 0.75


def test_contexts_of_a_word_do_not_recover_it():
    """Every word has a place of its own: its contexts find each other unless left out."""
    rng = np.random.default_rng(0)
    words = np.repeat(np.arange(40), 6)
    places = rng.normal(size=(40, 8))
    vectors = places[words] + 0.01 * rng.normal(size=(240, 8))
    labels = rng.permutation(np.arange(40) % 2)[words]
    assert knn_recovery(vectors, labels, n_resamples=99, rng=0).value == 1
    result = knn_recovery(vectors, labels, words=words, n_resamples=199, rng=0)
    assert 0.25 < result.value < 0.75
    assert result.pvalue > 0.01
    assert result.counts["words"] == 40
    assert math.isnan(result.figures["purity_chance"])


def test_he_and_she_words_are_recovered_also_without_the_direction(extract):
    """Figures checked with scikit-learn's KNeighborsClassifier, one word left out."""
    vectors = extract.vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    he, she = (vectors[list(extract.words).index(word)] for word in ("he", "she"))
    rows, sides = most_biased(association_scores(vectors, [he], [she]), 500)
    g = (he - she) / np.linalg.norm(he - she)
    without = vectors - np.outer(vectors @ g, g)
    result = knn_recovery(without[rows], sides, original=vectors[rows], n_resamples=999, rng=0)
    assert result.figures["original"] == pytest.approx(0.972, abs=1e-6)
    assert result.value == pytest.approx(0.904, abs=1e-6)
    assert result.pvalue == 0.001


def test_an_audit_runs_it():
    rows, _ = two_sides(8, 30)

    def roles(n):
        return RoleVectors(rows[:n], rows[8:], rows[:1], rows[8:9], None, np.random.default_rng(0))

    result = CARD.run(roles(8))
    assert result.value == 1
    assert len(result.scores["words"]) == 16
    with pytest.raises(InputError, match="X has 5 words; at least 6 on each side"):
        CARD.run(roles(5))


def test_a_label_that_cannot_fill_a_neighbourhood_is_said():
    vectors, _ = two_sides(8, 30)
    result = knn_recovery(vectors, [1] * 13 + [0] * 3, n_resamples=99, rng=0)
    assert "0 has 3 words: not enough" in result.note


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0, 0, 1, 1, 1]}, "5 entries for 6 rows"),
        ({"labels": [0, 0, 0, 0, 0, 1]}, "1 has 1 word"),
        ({"words": list("abcddd")}, "1 has one word"),
        ({"words": list("aabbcc")}, "'b' has rows with different labels"),
        ({"words": list("aaa")}, "words has 3 entries for 6 rows"),
        ({"k": 6}, "k=6"),
        ({"n_resamples": 10}, "n_resamples=10"),
        ({"level": 0}, "level=0"),
        ({"original": np.eye(5)}, "original has 5 rows"),
    ],
)
def test_arguments_are_checked(changes, message):
    arguments = {"vectors": np.eye(6), "labels": [0, 0, 0, 1, 1, 1], "k": 1, **changes}
    with pytest.raises(InputError, match=message):
        knn_recovery(**arguments)
