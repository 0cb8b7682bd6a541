"""Probes: scikit-learn, splits that divide no word, what is and is not linear, real vectors."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.svm import SVC
from test_metric_cluster_alignment import two_sides

from embias.errors import InputError, VectorError
from embias.metrics import association_scores
from embias.metrics._probes import Split, fit_and_predict, split_units, splits_of
from embias.metrics.card import RoleVectors
from embias.metrics.most_biased import most_biased
from embias.metrics.probe_accuracy import CARD, probe_accuracy
from embias.stats import wilson_interval


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([None, 2, 5]), st.floats(0.05, 0.95))
def test_splits_divide_no_unit_and_every_label_alike(seed, folds, share):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 4, 24)
    unit = np.repeat(np.arange(24), sizes)
    label = (np.arange(24) % 3 == 0).astype(int)
    codes = label[unit]
    found = list(splits_of(Split(share, folds), unit, codes, np.random.default_rng(0)))
    assert len(found) == (folds or 1)
    for train, test in found:
        assert sorted([*train, *test]) == list(range(unit.size))
        assert not set(unit[train]) & set(unit[test])
        assert set(codes[train]) == set(codes[test]) == {0, 1}
        tested = len(set(unit[test]))
        if folds is None:
            trained = [len(set(unit[train][codes[train] == c])) for c in (0, 1)]
            expected = [min(max(round(share * n), 1), n - 1) for n in (16, 8)]
            assert trained == expected
        else:
            assert abs(tested - 24 / folds) < 1
    if folds:
        assert sorted(np.concatenate([test for _, test in found])) == list(range(unit.size))


def test_units_are_words_and_equal_rows_joined():
    word = np.array([0, 0, 1, 2, 3, 4])
    number = np.array([7, 3, 3, 1, 5, 1])
    # Word 0 shares a row with word 1, word 2 with word 4.
    assert split_units(word, number).tolist() == [0, 0, 0, 1, 2, 1]


@pytest.mark.parametrize("probe", ["linear", "rbf"])
def test_a_fit_is_that_of_scikit_learn(probe):
    rng = np.random.default_rng(0)
    rows, codes = rng.normal(3, 2, (80, 5)), np.repeat([0, 1], 40)
    rows[codes == 1, 0] += 2
    others = rng.normal(3, 2, (200, 5))
    (guessed,), converged = fit_and_predict(probe, rows, codes, (others,), 0.5, 0)
    scaled = [
        (each - rows.mean(axis=0)) / (rows - rows.mean(axis=0)).std() for each in (rows, others)
    ]
    model = {
        "linear": LogisticRegression(C=0.5, max_iter=2_000),
        # gamma="scale" is one over the dimension times the variance, which is 1 here.
        "rbf": SVC(C=0.5, gamma=1 / 5),
    }[probe]
    assert converged
    assert (guessed == model.fit(scaled[0], codes).predict(scaled[1])).mean() > 0.99


def test_accuracy_is_that_of_the_splits():
    """The same splits, fitted by hand."""
    rows, labels = two_sides(30, 0.8, seed=2)
    result = probe_accuracy(rows, labels, probe="rbf", folds=4, n_seeds=2, lengths="raw", rng=5)
    codes = (labels == "she").astype(int)
    order = np.lexsort(rows.T[::-1])
    fresh, same = [], []
    right = np.zeros((2, 60))
    for seed, child in enumerate(np.random.SeedSequence(5).spawn(2)):
        generator = np.random.default_rng(child)
        known = []
        for train, test in splits_of(Split(0.2, 4), np.arange(60), codes[order], generator):
            model = SVC(gamma="scale").fit(rows[order][train], codes[order][train])
            right[seed, order[test]] = model.predict(rows[order][test]) == codes[order][test]
            known.append(model.score(rows[order][train], codes[order][train]))
        fresh.append(right[seed].mean())
        same.append(np.mean(known))
    assert result.value == pytest.approx(np.mean(fresh))
    assert result.figures["same_data"] == pytest.approx(np.mean(same))
    assert result.figures["seeds_sd"] == pytest.approx(np.std(fresh))
    assert result.scores["words"] == pytest.approx(right.mean(axis=0))
    by_label = [right.mean(axis=0)[codes == c].mean() for c in (0, 1)]
    assert result.figures["balanced"] == pytest.approx(np.mean(by_label))
    assert result.interval == wilson_interval(round(result.value * 60), 60)
    assert result.counts["tested"] == 60


@pytest.mark.parametrize("probe", ["linear", "rbf", "mlp"])
def test_separated_words_are_told_apart_and_noise_is_not(probe):
    options = {"probe": probe, "n_seeds": 2, "rng": 0}
    assert probe_accuracy(*two_sides(30, 5), **options).value == 1
    noise = probe_accuracy(*two_sides(100, 0), folds=3, **options)
    assert noise.value == pytest.approx(0.5, abs=0.12)
    assert noise.no_bias == 0.5
    assert noise.interval.low < 0.5 < noise.interval.high


def test_only_a_non_linear_probe_sees_a_side_that_is_not_linear():
    """Sides are the sign of a product: no direction tells them, a kernel does."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 2))
    sides = rows[:, 0] * rows[:, 1] > 0
    options = {"lengths": "raw", "folds": 3, "n_seeds": 1, "rng": 0}
    linear = probe_accuracy(rows, sides, probe="linear", **options)
    assert linear.value < 0.62
    assert probe_accuracy(rows, sides, probe="rbf", **options).value > 0.9
    assert probe_accuracy(rows, sides, probe="mlp", **options).value > 0.9


