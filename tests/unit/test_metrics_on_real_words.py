"""Every metric of an association test, on real vectors, against loops over words."""

import math

import numpy as np
import pytest
from metric_references import REFERENCES, mean, nearness, pearson, weat
from metric_samples import CAREER, FAMILY, FEMALE, MALE, career_and_family, cosine

from embias import AssociationTest, Suite, WordSet, as_encoder, audit
from embias.encoders import TransformerEncoder
from embias.metrics import METRICS, ceat, diachronic_association
from embias.types import EncoderInfo, Image

#: Loops over analogies and over all divisions into clusters take long, so with fewer words.
FEW = {"bias_analogy_test": 4, "cluster_alignment": 6}
PAIRS = tuple(zip(MALE[:7], FEMALE[:7], strict=True))
#: A classifier's fit ends before the last digit; vectors come as float32.
CLOSE = {"rnsb": 1e-4}


def gender(name):
    """The words of a metric, in sets of different sizes, and the pairs where it asks for them."""
    few = FEW.get(name, 8)
    sets = (
        WordSet("male", MALE[:few]),
        WordSet("female", FEMALE[: few if name in ("knn_recovery", "ripa") else few - 2]),
        WordSet("career", CAREER[:few]),
        WordSet("family", FAMILY[: few - 1]),
    )
    pairs = PAIRS if name == "ripa" else ()
    return AssociationTest("gender", sets[:2], sets[2:], pairs=pairs)


def figures_of(row):
    """Everything a row of an audit says, by name."""
    if row.association is not None:
        found = row.association
        return {"value": found.statistic, "effect_size": found.effect_size}
    return {"value": row.measure.value, **row.measure.figures}


def vectors_of(extract, test):
    sets = [extract.encode(list(test.words(role).words)).astype(float) for role in "XYAB"]
    if not test.pairs:
        return sets
    x, y = (list(test.words(role).words) for role in "XY")
    return [*sets, [(x.index(one), y.index(other)) for one, other in test.pairs]]


#: Words of a table; those of words in sentences, or of pictures, have tests of their own below.
ON_WORDS = [name for name in REFERENCES if METRICS[name].takes == "items"]


def test_every_metric_of_an_association_test_has_a_reference():
    audited = {name for name, card in METRICS.items() if card.audited}
    # What a probe finds depends on its splits, which are compared in its own tests.
    assert set(REFERENCES) == audited - {"probe_accuracy"}


@pytest.mark.parametrize("name", ON_WORDS)
def test_an_audit_of_real_words_is_the_loop_over_them(extract, name):
    test = gender(name)
    (row,) = audit(extract, test, metrics=[name]).results
    assert row.status == "ok", row.reason
    found = figures_of(row)
    for figure, value in REFERENCES[name](*vectors_of(extract, test)).items():
        assert found[figure] == pytest.approx(value, rel=CLOSE.get(name, 1e-6), abs=1e-7), figure


@pytest.mark.parametrize("name", ON_WORDS)
def test_the_loop_tells_other_words_apart(extract, name):
    """The comparison above can fail: other words have other figures."""
    sets = vectors_of(extract, gender(name))
    found = REFERENCES[name](*sets)
    # Two words of career for two of family, and two male terms for female ones.
    for other in (
        [sets[0], sets[1], np.vstack([sets[3][:2], sets[2][2:]]), sets[3], *sets[4:]],
        [np.vstack([sets[1][:2], sets[0][2:]])[:, ::-1], *sets[1:]],
    ):
        if REFERENCES[name](*other)["value"] != pytest.approx(found["value"], rel=1e-3):
            return
    pytest.fail("no other words have another figure")


