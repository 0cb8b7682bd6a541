"""Likelihoods of texts against plain forward passes written out here, one text at a time."""

import math
import sys

import numpy as np
import pytest
import torch

from embias import metrics
from embias.errors import InputError, MissingExtraError
from embias.metrics._encoded_text import Encoded
from embias.metrics._language_model import language_model
from embias.metrics.pseudo_log_likelihood import (
    CARD,
    hidden_with,
    pseudo_log_likelihood,
    token_log_probabilities,
)
from fixtures.tiny_language_models import (
    CAUSAL,
    MASKED,
    UnigramForCausalLM,
    UnigramForMaskedLM,
    build_language_model,
)
from fixtures.tiny_models import POSITIONS, one_thread, tokenizer_of

TEXTS = [
    "He is here.",
    "The nurses were unbelievably kind, re-elected and xylophonic!",
    "she",
    "José likes naïve cafés and programmers",
]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def models():
    return {family: build_language_model(family) for family in (*MASKED, *CAUSAL)}


def log_softmax(row):
    row = row.numpy().astype(np.float64)
    return row - row.max() - math.log(np.exp(row - row.max()).sum())


def masked_by_hand(pair, text, masking):
    """One forward pass for every token, the hidden ones found from the pieces of the tokenizer."""
    tokenizer, model = pair
    encoded = tokenizer(text, return_tensors="pt")
    ids, words = encoded["input_ids"][0], encoded.word_ids(0)
    found = []
    for at, word in enumerate(words):
        if word is None:
            continue
        masked = ids.clone()
        for other, same in enumerate(words):
            later = {"token": other == at, "word-l2r": other >= at, "whole-word": True}[masking]
            if same == word and later:
                masked[other] = tokenizer.mask_token_id
        with torch.no_grad():
            logits = model(masked[None]).logits[0, at]
        found.append(log_softmax(logits)[ids[at]])
    return found


def causal_by_hand(pair, text):
    tokenizer, model = pair
    ids = tokenizer(text)["input_ids"]
    if ids[0] != tokenizer.bos_token_id:
        ids = [tokenizer.bos_token_id, *ids]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    return [log_softmax(logits[at - 1])[ids[at]] for at in range(1, len(ids))]


# --- against plain passes ------------------------------------------------------------------------


@pytest.mark.parametrize("family", MASKED)
@pytest.mark.parametrize("masking", ["token", "word-l2r", "whole-word"])
def test_every_token_is_that_of_a_plain_pass(models, family, masking):
    found = token_log_probabilities(models[family], TEXTS, masking=masking)
    split = 0
    for one, text in zip(found, TEXTS, strict=True):
        by_hand = masked_by_hand(models[family], text, masking)
        np.testing.assert_allclose(one.log_probabilities, by_hand, atol=1e-5)
        assert len(one.tokens) == len(by_hand)
        assert one.total == pytest.approx(sum(by_hand), abs=1e-4)
        split += len(by_hand) > len(text.split())
    assert split, "no text has a word of several tokens, so the maskings are not told apart"


#: How a piece is marked: "##" goes on with a word, the others begin one.
MARKS = {"bert-cased": "##", "roberta": "Ġ", "xlm-roberta": "▁"}


