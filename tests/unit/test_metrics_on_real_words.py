"""Every metric of an association test, on real vectors, against loops over words."""

import math

import numpy as np
import pytest
from metric_references import REFERENCES, mean, nearness, pearson, weat
from metric_samples import CAREER, FAMILY, FEMALE, MALE, career_and_family, cosine

from embias import AssociationTest, Suite, WordSet, as_encoder, audit
from embias.metrics import METRICS, ceat, diachronic_association

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


def test_every_metric_of_an_association_test_has_a_reference():
    audited = {name for name, card in METRICS.items() if card.audited}
    # What a probe finds depends on its splits, which are compared in its own tests.
    assert set(REFERENCES) == audited - {"probe_accuracy"}


@pytest.mark.parametrize("name", REFERENCES)
def test_an_audit_of_real_words_is_the_loop_over_them(extract, name):
    test = gender(name)
    (row,) = audit(extract, test, metrics=[name]).results
    assert row.status == "ok", row.reason
    found = figures_of(row)
    for figure, value in REFERENCES[name](*vectors_of(extract, test)).items():
        assert found[figure] == pytest.approx(value, rel=CLOSE.get(name, 1e-6), abs=1e-7), figure


@pytest.mark.parametrize("name", REFERENCES)
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


def test_ceat_on_sentences_of_minilm():
    """Contexts by a sentence encoder; the word level by loops, one context each by WEAT's d."""
    encoder = as_encoder("minilm")
    frames = ("{}", "This is about {}.", "They spoke of {} again.")
    sets = [
        [encoder.encode([frame.format(word) for frame in frames]).astype(float) for word in words]
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
    names = [name for name, card in METRICS.items() if card.audited and name != "ripa"]
    found = audit(extract, Suite("s", career_and_family().tests), metrics=names)
    assert [row.metric for row in found.results] == names
    assert all(row.status == "ok" for row in found.results)
    # What two metrics have in common, they agree on.
    rows = {row.metric: row for row in found.results}
    assert rows["generalized_weat"].measure.value == pytest.approx(
        rows["weat"].association.statistic / 2
    )
    assert rows["nas"].measure.value == pytest.approx(rows["sc_weat"].measure.value)
