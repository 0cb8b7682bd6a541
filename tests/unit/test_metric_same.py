"""SAME: formula, more groups, relabelling, the reference implementation, in an audit."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import CAREER, FAMILY, FEMALE, MALE, career_and_family, cosine, seeds

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics import association_scores
from embias.metrics.same import CARD, same

SCIENCE = [
    "science",
    "technology",
    "physics",
    "chemistry",
    "Einstein",
    "NASA",
    "experiment",
    "astronomy",
]


def random_sets(seed, sizes=(6, 4, 3), dimension=7):
    rng = np.random.default_rng(seed)
    words, *groups = (rng.normal(size=(n, dimension)) for n in sizes)
    return words, groups


def mean_unit(rows):
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).mean(axis=0)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_two_groups_by_definition(seed):
    words, groups = random_sets(seed)
    b = mean_unit(groups[0]) - mean_unit(groups[1])
    expected = [cosine(w, b) for w in words]
    result = same(words, groups)
    assert result.scores["words"] == pytest.approx(expected, abs=1e-12)
    assert result.value == result.figures["skew"] == pytest.approx(np.mean(expected), abs=1e-12)
    assert result.figures["stereotype"] == pytest.approx(np.std(expected), abs=1e-12)
    assert result.figures["mean_absolute"] == pytest.approx(np.mean(np.abs(expected)), abs=1e-12)
    # WEAT's score with the length of the difference divided out, or left in.
    s = association_scores(words, *groups)
    assert result.scores["words"] == pytest.approx(s / np.linalg.norm(b), abs=1e-12)
    weighted = same(words, groups, weights="all")
    assert weighted.scores["words"] == pytest.approx(s, abs=1e-12)
    assert weighted.pvalue > 0
    assert same(words, groups, weights="reference").value == pytest.approx(result.value)


@settings(deadline=None, max_examples=30)
@given(seeds, st.sampled_from(["none", "all", "reference"]))
def test_more_groups_by_least_squares(seed, weights):
    words, groups = random_sets(seed, sizes=(5, 3, 2, 4, 2))
    raw = [mean_unit(groups[0]) - mean_unit(group) for group in groups[1:]]
    scores = np.zeros(5)
    for i, difference in enumerate(raw):
        b = difference
        if i:
            # What is left of it when the earlier ones are regressed out.
            earlier = np.array(raw[:i]).T
            b = b - earlier @ np.linalg.lstsq(earlier, b, rcond=None)[0]
        counts = weights == "all" or (weights == "reference" and i > 0)
        length = np.linalg.norm(b) if counts else 1.0
        scores += length * np.abs([cosine(w, b) for w in words])
    result = same(words, groups, weights=weights, n_resamples=19, rng=0)
    assert result.scores["words"] == pytest.approx(scores, abs=1e-10)
    assert result.value == pytest.approx(scores.mean(), abs=1e-10)
    span = np.linalg.qr(np.array(raw).T)[0]
    unit = words / np.linalg.norm(words, axis=1, keepdims=True)
    in_span = np.linalg.norm(unit @ span, axis=1).mean()
    assert result.figures["in_span"] == pytest.approx(in_span, abs=1e-10)
    assert result.figures["skew_3"] == pytest.approx(
        np.mean([cosine(w, raw[1]) for w in words]), abs=1e-12
    )
    assert 0 <= result.value <= result.value_range[1]
    backwards = same(words, groups[::-1], n_resamples=19)
    assert backwards.figures["in_span"] == pytest.approx(in_span, abs=1e-10)


@settings(deadline=None, max_examples=20)
@given(seeds, st.integers(2, 4))
def test_rotation_length_and_order_of_words_change_nothing(seed, n_groups):
    words, groups = random_sets(seed, sizes=(6, 3, 2, 2, 3)[: n_groups + 1])
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    moved = [
        rng.permutation(rows @ rotation * (1 + rng.random((len(rows), 1))))
        for rows in (words, *groups)
    ]
    result = same(words, groups, n_resamples=19, rng=0)
    other = same(moved[0], moved[1:], n_resamples=19, rng=0)
    assert other.value == pytest.approx(result.value, abs=1e-10)
    assert other.figures["stereotype"] == pytest.approx(result.figures["stereotype"], abs=1e-10)


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_swapping_two_groups_turns_the_sign(seed):
    words, groups = random_sets(seed)
    result = same(words, groups, alternative="greater")
    swapped = same(words, groups[::-1], alternative="less")
    assert swapped.value == pytest.approx(-result.value, abs=1e-12)
    assert swapped.pvalue == result.pvalue
    assert swapped.figures["stereotype"] == pytest.approx(result.figures["stereotype"])


@pytest.mark.parametrize("weights", ["none", "all"])
@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_the_p_value_counts_relabelled_attributes(weights, alternative):
    words, groups = random_sets(5)
    pooled = np.concatenate(groups)
    drawn = []
    for chosen in itertools.combinations(range(7), 4):
        rest = [i for i in range(7) if i not in chosen]
        parts = [pooled[list(chosen)], pooled[rest]]
        drawn.append(same(words, parts, weights=weights).value)
    drawn = np.array(drawn)
    result = same(words, groups, weights=weights, alternative=alternative)
    above = np.count_nonzero(drawn >= result.value - 1e-9) / 35
    below = np.count_nonzero(drawn <= result.value + 1e-9) / 35
    expected = {"greater": above, "less": below, "two-sided": min(1, 2 * min(above, below))}
    assert (result.pvalue_method, result.pvalue) == ("exact", expected[alternative])
    assert result.figures["null_mean"] == pytest.approx(drawn.mean(), abs=1e-12)


def test_more_groups_are_relabelled_by_drawing():
    words, groups = random_sets(7, sizes=(5, 2, 2, 2))
    pooled = np.concatenate(groups)
    observed = same(words, groups, n_resamples=1).value
    drawn = [
        same(words, np.split(pooled[list(order)], 3), n_resamples=1).value
        for order in itertools.permutations(range(6))
    ]
    exact = np.mean(np.array(drawn) >= observed - 1e-9)
    result = same(words, groups, n_resamples=9_999, rng=1)
    assert (result.pvalue_method, result.alternative) == ("sampled", "greater")
    assert result.pvalue == pytest.approx(exact, abs=0.03)
    assert result.pvalue_bounds[0] <= exact <= result.pvalue_bounds[1]
    assert result.figures["null_mean"] == pytest.approx(np.mean(drawn), abs=0.01)
    assert result == same(words, groups, n_resamples=9_999, rng=1)


def test_limits():
    x, y = [1.0, 0.0], [0.0, 1.0]
    assert same([[1.0, -1.0]], [[x], [y]]).value == pytest.approx(1)
    assert same([[-3.0, 3.0]], [[x], [y]]).value == pytest.approx(-1)
    assert same([[1.0, 1.0]], [[x], [y]]).value == pytest.approx(0, abs=1e-15)
    # The set does not lean, its members do.
    both = same([x, y], [[x], [y]])
    assert both.value == pytest.approx(0, abs=1e-15)
    assert both.figures["stereotype"] == pytest.approx(math.sqrt(0.5))
    assert both.pvalue == 1


def test_groups_that_do_not_differ_have_no_direction():
    result = same([[1.0, 1.0]], [[[1.0, 0.0]], [[2.0, 0.0]]])
    assert math.isnan(result.value)
    assert result.pvalue is None
    assert "no direction" in result.note
    # Third mean between the others: its difference is no direction of its own.
    x, y = [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]
    assert math.isnan(same([[1.0, 1.0, 1.0]], [[x], [y], [x, y]]).value)


def test_the_reference_implementation(extract):
    # EmbeddingBiasScores, geometrical_bias/same.py of commit ef1c49f, on the same vectors.
    words = extract.encode(MALE + FEMALE)
    career, family, science = (extract.encode(each) for each in (CAREER, FAMILY, SCIENCE))
    two = same(words, [career, family])
    assert two.value == pytest.approx(-0.22981570860561748, abs=1e-9)
    assert two.figures["stereotype"] == pytest.approx(0.1645851808325659, abs=1e-9)
    assert two.figures["mean_absolute"] == pytest.approx(0.23021657770805737, abs=1e-9)
    assert two.pvalue == pytest.approx(92 / 12870)
    options = {"weights": "reference", "n_resamples": 9}
    three = same(words, [career, family, science], **options)
    assert three.value == pytest.approx(0.2992471808248528, abs=1e-9)
    reordered = same(words, [career, science, family], **options)
    assert reordered.value == pytest.approx(0.21837474231891082, abs=1e-9)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"groups": [[[1.0, 0.0]]]}, r"1 group\(s\)"),
        ({"groups": np.eye(2)}, "one two-dimensional array"),
        ({"groups": [[[1.0, 0.0]], np.empty((0, 2))]}, r"groups\[1\] has shape"),
        ({"groups": [[[1.0, 0.0]], [[1.0]]]}, "different dimension"),
        ({"words": [1.0, 0.0]}, "words has shape"),
        ({"weights": "some"}, "weights='some'"),
        ({"alternative": "some"}, "alternative='some'"),
        ({"n_resamples": 0}, "n_resamples"),
        ({"rng": -2}, "rng"),
    ],
)
def test_errors(change, message):
    good = {"words": [[1.0, 1.0]], "groups": [[[1.0, 0.0]], [[0.0, 1.0]]]}
    with pytest.raises(InputError, match=message):
        same(**{**good, **change})


def test_more_groups_have_no_other_alternative():
    groups = [[row] for row in np.eye(3).tolist()]
    with pytest.raises(InputError, match="has no sign"):
        same([[1.0, 1.0, 1.0]], groups, alternative="two-sided")


def test_a_zero_vector_is_named():
    with pytest.raises(VectorError, match=r"groups\[1\]\[0\]"):
        same([[1.0, 1.0]], [[[1.0, 0.0]], [[0.0, 0.0]]])


def test_in_an_audit(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, career_and_family(), metrics=["same"], alternative="less").results
    assert row.measure.value == pytest.approx(-0.22981570860561748, abs=1e-9)
    assert row.measure.figures["x_minus_y"] == pytest.approx(0.07418929202283181, abs=1e-9)
    assert row.measured == (*MALE, *FEMALE)
    assert row.pvalue == pytest.approx(46 / 12870)
