"""RNSB on arrays: definition, WEFE's numbers, the classifier's accuracy, errors."""

import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metric_samples import random_sets, shipped, unit
from scipy import optimize
from scipy.stats import entropy

from embias import audit, metrics
from embias.errors import InputError, VectorError
from embias.metrics.rnsb import CARD, rnsb

# The package shows the function under the name of its module.
module = sys.modules["embias.metrics.rnsb"]


def probabilities(words, a, b, C, *, penalised_intercept):
    """P(negative) from the penalised likelihood itself, by another optimiser."""
    rows, sign = np.concatenate([a, b]), np.repeat([-1.0, 1.0], [len(a), len(b)])

    def loss(parameters):
        weights, intercept = parameters[:-1], parameters[-1]
        margins = sign * (rows @ weights + intercept)
        penalty = weights @ weights + penalised_intercept * intercept**2
        pull = -sign / (1 + np.exp(margins))
        gradient = C * np.append(rows.T @ pull, pull.sum()) + np.append(
            weights, penalised_intercept * intercept
        )
        return penalty / 2 + C * np.logaddexp(0, -margins).sum(), gradient

    found = optimize.minimize(
        loss, np.zeros(rows.shape[1] + 1), jac=True, method="BFGS", options={"gtol": 1e-9}
    ).x
    return 1 / (1 + np.exp(-(words @ found[:-1] + found[-1])))


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.1, 1.0, 30.0]))
def test_it_is_the_divergence_of_a_penalised_logistic_regression(seed, C):
    words, _, a, b = random_sets(seed)
    result = rnsb(words, a, b, C=C)
    p = probabilities(unit(words), unit(a), unit(b), C, penalised_intercept=False)
    assert result.scores["words"] == pytest.approx(p, abs=1e-5)
    q = p / p.sum()
    assert result.scores["shares"] == pytest.approx(q, abs=1e-5)
    assert result.value == pytest.approx(sum(s * math.log(s * 6) for s in q), abs=1e-5)
    # What follows from p alone is exact.
    p = np.array(result.scores["words"])
    assert result.value == pytest.approx(entropy(p / p.sum(), np.full(6, 1 / 6)), abs=1e-12)
    assert result.figures["share_of_maximum"] == pytest.approx(result.value / math.log(6))
    raw = rnsb(words, a, b, C=C, convention="sweater")
    p = probabilities(words, a, b, C, penalised_intercept=True)
    assert raw.scores["words"] == pytest.approx(p, abs=2e-3), "liblinear stops early"


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_what_changes_it_and_what_does_not(seed):
    words, _, a, b = random_sets(seed)
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    result = rnsb(words, a, b)
    moved = rnsb(*(v @ rotation * rng.uniform(0.1, 9, (len(v), 1)) for v in (words, a, b)))
    assert moved.value == pytest.approx(result.value, abs=1e-6)
    turned = rnsb(words[::-1], a[::-1], b[::-1])
    assert turned.scores["words"][::-1] == pytest.approx(result.scores["words"], abs=1e-6)
    swapped = rnsb(words, b, a)
    assert swapped.scores["words"] == pytest.approx(
        [1 - p for p in result.scores["words"]], abs=1e-6
    )
    raw = rnsb(words, a, b, vectors="raw")
    assert abs(rnsb(words * 9, a, b, vectors="raw").value - raw.value) > 1e-6
    assert 0 <= result.value <= result.value_range[1] == math.log(6)
    other_seed = rnsb(words, a, b, rng=1)
    assert (other_seed.value, other_seed.scores) == (result.value, result.scores)


def test_limits():
    a, b = np.tile([[1.0, 0.0]], (3, 1)), np.tile([[0.0, 1.0]], (3, 1))
    assert rnsb([[1.0, 1.0]] * 4, a, b).value == pytest.approx(0, abs=1e-12)
    # One word takes all the negativity: ln n.
    words = [[0.0, 1.0], [1.0, 0.0], [1.0, 0.0]]
    one = rnsb(words, a, b, C=1e6)
    assert one.value == pytest.approx(math.log(3), abs=1e-3)
    # Even where the probability of the others is too small for a float.
    far = rnsb(np.array(words) * 1e6, a, b, vectors="raw")
    assert far.value == pytest.approx(math.log(3))
    none = rnsb([[1e6, 0.0], [2e6, 0.0]], a, b, vectors="raw")
    assert none.scores["words"] == (0, 0)
    assert none.value == pytest.approx(math.log(2))


# WEFE 1.0.1 (scikit-learn 1.9.1) on the WEATs of the shipped word2vec vectors: RNSB with the
# targets in two sets, [A, B] as attributes, liblinear; P(negative) of the first X and first Y.
WEFE = [
    (
        "weat1",
        {"convention": "sweater"},
        0.12930826124642805,
        0.1756678013594275,
        0.563223595313876,
    ),
    (
        "weat1",
        {"convention": "sweater", "vectors": "unit"},
        0.0109092181993974,
        0.3937263237,
        0.5209140521,
    ),
    (
        "weat1",
        {"convention": "wefe", "rng": 42},
        0.1276151045517995,
        0.16199057609548806,
        0.5359293219650278,
    ),
    (
        "weat1",
        {"convention": "wefe", "rng": 7},
        0.1083239533268502,
        0.18800563297288797,
        0.5648507157999674,
    ),
    (
        "weat6",
        {"convention": "sweater"},
        0.03816829031241428,
        0.34121827223499734,
        0.5459189839877837,
    ),
    (
        "weat6",
        {"convention": "sweater", "vectors": "unit"},
        0.005978920424808803,
        0.41750794001,
        0.5107943089,
    ),
    (
        "weat6",
        {"convention": "wefe", "rng": 42},
        0.02496563086507143,
        0.3678772328258698,
        0.5398803610290677,
    ),
    (
        "weat6",
        {"convention": "wefe", "rng": 7},
        0.030787077808332633,
        0.3688693012607679,
        0.5754854333756936,
    ),
]


