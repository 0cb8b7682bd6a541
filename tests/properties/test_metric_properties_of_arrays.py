"""What changes the metrics that are not run by an audit, and what does not: held both ways."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from embias import metrics
from embias.metrics import METRICS

#: As in test_metric_properties.py: ``=`` stays, ``-`` changes its sign, ``c`` is multiplied by
#: the scale, ``!`` changes.  ``.``: there is no such thing to be done to what it takes.
#:
#: lengths, scale, rotate, shift: of all vectors (and of what is given with them: a direction);
#: order: items in another order, with all that belongs to them; turn: what gives a figure its
#: sign is turned round (a direction, the groups, the attributes, the order of time, the words of
#: a pair or the two spaces); twice: one item given twice.
TABLE = """
metric                       | lengths scale rotate shift order turn twice
valnorm                      |    =      =     =      !     =    -     !
indirect_bias                |    =      =     =      !     =    =     !
stereotype_analogies         |    =      =     =      !     =    =     !
analogy                      |    =      =     =      !     =    .     !
association_with_statistics  |    !      =     .      =     =    -     !
gender_specific              |    =      =     =      !     =    .     !
neighbour_bias               |    =      =     =      !     =    =     !
gipe                         |    =      =     =      !     =    =     !
disparity                    |    .      .     .      .     =    .     !
word_similarity              |    =      =     =      !     =    =     !
word_analogies               |    =      =     =      !     =    .     !
neighbour_overlap            |    =      =     =      !     =    =     !
invariance                   |    =      =     =      !     =    .     !
aspect_bias                  |    =      =     =      !     =    .     !
concept_discovery            |    !      =     !      =     =    -     !
diachronic_drift             |    =      =     =      !     =    =     !
diachronic_association       |    =      =     =      !     =    -     !
"""
HEAD, *ROWS = [line.split("|") for line in TABLE.strip().splitlines()]
COLUMNS = HEAD[1].split()
HOLDS = {left.strip(): dict(zip(COLUMNS, right.split(), strict=True)) for left, right in ROWS}
SCALE = 3.7
#: What is fitted to rounding of a loss.
CLOSE = {"gender_specific": 1e-5}


def drawn(seed, n=24, d=5):
    """Vectors of items, what belongs to them, and other vectors beside."""
    rng = np.random.default_rng(seed)
    main = rng.normal(size=(n, d)) + 0.5
    data = SimpleNamespace(
        n=n,
        main=main,
        # Not far from the first, as after a transform or some years.
        other=main + 0.4 * rng.normal(size=(n, d)),
        later=main + 0.8 * rng.normal(size=(n, d)),
        ends=rng.normal(size=(2, d)),
        a=rng.normal(size=(4, d)),
        b=rng.normal(size=(3, d)),
        numbers=rng.normal(size=n),
        labels=rng.integers(0, 2, n),
        topics=rng.integers(0, 3, n),
        pairs=rng.integers(0, n, (20, 2)),
        turned=False,
    )
    # Every label has items.
    data.labels[:6] = [0, 1, 0, 1, 0, 1]
    data.topics[:6] = [0, 0, 1, 1, 2, 2]
    return data


VECTORS = ("main", "other", "later", "ends", "a", "b")
BY_ITEM = ("main", "other", "later", "numbers", "labels", "topics")


def changed(column, data, rng):
    """The same data after what a column says."""
    new = SimpleNamespace(**vars(data))
    d = data.main.shape[1]
    if column == "turn":
        new.turned = True
    elif column in ("order", "twice"):
        rows = rng.permutation(data.n) if column == "order" else np.r_[np.arange(data.n), 0]
        for name in BY_ITEM:
            setattr(new, name, getattr(data, name)[rows])
        if column == "order":
            new.pairs = np.argsort(rows)[data.pairs][rng.permutation(len(data.pairs))]
        else:
            new.pairs = np.vstack([data.pairs, data.pairs[:1]])
        new.n = len(rows)
    else:
        turn, added = np.linalg.qr(rng.normal(size=(d, d)))[0], 2 * rng.normal(size=d)
        for name in VECTORS:
            rows = getattr(data, name)
            change = {
                "lengths": lambda rows: rows * np.exp(rng.normal(size=(len(rows), 1))),
                "scale": lambda rows: rows * SCALE,
                "rotate": lambda rows: rows @ turn,
                "shift": lambda rows: rows + added,
            }[column]
            setattr(new, name, change(rows))
        # Numbers that are no vectors take what there is of it.
        if column == "lengths":
            new.numbers = data.numbers * np.exp(rng.normal(size=data.n))
        elif column in ("scale", "shift"):
            new.numbers = data.numbers * SCALE if column == "scale" else data.numbers + 2
    return new


def direction(data):
    first, second = data.ends / np.linalg.norm(data.ends, axis=1)[:, None]
    return second - first if data.turned else first - second


def both(data, first, second):
    return (second, first) if data.turned else (first, second)


def valnorm(data):
    a, b = both(data, data.a, data.b)
    return metrics.valnorm(
        data.main, data.labels + 0.1 * data.topics, a, b, n_resamples=100, rng=0
    ).value


def indirect_bias(data):
    first, second = both(data, data.main, data.other)
    return metrics.indirect_bias(first, second, direction(data)).figures["mean"]


def stereotype_analogies(data):
    found = metrics.stereotype_analogies(data.main, direction(data), n_pairs=8, delta=2.0)
    return math.fsum(pair.score for pair in found.pairs)


def analogy(data):
    rows = (data.ends, data.a[:1], data.main, data.other)
    found = metrics.analogy(np.vstack(rows), 0, 1, 2, n=5)
    return math.fsum(found.unrestricted_scores)


def association_with_statistics(data):
    scores = -data.numbers if data.turned else data.numbers
    values = data.labels + 0.1 * data.topics
    return metrics.association_with_statistics(scores, values, n_resamples=100, rng=0).value


def gender_specific(data):
    rows = np.vstack([data.main, data.ends, data.a, data.b])
    seeds = [data.n, data.n + 1, data.n + 2, *np.flatnonzero(data.labels)]
    found = metrics.gender_specific(rows, seeds, folds=2, c=0.5)
    return float(np.mean(np.abs(found.scores)))


def neighbour_bias(data):
    bias = (1 - 2 * data.labels) * (1 + data.topics)
    found = metrics.neighbour_bias(
        data.main, -bias if data.turned else bias, k=4, n_resamples=100, rng=0
    )
    return found.value


def gipe(data):
    return metrics.gipe(data.main, direction(data), modified=data.other, k=4).value


def disparity(data):
    found = metrics.disparity(
        data.labels, data.topics > 0, data.topics % 2, min_size=1, n_resamples=100, rng=0
    )
    return found.value


def word_similarity(data):
    pairs = data.pairs[:, ::-1] if data.turned else data.pairs
    # What is judged belongs to the pair of words, whichever comes first.
    ratings = data.labels[pairs].sum(axis=1) + 0.3 * data.topics[pairs].sum(axis=1)
    return metrics.word_similarity(
        data.main, pairs, ratings, n_resamples=100, interval="none"
    ).value


def word_analogies(data):
    # Main to later as main to later, for two items each.
    first, second = data.pairs.T
    questions = np.column_stack([first, first + data.n, second, second + data.n])
    return metrics.word_analogies(np.vstack([data.main, data.later]), questions).value


def neighbour_overlap(data):
    return metrics.neighbour_overlap(*both(data, data.main, data.later), k=4).value


def invariance(data):
    return metrics.invariance([data.main, data.other, data.later]).value


def aspect_bias(data):
    aspects = {"label": data.labels.tolist(), "topic": data.topics.tolist()}
    return metrics.aspect_bias(data.main, aspects, k=4, n_resamples=100).value


def concept_discovery(data):
    # Codes are at least 0; a shift of them stays above.
    codes = np.maximum(data.main, -50) + 50
    first, second = both(data, codes[data.labels == 0], codes[data.labels == 1])
    return metrics.concept_discovery(first, second, n_resamples=100).value


def diachronic_drift(data):
    slices = [data.main, data.other, data.later]
    slices = slices[::-1] if data.turned else slices
    return metrics.diachronic_drift(slices, align=False, n_resamples=100).value


def diachronic_association(data):
    a, b = both(data, data.a, data.b)
    slices = [data.main, data.other, data.later]
    found = metrics.diachronic_association(slices, [a] * 3, [b] * 3, n_resamples=100)
    return found.value


RUN = {
    "valnorm": valnorm,
    "indirect_bias": indirect_bias,
    "stereotype_analogies": stereotype_analogies,
    "analogy": analogy,
    "association_with_statistics": association_with_statistics,
    "gender_specific": gender_specific,
    "neighbour_bias": neighbour_bias,
    "gipe": gipe,
    "disparity": disparity,
    "word_similarity": word_similarity,
    "word_analogies": word_analogies,
    "neighbour_overlap": neighbour_overlap,
    "invariance": invariance,
    "aspect_bias": aspect_bias,
    "concept_discovery": concept_discovery,
    "diachronic_drift": diachronic_drift,
    "diachronic_association": diachronic_association,
}
EXPECTED = {"=": lambda u: u, "-": lambda u: -u, "c": lambda u: SCALE * u}


def close(u, v, tolerance):
    return (math.isnan(u) and math.isnan(v)) or math.isclose(u, v, rel_tol=tolerance, abs_tol=1e-8)


def test_every_metric_of_arrays_is_in_the_table():
    """A new metric needs a row; those of language models are in test_likelihood_properties.py."""
    assert set(HOLDS) == {name for name, card in METRICS.items() if card.takes == "vectors"}
    assert list(RUN) == list(HOLDS)


@pytest.mark.parametrize("name", HOLDS)
def test_what_leaves_a_metric_as_it_is(name):
    marks = {column: mark for column, mark in HOLDS[name].items() if mark in EXPECTED}

    @settings(deadline=None, max_examples=10, phases=[Phase.generate])
    @given(st.integers(0, 2**32 - 1), st.integers(18, 30), st.integers(3, 8))
    def holds(seed, n, d):
        data = drawn(seed, n, d)
        before = RUN[name](data)
        for column, mark in marks.items():
            after = RUN[name](changed(column, data, np.random.default_rng(seed)))
            assert close(after, EXPECTED[mark](before), CLOSE.get(name, 1e-7)), (
                f"{name}: {before} became {after} by {column}"
            )

    holds()


@pytest.mark.parametrize(
    ("name", "column"),
    [
        pytest.param(name, column, id=f"{name}-{column}")
        for name, holds in HOLDS.items()
        for column, mark in holds.items()
        if mark == "!"
    ],
)
def test_what_changes_a_metric_does(name, column):
    """An example of each change, so that no entry of the table says too little."""
    for seed in range(20):
        data = drawn(seed)
        before, after = (
            RUN[name](each) for each in (data, changed(column, data, np.random.default_rng(seed)))
        )
        if abs(after) != pytest.approx(abs(before), rel=1e-3, abs=1e-6):
            return
    pytest.fail(f"{name}: no example shows that {column} changes it")