@pytest.mark.parametrize("family", MARKS)
@pytest.mark.parametrize("masking", ["token", "word-l2r", "whole-word"])
def test_words_of_many_pieces_from_the_marks_on_the_pieces_alone(models, family, masking):
    """WordPiece, byte-level BPE and a SentencePiece unigram; nothing asked of the tokenizer."""
    tokenizer, model = models[family]
    text = "The unbelievably xylophonic programmers went there"
    ids = tokenizer(text)["input_ids"]
    pieces = tokenizer.convert_ids_to_tokens(ids)
    words, number = [], 0
    for piece in pieces[1:-1]:
        marked = piece.startswith(MARKS[family])
        number += not marked if family == "bert-cased" else marked or not words
        words.append(number)
    assert len(set(words)) == 6
    assert max(words.count(word) for word in words) > 4
    expected = []
    for at, word in enumerate(words):
        hidden = {
            "token": {at},
            "word-l2r": {k for k, other in enumerate(words) if other == word and k >= at},
            "whole-word": {k for k, other in enumerate(words) if other == word},
        }[masking]
        asked = [tokenizer.mask_token_id if k - 1 in hidden else i for k, i in enumerate(ids)]
        with torch.no_grad():
            logits = model(torch.tensor([asked])).logits[0, at + 1]
        expected.append(log_softmax(logits)[ids[at + 1]])
    (found,) = token_log_probabilities(models[family], [text], masking=masking, batch_size=3)
    assert found.tokens == tuple(pieces[1:-1])
    np.testing.assert_allclose(found.log_probabilities, expected, atol=1e-5)
    assert found.total == pytest.approx(sum(expected), abs=1e-4)
    if masking == "token":  # what is hidden with a token is what makes the difference
        whole = token_log_probabilities(models[family], [text], masking="whole-word")[0]
        assert abs(whole.total - found.total) > 0.5


@pytest.mark.parametrize("family", MASKED)
def test_maskings_differ_only_in_words_of_several_tokens(models, family):
    by = {
        masking: token_log_probabilities(models[family], [TEXTS[1]], masking=masking)[0]
        for masking in ("token", "word-l2r", "whole-word")
    }
    words = models[family][0](TEXTS[1]).word_ids(0)
    own = [word for word in words if word is not None]
    first = np.array([own[:at].count(word) == 0 for at, word in enumerate(own)])
    alone = np.array([own.count(word) == 1 for word in own])
    last = np.array([own[at + 1 :].count(word) == 0 for at, word in enumerate(own)])
    token, l2r, whole = (np.array(by[name].log_probabilities) for name in by)
    np.testing.assert_allclose(token[alone], whole[alone], atol=1e-5)
    np.testing.assert_allclose(token[last], l2r[last], atol=1e-5)
    np.testing.assert_allclose(l2r[first], whole[first], atol=1e-5)
    assert np.abs(token - l2r)[~last].max() > 0.01
    assert np.abs(whole - l2r)[~first].max() > 0.01


@pytest.mark.parametrize("family", CAUSAL)
def test_causal_likelihoods_are_those_of_a_plain_pass(models, family):
    found = token_log_probabilities(models[family], TEXTS)
    for one, text in zip(found, TEXTS, strict=True):
        np.testing.assert_allclose(
            one.log_probabilities, causal_by_hand(models[family], text), atol=1e-5
        )


@pytest.mark.parametrize("family", [*MASKED, *CAUSAL])
def test_batches_and_order_change_nothing(models, family):
    one = pseudo_log_likelihood(models[family], TEXTS, batch_size=1)
    many = pseudo_log_likelihood(models[family], TEXTS, batch_size=7)
    turned = pseudo_log_likelihood(models[family], TEXTS[::-1], batch_size=64)
    np.testing.assert_allclose(one.scores["texts"], many.scores["texts"], atol=1e-5)
    np.testing.assert_allclose(one.scores["texts"], turned.scores["texts"][::-1], atol=1e-5)
    assert many.figures["per_token"] == pytest.approx(one.figures["per_token"], abs=1e-5)


def test_a_fixed_model_gives_what_its_weights_say():
    tokenizer = tokenizer_of("bert-uncased")
    weights = np.linspace(1, 2, len(tokenizer))
    expected = []
    for text in TEXTS:
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        expected.append(sum(math.log(weights[token] / weights.sum()) for token in ids))
    found = pseudo_log_likelihood((tokenizer, UnigramForMaskedLM(weights)), TEXTS)
    np.testing.assert_allclose(found.scores["texts"], expected, rtol=1e-12)
    assert found.value == pytest.approx(np.mean(expected))
    tokens = sum(found.scores["tokens"])
    assert found.counts["tokens"] == tokens
    assert found.figures["per_token"] == pytest.approx(sum(expected) / tokens)
    assert found.figures["pseudo_perplexity"] == pytest.approx(math.exp(-sum(expected) / tokens))


