"""Single-category WEAT: formula, exact p-values of words and of their mean, in an audit."""

import itertools
import math
from functools import partial

import metric_samples
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import FEMALE, MALE, cosine, seeds

from embias import AssociationTest, Suite, WordSet, audit, metrics, permutation_pvalue
from embias.errors import InputError, VectorError
from embias.metrics.sc_weat import CARD, sc_weat
from embias.stats import adjust

JOBS = ["nurse", "teacher", "engineer", "doctor", "librarian", "carpenter", "mechanic", "lawyer"]


random_sets = partial(metric_samples.random_sets, sizes=(5, 4, 3), dimension=7)


def by_definition(words, a, b, ddof=1):
    scores = []
    for w in words:
        to_a, to_b = [cosine(w, v) for v in a], [cosine(w, v) for v in b]
        both = to_a + to_b
        mean = sum(both) / len(both)
        deviation = math.sqrt(sum((c - mean) ** 2 for c in both) / (len(both) - ddof))
        scores.append((sum(to_a) / len(to_a) - sum(to_b) / len(to_b)) / deviation)
    return scores


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from([0, 1]))
def test_it_is_the_published_formula(seed, ddof):
    words, a, b = random_sets(seed)
    expected = by_definition(words, a, b, ddof)
    result = sc_weat(words, a, b, ddof=ddof)
    assert result.scores["words"] == pytest.approx(expected, abs=1e-10)
    assert result.value == pytest.approx(sum(expected) / 5, abs=1e-10)
    assert result.figures["words_above_0"] == sum(s > 0 for s in expected) / 5
    bound = math.sqrt(7 * (7 - ddof) / 12)
    assert result.value_range == pytest.approx((-bound, bound))
    assert max(map(abs, expected)) <= bound + 1e-12


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_swap_rotation_length_and_order(seed):
    words, a, b = random_sets(seed)
    result = sc_weat(words, a, b)
    swapped = sc_weat(words, b, a)
    assert swapped.value == pytest.approx(-result.value, abs=1e-12)
    assert swapped.scores["pvalues"] == result.scores["pvalues"]
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    moved = [rows @ rotation * (1 + rng.random((len(rows), 1))) for rows in (words, a, b)]
    other = sc_weat(moved[0], rng.permutation(moved[1]), rng.permutation(moved[2]))
    assert other.scores["words"] == pytest.approx(result.scores["words"], abs=1e-10)
    assert other.scores["pvalues"] == result.scores["pvalues"]
    assert other.pvalue == result.pvalue


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_the_p_value_of_a_word_counts_its_relabelled_cosines(alternative):
    words, a, b = random_sets(2)
    result = sc_weat(words, a, b, alternative=alternative)
    assert result.settings["word_method"] == "exact"
    for w, pvalue in zip(words, result.scores["pvalues"], strict=True):
        to_a, to_b = [cosine(w, v) for v in a], [cosine(w, v) for v in b]
        expected = permutation_pvalue(to_a, to_b, alternative=alternative, magnitude=1).pvalue
        assert pvalue == pytest.approx(expected, abs=1e-15)
    adjusted = adjust(result.scores["pvalues"], "holm")
    assert result.scores["pvalues_adjusted"] == pytest.approx(adjusted)
    exact = sc_weat(words, a, b, alternative=alternative, word_method="exact")
    assert exact.scores["pvalues"] == pytest.approx(result.scores["pvalues"], abs=1e-15)


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_the_p_value_of_the_mean_relabels_attributes_for_all_words(alternative):
    words, a, b = random_sets(4)
    pooled = np.concatenate([a, b])
    observed = sc_weat(words, a, b).value
    drawn = []
    for chosen in itertools.combinations(range(7), 4):
        rest = [i for i in range(7) if i not in chosen]
        drawn.append(np.mean(by_definition(words, pooled[list(chosen)], pooled[rest])))
    drawn = np.array(drawn)
    hits = {
        "greater": drawn >= observed - 1e-9,
        "less": drawn <= observed + 1e-9,
        "two-sided": np.abs(drawn) >= abs(observed) - 1e-9,
    }
    result = sc_weat(words, a, b, alternative=alternative)
    assert result.pvalue == np.count_nonzero(hits[alternative]) / 35
    assert result.pvalue_method == "exact"