def test_fresh_words_are_not_those_of_the_fit():
    rng = np.random.default_rng(1)
    rows, labels = rng.normal(size=(60, 200)), rng.permutation(np.repeat([0, 1], 30))
    result = probe_accuracy(rows, labels, probe="linear", folds=5, rng=0)
    assert result.figures["same_data"] == 1
    assert result.value < 0.7


def test_rows_given_twice_and_contexts_of_a_word_do_not_leak():
    """Labels drawn at random cannot be learnt; copies of what was trained on can."""
    rng = np.random.default_rng(2)
    rows, labels = rng.normal(size=(80, 30)), rng.permutation(np.repeat([0, 1], 40))
    twice, both = np.concatenate([rows, rows]), np.concatenate([labels, labels])
    options = {"train_share": 0.7, "n_seeds": 3, "rng": 0}
    assert probe_accuracy(twice, both, **options).value < 0.65
    near = twice + 1e-3 * rng.normal(size=twice.shape)
    # Copies that differ a little leak, unless the words are said.
    assert probe_accuracy(near, both, **options).value > 0.75
    words = np.tile(np.arange(80), 2)
    result = probe_accuracy(near, both, words=words, **options)
    assert result.value < 0.65
    assert result.counts == {"words": 80, "tested": 24, "label 0": 40, "label 1": 40}
    assert len(result.scores["words"]) == 80


@pytest.mark.parametrize("probe", ["linear", "rbf"])
@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 2**32 - 1))
def test_order_rotation_and_scale_change_nothing(probe, seed):
    rng = np.random.default_rng(seed)
    rows, labels = two_sides(20, 0.6, seed, d=4)
    options = {"probe": probe, "folds": 2, "n_seeds": 2, "lengths": "raw", "rng": 0}
    result = probe_accuracy(rows, labels, **options)
    order = rng.permutation(40)
    mixed = probe_accuracy(rows[order], labels[order] == "she", **options)
    assert mixed.value == result.value
    assert np.array(result.scores["words"])[order].tolist() == list(mixed.scores["words"])
    # The splits are of the original rows, so that only the probe is asked.
    rotation = np.linalg.qr(rng.normal(size=(4, 4)))[0]
    moved = probe_accuracy(50 * rows @ rotation + 3, labels, original=rows, **options)
    assert moved.figures["original"] == result.value
    assert moved.value == pytest.approx(result.value, abs=0.026)
    stretched = rows * [1e-3, 1, 1, 1]
    # The side is along the first axis: shrinking it hides it from the probe.
    hidden = probe_accuracy(stretched, labels, original=rows, **options)
    assert hidden.figures["original"] == result.value


def test_p_is_that_of_relabelled_words():
    result = probe_accuracy(
        *two_sides(10, 8), probe="linear", folds=2, n_seeds=1, n_resamples=49, rng=0
    )
    assert (result.pvalue, result.pvalue_method, result.n_resamples) == (0.02, "sampled", 49)
    assert 0.3 < result.figures["null_mean"] < 0.6
    found = [
        probe_accuracy(
            *two_sides(8, 0, seed), probe="linear", folds=2, n_seeds=1, n_resamples=19, rng=seed
        )
        for seed in range(12)
    ]
    assert 0.25 < np.mean([each.pvalue for each in found]) < 0.8
    assert probe_accuracy(*two_sides(10, 8), rng=0).pvalue is None


