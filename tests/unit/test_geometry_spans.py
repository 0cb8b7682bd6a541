"""Subspaces from vectors, labels, texts, a spectrum and from other subspaces."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import embias
from embias.errors import InputError, VectorError
from embias.geometry import Subspace, direction_from_pairs


def _same_span(one, two):
    return np.linalg.svd(one @ two.T, compute_uv=False).min() > 1 - 1e-9


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_the_span_of_vectors_holds_them_and_nothing_else(seed, n):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, 6))
    found = Subspace.from_vectors(np.vstack([rows, 2 * rows[:1], -rows[-1:]]))
    assert found.k == n
    np.testing.assert_allclose(found.basis @ found.basis.T, np.eye(n), atol=1e-12)
    np.testing.assert_allclose(rows @ found.basis.T @ found.basis, rows, atol=1e-10)
    assert sum(found.explained_variance) == pytest.approx(1)


def test_the_first_directions_of_vectors_are_those_of_most_length():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(50, 6)) * [9, 4, 1, 1, 1, 1]
    found = Subspace.from_vectors(rows, k=2)
    units = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    _, vectors = np.linalg.eigh(units.T @ units)
    assert _same_span(found.basis, vectors[:, -2:].T)
    assert (found.basis @ units.sum(axis=0) > 0).all()
    assert "span 3" in Subspace.from_vectors(rows[:3], k=5).note


@given(st.integers(0, 10**6), st.integers(2, 5))
@settings(max_examples=40, deadline=None)
def test_the_span_of_classes_holds_all_differences_of_means(seed, k):
    rng = np.random.default_rng(seed)
    y = np.r_[np.arange(k), rng.integers(0, k, 40)]
    X = rng.normal(size=(len(y), 8)) + 5
    found = Subspace.from_labels(X, y)
    means = np.stack([X[y == c].mean(axis=0) for c in range(k)])
    gaps = means - means[0]
    assert found.k == k - 1
    np.testing.assert_allclose(gaps @ found.basis.T @ found.basis, gaps, atol=1e-9)
    left = X - X @ found.basis.T @ found.basis
    np.testing.assert_allclose(left[y == 0].mean(axis=0), left[y == 1].mean(axis=0), atol=1e-9)
    assert np.abs(gaps).max() > 1e-2  # what was equal now was not before
    again = Subspace.from_labels(X * 1e-3, np.array(list("abcde"))[y])
    assert _same_span(found.basis, again.basis)


def test_two_classes_give_the_direction_between_their_means():
    rng = np.random.default_rng(1)
    y = np.repeat(["he", "she"], [30, 10])
    X = rng.normal(size=(40, 5))
    gap = X[y == "she"].mean(axis=0) - X[y == "he"].mean(axis=0)
    np.testing.assert_allclose(Subspace.from_labels(X, y).vector, gap / np.linalg.norm(gap))


def test_the_directions_between_classes_come_by_their_variance():
    rng = np.random.default_rng(2)
    y = np.repeat([0, 1, 2], 100)
    X = rng.normal(size=(300, 4)) * 1e-3
    X[:, 0] += 10 * (y == 1)
    X[:, 1] += 2 * (y == 2)
    found = Subspace.from_labels(X, y, k=1)
    assert abs(found.vector[0]) > 0.9
    between = np.stack([X[y == c].mean(axis=0) - X.mean(axis=0) for c in range(3)])
    lengths = np.linalg.svd(between, compute_uv=False)[:2] ** 2
    np.testing.assert_allclose(found.explained_variance, lengths / lengths.sum(), atol=1e-9)


def test_a_band_of_the_spectrum():
    rng = np.random.default_rng(3)
    matrix = rng.normal(size=(40, 8)) * np.linspace(3, 1, 8)
    _, lengths, vectors = np.linalg.svd(matrix, full_matrices=False)
    found = Subspace.from_spectrum(matrix, (2, 6))
    assert _same_span(found.basis, vectors[2:6])
    np.testing.assert_allclose(np.abs(np.diag(found.basis @ vectors[2:6].T)), 1, atol=1e-9)
    shares = lengths**2 / (lengths**2).sum()
    np.testing.assert_allclose(found.explained_variance, shares, atol=1e-12)
    assert _same_span(Subspace.from_spectrum(matrix, (0.25, 0.75)).basis, found.basis)


def test_texts_in_which_only_the_group_differs():
    rng = np.random.default_rng(4)
    made = {}

    def encode(texts):
        return np.stack([made.setdefault(text, rng.normal(size=12)) for text in texts])

    encoder = embias.as_encoder(encode, id="random")
    sets = [("he", "she"), ("man", "woman"), ("boy", "girl")]
    templates = ["This is {}.", "{} is here."]
    found = Subspace.from_texts(encoder, sets, templates=templates)
    pairs = [[made[t.replace("{}", w)] for w in s] for t in templates for s in sets]
    expected = direction_from_pairs(np.array(pairs))
    np.testing.assert_allclose(found.vector, expected.vector, atol=1e-6)
    assert found.method == "texts"
    assert found.n_used == 6
    assert found.settings["encoder"] == "random"


def test_the_join_removes_all_where_one_after_the_other_does_not():
    rng = np.random.default_rng(5)
    first, second = Subspace.from_vectors(rng.normal(size=(1, 6))), rng.normal(size=(2, 6))
    joined = Subspace.join(first, second)
    assert joined.k == 3
    X = rng.normal(size=(20, 6))

    def removed(rows, basis):
        return rows - rows @ basis.T @ basis

    assert np.abs(removed(X, joined.basis) @ first.vector).max() < 1e-12
    chained = removed(removed(X, first.basis), Subspace.from_vectors(second).basis)
    assert np.abs(chained @ first.vector).max() > 1e-2


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda X: Subspace.from_vectors(X * 0), VectorError, "zero vector"),
        (lambda X: Subspace.from_vectors(X, k=0), InputError, "k=0"),
        (lambda X: Subspace.from_vectors(X[0]), InputError, "two-dimensional"),
        (lambda X: Subspace.from_labels(X, [1] * 9), InputError, "one class only"),
        (lambda X: Subspace.from_labels(X, [1, 2]), InputError, "one class for each of the 9"),
        (lambda X: Subspace.from_labels(X * 0 + 7, [0, 1] * 4 + [0]), VectorError, "are equal"),
        (lambda X: Subspace.from_labels(X * np.nan, [0] * 9), VectorError, "NaN"),
        (lambda X: Subspace.from_spectrum(X, (3, 3)), InputError, "start < stop"),
        (lambda X: Subspace.from_spectrum(X, (0.5, 2)), InputError, "as shares"),
        (lambda X: Subspace.from_spectrum(X, "ab"), InputError, "band='ab'"),
        (lambda X: Subspace.from_spectrum(X * 0, (0, 2)), VectorError, "only zeros"),
        (lambda X: Subspace.join(), InputError, "at least one"),
        (lambda X: Subspace.join(X[0], X[0][:3]), InputError, "different dimension"),
        (
            lambda X: Subspace.from_texts(embias.as_encoder({"he": X[0]}), [("he", "she")]),
            InputError,
            "no vector for 'she'",
        ),
        (lambda X: Subspace.from_texts(None, []), InputError, "sets is empty"),
        (lambda X: Subspace.from_texts(None, ["he"]), InputError, "two texts at least"),
        (
            lambda X: Subspace.from_texts(None, [("he", "she")], templates=["No"]),
            InputError,
            "just one {}",
        ),
    ],
)
def test_errors(call, error, message):
    X = np.random.default_rng(0).normal(size=(9, 5))
    with pytest.raises(error, match=message):
        call(X)
