"""Whatever a sentence holds: a word's tokens hold all of the word and nothing apart from it."""

from __future__ import annotations

import functools
from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from embias.encoders._tf_tokens import around, owners, span_tokens, tokenize, windows
from fixtures.tiny_models import FAMILIES, tokenizer_of

PLAIN = ["he", "here", "The", "José", "naïve", "re-elected", "unbelievably", "can't", "x", "1984"]
ODD = [
    "🙂",
    "👩\u200d💻",
    "日本",
    "ß",
    "Ωmega",
    "(",
    "...",
    "!",
    "'s",
    '"',
    "#",
    "«",
    "she's",
    "a_b",
]
words = st.lists(st.sampled_from(PLAIN + ODD), min_size=1, max_size=2).map("".join)
gaps = st.sampled_from([" ", " ", " ", "  ", "\n", "\t "])
before = st.sampled_from(["", "", "(", '"', "🙂", "¿"])
after = st.sampled_from(["", "", ".", ",", "!)", "🙂", "'s"])
prompts = st.sampled_from(["", "query: ", "🙂 é: ", "Instruct: say\nText:"])

tokenizer_for = functools.cache(tokenizer_of)


@st.composite
def sentences(draw):
    """Draw a sentence and the span of one of its words."""
    parts = draw(st.lists(st.tuples(before, words, after, gaps), min_size=1, max_size=6))
    chosen = draw(st.integers(0, len(parts) - 1))
    text, span = "", (0, 0)
    for number, (left, word, right, gap) in enumerate(parts):
        text += left
        if number == chosen:
            span = (len(text), len(text) + len(word))
        text += word + right + gap
    return text, *span


def marks(piece):
    return not piece.strip("▁Ġ")


@settings(max_examples=150, deadline=None)
@given(family=st.sampled_from(FAMILIES), sentence=sentences(), prompt=prompts)
def test_tokens_of_a_word(family, sentence, prompt):
    text, start, stop = sentence
    tokenizer = tokenizer_for(family)
    tokens = tokenize(tokenizer, [text], prompt, "t")[0]
    found = span_tokens(tokenizer, tokens, start, stop, "t")
    first, last = start + len(prompt), stop + len(prompt)
    encoded = tokenizer(prompt + text, return_offsets_mapping=True)
    offsets = encoded["offset_mapping"]
    assert encoded["input_ids"] == tokens.ids.tolist()
    # in order, each once, none special, none outside
    assert found.tolist() == sorted(set(found.tolist()))
    assert not tokens.special[found].any()
    for place in found:
        assert offsets[place][0] < last
        assert offsets[place][1] > first
    # together they hold every character of the word
    held = {char for place in found for char in range(*offsets[place])}
    assert held >= set(range(first, last))
    # what was left out holds nothing of the word, or is nothing but the mark of a space
    pieces = tokenizer.convert_ids_to_tokens(encoded["input_ids"])
    for place in set(range(len(tokens))) - set(found.tolist()):
        a, b = offsets[place]
        assert not (a < last and b > first and b > a) or marks(pieces[place])
    # and the tokenizer reads the word in them, when it can write it
    exact = min(offsets[p][0] for p in found) >= first and max(offsets[p][1] for p in found) <= last
    known = tokenizer.unk_token_id not in tokens.ids[found].tolist()
    if family in {"gpt2", "roberta", "llama"} and exact and known:
        assert tokenizer.decode(tokens.ids[found]).strip() == text[start:stop].strip()
    if family in {"gpt2", "roberta", "llama"}:
        assert text[start:stop] in tokenizer.decode(tokens.ids[found])


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), sentence=sentences(), prompt=prompts)
def test_prompt_and_text_share_no_token(family, sentence, prompt):
    text = sentence[0]
    tokens = tokenize(tokenizer_for(family), [text], prompt, "t")[0]
    order = [0, tokens.lead, tokens.head, tokens.tail, len(tokens)]
    assert order == sorted(order)
    assert tokens.special[: tokens.lead].all()
    assert tokens.special[tokens.tail :].all()
    assert not tokens.special[tokens.lead : tokens.tail].any()
    assert (tokens.stops[tokens.lead : tokens.head] <= len(prompt)).all()
    assert tokens.stops[tokens.head] > len(prompt) or not prompt
    if not prompt:
        assert tokens.lead == tokens.head


lengths = st.integers(1, 60)


@settings(max_examples=300, deadline=None)
@given(start=st.integers(0, 5), size=lengths, room=lengths, data=st.data())
def test_windows_cover_everything_once(start, size, room, data):
    overlap = data.draw(st.integers(0, room - 1))
    stop = start + size
    found = windows(start, stop, room, overlap)
    assert found[0][0] == start
    assert found[-1][1] == stop
    if size <= room:
        assert found == [(start, stop)]
    else:
        assert all(b - a == room for a, b in found)
        assert all(first[1] - second[0] >= overlap for first, second in pairwise(found))
        assert all(first[0] < second[0] for first, second in pairwise(found))
    owner = owners(found)
    assert len(owner) == size
    assert (np.diff(owner) >= 0).all()
    assert set(owner.tolist()) == set(range(len(found)))  # no window is run for nothing
    for token in range(start, stop):
        depth = {
            n: min(token - a, b - 1 - token) for n, (a, b) in enumerate(found) if a <= token < b
        }
        best = max(depth.values())
        assert owner[token - start] == min(n for n, d in depth.items() if d == best)


@settings(max_examples=300, deadline=None)
@given(start=st.integers(0, 5), size=lengths, data=st.data())
def test_the_window_around_a_word(start, size, data):
    first = data.draw(st.integers(start, start + size - 1))
    last = data.draw(st.integers(first, start + size - 1))
    room = data.draw(st.integers(last - first + 1, 80))
    a, b = around(first, last, start, start + size, room)
    assert start <= a <= first <= last < b <= start + size
    assert b - a == min(room, size)
    if start < a and b < start + size:  # in the middle, but for one token
        assert (first - a) - (b - 1 - last) in {0, -1}
