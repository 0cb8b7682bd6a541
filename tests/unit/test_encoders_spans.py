"""Which tokens are a word's: against what the tokenizer decodes, and against a pass by hand."""

from __future__ import annotations

import os
import unicodedata

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest
import torch

from embias.encoders._tf_tokens import span_tokens, tokenize
from embias.encoders.transformer import TransformerEncoder
from embias.errors import InputError
from embias.types import InContext
from fixtures.tiny_models import BLOCKS, FAMILIES, build, one_thread, tokenizer_of

BYTES = ("roberta", "gpt2", "llama")


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def pairs():
    return {family: build(family) for family in FAMILIES}


def folded(text, family):
    """Return a text as the tokenizer of the family could decode it, without spaces."""
    text = text.replace("##", "")
    if family == "bert-uncased":
        text = "".join(
            char
            for char in unicodedata.normalize("NFD", text.lower())
            if unicodedata.category(char) != "Mn"
        )
    return "".join(text.split())


def decoded(tokenizer, ids, family):
    return folded(tokenizer.decode(ids, clean_up_tokenization_spaces=False), family)


def by_decoding(tokenizer, family, text, start, stop):
    """Return the places (among all tokens) of the shortest run that decodes to the word there.

    The run ends where the text up to the word's end is decoded, and begins as late as it can, so
    that a piece which is only the mark of a space is not in it.
    """
    encoded = tokenizer(text, return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    inner = [place for place, mark in enumerate(special) if not mark]
    if family == "t5":  # whose pieces that only mark a space have the place of what follows
        inner = [place for place in inner if tokenizer.convert_ids_to_tokens(ids[place]) != "▁"]
    run = [ids[place] for place in inner]
    end = next(
        k
        for k in range(1, len(run) + 1)
        if decoded(tokenizer, run[:k], family) == folded(text[:stop], family)
    )
    begin = max(
        k
        for k in range(end)
        if decoded(tokenizer, run[k:end], family) == folded(text[start:stop], family)
    )
    return inner[begin:end]


def spans(text, word):
    """Return the span of every time that a word stands in a text, not inside another word."""
    found, at = [], text.find(word)
    while at >= 0:
        stop = at + len(word)
        # Two letters side by side at an edge: the word is a part of another one.
        inside = (text[max(at - 1, 0) : at] + word[0]).isalpha() and at > 0
        inside |= (word[-1] + text[stop : stop + 1]).isalpha() and stop < len(text)
        if not inside:
            found.append((at, stop))
        at = text.find(word, at + 1)
    assert found
    return found


def selected(tokenizer, text, start, stop, prompt=""):
    tokens = tokenize(tokenizer, [text], prompt, "t")[0]
    return span_tokens(tokenizer, tokens, start, stop, "t").tolist()


HARD = [
    ("he said that he is here", "he"),  # twice, and inside "here"
    ("he said that he is here", "here"),  # the last word
    ("Is he here?", "here"),  # punctuation attached
    ("(programmer), he said", "programmer"),
    ("unbelievably unhappy", "unbelievably"),  # several pieces, at the start
    ("so unbelievably", "unbelievably"),  # several pieces, at the end
    ("the re-elected programmer", "re-elected"),
    ("José and Zoë", "José"),
    ("so José is here", "José"),
    ("the  cat   is here", "cat"),  # several spaces
    ("\tcat\nis here", "is"),
    ("the cat is here ", "here"),
    ("The Doctor", "Doctor"),
    ("it is here", "it is"),  # two words as one span
    ("the cat", "the cat"),
    ("cat", "cat"),
]
HARD_IN_BYTES = [
    ("cafe\u0301 is here", "cafe\u0301"),  # an accent of its own
    ("so 🙂 he", "🙂"),
    ("🙂 he", "🙂"),
    ("he🙂", "🙂"),
    ("he🙂!", "he"),
    ("a 👩\u200d💻 here", "👩\u200d💻"),
    ("日本 is here", "日本"),
    ("the Ġ and ▁ here", "▁"),
    ("the Ġ and ▁ here", "Ġ"),
]


CASES = [(family, *case) for family in FAMILIES for case in HARD]
# The other families know such characters as the unknown token only, see below.
CASES += [(family, *case) for family in BYTES for case in HARD_IN_BYTES]
CASES.remove(("llama", "the Ġ and ▁ here", "▁"))  # decodes this character as a space, see below


@pytest.mark.parametrize(("family", "text", "word"), CASES)
def test_hard_words(pairs, family, text, word):
    tokenizer, model = pairs[family]
    inputs = tokenizer(text, return_tensors="pt")
    stack = model.get_encoder() if family == "t5" else model
    with torch.no_grad():
        states = stack(**inputs, output_hidden_states=True).hidden_states
    for start, stop in spans(text, word):
        places = by_decoding(tokenizer, family, text, start, stop)
        assert selected(tokenizer, text, start, stop) == places
        assert selected(tokenizer, text, start, stop, prompt="query: ")[0] > places[0]
        for subtokens, rows in (
            ("first", places[:1]),
            ("last", places[-1:]),
            ("mean", places),
        ):
            for layer in (0, 2, BLOCKS):
                encoder = TransformerEncoder(
                    pairs[family], level="word", layer=layer, subtokens=subtokens
                )
                by_hand = states[layer][0, rows].mean(dim=0).numpy()
                row = encoder.encode([InContext(text, start, stop)])[0]
                np.testing.assert_allclose(row, by_hand, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_same_word_twice_gives_the_one_asked_for(pairs, family):
    text = "the cat, the dog and the other cat"
    first, second = spans(text, "cat")
    encoder = TransformerEncoder(pairs[family], level="word")
    rows = encoder.encode([InContext(text, *first), InContext(text, *second)])
    assert np.abs(rows[0] - rows[1]).max() > 1e-3
    np.testing.assert_allclose(encoder.encode([InContext(text, *second)])[0], rows[1], atol=1e-6)


@pytest.mark.parametrize("family", FAMILIES)
def test_a_plain_text_is_the_word_that_is_all_of_it(pairs, family):
    encoder = TransformerEncoder(pairs[family], level="word", subtokens="mean")
    text = "the other cat"
    rows = encoder.encode([text, InContext(text, 0, len(text))])
    np.testing.assert_array_equal(rows[0], rows[1])
    # which is the mean over the text without special tokens, up to marks of spaces
    if family in {"bert-cased", "roberta", "gpt2"}:
        whole = TransformerEncoder(pairs[family], pooling="mean", special_tokens=False)
        np.testing.assert_allclose(rows[0], whole.encode([text])[0], atol=1e-5)


def test_uncased_tokenizers_keep_their_places_in_the_original_text(pairs):
    tokenizer, _ = pairs["bert-uncased"]
    # "İ" becomes two characters when it is lowered, an accent none: offsets must not move.
    text = "İİ JOSE\u0301 SAID Éé HERE"
    start = text.index("HERE")
    assert decoded(tokenizer, ids_at(tokenizer, text, start, start + 4), "bert-uncased") == "here"
    start = text.index("JOSE")
    assert decoded(tokenizer, ids_at(tokenizer, text, start, start + 5), "bert-uncased") == "jose"
    start = text.index("SAID")
    assert decoded(tokenizer, ids_at(tokenizer, text, start, start + 4), "bert-uncased") == "said"


def ids_at(tokenizer, text, start, stop):
    ids = tokenizer(text)["input_ids"]
    return [ids[place] for place in selected(tokenizer, text, start, stop)]


@pytest.mark.parametrize("family", ["gpt2", "roberta", "llama"])
def test_all_bytes_of_a_character_belong_to_it(pairs, family):
    tokenizer, _ = pairs[family]
    text = "so 🙂 he"
    offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
    places = selected(tokenizer, text, 3, 4)
    assert len(places) >= 4
    assert {offsets[place] for place in places[-4:]} == {(3, 4)}


@pytest.mark.parametrize("family", ["bert-cased", "bert-uncased", "t5"])
def test_what_the_tokenizer_does_not_know_is_the_unknown_token(pairs, family):
    tokenizer, _ = pairs[family]
    text = "so 🙂 he"
    encoder = TransformerEncoder(pairs[family], level="word")
    ids = tokenizer(text)["input_ids"]
    places = selected(tokenizer, text, 3, 4)
    assert [ids[place] for place in places] == [tokenizer.unk_token_id]
    assert encoder.how_encoded(InContext(text, 3, 4)) == "as the unknown token"
    assert encoder.how_encoded(InContext(text, 0, 2)) == ""
    assert TransformerEncoder(pairs[family]).how_encoded(text) == ""
    assert TransformerEncoder(pairs[family], pooling="mean").how_encoded("he") == ""


def test_the_mark_of_a_space_is_no_token_of_the_word(pairs):
    tokenizer, _ = pairs["t5"]
    encoded = tokenizer("José he", return_offsets_mapping=True)
    assert tokenizer.convert_ids_to_tokens(encoded["input_ids"])[:2] == ["▁", "J"]
    assert encoded["offset_mapping"][:2] == [(0, 1), (0, 1)]  # which is the trap
    assert selected(tokenizer, "José he", 0, 4) == [1, 2, 3, 4]
    first = TransformerEncoder(pairs["t5"], level="word", subtokens="first", layer=0)
    other = TransformerEncoder(pairs["t5"], level="word", subtokens="first", layer=0)
    rows = first.encode([InContext("José he", 0, 4), InContext("Z he", 0, 1)])
    assert np.abs(rows[0] - rows[1]).max() > 0.01  # the mark would be the same vector
    # The space itself, or the sign that stands for it, is what it is.
    tokenizer, _ = pairs["llama"]
    text = "so  ▁ he"
    ids = tokenizer(text)["input_ids"]
    for start, stop in ((2, 4), (4, 5)):
        places = selected(tokenizer, text, start, stop)
        assert {char for p in places for char in tokenizer.convert_ids_to_tokens(ids[p])} == {"▁"}
    assert other.encode(["he"]).shape == (1, 16)


def test_a_prefix_space_of_byte_pairs_is_no_token_of_the_word():
    from transformers import GPT2Tokenizer

    plain = tokenizer_of("gpt2")
    model = json_model(plain)
    tokenizer = GPT2Tokenizer(vocab=model[0], merges=model[1], add_prefix_space=True)
    text = "🙂 he"
    pieces = tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])
    assert pieces[0] == "Ġ"
    assert selected(tokenizer, text, 0, 1) == [1, 2, 3, 4]
    assert selected(tokenizer, text, 2, 4) == [5]


