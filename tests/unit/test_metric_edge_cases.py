"""What every metric does with missing words, few words, duplicates and words in two sets."""

import math
from dataclasses import fields

import numpy as np
import pytest
from metric_references import REFERENCES

from embias import AssociationTest, WordSet, audit
from embias import metrics as functions
from embias.errors import EmbiasError, InputError
from embias.metrics import METRICS, EdgeCases, RoleVectors, weat
from embias.types import EncoderInfo, Image, InContext

AUDITED = [name for name, card in METRICS.items() if card.audited]
#: Words of X, Y, A and B; enough for every metric.
SIZES = {"X": 9, "Y": 8, "A": 5, "B": 4}
#: Every pair of targets times every pair of attributes is a loop; so is every division in two.
SMALL = {"bias_analogy_test": (3, 3, 3, 2), "cluster_alignment": (5, 4, 3, 2)}
#: Metrics of words that have several vectors each: sentences, pictures, contexts.
SEVERAL = ("seat", "ieat", "ceat")


def named(sizes=SIZES):
    return {role: [f"{role.lower()}{i}" for i in range(n)] for role, n in sizes.items()}


def table(words, seed=3, d=6):
    """A vector for each word of the four sets."""
    rng = np.random.default_rng(seed)
    return {word: rng.normal(size=d) + 0.3 for each in words.values() for word in each}


class Known:
    """An encoder that knows some words, in any sentence, or pictures by the word they show."""

    def __init__(self, vectors, kind):
        dim = len(next(iter(vectors.values())))
        self.vectors, pictures = vectors, {"modalities": ("image",)} if kind == "image" else {}
        self.info = EncoderInfo("known", kind, dim, **pictures)

    def encode(self, items, *, progress=False):
        rows = [self.one(item) for item in items]
        return np.array(rows).reshape(len(items), self.info.dim)

    def one(self, item):
        if isinstance(item, Image):
            return self.vectors.get(item.name[:-1], np.full(self.info.dim, math.nan))
        return self.vectors[item.word] + np.random.default_rng(len(item.text)).normal(
            size=self.info.dim
        )

    def missing(self, items):
        # Of a picture it has something to say whatever it shows.
        return [i for i in items if isinstance(i, InContext) and i.word not in self.vectors]


def association_test(words, pairs, name="weat"):
    sets = {role: WordSet(role, listed) for role, listed in words.items()}
    options = {"templates": ("{}.", "This is {}!")} if name in ("seat", "ceat") else {}
    if name == "ieat":
        every = [word for listed in words.values() for word in listed]
        options = {"images": {word: pictures_of(word) for word in every}}
    return AssociationTest(
        "t", (sets["X"], sets["Y"]), (sets["A"], sets["B"]), pairs=pairs, **options
    )


def pictures_of(word):
    return tuple(Image(f"{word}{i}", f"sha256:{word}{i}", None) for i in range(2))


def row_of(name, words, vectors, pairs=(), **options):
    if name == "ripa" and not pairs:
        pairs = tuple(zip(words["X"], words["Y"], strict=False))
    test = association_test(words, pairs, name)
    if name in SEVERAL:
        vectors = Known(vectors, "image" if name == "ieat" else "token")
    (row,) = audit(vectors, test, metrics=[name], **options).results
    return row


def value_of(row):
    return row.measure.value if row.association is None else row.association.statistic


def arrays(name, seed=0, d=6):
    rng = np.random.default_rng(seed)
    sizes = SMALL.get(name, tuple(SIZES.values()))
    several = (2,) if name in SEVERAL else ()
    return [rng.normal(size=(n, *several, d)) + 0.3 for n in sizes]


def pairs_of(sets):
    return np.array([(i, i) for i in range(min(len(sets[0]), len(sets[1])))])


def run(name, sets):
    """All figures of a metric on arrays."""
    if METRICS[name].associates:
        return associated(name, sets)
    contexts = None
    if name == "ceat":
        contexts = {role: tuple(each) for role, each in zip("XYAB", sets, strict=True)}
        sets = [each.mean(axis=1) for each in sets]
    x, y, a, b = sets
    pairs = pairs_of(sets) if name == "ripa" else None
    rng = np.random.default_rng(0)
    roles = RoleVectors(x=x, y=y, a=a, b=b, pairs=pairs, rng=rng, contexts=contexts)
    measure = METRICS[name].run(roles)
    return {"value": measure.value, "note": measure.note, **measure.figures}


