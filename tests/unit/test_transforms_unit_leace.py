"""Erasure that survives unit length, and coordinates of rounding: the traps and the cures."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

import embias
from embias.errors import InputError
from embias.transforms import LEACE, TransformWarning, load_transform, save_transform
from embias.transforms.drop_dead_dimensions import DropDeadDimensions
from embias.transforms.unit_leace import UnitLEACE


def _data(n=1500, d=20, k=2, seed=0):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    X = rng.normal(size=(n, d)) * np.linspace(0.3, 2, d) + 0.5
    X[:, :3] += 1.5 * y[:, None]
    return X, y


def _unit(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


def _one_hot(y):
    return (np.asarray(y)[:, None] == np.unique(y)).astype(float)


def _canonical(X, Z):
    bases = []
    for given_ in (X, Z):
        u, sizes, _ = np.linalg.svd(given_ - given_.mean(axis=0), full_matrices=False)
        bases.append(u[:, sizes > 1e-10 * sizes[0]])
    return np.linalg.svd(bases[0].T @ bases[1], compute_uv=False).max()


def _strong_probe(X, y):
    """Same-data accuracy of a linear probe that sees every direction at variance 1."""
    made = PCA(whiten=True).fit(X)
    live = made.explained_variance_ > 1e-18 * made.explained_variance_[0]
    white = made.transform(X)[:, live]
    return LogisticRegression(C=1e6, max_iter=5000).fit(white, y).score(white, y)


@pytest.mark.parametrize("k", [2, 3])
def test_l2_lets_the_concept_back_in_and_unit_leace_does_not(k):
    X, y = _data(k=k)
    majority = np.bincount(y).max() / len(y)
    plain = LEACE().fit(_unit(X), y).transform(_unit(X))
    assert _strong_probe(_unit(X), y) > majority + 0.3
    assert _strong_probe(plain, y) == pytest.approx(majority, abs=1e-12)
    # The trap: a model that gives unit vectors, erasure, a search that normalises.
    assert _strong_probe(_unit(plain), y) > majority + 0.2
    eraser = UnitLEACE().fit(X, y)
    made = eraser.transform(X)
    assert _strong_probe(made, y) == pytest.approx(majority, abs=1e-12)
    assert np.abs(_unit(X).T @ (_one_hot(y) - _one_hot(y).mean(axis=0))).max() / len(y) > 1e-3
    assert np.abs(made.T @ (_one_hot(y) - _one_hot(y).mean(axis=0))).max() / len(y) < 1e-12
    assert eraser.map_.rank == k - 1
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-12)
    # Normalising again, as search engines do, changes nothing; nor does another affine map.
    np.testing.assert_allclose(_unit(made), made, atol=1e-15)
    mixed = made @ np.random.default_rng(0).normal(size=(20, 5))
    assert _canonical(mixed, _one_hot(y)) < 1e-8


def test_correlations_are_those_of_the_unit_rows():
    X, y = _data(k=3)
    eraser = UnitLEACE().fit(X, y)
    before, after = eraser.correlations_
    assert before == pytest.approx(_canonical(_unit(X), _one_hot(y)), abs=1e-10)
    assert after < 1e-9
    assert _canonical(eraser.transform(X), _one_hot(y)) < 1e-9
    # Stopped early it says what is left.
    with pytest.warns(TransformWarning, match="after 2 rounds a covariance of .* is left"):
        early = UnitLEACE(max_rounds=2).fit(X, y)
    left = _canonical(early.transform(X), _one_hot(y))
    assert left > 1e-4
    assert early.correlations_[1] == pytest.approx(left, abs=1e-8)


def test_the_first_round_is_leace():
    X, y = _data(k=3)
    with pytest.warns(TransformWarning, match="after 1 rounds"):
        first = UnitLEACE(max_rounds=1).fit(X, y)
    expected = LEACE().fit(_unit(X), y)
    np.testing.assert_allclose(first.map_.dense()[0], expected.as_affine()[0], atol=1e-10)
    np.testing.assert_allclose(first.map_.dense()[1], expected.as_affine()[1], atol=1e-10)


def test_each_round_is_the_least_move_that_erases_weighted_rows():
    """Against the optimum written out: least squares with one linear constraint."""
    X, y = _data(300, 6, 3)
    eraser = UnitLEACE().fit(X, y)
    U, Z = _unit(X), _one_hot(y)
    A, b = eraser.map_.dense()
    weights = 1 / np.linalg.norm(U @ A.T + b, axis=1)
    H = np.column_stack([U, np.ones(300)])
    G = (weights[:, None] * (Z - Z.mean(axis=0))).T @ H  # [A b] G' must be 0
    second = np.linalg.inv(H.T @ H)
    expected = G[:, :6].T @ np.linalg.pinv(G @ second @ G.T, rcond=1e-10) @ G @ second
    np.testing.assert_allclose(np.eye(6, 7) - np.column_stack([A, b]), expected, atol=1e-9)
    np.testing.assert_allclose(np.column_stack([A, b]) @ G.T, 0, atol=1e-8)


def test_leace_and_l2_in_turns_leave_a_faint_direction():
    X, y = _data(3000)
    rows = _unit(X)
    for _ in range(6):
        rows = _unit(LEACE().fit(rows, y).transform(rows))
    assert _canonical(rows, _one_hot(y)) > 0.1
    ours = UnitLEACE().fit(X, y).transform(X)
    assert _canonical(ours, _one_hot(y)) < 1e-8
    move = [float(((each - _unit(X)) ** 2).sum(axis=1).mean()) for each in (rows, ours)]
    assert move[1] < 1.02 * move[0]


@given(st.integers(0, 10**6), st.integers(8, 20), st.integers(2, 4))
@settings(max_examples=15, deadline=None)
def test_any_data_of_some_dimensions(seed, d, k):
    rng = np.random.default_rng(seed)
    y = np.concatenate([np.arange(k), np.arange(k), rng.integers(0, k, 300)])
    means = rng.normal(size=(k, d)) * rng.uniform(0, 1.5)
    X = rng.normal(size=(len(y), d)) + means[y] + rng.uniform(0, 2)
    eraser = UnitLEACE().fit(X, np.where(y == 0, "zero", y.astype(str)))
    made = eraser.transform(X)
    assert np.abs(made.T @ (_one_hot(y) - _one_hot(y).mean(axis=0))).max() / len(y) < 1e-11
    # The length of a row does not count, its order among rows neither.
    scaled = X * rng.uniform(0.1, 1e6, size=(len(y), 1))
    np.testing.assert_allclose(eraser.transform(scaled), made, atol=1e-12)
    order = rng.permutation(len(y))
    again = UnitLEACE().fit(scaled[order], np.where(y == 0, "zero", y.astype(str))[order])
    np.testing.assert_allclose(again.transform(X), made, atol=1e-6)


def test_numbers_and_several_concepts():
    X, y = _data(800, 12, 3)
    age = X[:, 4] + np.random.default_rng(1).normal(size=800)
    frame = pd.DataFrame({"y": np.array(["a", "b", "c"])[y], "age": age * 1e-3})
    eraser = UnitLEACE().fit(X, frame)
    Z = np.column_stack([_one_hot(y), (age - age.mean()) / age.std()])
    assert _canonical(_unit(X), Z) > 0.5
    assert _canonical(eraser.transform(X), Z) < 1e-8
    assert eraser.classes_ == [["a", "b", "c"], None]
    assert eraser.map_.rank == 3


def test_number_types_zero_rows_and_names():
    X, y = _data(300, 8)
    names = [f"f{i}" for i in range(8)]
    eraser = UnitLEACE().fit(pd.DataFrame(X, columns=names), y)
    assert list(eraser.get_feature_names_out()) == names
    eraser = UnitLEACE().fit(X, y)
    exact = eraser.transform(X)
    for kind, tolerance in ((np.float32, 1e-6), (np.float16, 2e-3)):
        made = eraser.transform(X.astype(kind))
        assert made.dtype == kind
        np.testing.assert_allclose(made, exact, atol=tolerance)
    assert np.isfinite(eraser.transform((X * 1e30).astype(np.float32))).all()
    with_zero = np.vstack([X[:2], np.zeros((1, 8))])
    with pytest.warns(TransformWarning, match="row 2"):
        assert not eraser.transform(with_zero)[2].any()
    with pytest.warns(TransformWarning, match="1 of 301 rows are the zero vector.*row 300.*not"):
        with_zeros = UnitLEACE().fit(np.vstack([X, np.zeros((1, 8))]), [*y, 0])
    np.testing.assert_allclose(with_zeros.transform(X), exact, atol=1e-9)


def test_saved_and_as_plain_steps(tmp_path):
    X, y = _data(300, 8, 3)
    eraser = UnitLEACE().fit(X, np.array(["a", "b", "c"])[y])
    eraser.save(tmp_path / "eraser")
    again = UnitLEACE.load(tmp_path / "eraser")
    np.testing.assert_array_equal(again.transform(X), eraser.transform(X))
    assert again.classes_ == ["a", "b", "c"]
    np.testing.assert_array_equal(again.correlations_, eraser.correlations_)
    steps = eraser.as_pipeline()
    np.testing.assert_allclose(steps.transform(X), eraser.transform(X), atol=1e-14)
    save_transform(steps, tmp_path / "steps")  # and nothing is said to be broken
    np.testing.assert_allclose(load_transform(tmp_path / "steps").transform(X), steps.transform(X))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: UnitLEACE().fit(X[:, :1], y), "n_features = 1"),
        (lambda X, y: UnitLEACE(tolerance=0).fit(X, y), "tolerance=0"),
        (lambda X, y: UnitLEACE(max_rounds=0).fit(X, y), "max_rounds=0"),
        (lambda X, y: UnitLEACE().fit(X, y * 0), "one class only"),
        (lambda X, y: UnitLEACE().fit(np.outer(y + 1.0, np.ones(3)), y), "rows do not differ"),
        (lambda X, y: UnitLEACE().transform(X), "not fitted"),
        (lambda X, y: DropDeadDimensions().fit(np.ones((4, 3))), "no coordinate varies"),
        (lambda X, y: DropDeadDimensions(tolerance=1).fit(X), "tolerance=1"),
    ],
)
def test_errors(call, message):
    X, y = _data(100, 5)
    with pytest.raises(InputError, match=message):
        call(X, y)


def test_fewer_rows_than_dimensions_is_said():
    X, y = _data(15, 30)
    with pytest.warns(TransformWarning, match="15 rows of 30 dimensions"):
        made = UnitLEACE().fit(X, y).transform(X)
    assert np.abs(made[y == 0].mean(axis=0) - made[y == 1].mean(axis=0)).max() < 1e-10


def _with_a_label_coordinate(n=2000, d=12):
    """Rows in which one coordinate holds nothing but the label."""
    rng = np.random.default_rng(4)
    y = rng.integers(0, 2, n)
    X = rng.normal(size=(n, d)).astype(np.float32)
    X[:, 3] = 0.1 + 0.2 * y
    return X, y


def test_signs_of_dead_coordinates_tell_the_classes():
    X, y = _with_a_label_coordinate()
    made = LEACE().fit(X, y).transform(X)
    assert made.dtype == np.float32
    assert made[:, 3].std() < 1e-6
    centred = made[:, 3] - made[:, 3].mean(dtype=np.float64)
    # The trap: what is left is rounding, and its sign is the label.
    agree = np.mean((centred > 0) == (y == 1))
    assert max(agree, 1 - agree) == 1
    scaled = StandardScaler().fit_transform(made.astype(np.float64))
    assert LogisticRegression(C=1e6).fit(scaled, y).score(scaled, y) == 1
    # The cure.
    steps = make_pipeline(LEACE(), DropDeadDimensions()).fit(X, y)
    assert list(steps[-1].dropped_) == [3]
    kept = steps.transform(X)
    signs = np.sign(kept - kept.mean(axis=0))
    majority = max(y.mean(), 1 - y.mean())
    assert LogisticRegression(C=1e6).fit(signs, y).score(signs, y) < majority + 0.05
    scaled = StandardScaler().fit_transform(kept.astype(np.float64))
    assert LogisticRegression(C=1e6).fit(scaled, y).score(scaled, y) == pytest.approx(
        majority, abs=0.002
    )


def test_dead_directions_are_found_once_rotated_into_a_coordinate():
    X, y = _with_a_label_coordinate()
    rotation = np.linalg.qr(np.random.default_rng(1).normal(size=(12, 12)))[0]
    X = X @ rotation.astype(np.float32)
    assert len(DropDeadDimensions().fit(LEACE().fit(X, y).transform(X)).dropped_) == 0
    steps = make_pipeline(LEACE(), PCA(), DropDeadDimensions()).fit(X, y)
    assert list(steps[-1].dropped_) == [11]


def test_what_is_dropped_and_what_is_named():
    X = np.random.default_rng(0).normal(size=(50, 5))
    X[:, 1] = 7
    X[:, 2] = 1000 + 1e-3 * X[:, 2]
    X[:, 4] *= 1e-4
    frame = pd.DataFrame(X, columns=list("abcde"))
    dropper = DropDeadDimensions().fit(frame)
    assert list(dropper.get_feature_names_out()) == ["a", "d", "e"]
    np.testing.assert_array_equal(dropper.transform(frame), X[:, [0, 3, 4]])
    finer = DropDeadDimensions(tolerance=1e-12).fit(X)
    assert list(finer.kept_) == [0, 2, 3, 4]
    same = DropDeadDimensions().fit(X[:, [0, 3]])
    assert same.map_.rank == 0
    np.testing.assert_array_equal(same.transform(X[:, [0, 3]]), X[:, [0, 3]])


def test_words_of_the_word2vec_extract():
    encoder = embias.as_encoder("word2vec-googlenews-extract")
    X = np.asarray(encoder.vectors, dtype=np.float64)
    axis = np.subtract(*encoder.encode(["he", "she"]).astype(np.float64))
    y = (X @ axis > 0).astype(int)
    majority = max(y.mean(), 1 - y.mean())
    trap = make_pipeline(Normalizer(), LEACE(), Normalizer()).fit(X, y).transform(X)
    assert _strong_probe(trap, y) > majority + 0.02
    eraser = UnitLEACE().fit(X, y)
    assert _strong_probe(eraser.transform(X), y) == pytest.approx(majority, abs=1e-12)
    assert eraser.correlations_[0] > 0.7
    assert eraser.correlations_[1] < 1e-9
    assert eraser.n_rounds_ < 30
