"""Nearest neighbours against loops and scikit-learn; the most biased words."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import unit
from sklearn.neighbors import NearestNeighbors

from embias.errors import InputError
from embias.metrics import _tiles
from embias.metrics._neighbours import nearest, neighbour_sets
from embias.metrics.most_biased import most_biased


def by_loop(queries, pool, k, own=None, words=None):
    found = []
    for i, query in enumerate(queries):
        ranked = []
        for j, row in enumerate(pool):
            if own is not None and own[i] == j:
                continue
            if words is not None and words[0][i] == words[1][j]:
                continue
            ranked.append((-round(float(np.dot(query, row)), 12), j))
        found.append([j for _, j in sorted(ranked)[:k]])
    return np.array(found)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.booleans())
def test_neighbours_are_those_of_a_loop_ties_by_row(seed, k, rounded):
    rng = np.random.default_rng(seed)
    # Few different integer rows: many exact ties, at the k-th place too.
    pool = unit(rng.integers(1, 3, (25, 3)) if rounded else rng.normal(size=(25, 3)))
    own = np.arange(25)
    near, cosines = nearest(pool, pool, k, own=own)
    assert near.tolist() == by_loop(pool, pool, k, own).tolist()
    assert neighbour_sets(pool, pool, k, own=own).tolist() == np.sort(near, axis=1).tolist()
    expected = np.take_along_axis(pool @ pool.T, near, axis=1)
    assert cosines == pytest.approx(expected, abs=1e-11)


def test_neighbours_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    pool, queries = unit(rng.normal(size=(500, 40))), unit(rng.normal(size=(60, 40)))
    search = NearestNeighbors(n_neighbors=30, metric="cosine", algorithm="brute").fit(pool)
    distances, expected = search.kneighbors(queries)
    near, cosines = nearest(queries, pool, 30)
    assert (near == expected).all()
    assert cosines == pytest.approx(1 - distances, abs=1e-11)


def test_rows_that_float32_cannot_tell_apart_are_ranked_in_float64():
    rng = np.random.default_rng(1)
    pool = unit(np.ones((300, 6)) + 1e-5 * rng.normal(size=(300, 6)))
    assert (pool.astype(np.float32) @ pool[0].astype(np.float32)).round(6).std() < 1e-6
    own = np.arange(300)
    assert (nearest(pool, pool, 9, own=own)[0] == by_loop(pool, pool, 9, own)).all()


def test_the_case_of_many_in_doubt_gives_the_same(monkeypatch):
    rng = np.random.default_rng(2)
    pool = unit(np.ones((200, 6)) + 1e-5 * rng.normal(size=(200, 6)))
    own = np.arange(200)
    expected = neighbour_sets(pool, pool, 7, own=own)
    calls = []
    plain = _tiles._Block._sorted
    monkeypatch.setattr(_tiles._Block, "_sorted", lambda *a: calls.append(1) or plain(*a))
    for many, sorted_too in ((1.0, False), (0.0, True)):
        monkeypatch.setattr(_tiles, "_MANY", many)
        assert (neighbour_sets(pool, pool, 7, own=own) == expected).all()
        assert bool(calls) == sorted_too


def test_rows_of_the_same_word_and_absent_queries():
    rng = np.random.default_rng(3)
    pool = unit(rng.normal(size=(30, 4)))
    words = np.arange(30) // 3
    near = nearest(pool, pool, 5, own=np.arange(30), words=(words, words))[0]
    assert (near == by_loop(pool, pool, 5, np.arange(30), (words, words))).all()
    own = np.array([3, -1])
    near = nearest(pool[[3, 4]], pool, 1, own=own)[0]
    assert near[0, 0] != 3
    assert near[1, 0] == 4


def test_a_copy_of_the_query_is_a_neighbour():
    pool = unit(np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    near, cosines = nearest(pool, pool, 1, own=np.arange(3))
    assert near.ravel().tolist() == [1, 0, 0]
    assert cosines[0, 0] == 1


def test_blocks_change_nothing(monkeypatch):
    rng = np.random.default_rng(4)
    pool = unit(rng.normal(size=(101, 5)))
    whole = nearest(pool, pool, 4, own=np.arange(101))
    monkeypatch.setattr(_tiles, "_TILE", 17)
    parts = nearest(pool, pool, 4, own=np.arange(101))
    assert (whole[0] == parts[0]).all()
    assert (whole[1] == parts[1]).all()


def test_memory_is_bounded():
    rng = np.random.default_rng(5)
    pool = unit(rng.normal(size=(40_000, 4)))
    tracemalloc.start()
    neighbour_sets(pool[:4_000], pool, 3)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # All cosines at once would be 640 MB in float32.
    assert peak < 200e6


@pytest.mark.parametrize("k", [5, 6])
def test_too_few_rows(k):
    pool = unit(np.random.default_rng(0).normal(size=(5, 3)))
    with pytest.raises(InputError, match=rf"k={k}, and a word has 4 other"):
        neighbour_sets(pool, pool, k, own=np.arange(5))
    words = np.array([0, 0, 0, 1, 1])
    with pytest.raises(InputError, match="k=3, and a word has 2 other"):
        neighbour_sets(pool, pool, 3, own=np.arange(5), words=(words, words))


def test_most_biased_words_are_ranked_from_both_ends():
    bias = [0.2, -0.5, 0.2, 0.9, -0.1, 0.0, -0.5]
    rows, sides = most_biased(bias, 3)
    assert rows.tolist() == [3, 0, 2, 1, 6, 4]
    assert sides.tolist() == [True] * 3 + [False] * 3


def test_most_biased_words_must_lean_to_their_side():
    with pytest.raises(InputError, match="n=2, and 1 words lean to the second side"):
        most_biased([0.1, 0.2, 0.3, -0.1], 2)
    with pytest.raises(InputError, match="finite"):
        most_biased([0.1, np.nan], 1)
    with pytest.raises(InputError, match="n=0"):
        most_biased([0.1, -0.1], 0)
