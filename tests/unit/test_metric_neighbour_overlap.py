"""Nearest neighbours, and how many of them two spaces share."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import unit
from sklearn.neighbors import NearestNeighbors

from embias import metrics
from embias.errors import InputError, VectorError
from embias.metrics import _neighbours, _tiles
from embias.metrics.neighbour_overlap import CARD, neighbour_overlap


def neighbours_by_definition(vectors, k):
    """Sort all others by cosine, the smaller row first where equal."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    found = []
    for i, one in enumerate(units):
        others = sorted(
            (j for j in range(len(units)) if j != i),
            key=lambda j: (-round(float(one @ units[j]), 12), j),
        )
        found.append(others[:k])
    return found


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 60), st.integers(2, 6), st.data())
def test_search_is_exact(seed, n, d, data):
    rng = np.random.default_rng(seed)
    k = data.draw(st.integers(1, n - 1))
    vectors = rng.integers(-2, 3, size=(n, d)) + np.eye(n, d) * 0.5 + 0.01
    own = np.arange(n)
    found, cosines = _neighbours.nearest(unit(vectors), unit(vectors), k, own=own)
    assert found.tolist() == neighbours_by_definition(vectors, k)
    assert (np.diff(cosines, axis=1) <= 0).all()
    rows, distances = _neighbours.nearest_points(vectors, k)
    every = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    np.fill_diagonal(every, np.inf)
    assert distances == pytest.approx(np.sort(every, axis=1)[:, :k], abs=1e-9)
    assert np.take_along_axis(every, rows, axis=1) == pytest.approx(distances, abs=1e-9)


@pytest.mark.parametrize("tile", [5, 64, 699, 10**6])
def test_blocks_do_not_change_the_neighbours(monkeypatch, tile):
    vectors = unit(np.random.default_rng(0).normal(size=(700, 12)))
    own = np.arange(700)
    monkeypatch.setattr(_tiles, "_TILE", tile)
    found = _neighbours.nearest(vectors, vectors, 7, own=own)[0]
    tree = NearestNeighbors(n_neighbors=8).fit(vectors)
    assert (found == tree.kneighbors(vectors)[1][:, 1:]).all()
    assert (_neighbours.nearest_points(vectors, 7)[0] == found).all()


@pytest.mark.parametrize("spread", [0.0, 1e-9, 1e-5, 1e-3])
def test_float32_does_not_decide_in_a_narrow_space(spread):
    """Cosines that float32 cannot tell apart: all vectors point the same way."""
    rng = np.random.default_rng(1)
    vectors = unit(np.ones((300, 20)) + spread * rng.normal(size=(300, 20)))
    found = _neighbours.nearest(vectors, vectors, 5, own=np.arange(300))[0]
    assert found.tolist() == neighbours_by_definition(vectors, 5)


def test_points_far_from_the_origin_and_close_together():
    rng = np.random.default_rng(1)
    points = 1e6 + rng.normal(size=(400, 3))
    rows, distances = _neighbours.nearest_points(points, 4)
    expected, where = NearestNeighbors(n_neighbors=5, algorithm="kd_tree").fit(points).kneighbors()
    assert distances == pytest.approx(expected[:, :4], rel=1e-6)
    assert (rows == where[:, :4]).all()
    same = _neighbours.nearest_points(np.ones((200, 3)), 3)
    assert same[0][0].tolist() == [1, 2, 3]
    assert same[0][50].tolist() == [0, 1, 2]
    assert not same[1].any()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_overlap_is_that_of_sets(seed, k):
    rng = np.random.default_rng(seed)
    before = rng.normal(size=(25, 6))
    after = before + 0.7 * rng.normal(size=(25, 6))
    one, two = neighbours_by_definition(before, k), neighbours_by_definition(after, k)
    shares = [len(set(p) & set(q)) / k for p, q in zip(one, two, strict=True)]
    unions = [len(set(p) & set(q)) / len(set(p) | set(q)) for p, q in zip(one, two, strict=True)]
    found = neighbour_overlap(before, after, k=k)
    assert found.scores["rows"] == pytest.approx(shares)
    assert found.value == pytest.approx(np.mean(shares))
    by_name = neighbour_overlap(before, after, k=k, overlap="jaccard")
    assert by_name.value == pytest.approx(np.mean(unions))
    assert found.figures["jaccard"] == by_name.value
    assert found.figures["none_kept"] == pytest.approx(np.mean(np.array(shares) == 0))
    assert neighbour_overlap(after, before, k=k).value == found.value


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_rotation_and_length_change_nothing_and_a_shift_does(seed):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(40, 5))
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    moved = vectors @ rotation * rng.uniform(0.1, 9, size=(40, 1))
    assert neighbour_overlap(vectors, moved, k=5).value == 1.0
    wider = np.hstack([moved, np.zeros((40, 3))])
    assert neighbour_overlap(vectors, wider, k=5).figures["all_kept"] == 1.0
    assert neighbour_overlap(vectors, vectors + 3, k=5).value < 1.0
    other = vectors + rng.normal(size=(40, 5))
    order = rng.permutation(40)
    assert neighbour_overlap(vectors[order], other[order], k=5).value == pytest.approx(
        neighbour_overlap(vectors, other, k=5).value
    )


