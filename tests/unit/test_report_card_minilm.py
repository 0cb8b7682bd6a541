"""The report card on sentence vectors of the real MiniLM."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from embias import AssociationTest, WordSet, as_encoder, report_card
from embias.transforms import LEACE

MALE = [
    *("man", "boy", "brother", "father", "son", "uncle"),
    *("nephew", "dad", "grandson", "king", "prince", "gentleman"),
]
FEMALE = [
    *("woman", "girl", "sister", "mother", "daughter", "aunt"),
    *("niece", "mom", "granddaughter", "queen", "princess", "lady"),
]
JOBS = ("accountant", "artist", "baker", "doctor", "judge", "nurse", "teacher", "chef")
FRAMES = ("The {} is {} {}.", "Here is the {} who works as {} {}.")


@pytest.fixture(scope="module")
def cards():
    pytest.importorskip("sentence_transformers")
    encoder = as_encoder("minilm")
    items = [
        (frame.format(word, "an" if job[0] in "aeiou" else "a", job), gender, word, job)
        for gender, words in (("male", MALE), ("female", FEMALE))
        for word in words
        for job in JOBS
        for frame in FRAMES
    ]
    texts, y, words, jobs = (np.array(column) for column in zip(*items, strict=True))
    X = encoder.encode(texts.tolist())
    test = AssociationTest(
        "names",
        (WordSet("male names", ["John", "Paul", "Mike", "Kevin", "Steve", "Greg"]),
         WordSet("female names", ["Amy", "Joan", "Lisa", "Sarah", "Diana", "Kate"])),
        (WordSet("he", ["he", "him", "his"]), WordSet("she", ["she", "her", "hers"])),
        templates=("This is {}.", "{} is here."),
    )  # fmt: skip
    given = {
        "groups": words, "task": jobs, "association": test, "encoder": encoder, "n_splits": 2,
        "probes": ["linear", "rbf"],
    }  # fmt: skip
    return {
        "raw": report_card(LEACE(shrinkage=True), X, y, **given),
        "unit": report_card(LEACE(shrinkage=True), X, y, normalise=True, **given),
        "rows": (X, y, words),
    }


def test_gender_is_read_before_and_not_by_a_fresh_linear_probe_after(cards):
    # Of two frames a word, with shrinkage (fewer rows than dimensions), and 12 fresh words: a wide
    # interval. With five frames and no shrinkage the same words are still told (.55 to .95).
    card = cards["raw"]
    figure = card.figure("linear_weak")
    assert figure.before_interval.low > 0.5
    assert figure.before > 0.85
    assert figure.after_interval.low <= 0.5 <= figure.after_interval.high
    assert figure.n == 12  # words of the fresh half
    assert card.figure("linear_weak_same").reading == "by construction"
    assert card.figure("covariance", "fit").after < 1e-8


def test_the_figure_before_is_that_of_a_probe_on_other_words(cards):
    X, y, words = cards["rows"]
    shares = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        train = np.concatenate([rng.permutation(MALE)[:5], rng.permutation(FEMALE)[:5]])
        inside = np.isin(words, train)
        model = LogisticRegression(C=100 * 384, max_iter=2_000).fit(X[inside], y[inside])
        shares.append(model.score(X[~inside], y[~inside]))
    assert cards["raw"].figure("linear_weak").before == pytest.approx(np.mean(shares), abs=0.1)


def test_what_is_kept_and_what_it_costs(cards):
    card = cards["raw"]
    assert card.figure("task_linear").after > 0.95
    assert 0.3 < card.figure("neighbours").after < 0.95
    assert card.figure("cosines").after > 0.8
    rank = card.figure("rank")
    assert rank.before - rank.after == 1
    weat = card.figure("weat_statistic")
    assert weat.before_interval.low > 0
    assert abs(weat.after) < weat.before


def test_at_unit_length_the_same_rows_leak(cards):
    same = cards["unit"].figure("linear_weak_same")
    assert cards["raw"].figure("linear_weak_same").after == pytest.approx(0.5)
    assert same.after > 0.7
    assert same.reading == "remains"
