"""Invariance of vectors between variants of the same items."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias import metrics
from embias.errors import InputError, VectorError
from embias.metrics.invariance import CARD, invariance


def made(seed, v=4, n=9, d=6, noise=0.3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + noise * rng.normal(size=(v, n, d))


def cosine(v, w):
    return float(v @ w / math.sqrt((v @ v) * (w @ w)))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(0, 3), st.sampled_from([0.1, 1.0, 3.0]))
def test_it_is_made_of_single_cosines(seed, base, noise):
    variants = made(seed, noise=noise)
    found = invariance(variants, base=base, threshold=0.8)
    others = [i for i in range(4) if i != base]
    table = np.array(
        [[cosine(variants[i, j], variants[base, j]) for j in range(9)] for i in others]
    )
    assert found.value == pytest.approx(table.mean(), abs=1e-12)
    assert found.figures["worst"] == pytest.approx(table.min(), abs=1e-12)
    assert found.figures["under_threshold"] == pytest.approx((table < 0.8).mean())
    assert found.scores["rows"] == pytest.approx(table.min(axis=0), abs=1e-12)
    for i, row in zip(others, table, strict=True):
        assert found.figures[f"mean:{i}"] == pytest.approx(row.mean(), abs=1e-12)
        assert found.figures[f"worst:{i}"] == pytest.approx(row.min(), abs=1e-12)
    nearest = [
        max(range(9), key=lambda m, i=i, j=j: cosine(variants[i, j], variants[base, m])) == j
        for i in others
        for j in range(9)
    ]
    assert found.figures["own_nearest"] == pytest.approx(np.mean(nearest))
    pairs = [cosine(variants[base, i], variants[base, j]) for i in range(9) for j in range(i)]
    assert found.figures["other_items"] == pytest.approx(np.mean(pairs), abs=1e-12)


def test_the_coefficient_of_variation_is_that_of_albert_and_zhang():
    variants = made(1)
    expected = []
    for rows in variants.transpose(1, 0, 2):
        mean, covariance = rows.mean(axis=0), np.cov(rows.T)
        expected.append(math.sqrt(mean @ covariance @ mean) / (mean @ mean))
    assert invariance(variants).figures["mcv"] == pytest.approx(np.mean(expected), abs=1e-12)
    assert math.isnan(invariance([np.eye(2), -np.eye(2)]).figures["mcv"])


def test_no_change_is_one():
    same = invariance(np.stack([made(0)[0]] * 3), threshold=1.0)
    assert same.value == pytest.approx(1.0)
    assert same.figures["under_threshold"] == 0.0
    assert same.figures["own_nearest"] == 1.0
    assert same.figures["mcv"] == pytest.approx(0.0, abs=1e-12)
    # Length is no change to a cosine, and is one to the coefficient of variation.
    longer = invariance([np.eye(3), 2 * np.eye(3)])
    assert longer.value == pytest.approx(1.0)
    assert longer.figures["mcv"] > 0.3
    turned = invariance([np.eye(3), -np.eye(3)])
    assert turned.value == pytest.approx(-1.0)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_rotation_order_and_scale(seed):
    rng = np.random.default_rng(seed)
    variants = made(seed)
    found = invariance(variants)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    moved = invariance((7 * variants @ rotation)[:, rng.permutation(9)])
    assert moved.value == pytest.approx(found.value, abs=1e-12)
    assert moved.figures == pytest.approx(found.figures, abs=1e-9)
    # Turning one variant by itself is a change.
    variants[1] = variants[1] @ rotation
    assert invariance(variants).value < found.value


def test_an_anisotropic_space_reads_high_and_shows_it():
    rng = np.random.default_rng(0)
    found = invariance(rng.normal(size=(2, 50, 20)) + 20)
    assert found.value > 0.99
    assert found.figures["other_items"] > 0.99
    assert found.figures["own_nearest"] < 0.2


def test_one_item_and_items_that_coincide():
    one = invariance(made(3, n=1))
    assert math.isnan(one.figures["other_items"])
    assert one.figures["own_nearest"] == 1.0
    twins = invariance(np.ones((2, 3, 4)))
    assert twins.value == pytest.approx(1.0)
    assert twins.figures["own_nearest"] == 0.0


def test_real_vectors(extract):
    """Lower and upper case of the same words are different vectors in word2vec."""
    cased = [("actress", "Actress"), ("adam", "Adam"), ("aunt", "AUNT"), ("alice", "Alice")]
    have = [pair for pair in cased if set(pair) <= set(extract.words)]
    assert len(have) >= 2
    lower, upper = (extract.encode(list(side)) for side in zip(*have, strict=True))
    found = invariance([lower, upper])
    expected = np.mean([cosine(*map(np.float64, pair)) for pair in zip(lower, upper, strict=True)])
    assert found.value == pytest.approx(expected, abs=1e-9)
    assert found.figures["other_items"] < found.value < 0.9


@pytest.mark.parametrize(
    ("variants", "options", "match"),
    [
        (np.ones((1, 3, 2)), {}, "at least two variants"),
        (np.ones((3, 2)), {}, "shape"),
        (np.ones((2, 0, 2)), {}, "shape"),
        (np.ones((2, 3, 2)), {"base": 2}, "base=2"),
        (np.ones((2, 3, 2)), {"base": True}, "base=True"),
        (np.ones((2, 3, 2)), {"threshold": 1.5}, "threshold=1.5"),
        (np.ones((2, 3, 2)), {"threshold": math.nan}, "threshold=nan"),
        ([np.ones((2, 2)), np.ones((3, 2))], {}, "not an array"),
    ],
)
def test_errors(variants, options, match):
    with pytest.raises(InputError, match=match):
        invariance(variants, **options)


def test_zero_vectors_name_their_place():
    variants = made(0)
    variants[2, 4] = 0
    with pytest.raises(VectorError, match=r"variants\[2\]\[4\] is the zero vector"):
        invariance(variants)


def test_the_card_is_for_arrays(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("invariance").takes == "vectors"
