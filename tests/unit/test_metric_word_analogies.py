"""Analogy questions."""

import itertools
import math
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embias import metrics
from embias.errors import DataFileError, InputError, VectorError
from embias.metrics.analogy_questions import AnalogyQuestions, question_rows, read_analogies
from embias.metrics.word_analogies import CARD, word_analogies
from embias.stats import wilson_interval

# The package shows the function under the name of its module.
module = sys.modules["embias.metrics.word_analogies"]

PEOPLE = ["he she", "his her", "man woman", "boy girl", "brother sister", "father mother"]
OTHERS = [
    *("actor actress", "prince princess", "uncle aunt", "nephew niece", "doctor nurse"),
    *("he him", "poetry poet", "science scientist", "king queen"),
]


def by_brute_force(vectors, question, method, exclude, epsilon=0.001):
    """Return whether one question is answered, score by score."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    a, b, c, d = question
    scores = []
    for w in range(len(units)):
        with_a, with_b, with_c = (float(units[w] @ units[i]) for i in (a, b, c))
        if method == "3cosadd":
            score = with_b - with_a + with_c
        else:
            score = (1 + with_b) / 2 * (1 + with_c) / 2 / ((1 + with_a) / 2 + epsilon)
        scores.append(-math.inf if exclude and w in (a, b, c) else score)
    return int(np.argmax(scores)) == d


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["3cosadd", "3cosmul"]), st.booleans())
def test_it_is_the_search_one_word_at_a_time(seed, method, exclude):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(9, 4))
    questions = rng.integers(0, 9, size=(40, 4))
    found = word_analogies(vectors, questions, method=method, exclude_inputs=exclude)
    expected = [by_brute_force(vectors, q, method, exclude) for q in questions]
    assert found.scores["questions"] == tuple(map(float, expected))
    assert found.value == pytest.approx(np.mean(expected))
    key = "accuracy_excluding_inputs" if exclude else "accuracy_unrestricted"
    assert found.figures[key] == found.value


def test_blocks_do_not_change_a_figure(monkeypatch):
    rng = np.random.default_rng(0)
    vectors, questions = rng.normal(size=(50, 5)), rng.integers(0, 50, size=(300, 4))
    whole = [word_analogies(vectors, questions, method=m) for m in ("3cosadd", "3cosmul")]
    monkeypatch.setattr(module, "_AT_ONCE", 97)
    parts = [word_analogies(vectors, questions, method=m) for m in ("3cosadd", "3cosmul")]
    assert parts == whole
    assert whole[0].value > 0


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_rotation_length_and_order_change_nothing(seed):
    rng = np.random.default_rng(seed)
    vectors, questions = rng.normal(size=(30, 5)), rng.integers(0, 30, size=(60, 4))
    found = word_analogies(vectors, questions)
    rotation = np.linalg.qr(rng.normal(size=(5, 5)))[0]
    moved = word_analogies(vectors @ rotation * rng.uniform(0.1, 9, size=(30, 1)), questions)
    assert moved.scores == found.scores
    order = rng.permutation(30)
    place = np.argsort(order)
    assert word_analogies(vectors[order], place[questions]).scores == found.scores
    # b and c stand for each other, a and b do not.
    assert word_analogies(vectors, questions[:, [0, 2, 1, 3]]).scores == found.scores


def test_parallelograms_are_answered_and_turned_ones_are_not():
    rng = np.random.default_rng(1)
    base, gender = rng.normal(size=(6, 60)), rng.normal(size=60)
    vectors = np.vstack([base, base + gender])
    pairs = list(itertools.permutations(range(6), 2))
    questions = np.array([[i, i + 6, j, j + 6] for i, j in pairs])
    assert word_analogies(vectors, questions).value == 1.0
    turned = word_analogies(vectors, questions[:, [1, 0, 2, 3]])
    assert turned.figures["accuracy_unrestricted"] == 0.0


@pytest.mark.parametrize(
    ("options", "right"),
    # gensim 4.4.0: evaluate_word_analogies(case_insensitive=False) and, question by question,
    # most_similar_cosmul, whose epsilon is 1e-6.
    [({}, 40), ({"method": "3cosmul", "epsilon": 1e-6}, 38)],
)
def test_real_vectors_give_the_figures_of_gensim(extract, options, right):
    lookup = {word: row for row, word in enumerate(extract.words)}
    words = [
        tuple(f"{one} {two}".split())
        for one, two in itertools.product(PEOPLE, OTHERS)
        if one.split()[0] != two.split()[0]
    ]
    questions = AnalogyQuestions(tuple(words), ("",) * len(words))
    found = word_analogies(extract.vectors, question_rows(questions, lookup), **options)
    assert found.counts == {"asked": 53, "questions": 53, "missing": 0, "right": right}
    interval = wilson_interval(right, 53)
    assert (found.interval.low, found.interval.high) == (interval.low, interval.high)
    # Without leaving out the inputs most answers are one of them.
    assert found.figures["accuracy_unrestricted"] < found.value - 0.2


def test_sections_and_missing_words():
    rng = np.random.default_rng(1)
    base, step = rng.normal(size=(4, 60)), rng.normal(size=60)
    vectors = np.vstack([base, base + step])
    questions = [[0, 4, 1, 5], [0, 4, 2, 6], [0, 4, 3, -1], [0, 4, 1, 6]]
    found = word_analogies(vectors, questions, sections=["good", "good", "good", "bad"])
    assert found.value == pytest.approx(2 / 3)
    assert found.figures["section:good"] == 1.0
    assert found.figures["section:bad"] == 0.0
    interval = wilson_interval(2, 2)
    assert found.figures["section:good:low"] == interval.low
    assert found.counts == {"asked": 4, "questions": 3, "missing": 1, "right": 2}
    assert math.isnan(found.scores["questions"][2])
    assert found.note.startswith("1 of 4 questions")
    none = word_analogies(vectors, [[0, -1, 1, 5]], sections=["lost"])
    assert math.isnan(none.value)
    assert math.isnan(none.figures["section:lost"])
    assert none.interval is None


def test_candidates_bound_the_search():
    rng = np.random.default_rng(1)
    base, step = rng.normal(size=(4, 60)), rng.normal(size=60)
    near = base[1] + step + 0.01 * rng.normal(size=60)
    vectors = np.vstack([base, base + step, [near]])
    question = [[0, 4, 1, 8]]
    assert word_analogies(vectors, question).value == 0.0
    fewer = word_analogies(vectors, question, candidates=[0, 1, 2, 3, 4, 8])
    assert fewer.value == 1.0
    assert fewer.settings["candidates"] == 6
    gone = word_analogies(vectors, question, candidates=[0, 1, 2, 3])
    assert gone.counts["missing"] == 1


def test_ties_and_answers_among_the_inputs_count_as_wrong():
    rng = np.random.default_rng(1)
    base, step = rng.normal(size=(4, 60)), rng.normal(size=60)
    vectors = np.vstack([base, base + step])
    assert word_analogies(vectors, [[0, 4, 1, 5]]).value == 1.0
    doubled = np.vstack([vectors, 2 * vectors[5]])
    assert word_analogies(doubled, [[0, 4, 1, 5]]).value == 0.0
    assert word_analogies(np.ones((5, 3)), [[0, 1, 2, 3]]).value == 0.0
    # a : a :: c : c is answered only while inputs may be answers.
    same = word_analogies(vectors, [[0, 0, 1, 1]])
    assert same.value == 0.0
    assert same.figures["accuracy_unrestricted"] == 1.0


@pytest.mark.parametrize(
    ("questions", "options", "match"),
    [
        (np.zeros((0, 4), dtype=int), {}, "questions has shape"),
        ([[0, 1, 2]], {}, "questions has shape"),
        ([[0, 1, 2, 3], [1]], {}, "questions: not entries of 4"),
        ([[0.0, 1, 2, 3]], {}, "type float64"),
        ([[0, 1, 2, 4]], {}, "rows from 0 to 4"),
        ([[0, 1, 2, 3]], {"sections": "ab"}, "2 sections for 1"),
        ([[0, 1, 2, 3]], {"sections": ["a", "b"]}, "2 sections for 1"),
        ([[0, 1, 2, 3]], {"candidates": [9]}, "rows from 9 to 9"),
        ([[0, 1, 2, 3]], {"candidates": []}, "candidates has shape"),
        ([[0, 1, 2, 3]], {"method": "cosadd"}, "did you mean '3cosadd'"),
        ([[0, 1, 2, 3]], {"epsilon": 0}, "epsilon=0"),
        ([[0, 1, 2, 3]], {"level": 1}, "level=1"),
    ],
)
def test_errors(questions, options, match):
    with pytest.raises(InputError, match=match):
        word_analogies(np.eye(4), questions, **options)


def test_zero_vectors_are_refused():
    with pytest.raises(VectorError, match="zero vector"):
        word_analogies(np.zeros((4, 2)), [[0, 1, 2, 3]])


def test_reading_questions(tmp_path):
    path = tmp_path / "questions.txt"
    path.write_text(
        "\ufeff: capital-common\nAthens Greece Berlin Germany\n\n"
        ": family\r\nboy girl he\tshe\r\n: gram 1\nbig bigger bad worse",
        encoding="utf-8",
        newline="",
    )
    found = read_analogies(path)
    assert found.sections == ("capital-common", "family", "gram 1")
    assert found.words[1] == ("boy", "girl", "he", "she")
    assert len(found) == 3
    assert question_rows(found, {"boy": 0, "she": 3}).tolist()[1] == [0, -1, -1, 3]


@pytest.mark.parametrize(
    ("text", "match"),
    [
        (": a\nb c d\n", "line 2: 3 word"),
        (":\nb c d e\n", "line 1: a section without a name"),
        (": a\n", "has no question"),
        ("\n", "the file is empty"),
    ],
)
def test_broken_question_files(tmp_path, text, match):
    path = tmp_path / "questions.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataFileError, match=match):
        read_analogies(path)


def test_the_card_is_for_arrays(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert metrics.get_metric("word_analogies").takes == "vectors"
    assert not CARD.audited
