"""GBDD and BAM: all differences written out, Procrustes by scipy, the released code's factor."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import orthogonal_procrustes

from embias.errors import VectorError
from embias.transforms import OrthogonalProjection
from embias.transforms.bam import BAM, nearest_procrustes
from embias.transforms.gbdd import GBDD

SCIENCE = ["science", "technology", "physics", "chemistry", "Einstein", "NASA", "experiment"]
ARTS = ["poetry", "art", "Shakespeare", "dance", "literature", "novel", "symphony", "drama"]


def _u(v):
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def _groups(seed, n, m, d):
    rng = np.random.default_rng(seed)
    words = [f"a{i}" for i in range(n)] + [f"b{i}" for i in range(m)] + ["c"]
    rows = rng.normal(size=(len(words), d)) * rng.lognormal(size=(len(words), 1))
    rows[:n, 0] += 2
    return words, rows


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 6), st.integers(2, 8))
@settings(max_examples=50, deadline=None)
def test_gbdd_is_the_svd_of_all_differences(seed, n, m, d):
    words, rows = _groups(seed, n, m, d)
    made = GBDD(words[:n], words[n:-1]).fit(rows, words=words)
    units = _u(rows)
    stack = np.array([a - b for a in units[:n] for b in units[n:-1]])
    _, sizes, axes = np.linalg.svd(stack)
    rank = np.linalg.matrix_rank(stack)
    shares = sizes[:rank] ** 2 / (sizes[:rank] ** 2).sum()
    np.testing.assert_allclose(made.subspace_.explained_variance[:rank], shares, atol=1e-9)
    if rank > 1 and sizes[1] > 0.9 * sizes[0]:
        return  # two directions that are nearly as good: compared by their shares only
    assert abs(made.subspace_.vector @ axes[0]) == pytest.approx(1, abs=1e-8)
    assert (units[:n].mean(axis=0) - units[n:-1].mean(axis=0)) @ made.subspace_.vector >= -1e-12
    after = made.transform(rows)
    assert np.abs(rows @ axes[0]).max() > 1e-3
    np.testing.assert_allclose(after @ made.subspace_.vector, 0, atol=1e-12)


def test_gbdd_with_strength_and_more_directions():
    words, rows = _groups(4, 5, 4, 7)
    half = GBDD(words[:5], words[5:-1], k=2, strength=0.5).fit(rows, words=words)
    full = OrthogonalProjection(half.subspace_).fit_transform(rows)
    np.testing.assert_allclose(half.transform(rows), (rows + full) / 2, atol=1e-12)
    assert half.subspace_.k == 2
    same = np.tile(rows[:1], (len(rows), 1))
    with pytest.raises(VectorError, match="all words of first and second have the same vector"):
        GBDD(words[:5], words[5:-1]).fit(same, words=words)


@given(st.integers(0, 10**6), st.integers(1, 5), st.integers(2, 7), st.booleans())
@settings(max_examples=50, deadline=None)
def test_bam_solves_procrustes_and_stays_nearest_to_the_identity(seed, n, d, matched):
    words, rows = _groups(seed, n, n, d)
    made = BAM(words[:n], words[n:-1], pairing="matched" if matched else "all")
    made.fit(rows, words=words)
    first, second = rows[:n], rows[n:-1]
    if not matched:
        first, second = np.repeat(first, n, axis=0), np.tile(second, (n, 1))
    rotation = made.rotation_
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(d), atol=1e-10)
    best = orthogonal_procrustes(first, second)[0]

    def misfit(w):
        return ((first @ w - second) ** 2).sum()

    assert misfit(rotation) == pytest.approx(misfit(best), rel=1e-8, abs=1e-8)
    assert misfit(rotation) <= misfit(np.eye(d)) + 1e-9
    # Any solution is at least as far from the identity: other turns of what is free.
    rng = np.random.default_rng(seed)
    u, _, vh = np.linalg.svd(first.T @ second)
    assert made.rank_ == np.linalg.matrix_rank(first.T @ second) == (min(n, d) if matched else 1)
    free = d - made.rank_
    for _ in range(5):
        turn = np.linalg.qr(rng.normal(size=(free, free)))[0] if free else np.zeros((0, 0))
        mixed = np.eye(d)
        mixed[made.rank_ :, made.rank_ :] = turn
        other = u @ mixed @ vh
        assert misfit(other) == pytest.approx(misfit(best), rel=1e-7, abs=1e-7)
        assert ((rotation - np.eye(d)) ** 2).sum() <= ((other - np.eye(d)) ** 2).sum() + 1e-8
    np.testing.assert_allclose(made.transform(rows), (rows + rows @ rotation) / 2, atol=1e-10)


def test_bam_over_all_pairs_turns_one_plane_by_half_the_angle():
    """The cross product of all pairs has rank one: only the two means are looked at."""
    words, rows = _groups(11, 6, 4, 9)
    rows[:, 3] += 2
    made = BAM(words[:6], words[6:-1]).fit(rows, words=words)
    a, b = _u(rows[:6].mean(axis=0)), _u(rows[6:-1].mean(axis=0))
    angle = np.arccos(a @ b)
    assert 0.2 < angle < np.pi / 2
    np.testing.assert_allclose(a @ made.rotation_, b, atol=1e-12)
    matrix, offset = made.as_affine()
    assert not offset.any()
    # Outside of the plane nothing moves; inside it is a turn by half, shrunk by cos(angle / 2).
    plane = np.linalg.qr(np.array([a, b]).T)[0].T
    outside = rows - rows @ plane.T @ plane
    np.testing.assert_allclose(outside @ matrix.T, outside, atol=1e-12)
    bisector = _u(a + b)
    np.testing.assert_allclose(a @ matrix.T, np.cos(angle / 2) * bisector, atol=1e-12)
    sizes = np.linalg.svd(matrix, compute_uv=False)
    np.testing.assert_allclose(np.sort(sizes)[:2], np.cos(angle / 2), atol=1e-12)
    np.testing.assert_allclose(np.sort(sizes)[2:], 1, atol=1e-12)


def test_what_the_released_bam_does_instead(extract):
    """It multiplies by V' alone: worse than no rotation, and half of everything moves."""
    first, second = (extract.encode(w).astype(float) for w in (SCIENCE, ARTS))
    pairs_a = np.repeat(first, len(second), axis=0)
    pairs_b = np.tile(second, (len(first), 1))
    sizes = np.linalg.svd(pairs_a.T @ pairs_b, compute_uv=False)
    assert sizes[1] / sizes[0] < 1e-12  # rank one, whatever the lists
    released = np.linalg.svd(pairs_a.T @ pairs_b)[2]
    made = BAM(SCIENCE, ARTS).fit_encoder(extract)

    def misfit(w):
        return ((pairs_a @ w - pairs_b) ** 2).sum()

    best = orthogonal_procrustes(pairs_a, pairs_b)[0]
    assert misfit(made.rotation_) == pytest.approx(misfit(best), rel=1e-10)
    assert misfit(made.rotation_) < misfit(np.eye(300)) < misfit(released)
    rows = extract.encode(list(extract.words)).astype(float)
    moved = [
        ((rows @ w - rows) ** 2).sum() / 4 / (rows**2).sum() for w in (made.rotation_, released)
    ]
    assert moved[0] < 0.02
    assert moved[1] > 0.4