def test_the_perplexity_of_a_uniform_model_is_the_size_of_its_vocabulary():
    tokenizer = tokenizer_of("gpt2")
    found = pseudo_log_likelihood((tokenizer, UnigramForCausalLM(np.ones(len(tokenizer)))), TEXTS)
    assert found.figures["pseudo_perplexity"] == pytest.approx(len(tokenizer))
    assert found.settings["start"] == "start token"


# --- start tokens, words, state of the model -----------------------------------------------------


def test_without_a_start_token_the_first_token_is_given(models):
    tokenizer, model = build_language_model("gpt2")
    with_start = token_log_probabilities((tokenizer, model), TEXTS)
    tokenizer.bos_token = None
    model.config.bos_token_id = None
    pair = (tokenizer, model)
    found = token_log_probabilities(pair, [TEXTS[0]])[0]
    assert found.tokens == with_start[0].tokens[1:]
    ids = tokenizer(TEXTS[0])["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0]
    by_hand = [log_softmax(logits[at - 1])[ids[at]] for at in range(1, len(ids))]
    np.testing.assert_allclose(found.log_probabilities, by_hand, atol=1e-5)
    assert pseudo_log_likelihood(pair, [TEXTS[0]]).settings["start"] == "none"
    with pytest.raises(InputError, match="single token with nothing before it"):
        token_log_probabilities(pair, ["a"])


def test_words_are_cut_at_white_space(models):
    tokenizer, _ = models["llama"]
    assert len(set(tokenizer("he is a nurse.").word_ids(0))) == 2, "one word for all of the text"
    lm = language_model(models["llama"], "test", batch_size=1, progress=False)
    found = lm.encode(["he is a nurse."])[0]
    written = tokenizer.convert_ids_to_tokens(list(found.ids))
    assert written[1:] == ["▁he", "▁is", "▁a", "▁nurse", "."]
    assert hidden_with(found, 2, "whole-word") == [2]
    assert hidden_with(found, 5, "whole-word") == [4, 5]
    assert hidden_with(found, 4, "word-l2r") == [4, 5]


def test_the_model_is_left_as_it_was_and_run_without_dropout(models):
    tokenizer, model = build_language_model("bert-cased")
    expected = pseudo_log_likelihood((tokenizer, model), TEXTS)
    model.train()
    model.bert.encoder.eval()
    state = [module.training for module in model.modules()]
    assert pseudo_log_likelihood((tokenizer, model), TEXTS) == expected
    assert [module.training for module in model.modules()] == state
    assert all(parameter.grad is None for parameter in model.parameters())


def test_a_class_derived_from_a_masked_model_is_one(models):
    tokenizer, model = build_language_model("bert-cased")
    expected = pseudo_log_likelihood((tokenizer, model), TEXTS)
    model.__class__ = type("MyDebiasedModel", (type(model),), {})
    assert pseudo_log_likelihood((tokenizer, model), TEXTS) == expected


def test_unknown_tokens_are_counted(models):
    found = pseudo_log_likelihood(models["bert-cased"], ["he is ☃ and ☂", "she is here"])
    assert found.counts["unknown_tokens"] == 2
    assert "unknown" in found.note
    assert pseudo_log_likelihood(models["bert-cased"], ["she is here"]).note == ""


def test_token_types_are_given_to_a_model_that_takes_them():
    tokenizer, model = build_language_model("bert-cased")
    seen = []
    forward = model.forward

    def noting(input_ids, attention_mask, token_type_ids):
        seen.append(token_type_ids.shape == input_ids.shape)
        return forward(input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids)

    model.forward = noting
    pseudo_log_likelihood((tokenizer, model), TEXTS)
    assert seen
    assert all(seen)


# --- what is refused -----------------------------------------------------------------------------


def test_a_causal_head_that_sees_what_comes_next_is_refused(models):
    from transformers import BertLMHeadModel

    tokenizer, model = models["bert-cased"]
    model = BertLMHeadModel(model.config)
    from fixtures.tiny_language_models import with_large_weights

    with pytest.raises(InputError, match="see what comes after"):
        pseudo_log_likelihood((tokenizer, with_large_weights(model)), TEXTS)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t, m: (m, t), "other order"),
        (lambda t, m: m, "pair"),
        (lambda t, m: (t, "bert-base-uncased"), "AutoModelForMaskedLM"),
        (lambda t, m: (t, m.bert), "gives no probabilities of tokens"),
        (lambda t, m: "bert-base-uncased", "pair"),
    ],
)
def test_what_is_no_language_model_is_refused(models, change, words):
    with pytest.raises(InputError, match=words):
        pseudo_log_likelihood(change(*models["bert-cased"]), TEXTS)


