"""Affine transforms as a module of a sentence-transformers model: what is saved, and refused."""

import copy
import hashlib
import json
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, StandardScaler

from embias.encoders import SentenceTransformerEncoder, StaticEncoder
from embias.encoders._quiet import quiet
from embias.errors import DataFileError, InputError, MissingExtraError, OutputError
from embias.geometry import Subspace
from embias.stimuli import load_concept
from embias.transforms import (
    LEACE,
    NotFittedTransformError,
    OrthogonalProjection,
    TransformWarning,
    fold,
    load_transform,
)
from embias.transforms.export import model_before, to_sentence_transformer
from fixtures.tiny_models import build, one_thread

WIDTH = 16
PROMPTS = {"query": "query: ", "passage": "passage: "}

# Plain sentence-transformers in a process that cannot even import embias.
FRESH = """
import json, sys
import numpy as np
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "embias":
            raise ImportError(name)
sys.meta_path.insert(0, Absent())
from sentence_transformers import SentenceTransformer
model = SentenceTransformer(sys.argv[1], device="cpu")
texts = json.load(open(sys.argv[2]))
np.savez(
    sys.argv[3],
    plain=model.encode(texts),
    query=model.encode(texts, prompt_name="query") if model.prompts.get("query") else 0,
)
"""


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with one_thread():
        yield


@pytest.fixture(scope="module")
def texts():
    return load_concept("gender").texts()


def sentence_model(folder, *more, **options):
    """A tiny SentenceTransformer with mean pooling and what is given after it."""
    with quiet():
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.modules import Pooling, Transformer

        tokenizer, model = build("bert-uncased")
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        modules = [Transformer(str(folder)), Pooling(WIDTH), *more]
        return SentenceTransformer(modules=modules, device="cpu", **options).eval()


@pytest.fixture
def bare(tmp_path_factory):
    return sentence_model(tmp_path_factory.mktemp("tiny"), prompts=dict(PROMPTS))


@pytest.fixture
def unit(tmp_path_factory):
    from sentence_transformers.sentence_transformer.modules import Normalize

    return sentence_model(tmp_path_factory.mktemp("tiny"), Normalize())


def loaded(folder):
    with quiet():
        from sentence_transformers import SentenceTransformer

        return SentenceTransformer(str(folder), device="cpu")


def eraser(encoder, texts):
    return LEACE().fit(encoder.encode(texts.texts), texts.labels)


def state(model):
    """All that could have changed in a model: weights, modules, settings."""
    digest = hashlib.sha256()
    for name, value in model.state_dict().items():
        digest.update(name.encode() + value.numpy().tobytes())
    settings = {k: v for k, v in vars(model).items() if not k.startswith("_")}
    settings.pop("model_card_data")
    return digest.hexdigest(), [type(m).__name__ for m in model.children()], repr(settings)


# --- the same vectors ----------------------------------------------------------------------------