def test_gbdd_on_real_vectors(extract):
    made = GBDD(SCIENCE, ARTS).fit_encoder(extract)
    rows = extract.encode([*SCIENCE, *ARTS, "chemist", "poem"][: len(SCIENCE) + len(ARTS)])
    units = _u(rows.astype(float))
    gap = _u(units[: len(SCIENCE)].mean(axis=0) - units[len(SCIENCE) :].mean(axis=0))
    # Close to the difference of the means, not the same.
    assert 0.99 < gap @ made.subspace_.vector < 0.9999
    after = (extract | made).encode([*SCIENCE, *ARTS])
    assert np.abs(units @ made.subspace_.vector).max() > 0.3
    assert np.abs(after @ made.subspace_.vector).max() < 1e-5


def test_a_zero_cross_product_has_no_rotation():
    with pytest.raises(ValueError, match="nothing says where to turn"):
        nearest_procrustes(np.zeros((3, 3)))
    turn, rank = nearest_procrustes(np.diag([2.0, 3.0, 1.0]))
    np.testing.assert_allclose(turn, np.eye(3), atol=1e-14)
    assert rank == 3


def test_bam_mirrors_the_plane_where_the_means_are_more_than_a_right_angle_apart():
    rows = np.array([[1.0, 0, 0], [-0.6, 0.8, 0], [0, 0, 2.0]])
    made = BAM(["a"], ["b"]).fit(rows, words=["a", "b", "c"])
    after = made.transform(rows)
    bisector = _u(rows[0] + rows[1])
    np.testing.assert_allclose(after[0], (rows[0] @ bisector) * bisector, atol=1e-12)
    np.testing.assert_allclose(after[1], after[0], atol=1e-12)
    np.testing.assert_allclose(after[2], rows[2], atol=1e-12)