def test_large_attribute_sets_are_counted_or_drawn():
    words, a, b = random_sets(6, sizes=(6, 13, 13))
    counted = sc_weat(words, a, b)
    assert counted.settings["word_method"] == "exact"
    drawn = sc_weat(words, a, b, word_method="sampled", rng=0)
    assert drawn.settings["word_method"] == "sampled"
    assert drawn.scores["pvalues"] == pytest.approx(counted.scores["pvalues"], abs=0.02)
    assert drawn == sc_weat(words, a, b, word_method="sampled", rng=0)
    none = sc_weat(words, a, b, word_method="none")
    assert all(math.isnan(p) for p in none.scores["pvalues"])
    assert none.pvalue == counted.pvalue
    words, a, b = random_sets(6, sizes=(6, 30, 30))
    large = sc_weat(words, a, b, rng=0, n_resamples=999)
    assert large.settings["word_method"] == "sampled"
    assert min(large.scores["pvalues"]) >= 1 / 1000


def test_too_few_draws_for_many_words_are_said():
    words, a, b = random_sets(1, sizes=(60, 30, 30))
    result = sc_weat(words, a, b, n_resamples=999, rng=0, method="certified")
    assert "too few for 60 words" in result.note
    assert not sc_weat(words, a, b, n_resamples=1999, rng=0, method="certified").note


def test_equal_cosines_have_no_score():
    a, b = [[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]]
    result = sc_weat([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]], a, b)
    assert math.isnan(result.scores["words"][0])
    assert result.scores["pvalues"][0] == 1
    assert result.value == pytest.approx(result.scores["words"][1])
    assert "1 of 2 words have equal cosines" in result.note
    none = sc_weat([[0.0, 0.0, 1.0]], a, b)
    assert math.isnan(none.value)
    assert none.pvalue == 1


def test_real_words(extract):
    result = sc_weat(*[extract.encode(words) for words in (JOBS, FEMALE, MALE)])
    scores = dict(zip(JOBS, result.scores["words"], strict=True))
    assert scores["librarian"] > scores["nurse"] > scores["teacher"] > 0.5
    assert scores["mechanic"] < scores["carpenter"] < scores["engineer"] < -0.5
    expected = by_definition(*[extract.encode(words).tolist() for words in (JOBS, FEMALE, MALE)])
    assert list(scores.values()) == pytest.approx(expected, abs=1e-9)
    adjusted = dict(zip(JOBS, result.scores["pvalues_adjusted"], strict=True))
    assert adjusted["librarian"] < 0.05 < adjusted["doctor"]
    assert result.figures["alarms"] == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"b": [[0.0, 1.0]], "a": [[1.0, 0.0]]}, "one attribute each"),
        ({"ddof": 2}, "ddof=2"),
        ({"alternative": "x"}, "alternative='x'"),
        ({"method": "x"}, "method='x'"),
        ({"word_method": "x"}, "word_method='x'"),
        ({"adjustment": "x"}, "method='x'"),
        ({"n_resamples": 0}, "n_resamples"),
        ({"rng": "x"}, "rng"),
        ({"words": np.empty((0, 2))}, "words has shape"),
        ({"words": [[1.0, 0.0, 0.0]]}, "different dimension"),
    ],
)
def test_errors(change, message):
    good = {"words": [[1.0, 1.0]], "a": [[1.0, 0.0], [1.0, 0.1]], "b": [[0.0, 1.0]]}
    with pytest.raises(InputError, match=message):
        sc_weat(**{**good, **change})


def test_a_zero_vector_is_named():
    with pytest.raises(VectorError, match=r"a\[1\]"):
        sc_weat([[1.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]], [[0.0, 1.0]])


def test_in_an_audit(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    test = AssociationTest(
        "jobs",
        (WordSet("one", JOBS[:4]), WordSet("two", JOBS[4:])),
        (WordSet("female", FEMALE), WordSet("male", MALE)),
    )
    (row,) = audit(extract, Suite("s", (test,)), metrics=["sc_weat"]).results
    alone = sc_weat(
        *[extract.encode(words) for words in (JOBS, FEMALE, MALE)], alternative="greater"
    )
    assert row.measure.value == pytest.approx(alone.value)
    assert row.measured == tuple(JOBS)
    scores = np.array(alone.scores["words"])
    expected = scores[:4].mean() - scores[4:].mean()
    assert row.measure.figures["x_minus_y"] == pytest.approx(expected)
