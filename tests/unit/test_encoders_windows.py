"""Texts that are too long: refused, cut or covered by windows, against windows put up by hand."""

from __future__ import annotations

import os

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest
import torch

from embias.encoders.transformer import TransformerEncoder
from embias.errors import InputError
from embias.types import InContext
from fixtures.tiny_models import FAMILIES, build, one_thread

LONG = "the cat said that he is here, and so the dog and the other cat went home now"
LIMIT = 9


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def pairs():
    return {family: build(family) for family in FAMILIES}


def split(tokenizer, text):
    """Return leading specials, tokens of the text, trailing specials."""
    encoded = tokenizer(text, return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    inner = [place for place, mark in enumerate(special) if not mark]
    return ids[: inner[0]], ids[inner[0] : inner[-1] + 1], ids[inner[-1] + 1 :]


def states_of(pair, ids, layer=-1):
    model = pair[1].get_encoder() if pair[1].config.is_encoder_decoder else pair[1]
    with torch.no_grad():
        output = model(torch.tensor([ids]), output_hidden_states=True)
    return output.hidden_states[layer][0].double().numpy()


def windows_by_hand(pair, text, limit, overlap, layer=-1):
    """Return per window: its first token, the states before, of and behind its tokens."""
    before, ids, after = split(pair[0], text)
    room = limit - len(before) - len(after)
    begins, begin = [], 0
    while begin + room < len(ids):
        begins.append(begin)
        begin += room - overlap
    begins.append(len(ids) - room)
    found = []
    for first in begins:
        states = states_of(pair, [*before, *ids[first : first + room], *after], layer)
        found.append((first, np.split(states, [len(before), len(before) + room])))
    return len(ids), room, found


def stitched_by_hand(size, room, found):
    """Return one state for each token of the whole text, and from which window it is."""
    rows, owner = [], []
    for token in range(size):
        best = None
        for number, (first, _) in enumerate(found):
            if first <= token < first + room:
                depth = min(token - first, first + room - 1 - token)
                if best is None or depth > best[0]:
                    best = (depth, number)
        owner.append(best[1])
        first, (_, states, _) = found[best[1]]
        rows.append(states[token - first])
    return [*found[0][1][0], *rows, *found[-1][1][2]], owner


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("overlap", [0, 3, None])
def test_windows_against_windows_by_hand(pairs, family, overlap):
    options = {"long_inputs": "window", "max_length": LIMIT, "window_overlap": overlap}
    before, _, after = split(pairs[family][0], LONG)
    shared = (LIMIT - len(before) - len(after)) // 2 if overlap is None else overlap
    for layer in (1, -1):
        size, room, found = windows_by_hand(pairs[family], LONG, LIMIT, shared, layer)
        assert len(found) > 2
        rows, owner = stitched_by_hand(size, room, found)
        rows = np.array(rows)
        inner = rows[len(before) : len(before) + size]
        position = np.arange(1, len(rows) + 1)[:, None]
        counts = np.bincount(owner, minlength=len(found))[:, None]
        whole = [np.concatenate(parts) for _, parts in found]
        expected = {
            ("mean", True): rows.mean(axis=0),
            ("mean", False): inner.mean(axis=0),
            ("max", True): rows.max(axis=0),
            ("max", False): inner.max(axis=0),
            ("weighted-mean", True): (position * rows).sum(axis=0) / position.sum(),
            ("last", True): (counts * [part[-1] for part in whole]).sum(axis=0) / size,
            ("last", False): (counts * [p[len(before) + room - 1] for p in whole]).sum(axis=0)
            / size,
        }
        if family.startswith("bert") or family == "roberta":
            expected["cls", True] = (counts * [part[0] for part in whole]).sum(axis=0) / size
        for (pooling, special_tokens), vector in expected.items():
            encoder = TransformerEncoder(
                pairs[family],
                layer=layer,
                pooling=pooling,
                special_tokens=special_tokens,
                **options,
            )
            row = encoder.encode([LONG])[0]
            np.testing.assert_allclose(row, vector, rtol=1e-5, atol=1e-5, err_msg=pooling)
            assert encoder.how_encoded(LONG) == f"{len(found)} windows"
            assert encoder.info.long_inputs == f"window {LIMIT}/{shared}"
            assert encoder.info.max_length == LIMIT


@pytest.mark.parametrize("family", FAMILIES)
def test_a_text_that_fits_is_encoded_as_without_windows(pairs, family):
    texts = ["he is here", "the other cat", LONG]
    exact = len(pairs[family][0](LONG)["input_ids"])
    for pooling in ("mean", "max", "last", "weighted-mean"):
        plain = TransformerEncoder(pairs[family], pooling=pooling)
        window = TransformerEncoder(
            pairs[family], pooling=pooling, long_inputs="window", max_length=exact
        )
        np.testing.assert_array_equal(window.encode(texts), plain.encode(texts))
        assert [window.how_encoded(text) for text in texts] == ["", "", ""]
        one_less = TransformerEncoder(
            pairs[family], pooling=pooling, long_inputs="window", max_length=exact - 1
        )
        assert one_less.how_encoded(LONG) == "2 windows"


@pytest.mark.parametrize("family", FAMILIES)
def test_truncation_is_that_of_the_tokenizer(pairs, family):
    tokenizer, _ = pairs[family]
    cut = TransformerEncoder(
        pairs[family], long_inputs="truncate", max_length=LIMIT, pooling="mean"
    )
    ids = tokenizer(LONG, truncation=True, max_length=LIMIT)["input_ids"]
    assert len(ids) == LIMIT
    expected = states_of(pairs[family], ids).mean(axis=0)
    np.testing.assert_allclose(cut.encode([LONG])[0], expected, rtol=1e-5, atol=1e-5)
    before, inner, after = split(tokenizer, LONG)
    room = LIMIT - len(before) - len(after)
    assert cut.how_encoded(LONG) == f"cut to {room} of {len(inner)} tokens"
    assert cut.how_encoded("he is") == ""
    assert cut.info.long_inputs == "truncate"


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("level", ["sentence", "word"])
def test_nothing_is_cut_unless_asked(pairs, family, level):
    encoder = TransformerEncoder(pairs[family], level=level, max_length=LIMIT)
    count = len(pairs[family][0](LONG)["input_ids"])
    message = rf"'the cat .* has {count} tokens, the limit is {LIMIT}; .*long_inputs='window'"
    with pytest.raises(InputError, match=message):
        encoder.encode(["he is", LONG if level == "sentence" else InContext(LONG, 0, 3)])
    prompted = TransformerEncoder(pairs[family], max_length=LIMIT, prompt="query: ")
    with pytest.raises(InputError, match="tokens with its prompt"):
        prompted.encode([LONG])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_word_gets_the_window_around_it(pairs, family):
    tokenizer, _ = pairs[family]
    before, ids, after = split(tokenizer, LONG)
    room = LIMIT - len(before) - len(after)
    offsets = tokenizer(LONG, return_offsets_mapping=True)["offset_mapping"][len(before) :]
    encoder = TransformerEncoder(
        pairs[family], level="word", long_inputs="window", max_length=LIMIT, subtokens="last"
    )
    begins = set()
    for word in ("the cat", "here", "dog", "other", "now"):
        start = LONG.index(word)
        span = InContext(LONG, start, start + len(word))
        places = [
            place
            for place, (a, b) in enumerate(offsets[: len(ids)])
            if a < span.stop and b > span.start
        ]
        marks = [p for p in places if tokenizer.convert_ids_to_tokens(ids[p]) == "▁"]
        places = [p for p in places if p not in marks or family not in {"t5", "llama"}]
        first, last = places[0], places[-1]
        begin = first - (room - (last - first + 1)) // 2
        begin = min(max(begin, 0), len(ids) - room)
        begins.add(begin)
        states = states_of(pairs[family], [*before, *ids[begin : begin + room], *after])
        expected = states[len(before) + last - begin]
        np.testing.assert_allclose(encoder.encode([span])[0], expected, rtol=1e-5, atol=1e-5)
        assert encoder.how_encoded(span) == f"a window of {room} of {len(ids)} tokens"
    assert {0, len(ids) - room} < begins  # both ends and the middle were tried


@pytest.mark.parametrize("family", FAMILIES)
def test_a_word_that_is_cut_off(pairs, family):
    cut = TransformerEncoder(pairs[family], level="word", long_inputs="truncate", max_length=LIMIT)
    full = TransformerEncoder(pairs[family], level="word")
    start = LONG.index("home")
    message = r"the word 'home' at \[\d+, \d+\) of 'the cat .*is token \d+ to \d+ \('.*max_length=9"
    with pytest.raises(InputError, match=message):
        cut.encode([InContext(LONG, start, start + 4)])
    kept = InContext(LONG, 4, 7)
    row = cut.encode([kept])
    if family in {"gpt2", "llama"}:  # a causal model does not see what was cut off
        np.testing.assert_allclose(row, full.encode([kept]), atol=1e-5)
    # no half words
    _, _, after = split(pairs[family][0], LONG)
    tokenizer = pairs[family][0]
    stop = tokenizer(LONG, return_offsets_mapping=True)["offset_mapping"][LIMIT - len(after)][1]
    with pytest.raises(InputError, match="leaves"):
        cut.encode([InContext(LONG, 0, stop)])


def test_a_word_longer_than_a_window(pairs):
    encoder = TransformerEncoder(
        pairs["gpt2"], level="word", long_inputs="window", max_length=4, subtokens="last"
    )
    with pytest.raises(InputError, match="raise max_length"):
        encoder.encode([LONG])


@pytest.mark.parametrize("family", FAMILIES)
def test_every_window_has_the_prompt(pairs, family):
    prompt = "query: "
    tokenizer, _ = pairs[family]
    before, ids, after = split(tokenizer, prompt + LONG)
    offsets = tokenizer(prompt + LONG, return_offsets_mapping=True)["offset_mapping"]
    inner = offsets[len(before) : len(before) + len(ids)]
    of_prompt = sum(stop <= len(prompt) for _, stop in inner)
    assert of_prompt >= 1
    limit = LIMIT + of_prompt
    room = limit - len(before) - len(after) - of_prompt
    head, text = [*before, *ids[:of_prompt]], ids[of_prompt:]
    begins = [*range(0, len(text) - room, room), len(text) - room]  # no overlap
    size = len(text)
    rows, heads, tails = {}, [], []
    for begin in begins:
        states = states_of(pairs[family], [*head, *text[begin : begin + room], *after])
        heads.append(states[: len(head)])
        tails.append(states[len(head) + room :])
        for token in range(begin, begin + room):
            depth = min(token - begin, begin + room - 1 - token)
            if token not in rows or depth > rows[token][0]:
                rows[token] = (depth, states[len(head) + token - begin])
    middle = [rows[token][1] for token in range(size)]
    everything = np.array([*heads[0], *middle, *tails[-1]])
    without = np.array([*heads[0][: len(before)], *middle, *tails[-1]])
    for include_prompt, expected in ((True, everything), (False, without)):
        encoder = TransformerEncoder(
            pairs[family],
            pooling="mean",
            prompt=prompt,
            include_prompt=include_prompt,
            long_inputs="window",
            max_length=limit,
            window_overlap=0,
        )
        np.testing.assert_allclose(
            encoder.encode([LONG])[0], expected.mean(axis=0), rtol=1e-5, atol=1e-5
        )


def test_batches_mix_windows_of_several_texts(pairs):
    texts = [LONG, "he is here", LONG[::-1], "now " * 20, LONG.upper()]
    options = {"long_inputs": "window", "max_length": LIMIT}
    alone = [TransformerEncoder(pairs["roberta"], **options).encode([t])[0] for t in texts]
    for batch_size in (1, 4, 100):
        encoder = TransformerEncoder(pairs["roberta"], batch_size=batch_size, **options)
        np.testing.assert_allclose(encoder.encode(texts), alone, atol=1e-5)
        np.testing.assert_allclose(encoder.encode(texts[::-1])[::-1], alone, atol=1e-5)


def test_a_model_without_limit(pairs):
    tokenizer, model = build("t5")
    tokenizer.model_max_length = int(1e30)
    endless = TransformerEncoder((tokenizer, model))
    assert endless.info.max_length is None
    assert endless.encode([LONG * 3]).shape == (1, 16)
    for rule in ("window", "truncate"):
        with pytest.raises(InputError, match="neither model nor tokenizer states a limit"):
            TransformerEncoder((tokenizer, model), long_inputs=rule)
    assert TransformerEncoder((tokenizer, model), long_inputs="window", max_length=90)
    with pytest.raises(InputError, match="leaves no room"):
        TransformerEncoder((tokenizer, model), max_length=1, long_inputs="truncate").encode(["he"])