def test_an_encoder_with_a_decoder_is_refused():
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = tokenizer_of("t5")
    model = T5ForConditionalGeneration(
        T5Config(vocab_size=len(tokenizer), d_model=8, d_kv=4, d_ff=8, num_layers=1, num_heads=2)
    )
    with pytest.raises(InputError, match="decoder"):
        pseudo_log_likelihood((tokenizer, model), TEXTS)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ([], "at least one"),
        ("a text", "list of texts"),
        (["a", " "], r"texts\[1\]"),
        (["a \ud800"], "half of a character"),
        (["a", 3], r"texts\[1\]"),
        (["he is [MASK]"], "mask token itself"),
        (["here " * POSITIONS], f"the model takes {POSITIONS}"),
    ],
)
def test_texts_that_cannot_be_scored_are_refused(models, texts, words):
    with pytest.raises(InputError, match=words):
        pseudo_log_likelihood(models["bert-cased"], texts)


def test_the_length_of_roberta_leaves_out_its_first_positions(models):
    tokenizer, model = models["roberta"]
    assert model.config.max_position_embeddings == POSITIONS + 2
    longest = " here" * (POSITIONS - 2)
    found = pseudo_log_likelihood((tokenizer, model), [longest])
    assert found.counts["tokens"] == POSITIONS - 2
    with pytest.raises(InputError, match=f"takes {POSITIONS}"):
        pseudo_log_likelihood((tokenizer, model), [longest + " here"])


def test_options_are_checked(models):
    with pytest.raises(InputError, match="masking"):
        pseudo_log_likelihood(models["bert-cased"], TEXTS, masking="words")
    with pytest.raises(InputError, match="masks nothing"):
        pseudo_log_likelihood(models["gpt2"], TEXTS, masking="token")
    with pytest.raises(InputError, match="batch_size"):
        pseudo_log_likelihood(models["gpt2"], TEXTS, batch_size=0)


def test_a_tokenizer_of_another_model_is_refused(models):
    with pytest.raises(InputError, match="not the model's own"):
        pseudo_log_likelihood((models["roberta"][0], models["bert-cased"][1]), [TEXTS[1]])
    tokenizer = tokenizer_of("bert-cased")
    with pytest.raises(InputError, match="not the model's own"):
        pseudo_log_likelihood((tokenizer, UnigramForMaskedLM(np.ones(9))), TEXTS)


def test_a_model_without_numbers_is_refused():
    tokenizer = tokenizer_of("bert-cased")
    weights = np.ones(len(tokenizer))
    weights[3] = np.nan
    with pytest.raises(InputError, match="log-probability nan"):
        pseudo_log_likelihood((tokenizer, UnigramForMaskedLM(weights)), TEXTS)


def test_words_need_a_tokenizer_that_tells_them():
    found = Encoded("a b", (1, 2), None, (False, False), None, None)
    assert hidden_with(found, 0, "token") == [0]
    with pytest.raises(InputError, match="fast"):
        hidden_with(found, 0, "word-l2r")
    with pytest.raises(InputError, match="fast"):
        found.overlapping(0, 1)


def test_torch_is_named_where_it_is_missing(models, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match="embias\\[contextual\\]"):
        pseudo_log_likelihood(models["bert-cased"], TEXTS)


def test_the_card_is_complete(monkeypatch):
    monkeypatch.setitem(metrics.METRICS, CARD.name, CARD)
    assert CARD.takes == "texts"
    assert CARD.run is None
    assert "on a language model" in metrics.get_metric("pseudo_log_likelihood").to_text()
