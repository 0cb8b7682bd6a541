"""Repulsion, attraction, neutralisation: the least objective of every word."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from embias.encoders import as_encoder
from embias.errors import InputError
from embias.geometry import Subspace
from embias.transforms import load_transform, save_transform
from embias.transforms._repulsion import Repulsion
from embias.transforms.ran import RAN

SEEDS = st.integers(0, 10**6)
PAIRS = (("he", "she"), ("man", "woman"), ("his", "her"), ("father", "mother"))


def _units(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def _vocabulary(n=60, d=8, seed=0):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n, d)) * np.linspace(1.5, 0.3, d)
    rows[:, 0] += 1.5
    rows[:, 1] += np.where(np.arange(n) % 2, 1.0, -1.0)
    return rows, np.eye(d)[1]


def _repelling(words, vocabulary, g, theta, n_neighbors):
    """Return the repelling neighbours of each word, written out with loops."""
    found = []
    for w in _units(words):
        cosines = [float(w @ v) for v in _units(vocabulary)]
        order = sorted((-c, i) for i, c in enumerate(cosines) if c < 1 - 1e-9)
        kept = []
        for _, i in order[:n_neighbors]:
            v = _units(vocabulary)[i]
            w_off, v_off = w - (w @ g) * g, v - (v @ g) * g
            off = w_off @ v_off / (np.linalg.norm(w_off) * np.linalg.norm(v_off))
            if w @ v > 0.01 and (w @ v - off) / (w @ v) > theta:
                kept.append(v)
        found.append(np.array(kept).reshape(-1, words.shape[1]))
    return found


def _objective(x, w, near, g, weights):
    x, w = x / np.linalg.norm(x), w / np.linalg.norm(w)
    repulsion = np.mean([abs(x @ n) for n in near]) if len(near) else 0.0
    return weights[0] * repulsion + weights[1] * (1 - x @ w) / 2 + weights[2] * abs(x @ g)


def _least(w, near, g, weights):
    """Return the least objective by a general solver, with each modulus as a bounded variable."""
    w = w / np.linalg.norm(w)
    pushed = np.vstack([near, g])
    a = np.append(np.full(len(near), weights[0] / max(len(near), 1)), weights[2])
    d = len(w)
    constraints = [
        {"type": "ineq", "fun": lambda z: z[d:] - pushed @ z[:d]},
        {"type": "ineq", "fun": lambda z: z[d:] + pushed @ z[:d]},
        {"type": "ineq", "fun": lambda z: 1 - z[:d] @ z[:d]},
    ]
    start = np.concatenate([w, np.abs(pushed @ w)])
    found = minimize(
        lambda z: a @ z[d:] - weights[1] / 2 * (w @ z[:d]),
        start,
        constraints=constraints,
        method="SLSQP",
        options={"maxiter": 500, "ftol": 1e-12},
    )
    return _objective(found.x[:d], w, near, g, weights)


@pytest.mark.parametrize("weights", [(1 / 8, 6 / 8, 1 / 8), (1 / 3, 1 / 3, 1 / 3), (0.7, 0.2, 0.1)])
def test_the_optimum_is_that_of_a_general_solver(weights):
    words, g = _vocabulary()
    ran = RAN(g, weights=weights, n_neighbors=6, tol=1e-9).fit(words)
    made = ran.transform(words[:12])
    near = _repelling(words[:12], words, g, 0.05, 6)
    assert {len(each) for each in near} > {0, 3}
    moved = 0.0
    for w, x, each in zip(words[:12], made, near, strict=True):
        ours, before = _objective(x, w, each, g, weights), _objective(w, w, each, g, weights)
        assert ours <= before
        assert ours == pytest.approx(_least(w, each, g, weights), abs=1e-6)
        moved = max(moved, before - ours)
    assert moved > 0.02
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-12)


def test_objective_is_the_one_written_out():
    words, g = _vocabulary(seed=1)
    weights = (0.2, 0.5, 0.3)
    ran = RAN(g * 3, weights=weights, n_neighbors=10).fit(words)
    changed = np.random.default_rng(2).normal(size=words.shape)
    near = _repelling(words, words, g, 0.05, 10)
    expected = [
        _objective(x, w, n, g, weights) for x, w, n in zip(changed, words, near, strict=True)
    ]
    np.testing.assert_allclose(ran.objective(words, changed), expected, atol=1e-12)


@given(SEEDS, st.integers(1, 9), st.integers(2, 6))
@settings(max_examples=25, deadline=None)
def test_never_above_the_start_and_least_where_convex(seed, r, d):
    rng = np.random.default_rng(seed)
    words, pushing = _units(rng.normal(size=(3, d))), rng.normal(size=(3, r, d))
    pushing /= np.linalg.norm(pushing, axis=2, keepdims=True)
    problem = Repulsion(words, pushing, rng.random((3, r)) / r, 0.5 * rng.random())
    made = problem.solve(1e-9, 2000)
    values = problem.values(made)
    assert (values <= problem.values(words)).all()
    assert (values >= 0).all()
    others = _units(rng.normal(size=(500, d)))
    for i in range(3):
        one = Repulsion(
            np.repeat(words[i : i + 1], 500, 0),
            np.repeat(pushing[i : i + 1], 500, 0),
            np.repeat(problem.pushes[i : i + 1], 500, 0),
            problem.pull,
        )
        if values[i] < problem.pull - 1e-6:  # the convex case
            assert one.values(others).min() >= values[i] - 1e-7


def test_neutralisation_alone_is_projection():
    words, g = _vocabulary()
    made = RAN(g, weights=(0, 0, 1)).fit(words).transform(words)
    off = words - np.outer(words @ g, g)
    assert np.abs(_units(words) @ g).mean() > 0.2
    np.testing.assert_allclose(made, _units(off), atol=1e-9)


def test_attraction_alone_changes_nothing():
    words, g = _vocabulary()
    made = RAN(g, weights=(0, 1, 0)).fit(words).transform(words)
    np.testing.assert_allclose(made, _units(words), atol=1e-12)


def test_repulsion_alone_moves_words_off_their_neighbours():
    # WEFE changes nothing at these weights: it swaps the word and the vector that is optimised.
    words, g = _vocabulary(d=20)
    ran = RAN(g, weights=(1, 0, 0), n_neighbors=8).fit(words)
    made = ran.transform(words)
    near = _repelling(words, words, g, 0.05, 8)
    some = np.array([len(each) > 0 for each in near])
    assert some.sum() > 20
    before, after = ran.objective(words, words), ran.objective(words, made)
    assert before[some].min() > 0.05
    assert after[some].max() < 1e-4


def test_any_word_in_any_order_and_number_type():
    words, g = _vocabulary()
    ran = RAN(g, n_neighbors=10).fit(words)
    before = words.copy()
    made = ran.transform(words)
    np.testing.assert_array_equal(words, before)
    np.testing.assert_allclose(ran.transform(words[::-1] * 7), made[::-1], atol=1e-6)
    assert ran.transform(words.astype(np.float32)).dtype == np.float32
    unknown = np.random.default_rng(3).normal(size=(2, 8)) + np.eye(8)[0]
    one = ran.transform(unknown)
    assert (ran.objective(unknown, one) <= ran.objective(unknown, unknown)).all()
    with_zero = ran.transform(np.vstack([unknown, np.zeros((1, 8))]))
    np.testing.assert_allclose(with_zero, np.vstack([one, np.zeros((1, 8))]), atol=1e-6)


def test_direction_from_labels_and_saving(tmp_path):
    words, _ = _vocabulary()
    y = np.arange(60) % 2
    ran = RAN(n_neighbors=10).fit(words, y)
    expected = Subspace.from_labels(words, y)
    np.testing.assert_allclose(ran.direction_, expected.vector, atol=1e-12)
    save_transform(ran, tmp_path / "ran")
    again = load_transform(tmp_path / "ran")
    np.testing.assert_array_equal(again.transform(words), ran.transform(words))


def test_ran_on_word2vec():
    encoder = as_encoder("word2vec-googlenews-extract")
    g = Subspace.from_pairs([encoder.encode(list(pair)) for pair in PAIRS])
    jobs = encoder.encode(["nurse", "receptionist", "housekeeper", "engineer", "captain"])
    ran = RAN(g).fit(encoder.vectors)
    made = ran.transform(jobs)
    before, after = ran.objective(jobs, jobs), ran.objective(jobs, made)
    assert (after < 0.8 * before).all()
    assert np.abs(_units(jobs) @ g.vector).min() > 0.05
    assert np.abs(made @ g.vector).max() < 0.01
    assert (_units(jobs) * made).sum(axis=1).min() > 0.85


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, g: RAN().fit(X), "requires y to be passed"),
        (lambda X, g: RAN(np.eye(8)[:2]).fit(X), "give one direction of the 8"),
        (lambda X, g: RAN(np.eye(5)[0]).fit(X), "give one direction of the 8"),
        (lambda X, g: RAN(g, weights=(1, 2)).fit(X), "give three numbers from 0 on"),
        (lambda X, g: RAN(g, weights=(0, 0, 0)).fit(X), "not all 0"),
        (lambda X, g: RAN(g, weights=(-1, 1, 1)).fit(X), "from 0 on"),
        (lambda X, g: RAN(g, n_neighbors=0).fit(X), "n_neighbors"),
        (lambda X, g: RAN(g).fit(X * 0), "all rows are the zero vector"),
        (lambda X, g: RAN(g).transform(X), "not fitted yet"),
        (lambda X, g: RAN(g).fit(X).objective(X, X[:2]), "X has 60 rows and changed 2"),
        (lambda X, g: RAN(g).fit(X).transform(X[:, :3]), "3 features"),
    ],
)
def test_errors(call, message):
    with pytest.raises(InputError, match=message):
        call(*_vocabulary())