def associated(name, sets):
    groups = {}
    if name in SEVERAL:
        of_x, of_y = (
            [(s, i) for i in range(len(each)) for _ in each[i]]
            for s, each in zip("xy", sets[:2], strict=True)
        )
        groups = {"x_groups": of_x, "y_groups": of_y}
        groups["unit"] = "item" if name == "ieat" else "word"
        sets = [each.reshape(-1, each.shape[-1]) for each in sets]
    found = weat(*sets, **groups)
    return {
        "value": found.statistic,
        "effect_size": found.effect_size,
        "over words": found.unit_effect_size,
    }


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
            association_test(shared, (), name)
    both = row_of(name, {**words, "A": ["x0", *words["A"]]}, vectors)
    assert both.status == "ok", both.reason
    assert "Both target and attribute, which adds a cosine of 1: x0." in both.notes


#: What one word on each side of the targets, and of the attributes, comes to.
ONE_WORD = {
    "weat": ("one target on each side", "computed"),
    "seat": ("one target on each side", "computed"),
    # A word has two pictures here, which are relabelled.
    "ieat": ("computed", "computed"),
    "generalized_weat": ("computed", "computed"),
    "sc_weat": ("computed", "one attribute each"),
    "nas": ("computed", "one attribute each"),
    "wefat": ("needs three at least", "one attribute each"),
    "ceat": ("one target word on each side", "computed"),
    "same": ("computed", "computed"),
    "semaxis": ("computed", "computed"),
    "rnd": ("computed", "computed"),
    "rnsb": ("computed", "computed"),
    "mac": ("computed", "computed"),
    "ect": ("computed", "needs three at least"),
    "ripa": ("computed", "computed"),
    "bias_analogy_test": ("computed", "one attribute each"),
    "bias_direction": ("NaN: Nothing is left without one.", "computed"),
    "direct_bias": ("computed", "computed"),
    "projections": ("computed", "computed"),
    "cluster_alignment": ("at least 4 on each side", "computed"),
    "knn_recovery": ("at least 6 on each side", "computed"),
    "probe_accuracy": ("at least 8 on each side", "computed"),
    "intrinsic_dimension": ("computed", "computed"),
    "isotropy": ("computed", "computed"),
    # One target on each side leaves eleven words: all others are neighbours of each.
    "hubness": ("NaN: Every item occurs as often as any other", "computed"),
}


def test_every_metric_says_what_one_word_comes_to():
    assert list(ONE_WORD) == AUDITED


@pytest.mark.parametrize("name", ONE_WORD)
def test_one_word_on_a_side(name):
    sets = arrays(name)
    for place, outcome in zip((0, 2), ONE_WORD[name], strict=True):
        single = [r[:1] if i in (place, place + 1) else r for i, r in enumerate(sets)]
        if outcome.startswith("NaN: "):
            found = run(name, single)
            assert math.isnan(found["value"])
            assert outcome.removeprefix("NaN: ") in found["note"]
        elif outcome != "computed":
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
    x, y, a, b = arrays(name)
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


V = np.random.default_rng(5).normal(size=(30, 5)) + 0.3
CONTEXTS = [[v] for v in V]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: functions.ceat(CONTEXTS[:1], CONTEXTS[1:2], CONTEXTS[2:4], CONTEXTS[4:6]),
            "one target word on each side",
        ),
        (lambda: functions.intrinsic_dimension(V[:9]), "distinct"),
        (lambda: functions.isotropy(V[:1]), "two rows"),
        (lambda: functions.hubness(V[:3], k=3), "k"),
        (lambda: functions.bias_direction(V[:4].reshape(2, 2, 5)), "3 are needed"),
        (lambda: functions.bias_direction([V[:2], V[2:9]], method="two_means"), "needs 3"),
    ],
)
def test_too_little_is_refused_in_one_sentence(call, message):
    with pytest.raises(EmbiasError, match=message) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", AUDITED)
