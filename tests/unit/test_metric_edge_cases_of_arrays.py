"""What the metrics that no audit runs do with few items, duplicates and items in two sets."""

import math

import numpy as np
import pytest
from metric_samples import score_by_definition

from embias import metrics
from embias.errors import EmbiasError
from embias.metrics import METRICS

RNG = np.random.default_rng(5)
V = RNG.normal(size=(30, 5)) + 0.3
A, B = V[20:24], V[24:27]
G = V[28] - V[29]
LABELS = np.arange(30) % 2
CODES = np.abs(V)
QUICK = {"n_resamples": 100, "rng": 0}


def over_time(x, a=A, b=B, **options):
    slices = [[rows, rows + 0.1, rows * [1, 2, 1, 1, 1]] for rows in (x, a, b)]
    return metrics.diachronic_association(*slices, **{**QUICK, **options})


#: What is refused, and the words of the error.
REFUSED = {
    "valnorm": [
        (lambda: metrics.valnorm(V[:3], [1, 2, 3], A, B), "needs 4"),
        (lambda: metrics.valnorm(V[:5], np.arange(5), A[:1], B[:1]), "one attribute each"),
        (lambda: metrics.valnorm(V[:5], [1, 2, 3, 4, math.nan], A, B), "valence"),
    ],
    "indirect_bias": [(lambda: metrics.indirect_bias(V[:3], V[:2], G), "3")],
    "analogy": [
        (lambda: metrics.analogy(V[:3], 0, 1, 2), "leave no answer"),
        (lambda: metrics.analogy(V[:4], "a", "b", "q", words=list("abcd")), "'q'"),
    ],
    "association_with_statistics": [
        (lambda: metrics.association_with_statistics([1, 2], [2, 3]), "at least 3"),
        (lambda: metrics.association_with_statistics([1, 2, 3], [2, 3]), "2"),
        (lambda: metrics.association_with_statistics([1, 2, 3], [2, 3, math.nan]), "NaN|finite"),
    ],
    "gender_specific": [
        (lambda: metrics.gender_specific(V, [0]), "at least two of each"),
        (lambda: metrics.gender_specific(V[:4], [0, 1, 2]), "at least two of each"),
    ],
    "neighbour_bias": [
        (lambda: metrics.neighbour_bias(V, V[:, 0], targets=[0, 1], k=3), "three"),
        (lambda: metrics.neighbour_bias(V, V[:, 0], targets=[0, 1, 1], k=3), "twice"),
    ],
    "gipe": [
        (lambda: metrics.gipe(V, G, words=[1, 1], k=3), "twice"),
        (lambda: metrics.gipe(V[:3], G, k=3), "k"),
    ],
    "disparity": [
        (lambda: metrics.disparity(LABELS, LABELS, ["one"] * 30), "nothing to compare"),
        (lambda: metrics.disparity(LABELS, LABELS, [None, *LABELS[1:]]), "missing|None"),
    ],
    "word_similarity": [(lambda: metrics.word_similarity(V, [[0, 1], [2, 3]], [1.0]), "ratings")],
    "neighbour_overlap": [
        (lambda: metrics.neighbour_overlap(V[:3], V[:3], k=3), "k"),
        (lambda: metrics.neighbour_overlap(V, V[:9]), "30"),
    ],
    "invariance": [(lambda: metrics.invariance([V]), "two")],
    "aspect_bias": [
        (
            lambda: metrics.aspect_bias(V, {"a": list(range(30)), "b": LABELS.tolist()}, k=3),
            "leave it out",
        ),
    ],
    "concept_discovery": [
        (lambda: metrics.concept_discovery(CODES[:1], CODES[1:2]), "three texts"),
    ],
    "diachronic_drift": [(lambda: metrics.diachronic_drift([V, V[:3]]), "shape")],
    "diachronic_association": [
        (lambda: metrics.diachronic_association([V, V], [A], [B, B]), "slice"),
    ],
}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(*case, id=f"{name}-{i}")
        for name, cases in REFUSED.items()
        for i, case in enumerate(cases)
    ],
)
def test_too_little_is_refused_in_one_sentence(call, message):
    with pytest.raises(EmbiasError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


def test_one_word_or_item_where_that_is_enough():
    assert math.isfinite(metrics.indirect_bias(V[:1], V[1:2], G).value)
    assert metrics.stereotype_analogies(V[:1], G).pairs == ()
    assert math.isfinite(metrics.gipe(V, G, words=[0], k=3).value)
    assert metrics.word_analogies(V, [[0, 1, 2, 3]]).counts
    one = metrics.invariance([V[:1], V[1:2]])
    assert math.isfinite(one.value)
    assert math.isnan(one.figures["other_items"])
    drift = metrics.diachronic_drift([V[:1], V[1:2]], align=False, **QUICK)
    assert math.isfinite(drift.value)
    assert drift.interval is None
    trend = over_time(V[:1], A[:1], B[:1])
    assert math.isfinite(trend.value)
    assert trend.interval is None
    assert math.isfinite(metrics.concept_discovery(CODES[:1], CODES[1:3], **QUICK).value)


def test_what_has_no_figure_has_a_note():
    few = metrics.word_similarity(V, [[0, 1], [2, 3]], [1.0, 2.0], **QUICK)
    none = metrics.word_analogies(V, [[0, 1, 2, -1]])
    small = metrics.disparity(LABELS, LABELS, [*"ab" * 5, *"c" * 20], min_size=10, **QUICK)
    for found in (few, none, small):
        assert math.isnan(found.value)
        assert found.note


def test_missing_items_are_left_out_and_counted():
    pairs = [[0, 1], [2, 3], [4, 5], [6, 7]]
    ratings = [3.0, 1.0, 4.0, 2.0]
    whole = metrics.word_similarity(V, pairs, ratings, **QUICK)
    holed = metrics.word_similarity(V, [[-1, 9], *pairs], [9.0, *ratings], **QUICK)
    assert holed.value == pytest.approx(whole.value)
    assert math.isnan(holed.scores["pairs"][0])
    questions = [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert metrics.word_analogies(V, [*questions, [0, 1, -1, 2]]).value == (
        metrics.word_analogies(V, questions).value
    )
    absent = np.full((1, 5), math.nan)
    drift = metrics.diachronic_drift([V[:9], V[9:18]], align=False, **QUICK)
    other = [np.vstack([V[:9], absent]), np.vstack([V[9:18], V[:1]])]
    assert metrics.diachronic_drift(other, align=False, **QUICK).value == pytest.approx(drift.value)
    seeds = metrics.gender_specific(V, ["w1", "w2", "gone"], words=[f"w{i}" for i in range(30)])
    assert seeds.settings["seeds_missing"] == 1
    alone = [None, *LABELS[1:].tolist()]
    known = metrics.aspect_bias(V, {"a": alone, "b": LABELS[::-1].tolist()}, k=3, **QUICK)
    assert math.isfinite(known.value)


def test_duplicates():
    """Each against its definition: counted twice, merged, or one another's neighbour."""
    twice = np.vstack([V, V[:1]])
    base = metrics.indirect_bias(V[:9], V[9:18], G)
    again = metrics.indirect_bias(np.vstack([V[:9], V[:1]]), np.vstack([V[9:18], V[9:10]]), G)
    scores = base.scores["words"]
    assert again.figures["mean"] == pytest.approx(np.nanmean([*scores, scores[0]]))
    same = metrics.neighbour_overlap(twice, twice, k=1)
    assert same.value == 1.0
    equal = metrics.stereotype_analogies(np.vstack([V[:1], V[:1]]), G)
    assert equal.pairs == ()
    tied = metrics.word_analogies(np.vstack([V, V[3:4]]), [[0, 1, 2, 3]])
    assert tied.scores["questions"] == (0.0,)
    seeds = metrics.gender_specific(V, [1, 2, 2], folds=2)
    assert np.array_equal(seeds.scores, metrics.gender_specific(V, [1, 2], folds=2).scores)
    predicted = np.arange(30) % 3 % 2
    groups = np.repeat(["a", "b"], 15)
    items = [np.r_[each, each[:1]] for each in (LABELS, predicted, groups)]
    found = metrics.disparity(*items, **QUICK)
    correct = (items[0] == items[1])[items[2] == "a"]
    assert correct.size == 16
    assert found.scores["values"][0] == pytest.approx(correct.mean())
    assert found.scores["sizes"] == (16.0, 15.0)


def test_items_in_two_sets():
    assert metrics.indirect_bias(V[:1], V[:1], G).value == pytest.approx(0, abs=1e-12)
    itself = metrics.word_similarity(V, [[0, 0], [1, 2], [3, 4]], [1.0, 2.0, 3.0], **QUICK)
    assert itself.scores["pairs"][0] == pytest.approx(1)
    own = metrics.word_analogies(V, [[0, 1, 0, 1]])
    assert own.value == 0.0
    # As target and attribute a word has a cosine of 1 with itself: by hand, in every slice.
    shared = over_time(A[:1], A[:1], B[:1])
    for i, change in enumerate((lambda v: v, lambda v: v + 0.1, lambda v: v * [1, 2, 1, 1, 1])):
        one, other = change(A[0]), change(B[0])
        cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
        assert shared.figures[f"slice:{i}"] == pytest.approx(1 - cosine)
    equal = metrics.concept_discovery(CODES[:5], CODES[:5], **QUICK)
    assert equal.scores["difference"] == pytest.approx([0.0] * 5, abs=1e-12)
    rated = metrics.valnorm(np.vstack([A, V[:4]]), [9, 9, 9, 9, 1, 2, 3, 4], A, B, **QUICK)
    assert rated.scores["words"][0] == pytest.approx(score_by_definition(A[0], A, B))


def test_every_metric_of_arrays_is_asked():
    asked = {*REFUSED, "stereotype_analogies", "word_analogies"}
    assert asked == {n for n, card in METRICS.items() if card.takes == "vectors"}