def arrays(extract, name):
    test = shipped(name)
    found = [[w for w in test.words(role).words if w in extract] for role in ("X", "Y", "A", "B")]
    x, y, a, b = (extract.encode(words) for words in found)
    return np.concatenate([x, y]), a, b, len(x)


@pytest.mark.parametrize(("name", "options", "value", "of_x", "of_y"), WEFE)
def test_the_numbers_of_wefe(extract, name, options, value, of_x, of_y):
    words, a, b, n_x = arrays(extract, name)
    result = rnsb(words, a, b, **options)
    # WEFE normalises in float32.
    assert result.value == pytest.approx(value, abs=1e-8)
    assert result.scores["words"][0] == pytest.approx(of_x, abs=1e-8)
    assert result.scores["words"][n_x] == pytest.approx(of_y, abs=1e-8)
    assert ("held_out_accuracy" in result.figures) == (options["convention"] == "wefe")


def test_real_words(extract):
    words, a, b, _ = arrays(extract, "weat1")
    result = rnsb(words, a, b)
    assert result.value == pytest.approx(0.01101037, abs=1e-6)
    assert result.figures["cross_validated_accuracy"] == 0.98
    assert result.note == ""
    # Flowers in front, insects behind.
    p = np.array(result.scores["words"])
    assert p[:25].mean() < 0.43
    assert p[25:].mean() > 0.46


def test_the_classifier_is_judged_on_words_it_has_not_seen():
    rng = np.random.default_rng(0)
    words, a, b = rng.normal(size=(4, 60)), rng.normal(size=(20, 60)), rng.normal(size=(20, 60))
    noise = rnsb(words, a, b, C=100)
    assert 0.2 < noise.figures["cross_validated_accuracy"] < 0.7, "by heart it would be 1"
    assert "the score says little" in noise.note
    a[:, 0] += 50
    apart = rnsb(words, a, b, C=100)
    assert apart.figures["cross_validated_accuracy"] == 1
    assert apart.note == ""
    few = rnsb(words, a[:1], b)
    assert math.isnan(few.figures["cross_validated_accuracy"])
    assert "Too few" in few.note
    assert few.figures["majority_share"] == pytest.approx(20 / 21)


def test_training_that_does_not_end_is_said(monkeypatch):
    words, _, a, b = random_sets(0)
    monkeypatch.setattr(module, "_ITERATIONS", 1)
    assert "did not come to an end" in rnsb(words, a, b).note


def test_duplicates_and_a_word_in_both_sets():
    words, _, a, b = random_sets(4)
    twice = rnsb(np.concatenate([words, words[:1]]), a, b)
    once = rnsb(words, a, b)
    assert twice.scores["words"] == pytest.approx([*once.scores["words"], once.scores["words"][0]])
    both = rnsb(words, a, np.concatenate([b, a[:1]]))
    p = probabilities(unit(words), unit(a), unit([*b, a[0]]), 1, penalised_intercept=False)
    assert both.scores["words"] == pytest.approx(p, abs=1e-5)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"words": [[1.0, 0.0]]}, InputError, "one row"),
        ({"words": [[1.0, 0.0], [0.0, 0.0]]}, VectorError, r"words\[1\]"),
        ({"a": [[math.nan, 0.0]]}, VectorError, r"a\[0\]"),
        ({"a": [[1.0, 0.0, 0.0]]}, InputError, "different dimension"),
        ({"words": [[1e200, 1.0]] * 2, "vectors": "raw"}, VectorError, r"words\[0\] has a"),
        ({"C": 0}, InputError, "C=0"),
        ({"C": True}, InputError, "C=True"),
        ({"C": math.inf}, InputError, "C=inf"),
        ({"folds": 1}, InputError, "folds=1"),
        ({"convention": "wefee"}, InputError, "did you mean 'wefe'"),
        ({"convention": "wefe"}, InputError, "holds out a fifth"),
        ({"vectors": "long"}, InputError, "vectors='long'"),
        ({"rng": "seed"}, InputError, "rng='seed'"),
    ],
)
def test_errors(change, error, match):
    given = {"words": np.eye(2), "a": [[1.0, 0.0]], "b": [[0.0, 1.0]]} | change
    with pytest.raises(error, match=match):
        rnsb(**given)


def test_an_audit_runs_it(extract, monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    (row,) = audit(extract, shipped("weat1"), metrics=["rnsb"]).results
    assert row.measure.value == pytest.approx(0.01101037, abs=1e-6)
    assert row.pvalue is None
    by_word = dict(zip(row.measured, row.measure.scores["words"], strict=True))
    assert by_word["cockroach"] > by_word["daisy"]
    p = np.array(row.measure.scores["words"])
    assert row.measure.figures["mean_negative_y"] == pytest.approx(p[25:].mean())
