"""The neighbour search against a sort of all scores: ties, copies, the ends of tiles."""

import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import unit

from embias.metrics import _neighbours, _tiles
from embias.metrics._neighbours import nearest, nearest_points, neighbour_sets, point_sets

#: Kinds of rows: without ties, with many, copies, nearly alike, whole clusters in one place.
KINDS = {
    "normal": lambda rng, n, d: rng.normal(size=(n, d)),
    "whole numbers": lambda rng, n, d: rng.integers(-1, 2, size=(n, d)) + 0.25,
    "copies": lambda rng, n, d: rng.normal(size=(1 + n // 5, d))[rng.integers(1 + n // 5, size=n)],
    "nearly alike": lambda rng, n, d: 1 + 1e-4 * rng.integers(-9, 10, size=(n, d)),
    "one cluster of copies": lambda rng, n, d: np.where(
        np.arange(n)[:, None] % 2, rng.normal(size=(n, d)), rng.normal(size=d)
    ),
}


def cosines(queries, pool):
    """One sum for each pair; equal rows get equal sums."""
    return np.array([[round(float((q * p).sum()), 12) for p in pool] for q in queries])


def nearness(points):
    """Minus squared distances; exact where the points are whole quarters."""
    return -np.array([[float(((p - q) ** 2).sum()) for q in points] for p in points])


def sorted_out(scores, k, own=None, words=None):
    """The definition: sort everything that is not left out, the smaller row first where equal."""
    found = []
    for i, row in enumerate(scores.tolist()):
        left = [
            j
            for j in range(len(row))
            if (own is None or own[i] != j) and (words is None or words[0][i] != words[1][j])
        ]
        found.append(sorted(left, key=lambda j: (-row[j], j))[:k])
    return np.array(found)


@settings(deadline=None, max_examples=50)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(sorted(KINDS)),
    st.integers(6, 90),
    st.sampled_from([1, 4, 16, 17, 1024]),
    st.data(),
)
def test_cosines_of_all_with_all(seed, kind, n, tile, data):
    rng = np.random.default_rng(seed)
    rows = unit(KINDS[kind](rng, n, 7))
    k = data.draw(st.integers(1, min(8, n - 1)))
    own, patch, table = np.arange(n), pytest.MonkeyPatch(), cosines(rows, rows)
    expected = sorted_out(table, k, own)
    with patch.context() as at:
        at.setattr(_tiles, "_TILE", tile)
        at.setattr(_tiles, "_GROUPS", 1)  # so that small tables have several tiles
        found, values = nearest(rows, rows, k, own=own)
        assert found.tolist() == expected.tolist()
        assert (values == np.take_along_axis(table, expected, axis=1)).all()
        # The same rows as queries of their own: no half of the table is spared.
        turned = rng.permutation(n)
        apart = neighbour_sets(rows[turned], rows, k, own=turned)
        assert apart.tolist() == np.sort(expected[turned], axis=1).tolist()


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(20, 90), st.sampled_from([1, 8, 1024]), st.booleans())
def test_distances_of_all_with_all(seed, n, tile, copies):
    rng = np.random.default_rng(seed)
    # Quarters: squares and their sums are exact, so ties are ties in the definition too. An even
    # number of points and their mirror images: the mean is 0 and the largest distance a power
    # of two, so centring and scaling change no bit.
    half = rng.integers(-3, 4, size=(n // 2, 4)) / 4
    points = np.concatenate([half, -half, [[1.0, 1, 1, 1]], [[-1.0, -1, -1, -1]]])
    if copies:
        points = np.repeat(points, 2, axis=0)
    expected = sorted_out(nearness(points), 5, np.arange(len(points)))
    patch = pytest.MonkeyPatch()
    with patch.context() as at:
        at.setattr(_tiles, "_TILE", tile)
        at.setattr(_tiles, "_GROUPS", 1)
        found, distances = nearest_points(points, 5)
        assert found.tolist() == expected.tolist()
        assert point_sets(points, 5).tolist() == np.sort(expected, axis=1).tolist()
    squares = np.take_along_axis(-nearness(points), expected, axis=1)
    assert distances == pytest.approx(np.sqrt(squares), abs=1e-15)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(KINDS)), st.sampled_from([3, 16, 1024]))
def test_words_and_queries_that_are_not_in_the_pool(seed, kind, tile):
    rng = np.random.default_rng(seed)
    n, k = 60, 4
    rows = unit(KINDS[kind](rng, n, 6))
    words = rng.integers(20, size=n)
    chosen = rng.choice(n, 25, replace=False)
    own = np.where(rng.random(25) < 0.5, chosen, -1)
    table = cosines(rows, rows)
    patch = pytest.MonkeyPatch()
    with patch.context() as at:
        at.setattr(_tiles, "_TILE", tile)
        at.setattr(_tiles, "_GROUPS", 1)
        found = nearest(rows, rows, k, own=np.arange(n), words=(words, words))[0]
        assert found.tolist() == sorted_out(table, k, np.arange(n), (words, words)).tolist()
        found = nearest(rows[chosen], rows, k, own=own, words=(words[chosen], words))[0]
        expected = sorted_out(table[chosen], k, own, (words[chosen], words))
        assert found.tolist() == expected.tolist()
        assert nearest(rows[chosen], rows, k)[0].tolist() == sorted_out(table[chosen], k).tolist()


def test_half_of_the_table_is_multiplied_out(monkeypatch):
    rows = unit(np.random.default_rng(0).normal(size=(640, 5)))
    sizes = []
    plain = _tiles.Scores.tile
    monkeypatch.setattr(_tiles, "_TILE", 64)
    monkeypatch.setattr(_tiles.Scores, "tile", lambda *a: sizes.append(1) or plain(*a))
    half = neighbour_sets(rows, rows, 3, own=np.arange(640))
    assert len(sizes) == 10 * 11 / 2
    sizes.clear()
    whole = neighbour_sets(rows[::-1], rows, 3, own=np.arange(640)[::-1])
    assert len(sizes) == 10 * 10
    assert (whole[::-1] == half).all()


def test_the_bound_on_float32_holds_where_it_is_needed(monkeypatch):
    """Differences under the rounding of float32: without the bound the search goes wrong."""
    rng = np.random.default_rng(0)
    rows = unit(rng.normal(size=300) + 2e-3 * rng.normal(size=(400, 300)))
    own = np.arange(400)
    expected = np.sort(sorted_out(np.round(rows @ rows.T, 12), 5, own), axis=1)
    monkeypatch.setattr(_tiles, "_TILE", 64)
    assert (neighbour_sets(rows, rows, 5, own=own) == expected).all()
    plain = _tiles.best_columns

    def trusting(table, k):
        return plain(dataclasses.replace(table, error=0.0), k)

    monkeypatch.setattr(_neighbours, "best_columns", trusting)
    assert (neighbour_sets(rows, rows, 5, own=own) != expected).any()


@pytest.mark.parametrize("same", [True, False])
def test_memory_is_that_of_tiles_and_of_the_result(same):
    rng = np.random.default_rng(5)
    pool = unit(rng.normal(size=(20_000, 4)))
    queries = pool if same else pool[::-1]
    own = np.arange(20_000) if same else None
    tracemalloc.start()
    neighbour_sets(queries, pool, 5, own=own)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All cosines at once would be 1.6 GB in float32; the result is 0.8 MB.
    assert peak < 60e6
