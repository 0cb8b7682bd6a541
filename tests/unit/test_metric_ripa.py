"""Relational inner product association: formula, aggregation, sign flips, peer, errors."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import CAREER, FAMILY, FEMALE, MALE, career_and_family, seeds
from sklearn.decomposition import TruncatedSVD

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics import RoleVectors
from embias.metrics.ripa import CARD, ripa

aggregates = st.sampled_from(["pc1", "mean_pairs"])


def random_sets(seed, n=5, k=4, dimension=7):
    rng = np.random.default_rng(seed)
    # A common part, so that the first component has a side.
    pairs = rng.normal(size=(k, 2, dimension))
    pairs[:, 0] += 2 * rng.normal(size=dimension)
    return rng.normal(size=(n, dimension)), pairs


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_mean_pairs_is_the_mean_over_pairs_of_inner_products(seed):
    words, pairs = random_sets(seed)
    each = [
        [sum(p * (x - y) for p, x, y in zip(w, *pair, strict=True)) / math.dist(*pair)]
        for w in words
        for pair in pairs
    ]
    each = np.array(each).reshape(5, 4)
    result = ripa(words, pairs, aggregate="mean_pairs")
    assert result.scores["words"] == pytest.approx(each.mean(axis=1), abs=1e-12)
    assert result.scores["pairs"] == pytest.approx(each.mean(axis=0), abs=1e-12)
    assert result.value == pytest.approx(each.mean(), abs=1e-12)
    assert result.figures["spread_over_pairs"] == pytest.approx(each.std(axis=1).mean(), abs=1e-12)


@settings(deadline=None, max_examples=30)
@given(seeds)
def test_pc1_is_the_first_component_of_the_differences_not_centred(seed):
    words, pairs = random_sets(seed)
    differences = pairs[:, 0] - pairs[:, 1]
    b = TruncatedSVD(1, algorithm="arpack", random_state=0).fit(differences).components_[0]
    b = b * np.sign((differences @ b).sum())
    result = ripa(words, pairs)
    assert result.scores["words"] == pytest.approx(words @ b, abs=1e-8)
    assert result.figures["mean_absolute"] == pytest.approx(np.abs(words @ b).mean(), abs=1e-8)
    share = ((differences @ b) ** 2).sum() / (differences**2).sum()
    assert result.figures["explained_variance"] == pytest.approx(share, abs=1e-10)
    assert result.pvalue is None


@settings(deadline=None, max_examples=20)
@given(seeds)
def test_one_pair_is_the_same_by_either_way(seed):
    words, pairs = random_sets(seed, k=1)
    one, two = (ripa(words, pairs, aggregate=way) for way in ("pc1", "mean_pairs"))
    assert one.scores["words"] == pytest.approx(two.scores["words"], abs=1e-12)
    assert one.figures["explained_variance"] == pytest.approx(1)
    assert two.pvalue == 1


@settings(deadline=None, max_examples=20)
@given(seeds, aggregates)
def test_turning_all_pairs_round_turns_the_sign(seed, aggregate):
    words, pairs = random_sets(seed)
    result = ripa(words, pairs, aggregate=aggregate, alternative="greater")
    turned = ripa(words, pairs[:, ::-1], aggregate=aggregate, alternative="less")
    assert turned.value == pytest.approx(-result.value, abs=1e-12)
    assert turned.pvalue == result.pvalue


@settings(deadline=None, max_examples=20)
@given(seeds, aggregates)
def test_rotation_and_order_change_nothing_and_length_does(seed, aggregate):
    words, pairs = random_sets(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(7, 7)))[0]
    result = ripa(words, pairs, aggregate=aggregate)
    moved = ripa(words[::-1] @ rotation, pairs[::-1] @ rotation, aggregate=aggregate)
    assert moved.value == pytest.approx(result.value, abs=1e-10)
    assert moved.scores["words"][::-1] == pytest.approx(result.scores["words"], abs=1e-10)
    longer = ripa(3 * words, 5 * pairs, aggregate=aggregate)
    assert longer.value == pytest.approx(3 * result.value, abs=1e-10)
    unit = ripa(words, pairs, aggregate=aggregate, vectors="unit")
    again = ripa(3 * words, 5 * pairs, aggregate=aggregate, vectors="unit")
    assert again.value == pytest.approx(unit.value, abs=1e-12)
    assert np.abs(unit.scores["words"]).max() <= 1 + 1e-12


@pytest.mark.parametrize("alternative", ["greater", "less", "two-sided"])
def test_the_p_value_counts_signs_of_pairs(alternative):
    words, pairs = random_sets(11, k=6)
    result = ripa(words, pairs, aggregate="mean_pairs", alternative=alternative)
    drawn = []
    for turned in itertools.product([0, 1], repeat=6):
        flipped = np.array(
            [pair[::-1] if t else pair for t, pair in zip(turned, pairs, strict=True)]
        )
        drawn.append(ripa(words, flipped, aggregate="mean_pairs").value)
    drawn = np.array(drawn)
    hits = {
        "greater": drawn >= result.value - 1e-9,
        "less": drawn <= result.value + 1e-9,
        "two-sided": np.abs(drawn) >= abs(result.value) - 1e-9,
    }
    assert result.pvalue == np.count_nonzero(hits[alternative]) / 64
    assert (result.pvalue_method, result.null) == ("exact", "pairs turned round")


def test_with_very_many_pairs_signs_are_drawn():
    words, pairs = random_sets(1, k=60)
    words = words + 3 * (pairs[:, 0] - pairs[:, 1]).mean(axis=0)
    result = ripa(words, pairs, aggregate="mean_pairs", n_resamples=199, rng=0)
    assert (result.pvalue_method, result.n_resamples, result.pvalue) == ("sampled", 199, 1 / 200)
    assert result == ripa(words, pairs, aggregate="mean_pairs", n_resamples=199, rng=0)


@pytest.mark.parametrize(
    ("words", "raw", "unit"),
    [
        (CAREER, 0.019676726311445236, 0.010736284777522087),
        (FAMILY, -0.19969233870506287, -0.04775984585285187),
    ],
)
def test_mean_pairs_gives_the_numbers_of_wefe_1_0_1(extract, words, raw, unit):
    pairs = np.stack([extract.encode(MALE), extract.encode(FEMALE)], axis=1)
    rows = extract.encode(words)
    for vectors, expected in (("raw", raw), ("unit", unit)):
        result = ripa(rows, pairs, aggregate="mean_pairs", vectors=vectors)
        assert result.value == pytest.approx(expected, abs=1e-6)


def test_real_words(extract):
    pairs = np.stack([extract.encode(MALE), extract.encode(FEMALE)], axis=1)
    family, career = (ripa(extract.encode(words), pairs) for words in (FAMILY, CAREER))
    assert family.value == pytest.approx(-0.331612055, abs=1e-6)
    assert career.value == pytest.approx(0.064913129, abs=1e-6)
    assert family.figures["explained_variance"] == pytest.approx(0.593886613, abs=1e-6)
    differences = (pairs[:, 0] - pairs[:, 1]).astype(float)
    values, axes = np.linalg.eigh(differences.T @ differences)
    b = axes[:, -1] * np.sign((differences @ axes[:, -1]).sum())
    assert family.value == pytest.approx((extract.encode(FAMILY) @ b).mean(), abs=1e-9)
    assert family.figures["explained_variance"] == pytest.approx(values[-1] / values.sum())
    test = ripa(extract.encode(FAMILY), pairs, aggregate="mean_pairs", alternative="less")
    assert test.pvalue == 7 / 256


def test_pairs_out_of_line_are_said():
    pairs = [[[1.0, 0.0], [0.0, 0.1]], [[1.0, 0.2], [0.0, 0.1]], [[0.0, 0.1], [0.5, 0.0]]]
    result = ripa([[1.0, 0.0]], pairs)
    assert result.value > 0
    assert result.note.startswith("1 of 3 pairs")


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1e-100, 1e100])
@pytest.mark.parametrize("aggregate", ["pc1", "mean_pairs"])
def test_very_short_and_long_vectors(scale, aggregate):
    """The score has the scale of the words, also where the squares of the pairs vanish."""
    rng = np.random.default_rng(3)
    words, pairs = rng.normal(size=(4, 5)), rng.normal(size=(3, 2, 5))
    base = ripa(words, pairs, aggregate=aggregate)
    found = ripa(words * scale, pairs * scale, aggregate=aggregate)
    assert np.array(found.scores["words"]) / scale == pytest.approx(base.scores["words"])
    short = ripa(words, pairs * [[[scale]], [[1.0]], [[1.0]]], aggregate="mean_pairs")
    assert short.value == pytest.approx(ripa(words, pairs, aggregate="mean_pairs").value)
    with pytest.raises(InputError, match="both members have the same vector"):
        ripa(words, np.repeat(pairs[:, :1], 2, axis=1) * scale, aggregate=aggregate)


def test_directions_that_are_not_determined():
    opposite = [[[1.0, 0.0], [0.1, 0.0]], [[0.1, 0.0], [1.0, 0.0]]]
    result = ripa([[1.0, 1.0]], opposite)
    assert math.isnan(result.value)
    assert "cancel out" in result.note
    assert result.figures["explained_variance"] == pytest.approx(1)
    square = [[[2.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [1.0, 1.0]]]
    result = ripa([[1.0, 1.0]], square)
    assert math.isnan(result.value)
    assert "equally strong" in result.note
    assert ripa([[1.0, 1.0]], square, aggregate="mean_pairs").value == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pairs": [[1.0, 0.0], [0.0, 1.0]]}, "pairs has shape"),
        ({"pairs": np.empty((0, 2, 2))}, "pairs has shape"),
        ({"pairs": np.ones((2, 3, 2))}, "pairs has shape"),
        ({"pairs": [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 2.0], [1.0, 2.0]]]}, r"pairs\[1\]: both"),
        ({"pairs": [[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]]}, "different dimension"),
        ({"words": np.empty((0, 2))}, "words has shape"),
        ({"aggregate": "pca"}, "aggregate='pca'"),
        ({"vectors": "x"}, "vectors='x'"),
        ({"alternative": "x"}, "alternative='x'"),
        ({"n_resamples": 0}, "n_resamples"),
        ({"rng": 1.5}, "rng"),
    ],
)
def test_errors(change, message):
    good = {"words": [[1.0, 1.0]], "pairs": [[[1.0, 0.0], [0.0, 1.0]]]}
    with pytest.raises(InputError, match=message):
        ripa(**{**good, **change})


def test_vectors_that_cannot_be_used_are_named():
    with pytest.raises(VectorError, match=r"a member of pairs\[1\] is the zero vector"):
        ripa([[1.0, 1.0]], [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 0.0]]])
    with pytest.raises(VectorError, match=r"words\[0\]"):
        ripa([[np.nan, 1.0]], [[[1.0, 0.0], [0.0, 1.0]]])


def test_an_audit_without_pairs_is_a_row_with_the_cure(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, career_and_family(), metrics=["ripa"]).results
    assert row.status == "error"
    assert "give the test its pairs" in row.reason


def test_with_the_pairs_of_a_test(extract):
    x, y, a, b = (extract.encode(words) for words in (MALE, FEMALE, CAREER, FAMILY))
    numbers = np.array([[1, 1], [4, 4], [2, 2]])
    roles = RoleVectors(x, y, a, b, pairs=numbers, rng=np.random.default_rng(0))
    result = CARD.run(roles)
    pairs = np.stack([x[[1, 4, 2]], y[[1, 4, 2]]], axis=1)
    alone = [ripa(words, pairs) for words in (a, b)]
    assert result.scores["words"] == alone[0].scores["words"] + alone[1].scores["words"]
    assert result.figures["a_minus_b"] == pytest.approx(alone[0].value - alone[1].value)
    assert CARD.measured == "attributes"
