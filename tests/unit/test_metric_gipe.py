"""GIPE: a loop over words with the indirect bias of its own module, limits, real vectors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias.errors import InputError, VectorError
from embias.metrics.gipe import gipe
from embias.metrics.indirect_bias import indirect_bias


def by_loop(original, g, modified, words, k, theta, weights):
    """The paper's definition, one edge at a time."""
    units = modified / np.linalg.norm(modified, axis=1, keepdims=True)
    incoming = {word: [] for word in words}
    eta = {}
    for w in words:
        others = [j for j in range(len(units)) if j != w]
        near = sorted(others, key=lambda j: (-round(float(units[w] @ units[j]), 12), j))[:k]
        betas = [indirect_bias(original[[w]], original[[v]], g).scores["words"][0] for v in near]
        for v, beta in zip(near, betas, strict=True):
            if v in incoming:
                incoming[v].append(beta)
        eta[w] = sum(beta > theta for beta in betas) / k
    gamma = {}
    for w in words:
        edges = incoming[w]
        alone = 1.0 if weights == "paper" else 0.0
        gamma[w] = 1 + sum(b > theta for b in edges) / len(edges) if edges else alone
    total = sum(gamma.values())
    return (
        sum(gamma[w] * eta[w] for w in words) / total if total else math.nan,
        [eta[w] for w in words],
        [gamma[w] for w in words],
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["paper", "reference"]), st.integers(1, 2))
def test_it_is_the_loop_over_words(seed, weights, dimension):
    rng = np.random.default_rng(seed)
    original = rng.normal(size=(25, 6)) + np.eye(6)[0]
    modified = rng.normal(size=(25, 4))
    g = rng.normal(size=(dimension, 6)) * 3
    words = rng.choice(25, 10, replace=False)
    value, eta, gamma = by_loop(original, g, modified, words.tolist(), 4, 0.05, weights)
    result = gipe(original, g, modified=modified, words=words, k=4, weights=weights)
    assert result.value == pytest.approx(value, nan_ok=True)
    assert result.scores["words"] == pytest.approx(eta)
    assert result.scores["weights"] == pytest.approx(gamma)
    assert result.figures["eta"] == pytest.approx(np.mean(eta))
    assert result.counts["edges"] == 40
    assert result.counts["illicit"] == round(4 * sum(eta))


def test_words_off_the_direction_have_none_and_words_by_it_all():
    rng = np.random.default_rng(0)
    g = np.eye(6)[0]
    off = rng.normal(size=(40, 6)) * (1 - g)
    assert gipe(off, g, k=5).value == 0
    # All similarity is along g: half of the square of each word, the rest at right angles.
    by = np.hstack([np.ones((12, 1)), np.eye(12)])
    result = gipe(by, np.eye(13)[0], k=5)
    assert result.value == 1
    assert set(result.scores["weights"]) == {1.0, 2.0}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_rotation_lengths_sign_and_order_change_nothing(seed):
    rng = np.random.default_rng(seed)
    original, g = rng.normal(size=(30, 5)) + 1, rng.normal(size=5)
    modified = original + 0.2 * rng.normal(size=original.shape)
    result = gipe(original, g, modified=modified, k=4)
    first, second = (np.linalg.qr(rng.normal(size=(5, 5)))[0] for _ in range(2))
    lengths = rng.uniform(0.1, 9, (30, 1))
    moved = gipe(original @ first * lengths, -7 * g @ first, modified=modified @ second, k=4)
    assert moved.value == pytest.approx(result.value)
    order = rng.permutation(30)
    mixed = gipe(original[order], g, modified=modified[order], k=4)
    assert mixed.value == pytest.approx(result.value)
    assert np.array(result.scores["words"])[order] == pytest.approx(mixed.scores["words"])


def test_edges_without_an_indirect_bias_are_counted():
    # The first two words are at right angles, and the third lies along the direction.
    original = np.array([[0.0, 1, 0], [0, 0, 1], [1, 0, 0], [1, 1, 1]])
    result = gipe(original, [1.0, 0, 0], k=3)
    assert result.counts["undefined"] == 8
    assert result.scores["words"] == pytest.approx(
        by_loop(original, np.array([1.0, 0, 0]), original, [0, 1, 2, 3], 3, 0.05, "paper")[1]
    )


def test_words_without_incoming_edges():
    rng = np.random.default_rng(3)
    crowd = rng.normal(size=(20, 4)) * 0.01 + [1, 0, 0, 0]
    rows = np.concatenate([crowd, [[0.5, 1, 1, 1]]])
    paper = gipe(rows, [0, 1.0, 0, 0], words=[20], k=3)
    assert paper.counts["without incoming edges"] == 1
    assert paper.scores["weights"] == (1.0,)
    reference = gipe(rows, [0, 1.0, 0, 0], words=[20], k=3, weights="reference")
    assert math.isnan(reference.value)
    assert "no word has a weight" in reference.note


def test_real_vectors(extract):
    words = list(extract.words)
    vectors = extract.vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    g = vectors[words.index("he")] - vectors[words.index("she")]
    g /= np.linalg.norm(g)
    without = vectors - np.outer(vectors @ g, g)
    names = (
        "nurse teacher engineer programmer librarian homemaker architect carpenter hairdresser "
        "plumber secretary physicist dancer maid captain"
    )
    judged = [words.index(word) for word in names.split()]
    before = gipe(vectors, g, words=judged)
    expected, _, _ = by_loop(vectors, g, vectors, judged, 100, 0.05, "paper")
    assert before.value == pytest.approx(expected)
    assert before.value == pytest.approx(0.3009457092819615, abs=1e-6)
    shares = dict(zip(names.split(), before.scores["words"], strict=True))
    assert (shares["nurse"], shares["maid"], shares["engineer"]) == (0.48, 0.67, 0.0)
    after = gipe(vectors, g, modified=without, words=judged)
    assert after.value == pytest.approx(0.18114893617021274, abs=1e-6)
    assert gipe(vectors, g, words=judged, theta=0.03).value > before.value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"words": [0, 9]}, "words holds 9"),
        ({"words": [1, 1]}, "twice"),
        ({"words": [0.5]}, "whole numbers"),
        ({"words": np.zeros(0, dtype=int)}, "one at least"),
        ({"k": 4}, "k=4, and a word has 3 other"),
        ({"theta": 0}, "theta=0"),
        ({"weights": "code"}, "weights='code'"),
        ({"min_similarity": 1}, "min_similarity=1"),
        ({"modified": np.eye(3)}, "modified has 3 rows and original 4"),
        ({"direction": [1.0, 0]}, "different dimension"),
    ],
)
def test_arguments_are_checked(changes, message):
    arguments = {"original": np.eye(4), "direction": np.ones(4), "k": 2, **changes}
    with pytest.raises(InputError, match=message):
        gipe(**arguments)


def test_a_zero_direction_is_refused():
    with pytest.raises(VectorError, match="zero vector"):
        gipe(np.eye(4), np.zeros(4), k=2)
