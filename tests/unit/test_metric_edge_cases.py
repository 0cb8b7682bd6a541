"""What every metric does with missing words, few words, duplicates and words in two sets."""

import math
from dataclasses import fields

import numpy as np
import pytest
from metric_references import REFERENCES

from embias import AssociationTest, WordSet, audit
from embias.errors import EmbiasError, InputError
from embias.metrics import METRICS, EdgeCases, RoleVectors, weat

AUDITED = [name for name, card in METRICS.items() if card.audited]
#: Words of X, Y, A and B; enough for every metric.
SIZES = {"X": 9, "Y": 8, "A": 5, "B": 4}
#: Every pair of targets times every pair of attributes is a loop; so is every division in two.
SMALL = {"bias_analogy_test": (3, 3, 3, 2), "cluster_alignment": (5, 4, 3, 2)}


def named(sizes=SIZES):
    return {role: [f"{role.lower()}{i}" for i in range(n)] for role, n in sizes.items()}


def table(words, seed=3, d=6):
    """A vector for each word of the four sets."""
    rng = np.random.default_rng(seed)
    return {word: rng.normal(size=d) + 0.3 for each in words.values() for word in each}


def association_test(words, pairs):
    sets = {role: WordSet(role, listed) for role, listed in words.items()}
    return AssociationTest("t", (sets["X"], sets["Y"]), (sets["A"], sets["B"]), pairs=pairs)


def row_of(name, words, vectors, pairs=(), **options):
    if name == "ripa" and not pairs:
        pairs = tuple(zip(words["X"], words["Y"], strict=False))
    (row,) = audit(vectors, association_test(words, pairs), metrics=[name], **options).results
    return row


def value_of(row):
    return row.measure.value if row.association is None else row.association.statistic


def arrays(name, seed=0, d=6):
    rng = np.random.default_rng(seed)
    sizes = SMALL.get(name, tuple(SIZES.values()))
    return [rng.normal(size=(n, d)) + 0.3 for n in sizes]


def pairs_of(sets):
    return np.array([(i, i) for i in range(min(len(sets[0]), len(sets[1])))])


def run(name, sets):
    """All figures of a metric on arrays."""
    x, y, a, b = sets
    if name == "weat":
        found = weat(x, y, a, b)
        return {"value": found.statistic, "effect_size": found.effect_size}
    pairs = pairs_of(sets) if name == "ripa" else None
    roles = RoleVectors(x=x, y=y, a=a, b=b, pairs=pairs, rng=np.random.default_rng(0))
    measure = METRICS[name].run(roles)
    return {"value": measure.value, "note": measure.note, **measure.figures}


def by_hand(name, sets):
    return REFERENCES[name](*sets, *([pairs_of(sets)] if name == "ripa" else []))


def assert_by_hand(name, sets):
    found = run(name, sets)
    for figure, value in by_hand(name, sets).items():
        assert found[figure] == pytest.approx(value, rel=1e-5, abs=1e-6), figure


def test_every_card_says_what_becomes_of_them():
    for name, card in METRICS.items():
        for field in fields(EdgeCases):
            text = getattr(card.edge_cases, field.name)
            assert len(text) > 10, f"{name}: {field.name}"
            assert text[0].islower(), f"{name}: {field.name} goes on a line of its own"
            assert text in card.to_text()
        # Only what an audit runs may say what an audit does.
        assert card.audited or "an audit drops" not in card.edge_cases.missing, name


@pytest.mark.parametrize("name", AUDITED)
def test_a_missing_word_is_dropped_counted_and_changes_nothing_else(name):
    words = named()
    vectors = table(words)
    asked = {role: ["unknown" + role, *listed] for role, listed in words.items()}
    row = row_of(name, asked, vectors, min_coverage=0.5)
    without = row_of(name, words, vectors)
    assert row.status == "ok", row.reason
    assert [each.dropped for each in row.counts] == [("unknown" + role,) for role in "XYAB"]
    assert [each.found for each in row.counts] == list(SIZES.values())
    if name == "ripa":
        assert any("1 of 9 pairs dropped with a missing word" in note for note in row.notes)
    assert value_of(row) == pytest.approx(value_of(without), rel=1e-12)
    # One in five is the most that may be missing, unless asked for otherwise.
    gone = {role: [f"unknown{role}{i}" for i in range(4)] + words[role] for role in words}
    refused = row_of(name, gone, vectors)
    assert refused.status == "error"
    assert "min_coverage asks for 80%" in refused.reason
    none_left = row_of(name, {**words, "X": ["x0", "gone"]}, vectors, min_coverage=0.0)
    assert (none_left.status, "at least 2 are needed" in none_left.reason) == ("error", True)


