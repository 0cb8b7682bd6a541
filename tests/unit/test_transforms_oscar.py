"""OSCaR: what turns, what stays."""

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.utils.estimator_checks import parametrize_with_checks

import embias
from embias.errors import InputError, VectorError
from embias.geometry import Subspace
from embias.transforms import fold, load_transform
from embias.transforms.oscar import OSCaR


@parametrize_with_checks([OSCaR()])
def test_check(estimator, check):
    check(estimator)


def _by_hand(x, v1, v2):
    """Return one vector turned, written out case by case as in the paper's figure."""
    if v1 @ v2 < 0:
        v2 = -v2
    theta = math.acos(v1 @ v2)
    missing = math.pi / 2 - theta
    e = v2 - (v2 @ v1) * v1
    e = e / np.linalg.norm(e)
    p, q = x @ v1, x @ e
    if math.hypot(p, q) == 0:
        return x
    phi = math.acos(max(-1.0, min(1.0, p / math.hypot(p, q))))
    if q >= 0 and phi <= theta:
        by = missing * phi / theta
    elif q >= 0:
        by = missing * (math.pi - phi) / (math.pi - theta)
    elif phi >= math.pi - theta:
        by = missing * (math.pi - phi) / theta
    else:
        by = missing * phi / (math.pi - theta)
    new_p = p * math.cos(by) - q * math.sin(by)
    new_q = p * math.sin(by) + q * math.cos(by)
    return x + (new_p - p) * v1 + (new_q - q) * e


@given(st.integers(0, 10**6), st.integers(2, 300))
@settings(max_examples=50, deadline=None)
@example(441, 2)  # an angle of 0.01
def test_theorems(seed, d):
    rng = np.random.default_rng(seed)
    v1, v2 = rng.normal(size=(2, d))
    v1, v2 = v1 / np.linalg.norm(v1), v2 / np.linalg.norm(v2)
    X = rng.normal(size=(20, d))
    oscar = OSCaR(v1, v2).fit(X)
    made = oscar.transform(np.vstack([v1, v2, -v2, X]))
    if oscar.angle_ < math.pi / 2 - 1e-3:
        assert abs(v1 @ v2) > 1e-4  # not orthogonal before
    np.testing.assert_allclose(made[0], v1, atol=1e-12)
    # The place of v2 between the two directions is known to rounding over their angle.
    exact = max(1e-12, 1e-14 / oscar.angle_)
    assert abs(made[0] @ made[1]) < exact
    np.testing.assert_allclose(made[2], -made[1], atol=exact)
    np.testing.assert_allclose(
        np.linalg.norm(made[3:], axis=1), np.linalg.norm(X, axis=1), rtol=1e-12
    )
    np.testing.assert_allclose(made[3:], [_by_hand(x, v1, v2) for x in X], atol=1e-9)
    # What is outside of the plane stays.
    outside = np.eye(d) - oscar.plane_.T @ oscar.plane_
    np.testing.assert_allclose(made[3:] @ outside, X @ outside, atol=1e-12)


def test_the_turn_is_continuous_all_around():
    oscar = OSCaR([1.0, 0.0], [1.0, 0.5]).fit(np.eye(2))
    around = np.linspace(-np.pi, np.pi, 20_001)
    made = oscar.transform(np.stack([np.cos(around), np.sin(around)], axis=1))
    steps = np.linalg.norm(np.diff(made, axis=0), axis=1)
    assert steps.max() < 4 * (around[1] - around[0])
    turned = np.unwrap(np.arctan2(made[:, 1], made[:, 0]))
    assert (np.diff(turned) > 0).all()  # nothing is folded over


def test_the_order_of_a_pair_and_the_length_of_a_direction_do_not_matter():
    rng = np.random.default_rng(1)
    v1, v2, X = rng.normal(size=5), rng.normal(size=5), rng.normal(size=(9, 5))
    expected = OSCaR(v1, v2).fit_transform(X)
    np.testing.assert_allclose(OSCaR(3 * v1, -2 * v2).fit_transform(X), expected, atol=1e-12)
    np.testing.assert_allclose(
        OSCaR(Subspace.from_vectors(v1[None]), v2).fit_transform(X), expected, atol=1e-12
    )


