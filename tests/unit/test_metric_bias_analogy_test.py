"""The bias analogy test on arrays: rankings by brute force, symmetries, relabelling, errors."""

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import random_sets, shipped, unit

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics.bias_analogy_test import CARD, bias_analogy_test

# The package shows the function under the name of its module.
module = sys.modules["embias.metrics.bias_analogy_test"]

SIZES = (3, 4, 3, 2)


def rank(query, vectors):
    """Place of each vector in the ranking by Euclidean distance from the query."""
    distances = [math.dist(query, v) for v in vectors]
    return [sum(other < own for other in distances) for own in distances]


def by_ranking(x, y, a, b):
    """The definition: two queries for each analogy, vocabulary ranked, places compared."""
    n_a = len(a)
    vocabulary = [*a, *b, *x, *y]
    won = total = 0
    for t1, t2 in itertools.product(x, y):
        for i, j in itertools.product(range(n_a), range(len(b))):
            places = rank(t1 - t2 + b[j], vocabulary)
            others = [places[n_a + k] for k in range(len(b)) if k != j]
            won += sum(places[i] < other for other in others)
            total += len(others)
            places = rank(a[i] - t1 + t2, vocabulary)
            others = [places[k] for k in range(n_a) if k != i]
            won += sum(places[n_a + j] < other for other in others)
            total += len(others)
    return won / total


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 10**9]))
def test_it_is_the_share_of_rankings(seed, most_tested):
    sets = random_sets(seed, sizes=SIZES, dimension=5)
    patch = pytest.MonkeyPatch()
    patch.setattr(module, "_MOST_TESTED", most_tested)  # with pairs of targets, or without
    with patch.context():
        result = bias_analogy_test(*sets)
        raw = bias_analogy_test(*sets, vectors="raw")
    patch.undo()
    x, y, a, b = map(unit, sets)
    assert result.value == pytest.approx(by_ranking(x, y, a, b), abs=1e-12)
    assert raw.value == pytest.approx(by_ranking(*sets), abs=1e-12)
    assert result.figures["swapped"] == pytest.approx(by_ranking(y, x, a, b), abs=1e-12)
    by_word = [by_ranking(x[i : i + 1], y, a, b) for i in range(3)]
    by_word += [by_ranking(x, y[i : i + 1], a, b) for i in range(4)]
    assert result.scores["words"] == pytest.approx(by_word, abs=1e-12)
    assert (result.pvalue is None) == (most_tested == 0) == bool(result.note)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["greater", "less", "two-sided"]))
def test_it_is_counted_exactly(seed, alternative):
    x, y, a, b = map(unit, random_sets(seed, sizes=(2, 3, 2, 2), dimension=4))
    result = bias_analogy_test(x, y, a, b, alternative=alternative)
    pooled, found = np.concatenate([x, y]), []
    for chosen in itertools.combinations(range(5), 2):
        others = [i for i in range(5) if i not in chosen]
        found.append(by_ranking(pooled[list(chosen)], pooled[others], a, b))
    assert result.no_bias == result.figures["expected"] == pytest.approx(np.mean(found))
    above = np.mean(np.array(found) >= result.value - 1e-10)
    below = np.mean(np.array(found) <= result.value + 1e-10)
    expected = {"greater": above, "less": below, "two-sided": min(1, 2 * min(above, below))}
    assert result.pvalue == pytest.approx(expected[alternative])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_symmetries(seed):
    x, y, a, b = random_sets(seed, sizes=SIZES)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    result = bias_analogy_test(x, y, a, b)
    moved = [v @ rotation * rng.uniform(0.1, 9, (len(v), 1)) for v in (x, y, a, b)]
    assert bias_analogy_test(*moved).value == pytest.approx(result.value, abs=1e-12)
    raw = bias_analogy_test(*moved, vectors="raw")
    scaled = bias_analogy_test(*(v * 1e200 for v in moved), vectors="raw")
    assert scaled.value == pytest.approx(raw.value, abs=1e-12)
    turned = bias_analogy_test(x[::-1], y[::-1], a[::-1], b[::-1])
    assert turned.value == pytest.approx(result.value, abs=1e-12)
    assert turned.scores["words"][:3][::-1] == pytest.approx(result.scores["words"][:3])
    # t1 : t2 = a1 : a2 is t2 : t1 = a2 : a1.
    assert bias_analogy_test(y, x, b, a).value == pytest.approx(result.value, abs=1e-12)
    for flipped in (bias_analogy_test(y, x, a, b), bias_analogy_test(x, y, b, a)):
        assert flipped.figures["difference"] == pytest.approx(-result.figures["difference"])
        assert flipped.value == pytest.approx(result.figures["swapped"], abs=1e-12)