def test_the_majority_is_what_no_bias_gives():
    rng = np.random.default_rng(0)
    result = probe_accuracy(
        rng.normal(size=(100, 3)), np.repeat([0, 1], [80, 20]), probe="rbf", folds=5, rng=0
    )
    assert result.no_bias == result.figures["majority"] == 0.8
    assert result.value == pytest.approx(0.8, abs=0.03)
    assert result.figures["balanced"] == pytest.approx(0.5, abs=0.1)


def test_vectors_that_coincide():
    labels = np.repeat([0, 1], 10)
    with pytest.raises(InputError, match="rows with the same coordinates count as one"):
        probe_accuracy(np.ones((20, 3)), labels, folds=2, rng=0)
    # Six places with words of both labels: what is learnt at some does not help at others.
    places = np.eye(6)[np.arange(20) % 6]
    result = probe_accuracy(places, labels, folds=2, rng=0)
    assert result.value == pytest.approx(0.5, abs=0.1)
    assert result.counts["tested"] == 20


def test_he_and_she_words_are_told_apart_also_without_the_direction(extract):
    vectors = extract.vectors.astype(np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    he, she = (vectors[list(extract.words).index(word)] for word in ("he", "she"))
    rows, sides = most_biased(association_scores(vectors, [he], [she]), 500)
    g = (he - she) / np.linalg.norm(he - she)
    without = vectors - np.outer(vectors @ g, g)
    for probe in ("rbf", "linear"):
        result = probe_accuracy(
            without[rows], sides, original=vectors[rows], probe=probe, n_seeds=3, rng=0
        )
        assert result.figures["original"] > 0.99
        assert 0.84 < result.value < 0.94
        assert result.counts["tested"] == 800
        # By scikit-learn alone, on a split of its own.
        mixed = np.random.default_rng(0).permutation(1_000)
        model = SVC() if probe == "rbf" else LogisticRegression(C=1 / 300)
        units = (
            without[rows] / np.linalg.norm(without[rows], axis=1, keepdims=True) * math.sqrt(300)
        )
        model.fit(units[mixed[:200]], sides[mixed[:200]])
        assert result.value == pytest.approx(
            model.score(units[mixed[200:]], sides[mixed[200:]]), abs=0.05
        )


def test_an_audit_runs_it():
    rows, _ = two_sides(10, 5)

    def roles(n):
        return RoleVectors(
            rows[:10], rows[10 : 10 + n], rows[:1], rows[8:9], None, np.random.default_rng(0)
        )

    result = CARD.run(roles(10))
    assert result.value == result.figures["linear"] == 1
    assert result.settings["folds"] == 5
    assert len(result.scores["words"]) == 20
    with pytest.raises(InputError, match="Y has 7 words; at least 8 on each side"):
        CARD.run(roles(7))


def test_progress_is_shown_where_asked_for(capsys):
    probe_accuracy(*two_sides(10, 5), probe="linear", n_seeds=3, rng=0, progress=True)
    assert "probing" in capsys.readouterr().err
    probe_accuracy(*two_sides(10, 5), probe="linear", n_seeds=3, rng=0)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": [0] * 6}, "labels are all 0"),
        ({"labels": [0] * 5 + [1]}, "1 has 1 word"),
        ({"folds": 4}, "0 has 3 word.s. that can be divided.*and 4 folds need 4"),
        ({"folds": 1}, "folds=1"),
        ({"probe": "tree"}, "probe='tree'"),
        ({"train_share": 1.0}, "train_share=1.0"),
        ({"strength": 0}, "strength=0"),
        ({"lengths": "long"}, "lengths='long'"),
        ({"n_seeds": 0}, "n_seeds=0"),
        ({"n_resamples": -1}, "n_resamples=-1"),
        ({"words": list("aabbcc")}, "'b' has rows with different labels"),
        ({"original": np.eye(5)}, "original has 5 rows"),
    ],
)
def test_arguments_are_checked(changes, message):
    arguments = {"vectors": np.eye(6), "labels": [0, 0, 0, 1, 1, 1], **changes}
    with pytest.raises(InputError, match=message):
        probe_accuracy(**arguments)


def test_a_vector_that_is_not_finite_is_named():
    vectors = np.eye(6)
    vectors[4, 0] = np.nan
    with pytest.raises(VectorError, match=r"vectors\[4\]"):
        probe_accuracy(vectors, [0, 0, 0, 1, 1, 1])