def test_in_an_audit_one_word_in_a_target_set_is_too_few(name):
    words = {**named(), "X": ["x0"]}
    row = row_of(name, words, table(words))
    assert (row.status, "at least 2 are needed" in row.reason) == ("error", True)


def test_words_in_sentences_and_pictures_of_a_word():
    """A word counts by its sentences in d and as one when it is relabelled; a picture as one."""
    sets = [each.reshape(-1, 6) for each in arrays("seat")]
    # The first word of X has four sentences, the others two.
    names = [0, 0, *[i // 2 for i in range(len(sets[0]) - 2)]], [-1 - i // 2 for i in range(16)]
    by_word = weat(*sets, x_groups=names[0], y_groups=names[1])
    by_item = weat(*sets, x_groups=names[0], y_groups=names[1], unit="item")
    plain = weat(*sets)
    assert by_word.n_x + by_word.n_y == 8 + 8 < by_item.n_x + by_item.n_y == 18 + 16
    assert by_word.effect_size == by_item.effect_size == plain.effect_size
    assert by_item.pvalue_bounds == plain.pvalue_bounds
    scores = functions.association_scores(sets[0], sets[2], sets[3])
    assert by_word.scores_x[0] == pytest.approx(scores[:4].mean())
    with pytest.raises(InputError, match="is in both x_groups and y_groups"):
        weat(*sets, x_groups=names[0], y_groups=names[0][:16])


def test_one_word_against_several_in_contexts():
    pairs = functions.ceat(
        CONTEXTS[:1], CONTEXTS[1:4], CONTEXTS[4:6], CONTEXTS[6:7], n_draws=2, n_resamples=100
    )
    assert pairs.words.statistic_interval is None
    assert math.isfinite(pairs.words.statistic)


def test_a_word_of_one_context_beside_others_and_none_with_two():
    sets = arrays("ceat")
    single = [np.repeat(each[:, :1], 2, axis=1) for each in sets]
    found = run("ceat", [single[0], *sets[1:]])
    assert "9 of 26 words have the same vector in every draw." in found["note"]
    with pytest.raises(InputError, match="no word has two different context vectors"):
        run("ceat", single)


def test_pairs_that_a_direction_is_made_of():
    """A pair with a missing word, and one of equal vectors, are left out; three must be left."""
    words = named()
    vectors = table(words)
    pairs = [(f"x{i}", f"y{i}") for i in range(5)]
    whole = row_of("bias_direction", words, vectors, tuple(pairs[:4])).measure
    again = row_of(
        "bias_direction",
        {**words, "X": [*words["X"], "gone"]},
        {**vectors, "y4": vectors["x4"]},
        (*pairs, ("gone", "y5")),
    )
    assert again.measure.value == pytest.approx(whole.value, rel=1e-12)
    assert again.measure.counts == {"used": 4}
    assert "1 of 5 pairs have equal vectors" in again.measure.note
    assert "1 of 6 pairs dropped with a missing word." in again.notes
    few = row_of("bias_direction", words, vectors, tuple(pairs[:2]))
    assert (few.status, "3 are needed" in few.reason) == ("error", True)
    # Without pairs a word of both sets is in both means.
    shared = [vectors[w] for w in words["X"]], [vectors[w] for w in [*words["Y"][1:], "x0"]]
    unit = [np.array(each) / np.linalg.norm(each, axis=1)[:, None] for each in shared]
    g = functions.bias_direction(shared, method="two_means").basis[0]
    step = unit[0].mean(axis=0) - unit[1].mean(axis=0)
    assert np.abs(g - step / np.linalg.norm(step)).max() < 1e-12


def test_duplicates_among_all_words():
    twice = np.vstack([V, V[:1]])
    units = V / np.linalg.norm(V, axis=1, keepdims=True)
    merged = functions.intrinsic_dimension(twice)
    assert merged.value == pytest.approx(functions.intrinsic_dimension(V).value)
    cosines = units @ units.T
    pairs = cosines[np.triu_indices(30, 1)].sum() + cosines[0].sum()
    assert functions.isotropy(twice).figures["mean_cosine"] == pytest.approx(pairs / (31 * 30 / 2))
    copies = functions.hubness(np.vstack([V, np.repeat(V[:1], 6, axis=0)]), k=3)
    assert copies.scores["rows"][0] >= 6
