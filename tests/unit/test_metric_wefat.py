"""WEFAT: correlation with a property, permutation, intervals, in an audit."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import FEMALE, MALE, seeds
from scipy import stats

from embias import AssociationTest, Suite, WordSet, audit, metrics, permutation_pvalue
from embias.errors import InputError, VectorError
from embias.metrics.sc_weat import sc_weat
from embias.metrics.wefat import CARD, wefat

#: Made-up percentages of women, in the order that statistics have.
JOBS = {
    "nurse": 91.1,
    "teacher": 78.5,
    "engineer": 12.9,
    "doctor": 34.3,
    "librarian": 84.2,
    "carpenter": 1.8,
    "mechanic": 1.4,
    "lawyer": 33.1,
    "secretary": 94.2,
    "programmer": 22.6,
}


def random_sets(seed, sizes=(7, 4, 3), dimension=7):
    rng = np.random.default_rng(seed)
    return [*(rng.normal(size=(n, dimension)) for n in sizes), rng.normal(size=sizes[0])]


@settings(deadline=None, max_examples=20)
@given(seeds, st.sampled_from([0, 1]))
def test_it_is_the_correlation_of_single_word_scores(seed, ddof):
    words, a, b, values = random_sets(seed)
    scores = sc_weat(words, a, b, ddof=ddof).scores["words"]
    result = wefat(words, a, b, values, ddof=ddof, interval="fisher")
    expected = stats.pearsonr(scores, values)
    assert result.value == pytest.approx(expected.statistic, abs=1e-12)
    assert result.scores["words"] == scores
    spearman = stats.spearmanr(scores, values).statistic
    assert result.figures["spearman"] == pytest.approx(spearman, abs=1e-12)
    line = stats.linregress(values, scores)
    assert result.figures["slope"] == pytest.approx(line.slope, abs=1e-12)
    interval = expected.confidence_interval(0.95)
    assert (result.interval.low, result.interval.high) == pytest.approx(tuple(interval), abs=1e-9)


@settings(deadline=None, max_examples=10)
@given(seeds)
def test_signs_scale_rotation_and_order(seed):
    words, a, b, values = random_sets(seed, sizes=(6, 3, 3))
    result = wefat(words, a, b, values, interval="fisher")
    assert wefat(words, b, a, values, interval="fisher").value == pytest.approx(-result.value)
    assert wefat(words, a, b, -values, interval="fisher").value == pytest.approx(-result.value)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    order = rng.permutation(6)
    other = wefat(
        2 * words[order] @ rotation,
        a @ rotation,
        3 * b @ rotation,
        1e6 * values[order] + 7,
        interval="fisher",
    )
    assert other.value == pytest.approx(result.value, abs=1e-9)
    assert other.pvalue == result.pvalue


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_few_words_have_all_orders_counted(alternative):
    words, a, b, values = random_sets(3, sizes=(6, 4, 3))
    scores = sc_weat(words, a, b).scores["words"]
    drawn = np.array([np.corrcoef(scores, order)[0, 1] for order in itertools.permutations(values)])
    result = wefat(words, a, b, values, alternative=alternative)
    hits = {
        "greater": drawn >= result.value - 1e-9,
        "less": drawn <= result.value + 1e-9,
        "two-sided": np.abs(drawn) >= abs(result.value) - 1e-9,
    }
    assert result.pvalue == np.count_nonzero(hits[alternative]) / 720
    assert (result.pvalue_method, result.n_resamples) == ("exact", None)


def test_a_property_with_two_values_is_counted_like_weat():
    words, a, b, _ = random_sets(5, sizes=(16, 4, 3))
    values = np.array([3.0, 1.0] * 8)
    scores = np.array(sc_weat(words, a, b).scores["words"])
    result = wefat(words, a, b, values, alternative="greater")
    expected = permutation_pvalue(scores[values == 3], scores[values == 1])
    assert (result.pvalue, result.pvalue_method) == (expected.pvalue, "exact")
    less = wefat(words, a, b, values, alternative="less").pvalue
    assert less + result.pvalue == pytest.approx(1, abs=1e-3)


def test_many_words_have_orders_drawn_with_the_seed():
    words, a, b, values = random_sets(6, sizes=(30, 4, 4))
    first, again = (wefat(words, a, b, values, rng=2, n_resamples=999) for _ in range(2))
    assert first == again
    assert (first.pvalue_method, first.n_resamples) == ("sampled", 999)
    # The t distribution is close to the permutation distribution for so many words.
    expected = stats.pearsonr(first.scores["words"], values).pvalue
    assert first.pvalue == pytest.approx(expected, abs=0.05)
    following = np.array(first.scores["words"])
    assert wefat(words, a, b, following, rng=2, n_resamples=999).pvalue == 1 / 1000


def test_the_interval_is_the_bca_interval_of_scipy():
    words, a, b, noise = random_sets(9, sizes=(40, 4, 4))
    values = np.array(sc_weat(words, a, b).scores["words"]) + noise
    result = wefat(words, a, b, values, rng=0)
    expected = stats.bootstrap(
        (np.array(result.scores["words"]), values),
        lambda s, v: stats.pearsonr(s, v).statistic,
        paired=True,
        vectorized=False,
        n_resamples=4000,
        rng=np.random.default_rng(1),
    ).confidence_interval
    assert result.interval.method == "bca"
    assert result.interval.low == pytest.approx(expected.low, abs=0.03)
    assert result.interval.high == pytest.approx(expected.high, abs=0.03)


def test_real_occupations(extract):
    sets = [extract.encode(words) for words in (list(JOBS), FEMALE, MALE)]
    result = wefat(*sets, list(JOBS.values()), rng=0)
    assert result.value == pytest.approx(0.886465101, abs=1e-6)
    scores = sc_weat(*sets).scores["words"]
    assert result.value == pytest.approx(np.corrcoef(scores, list(JOBS.values()))[0, 1])
    assert result.figures["spearman"] == pytest.approx(0.878787879, abs=1e-6)
    assert 0.5 < result.interval.low < result.value < result.interval.high < 1
    assert result.pvalue < 0.005


def test_undefined_and_few_words():
    a, b = [[1.0, 0.0, 0.0], [1.0, 0.2, 0.0]], [[0.0, 1.0, 0.0]]
    words = [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 0.0]]
    result = wefat(words, a, b, [1.0, 2.0, 3.0, 4.0])
    assert result.counts["words"] == 3
    assert math.isnan(result.scores["words"][0])
    assert "left out" in result.note
    assert result.interval is None
    assert -1 <= result.value <= 1
    few = wefat(words[:3], a, b, [1.0, 2.0, 3.0])
    assert math.isnan(few.value)
    assert few.pvalue is None
    same = wefat([[1.0, 0.0, 0.0]] * 3, a, b, [1.0, 2.0, 3.0])
    assert math.isnan(same.value)
    assert "undefined" in same.note
    perfect = wefat(words[1:], a, b, sc_weat(words[1:], a, b).scores["words"], interval="fisher")
    assert perfect.value == pytest.approx(1)
    assert perfect.interval is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"values": [1.0, 2.0]}, "2 numbers for 3 words"),
        ({"values": [1.0, np.nan, 2.0]}, r"values\[1\]"),
        ({"values": [5.0, 5.0, 5.0]}, "values are all 5"),
        ({"values": ["a", "b", "c"]}, "values"),
        ({"words": [[1.0, 0.0], [0.0, 1.0]], "values": [1.0, 2.0]}, "three at least"),
        ({"a": [[1.0, 0.0]]}, "one attribute each"),
        ({"interval": "x"}, "interval='x'"),
        ({"level": 2}, "level=2"),
        ({"alternative": "x"}, "alternative='x'"),
        ({"ddof": 3}, "ddof=3"),
        ({"n_resamples": 10}, "n_resamples"),
        ({"rng": -1}, "rng"),
    ],
)
def test_errors(change, message):
    good = {
        "words": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]],
        "a": [[1.0, 0.0], [1.0, 0.1]],
        "b": [[0.0, 1.0]],
        "values": [1.0, 2.0, 3.0],
    }
    with pytest.raises(InputError, match=message):
        wefat(**{**good, **change})


def test_a_zero_vector_is_named():
    with pytest.raises(VectorError, match=r"words\[1\]"):
        wefat([[1.0], [0.0], [2.0]], [[1.0], [2.0]], [[3.0]], [1, 2, 3])


def test_in_an_audit_the_property_is_the_target_set(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    women = [job for job, share in JOBS.items() if share > 50]
    men = [job for job, share in JOBS.items() if share <= 50]
    test = AssociationTest(
        "jobs",
        (WordSet("women", women), WordSet("men", men)),
        (WordSet("female", FEMALE), WordSet("male", MALE)),
    )
    (row,) = audit(extract, Suite("s", (test,)), metrics=["wefat"]).results
    scores = np.array(row.measure.scores["words"])
    expected = np.corrcoef(scores, [1] * len(women) + [0] * len(men))[0, 1]
    assert row.measure.value == pytest.approx(expected)
    assert row.measure.value > 0.7
    assert row.measured == (*women, *men)
    assert row.pvalue == pytest.approx(1 / math.comb(10, 4))
    assert row.interval is not None