def test_limits():
    plus, minus = np.array([[1.0, 0.1], [1.0, -0.1]]), np.array([[-1.0, 0.1], [-1.0, -0.1]])
    perfect = bias_analogy_test(plus, minus, plus, minus)
    assert (perfect.value, perfect.figures["swapped"]) == (1, 0)
    # Targets that do not differ: tight attribute sets win against the analogy, far below 1/2.
    rng = np.random.default_rng(0)
    same = np.tile(rng.normal(size=(1, 6)), (3, 1))
    a = rng.normal(size=6) + 0.1 * rng.normal(size=(3, 6))
    b = rng.normal(size=6) + 0.1 * rng.normal(size=(3, 6))
    tight = bias_analogy_test(same, same, a, b)
    assert tight.value == tight.no_bias == 0
    assert tight.pvalue == 1


def test_ties_count_one_half():
    x, y = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    a = np.array([[1.0, 1.0], [1.0, 2.0]])
    # All attributes in both sets: each question is asked once in each direction.
    result = bias_analogy_test(
        np.concatenate([x, x]), np.concatenate([x, x]), a[:1], a[:1].repeat(2, 0)
    )
    assert result.value == 0.5
    shared = bias_analogy_test(x, y, a, a)
    pairs = [(i, j, k) for i, j, k in itertools.product(range(2), repeat=3) if k != j]
    u, d = unit(a), x[0] - y[0]
    won = 0.0
    for i, j, k in pairs:
        one, two = (math.dist(d + u[j], u[m]) for m in (i, k))
        won += 0.5 if math.isclose(one, two) else one < two
        one, two = (math.dist(u[j] - d, u[m]) for m in (i, k))
        won += 0.5 if math.isclose(one, two) else one < two
    assert shared.value == pytest.approx(won / (2 * len(pairs)))


def test_duplicates_and_one_target():
    x, y, a, b = random_sets(3, sizes=SIZES)
    one = bias_analogy_test(x[:1], y[:1], a, b)
    assert one.pvalue >= 0.5
    twice = bias_analogy_test(np.concatenate([x, x[:1]]), y, a, b)
    shares = bias_analogy_test(x, y, a, b).scores["words"][:3]
    assert twice.value == pytest.approx((sum(shares) + shares[0]) / 4)
    only_b = bias_analogy_test(x, y, a[:1], b)
    assert only_b.value == pytest.approx(by_ranking(*map(unit, (x, y, a[:1], b))))


def test_real_words(extract):
    test = shipped("weat6")
    x, y, a, b = (
        extract.encode([w for w in test.words(role).words if w in extract])[:5].astype(float)
        for role in ("X", "Y", "A", "B")
    )
    result = bias_analogy_test(x, y, a, b)
    assert result.value == pytest.approx(by_ranking(*map(unit, (x, y, a, b))), abs=1e-9)
    assert result.value == pytest.approx(FIVE, abs=1e-6)


def test_the_numbers_of_the_released_code(extract):
    # DEBIE's bias_analogy_test on the vectors of WEAT 6, as they are: it returns the share of
    # the last pair of targets; called once for each pair, its mean is the paper's.
    test = shipped("weat6")
    x, y, a, b = (
        extract.encode([w for w in test.words(role).words if w in extract])
        for role in ("X", "Y", "A", "B")
    )
    last = bias_analogy_test(x[-1:], y[-1:], a, b, vectors="raw")
    assert last.value == pytest.approx(0.3794642857142857, abs=1e-12)
    all_pairs = bias_analogy_test(x, y, a, b, vectors="raw")
    assert all_pairs.value == pytest.approx(0.3943394252232143, abs=1e-12)


FIVE = 0.293


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"a": [[1.0, 0.0]], "b": [[0.0, 1.0]]}, InputError, "one attribute each"),
        ({"x": [[0.0, 0.0]]}, VectorError, r"x\[0\] is the zero"),
        ({"y": np.eye(3)}, InputError, "different dimension"),
        ({"a": np.zeros((0, 2))}, InputError, "a has shape"),
        ({"vectors": "long"}, InputError, "vectors='long'"),
        ({"alternative": "more"}, InputError, "alternative"),
        ({"n_resamples": 0}, InputError, "n_resamples"),
        ({"rng": -2}, InputError, "rng"),
    ],
)
def test_errors(change, error, match):
    given = {"x": np.eye(2), "y": np.eye(2), "a": np.eye(2), "b": np.eye(2)} | change
    with pytest.raises(error, match=match):
        bias_analogy_test(**given)


def test_an_audit_runs_it(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, shipped("weat6"), metrics=["bias_analogy_test"]).results
    assert row.measure.value == pytest.approx(0.40860421, abs=1e-6)
    assert row.measure.no_bias == pytest.approx(0.17119606, abs=1e-6)
    assert row.pvalue == pytest.approx(1 / 12870)
    assert len(row.measured) == len(row.measure.scores["words"]) == 16