def test_unrelated_spaces_share_neighbours_by_chance():
    rng = np.random.default_rng(0)
    found = neighbour_overlap(rng.normal(size=(1500, 40)), rng.normal(size=(1500, 40)), k=30)
    assert found.figures["share_by_chance"] == 30 / 1499
    assert found.value == pytest.approx(30 / 1499, abs=0.002)


def test_some_rows_are_compared_among_all():
    rng = np.random.default_rng(3)
    before, after = rng.normal(size=(50, 6)), rng.normal(size=(50, 6))
    every = neighbour_overlap(before, after, k=5).scores["rows"]
    some = neighbour_overlap(before, after, k=5, rows=[7, 3, 7])
    assert some.scores["rows"] == (every[7], every[3], every[7])
    assert some.counts == {"rows": 3, "pool": 50, "k": 5}


def test_real_vectors(extract):
    vectors = np.asarray(extract.vectors, dtype=np.float64)
    found = neighbour_overlap(vectors, vectors[:, :150])
    sets = []
    for space in (vectors, vectors[:, :150]):
        search = NearestNeighbors(n_neighbors=10, algorithm="brute").fit(unit(space))
        sets.append(search.kneighbors()[1])
    shares = [len(set(p) & set(q)) / 10 for p, q in zip(*map(np.ndarray.tolist, sets), strict=True)]
    assert found.value == pytest.approx(np.mean(shares), abs=1e-12)
    assert found.value == pytest.approx(0.6631122757508566, abs=1e-6)


@pytest.mark.parametrize(
    ("before", "after", "options", "match"),
    [
        (np.eye(4), np.eye(3), {"k": 1}, "before has 4 rows and after 3"),
        (np.eye(4), np.eye(4), {"k": 4}, "k=4 with 4 row"),
        (np.eye(4), np.eye(4), {"k": 0}, "k=0"),
        (np.eye(4), np.eye(4), {"k": True}, "k=True"),
        (np.eye(4), np.eye(4), {"k": 1, "overlap": "dice"}, "overlap='dice'"),
        (np.eye(4), np.eye(4), {"k": 1, "rows": [4]}, "rows from 4 to 4"),
        (np.eye(4), np.eye(4), {"k": 1, "rows": [0.5]}, "rows has shape"),
        (np.ones((1, 3)), np.ones((1, 3)), {"k": 1}, "k=1 with 1 row"),
    ],
)
def test_errors(before, after, options, match):
    with pytest.raises(InputError, match=match):
        neighbour_overlap(before, after, **options)


def test_zero_and_broken_vectors_are_refused():
    with pytest.raises(VectorError, match=r"after\[1\] is the zero vector"):
        neighbour_overlap(np.eye(3), np.diag([1.0, 0.0, 1.0]), k=1)
    with pytest.raises(VectorError, match=r"before\[0\]"):
        neighbour_overlap(np.full((3, 2), math.nan), np.eye(3), k=1)


def test_the_card_is_for_arrays(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("neighbour_overlap").takes == "vectors"