def test_a_probe_tells_gendered_words_apart_and_shuffled_ones_not(extract):
    gendered = audit(extract, career_and_family(), metrics=["probe_accuracy"]).results[0].measure
    words = [*MALE, *FEMALE]
    mixed = AssociationTest(
        "mixed",
        (WordSet("one", words[::2]), WordSet("other", words[1::2])),
        (WordSet("career", CAREER), WordSet("family", FAMILY)),
    )
    shuffled = audit(extract, mixed, metrics=["probe_accuracy"]).results[0].measure
    assert gendered.value > 0.7 > shuffled.value
    assert gendered.figures["linear"] > 0.8 > shuffled.figures["linear"]


FRAMES = ("{}", "This is about {}.", "They spoke of {} again.")


def in_sentences():
    """The words of a short test in each of the sentences."""
    sets = [("male", MALE[:4]), ("female", FEMALE[:4]), ("career", CAREER[:4]), ("family", FAMILY)]
    words = [WordSet(name, listed[:4]) for name, listed in sets]
    return AssociationTest("t", (words[0], words[1]), (words[2], words[3]), templates=FRAMES)


def by_word(encoder, test):
    return [
        [encoder.encode(test.stimuli(word)).astype(float) for word in test.words(role).words]
        for role in "XYAB"
    ]


def assert_over_words(row, known):
    """The row of a metric has the figures of the loops, and other sentences have others."""
    if row.association is None:
        found = row.measure.figures
    else:
        found = figures_of(row) | {"over words": row.association.unit_effect_size}
    for figure, value in known.items():
        assert found[figure] == pytest.approx(value, rel=1e-5, abs=1e-7), figure


def test_seat_on_sentences_of_minilm():
    encoder, test = TransformerEncoder("minilm"), in_sentences()
    seat, plain = audit(encoder, test, metrics=["seat", "weat"]).results
    texts = [
        [encoder.encode([frame.format(word) for frame in FRAMES]).astype(float) for word in words]
        for words in (MALE[:4], FEMALE[:4], CAREER[:4], FAMILY[:4])
    ]
    known = REFERENCES["seat"](*texts)
    assert_over_words(seat, known)
    assert seat.association == plain.association
    other = REFERENCES["seat"](*[[word[:1] for word in side] for side in texts])
    assert other["value"] != pytest.approx(known["value"], rel=1e-3)


def test_ceat_in_an_audit_of_words_in_sentences_of_minilm():
    """The word level by loops; CES among all d of single draws, near their pooled mean."""
    encoder, test = TransformerEncoder("minilm", level="word"), in_sentences()
    (row,) = audit(encoder, test, metrics=["ceat"]).results
    sets = by_word(encoder, test)
    assert_over_words(row, REFERENCES["ceat"](*sets))
    rng = np.random.default_rng(0)
    drawn = [
        weat(*[[word[rng.integers(len(word))] for word in side] for side in sets])["effect_size"]
        for _ in range(150)
    ]
    error = np.std(drawn) / math.sqrt(len(drawn))
    assert row.measure.value == pytest.approx(np.mean(drawn), abs=5 * error)
    assert row.measure.figures["SD of d over contexts"] == pytest.approx(np.std(drawn), rel=0.3)
    turned = REFERENCES["ceat"](sets[1], sets[0], *sets[2:])
    assert turned["d over words"] == pytest.approx(-row.measure.figures["d over words"], rel=1e-5)


class Shown:
    """An encoder of pictures that have the real vectors of the words they are named by."""

    def __init__(self, table):
        self.table = table
        self.info = EncoderInfo("shown", "image", table.info.dim, modalities=("image",))

    def encode(self, items, *, progress=False):
        return self.table.encode([item.name for item in items])

    def missing(self, items):
        return []