@pytest.mark.parametrize("name", REFERENCES)
def test_sets_of_other_sizes_follow_the_definition(name):
    sets = arrays(name)
    assert len({len(rows) for rows in sets}) > 1
    assert_by_hand(name, sets)
    assert_by_hand(name, [sets[1], sets[0], sets[3], sets[2]])


@pytest.mark.parametrize("name", REFERENCES)
def test_a_word_given_twice_counts_twice(name):
    sets = arrays(name)
    for role in range(4):
        twice = [np.vstack([r, r[:1]]) if i == role else r for i, r in enumerate(sets)]
        assert_by_hand(name, twice)


def test_an_audit_keeps_a_word_given_twice_once_and_says_so():
    words = named()
    with pytest.warns(UserWarning, match="1 repeated word.s. removed, the first is 'x0'"):
        again = WordSet("X", [*words["X"], "x0"])
    assert again.words == tuple(words["X"])


@pytest.mark.parametrize("name", REFERENCES)
@pytest.mark.parametrize(("one", "other"), [(0, 2), (1, 3), (2, 3), (0, 1)])
def test_a_word_in_two_sets_counts_in_both(name, one, other):
    sets = arrays(name, seed=one + other)
    # The last words, so that no pair is of a word with itself.
    sets[other] = np.vstack([sets[other][:-1], sets[one][-1:]])
    assert_by_hand(name, sets)


@pytest.mark.parametrize("name", AUDITED)
def test_in_an_audit_a_word_is_in_one_target_set_and_in_one_attribute_set(name):
    words = named()
    vectors = table(words)
    for one, other, what in (("X", "Y", "targets"), ("A", "B", "attributes")):
        shared = {**words, other: [*words[other], words[one][0]]}
        with pytest.raises(InputError, match=f"is in both {what}"):
            association_test(shared, ())
    both = row_of(name, {**words, "A": ["x0", *words["A"]]}, vectors)
    assert both.status == "ok", both.reason
    assert "Both target and attribute, which adds a cosine of 1: x0." in both.notes


#: What one word on each side of the targets, and of the attributes, comes to.
ONE_WORD = {
    "weat": ("one target on each side", "computed"),
    "generalized_weat": ("computed", "computed"),
    "sc_weat": ("computed", "one attribute each"),
    "nas": ("computed", "one attribute each"),
    "wefat": ("needs three at least", "one attribute each"),
    "same": ("computed", "computed"),
    "semaxis": ("computed", "computed"),
    "rnd": ("computed", "computed"),
    "rnsb": ("computed", "computed"),
    "mac": ("computed", "computed"),
    "ect": ("computed", "needs three at least"),
    "ripa": ("computed", "computed"),
    "bias_analogy_test": ("computed", "one attribute each"),
    "direct_bias": ("computed", "computed"),
    "projections": ("computed", "computed"),
    "cluster_alignment": ("at least 4 on each side", "computed"),
    "knn_recovery": ("at least 6 on each side", "computed"),
    "probe_accuracy": ("at least 8 on each side", "computed"),
}


def test_every_metric_says_what_one_word_comes_to():
    assert list(ONE_WORD) == AUDITED


@pytest.mark.parametrize("name", ONE_WORD)
def test_one_word_on_a_side(name):
    sets = arrays(name)
    for place, outcome in zip((0, 2), ONE_WORD[name], strict=True):
        single = [r[:1] if i in (place, place + 1) else r for i, r in enumerate(sets)]
        if outcome != "computed":
            with pytest.raises(InputError, match=outcome):
                run(name, single)
        elif name in REFERENCES:
            assert_by_hand(name, single)
        else:
            assert math.isfinite(run(name, single)["value"])
    # One attribute against several is enough for all of them.
    against = [*sets[:2], sets[2][:1], sets[3]]
    if name in REFERENCES:
        assert_by_hand(name, against)


@pytest.mark.parametrize("name", AUDITED)
@pytest.mark.parametrize("case", ["X is Y", "A is B", "all one vector", "X cancels out"])
def test_what_is_not_defined_is_said(name, case):
    """A value that is NaN has a note, or there is one clear error; nothing else comes out."""
    x, y, a, b = arrays("any")
    sets = {
        "X is Y": [x, x, a, b],
        "A is B": [x, y, a, a],
        "all one vector": [np.ones_like(rows) for rows in (x, y, a, b)],
        "X cancels out": [np.vstack([x, -x]), y, a, b],
    }[case]
    try:
        found = run(name, sets)
    except EmbiasError as error:
        told = str(error)
    else:
        told = found["note"] if math.isnan(found["value"]) else "defined"
    assert told
    assert "\n" not in told
