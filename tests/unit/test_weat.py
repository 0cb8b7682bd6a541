"""WEAT on arrays: definition, bounds, sign rules, groups, errors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import cosine, random_sets

from embias import metrics, permutation_pvalue, weat
from embias.errors import InputError, VectorError
from embias.metrics import METRICS, association_scores, get_metric


def scores_by_definition(targets, a, b):
    """The formula of the paper, one cosine at a time."""
    return [
        sum(cosine(w, v) for v in a) / len(a) - sum(cosine(w, v) for v in b) / len(b)
        for w in targets
    ]


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0, 1]))
def test_weat_is_the_published_formula(seed, ddof):
    x, y, a, b = random_sets(seed)
    sx, sy = scores_by_definition(x, a, b), scores_by_definition(y, a, b)
    pooled = sx + sy
    mean = sum(pooled) / len(pooled)
    deviation = math.sqrt(sum((s - mean) ** 2 for s in pooled) / (len(pooled) - ddof))
    difference = sum(sx) / len(sx) - sum(sy) / len(sy)
    result = weat(x, y, a, b, ddof=ddof)
    assert result.statistic == pytest.approx(difference, abs=1e-12)
    assert result.effect_size == pytest.approx(difference / deviation, abs=1e-12)
    assert result.sum_statistic == pytest.approx(sum(sx) - sum(sy), abs=1e-12)
    assert result.scores_x == pytest.approx(sx, abs=1e-12)
    assert result.pvalue == permutation_pvalue(sx, sy, magnitude=1).pvalue
    assert (result.n_x, result.n_y, result.items_a, result.items_b) == (6, 5, 4, 3)


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_swapping_sets_flips_signs(seed):
    x, y, a, b = random_sets(seed)
    result = weat(x, y, a, b)
    for flipped in (weat(y, x, a, b), weat(x, y, b, a)):
        assert flipped.statistic == pytest.approx(-result.statistic, abs=1e-14)
        assert flipped.effect_size == pytest.approx(-result.effect_size, abs=1e-12)
    both = weat(y, x, b, a)
    assert both.effect_size == pytest.approx(result.effect_size, abs=1e-12)
    assert both.pvalue == result.pvalue


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-9, 1e-200, 1e9, 1e200]))
def test_rotation_and_length_of_the_vectors_change_nothing(seed, scale):
    x, y, a, b = random_sets(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    moved = [rows @ rotation * (scale * (1 + rng.random((len(rows), 1)))) for rows in (x, y, a, b)]
    result, other = weat(x, y, a, b), weat(*moved)
    assert other.effect_size == pytest.approx(result.effect_size, abs=1e-9)
    assert other.pvalue == result.pvalue


@pytest.mark.parametrize(("n_x", "n_y"), [(4, 4), (8, 8), (3, 9), (1, 5)])
def test_the_bound_of_the_effect_size_is_reached_by_constant_sets(n_x, n_y):
    a, b = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    x, y = np.repeat(a, n_x, axis=0), np.repeat(b, n_y, axis=0)
    n = n_x + n_y
    assert weat(x, y, a, b).effect_size == pytest.approx(math.sqrt(n * (n - 1) / (n_x * n_y)))
    assert weat(x, y, a, b, ddof=0).effect_size == pytest.approx(n / math.sqrt(n_x * n_y))
    assert weat(x, y, a, b).statistic == pytest.approx(2.0)
    assert weat(x, y, a, b).pvalue == 1 / math.comb(n, n_x)


def test_low_precision_input_is_cast_before_it_is_multiplied():
    rng = np.random.default_rng(0)
    sets = [rng.integers(-120, 120, size=(5, 40)) for _ in range(4)]
    exact = weat(*[rows.astype(np.float64) for rows in sets])
    assert weat(*[rows.astype(np.int8) for rows in sets]) == exact
    assert weat(*[rows.astype(np.float16) for rows in sets]) == exact


def test_equal_scores_leave_the_effect_size_undefined():
    a, b = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    same = np.ones((3, 2))
    result = weat(same, same, a, b)
    assert math.isnan(result.effect_size)
    assert result.statistic == 0
    assert result.pvalue == 1


def test_rows_of_one_word_are_averaged_and_words_relabelled():
    rng = np.random.default_rng(2)
    x, y, a, b = (rng.normal(size=(n, 8)) for n in (12, 9, 3, 3))
    x_groups, y_groups = [f"x{i // 3}" for i in range(12)], [f"y{i // 3}" for i in range(9)]
    result = weat(x, y, a, b, x_groups=x_groups, y_groups=y_groups)
    means_x = association_scores(x, a, b).reshape(4, 3).mean(axis=1)
    means_y = association_scores(y, a, b).reshape(3, 3).mean(axis=1)
    assert result.scores_x == pytest.approx(means_x)
    assert (result.unit, result.n_x, result.n_y, result.items_x) == ("word", 4, 3, 12)
    assert result.pvalue == permutation_pvalue(means_x, means_y, magnitude=1).pvalue
    # The published figure stays over the items; the one over words stands beside it.
    flat = weat(x, y, a, b)
    assert result.effect_size == flat.effect_size
    assert result.unit_effect_size == pytest.approx(
        (means_x.mean() - means_y.mean()) / np.concatenate([means_x, means_y]).std(ddof=1)
    )
    by_item = weat(x, y, a, b, x_groups=x_groups, y_groups=y_groups, unit="item")
    assert (by_item.unit, by_item.n_x, by_item.pvalue) == ("item", 12, flat.pvalue)


def test_words_with_different_numbers_of_rows_weigh_the_same():
    rng = np.random.default_rng(4)
    x, y, a, b = (rng.normal(size=(n, 8)) for n in (6, 4, 3, 3))
    result = weat(x, y, a, b, x_groups=list("uuuuvw"), y_groups=list("jjkl"))
    scores = association_scores(x, a, b)
    assert result.scores_x == pytest.approx([scores[:4].mean(), scores[4], scores[5]])


def test_word_permutation_is_calibrated_where_item_permutation_is_not():
    # Eight words, ten sentences each that hardly differ: the null hypothesis holds for words.
    rng = np.random.default_rng(6)
    a, b = rng.normal(size=(4, 20)), rng.normal(size=(4, 20))
    by_word, by_item = [], []
    for _ in range(150):
        words = rng.normal(size=(8, 1, 20))
        rows = (words + 0.1 * rng.normal(size=(8, 10, 20))).reshape(80, 20)
        groups = [i // 10 for i in range(80)]
        arguments = (rows[:40], rows[40:], a, b)
        labels = {"x_groups": groups[:40], "y_groups": groups[40:]}
        by_word.append(weat(*arguments, **labels).pvalue)
        item = weat(*arguments, **labels, unit="item", method="sampled", n_resamples=199, rng=0)
        by_item.append(item.pvalue)
    assert np.mean(np.array(by_word) <= 0.05) <= 0.11
    assert np.mean(np.array(by_item) <= 0.05) >= 0.2


@pytest.mark.parametrize("position", range(4))
def test_vectors_without_direction_are_named(position):
    name = "xyab"[position]
    for value, message in ((0.0, "is the zero vector"), (math.nan, "NaN"), (math.inf, "infinite")):
        sets = random_sets(1)
        sets[position][2] = value
        with pytest.raises(VectorError, match=rf"{name}\[2\].*{message}"):
            weat(*sets)


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        ([(0, 3), (2, 3), (2, 3), (2, 3)], r"x has shape \(0, 3\)"),
        ([(2, 3), (2, 3), (2, 3), (2, 4)], "different dimension.*b: 4"),
        ([(2, 3), (2, 3), (3,), (2, 3)], r"a has shape \(3,\)"),
        ([(1, 3), (1, 3), (2, 3), (2, 3)], "one target on each side"),
    ],
)
def test_bad_shapes_are_named(shapes, message):
    with pytest.raises(InputError, match=message):
        weat(*[np.arange(1.0, 1 + np.prod(shape)).reshape(shape) for shape in shapes])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ddof": 2}, "ddof=2"),
        ({"alternative": "more"}, "alternative='more'"),
        ({"unit": "sentence"}, "unit='sentence'"),
        ({"x_groups": range(6)}, "both x_groups and y_groups"),
        ({"x_groups": range(5), "y_groups": range(5)}, "x_groups has 5 entries for 6 rows"),
        ({"x_groups": range(6), "y_groups": range(5)}, "0 is in both x_groups and y_groups"),
    ],
)
def test_bad_options_are_named(options, message):
    with pytest.raises(InputError, match=message):
        weat(*random_sets(3), **options)


def test_an_effect_out_of_rounding_noise_is_undefined_and_p_is_one():
    a, b = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
    rng = np.random.default_rng(0)
    undefined = 0
    for noise in (1e-16, 1e-15, 1e-14):
        for _ in range(50):
            x, y = (1 + noise * rng.normal(size=(3, 2)) for _ in range(2))
            result = weat(x, y, a, b, alternative="two-sided")
            undefined += math.isnan(result.effect_size)
            assert result.pvalue == 1 or not math.isnan(result.effect_size)
    assert 50 < undefined < 150


def test_labels_of_rows_are_what_they_are():
    rng = np.random.default_rng(1)
    x, y, a, b = (rng.normal(size=(4, 6)) for _ in range(4))
    result = weat(x, y, a, b, x_groups=[1, 1, True, True], y_groups=["a", "b", "b", "a"])
    assert (result.n_x, result.n_y) == (2, 2)
    assert weat(x, y, a, b, x_groups=iter("aabb"), y_groups=list("ccdd")).n_x == 2
    with pytest.raises(InputError, match="x_groups must be words or numbers"):
        weat(x, y, a, b, x_groups=[[], [], [], []], y_groups=list("ccdd"))


def test_results_with_an_undefined_figure_are_equal_to_their_copies():
    import pickle

    result = weat(np.ones((3, 2)), np.ones((3, 2)), [[1.0, 0.0]], [[0.0, 1.0]])
    copy = pickle.loads(pickle.dumps(result))
    assert math.isnan(copy.effect_size)
    assert copy == result
    assert hash(copy) == hash(result)


def test_every_metric_has_a_full_card():
    for name, card in METRICS.items():
        assert card.name == name
        optional = ("conventions", "run", "needs", "evidence", "function")
        assert all(getattr(card, f) for f in card.__slots__ if f not in optional)
        # The association test has a result of its own; every other one is run by its card.
        assert (card.run is not None) == (card.audited and name not in ("weat", "seat", "ieat"))
        assert callable(getattr(metrics, card.function or name))
        assert bool(card.needs) == (not card.audited)
    with pytest.raises(InputError, match="did you mean 'weat'"):
        get_metric("waet")
