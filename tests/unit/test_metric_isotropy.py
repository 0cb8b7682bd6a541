"""Isotropy: three figures, each against its definition and its limits."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias import metrics
from embias.errors import InputError, VectorError
from embias.metrics.isotropy import CARD, isotropy


def isoscore_by_steps(points):
    """The algorithm of the paper: PCA first, then the diagonal of the covariance."""
    d = points.shape[1]
    centred = points - points.mean(axis=0)
    turned = centred @ np.linalg.svd(centred, full_matrices=True)[2].T
    diagonal = turned.var(axis=0, ddof=1)
    scaled = diagonal * math.sqrt(d) / math.sqrt((diagonal**2).sum())
    delta = math.sqrt(((scaled - 1) ** 2).sum()) / math.sqrt(2 * (d - math.sqrt(d)))
    phi = (d - delta**2 * (d - math.sqrt(d))) ** 2 / d**2
    return (d * phi - 1) / (d - 1)


def partition_by_definition(points):
    axes = np.linalg.svd(points, full_matrices=True)[2]
    sums = [np.exp(points @ (sign * axis)).sum() for axis in axes for sign in (1, -1)]
    return min(sums) / max(sums)


def cosines_of_pairs(points):
    return [
        float(v @ w / math.sqrt((v @ v) * (w @ w))) for v, w in itertools.combinations(points, 2)
    ]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6), st.integers(2, 30))
def test_all_figures_follow_their_definitions(seed, d, n):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(n, d)) * rng.uniform(0.2, 3, size=d) + rng.normal(size=d)
    found = isotropy(points)
    cosines = cosines_of_pairs(points)
    assert found.value == pytest.approx(isoscore_by_steps(points), abs=1e-9)
    assert found.figures["mean_cosine"] == pytest.approx(np.mean(cosines), abs=1e-12)
    assert found.figures["sd_cosine"] == pytest.approx(np.std(cosines), abs=1e-7)
    assert found.figures["partition"] == pytest.approx(partition_by_definition(points), rel=1e-9)
    for method in ("mean_cosine", "partition"):
        assert isotropy(points, method=method).value == found.figures[method]


def test_limits():
    # The corners of a cross use all directions alike.
    cross = np.vstack([np.eye(7), -np.eye(7)])
    even = isotropy(cross)
    assert even.value == pytest.approx(1.0)
    assert even.figures["partition"] == pytest.approx(1.0)
    assert even.figures["mean_cosine"] == pytest.approx(-1 / 13)
    assert even.figures["first_component"] == pytest.approx(1 / 7)
    line = isotropy(np.arange(1.0, 9)[:, None] * np.eye(5)[0])
    assert line.value == pytest.approx(0.0, abs=1e-12)
    assert line.figures["mean_cosine"] == pytest.approx(1.0)
    # k even directions of d have a score of (k - 1) / (d - 1).
    some = np.zeros((6, 10))
    some[:3, :3], some[3:, :3] = np.eye(3), -np.eye(3)
    assert isotropy(some).value == pytest.approx((3 - 1) / (10 - 1))


def test_far_from_the_origin_cosines_are_high_and_the_spread_stays():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(4000, 10))
    near, far = isotropy(points), isotropy(points + 10)
    assert near.value == pytest.approx(1.0, abs=0.01)
    assert far.value == pytest.approx(near.value, abs=1e-9)
    assert near.figures["mean_cosine"] == pytest.approx(0.0, abs=0.01)
    assert far.figures["mean_cosine"] > 0.95
    assert far.figures["mean_length_share"] > 0.95


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-150, 0.5, 1e150]))
def test_what_rotation_and_scale_change(seed, scale):
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(30, 4)) + 0.5
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    one, turned = isotropy(points), isotropy(points[rng.permutation(30)] @ rotation)
    assert turned.figures == pytest.approx(one.figures, rel=1e-9)
    scaled = isotropy(points * scale).figures
    for name in ("isoscore", "mean_cosine", "first_component", "mean_length_share"):
        assert scaled[name] == pytest.approx(one.figures[name], rel=1e-9)


def test_the_partition_depends_on_length():
    points = np.random.default_rng(0).normal(size=(30, 4)) + 0.5
    values = [isotropy(points * scale, method="partition").value for scale in (0.01, 1, 3)]
    assert values[0] > 0.9
    assert values[0] > values[1] > values[2]
    lengths = points * np.arange(1, 31)[:, None]
    units = isotropy(lengths, method="partition", length="unit").value
    assert units == pytest.approx(isotropy(points, method="partition", length="unit").value)


def test_figures_of_the_reference_implementation(extract):
    # IsoScore 2.0.1 (float32 inside).
    points = np.random.default_rng(5).normal(size=(200, 6)) * np.arange(1, 7) + 1.0
    assert isotropy(points).value == pytest.approx(0.49379720158981116, abs=1e-6)
    real = isotropy(extract.vectors)
    assert real.value == pytest.approx(0.4435084871182673, abs=1e-6)
    units = np.asarray(extract.vectors, dtype=np.float64)
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    cosines = (units @ units.T)[np.triu_indices(4961, 1)]
    assert real.figures["mean_cosine"] == pytest.approx(cosines.mean(), abs=1e-12)
    assert real.figures["sd_cosine"] == pytest.approx(cosines.std(), abs=1e-9)


def test_no_spread_and_zero_rows():
    same = isotropy(np.ones((4, 3)))
    assert math.isnan(same.value)
    assert "no spread" in same.note
    assert same.figures["mean_cosine"] == pytest.approx(1.0)
    holed = np.vstack([np.eye(3), np.zeros((1, 3))])
    assert math.isnan(isotropy(holed).figures["mean_cosine"])
    assert 0 < isotropy(holed).value <= 1
    with pytest.raises(VectorError, match="zero vector"):
        isotropy(holed, method="mean_cosine")


@pytest.mark.parametrize(
    ("points", "options", "match"),
    [
        (np.ones((1, 3)), {}, "two rows and columns"),
        (np.ones((3, 1)), {}, "two rows and columns"),
        (np.ones(3), {}, "shape"),
        (np.eye(3), {"method": "iso"}, "method='iso'"),
        (np.eye(3), {"length": 1}, "length=1"),
        (np.array([["a", "b"]]), {}, "not an array of numbers"),
    ],
)
def test_errors(points, options, match):
    with pytest.raises(InputError, match=match):
        isotropy(points, **options)


def test_the_card_is_for_all_words_of_a_test(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("isotropy").audited
