"""Intrinsic dimension on manifolds whose dimension is known."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist

from embias import metrics
from embias.errors import InputError, VectorError
from embias.metrics.intrinsic_dimension import CARD, intrinsic_dimension


def flat(d, n=3000, wide=15, seed=0):
    """A d-dimensional cube, turned in a space of more dimensions."""
    rng = np.random.default_rng(seed)
    return rng.random((n, d)) @ np.linalg.qr(rng.normal(size=(wide, wide)))[0][:d]


def sphere(d, n=3000, seed=0):
    points = np.random.default_rng(seed).normal(size=(n, d + 1))
    return points / np.linalg.norm(points, axis=1, keepdims=True)


def sorted_distances(points):
    every = cdist(points, points)
    np.fill_diagonal(every, np.inf)
    return np.sort(every, axis=1)


def facco(points, discard=0.1):
    """The fit of the paper, by numpy's least squares."""
    distances = sorted_distances(points)
    mu = np.sort(distances[:, 1] / distances[:, 0])
    kept = int(len(mu) * (1 - discard))
    share = np.arange(1, len(mu) + 1) / len(mu)
    x, y = np.log(mu[:kept]), -np.log(1 - share[:kept])
    return float(np.linalg.lstsq(x[:, None], y, rcond=None)[0][0])


def levina_bickel(points, first, last, average):
    distances = sorted_distances(points)
    by_k = []
    for k in range(first, last + 1):
        inverse = [
            sum(math.log(row[k - 1] / row[j]) for j in range(k - 1)) / (k - 1) for row in distances
        ]
        if average == "inverse":
            by_k.append(1 / np.mean(inverse))
        else:
            by_k.append(np.mean([1 / each for each in inverse]))
    return float(np.mean(by_k))


@pytest.mark.parametrize("d", [1, 2, 3, 5])
@pytest.mark.parametrize("make", [flat, sphere])
def test_known_dimensions_are_found(make, d):
    points = make(d)
    twonn = intrinsic_dimension(points)
    assert twonn.value == pytest.approx(d, rel=0.08)
    assert twonn.interval.low < twonn.figures["likelihood"] < twonn.interval.high
    mle = intrinsic_dimension(points, method="mle")
    assert mle.value == pytest.approx(d, rel=0.1)
    assert mle.figures["local_median"] == pytest.approx(d, rel=0.12)
    mean = intrinsic_dimension(points, method="mle", average="mean")
    assert mean.value > mle.value


def test_the_interval_covers_the_dimension():
    inside = [
        found.interval.low <= 3 <= found.interval.high
        for seed in range(40)
        for found in [intrinsic_dimension(sphere(3, n=400, seed=seed))]
    ]
    assert np.mean(inside) >= 0.8


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_both_are_the_formulas_of_the_papers(seed):
    points = np.random.default_rng(seed).normal(size=(60, 4))
    assert intrinsic_dimension(points).value == pytest.approx(facco(points), rel=1e-9)
    assert intrinsic_dimension(points, discard=0.4).value == pytest.approx(
        facco(points, 0.4), rel=1e-9
    )
    for average in ("inverse", "mean"):
        found = intrinsic_dimension(points, method="mle", k_range=(4, 7), average=average)
        assert found.value == pytest.approx(levina_bickel(points, 4, 7, average), rel=1e-9)


def test_figures_of_scikit_dimension(extract):
    # scikit-dimension 0.5.0: TwoNN(discard_fraction=0.1); MLE().fit(n_neighbors=20, comb="mean").
    points = np.random.default_rng(5).normal(size=(200, 6)) * np.arange(1, 7) + 1.0
    options = {"method": "mle", "k_range": (20, 20), "average": "mean"}
    assert intrinsic_dimension(points).value == pytest.approx(5.051480487617649, rel=1e-9)
    found = intrinsic_dimension(points, **options)
    assert found.value == pytest.approx(4.832289311544372, rel=1e-9)
    real = intrinsic_dimension(extract.vectors)
    assert real.value == pytest.approx(18.479333240131936, rel=1e-6)
    assert real.counts == {"rows": 4961, "distinct": 4961, "dimensions": 300, "fitted": 4464}
    mle = intrinsic_dimension(extract.vectors, **options)
    assert mle.value == pytest.approx(52.19097487042696, rel=1e-6)
    assert len(mle.scores["rows"]) == 4961


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["twonn", "mle"]))
def test_rotation_shift_and_one_scale_change_nothing(seed, method):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(80, 4))
    value = intrinsic_dimension(points, method=method).value
    moved = points @ np.linalg.qr(rng.normal(size=(4, 4)))[0] * 37.0 + 5.0
    assert intrinsic_dimension(moved, method=method).value == pytest.approx(value, rel=1e-6)
    order = rng.permutation(80)
    assert intrinsic_dimension(points[order], method=method).value == pytest.approx(value)
    # Unequal lengths do change it, unless vectors are brought to unit length.
    longer = points * rng.uniform(0.2, 5, size=(80, 1))
    assert intrinsic_dimension(longer, method=method).value != pytest.approx(value, rel=1e-3)
    one, two = (
        intrinsic_dimension(each, method=method, length="unit").value for each in (points, longer)
    )
    assert one == pytest.approx(two, rel=1e-6)


def test_rows_that_coincide_are_merged():
    points = flat(2, n=200)
    doubled = np.vstack([points, points[:50]])
    found = intrinsic_dimension(doubled)
    assert found.value == pytest.approx(intrinsic_dimension(points).value)
    assert (found.counts["rows"], found.counts["distinct"]) == (250, 200)
    local = intrinsic_dimension(doubled, method="mle").scores["rows"]
    assert local[:50] == local[200:]
    plain = intrinsic_dimension(points, method="mle").scores["rows"]
    assert local[:200] == pytest.approx(plain)


def test_points_on_a_grid_have_no_figure():
    ends = np.eye(12)
    found = intrinsic_dimension(ends)
    assert math.isnan(found.value)
    assert "no dimension" in found.note
    assert math.isnan(intrinsic_dimension(ends, method="mle", k_range=(3, 4)).value)


@pytest.mark.parametrize(
    ("points", "options", "match"),
    [
        (np.ones((50, 3)), {}, "1 distinct rows; 10"),
        (np.eye(12), {"method": "mle"}, "12 distinct rows; 21"),
        (np.eye(12), {"discard": 1}, "discard=1"),
        (np.eye(12), {"method": "mle", "k_range": (2, 5)}, "k_range"),
        (np.eye(12), {"method": "mle", "k_range": (5, 4)}, "k_range"),
        (np.eye(12), {"method": "pca"}, "method='pca'"),
        (np.eye(12), {"average": "median"}, "average='median'"),
        (np.eye(12), {"length": "short"}, "length='short'"),
        (np.eye(12), {"level": 0}, "level=0"),
        (np.ones(12), {}, "shape"),
    ],
)
def test_errors(points, options, match):
    with pytest.raises(InputError, match=match):
        intrinsic_dimension(points, **options)


def test_broken_vectors_are_refused():
    broken = np.eye(12)
    broken[3, 3] = math.inf
    with pytest.raises(VectorError, match=r"vectors\[3\]"):
        intrinsic_dimension(broken)
    with pytest.raises(VectorError, match="zero vector"):
        intrinsic_dimension(np.vstack([np.eye(12), np.zeros((1, 12))]), length="unit")


def test_the_card_is_for_all_words_of_a_test(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("intrinsic_dimension").audited
