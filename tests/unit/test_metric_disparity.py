"""Disparity: scikit-learn by group, all relabellings, resampling by hand, crossings."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics as sk

from embias.errors import InputError
from embias.metrics.disparity import disparity
from embias.results import Measure
from embias.stats import adjust, wilson_interval


def drawn(n=300, seed=0, worse=0.2):
    """Labels, predictions that are worse for group c, and two groupings."""
    rng = np.random.default_rng(seed)
    group, side = rng.choice(list("abc"), n), rng.choice(["x", "y"], n)
    true = rng.choice(["cat", "dog", "eel"], n)
    right = rng.random(n) < 0.85 - worse * (group == "c")
    return true, np.where(right, true, rng.choice(["cat", "dog", "eel"], n)), group, side


def by_sklearn(metric, true, predicted, positive):
    if metric == "accuracy":
        return sk.accuracy_score(true, predicted)
    if metric == "selection_rate":
        return np.mean(predicted == positive)
    if metric == "false_positive_rate":
        return np.mean(predicted[true != positive] == positive)
    score = {"recall": sk.recall_score, "precision": sk.precision_score, "f1": sk.f1_score}[metric]
    labels = [positive] if positive else None
    return score(true, predicted, labels=labels, average="macro")


@settings(deadline=None, max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(
        ["accuracy", "recall", "precision", "f1", "selection_rate", "false_positive_rate"]
    ),
    st.booleans(),
)
def test_values_are_those_of_scikit_learn(seed, metric, one_class):
    true, predicted, group, side = drawn(seed=seed)
    only_one = metric in ("selection_rate", "false_positive_rate")
    positive = "dog" if metric != "accuracy" and (one_class or only_one) else None
    result = disparity(
        true,
        predicted,
        {"g": group, "s": side},
        metric=metric,
        positive=positive,
        min_size=1,
        n_resamples=100,
        rng=0,
    )
    expected = {}
    for g, s in itertools.product("abc", "xy"):
        cell = (group == g) & (side == s)
        expected[f"g={g}, s={s}"] = by_sklearn(metric, true[cell], predicted[cell], positive)
    assert dict(zip(result.settings["groups"], result.scores["values"], strict=True)) == (
        pytest.approx(expected)
    )
    assert result.value == pytest.approx(max(expected.values()) - min(expected.values()))
    assert result.figures["ratio"] == pytest.approx(min(expected.values()) / max(expected.values()))
    assert expected[result.settings["lowest"]] == min(expected.values())
    assert result.figures["all"] == pytest.approx(by_sklearn(metric, true, predicted, positive))
    alone = [by_sklearn(metric, true[group == g], predicted[group == g], positive) for g in "abc"]
    assert result.figures["gap of g"] == pytest.approx(max(alone) - min(alone))
    assert result.figures["ratio of g"] == pytest.approx(min(alone) / max(alone))
    for (first, second), difference in zip(
        result.settings["pairs"], result.scores["pair_differences"], strict=True
    ):
        assert difference == pytest.approx(expected[first] - expected[second])
    assert result.scores["pair_adjusted"] == pytest.approx(
        adjust(result.scores["pair_pvalues"], "holm")
    )


def test_the_gap_in_each_class_stands_beside_the_mean_over_classes():
    true, predicted, group, _ = drawn()
    whole = disparity(true, predicted, group, metric="recall", n_resamples=100, rng=0)
    for name in ("cat", "dog", "eel"):
        one = disparity(
            true, predicted, group, metric="recall", positive=name, n_resamples=100, rng=0
        )
        assert whole.figures[f"gap in class {name}"] == pytest.approx(one.value)


def test_errors_of_numbers():
    rng = np.random.default_rng(0)
    true, predicted, group = rng.normal(size=90), rng.normal(size=90), np.repeat(list("abc"), 30)
    signed = disparity(true, predicted, group, metric="mean_error", n_resamples=100, rng=0)
    size = disparity(true, predicted, group, metric="mean_absolute_error", n_resamples=100, rng=0)
    errors = (predicted - true).reshape(3, 30)
    assert signed.scores["values"] == pytest.approx(errors.mean(axis=1))
    assert size.scores["values"] == pytest.approx(np.abs(errors).mean(axis=1))
    assert math.isnan(signed.figures["ratio"])
    assert "worst" not in signed.settings
    # Of errors, the largest is the worst.
    assert size.settings["worst"] == size.settings["highest"]
    assert size.figures["worst"] == max(size.scores["values"])
    assert (
        disparity(
            true,
            predicted,
            group,
            metric="mean_error",
            higher_is_better=False,
            n_resamples=100,
            rng=0,
        ).settings["worst"]
        == signed.settings["highest"]
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["accuracy", "recall"]))
def test_p_of_two_groups_counts_all_exchanges(seed, metric):
    rng = np.random.default_rng(seed)
    true = np.array([1] * 9 + [0] * 3)
    predicted = rng.integers(0, 2, 12)
    group = np.array(list("aaaabbbbbabb"))
    positive = None if metric == "accuracy" else 1
    result = disparity(
        true, predicted, group, metric=metric, positive=positive, min_size=1, n_resamples=100
    )
    counted = np.arange(12) if metric == "accuracy" else np.arange(9)
    right = (true == predicted)[counted]
    n_a = int((group[counted] == "a").sum())
    gaps = []
    for chosen in itertools.combinations(range(counted.size), n_a):
        inside = np.isin(np.arange(counted.size), chosen)
        gaps.append(abs(right[inside].mean() - right[~inside].mean()))
    assert result.value == pytest.approx(
        abs(right[group[counted] == "a"].mean() - right[group[counted] == "b"].mean())
    )
    assert result.pvalue == pytest.approx(np.mean(np.array(gaps) >= result.value - 1e-9))
    assert result.pvalue_method == "exact"
    assert result.figures["null_mean"] == pytest.approx(np.mean(gaps))
    assert result.scores["pair_pvalues"] == pytest.approx([result.pvalue])


def test_p_of_two_means_counts_all_exchanges():
    rng = np.random.default_rng(0)
    error, group = rng.normal(size=12), np.repeat(["a", "b"], [5, 7])
    result = disparity(
        np.zeros(12), error, group, metric="mean_error", min_size=1, n_resamples=2_000, rng=0
    )
    expected = stats.permutation_test(
        (error[:5], error[5:]),
        lambda x, y: abs(x.mean() - y.mean()),
        n_resamples=np.inf,
        alternative="greater",
    )
    assert result.pvalue == pytest.approx(expected.pvalue)
    assert result.pvalue_method == "exact"
    assert result.figures["null_mean"] == pytest.approx(expected.null_distribution.mean(), abs=0.03)


@pytest.mark.parametrize(
    ("metric", "positive", "within"),
    [
        ("accuracy", None, None),
        ("recall", None, "true"),
        ("precision", None, "predicted"),
        ("f1", "dog", None),
        ("mean_error", None, None),
    ],
)
def test_p_of_many_groups_is_that_of_shuffled_items(metric, positive, within):
    true, predicted, group, _ = drawn(120, seed=4, worse=0.25)
    if metric == "mean_error":
        rng = np.random.default_rng(0)
        true, predicted = np.zeros(120), rng.normal(size=120) + 0.3 * (group == "c")
    result = disparity(
        true, predicted, group, metric=metric, positive=positive, n_resamples=4_000, rng=0
    )

    def gap(labels):
        return np.ptp(
            [
                np.mean((predicted - true)[labels == g])
                if metric == "mean_error"
                else by_sklearn(metric, true[labels == g], predicted[labels == g], positive)
                for g in "abc"
            ]
        )

    rng = np.random.default_rng(1)
    strata = {None: np.zeros(120), "true": true, "predicted": predicted}[within]
    gaps = []
    for _ in range(250):
        labels = group.copy()
        for stratum in np.unique(strata):
            inside = strata == stratum
            labels[inside] = rng.permutation(labels[inside])
        gaps.append(gap(labels))
    assert result.value == pytest.approx(gap(group))
    assert result.figures["null_mean"] == pytest.approx(np.mean(gaps), rel=0.08)
    assert result.pvalue == pytest.approx(np.mean(np.array(gaps) >= gap(group)), abs=0.08)


def test_without_disparity_p_is_uniform_and_the_gap_is_what_chance_gives():
    found = [
        disparity(*drawn(150, seed, worse=0)[:3], n_resamples=199, rng=seed) for seed in range(80)
    ]
    pvalues = [each.pvalue for each in found]
    assert stats.kstest(pvalues, "uniform").pvalue > 0.001
    values = np.array([each.value for each in found])
    expected = np.mean([each.figures["null_mean"] for each in found])
    assert values.mean() == pytest.approx(expected, abs=4 * values.std() / math.sqrt(80))
    assert values.min() >= 0


def test_intervals_of_shares_are_wilson_and_of_others_bootstrap():
    true, predicted, group, _ = drawn()
    result = disparity(true, predicted, group, level=0.9, rng=0)
    for i, g in enumerate("abc"):
        inside = group == g
        right = int((true == predicted)[inside].sum())
        expected = wilson_interval(right, int(inside.sum()), 0.9)
        assert result.scores["low"][i] == expected.low
        assert result.scores["high"][i] == expected.high
        assert result.scores["sizes"][i] == inside.sum()
    f1 = disparity(true, predicted, group, metric="f1", positive="dog", rng=0)
    for i, g in enumerate("abc"):
        inside = np.flatnonzero(group == g)
        expected = stats.bootstrap(
            (inside,),
            lambda rows: sk.f1_score(true[rows], predicted[rows], labels=["dog"], average="macro"),
            vectorized=False,
            n_resamples=300,
            method="BCa",
            rng=np.random.default_rng(0),
        ).confidence_interval
        assert f1.scores["low"][i] == pytest.approx(expected.low, abs=0.03)
        assert f1.scores["high"][i] == pytest.approx(expected.high, abs=0.03)


def test_the_interval_of_the_gap_covers_a_true_gap():
    """Accuracies .9 and .6: the gap .3 lies in nineteen of twenty intervals."""
    rng = np.random.default_rng(0)
    inside = 0
    for _ in range(150):
        right = rng.random(120) < np.repeat([0.9, 0.6], 60)
        interval = disparity(
            np.ones(120), right.astype(float), np.repeat(["a", "b"], 60), n_resamples=400, rng=rng
        ).interval
        inside += interval.low <= 0.3 <= interval.high
    assert 0.88 <= inside / 150 <= 1.0


def test_small_groups_are_listed_and_not_compared():
    true = np.ones(45)
    predicted = np.r_[np.ones(20), np.zeros(5), np.ones(10), np.zeros(10)]
    group = np.repeat(["a", "tiny", "b"], [20, 5, 20])
    result = disparity(true, predicted, group, min_size=10, n_resamples=200, rng=0)
    assert result.settings["groups"] == ["a", "b"]
    assert result.settings["not_compared"] == ["tiny (5)"]
    assert (result.value, result.settings["worst"]) == (0.5, "b")
    assert "tiny (5)" in result.note
    assert disparity(true, predicted, group, min_size=5, n_resamples=200, rng=0).value == 1
    # Of recall only the items of the class count.
    mixed = np.r_[np.ones(30), np.zeros(15)]
    result = disparity(mixed, predicted, group, metric="recall", positive=1, min_size=6, rng=0)
    assert result.settings["not_compared"] == ["b (5)", "tiny (5)"]
    assert math.isnan(result.value)
    assert result.pvalue is None
    assert "Fewer than two groups" in result.note


def test_a_group_without_a_class_has_no_recall_over_classes():
    true = np.array(["x", "y"] * 20 + ["x"] * 20)
    group = np.repeat(["a", "b", "c"], 20)
    result = disparity(true, true, group, metric="recall", n_resamples=200, rng=0)
    assert result.settings["groups"] == ["a", "b"]
    assert result.settings["not_compared"] == ["c (20, undefined)"]
    assert (result.value, result.pvalue) == (0, 1)


def test_a_measure_of_the_caller():
    true, predicted, group, _ = drawn(150)

    def accuracy(y_true, y_pred):
        return np.mean(y_true == y_pred)

    named = disparity(true, predicted, group, rng=0)
    called = disparity(true, predicted, group, metric=accuracy, rng=0)
    assert called.value == pytest.approx(named.value)
    assert called.scores["values"] == pytest.approx(named.scores["values"])
    assert called.pvalue == pytest.approx(named.pvalue, abs=0.05)
    assert called.n_resamples == 999
    assert called.interval.low == pytest.approx(named.interval.low, abs=0.06)
    assert called.settings["metric"] == "accuracy"
    assert called.settings["worst"] == named.settings["worst"]
    with pytest.raises(InputError, match="must return one number"):
        disparity(true, predicted, group, metric=lambda t, p: "good")


def test_scores_with_a_threshold():
    rng = np.random.default_rng(0)
    true, scores = rng.integers(0, 2, 80), rng.random(80)
    group = np.repeat(["a", "b"], 40)
    by_score = disparity(true, scores, group, metric="recall", positive=1, threshold=0.5, rng=0)
    by_label = disparity(
        true, (scores >= 0.5).astype(int), group, metric="recall", positive=1, rng=0
    )
    assert by_score.value == by_label.value
    assert by_score.scores == by_label.scores
    right = disparity(true, scores, group, positive=1, threshold=0.5, rng=0)
    assert right.scores["values"][0] == np.mean((scores >= 0.5)[:40] == true[:40])


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_order_and_names_change_nothing(seed):
    true, predicted, group, side = drawn(seed=seed)
    columns = {"g": group, "s": side}
    result = disparity(true, predicted, columns, n_resamples=100, rng=0)
    order = np.random.default_rng(seed).permutation(300)
    mixed = disparity(
        true[order], predicted[order], pd.DataFrame(columns).iloc[order], n_resamples=100, rng=0
    )
    assert mixed == result
    other = {"s": np.where(side == "x", "z", "y"), "g": group}
    renamed = disparity(true, predicted, other, n_resamples=100, rng=0)
    assert renamed.value == pytest.approx(result.value)
    assert sorted(renamed.scores["values"]) == pytest.approx(sorted(result.scores["values"]))


def test_kinds_of_labels():
    n = 40
    true, group = np.arange(n) % 2, np.repeat([0, 1], n // 2)
    options = {"metric": "recall", "n_resamples": 100, "rng": 0}
    whole = disparity(true, true, group, positive=1, **options)
    assert whole.settings["groups"] == ["0", "1"]
    for other in (true.astype(float), true.astype(bool), true.astype(object), pd.Series(true)):
        assert disparity(other, other, group, positive=1, **options).value == whole.value
    assert disparity(true.astype(bool), true, group, positive=True, **options).value == 0
    with pytest.raises(InputError, match="positive=2 is no label; there are 'False', 'True'"):
        disparity(true.astype(bool), true.astype(bool), group, positive=2, **options)
    with pytest.raises(InputError, match="y_true holds numbers and y_pred texts"):
        disparity(true, true.astype(str), group)


def test_a_result_is_plain_and_serialisable():
    import json

    true, predicted, group, side = drawn()
    result = disparity(true, predicted, {"g": group, "s": side}, n_resamples=100, rng=0)
    assert isinstance(result, Measure)
    assert json.loads(json.dumps(result.settings)) == result.settings


def test_a_probe_that_is_worse_for_rare_names(extract):
    """Words of the extract told apart by a nearest mean: letters of the name as groups."""
    words = list(extract.words)
    vectors = extract.vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    bias = vectors @ (vectors[words.index("he")] - vectors[words.index("she")])
    sides = np.where(bias > 0, "he", "she")
    centre = vectors[bias > 0].mean(axis=0) - vectors[bias <= 0].mean(axis=0)
    guessed = np.where(vectors @ centre > 0, "he", "she")
    form = np.array(["phrase" if "_" in word else "word" for word in words])
    case = np.array(["lower" if word.islower() else "other" for word in words])
    result = disparity(sides, guessed, {"form": form, "case": case}, rng=0)
    for name, value in zip(result.settings["groups"], result.scores["values"], strict=True):
        f, c = (part.split("=")[1] for part in name.split(", "))
        cell = (form == f) & (case == c)
        assert value == pytest.approx(np.mean(sides[cell] == guessed[cell]))
    assert result.figures["all"] == pytest.approx(np.mean(sides == guessed))
    assert len(result.settings["groups"]) == 4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y_pred": [1, 1]}, "y_true has 4 entries and y_pred 2"),
        ({"groups": ["a", "b"]}, "groups has 2 entries for 4 items"),
        ({"groups": ["a"] * 4}, "groups is 'a' for all items"),
        ({"groups": {"g": ["a", "b", None, "a"]}}, r"groups\['g'\]\[2\] is missing"),
        ({"groups": {}}, "groups has 0 groupings"),
        ({"y_true": [1, 0, np.nan, 1]}, r"y_true\[2\] is missing"),
        ({"metric": "acuracy"}, "did you mean 'accuracy'"),
        ({"metric": "recall", "positive": 3}, "positive=3 is no label; there are '0', '1'"),
        ({"metric": "selection_rate"}, "name it by positive="),
        ({"metric": "mean_error", "positive": 1}, "takes no positive="),
        ({"metric": max, "positive": 1}, "callable metric takes no positive="),
        ({"metric": max, "y_pred": 3}, "one prediction for each"),
        ({"threshold": 0.5}, "name the label that high scores stand for"),
        ({"min_size": 0}, "min_size=0"),
        ({"n_resamples": 10}, "n_resamples=10"),
        ({"level": 1}, "level=1"),
        ({"rng": "one"}, "rng='one'"),
    ],
)
def test_arguments_are_checked(changes, message):
    arguments = {"y_true": [1, 0, 1, 0], "y_pred": [1, 1, 1, 0], "groups": list("aabb"), **changes}
    with pytest.raises(InputError, match=message):
        disparity(**arguments)
