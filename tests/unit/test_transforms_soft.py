"""Soft removals in closed form, and Bolukbasi's soft debiasing solved."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from embias.encoders import as_encoder
from embias.errors import InputError, VectorError
from embias.geometry import Subspace
from embias.transforms import TransformWarning, load_transform
from embias.transforms.affine_map import LowRankMap
from embias.transforms.conceptor_negation import ConceptorNegation
from embias.transforms.half_sibling_regression import HalfSiblingRegression
from embias.transforms.soft_debias import SoftDebias
from embias.transforms.soft_equalize import SoftEqualize

SEEDS = st.integers(0, 10**6)


# Half-sibling regression


@given(SEEDS, st.integers(1, 12), st.floats(0.01, 100.0))
@settings(max_examples=30, deadline=None)
def test_hsr_is_the_ridge_regression_written_out(seed, m, alpha):
    rng = np.random.default_rng(seed)
    words, x = rng.normal(size=(m, 6)), rng.normal(size=(4, 6))
    made = HalfSiblingRegression(words, alpha=alpha).fit(x).transform(x)
    for row, got in zip(x, made, strict=True):
        # d cases, m variables: the words' vectors are the columns.
        weights = np.linalg.solve(words @ words.T + alpha * np.eye(m), words @ row)
        np.testing.assert_allclose(got, row - weights @ words, atol=1e-9)
    dense = alpha * np.linalg.inv(words.T @ words + alpha * np.eye(6))
    np.testing.assert_allclose(made, x @ dense, atol=1e-9)


def test_hsr_scales_each_singular_direction():
    rng = np.random.default_rng(0)
    words = rng.normal(size=(3, 8))
    hsr = HalfSiblingRegression(alpha=2.0).fit(words)
    _, lengths, directions = np.linalg.svd(words, full_matrices=False)
    shares = 2.0 / (lengths**2 + 2.0)
    np.testing.assert_allclose(hsr.transform(directions), shares[:, None] * directions, atol=1e-12)
    np.testing.assert_allclose(hsr.kept_, np.sort(shares), atol=1e-12)
    off = rng.normal(size=8)
    off -= directions.T @ (directions @ off)
    np.testing.assert_allclose(hsr.transform(off[None])[0], off, atol=1e-12)
    assert isinstance(hsr.map_, LowRankMap)


def test_hsr_is_that_of_wefe():
    # WEFE 1.0.1, numpy 1.26: HalfSiblingRegression().fit(model, ["w0", "w1", "w2"], alpha=7.0)
    # and transform, of words w3 and w7.
    rows = np.random.default_rng(14).normal(size=(8, 5))
    expected = [
        [0.26489187, -0.36132322, 0.82958165, -0.89716875, -0.52487457],
        [0.92760712, 0.11576662, 1.04787173, -0.83182934, 1.59186349],
    ]
    hsr = HalfSiblingRegression(alpha=7.0).fit(rows[:3])
    assert np.abs(rows[[3, 7]] - expected).max() > 0.1
    np.testing.assert_allclose(hsr.transform(rows[[3, 7]]), expected, atol=1e-7)
    # A second call does what the first did.
    np.testing.assert_allclose(hsr.transform(rows[[3, 7]]), expected, atol=1e-7)


# Conceptors


def _conceptor(rows, aperture):
    r = rows.T @ rows / len(rows)
    return r @ np.linalg.inv(r + aperture**-2 * np.eye(len(r)))


def _map_of(transform):
    return transform.as_affine()[0]


def test_not_c_is_one_minus_c():
    rows = np.random.default_rng(1).normal(size=(9, 4))
    for aperture in (0.5, 2.0, 8.0):
        expected = np.eye(4) - _conceptor(rows, aperture)
        made = _map_of(ConceptorNegation(aperture=aperture).fit(rows))
        assert np.abs(expected - np.eye(4)).max() > 0.1
        np.testing.assert_allclose(made, expected, atol=1e-12)


def test_conceptors_are_those_of_the_release():
    # jsedoc/ConceptorDebias at its last commit, Conceptors/conceptor_fxns.py: train_Conceptor,
    # NOT and AND; its OR is NOT(AND(NOT, NOT)).
    rng = np.random.default_rng(11)
    one, two = rng.normal(size=(9, 4)), rng.normal(size=(7, 4)) + np.eye(4)[0]
    x = np.array([[1.0, -2.0, 3.0, 0.5]])
    lists = {"vectors": (one, two), "aperture": (2.0, 1.0)}
    for transform, expected in (
        (ConceptorNegation(one), [0.14332484, -0.36460406, 0.81069996, 0.36979804]),
        (ConceptorNegation(**lists), [0.14300198, -0.33295358, 0.58269827, 0.28610288]),
        (
            ConceptorNegation(**lists, combine="and"),
            [0.56703682, -1.39991993, 1.50825167, 0.46035195],
        ),
    ):
        np.testing.assert_allclose(transform.fit(one).transform(x)[0], expected, atol=1e-7)


@given(SEEDS)
@settings(max_examples=30, deadline=None)
def test_boolean_laws(seed):
    rng = np.random.default_rng(seed)
    a, b, c = (rng.normal(size=(m, 5)) for m in (7, 9, 3))

    def removed(*lists, combine):
        return np.eye(5) - _map_of(ConceptorNegation(lists, aperture=1.5, combine=combine).fit(a))

    for combine in ("or", "and"):
        ab = removed(a, b, combine=combine)
        np.testing.assert_allclose(ab, removed(b, a, combine=combine), atol=1e-9)
        np.testing.assert_allclose(
            removed(a, b, c, combine=combine), removed(c, b, a, combine=combine), atol=1e-8
        )
    # The textbook form, where it has an inverse: C AND B = (C^-1 + B^-1 - I)^-1, and De Morgan.
    one, two = _conceptor(a, 1.5), _conceptor(b, 1.5)

    def conjunction(p, q):
        return np.linalg.inv(np.linalg.inv(p) + np.linalg.inv(q) - np.eye(5))

    np.testing.assert_allclose(removed(a, b, combine="and"), conjunction(one, two), atol=1e-7)
    disjunction = np.eye(5) - conjunction(np.eye(5) - one, np.eye(5) - two)
    np.testing.assert_allclose(removed(a, b, combine="or"), disjunction, atol=1e-7)
    # AND removes no more than either list, OR no less.
    for each in (one, two):
        assert np.linalg.eigvalsh(each - removed(a, b, combine="and"))[0] > -1e-9
        assert np.linalg.eigvalsh(removed(a, b, combine="or") - each)[0] > -1e-9


def test_lists_that_share_one_direction():
    shared, one, two = np.eye(6)[:3]
    lists = ([shared + one, shared - one], [shared + two, shared - two])
    conj = ConceptorNegation(lists, aperture=100.0, combine="and").fit(np.eye(6))
    made = conj.transform(np.eye(6))
    assert made[0, 0] < 1e-3
    np.testing.assert_allclose(made[1:], np.eye(6)[1:], atol=1e-9)
    disj = ConceptorNegation(lists, aperture=100.0).fit(np.eye(6)).transform(np.eye(6))
    assert np.abs(disj[:3]).max() < 1e-3


@given(SEEDS, st.integers(1, 12))
@settings(max_examples=20, deadline=None)
def test_hsr_is_conceptor_negation(seed, m):
    rows = np.random.default_rng(seed).normal(size=(m, 5))
    hsr = HalfSiblingRegression(alpha=4.0).fit(rows)
    conceptor = ConceptorNegation(aperture=float(np.sqrt(m / 4.0))).fit(rows)
    np.testing.assert_allclose(_map_of(hsr), _map_of(conceptor), atol=1e-12)


# Soft equalising


def _prompts(seed=2):
    rng = np.random.default_rng(seed)
    rows, spurious = rng.normal(size=(5, 6)), rng.normal(size=(2, 6))
    return rows, np.array(["a", "a", "b", "b", "b"]), spurious


def test_soft_equalize_is_that_of_debias_vl():
    # chingyaoc/debias_vl at its last commit, discriminative/main.py: get_M over the pairs
    # [0, 1], [2, 3], [2, 4], [3, 4] and get_proj_matrix, scikit-learn 1.9.1; lam 50.
    rng = np.random.default_rng(12)
    rows, spurious = rng.normal(size=(5, 6)), rng.normal(size=(2, 6))
    made = SoftEqualize(spurious, lam=50.0).fit(rows, [0, 0, 1, 1, 1])
    assert made.n_pairs_ == 4
    expected = [1.59194526, -1.47093879, 3.04955804, -0.54937563, 3.57254122, 3.20264468]
    np.testing.assert_allclose(made.transform(np.arange(1.0, 7)[None])[0], expected, atol=1e-7)


def test_soft_equalize_minimises_what_it_says():
    rows, groups, spurious = _prompts()
    lam = 3.0
    a = _map_of(SoftEqualize(spurious, lam=lam).fit(rows, groups))
    basis = np.linalg.svd(spurious, full_matrices=False)[2]
    p0 = np.eye(6) - basis.T @ basis
    pairs = [(i, j) for i, j in itertools.combinations(range(5), 2) if groups[i] == groups[j]]

    def objective(flat):
        p = flat.reshape(6, 6)
        apart = [((p @ (rows[i] - rows[j])) ** 2).sum() for i, j in pairs]
        return ((p - p0) ** 2).sum() + lam * np.mean(apart)

    found = minimize(objective, p0.ravel(), method="BFGS", options={"gtol": 1e-8})
    assert objective(a.ravel()) <= found.fun + 1e-9 < objective(p0.ravel()) - 1
    np.testing.assert_allclose(a.ravel(), found.x, atol=1e-5)


def test_soft_equalize_removes_the_span_and_pulls_pairs_together():
    rows, groups, spurious = _prompts()
    rng = np.random.default_rng(3)
    fresh = rng.normal(size=(200, 6))
    equal = SoftEqualize(spurious, lam=1000.0).fit(rows, groups)
    assert np.abs(fresh @ spurious.T).max() > 1
    assert np.abs(equal.transform(fresh) @ spurious.T).max() < 1e-12
    within = rows[0] - rows[1]
    # Not among the fit data: another text with the same difference.
    before = np.linalg.norm(within)
    unseen = rng.normal(size=6)
    one, two = SoftEqualize(lam=1000.0).fit(rows, groups).transform([unseen, unseen + within])
    assert np.linalg.norm(one - two) < 0.01 * before
    lam0 = SoftEqualize(lam=1e-9).fit(rows, groups)
    np.testing.assert_allclose(lam0.transform(rows), rows, atol=1e-6)


def test_centred_spurious_prompts_keep_what_prompts_share():
    rng = np.random.default_rng(4)
    shared = np.eye(8)[0] * 5
    spurious = shared + np.array([1.0, -1.0])[:, None] * np.eye(8)[1]
    rows = rng.normal(size=(4, 8))
    as_published = SoftEqualize(spurious, lam=1e-9).fit(rows, [0, 0, 1, 1])
    centred = SoftEqualize(spurious, lam=1e-9, center_spurious=True).fit(rows, [0, 0, 1, 1])
    assert np.abs(as_published.transform(shared[None])).max() < 1e-6
    np.testing.assert_allclose(centred.transform(shared[None])[0], shared, atol=1e-6)
    assert np.abs(centred.transform(np.eye(8)[1:2])).max() < 1e-6


# Soft debiasing


def _written_out(words, neutral, basis, lam):
    def objective(flat):
        t = flat.reshape(words.shape[1], -1)
        moved = words @ t.T
        kept = (neutral @ t.T) @ (basis @ t.T).T
        return ((moved @ moved.T - words @ words.T) ** 2).sum() + lam * (kept**2).sum()

    return objective


@pytest.mark.parametrize(
    ("d", "k", "lam", "n"),
    [(3, 1, 5.0, 30), (4, 2, 0.2, 20), (5, 1, 200.0, 12), (6, 3, 50.0, 9), (4, 1, 1e4, 6)],
)
def test_soft_debias_meets_a_generic_solver(d, k, lam, n):
    rng = np.random.default_rng(d * k)
    words = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    neutral = np.arange(n) % 3 > 0
    directions = rng.normal(size=(k, d))
    soft = SoftDebias(directions, lam=lam, tol=1e-9, max_iter=20000).fit(words, neutral=neutral)
    basis = np.linalg.qr(directions.T)[0].T
    objective = _written_out(words, words[neutral], basis, lam)
    at_start = objective(np.eye(d).ravel())
    assert soft.objective_before_ == pytest.approx(at_start, rel=1e-9)
    assert soft.objective_after_ == pytest.approx(objective(_map_of(soft).ravel()), rel=1e-6)
    starts = (np.eye(d) + 0.3 * rng.normal(size=(d, d)) for _ in range(3))
    least = min(
        minimize(objective, s.ravel(), method="BFGS", options={"maxiter": 3000}).fun for s in starts
    )
    assert soft.objective_after_ == pytest.approx(least, rel=1e-4)
    assert soft.objective_after_ <= least * (1 + 1e-6)
    assert soft.objective_after_ < 0.98 * at_start
    assert (np.diff(soft.objectives_) <= 0).all()


def test_soft_debias_at_the_ends_of_lam():
    rng = np.random.default_rng(5)
    words = rng.normal(size=(50, 4))
    g = Subspace.from_vectors([[1.0, 2.0, 0.0, 1.0]])
    nothing = SoftDebias(g, lam=1e-9).fit(words)
    np.testing.assert_allclose(_map_of(nothing), np.eye(4), atol=1e-8)
    kept = [SoftDebias(g, lam=lam, max_iter=10**5).fit(words) for lam in (1.0, 1e3, 1e6)]
    shares = [each.component_kept_ for each in kept]
    assert shares[0] > 0.9 > shares[1] > 0.02 > shares[2] > 0
    before = np.abs(words @ g.vector).max()
    assert np.abs(kept[-1].transform(words) @ g.vector).max() < 0.02 * before
    # Inner products off the subspace stay.
    off = np.linalg.svd(g.basis)[2][1:]
    np.testing.assert_allclose(off @ _map_of(kept[-1]) @ off.T, np.eye(3), atol=0.02)


def test_component_kept_is_that_of_the_neutral_words():
    rng = np.random.default_rng(6)
    words, neutral = rng.normal(size=(40, 5)), np.arange(40) < 25
    g = np.eye(5)[:2]
    soft = SoftDebias(g, lam=50.0).fit(words, neutral=neutral)
    after = soft.transform(words[neutral]) @ g.T
    expected = np.linalg.norm(after) / np.linalg.norm(words[neutral] @ g.T)
    assert soft.component_kept_ == pytest.approx(expected, rel=1e-9)
    assert 0.05 < expected < 0.95


def test_too_few_words_leave_the_rest_of_the_space():
    words = np.random.default_rng(7).normal(size=(3, 5))
    with pytest.warns(TransformWarning, match="the words span 3 of 5 dimensions"):
        soft = SoftDebias(np.ones(5), lam=10.0).fit(words)
    empty = np.linalg.svd(words)[2][3:]
    np.testing.assert_allclose(soft.transform(empty), empty, atol=1e-9)
    assert soft.objective_after_ < soft.objective_before_
    with pytest.warns(TransformWarning, match="still falls after 1 steps"):
        SoftDebias(np.eye(4)[0], lam=1e3, max_iter=1).fit(
            np.random.default_rng(8).normal(size=(30, 4))
        )


def test_soft_debias_on_word2vec():
    encoder = as_encoder("word2vec-googlenews-extract")
    words = encoder.vectors / np.linalg.norm(encoder.vectors, axis=1, keepdims=True)
    pairs = (("he", "she"), ("man", "woman"), ("his", "her"))
    g = Subspace.from_pairs([encoder.encode(list(pair)) for pair in pairs])
    at_paper = SoftDebias(g).fit(words)
    strong = SoftDebias(g, lam=1000.0).fit(words)
    # At the paper's lam nearly all of the component remains.
    assert 0.98 < at_paper.component_kept_ < 1
    assert strong.component_kept_ < 0.4
    assert at_paper.objective_after_ < at_paper.objective_before_


# Saving and errors


def test_save_and_load(tmp_path):
    rows, groups, spurious = _prompts()
    for i, made in enumerate(
        (
            HalfSiblingRegression(rows, alpha=2.0).fit(rows),
            ConceptorNegation((rows[:2], rows[2:]), aperture=(1.0, 2.0)).fit(rows),
            SoftEqualize(spurious).fit(rows, groups),
            SoftDebias(np.eye(6)[0]).fit(np.vstack([rows, np.eye(6)])),
        )
    ):
        made.save(tmp_path / str(i))
        again = load_transform(tmp_path / str(i))
        np.testing.assert_array_equal(again.transform(spurious), made.transform(spurious))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: HalfSiblingRegression(alpha=0).fit(X), "alpha=0"),
        (lambda X, y: HalfSiblingRegression(X[:, :3]).fit(X), "3 dimensions and the rows 6"),
        (lambda X, y: HalfSiblingRegression([[np.nan] * 6]).fit(X), "NaN"),
        (lambda X, y: ConceptorNegation(aperture=-1.0).fit(X), "aperture=-1.0"),
        (lambda X, y: ConceptorNegation(aperture=(1.0, 2.0)).fit(X), "2 numbers for 1 list"),
        (lambda X, y: ConceptorNegation(combine="xor").fit(X), "combine='xor'"),
        (lambda X, y: SoftEqualize().fit(X), "requires y to be passed"),
        (lambda X, y: SoftEqualize().fit(X, range(5)), "no group has two rows"),
        (lambda X, y: SoftEqualize().fit(X, np.ones((5, 2))), "one group for each row"),
        (lambda X, y: SoftEqualize(lam="much").fit(X, y), "lam='much'"),
        (lambda X, y: SoftEqualize(X[:, :2]).fit(X, y), "spurious has 2 dimensions"),
        (
            lambda X, y: SoftEqualize(X[[0, 0]], center_spurious=True).fit(X, y),
            "rows of spurious are all equal",
        ),
        (lambda X, y: SoftDebias().fit(X), "requires y to be passed"),
        (lambda X, y: SoftDebias(np.eye(3)[0]).fit(X), "3 dimensions"),
        (lambda X, y: SoftDebias(np.eye(6)[0]).fit(X, neutral=[1] * 5), "True or False"),
        (lambda X, y: SoftDebias(np.eye(6)[0]).fit(X, neutral=[False] * 5), "names no row"),
        (lambda X, y: SoftDebias(np.eye(6)[0]).transform(X), "not fitted yet"),
    ],
)
def test_errors(call, message):
    rows, groups, _ = _prompts()
    with pytest.raises(InputError, match=message):
        call(rows, groups)


def test_equal_class_means_have_no_subspace():
    rows = np.array([[1.0, 0.0], [-1.0, 0.0], [1.0, 0.0], [-1.0, 0.0]])
    with pytest.raises(VectorError, match="class means are equal"):
        SoftDebias().fit(rows, [0, 0, 1, 1])
