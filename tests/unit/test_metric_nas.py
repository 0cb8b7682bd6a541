"""NAS on arrays: definition, sweater's figure, tests by counting, errors."""

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import random_sets, score_by_definition, shipped

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics.nas import CARD, nas


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_it_is_the_formula_and_its_mean_is_counted_exactly(seed):
    words, _, a, b = random_sets(seed)
    result = nas(words, a, b, alternative="greater")
    scores = [score_by_definition(w, a, b) for w in words]
    assert result.scores["words"] == pytest.approx(scores, abs=1e-12)
    assert result.value == pytest.approx(statistics.fmean(scores), abs=1e-12)
    assert result.figures["words_above_0"] == sum(s > 0 for s in scores) / len(scores)
    # All ways to call four of the seven attributes A, each time from the formula.
    both = [*a, *b]
    hits = 0
    for chosen in itertools.combinations(range(7), 4):
        others = [both[i] for i in range(7) if i not in chosen]
        mean = statistics.fmean(
            score_by_definition(w, [both[i] for i in chosen], others) for w in words
        )
        hits += mean >= result.value - 1e-9
    assert result.pvalue == pytest.approx(hits / 35)
    assert (result.pvalue_method, result.counts) == ("exact", {"words": 6, "A": 4, "B": 3})


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1))
def test_lengths_rotation_and_order_change_nothing_and_swapping_flips(seed):
    words, _, a, b = random_sets(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    result = nas(words, a, b)
    moved = nas(*(rows @ rotation * rng.uniform(0.1, 9, (len(rows), 1)) for rows in (words, a, b)))
    assert moved.scores["words"] == pytest.approx(result.scores["words"], abs=1e-9)
    assert moved.pvalue == result.pvalue
    turned = nas(words[::-1], a[::-1], b[::-1])
    assert turned.scores["words"][::-1] == pytest.approx(result.scores["words"], abs=1e-12)
    swapped = nas(words, b, a)
    assert swapped.scores["words"] == pytest.approx([-s for s in result.scores["words"]], abs=1e-12)
    assert result.value_range[0] - 1e-9 <= result.value <= result.value_range[1] + 1e-9
    shifted = nas(words + 3, a + 3, b + 3)
    assert abs(shifted.value - result.value) > 1e-6, "a shift of all vectors is a change"


def test_the_bound_is_reached():
    a, b = np.tile([1.0, 0.0], (3, 1)), np.tile([0.0, 1.0], (2, 1))
    result = nas([[1.0, 0.0]], a, b)
    assert result.value == pytest.approx(math.sqrt(5 * 4 / 6))
    assert result.value_range[1] == pytest.approx(result.value)
    population = nas([[1.0, 0.0]], a, b, ddof=0)
    assert population.value == pytest.approx(result.value * math.sqrt(5 / 4))


def test_real_words(extract):
    # sweater 0.1.8's README: the correlation of NAS and RND over 76 occupations is -0.9453038 on
    # its extract of the same vectors. Here: nurse and engineer by the formula above.
    he = ["he", "his", "him", "man", "boy", "male", "brother", "son"]
    she = ["she", "hers", "her", "woman", "girl", "female", "sister", "daughter"]
    words = ["nurse", "librarian", "engineer", "mechanic"]
    sets = [extract.encode(group).astype(float) for group in (words, he, she)]
    result = nas(*sets)
    by_definition = [score_by_definition(w, sets[1], sets[2]) for w in sets[0]]
    assert result.scores["words"] == pytest.approx(by_definition, abs=1e-9)
    assert result.scores["words"] == pytest.approx(NURSE_TO_MECHANIC, abs=1e-6)


NURSE_TO_MECHANIC = [-1.49061536, -1.71145164, 0.77522634, 0.98612632]


def test_a_word_without_a_score():
    a, b = [[1.0, 0.0], [1.0, 0.0]], [[0.0, 1.0]]
    one = nas([[1.0, 1.0], [1.0, 0.0]], a, b)
    assert math.isnan(one.scores["words"][0])
    assert one.value == one.scores["words"][1] > 0
    assert "1 of 2 words" in one.note
    none = nas([[1.0, 1.0]], a, b)
    assert math.isnan(none.value)
    assert none.pvalue == 1
    assert "not defined" in none.note


def test_rows_count_as_often_as_they_are_given():
    words, _, a, b = random_sets(3)
    twice = nas(np.concatenate([words, words[:1]]), a, b)
    scores = nas(words, a, b).scores["words"]
    assert twice.value == pytest.approx((sum(scores) + scores[0]) / 7)
    # One in A and in B: its cosine is in both means, and in the deviation twice.
    shared = nas(words, a, np.concatenate([b, a[:1]]))
    expected = [score_by_definition(w, a, [*b, a[0]]) for w in words]
    assert shared.scores["words"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"a": [[1.0, 0.0]], "b": [[0.0, 1.0]]}, InputError, "one attribute each"),
        ({"words": np.zeros((0, 2))}, InputError, "words has shape"),
        ({"words": [[0.0, 0.0]]}, VectorError, r"words\[0\] is the zero vector"),
        ({"a": [[1.0, 0.0, 0.0]] * 2}, InputError, "different dimension"),
        ({"ddof": 2}, InputError, "ddof=2"),
        ({"ddof": True}, InputError, "ddof=True"),
        ({"alternative": "more"}, InputError, "alternative"),
        ({"method": "guess"}, InputError, "method"),
        ({"rng": -1}, InputError, "rng"),
    ],
)
def test_errors(change, error, match):
    given = {"words": np.eye(2), "a": np.eye(2), "b": np.eye(2) + 1} | change
    with pytest.raises(error, match=match):
        nas(**given)


def test_an_audit_runs_it(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, shipped("weat6"), metrics=["nas"]).results
    measure = row.measure
    assert len(row.measured) == len(measure.scores["words"]) == 16
    x, y = np.array(measure.scores["words"][:8]), np.array(measure.scores["words"][8:])
    assert measure.figures["x_minus_y"] == pytest.approx(x.mean() - y.mean())
    assert measure.value == pytest.approx(0.18228860, abs=1e-6)
    assert measure.alternative == "greater"
