"""Contexts are found where a plain search letter by letter finds them."""

from __future__ import annotations

import unicodedata

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from embias.encoders._occurrences import _ASCII, token_pattern
from embias.encoders.contexts import find_contexts
from embias.types import InContext

PIECES = ["he", "He", "HE", "the", "re", "s", "New", "York", "City", "é", "e\u0301", "\u0301", "ß"]
PIECES += ["ss", "1", "½", "'", "\u2019", "-", "_", ".", " ", "  ", "\n", "+", "\u200d", "\u00ad"]
PIECES += ["कि", "क", "🙂", "❤\ufe0f", "C", "中", "\u02bc", "İ", "i\u0307", "\u0345"]
pieces = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map("".join)
entries = pieces.map(str.strip).filter(lambda word: any(char.isalnum() for char in word))
sentences = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


def inside_a_word(text):
    """The positions of a text that lie inside a word, by a scan that knows no expressions."""
    inside = set()
    in_word = False
    for at, char in enumerate(text):
        category = unicodedata.category(char)[0]
        was = in_word
        if category in "LN":
            in_word = True
        elif category == "M" or char in "\u200c\u200d\u00ad":
            in_word = was
        elif char in "'\u2019\uff07":
            follows = text[at + 1 : at + 2]
            in_word = was and bool(follows) and unicodedata.category(follows)[0] in "LN"
        else:
            in_word = False
        if was and in_word:
            inside.add(at)
    return inside


def searched(word, text):
    """Every place of a word, by str.find and the edges."""
    inside = inside_a_word(text)
    found, at = [], text.find(word)
    while at >= 0:
        if at not in inside and at + len(word) not in inside:
            found.append(InContext(text, at, at + len(word)))
        at = text.find(word, at + 1)
    return tuple(found)


@settings(max_examples=500, deadline=None)
@given(words=st.lists(entries, min_size=1, max_size=5), texts=st.lists(sentences, max_size=4))
@example(words=["he", "New York", "York City"], texts=["here he is: the New York City he, he's"])
@example(words=["ha ha", "'tis"], texts=["ha ha ha 'tis it'tis"])
@example(words=["\u0301 he", "he -\u0301"], texts=["e\u0301 he -\u0301 \u0301 he -\u0301he -"])
@example(words=["he"], texts=["❤\ufe0fhe he\u0301 he\u200dhe \u0301he"])
def test_places_are_those_of_a_plain_search(words, texts):
    found = find_contexts(words, texts)
    assert list(found) == list(dict.fromkeys(words))
    for word in words:
        stripped = [text.rstrip("\r\n") for text in texts]
        assert found[word] == tuple(place for text in stripped for place in searched(word, text))


@settings(max_examples=300, deadline=None)
@given(words=st.lists(entries, min_size=1, max_size=4), texts=st.lists(sentences, max_size=4))
def test_without_case_each_spelling_is_found(words, texts):
    found = find_contexts(words, texts, case_sensitive=False)
    strict = find_contexts(words, texts)
    for word in words:
        assert set(strict[word]) <= set(found[word])
        for place in found[word]:
            assert place.word.casefold() == word.casefold()
            assert searched(place.word, place.text)  # whole words
        # Every run of characters that folds to the word, at edges of words, letter by letter.
        for text in {text.rstrip("\r\n") for text in texts}:
            inside = inside_a_word(text)
            edges = [at for at in range(len(text) + 1) if at not in inside]
            spans = {
                (start, stop)
                for start in edges
                for stop in edges
                if start < stop and text[start:stop].casefold() == word.casefold()
            }
            assert {(p.start, p.stop) for p in found[word] if p.text == text} == spans


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(codec="ascii"), max_size=30))
def test_the_quick_expression_for_ascii_finds_the_same(text):
    assert _ASCII.findall(text) == token_pattern().findall(text)


def test_the_expression_knows_every_character():
    pattern = token_pattern()
    for code in range(0x110000):
        char = chr(code)
        category = unicodedata.category(char)[0]
        if category in "LN":
            assert pattern.fullmatch(char), hex(code)
        else:
            assert not pattern.search(char), hex(code)
            joins = bool(pattern.fullmatch(f"a{char}b"))
            assert joins == (category == "M" or char in "\u200c\u200d\u00ad'\u2019\uff07"), hex(
                code
            )
            ends = pattern.match(f"a{char}").group()
            assert ends == (f"a{char}" if joins and char not in "'\u2019\uff07" else "a"), hex(code)


@settings(max_examples=60, deadline=None)
@given(
    words=st.lists(entries, min_size=1, max_size=4, unique=True),
    texts=st.lists(sentences, max_size=12),
    limit=st.integers(1, 4),
    seed=st.integers(0, 2**70),
    data=st.data(),
)
def test_a_sample_depends_on_its_own_word_alone(words, texts, limit, seed, data):
    everything = find_contexts(words, texts)
    kept = find_contexts(words, iter(texts), limit=limit, rng=seed)
    other = find_contexts(data.draw(st.permutations(words)), texts, limit=limit, rng=seed)
    for word in words:
        assert other[word] == kept[word]
        assert find_contexts([word], texts, limit=limit, rng=seed)[word] == kept[word]
        assert len(kept[word]) == min(limit, len(everything[word]))
        # In the order of the corpus: a subsequence of all places.
        places = iter(everything[word])
        assert all(any(place == one for one in places) for place in kept[word])


def test_every_subset_is_equally_likely():
    texts = [f"{number} dog" for number in range(6)]
    drawn: dict[tuple[str, ...], int] = {}
    for seed in range(4000):
        places = find_contexts(["dog"], texts, limit=3, rng=seed)["dog"]
        key = tuple(place.text for place in places)
        drawn[key] = drawn.get(key, 0) + 1
    assert len(drawn) == 20  # 6 choose 3
    assert chisquare(list(drawn.values())).pvalue > 0.01
    # Two words draw independently of one another: every pair of places is equally likely.
    both = [f"{number} dog cat" for number in range(5)]
    pairs = np.zeros((5, 5))
    for seed in range(2500):
        found = find_contexts(["dog", "cat"], both, limit=1, rng=seed)
        pairs[int(found["dog"][0].text[0]), int(found["cat"][0].text[0])] += 1
    assert chisquare(pairs.ravel()).pvalue > 0.01
