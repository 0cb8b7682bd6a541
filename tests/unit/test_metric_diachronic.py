"""Time slices: alignment, drift, and associations as a trend."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import unit
from scipy import stats

from embias import metrics, weat
from embias.errors import InputError, VectorError
from embias.metrics._slices import align_slices
from embias.metrics.diachronic_association import CARD as ASSOCIATION
from embias.metrics.diachronic_association import diachronic_association
from embias.metrics.diachronic_drift import CARD as DRIFT
from embias.metrics.diachronic_drift import diachronic_drift


def rotation(rng, d):
    return np.linalg.qr(rng.normal(size=(d, d)))[0]


def moving(seed, t=4, n=30, d=6, noise=0.2):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) + noise * rng.normal(size=(t, n, d)).cumsum(axis=0)


def trending(seed, t=5, sizes=(6, 5, 4, 4), d=8, step=0.0):
    """Sets x, y, a, b in t slices; x moves towards a by `step` a slice."""
    rng = np.random.default_rng(seed)
    x, y, a, b = (rng.normal(size=(n, d)) + 0.2 * rng.normal(size=(t, n, d)) for n in sizes)
    for i in range(t):
        x[i] += step * i * (unit(a[i]).mean(axis=0) - unit(b[i]).mean(axis=0))
    return x, y, a, b


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["previous", "first"]))
def test_alignment_undoes_rotations(seed, to):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(20, 5))
    slices = [table @ rotation(rng, 5) * rng.uniform(0.5, 2, size=(20, 1)) for _ in range(4)]
    aligned = align_slices(slices, to=to)
    for each in aligned:
        assert each == pytest.approx(unit(slices[0]), abs=1e-9)
    assert diachronic_drift(slices, to=to).value == pytest.approx(0.0, abs=1e-12)
    assert diachronic_drift(slices, align=False).value > 0.05


def test_alignment_is_the_best_rotation_and_keeps_cosines():
    slices = moving(0, t=2)
    aligned = align_slices(slices)
    left = np.linalg.norm(aligned[1] - aligned[0])
    rng = np.random.default_rng(1)
    assert all(np.linalg.norm(aligned[1] @ rotation(rng, 6) - aligned[0]) > left for _ in range(50))
    # A small turn either way is no better.
    for i, j in itertools.combinations(range(6), 2):
        for angle in (0.01, -0.01):
            turn = np.eye(6)
            turn[[i, j], [i, j]] = math.cos(angle)
            turn[i, j], turn[j, i] = math.sin(angle), -math.sin(angle)
            assert np.linalg.norm(aligned[1] @ turn - aligned[0]) > left
    own = unit(slices[1])
    assert aligned[1] @ aligned[1].T == pytest.approx(own @ own.T, abs=1e-12)


def test_anchors_choose_what_stands_still():
    rng = np.random.default_rng(0)
    first = rng.normal(size=(40, 5))
    second = first.copy()
    second[30:] = rng.normal(size=(10, 5))
    second = second @ rotation(rng, 5)
    found = diachronic_drift([first, second], anchors=range(30))
    assert found.scores["words"][:30] == pytest.approx([0.0] * 30, abs=1e-12)
    assert min(found.scores["words"][30:]) > 0.05
    assert found.settings["anchors"] == 30
    # Without anchors the words that moved turn the others along.
    assert max(diachronic_drift([first, second]).scores["words"][:30]) > 1e-3


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_drift_is_one_minus_the_cosine(seed):
    slices = moving(seed)
    found = diachronic_drift(slices, align=False, n_resamples=100)
    cosines = (unit(slices[0]) * unit(slices[-1])).sum(axis=1)
    assert found.scores["words"] == pytest.approx(1 - cosines, abs=1e-12)
    assert found.value == pytest.approx(np.mean(1 - cosines), abs=1e-12)
    step = (unit(slices[1]) * unit(slices[2])).sum(axis=1)
    assert found.figures["step:2"] == pytest.approx(np.mean(1 - step), abs=1e-12)
    rng = np.random.default_rng(seed)
    turned = [table @ rotation(rng, 6) * 3 for table in slices]
    aligned = diachronic_drift(slices, n_resamples=100)
    assert diachronic_drift(turned, n_resamples=100).value == pytest.approx(aligned.value, abs=1e-9)
    assert aligned.value <= found.value + 0.05
    back = diachronic_drift(slices[::-1], align=False, n_resamples=100)
    assert back.value == pytest.approx(found.value, abs=1e-12)
    assert found.interval.low < found.value < found.interval.high


def test_the_interval_of_drift_is_that_of_scipy():
    found = diachronic_drift(moving(1, n=60), n_resamples=5000)
    expected = stats.bootstrap(
        (found.scores["words"],), np.mean, n_resamples=5000, rng=np.random.default_rng(0)
    ).confidence_interval
    width = expected.high - expected.low
    assert found.interval.low == pytest.approx(expected.low, abs=0.06 * width)
    assert found.interval.high == pytest.approx(expected.high, abs=0.06 * width)


def test_words_that_a_slice_does_not_have():
    slices = moving(2)
    slices[0, 3] = slices[3, 7] = slices[1, 9] = math.nan
    found = diachronic_drift(slices, align=False)
    assert found.counts == {"slices": 4, "words": 28, "missing": 2}
    assert [i for i, value in enumerate(found.scores["words"]) if math.isnan(value)] == [3, 7]
    assert found.note == "2 of 30 words are not in both ends."
    assert math.isfinite(found.figures["step:1"])
    assert np.isnan(align_slices(slices)[1, 9]).all()
    gone = np.array([[[1.0, 0.0], [math.nan] * 2], [[math.nan] * 2, [0.0, 1.0]]])
    nothing = diachronic_drift(gone, align=False)
    assert math.isnan(nothing.value)
    assert nothing.interval is None
    assert "no drift" in nothing.note
    one = diachronic_drift(np.array([[[1.0, 0.0]], [[0.0, 1.0]]]), align=False)
    assert (one.value, one.interval) == (pytest.approx(1.0), None)


def test_real_vectors_turned_and_disturbed(extract):
    table = np.asarray(extract.vectors, dtype=np.float64)[:600]
    rng = np.random.default_rng(0)
    turned = table @ rotation(rng, 300)
    assert diachronic_drift([table, turned]).value == pytest.approx(0.0, abs=1e-9)
    assert diachronic_drift([table, turned], align=False).value == pytest.approx(1.0, abs=0.05)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_association_is_that_of_each_slice_and_its_regression(seed):
    x, y, a, b = trending(seed)
    times = [1900.0, 1910.0, 1915.0, 1950.0, 1990.0]
    found = diachronic_association(x, a, b, y=y, times=times, n_resamples=200)
    series = [weat(x[i], y[i], a[i], b[i]).statistic for i in range(5)]
    assert [found.figures[f"slice:{i}"] for i in range(5)] == pytest.approx(series, abs=1e-12)
    line = stats.linregress(times, series)
    assert found.value == pytest.approx(line.slope, abs=1e-12)
    assert found.figures["change"] == pytest.approx(series[4] - series[0], abs=1e-12)
    assert found.figures["tau"] == pytest.approx(stats.kendalltau(times, series).statistic)
    words = found.scores["words"]
    assert np.mean(words[:6]) - np.mean(words[6:]) == pytest.approx(found.value, abs=1e-12)
    one = diachronic_association(x, a, b, times=times, n_resamples=200)
    assert one.scores["words"] == pytest.approx(words[:6], abs=1e-12)
    # Orders of five slices: counted one by one.
    slopes = [stats.linregress(times, order).slope for order in itertools.permutations(series)]
    extreme = np.mean(np.abs(slopes) >= abs(line.slope) - 1e-13)
    assert found.pvalue == pytest.approx(extreme, abs=1e-12)
    assert found.pvalue_method == "exact"


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["two-sided", "greater", "less"]))
def test_mann_kendall_is_exact(seed, alternative):
    x, y, a, b = trending(seed, t=7)
    found = diachronic_association(
        x, a, b, y=y, trend_test="mann-kendall", alternative=alternative, n_resamples=200
    )
    series = [found.figures[f"slice:{i}"] for i in range(7)]
    expected = stats.kendalltau(range(7), series, method="exact", alternative=alternative).pvalue
    assert found.pvalue == pytest.approx(expected, abs=1e-12)


def test_sampled_orders_agree_with_the_exact_distribution():
    x, y, a, b = trending(3, t=12, step=0.02)
    found = diachronic_association(x, a, b, y=y, trend_test="mann-kendall", n_resamples=9_999)
    series = [found.figures[f"slice:{i}"] for i in range(12)]
    exact = stats.kendalltau(range(12), series, method="exact").pvalue
    assert found.pvalue_method == "sampled"
    assert 0.001 < exact < 0.999
    assert found.pvalue_bounds[0] <= exact <= found.pvalue_bounds[1]
    assert found == diachronic_association(
        x, a, b, y=y, trend_test="mann-kendall", n_resamples=9_999
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_signs_and_what_changes_nothing(seed):
    x, y, a, b = trending(seed)
    found = diachronic_association(x, a, b, y=y, n_resamples=200)
    for other in (
        diachronic_association(y, a, b, y=x, n_resamples=200),
        diachronic_association(x, b, a, y=y, n_resamples=200),
        diachronic_association(x[::-1], a[::-1], b[::-1], y=y[::-1], n_resamples=200),
    ):
        assert other.value == pytest.approx(-found.value, abs=1e-12)
        assert other.pvalue == found.pvalue
    # Each slice may be turned by itself: no alignment is needed.
    rng = np.random.default_rng(seed)
    turns = [rotation(rng, 8) * rng.uniform(0.1, 9) for _ in range(5)]
    moved = [[rows @ turn for rows, turn in zip(s, turns, strict=True)] for s in (x, y, a, b)]
    turned = diachronic_association(moved[0], moved[2], moved[3], y=moved[1], n_resamples=200)
    assert turned.value == pytest.approx(found.value, abs=1e-9)
    slower = diachronic_association(x, a, b, y=y, times=np.arange(5) * 10, n_resamples=200)
    assert slower.value == pytest.approx(found.value / 10, abs=1e-12)
    order = rng.permutation(6)
    assert diachronic_association(x[:, order], a, b, y=y, n_resamples=200).value == pytest.approx(
        found.value, abs=1e-12
    )


def test_a_trend_is_found_and_a_constant_bias_is_none():
    x, y, a, b = (np.stack([s[0]] * 6) for s in trending(0))
    for i in range(6):
        x[i] += 0.3 * i * (unit(a[i]).mean(axis=0) - unit(b[i]).mean(axis=0))
    found = diachronic_association(x, a, b, y=y, alternative="greater")
    assert found.value > 0
    assert found.pvalue == pytest.approx(1 / 720)
    assert found.interval.low > 0
    assert found.figures["tau"] == 1.0
    constant = diachronic_association(*(np.stack([s[5]] * 6) for s in (x, a, b)))
    assert constant.value == pytest.approx(0.0, abs=1e-12)
    assert constant.pvalue == 1.0
    assert constant.figures["slice:0"] > 0.2


def test_words_missing_from_a_slice_and_small_sets():
    x, y, a, b = trending(1)
    whole = diachronic_association(x[:, 1:], a[:, 1:], b, y=y)
    x[2, 0] = a[4, 0] = math.nan
    found = diachronic_association(x, a, b, y=y)
    assert found.value == pytest.approx(whole.value, abs=1e-12)
    assert found.counts == {"slices": 5, "x": 5, "y": 5, "a": 3, "b": 4, "missing": 2}
    assert math.isnan(found.scores["words"][0])
    assert "2 word(s)" in found.note
    one = diachronic_association(x[:, 1:2], a, b)
    assert one.interval is None
    two = diachronic_association(x[:2], a[:2], b[:2])
    assert (two.pvalue, two.pvalue_method, two.null) == (None, None, "")
    b[0] = np.where(np.arange(4)[:, None] < 2, math.nan, b[0])
    b[1] = np.where(np.arange(4)[:, None] >= 2, math.nan, b[1])
    empty = diachronic_association(x, a, b)
    assert math.isnan(empty.value)
    assert "A set has no word" in empty.note


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"times": [0, 1, 1, 2, 3]}, "increasing"),
        ({"times": [0, 1]}, "for 5 slices"),
        ({"a": np.ones((4, 3, 8))}, "slices or dimensions"),
        ({"a": np.ones((5, 3, 7))}, "slices or dimensions"),
        ({"a": np.full((5, 3, 8), math.nan)}, r"a\[0\] has no word"),
        ({"x": np.ones((1, 3, 8))}, "two slices"),
        ({"x": [np.ones((2, 8)), np.ones((3, 8))]}, "two slices"),
        ({"trend_test": "spearman"}, "trend_test="),
        ({"alternative": "up"}, "alternative="),
        ({"level": 2}, "level=2"),
        ({"n_resamples": 9}, "n_resamples=9"),
    ],
)
def test_errors(change, match):
    x, _, a, b = trending(0)
    given = {"x": x, "a": a, "b": b, **change}
    with pytest.raises(InputError, match=match):
        diachronic_association(**given)


def test_errors_of_drift():
    slices = moving(0)
    for options, match in (
        ({"anchors": [30]}, "rows from 30"),
        ({"anchors": []}, "anchors has shape"),
        ({"to": "last"}, "to='last'"),
        ({"level": 0}, "level=0"),
        ({"n_resamples": 5}, "n_resamples=5"),
    ):
        with pytest.raises(InputError, match=match):
            diachronic_drift(slices, **options)
    apart = slices.copy()
    apart[0, :15] = apart[1, 15:] = math.nan
    with pytest.raises(InputError, match="shares no anchor"):
        diachronic_drift(apart)
    for row in (0.0, [math.nan, 1, 1, 1, 1, 1], [math.inf, 1, 1, 1, 1, 1]):
        broken = moving(0)
        broken[2, 5] = row
        with pytest.raises(VectorError, match=r"slices\[2\]\[5\]"):
            diachronic_drift(broken)


@pytest.mark.parametrize("card", [DRIFT, ASSOCIATION])
def test_the_cards_are_for_arrays(monkeypatch, card):
    monkeypatch.setitem(metrics.METRICS, card.name, card)
    assert metrics.get_metric(card.name).takes == "vectors"