def test_a_fresh_process_without_embias_gives_the_same_vectors(bare, texts, tmp_path):
    encoder = SentenceTransformerEncoder(bare)
    transform = eraser(encoder, texts)
    before = state(bare), bare.encode(list(texts.texts[:40]))
    returned = to_sentence_transformer(bare, transform, tmp_path / "out", concept="gender")
    assert returned == tmp_path / "out"
    items = list(texts.texts[:40])
    (tmp_path / "items.json").write_text(json.dumps(items))
    done = subprocess.run(
        [sys.executable, "-c", FRESH, "out", "items.json", "rows.npz"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": "", "HF_HUB_OFFLINE": "1"},
    )
    assert done.returncode == 0, done.stderr
    rows = np.load(tmp_path / "rows.npz")
    want = (encoder | transform).encode(items)
    scale = np.abs(want).max()
    assert np.abs(rows["plain"] - want).max() < 1e-5 * scale
    query = SentenceTransformerEncoder(bare, prompt_name="query") | transform
    assert np.abs(rows["query"] - query.encode(items)).max() < 1e-5 * scale
    # It did something, and not to the model that was given.
    assert np.abs(rows["plain"] - before[1]).max() > 0.1
    assert state(bare) == before[0]
    np.testing.assert_array_equal(bare.encode(items), before[1])


def test_class_means_differ_before_and_not_after(bare, texts, tmp_path):
    """The guarantee, measured on what the saved model gives."""
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    to_sentence_transformer(bare, transform, tmp_path / "out")
    female = np.array(texts.labels) == "female"

    def gap(model):
        rows = model.encode(list(texts.texts)).astype(np.float64)
        return np.abs(rows[female].mean(axis=0) - rows[~female].mean(axis=0)).max()

    assert gap(bare) > 0.01
    assert gap(loaded(tmp_path / "out")) < 1e-5


def test_the_activation_is_the_identity(bare, texts, tmp_path):
    """The default one, Tanh, would bring every coordinate inside (-1, 1)."""
    to_sentence_transformer(
        bare, OrthogonalProjection([1.0] * WIDTH).fit(np.ones((1, WIDTH))), tmp_path / "out"
    )
    model = loaded(tmp_path / "out")
    assert type(model[-1].activation_function).__name__ == "Identity"
    assert np.abs(model.encode(list(texts.texts[:20]))).max() > 1.0
    config = json.loads((tmp_path / "out" / "2_Dense" / "config.json").read_text())
    assert config["activation_function"].startswith("torch.nn.")


def test_settings_of_the_model_are_kept(tmp_path, texts):
    model = sentence_model(
        tmp_path / "tiny",
        prompts=dict(PROMPTS),
        default_prompt_name="query",
        truncate_dim=5,
        similarity_fn_name="dot",
    )
    fitted = SentenceTransformerEncoder(model_before(model, None), prompt="query: ")
    assert fitted.info.dim == WIDTH
    transform = eraser(fitted, texts)
    to_sentence_transformer(model, transform, tmp_path / "out")
    saved = loaded(tmp_path / "out")
    # (also names of its own, which are empty)
    assert {name: saved.prompts[name] for name in PROMPTS} == PROMPTS
    assert (saved.default_prompt_name, saved.truncate_dim) == ("query", 5)
    assert saved.similarity_fn_name == "dot"
    items = list(texts.texts[:9])
    want = (fitted | transform).encode(items)[:, :5]
    np.testing.assert_allclose(saved.encode(items), want, atol=2e-6)
    assert model.truncate_dim == 5


def test_a_pipeline_that_changes_the_dimension(bare, texts, tmp_path):
    encoder = SentenceTransformerEncoder(bare)
    rows = encoder.encode(texts.texts)
    steps = [("scale", StandardScaler()), ("erase", LEACE()), ("pca", PCA(6))]
    pipeline = Pipeline(steps).fit(rows.astype(np.float64), texts.labels)
    to_sentence_transformer(encoder, pipeline, tmp_path / "out")
    saved = loaded(tmp_path / "out")
    assert saved.get_embedding_dimension() == 6
    want = pipeline.transform(rows[:30].astype(np.float64))
    np.testing.assert_allclose(saved.encode(list(texts.texts[:30])), want, atol=1e-5)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "16 coordinates to 6" in card
    for name in ("StandardScaler", "Least-squares concept erasure", "PCA"):
        assert name in card


def test_the_transform_itself_comes_back(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    to_sentence_transformer(bare, transform, tmp_path / "out")
    back = load_transform(tmp_path / "out" / "embias_transform")
    np.testing.assert_array_equal(back.as_affine()[0], transform.as_affine()[0])
    assert isinstance(back, LEACE)
    # Steps of scikit-learn are saved as the map they are.
    pipeline = Pipeline([("scale", StandardScaler()), ("erase", transform)])
    rows = np.random.default_rng(0).normal(size=(50, WIDTH))
    pipeline.fit(rows, np.repeat(["a", "b"], 25))
    to_sentence_transformer(bare, pipeline, tmp_path / "two")
    back = load_transform(tmp_path / "two" / "embias_transform")
    assert back.folded_ == ("StandardScaler", "LEACE")
    np.testing.assert_allclose(back.transform(rows), pipeline.transform(rows), atol=1e-12)


def test_a_saved_model_takes_a_second_transform(bare, texts, tmp_path):
    first = eraser(SentenceTransformerEncoder(bare), texts)
    to_sentence_transformer(bare, first, tmp_path / "one")
    encoder = SentenceTransformerEncoder(tmp_path / "one")
    rows = encoder.encode(texts.texts)
    second = OrthogonalProjection(np.eye(WIDTH)[0]).fit(rows)
    to_sentence_transformer(tmp_path / "one", second, tmp_path / "two", concept="first axis")
    saved = loaded(tmp_path / "two")
    assert [type(m).__name__ for m in saved.children()][2:] == ["Dense", "Dense"]
    made = saved.encode(list(texts.texts[:5]))
    np.testing.assert_allclose(made, second.transform(rows[:5]), atol=1e-5)
    card = (tmp_path / "two" / "README.md").read_text()
    assert card.count("# A linear map was added to this model") == 2
    assert card.index("first axis") < card.index("The model before this step")


# --- models that end in Normalize ----------------------------------------------------------------


def test_the_place_must_be_said_where_there_is_a_choice(unit, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(unit), texts)
    with pytest.raises(InputError, match="ends in a Normalize module: give position='end'"):
        to_sentence_transformer(unit, transform, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_after_normalize_the_guarantee_holds_and_lengths_do_not(unit, texts, tmp_path):
    encoder = SentenceTransformerEncoder(unit)
    transform = eraser(encoder, texts)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_sentence_transformer(unit, transform, tmp_path / "out", position="end")
    saved = loaded(tmp_path / "out")
    assert [type(m).__name__ for m in saved.children()][2:] == ["Normalize", "Dense"]
    rows = saved.encode(list(texts.texts))
    np.testing.assert_allclose(rows, (encoder | transform).encode(texts.texts), atol=1e-5)
    assert np.abs(np.linalg.norm(rows, axis=1) - 1).max() > 0.01
    assert "no longer have unit length" in (tmp_path / "out" / "README.md").read_text()


def test_before_normalize_it_is_the_other_way_round(unit, texts, tmp_path):
    fitted = SentenceTransformerEncoder(model_before(unit, "before-normalize"))
    assert not fitted.info.normalized
    transform = eraser(fitted, texts)
    with pytest.warns(TransformWarning, match="scaled to unit length after the map"):
        to_sentence_transformer(unit, transform, tmp_path / "out", position="before-normalize")
    saved = loaded(tmp_path / "out")
    assert [type(m).__name__ for m in saved.children()][2:] == ["Dense", "Normalize"]
    rows = saved.encode(list(texts.texts)).astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    made = (fitted | transform).encode(texts.texts).astype(np.float64)
    np.testing.assert_allclose(rows, made / np.linalg.norm(made, axis=1, keepdims=True), atol=1e-5)
    female = np.array(texts.labels) == "female"

    def gap(x):
        return np.abs(x[female].mean(axis=0) - x[~female].mean(axis=0)).max()

    # The trap: what the scaling leaves is no longer equal means.
    assert gap(made) < 1e-4
    assert gap(rows) > 100 * gap(made)
    assert "What no longer holds" in (tmp_path / "out" / "README.md").read_text()
    assert type(unit[-1]).__name__ == "Normalize"


def test_renormalise_adds_a_module_and_says_so(unit, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(unit), texts)
    with pytest.warns(TransformWarning, match="without renormalize"):
        to_sentence_transformer(unit, transform, tmp_path / "out", position="end", renormalize=True)
    saved = loaded(tmp_path / "out")
    assert [type(m).__name__ for m in saved.children()][2:] == ["Normalize", "Dense", "Normalize"]
    rows = saved.encode(list(texts.texts[:9]))
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_orthogonality_outlives_the_scaling_and_not_the_cut(unit, tmp_path, texts):
    rows = SentenceTransformerEncoder(unit).encode(texts.texts)
    direction = np.ones(WIDTH) / 4
    transform = OrthogonalProjection(direction).fit(rows)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_sentence_transformer(unit, transform, tmp_path / "a", position="end", renormalize=True)
    made = loaded(tmp_path / "a").encode(list(texts.texts[:9]))
    assert np.abs(made @ direction).max() < 1e-6
    assert np.abs(rows[:9] @ direction).max() > 1e-3
    unit.truncate_dim = 8
    with pytest.warns(TransformWarning, match="cuts its vectors after the map"):
        to_sentence_transformer(unit, transform, tmp_path / "b", position="end")
    assert np.abs(loaded(tmp_path / "b").encode(list(texts.texts[:9])) @ direction[:8]).max() > 1e-3


def test_a_place_before_a_module_that_is_not_there(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    with pytest.raises(InputError, match="no place before it; leave position out"):
        to_sentence_transformer(bare, transform, tmp_path / "o", position="before-normalize")
    with pytest.raises(InputError, match="position"):
        to_sentence_transformer(bare, transform, tmp_path / "o", position="start")
    with pytest.raises(InputError, match="renormalize=True is for position='end'"):
        to_sentence_transformer(
            bare, transform, tmp_path / "o", position="before-normalize", renormalize=True
        )


# --- the card ------------------------------------------------------------------------------------


def test_the_card_says_what_was_done(bare, texts, tmp_path):
    transform = LEACE(shrinkage=True).fit(
        SentenceTransformerEncoder(bare).encode(texts.texts), texts.labels
    )
    bare._model_card_text = "---\nlicense: mit\n---\n\n# Tiny\n\nIts own words.\n"
    to_sentence_transformer(
        bare, transform, tmp_path / "out", concept="gender | 1", report="| a | b |\n|---|---|"
    )
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert card.startswith("---\nlicense: mit\n---\n")
    assert card.count("---\nlicense") == 1
    for said in (
        "| concept | gender \\| 1 |",
        "(`leace`), Belrose et al. 2023",
        "shrinkage = True, strength = 1.0",
        "| directions changed | 1 of 16 |",
        "after the last module",
        "no linear predictor of the labels beats a constant",
        "the model is not unbiased",
        "### Before and after\n\n| a | b |",
        "# Tiny\n\nIts own words.",
    ):
        assert said in card, said
    a, b = (np.ascontiguousarray(part, dtype="<f8") for part in transform.as_affine())
    assert hashlib.sha256(a.tobytes() + b.tobytes()).hexdigest() in card
    assert loaded(tmp_path / "out")._model_card_text == card


def test_the_card_promises_nothing_for_a_part(bare, texts, tmp_path):
    rows = SentenceTransformerEncoder(bare).encode(texts.texts)
    to_sentence_transformer(bare, LEACE(strength=0.5).fit(rows, texts.labels), tmp_path / "a")
    card = (tmp_path / "a" / "README.md").read_text()
    assert "Taken out in part only (strength 0.5): nothing is guaranteed." in card
    # One projection after another puts a part of the first one back.
    pair = Pipeline(
        [
            ("one", OrthogonalProjection(np.eye(WIDTH)[0])),
            ("two", OrthogonalProjection([1.0] * WIDTH)),
        ]
    ).fit(rows)
    with pytest.warns(TransformWarning, match="puts a component back"):
        to_sentence_transformer(bare, pair, tmp_path / "b")
    assert "may put back a part" in (tmp_path / "b" / "README.md").read_text()
    # ... and so says a map that was folded before.
    with pytest.warns(TransformWarning, match="puts a component back"):
        folded = fold(pair)
    to_sentence_transformer(bare, folded, tmp_path / "c")
    assert "may put back a part" in (tmp_path / "c" / "README.md").read_text()


# --- what is refused -----------------------------------------------------------------------------


class Worded(FunctionTransformer):
    takes_words = True


@pytest.mark.filterwarnings("ignore:.* does not survive ")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda rows, y: Normalizer().fit(rows), "Normalizer is no affine map.*renormalize=True"),
        (
            lambda rows, y: Pipeline([("e", LEACE()), ("n", Normalizer())]).fit(rows, y),
            "leave it out of the pipeline",
        ),
        (
            lambda rows, y: Pipeline([("n", Normalizer()), ("e", LEACE())]).fit(rows, y),
            "Normalizer is no affine map.*encoder . transform",
        ),
        (lambda rows, y: Worded().fit(rows), "which row is which word.*save_word_vectors"),
    ],
)
def test_what_is_not_affine(bare, texts, tmp_path, make, message):
    rows = SentenceTransformerEncoder(bare).encode(texts.texts)
    with pytest.raises(InputError, match=message):
        to_sentence_transformer(bare, make(rows, texts.labels), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_fitted(bare, tmp_path):
    with pytest.raises(NotFittedTransformError):
        to_sentence_transformer(bare, LEACE(), tmp_path / "out")
    for other in (LEACE, "leace", 3, None, [LEACE()]):
        with pytest.raises(InputError, match="is no transform; give a fitted one"):
            to_sentence_transformer(bare, other, tmp_path / "out")


def test_texts_and_paths_of_other_types(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    for path in (None, 3):
        with pytest.raises(InputError, match="give the name of a folder"):
            to_sentence_transformer(bare, transform, path)
    for options in ({"concept": 3}, {"report": None}):
        with pytest.raises(InputError, match="give a text"):
            to_sentence_transformer(bare, transform, tmp_path / "out", **options)
    assert not any(tmp_path.iterdir())


def test_a_hostile_name_of_a_concept_is_a_cell(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    to_sentence_transformer(
        bare, transform, tmp_path / "out", concept="a|b\n<script>x\u202e\x1b[31m"
    )
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| concept | a\\|b &lt;script>x [31m |" in card
    assert not {"\u202e", "\x1b"} & set(card)


def test_another_dimension(bare, texts, tmp_path):
    rows = SentenceTransformerEncoder(bare).encode(texts.texts)
    transform = LEACE().fit(rows[:, :7], texts.labels)
    with pytest.raises(InputError, match=r"takes 7 coordinates and the model gives 16.*fit it on"):
        to_sentence_transformer(bare, transform, tmp_path / "out")
    cut = SentenceTransformerEncoder(bare, truncate_dim=7)
    with pytest.raises(InputError, match="fit it on all coordinates"):
        to_sentence_transformer(cut, transform, tmp_path / "out")
    bare.truncate_dim = 7
    with pytest.raises(InputError, match=r"fit it on all coordinates .*model_before"):
        to_sentence_transformer(bare, transform, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_another_encoder(bare, texts, tmp_path):
    encoder = SentenceTransformerEncoder(bare, id="mine")
    other = SentenceTransformerEncoder(bare, id="other")
    subspace = Subspace.from_texts(encoder, [("she", "he")], templates=["{} is here."])
    transform = OrthogonalProjection(subspace).fit(np.ones((1, WIDTH)))
    with pytest.raises(InputError, match="fitted with the encoder 'mine', not with 'other'"):
        to_sentence_transformer(other, transform, tmp_path / "out")
    to_sentence_transformer(other, transform, tmp_path / "forced", force=True)
    to_sentence_transformer(encoder, transform, tmp_path / "same")
    # A record of what fit_encoder saw is compared in full.
    transform = eraser(encoder, texts)
    transform.encoder_ = {"id": "mine", "fingerprint": encoder.info.fingerprint()}
    to_sentence_transformer(encoder, transform, tmp_path / "recorded")
    cut = SentenceTransformerEncoder(bare, id="mine", prompt="query: ")
    with pytest.raises(InputError, match="not with 'mine', described otherwise"):
        to_sentence_transformer(cut, transform, tmp_path / "out")
    with pytest.raises(InputError, match="give that encoder in place of the model, or force=True"):
        to_sentence_transformer(bare, transform, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_no_sentence_model(tmp_path):
    transform = OrthogonalProjection(np.eye(3)[0]).fit(np.ones((1, 3)))
    for model in (3, {"a": [1, 2, 3]}, StaticEncoder(["a"], np.ones((1, 3)), id="s")):
        with pytest.raises(InputError, match="is not a model that a Dense module can be added to"):
            to_sentence_transformer(model, transform, tmp_path / "out")
    with pytest.raises(DataFileError, match="cannot be loaded as a sentence-transformers model"):
        to_sentence_transformer(tmp_path / "none", transform, tmp_path / "out")
    (tmp_path / "sparse").mkdir()
    (tmp_path / "sparse" / "config_sentence_transformers.json").write_text(
        '{"model_type": "SparseEncoder"}'
    )
    with pytest.raises(InputError, match="holds a SparseEncoder"):
        to_sentence_transformer(tmp_path / "sparse", transform, tmp_path / "out")


def test_without_sentence_transformers(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    transform = OrthogonalProjection(np.eye(3)[0]).fit(np.ones((1, 3)))
    with pytest.raises(MissingExtraError, match=r"embias\[contextual\]"):
        to_sentence_transformer("any", transform, tmp_path / "out")


def test_another_backend(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    other = copy.copy(bare)
    other.backend = "onnx"
    with pytest.raises(InputError, match=r"runs on onnx.*backend='torch'"):
        to_sentence_transformer(other, transform, tmp_path / "out")


def test_half_precision_is_said(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    with pytest.warns(TransformWarning, match="works in bfloat16"):
        to_sentence_transformer(bare.bfloat16(), transform, tmp_path / "out")
    assert {str(p.dtype) for p in loaded(tmp_path / "out").parameters()} == {"torch.bfloat16"}


# --- the folder ----------------------------------------------------------------------------------


def test_folders_that_are_not_replaced(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    out = tmp_path / "out"
    (out / "deep").mkdir(parents=True)
    (out / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(OutputError, match="holds other files than a sentence-transformers"):
            to_sentence_transformer(bare, transform, out, overwrite=overwrite)
    assert sorted(p.name for p in out.iterdir()) == ["deep", "notes.txt"]
    with pytest.raises(OutputError, match="is a file"):
        to_sentence_transformer(bare, transform, out / "notes.txt")
    (tmp_path / "empty").mkdir()
    to_sentence_transformer(bare, transform, tmp_path / "empty")
    with pytest.raises(OutputError, match="holds a model already; overwrite=True"):
        to_sentence_transformer(bare, transform, tmp_path / "empty")
    zero = OrthogonalProjection(np.eye(WIDTH)[0]).fit(np.ones((1, WIDTH)))
    to_sentence_transformer(bare, zero, tmp_path / "empty", overwrite=True)
    assert np.abs(loaded(tmp_path / "empty").encode(["he"])[0, 0]) < 1e-6
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "out"]


def test_the_model_is_not_written_over(bare, texts, tmp_path):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    to_sentence_transformer(bare, transform, tmp_path / "a")
    again = eraser(SentenceTransformerEncoder(tmp_path / "a"), texts)
    for model in (tmp_path / "a", loaded(tmp_path / "a")):
        with pytest.raises(OutputError, match="is the folder of the model itself"):
            to_sentence_transformer(model, again, tmp_path / "a", overwrite=True)


def test_a_failure_leaves_what_was_there(bare, texts, tmp_path, monkeypatch):
    transform = eraser(SentenceTransformerEncoder(bare), texts)
    to_sentence_transformer(bare, transform, tmp_path / "out", concept="first")
    before = (tmp_path / "out" / "README.md").read_text()

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("embias.transforms.export.save_transform", full)
    with pytest.raises(OutputError, match="No space left on device"):
        to_sentence_transformer(bare, transform, tmp_path / "out", concept="two", overwrite=True)
    with pytest.raises(OutputError, match="No space left"):
        to_sentence_transformer(bare, transform, tmp_path / "new")
    assert (tmp_path / "out" / "README.md").read_text() == before
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