def json_model(tokenizer):
    import json

    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    return model["vocab"], [tuple(pair) for pair in model["merges"]]


@pytest.mark.parametrize("family", FAMILIES)
def test_part_of_a_word_gets_the_tokens_that_hold_it(pairs, family):
    tokenizer, _ = pairs[family]
    text = "so dogcats unhappy"
    whole = selected(tokenizer, text, 3, 10)
    part = selected(tokenizer, text, 3, 4)
    assert len(part) == 1
    assert part == whole[:1]
    assert selected(tokenizer, text, 9, 10) == whole[-1:] != part


def test_spans_without_tokens(pairs):
    encoder = TransformerEncoder(pairs["bert-cased"], level="word")
    text = "he \u200b is"
    with pytest.raises(InputError, match=r"no token holds the word .* at \[3, 4\).*'he' 'is'"):
        encoder.encode([InContext(text, 3, 4)])


def test_special_tokens_are_never_a_words():
    for family in ("bert-cased", "roberta", "t5", "llama"):
        tokenizer = tokenizer_of(family)
        tokens = tokenize(tokenizer, ["he"], "", "t")[0]
        places = set(selected(tokenizer, "he", 0, 2))
        assert not places & set(np.flatnonzero(tokens.special).tolist())
    # but what is written as one in the text is the caller's word
    tokenizer = tokenizer_of("bert-cased")
    places = selected(tokenizer, "he [SEP] she", 3, 8)
    assert tokenizer.convert_ids_to_tokens(ids_at(tokenizer, "he [SEP] she", 3, 8)) == ["[SEP]"]
    assert places == [2]


def test_a_note_of_info_and_the_prompt_in_spans(pairs):
    encoder = TransformerEncoder(
        pairs["gpt2"], level="word", prompt="query: ", include_prompt=False
    )
    assert encoder.info.prompt == "query: "
    assert encoder.info.include_prompt is None
    whole = encoder.encode(["he is"])
    plain = TransformerEncoder(pairs["gpt2"], level="word")
    np.testing.assert_allclose(whole, plain.encode([InContext("query: he is", 7, 12)]), atol=1e-5)