@pytest.mark.parametrize("several", [False, True])
def test_ieat_is_the_loop_over_pictures(extract, several):
    """One picture for each word, or two: d over pictures, which are what is relabelled."""
    lists = (MALE[:4], FEMALE[:4], CAREER[:4], FAMILY[:4])
    own = [[listed[i : i + 1 + several] for i in range(0, 4, 1 + several)] for listed in lists]
    images = {words[0]: tuple(Image(w, w, None) for w in words) for each in own for words in each}
    sets = [WordSet(s, [words[0] for words in each]) for s, each in zip("XYAB", own, strict=True)]
    test = AssociationTest("pictures", (sets[0], sets[1]), (sets[2], sets[3]), images=images)
    (row,) = audit(Shown(extract), test, metrics=["ieat"]).results
    vectors = [[extract.encode(words).astype(float) for words in each] for each in own]
    known = REFERENCES["ieat"](*vectors)
    assert_over_words(row, known)
    assert row.association.n_partitions == math.comb(8, 4)
    one = REFERENCES["ieat"](vectors[1], vectors[0], *vectors[2:])
    assert one["value"] == pytest.approx(-known["value"])


def test_ceat_on_sentences_of_minilm():
    """Contexts by a sentence encoder; the word level by loops, one context each by WEAT's d."""
    encoder = as_encoder("minilm")
    sets = [
        [encoder.encode([frame.format(word) for frame in FRAMES]).astype(float) for word in words]
        for words in (MALE[:4], FEMALE[:4], CAREER[:4], FAMILY[:3])
    ]
    found = ceat(*sets, n_draws=50, n_resamples=100)
    # s(w) is bilinear, so its mean over contexts is that over all triples of contexts.
    of_x, of_y = (
        [
            mean(
                mean(cosine(v, w) for a in sets[2] for w in a)
                - mean(cosine(v, w) for b in sets[3] for w in b)
                for v in word
            )
            for word in side
        ]
        for side in sets[:2]
    )
    assert found.words.statistic == pytest.approx(mean(of_x) - mean(of_y), abs=1e-6)
    single = [[word[:1] for word in side] for side in sets]
    expected = weat(*[np.vstack(side) for side in single])
    alone = ceat(*single, n_draws=2, n_resamples=100)
    assert alone.words.effect_size == pytest.approx(expected["effect_size"], abs=1e-6)
    assert alone.effect_sizes == pytest.approx([expected["effect_size"]] * 2, abs=1e-6)


def test_an_association_over_time_of_real_words(extract):
    """Slices of real vectors that drift towards one attribute set; slopes by the closed form."""
    x, a, b = (extract.encode(words).astype(float) for words in (FEMALE, CAREER, FAMILY))
    towards = a.mean(axis=0)
    slices = [x + step * towards for step in (0.0, 0.3, 0.5)]
    times = [1990.0, 2000.0, 2015.0]
    found = diachronic_association(slices, [a] * 3, [b] * 3, times=times, n_resamples=100)
    levels = [mean(nearness(w, a, b) for w in rows) for rows in slices]
    spread = [math.sqrt(mean((v - mean(each)) ** 2 for v in each)) for each in (times, levels)]
    slope = pearson(times, levels) * spread[1] / spread[0]
    assert found.value == pytest.approx(slope, rel=1e-9)
    assert found.value > 0, "it moves towards career"
    assert [found.figures[f"slice:{i}"] for i in range(3)] == pytest.approx(levels, abs=1e-12)
    still = diachronic_association([x] * 3, [a] * 3, [b] * 3, times=times, n_resamples=100)
    assert still.value == pytest.approx(0, abs=1e-15)


def test_metrics_stand_beside_each_other_in_one_audit(extract):
    # Words in sentences and pictures are in other tests than words alone; ripa asks for pairs.
    names = [n for n, card in METRICS.items() if card.takes == "items" and n != "ripa"]
    found = audit(extract, Suite("s", career_and_family().tests), metrics=names)
    assert [row.metric for row in found.results] == names
    assert all(row.status == "ok" for row in found.results)
    # What two metrics have in common, they agree on.
    rows = {row.metric: row for row in found.results}
    assert rows["generalized_weat"].measure.value == pytest.approx(
        rows["weat"].association.statistic / 2
    )
    assert rows["nas"].measure.value == pytest.approx(rows["sc_weat"].measure.value)
