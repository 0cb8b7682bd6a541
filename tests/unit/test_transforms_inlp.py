"""INLP and R-LACE: what classifiers read is projected out, round by round or in a game."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orth, subspace_angles
from sklearn.linear_model import LogisticRegression, Ridge

from embias.encoders import as_encoder
from embias.errors import InputError
from embias.transforms import TransformWarning, load_transform
from embias.transforms._fantope import capped_simplex, onto_fantope
from embias.transforms._held_out import held_out_split
from embias.transforms._labels import Labels, label_columns, read_labels
from embias.transforms._probes import ClassProbe, NumberProbe
from embias.transforms.inlp import INLP, _deflated
from embias.transforms.rlace import RLACE

SEEDS = st.integers(0, 10**6)


def _data(n=800, d=8, k=2, gap=0.8, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    spread = np.arange(1, d + 1) ** -0.5
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    X = (rng.normal(size=(n, d)) + gap * rng.normal(size=(k, d))[y]) * spread @ turn
    return X + 2.0, y


def _labels(y) -> Labels:
    return read_labels(y, label_columns(y, "auto", "test"), "test")


def _split(y, seed=0):
    return held_out_split(_labels(y), 0.2, np.random.default_rng(seed), "test")


# The classifier


@pytest.mark.parametrize("k", [2, 3, 5])
@pytest.mark.parametrize("c", [1.0, 0.01])
def test_the_classifier_is_that_of_scikit_learn_within_a_subspace(k, c):
    X, y = _data(600, 8, k)
    X = X - X.mean(axis=0)
    free = np.linalg.qr(np.random.default_rng(1).normal(size=(8, 8)))[0][:5]
    probe = ClassProbe(X, y, X, y, c, 1e-4)
    weights = probe.fit(free)
    peer = LogisticRegression(C=c, tol=1e-10, max_iter=10000).fit(X @ free.T @ free, y)
    expected = peer.coef_ - (peer.coef_.mean(axis=0) if k > 2 else 0)
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(weights, expected, atol=2e-4)
    assert probe.score() == peer.score(X @ free.T @ free, y)
    np.testing.assert_allclose(weights @ (np.eye(8) - free.T @ free), 0, atol=1e-12)


def test_the_regression_is_that_of_scikit_learn():
    X, _ = _data(300, 6)
    X = X - X.mean(axis=0)
    z = X[:, 0] * 2 + np.random.default_rng(2).normal(size=300)
    probe = NumberProbe(X, z, X, z, 0.5)
    weights = probe.fit(np.eye(6))
    peer = Ridge(alpha=2.0).fit(X, z)
    np.testing.assert_allclose(weights[0], peer.coef_, atol=1e-10)
    assert probe.score() == pytest.approx(peer.score(X, z), abs=1e-10)


@given(st.lists(st.integers(1, 30), min_size=2, max_size=5), st.floats(0.05, 0.9), SEEDS)
@settings(max_examples=50, deadline=None)
def test_held_out_rows_divide_every_class(sizes, fraction, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))
    if max(sizes) < 2:
        with pytest.raises(InputError, match="no class has two rows"):
            held_out_split(_labels(y), fraction, np.random.default_rng(seed), "INLP")
        return
    train, held = held_out_split(_labels(y), fraction, np.random.default_rng(seed), "INLP")
    assert sorted([*train, *held]) == list(range(len(y)))
    for i, size in enumerate(sizes):
        inside = int((y[held] == i).sum())
        assert 0 <= inside < size
        assert inside == 0 if size == 1 else abs(inside - fraction * size) <= 1


# INLP


def _by_hand(X, y, rounds, seed=0):
    """Train, project all of the rows, train again: with scikit-learn, as the paper writes it."""
    train, held = _split(y, seed)
    bases, accuracies = [], []
    p = np.eye(X.shape[1])
    for _ in range(rounds + 1):
        peer = LogisticRegression(tol=1e-8, max_iter=10000).fit(X[train] @ p, y[train])
        accuracies.append(peer.score(X[held] @ p, y[held]))
        weights = peer.coef_ - (peer.coef_.mean(axis=0) if len(peer.coef_) > 1 else 0)
        bases.append(orth(weights.T, rcond=1e-6))
        whole = orth(np.hstack(bases[:rounds]), rcond=1e-6)
        p = np.eye(X.shape[1]) - whole @ whole.T
    return whole, accuracies


@pytest.mark.parametrize("k", [2, 3])
def test_the_rounds_are_those_written_out(k):
    X, y = _data(800, 8, k)
    inlp = INLP(max_iter=2, margin=0.0, tol=1e-4)
    with pytest.warns(TransformWarning, match="still is"):
        inlp.fit(X, y)
    whole, accuracies = _by_hand(X, y, 2)
    assert inlp.directions_.shape == (2 * (k - 1), 8)
    assert np.max(subspace_angles(inlp.directions_.T, whole)) < 1e-3
    # A held-out row next to the boundary may fall on its other side.
    np.testing.assert_allclose(inlp.accuracies_, accuracies, atol=2 / 160)


def test_deflation_is_the_intersection_of_nullspaces():
    # shauli-ravfogel/nullspace_projection at its last commit, numpy 2.4.6: arange(1, 6) times
    # get_projection_to_intersection_of_nullspaces of the rowspace projections of both matrices.
    rng = np.random.default_rng(13)
    basis = np.zeros((0, 5))
    for rows in (1, 2):
        basis, free = _deflated(basis, rng.normal(size=(rows, 5)))
    x = np.arange(1.0, 6)
    expected = [-1.73726199, 0.56833958, 3.88561922, 1.8660073, 0.81204416]
    np.testing.assert_allclose(x - x @ basis.T @ basis, expected, atol=1e-7)
    np.testing.assert_allclose(free.T @ free, np.eye(5) - basis.T @ basis, atol=1e-12)


@pytest.mark.parametrize("k", [2, 4])
def test_directions_are_gone_and_a_fresh_classifier_fails(k):
    X, y = _data(3000, 12, k, gap=0.4)
    before = X.copy()
    inlp = INLP().fit(X, y)
    made = inlp.transform(X)
    np.testing.assert_array_equal(X, before)
    b = inlp.directions_
    np.testing.assert_allclose(b @ b.T, np.eye(len(b)), atol=1e-12)
    assert np.abs(X @ b.T).max() > 1
    assert np.abs(made @ b.T).max() < 1e-12
    np.testing.assert_allclose(inlp.transform(made), made, atol=1e-12)
    assert len(b) == inlp.n_iter_ * (k - 1)
    fresh_X, fresh_y = _data(6000, 12, k, gap=0.4)
    fresh_X, fresh_y = fresh_X[3000:], fresh_y[3000:]
    share = np.bincount(fresh_y).max() / len(fresh_y)
    peer = LogisticRegression(max_iter=2000)
    assert peer.fit(X, y).score(X, y) > share + 0.15
    assert peer.fit(made, y).score(made, y) < share + 0.05
    assert inlp.converged_
    assert inlp.accuracies_[0] > inlp.majority_ + 0.15
    assert inlp.accuracies_[-1] <= inlp.majority_ + inlp.margin_
    assert (inlp.accuracies_[:-1] > inlp.majority_ + inlp.margin_).all()


def test_it_stops_at_the_majority_share_and_not_at_a_half():
    rng = np.random.default_rng(3)
    X, y = rng.normal(size=(2000, 6)), (rng.random(2000) < 0.1).astype(int)
    with pytest.warns(TransformWarning, match="before anything is removed"):
        inlp = INLP().fit(X, y)
    assert inlp.majority_ == pytest.approx(0.9, abs=0.02)
    assert inlp.n_iter_ == 0
    assert inlp.directions_.shape == (0, 6)
    np.testing.assert_array_equal(inlp.transform(X), X)


def test_labels_of_any_kind_and_the_seed():
    X, y = _data(600, 6, 3)
    expected = INLP().fit(X, y).as_affine()[0]
    for labels in (np.array(["u", "v", "w"])[y], np.eye(3, dtype=int)[y], y * 1.0, list(y)):
        np.testing.assert_allclose(INLP().fit(X, labels).as_affine()[0], expected, atol=1e-9)
    again = INLP(random_state=np.random.default_rng(0)).fit(X, y)
    np.testing.assert_array_equal(again.as_affine()[0], expected)
    other = INLP(random_state=1).fit(X, y)
    assert np.abs(other.as_affine()[0] - expected).max() > 1e-6


def test_several_concepts_and_numbers_at_once():
    X, y = _data(2000, 12, 2, gap=0.4, seed=4)
    rng = np.random.default_rng(5)
    other = (X[:, 3] + rng.normal(size=2000) * 0.3 > np.median(X[:, 3])).astype(int)
    inlp = INLP(max_iter=11).fit(X, np.column_stack([y, other]))
    assert inlp.accuracies_.shape == (inlp.n_iter_ + 1, 2)
    assert (inlp.accuracies_[0] > inlp.majority_ + 0.1).all()
    made = inlp.transform(X)
    for labels in (y, other):
        share = np.bincount(labels).max() / 2000
        peer = LogisticRegression(max_iter=2000)
        assert peer.fit(X, labels).score(X, labels) > share + 0.1
        assert peer.fit(made, labels).score(made, labels) < share + 0.06
    z = X[:, 0] - X[:, 1] + 0.01 * rng.normal(size=2000)
    numeric = INLP().fit(X, z)
    assert numeric.majority_ == 0.0
    assert numeric.accuracies_[0] > 0.99
    assert numeric.accuracies_[-1] < 0.01
    assert Ridge().fit(numeric.transform(X), z).score(numeric.transform(X), z) < 0.02


def test_a_rare_class_is_named():
    X, y = _data(1000, 5)
    y[:3] = 2
    with pytest.warns(TransformWarning, match=r"fewer than 5 rows: '2' \(3\)"):
        INLP(max_iter=4).fit(X, y)


def test_nothing_is_left_of_one_dimension():
    rng = np.random.default_rng(6)
    y = rng.integers(0, 2, 200)
    X = rng.normal(size=(200, 1)) + 3 * y[:, None]
    inlp = INLP().fit(X, y)
    assert inlp.n_iter_ == 1
    assert not inlp.transform(X).any()
    assert inlp.accuracies_[-1] == inlp.majority_


def test_inlp_on_word2vec():
    encoder = as_encoder("word2vec-googlenews-extract")
    words = encoder.vectors / np.linalg.norm(encoder.vectors, axis=1, keepdims=True)
    g = encoder.encode(["he"])[0] - encoder.encode(["she"])[0]
    along = words @ g
    far = np.argsort(along)[np.r_[:1000, -1000:0]]
    y = np.where(along[far] > 0, "he", "she")
    inlp = INLP(max_iter=60, margin=0.04).fit(words[far], y)
    assert inlp.accuracies_[0] > 0.95
    assert inlp.accuracies_[-1] < 0.55
    assert 5 < len(inlp.directions_) < 60


@pytest.mark.parametrize("kind", [INLP, RLACE])
def test_save_and_load(tmp_path, kind):
    X, y = _data(400, 6)
    made = kind().fit(X, np.array(["a", "b"])[y])
    made.save(tmp_path / "x")
    again = load_transform(tmp_path / "x")
    np.testing.assert_array_equal(again.transform(X), made.transform(X))
    np.testing.assert_array_equal(again.accuracies_, made.accuracies_)
    assert again.classes_ == ["a", "b"]


# R-LACE


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=12), SEEDS)
@settings(max_examples=100, deadline=None)
def test_capped_simplex_is_the_nearest_point(values, seed):
    values = np.array(values)
    k = 1 + seed % len(values)
    found = capped_simplex(values, k)
    assert found.sum() == pytest.approx(k, abs=1e-9)
    assert found.min() >= 0
    assert found.max() <= 1
    # No feasible direction leads nearer: towards each corner (k ones) the slope is not downhill.
    # The corner with the least slope has its ones where found - values is least.
    slope = found - values
    assert np.sort(slope)[:k].sum() >= slope @ found - 1e-9


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_onto_fantope(seed):
    rng = np.random.default_rng(seed)
    m = rng.normal(size=(5, 5))
    m = m + m.T
    p, first = onto_fantope(m, 2)
    values = np.linalg.eigvalsh(p)
    assert values.min() > -1e-9
    assert values.max() < 1 + 1e-9
    assert np.trace(p) == pytest.approx(2)
    np.testing.assert_allclose(first @ first.T, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(onto_fantope(p, 2)[0], p, atol=1e-9)
    for _ in range(5):
        q = np.linalg.qr(rng.normal(size=(5, 2)))[0]
        assert np.linalg.norm(p - m) <= np.linalg.norm(q @ q.T - m) + 1e-9


@pytest.mark.parametrize(("k", "rank"), [(2, 1), (3, 2)])
def test_rlace_takes_the_concept_out_of_few_directions(k, rank):
    X, y = _data(3000, 10, k, gap=0.5, seed=7)
    rlace = RLACE(rank=rank, margin=0.02).fit(X, y)
    made = rlace.transform(X)
    assert np.abs(X @ rlace.directions_.T).max() > 1
    assert np.abs(made @ rlace.directions_.T).max() < 1e-12
    assert np.linalg.matrix_rank(np.eye(10) - rlace.as_affine()[0]) == rank
    share = np.bincount(y).max() / len(y)
    peer = LogisticRegression(max_iter=2000)
    assert peer.fit(X, y).score(X, y) > share + 0.2
    assert peer.fit(made, y).score(made, y) < share + 0.06


def test_rlace_keeps_the_best_look_at_held_out_rows():
    X, y = _data(1000, 30, seed=8)
    with pytest.warns(TransformWarning, match="above the majority share after 120 steps"):
        rlace = RLACE(max_iter=120, margin=0.0).fit(X, y)
    train, held = _split(y)
    mean = X[train].mean(axis=0)
    b = rlace.directions_
    peer = LogisticRegression(tol=1e-8, max_iter=2000)
    inside, outside = (X[rows] - mean for rows in (train, held))
    left = np.eye(30) - b.T @ b
    accuracy = peer.fit(inside @ left, y[train]).score(outside @ left, y[held])
    assert len(rlace.accuracies_) == 4
    assert rlace.accuracies_[1:].min() == pytest.approx(accuracy, abs=2 / 200)
    assert rlace.accuracies_[0] > rlace.accuracies_[1:].min() + 0.1
    again = RLACE(max_iter=120, margin=0.0)
    with pytest.warns(TransformWarning):
        np.testing.assert_array_equal(again.fit(X, y).directions_, b)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: INLP().fit(X), "requires y to be passed"),
        (lambda X, y: INLP().fit(X, y * 0), "one class only"),
        (lambda X, y: INLP().fit(X[:2], [0, 1]), "no class has two rows"),
        (lambda X, y: INLP(margin=1.5).fit(X, y), "margin=1.5"),
        (lambda X, y: INLP(c=0).fit(X, y), "c=0"),
        (lambda X, y: INLP(validation_fraction=1.0).fit(X, y), "validation_fraction=1.0"),
        (lambda X, y: INLP(max_iter=0).fit(X, y), "max_iter"),
        (lambda X, y: INLP(random_state="a").fit(X, y), "rng='a'"),
        (lambda X, y: INLP().fit(np.where(X > 3, np.nan, X), y), "NaN"),
        (lambda X, y: INLP().transform(X), "not fitted yet"),
        (lambda X, y: INLP().fit(X, y).transform(X[:, :3]), "3 features"),
        (lambda X, y: RLACE(rank=8).fit(X, y), "rank=8 with n_features=8"),
        (lambda X, y: RLACE().fit(X, np.column_stack([y, y])), "2 concepts; give one"),
        (lambda X, y: RLACE(margin="a").fit(X, y), "margin='a'"),
        (lambda X, y: RLACE(batch_size=0).fit(X, y), "batch_size"),
    ],
)
@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
def test_errors(call, message):
    with pytest.raises(InputError, match=message):
        call(*_data(200))
