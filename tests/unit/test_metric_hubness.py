"""Hubness: how unevenly items occur as neighbours."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skew
from sklearn.neighbors import NearestNeighbors

from embias import metrics
from embias.errors import InputError, VectorError
from embias.metrics.hubness import CARD, hubness


def occurrences(points, k, metric):
    search = NearestNeighbors(n_neighbors=k, metric=metric, algorithm="brute").fit(points)
    return np.bincount(search.kneighbors()[1].ravel(), minlength=len(points))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.sampled_from(["cosine", "euclidean"]))
def test_it_is_the_skewness_of_occurrences(seed, k, distance):
    points = np.random.default_rng(seed).normal(size=(40, 5))
    counts = occurrences(points, k, distance)
    found = hubness(points, k=k, distance=distance)
    assert found.scores["rows"] == tuple(map(float, counts))
    assert found.value == pytest.approx(skew(counts))
    assert found.figures["anti_hubs"] == pytest.approx((counts == 0).mean())
    assert found.figures["hubs"] == pytest.approx((counts >= 2 * k).mean())
    assert found.figures["hub_occurrence"] == pytest.approx(
        counts[counts >= 2 * k].sum() / (40 * k)
    )
    assert found.figures["largest"] == counts.max()
    assert found.figures["robin_hood"] == pytest.approx(np.maximum(counts - k, 0).sum() / (40 * k))


def test_a_star_has_one_hub():
    rng = np.random.default_rng(0)
    leaves = np.eye(20) + 1e-3 * rng.normal(size=(20, 20))
    centre = np.ones((1, 20))
    found = hubness(np.vstack([leaves, centre]), k=1)
    assert found.figures["largest"] == 20.0
    assert found.figures["anti_hubs"] == pytest.approx(19 / 21)
    assert found.value > 4


def test_a_ring_has_none():
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    found = hubness(np.c_[np.cos(angles), np.sin(angles)], k=2)
    assert math.isnan(found.value)
    assert "no skewness" in found.note
    assert found.figures["robin_hood"] == 0.0


def test_it_grows_with_the_dimension():
    rng = np.random.default_rng(0)
    values = [hubness(rng.normal(size=(1000, d)), distance="euclidean").value for d in (2, 10, 100)]
    assert values[0] < values[1] < values[2]


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_what_changes_the_figure_and_what_does_not(seed):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(60, 5))
    value = hubness(points).value
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    moved = (points @ rotation * rng.uniform(0.1, 9, size=(60, 1)))[rng.permutation(60)]
    assert hubness(moved).value == pytest.approx(value)
    shifted = points + rng.normal(size=5)
    near = hubness(points, distance="euclidean").value
    assert hubness(shifted, distance="euclidean").value == pytest.approx(near)
    assert hubness(shifted + 5).scores != hubness(points).scores


def test_real_vectors(extract):
    vectors = np.asarray(extract.vectors, dtype=np.float64)
    counts = occurrences(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), 10, "euclidean")
    found = hubness(vectors)
    assert found.value == pytest.approx(skew(counts), abs=1e-9)
    assert found.value == pytest.approx(1.793747345187358, abs=1e-6)


@pytest.mark.parametrize(
    ("points", "options", "match"),
    [
        (np.eye(3), {"k": 3}, "k=3 with 3"),
        (np.eye(3), {}, "k=10 with 3"),
        (np.eye(3), {"k": 1.5}, "k=1.5"),
        (np.eye(3), {"k": 1, "distance": "manhattan"}, "distance='manhattan'"),
        (np.ones((1, 2)), {"k": 1}, "k=1 with 1"),
    ],
)
def test_errors(points, options, match):
    with pytest.raises(InputError, match=match):
        hubness(points, **options)


def test_zero_vectors_have_distances_and_no_cosines():
    points = np.vstack([np.zeros((1, 3)), np.eye(3)])
    assert hubness(points, k=1, distance="euclidean").figures["largest"] == 3.0
    with pytest.raises(VectorError, match="zero vector"):
        hubness(points, k=1)


def test_the_card_is_for_all_words_of_a_test(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("hubness").audited