def test_orthogonal_directions_leave_everything():
    X = np.random.default_rng(2).normal(size=(9, 3))
    np.testing.assert_allclose(OSCaR([1.0, 0, 0], [0, 1.0, 0]).fit_transform(X), X, atol=1e-12)


def test_directions_from_labels():
    rng = np.random.default_rng(3)
    y = rng.integers(0, 2, size=(400, 2))
    X = rng.normal(size=(400, 6)) * 0.1
    X[:, 0] += y[:, 0] + 0.8 * y[:, 1]
    X[:, 1] += 0.5 * y[:, 1]
    gaps = [X[y[:, i] == 1].mean(axis=0) - X[y[:, i] == 0].mean(axis=0) for i in (0, 1)]
    by_labels = OSCaR().fit(X, y)
    np.testing.assert_allclose(
        by_labels.transform(X), OSCaR(gaps[0], gaps[1]).fit(X).transform(X), atol=1e-12
    )
    with_widest = OSCaR().fit(X, y[:, 0])
    widest = np.linalg.svd(X - X.mean(axis=0))[2][0]
    np.testing.assert_allclose(
        with_widest.transform(X), OSCaR(gaps[0], widest).fit(X).transform(X), atol=1e-12
    )


def test_on_real_words():
    extract = embias.as_encoder("word2vec-googlenews-extract")
    pairs = [("she", "he"), ("woman", "man"), ("her", "his"), ("mother", "father")]
    gender = Subspace.from_pairs([extract.encode(pair) for pair in pairs])
    work = ["nurse", "librarian", "engineer", "captain", "teacher", "doctor", "programmer"]
    found = [word for word in work if not extract.missing([word])]
    occupation = Subspace.from_vectors(extract.encode(found), k=1)
    oscar = OSCaR(gender, occupation).fit(extract.vectors)
    both = np.vstack([gender.vector, occupation.vector])
    before, after = both[0] @ both[1], np.prod(oscar.transform(both), axis=0).sum()
    assert abs(before) > 0.005
    assert abs(after) < 1e-12
    turned = (extract | oscar).encode(["she", "he", "teacher"])
    words = extract.encode(["she", "he", "teacher"]).astype(np.float64)
    moved = np.linalg.norm(turned - words, axis=1)
    inside = np.linalg.norm(words @ oscar.plane_.T, axis=1)
    assert (moved <= (math.pi / 2 - oscar.angle_) * inside + 1e-6).all()
    assert moved.max() > 1e-3


def test_saved_but_not_folded(tmp_path):
    X = np.random.default_rng(4).normal(size=(9, 3))
    oscar = OSCaR([1.0, 0, 0], [1.0, 1, 0]).fit(X)
    oscar.save(tmp_path / "o")
    np.testing.assert_array_equal(load_transform(tmp_path / "o").transform(X), oscar.transform(X))
    assert fold(oscar) is oscar


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda X: OSCaR([1.0, 0, 0], [2.0, 0, 0]).fit(X), VectorError, "the same"),
        (lambda X: OSCaR([1.0, 0], [2.0, 1]).fit(X), InputError, "give one direction of the 3"),
        (lambda X: OSCaR(np.eye(3)[:2], [2.0, 1, 0]).fit(X), InputError, "one direction"),
        (lambda X: OSCaR().fit(X), InputError, "requires y"),
        (lambda X: OSCaR([1.0], [1.0]).fit(X[:, :1]), InputError, "n_features=1"),
        (lambda X: OSCaR().fit(X * [1, 0, 0], [0, 1, 0]), VectorError, "no second one"),
    ],
)
def test_errors(make, error, message):
    X = np.array([[1.0, 0.2, 0.1], [2.0, -0.1, 0.4], [0.5, 0.3, 0.2]])
    with pytest.raises(error, match=message):
        make(X)
