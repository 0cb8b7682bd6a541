"""Projections and reductions by spectrum, by tuples, by dimension: closed forms and oracles."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import decomposition
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.random_projection import SparseRandomProjection

import embias
from embias.errors import InputError, VectorError
from embias.geometry import Subspace
from embias.metrics import isotropy
from embias.transforms import (
    LEACE,
    FoldedAffine,
    LowRankMap,
    OrthogonalProjection,
    TransformWarning,
    fold,
    get_transform,
    load_transform,
)
from embias.transforms.all_but_the_top import AllButTheTop
from embias.transforms.pca import PCA
from embias.transforms.random_projection import RandomProjection
from embias.transforms.sentence_debias import SentenceDebias
from embias.transforms.space_aligner import SpaceAligner
from embias.transforms.spectrum_filter import SpectrumFilter
from embias.transforms.truncate_dims import TruncateDims


def _rows(n=150, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3 * rng.normal(size=d)


def _tuples(n=40, m=2, d=12, seed=0):
    """Sentences in which a group moves the vector along a few directions, and noise."""
    rng = np.random.default_rng(seed)
    base = rng.normal(size=(n, 1, d)) + 1
    moved = rng.normal(size=(m, d))
    X = base + moved[None] + 0.3 * rng.normal(size=(n, m, d))
    return X.reshape(n * m, d), np.repeat(np.arange(n), m)


# --- all affine ones: folding, saving, number types ----------------------------------------------

AFFINE = {
    "sentence-debias": lambda X: SentenceDebias(k=2).fit(X, tuples=np.arange(len(X)) // 3),
    "all-but-the-top": lambda X: AllButTheTop(2).fit(X),
    "spectrum-keep": lambda X: SpectrumFilter().fit(X),
    "spectrum-remove": lambda X: SpectrumFilter(band=(0, 3), keep=False).fit(X),
    "spectrum-reduce": lambda X: SpectrumFilter(reduce=True).fit(X),
    "pca": lambda X: PCA(4).fit(X),
    "pca-white": lambda X: PCA(whiten=True).fit(X),
    "truncate-dims": lambda X: TruncateDims(5).fit(X),
    "random-projection": lambda X: RandomProjection(6).fit(X),
    "procrustes": lambda X: SpaceAligner(scale=True).fit(X, X[:, ::-1] * 2 + 1),
    "affine": lambda X: SpaceAligner("affine").fit(X, X[:, :4] * 2 + 1),
    "shift": lambda X: SpaceAligner("shift").fit(X, X + 2),
}


@pytest.mark.parametrize("name", AFFINE)
def test_as_one_matrix_folded_and_saved(name, tmp_path):
    X = _rows()
    before = X.copy()
    fitted = AFFINE[name](X)
    made = fitted.transform(X)
    A, b = fitted.as_affine()
    np.testing.assert_allclose(made, X @ A.T + b, atol=1e-10)
    np.testing.assert_array_equal(fitted.transform(X), made)
    np.testing.assert_array_equal(X, before)
    for kind in (np.float32, np.float16):
        assert fitted.transform(X.astype(kind)).dtype == kind
    np.testing.assert_allclose(fitted.transform(X.astype(np.float32)), made, atol=1e-3)
    steps = make_pipeline(fitted, OrthogonalProjection(np.eye(made.shape[1])[0]))
    steps[-1].fit(made)
    if name == "sentence-debias":  # a later projection puts a part of what it removed back
        with pytest.warns(TransformWarning, match="puts a component back"):
            one = fold(steps)
    else:
        one = fold(steps)
    assert isinstance(one, FoldedAffine)
    np.testing.assert_allclose(one.transform(X), steps.transform(X), atol=1e-10)
    fitted.save(tmp_path / "t")
    again = load_transform(tmp_path / "t")
    assert type(again) is type(fitted)
    np.testing.assert_array_equal(again.transform(X), made)
    np.testing.assert_array_equal(again.get_feature_names_out(), fitted.get_feature_names_out())


@pytest.mark.parametrize(
    ("name", "guarantee", "affine"),
    [
        ("sentence-debias", "orthogonal", True),
        ("all-but-the-top", None, True),
        ("spectrum-filter", None, True),
        ("pca", None, True),
        ("truncate-dims", None, True),
        ("quantize", None, False),
        ("random-projection", None, True),
        ("relative-representation", None, False),
        ("space-aligner", None, True),
    ],
)
def test_cards(name, guarantee, affine):
    card = get_transform(name)
    assert (card.guarantee, card.affine) == (guarantee, affine)
    assert card.estimator.__module__.endswith(name.replace("-", "_"))


def test_zero_rows_stay_zero():
    X = _rows()
    rows = np.vstack([X[:2], np.zeros(12)])
    for fitted in (AllButTheTop(2).fit(X), PCA(3).fit(X), SpaceAligner("shift").fit(X, X + 2)):
        with pytest.warns(TransformWarning, match="1 of 3 rows are the zero vector"):
            assert not fitted.transform(rows)[2].any()


# --- SentenceDebias ------------------------------------------------------------------------------


def _published_direction(tuples):
    """First principal component of unit vectors about the mean of their tuple, by scikit-learn."""
    unit = tuples / np.linalg.norm(tuples, axis=2, keepdims=True)
    centred = unit - unit.mean(axis=1, keepdims=True)
    return decomposition.PCA(1).fit(centred.reshape(-1, tuples.shape[2])).components_[0]


@pytest.mark.parametrize("m", [2, 3])
def test_sentence_debias_is_the_projection_of_bias_bench(m):
    # bias-bench (McGill-NLP, aba4403): unit vectors, tuples centred, PCA(n_components=1), then
    # v - (v.g) g; the same steps are written out here.
    X, ids = _tuples(m=m)
    g = _published_direction(X.reshape(-1, m, 12))
    expected = X - np.outer(X @ g, g)
    assert np.abs(X @ g).max() > 1
    if m == 2:
        fitted = SentenceDebias().fit(X, tuples=ids)
    else:
        with pytest.warns(TransformWarning, match="tuples of 3 sentences differ in 2 directions"):
            fitted = SentenceDebias().fit(X, tuples=ids)
    np.testing.assert_allclose(fitted.transform(X), expected, atol=1e-10)
    assert abs(fitted.subspace_.vector @ g) == pytest.approx(1, abs=1e-12)


def test_sentence_debias_without_unit_length():
    X, ids = _tuples()
    X = X * np.linspace(0.1, 9, len(X))[:, None] ** 2
    pairs = X.reshape(-1, 2, 12)
    differences = pairs[:, 0] - pairs[:, 1]
    g = np.linalg.svd(differences, full_matrices=False)[2][0]
    fitted = SentenceDebias(normalise=False).fit(X, tuples=ids)
    np.testing.assert_allclose(fitted.transform(X), X - np.outer(X @ g, g), atol=1e-10)
    other = SentenceDebias().fit(X, tuples=ids)
    assert np.abs(other.transform(X) - fitted.transform(X)).max() > 0.1


@given(st.integers(0, 10**6), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_sentence_debias_removes_its_subspace_in_any_order_of_rows(seed, m):
    X, ids = _tuples(m=m, seed=seed)
    names = np.array([f"t{i}" for i in ids])
    fitted = SentenceDebias(k=m - 1).fit(X, tuples=names)
    basis = fitted.subspace_.basis
    made = fitted.transform(X)
    assert np.abs(X @ basis.T).max() > 0.1
    assert np.abs(made @ basis.T).max() < 1e-10
    np.testing.assert_allclose(fitted.transform(made), made, atol=1e-10)
    order = np.random.default_rng(seed).permutation(len(X))
    shuffled = SentenceDebias(k=m - 1).fit(X[order], tuples=names[order])
    np.testing.assert_allclose(shuffled.transform(X), made, atol=1e-7)


def test_sentence_debias_with_classes_alone_is_the_projection_of_their_means():
    X, ids = _tuples()
    y = np.tile(["she", "he"], len(X) // 2)
    with pytest.warns(TransformWarning, match="was given labels and no tuples="):
        fitted = SentenceDebias().fit(X, y)
    made = fitted.transform(X)
    np.testing.assert_allclose(made, OrthogonalProjection().fit(X, y).transform(X), atol=1e-12)
    gap = X[y == "she"].mean(axis=0) - X[y == "he"].mean(axis=0)
    left = made[y == "she"].mean(axis=0) - made[y == "he"].mean(axis=0)
    assert np.linalg.norm(gap) > 1
    assert np.linalg.norm(left) < 1e-10
    with (
        pytest.warns(TransformWarning, match="was given labels"),
        pytest.warns(TransformWarning, match="k=3 was asked for"),
    ):
        SentenceDebias(k=3).fit(X, y)
    # With tuples the labels are not looked at.
    by_tuples = SentenceDebias().fit(X, y, tuples=ids)
    assert np.abs(by_tuples.transform(X) - made).max() > 1e-3


def test_sentence_debias_on_tokens_and_by_metadata():
    X, ids = _tuples()
    fitted = SentenceDebias(strength=0.5).fit(X, tuples=ids)
    tokens = np.random.default_rng(3).normal(size=(4, 6, 12))
    made = fitted.transform_tokens(tokens)
    np.testing.assert_allclose(made.mean(axis=1), fitted.transform(tokens.mean(axis=1)), atol=1e-12)
    task = (X[:, 0] > np.median(X[:, 0])).astype(int)
    with sklearn.config_context(enable_metadata_routing=True):
        steps = make_pipeline(
            SentenceDebias(strength=0.5).set_fit_request(tuples=True), LogisticRegression()
        )
        steps.fit(X, task, tuples=ids)
    np.testing.assert_array_equal(steps[0].transform(X), fitted.transform(X))


def test_sentence_debias_with_too_few_directions_says_so():
    X, ids = _tuples(n=1, m=3)
    with pytest.warns(TransformWarning, match=r"k=5 was asked for.*differ in 2 direction"):
        fitted = SentenceDebias(k=5).fit(X, tuples=ids)
    assert fitted.map_.rank == 2


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, t: SentenceDebias().fit(X), "requires y to be passed"),
        (lambda X, t: SentenceDebias().fit(X, tuples=t[:-1]), r"tuples has shape \(79,\)"),
        (lambda X, t: SentenceDebias().fit(X, tuples=np.append(t[:-1], 99)), "one sentence"),
        (lambda X, t: SentenceDebias(k=0).fit(X, tuples=t), "k=0"),
        (lambda X, t: SentenceDebias(strength=2).fit(X, tuples=t), "strength=2"),
        (lambda X, t: SentenceDebias(np.eye(12)[0]).fit(X, tuples=t), "has a subspace already"),
        (lambda X, t: SentenceDebias(np.eye(5)[0]).fit(X), "5 dimensions"),
        (lambda X, t: SentenceDebias().fit(np.repeat(X[::2], 2, axis=0), tuples=t), "differ"),
    ],
)
def test_sentence_debias_errors(call, message):
    with pytest.raises(InputError, match=message):
        call(*_tuples())


def test_sentence_debias_refuses_an_empty_text():
    X, ids = _tuples()
    X[3] = 0
    with pytest.raises(VectorError, match=r"X\[3\] is the zero vector"):
        SentenceDebias().fit(X, tuples=ids)


def test_sentence_debias_brings_swapped_sentences_of_minilm_together():
    encoder = embias.as_encoder("minilm")
    sets = [("he", "she"), ("the man", "the woman"), ("my brother", "my sister"), ("John", "Mary")]
    templates = ["{} is here.", "This is {}.", "Yesterday {} was late."]
    fitted = SentenceDebias.from_texts(encoder, sets, templates=templates)
    left = encoder.encode(["My uncle is a teacher.", "He likes soup.", "His son sings."])
    right = encoder.encode(["My aunt is a teacher.", "She likes soup.", "Her daughter sings."])

    def cosines(a, b):
        return (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)

    before, after = cosines(left, right), cosines(fitted.transform(left), fitted.transform(right))
    assert (after > before + 0.05).all()
    # The same from vectors and tuples.
    texts = [template.replace("{}", each) for template in templates for s in sets for each in s]
    ids = np.arange(len(texts)) // 2
    by_rows = SentenceDebias().fit(encoder.encode(texts), tuples=ids)
    np.testing.assert_allclose(by_rows.transform(left), fitted.transform(left), atol=1e-6)


# --- all but the top -----------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(1, 5))
@settings(max_examples=25, deadline=None)
def test_all_but_the_top_by_its_definition(seed, number):
    X = _rows(n=60, d=8, seed=seed)
    mean = X.mean(axis=0)
    top = np.linalg.svd(X - mean, full_matrices=False)[2][:number]
    fitted = AllButTheTop(number).fit(X)
    made = fitted.transform(X)
    np.testing.assert_allclose(made, (X - mean) - (X - mean) @ top.T @ top, atol=1e-8)
    assert np.abs(made.mean(axis=0)).max() < 1e-10
    assert np.abs(made @ fitted.components_.T).max() < 1e-10
    # Its linear part is a projection; the whole subtracts the mean again.
    A, b = fitted.as_affine()
    np.testing.assert_allclose(A @ A, A, atol=1e-10)
    np.testing.assert_allclose(fitted.transform(made), made + b, atol=1e-9)


def test_all_but_the_top_of_code_in_use_leaves_a_constant():
    X = _rows()
    mean = X.mean(axis=0)
    fitted = AllButTheTop(2).fit(X)
    top = decomposition.PCA(2).fit(X).components_
    in_use = (X - mean) - X @ top.T @ top
    assert np.abs(mean @ top.T).max() > 0.3
    np.testing.assert_allclose(fitted.transform(X), in_use + mean @ top.T @ top, atol=1e-9)
    assert np.ptp(in_use @ top.T, axis=0).max() < 1e-9  # a constant along what was to go


def test_all_but_the_top_takes_a_hundredth_by_default_and_batches():
    X = np.random.default_rng(0).normal(size=(600, 250))
    assert len(AllButTheTop().fit(X).components_) == 2
    assert len(AllButTheTop().fit(X[:, :5]).components_) == 1
    whole = AllButTheTop(3).fit(X)
    parts = AllButTheTop(3)
    for part in (X[500:], X[:1], X[1:500]):
        parts.partial_fit(part)
    np.testing.assert_allclose(parts.transform(X), whole.transform(X), atol=1e-9)
    assert isinstance(whole.map_, LowRankMap)
    expected = decomposition.PCA().fit(X).explained_variance_ratio_[:3].sum()
    assert whole.removed_share_ == pytest.approx(expected, rel=1e-10)


def test_all_but_the_top_makes_word2vec_more_isotropic():
    vectors = np.asarray(embias.as_encoder("word2vec-googlenews-extract").vectors)
    fitted = AllButTheTop().fit(vectors)
    assert len(fitted.components_) == 3
    before, after = isotropy(vectors).figures, isotropy(fitted.transform(vectors)).figures
    assert after["isoscore"] > before["isoscore"] + 0.1
    assert before["partition"] < 0.3
    assert after["partition"] > 0.9
    assert before["mean_cosine"] > 0.07
    assert abs(after["mean_cosine"]) < 0.005


# --- PCA -----------------------------------------------------------------------------------------


@given(st.integers(0, 10**6), st.integers(1, 8), st.booleans())
@settings(max_examples=25, deadline=None)
def test_pca_is_that_of_scikit_learn(seed, number, whiten):
    X = _rows(n=60, d=8, seed=seed)
    ours, theirs = (
        PCA(number, whiten=whiten).fit(X),
        decomposition.PCA(number, whiten=whiten).fit(X),
    )
    np.testing.assert_allclose(ours.explained_variance_, theirs.explained_variance_, rtol=1e-7)
    np.testing.assert_allclose(
        ours.explained_variance_ratio_, theirs.explained_variance_ratio_, rtol=1e-7
    )
    np.testing.assert_allclose(ours.mean_, theirs.mean_, atol=1e-12)
    signs = np.sign((ours.components_ * theirs.components_).sum(axis=1))
    np.testing.assert_allclose(
        ours.transform(X), theirs.transform(X) * signs, atol=1e-5 * np.abs(X).max()
    )
    assert (ours.components_[np.arange(number), np.abs(ours.components_).argmax(axis=1)] > 0).all()


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95, 0.999])
def test_pca_by_share_of_the_variance(share):
    X = _rows()
    ours, theirs = PCA(share).fit(X), decomposition.PCA(share).fit(X)
    assert len(ours.components_) == theirs.n_components_
    assert ours.explained_variance_ratio_.sum() > share


def test_pca_in_batches_with_all_directions_keeps_distances():
    X = _rows() + 1e4
    parts = PCA()
    for part in np.split(X, [1, 30, 31, 100]):
        parts.partial_fit(part)
    whole = PCA().fit(X)
    np.testing.assert_allclose(parts.transform(X), whole.transform(X), atol=1e-6)
    made = whole.transform(X)
    np.testing.assert_allclose(
        np.linalg.norm(made[:50] - made[50:100], axis=1),
        np.linalg.norm(X[:50] - X[50:100], axis=1),
        rtol=1e-9,
    )
    white = PCA(whiten=True).fit_transform(X)
    np.testing.assert_allclose(np.cov(white.T), np.eye(12), atol=1e-7)
    assert list(whole.get_feature_names_out())[:2] == ["pca0", "pca1"]


def test_pca_keeps_the_directions_there_are():
    X = _rows(n=6)
    assert PCA().fit_transform(X).shape == (6, 5)
    flat = np.hstack([_rows(), np.ones((150, 3)), _rows()[:, :2]])
    assert PCA().fit_transform(flat).shape == (150, 12)
    for wrong, message in (
        (PCA(6), r"n_components=6, and the rows vary in 5 .*n_samples=6"),
        (PCA(0), "whole number from 1"),
        (PCA(1.0), "below 1"),
        (PCA(True), "whole number"),
        (AllButTheTop(5), "remove 5 of the 5 directions"),
        (AllButTheTop(0), "n_components=0"),
    ):
        with pytest.raises(InputError, match=message):
            wrong.fit(X)
    for kind in (PCA, AllButTheTop):
        with pytest.raises(InputError, match="do not differ"):
            kind().fit(np.full((20, 4), 0.1))


def test_an_erasure_survives_pca_and_truncation_but_not_unit_length():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 150)
    X = _rows() + y[:, None]
    erased = LEACE().fit_transform(X, y)

    def gap(rows):
        return np.abs(rows[y == 1].mean(axis=0) - rows[y == 0].mean(axis=0)).max()

    assert gap(PCA(4).fit_transform(X)) > 0.1
    for step in (PCA(4), TruncateDims(4), RandomProjection(4), SpectrumFilter(), AllButTheTop()):
        assert gap(step.fit_transform(erased)) < 1e-10
    assert gap(TruncateDims(4, renormalise=True).fit_transform(erased)) > 1e-3


# --- a band of the spectrum ----------------------------------------------------------------------


@pytest.mark.parametrize(("d", "ratio"), [(8, 2), (12, 4), (20, 2)])
def test_spectrum_filter_is_embfilter(d, ratio):
    # EmbFilter (CentreChen, 07898ba), filter_type "edge": k = d // ratio right singular vectors of
    # the output matrix from (d - k) // 2 on; the embedding is the coordinates along them.
    rng = np.random.default_rng(d)
    matrix, X = rng.normal(size=(300, d)) + 0.5, _rows(d=d)
    k = d // ratio
    start = (d - k) // 2
    theirs = X @ np.linalg.svd(matrix, full_matrices=False)[2][start : start + k].T
    reduced = SpectrumFilter(matrix, band=(start, start + k), reduce=True).fit(X)
    made = reduced.transform(X)
    assert made.shape == (150, k)
    np.testing.assert_allclose(np.abs(made), np.abs(theirs), atol=1e-9)
    whole = SpectrumFilter(matrix, band=(start, start + k)).fit_transform(X)
    np.testing.assert_allclose(whole @ whole.T, theirs @ theirs.T, atol=1e-8)
    assert np.abs(X @ X.T - theirs @ theirs.T).max() > 1
    shares = SpectrumFilter(matrix, band=(start / d, (start + k) / d)).fit_transform(X)
    np.testing.assert_array_equal(shares, whole)
    if ratio == 2:
        np.testing.assert_array_equal(SpectrumFilter(matrix).fit_transform(X), whole)
    small = np.linalg.qr(matrix, mode="r")
    again = SpectrumFilter(small, band=(start, start + k)).fit_transform(X)
    np.testing.assert_allclose(again, whole, atol=1e-9)


@given(st.integers(0, 10**6), st.integers(0, 7), st.integers(1, 8))
@settings(max_examples=30, deadline=None)
def test_kept_and_removed_add_up(seed, start, width):
    X = _rows(n=40, d=8, seed=seed)
    band = (start, min(start + width, 8))
    keep = SpectrumFilter(band=band).fit(X)
    kept = keep.transform(X)
    np.testing.assert_allclose(keep.transform(kept), kept, atol=1e-8)
    assert np.linalg.matrix_rank(keep.as_affine()[0], tol=1e-9) == band[1] - band[0]
    if band == (0, 8):
        np.testing.assert_allclose(kept, X, atol=1e-8)
        with pytest.raises(InputError, match="removes all 8 directions"):
            SpectrumFilter(band=band, keep=False).fit(X)
        return
    removed = SpectrumFilter(band=band, keep=False).fit_transform(X)
    np.testing.assert_allclose(kept + removed, X, atol=1e-8)
    assert np.abs((kept * removed).sum(axis=1)).max() < 1e-7


def test_spectrum_filter_of_the_rows_themselves():
    X = _rows()
    vt = np.linalg.svd(X, full_matrices=False)[2]
    fitted = SpectrumFilter(band=(0, 1), keep=False).fit(X)
    np.testing.assert_allclose(fitted.transform(X), X - np.outer(X @ vt[0], vt[0]), atol=1e-9)
    assert fitted.subspace_.k == 1
    assert fitted.subspace_.settings["band"] == [0, 1]
    assert isinstance(fitted.map_, LowRankMap)
    reduced = SpectrumFilter(reduce=True, band=(0.0, 1.0)).fit(pd.DataFrame(X))
    assert list(reduced.get_feature_names_out())[:2] == ["spectrumfilter0", "spectrumfilter1"]


def test_spectrum_filter_says_when_the_border_is_chance():
    X = _rows()
    with pytest.warns(TransformWarning, match="ends at direction 9 of 12, between singular"):
        SpectrumFilter(X[:5]).fit(X)
    with pytest.warns(TransformWarning, match="ends at direction 3 of 12"):
        SpectrumFilter(np.eye(12)).fit(X)
    for wrong, message in (
        (SpectrumFilter(X[:, :5]), "5 columns and the rows 12"),
        (SpectrumFilter(band=(3, 3)), "band="),
        (SpectrumFilter(band=(0.5, 1.5)), "band="),
        (SpectrumFilter(np.zeros((4, 12))), "only zeros"),
        (SpectrumFilter(np.full((4, 12), np.nan)), "NaN"),
    ):
        with pytest.raises(InputError, match=message):
            wrong.fit(X)


def test_spectrum_filter_on_the_word_matrix_of_minilm():
    torch = pytest.importorskip("torch")
    from sentence_transformers import SentenceTransformer

    from embias.encoders.embedded import minilm_folder

    encoder = embias.as_encoder("minilm")
    X = encoder.encode(["a nurse", "an engineer", "the king", "two dogs", "it rains"])
    model = SentenceTransformer(minilm_folder(), device="cpu")
    weight = model[0].auto_model.get_input_embeddings().weight
    assert isinstance(weight, torch.nn.Parameter)
    assert SpectrumFilter(weight, reduce=True).fit_transform(X).shape == (5, 192)
    made = SpectrumFilter(weight[:2000], reduce=True).fit_transform(X)
    vt = np.linalg.svd(weight[:2000].detach().double().numpy(), full_matrices=False)[2][96:288]
    np.testing.assert_allclose(made @ made.T, (X @ vt.T) @ (X @ vt.T).T, atol=1e-6)
    assert np.abs(made @ made.T - X @ X.T).max() > 0.05


# --- the first dimensions ------------------------------------------------------------------------


def test_truncation_is_exact_and_names_stay():
    X = _rows()
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(12)])
    fitted = TruncateDims(5).set_output(transform="pandas").fit(frame)
    made = fitted.transform(frame)
    assert list(made.columns) == ["f0", "f1", "f2", "f3", "f4"]
    np.testing.assert_array_equal(made, X[:, :5])
    assert TruncateDims(0.25).fit(X).dim_ == 3
    assert TruncateDims().fit(X).dim_ == 6
    assert TruncateDims(1.0).fit(X).dim_ == 12
    for wrong in (0, 13, 1.5, 0.0, True, "8", None):
        with pytest.raises(InputError, match=r"dim=.* of n_features=12"):
            TruncateDims(wrong).fit(X)


def test_renormalising_is_no_affine_map(tmp_path):
    X = _rows()
    fitted = TruncateDims(5, renormalise=True).fit(X)
    made = fitted.transform(X)
    np.testing.assert_allclose(
        made, X[:, :5] / np.linalg.norm(X[:, :5], axis=1, keepdims=True), rtol=1e-14
    )
    assert np.abs(np.linalg.norm(X[:, :5], axis=1) - 1).min() > 1e-3
    assert fitted.transform(X.astype(np.float16)).dtype == np.float16
    with pytest.raises(InputError, match=r"no affine map.*use renormalise=False"):
        fitted.as_affine()
    steps = make_pipeline(AllButTheTop(2), fitted, PCA(3)).fit(X)
    kinds = [type(step).__name__ for _, step in fold(steps).steps]
    assert kinds == ["FoldedAffine", "TruncateDims", "FoldedAffine"]
    np.testing.assert_allclose(fold(steps).transform(X), steps.transform(X), atol=1e-10)
    fitted.save(tmp_path / "t")
    np.testing.assert_array_equal(load_transform(tmp_path / "t").transform(X), made)
    assert not fitted.transform(np.zeros((1, 12))).any()


def test_truncation_is_truncate_dim_of_the_encoder():
    from embias.encoders import SentenceTransformerEncoder
    from embias.encoders.embedded import minilm_folder

    texts = ["a nurse", "an engineer", "the king"]
    whole = embias.as_encoder("minilm").encode(texts)
    cut = SentenceTransformerEncoder(minilm_folder(), truncate_dim=64)
    assert cut.info.normalized
    made = TruncateDims(64, renormalise=True).fit_transform(whole)
    np.testing.assert_allclose(made, cut.encode(texts), atol=1e-6)
    assert np.abs(whole[:, :64] - cut.encode(texts)).max() > 0.01


# --- random projection ---------------------------------------------------------------------------


@pytest.mark.parametrize("density", ["auto", 1 / 3, 1.0])
def test_random_projection_is_that_of_scikit_learn(density):
    X = _rows(d=60)
    ours = RandomProjection(20, density=density, random_state=7).fit(X)
    theirs = SparseRandomProjection(20, density=density, random_state=7, dense_output=True).fit(X)
    np.testing.assert_allclose(ours.transform(X), theirs.transform(X), atol=1e-10)
    assert ours.seed_ == 7
    assert ours.get_feature_names_out()[0] == "randomprojection0"


def test_random_projection_keeps_squared_lengths_on_average():
    X = np.random.default_rng(1).normal(size=(40, 100))
    X /= np.linalg.norm(X, axis=1, keepdims=True)
    lengths = np.concatenate(
        [
            (RandomProjection(20, random_state=seed).fit_transform(X) ** 2).sum(axis=1)
            for seed in range(200)
        ]
    )
    # 200 draws; the standard error of their mean is below sqrt(2 / 20 / 200) = .023.
    assert abs(lengths.mean() - 1) < 0.07
    # Var of one: (2 + (1/density - 3) sum x^4) / k with 1/density = 10 and sum x^4 near 3/100.
    expected = np.sqrt((2 + 7 * (X**4).sum(axis=1).mean()) / 20)
    assert lengths.std() == pytest.approx(expected, rel=0.1)


def test_random_projection_by_seed_and_errors():
    X = _rows()
    first = RandomProjection(random_state=3).fit_transform(X)
    assert first.shape == (150, 6)
    np.testing.assert_array_equal(first, RandomProjection(random_state=3).fit_transform(X))
    assert np.abs(first - RandomProjection(random_state=4).fit_transform(X)).max() > 0.1
    for state in (np.random.default_rng(0), None, 2**40):
        drawn = RandomProjection(random_state=state).fit(X)
        again = RandomProjection(random_state=drawn.seed_).fit(X)
        np.testing.assert_array_equal(drawn.transform(X), again.transform(X))
    for wrong, message in (
        (RandomProjection(13), "n_components=13 of n_features=12"),
        (RandomProjection(density=0), "density=0"),
        (RandomProjection(density="sparse"), "density='sparse'"),
        (RandomProjection(random_state=-1), "random_state=-1"),
        (RandomProjection(random_state="a"), "random_state='a'"),
    ):
        with pytest.raises(InputError, match=message):
            wrong.fit(X)


def test_a_given_subspace_is_projected_out_whole():
    X, ids = _tuples(m=3)
    subspace = Subspace.from_sets(list(X.reshape(-1, 3, 12)), k=2)
    made = SentenceDebias(subspace).fit(X).transform(X)
    expected = SentenceDebias(k=2).fit(X, tuples=ids).transform(X)
    np.testing.assert_allclose(made, expected, atol=1e-12)
