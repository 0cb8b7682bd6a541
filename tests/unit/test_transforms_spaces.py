"""Codes, cosines to anchors, and one space mapped into another."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.linalg import orthogonal_procrustes
from scipy.stats import ortho_group
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

import embias
from embias.encoders.quantized import QuantizedEncoder
from embias.errors import InputError, VectorError
from embias.transforms import LEACE, TransformWarning, fold, load_transform
from embias.transforms.quantize import Quantize
from embias.transforms.relative_representation import RelativeRepresentation
from embias.transforms.space_aligner import SpaceAligner

tables = st.tuples(st.integers(2, 12), st.integers(1, 19)).flatmap(
    lambda shape: arrays.arrays(
        np.float32, shape, elements=st.floats(-(2.0**100), 2.0**100, width=32)
    )
)


def _rows(n=150, d=12, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3 * rng.normal(size=d)


def _rotation(d, seed=0):
    return ortho_group.rvs(d, random_state=seed)


# --- codes ---------------------------------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
@settings(deadline=None, max_examples=60)
@given(tables)
def test_codes_are_those_of_sentence_transformers(rows):
    library = pytest.importorskip("sentence_transformers.util.quantization")
    d = rows.shape[1]
    rows = rows[rows.any(axis=1)]
    if len(rows) == 0:
        return
    fitted = Quantize().fit(rows)
    np.testing.assert_array_equal(fitted.ranges_, np.stack([rows.min(axis=0), rows.max(axis=0)]))
    codes = library.quantize_embeddings(rows, "int8", ranges=fitted.ranges_)
    made = fitted.transform(rows)
    assert made.dtype == np.float32
    np.testing.assert_array_equal(made, codes)
    back = Quantize(values="dequantised").fit(rows).transform(rows)
    expected = library._dequantize_embeddings(codes, "int8", fitted.ranges_)
    np.testing.assert_array_equal(back, np.asarray(expected).astype(np.float32))
    bits = np.unpackbits(library.quantize_embeddings(rows, "ubinary"), axis=1)[:, :d]
    np.testing.assert_array_equal(Quantize("binary").fit_transform(rows), bits * 2.0 - 1)


def test_codes_are_those_of_the_quantised_encoder():
    encoder = embias.as_encoder("word2vec-googlenews-extract")
    words = list(encoder.words[:400])
    rows = np.asarray(encoder.encode(words), dtype=np.float64)
    for options in ({}, {"values": "dequantised"}):
        theirs = QuantizedEncoder(encoder, "int8", **options).calibrate(words).encode(words)
        np.testing.assert_allclose(Quantize(**options).fit_transform(rows), theirs, atol=1e-15)
    signs = QuantizedEncoder(encoder, "binary").encode(words)
    np.testing.assert_array_equal(Quantize("binary").fit_transform(rows), signs)


def test_int8_by_the_formula_written_out():
    rows = np.array([[0, 5, -10], [510, 5, 117.5], [3.9, 5, 0]])
    fitted = Quantize(ranges=[[0, 5, -10], [510, 5, 117.5]]).fit(rows)
    expected = [[-128, -128, -128], [127, -128, 127], [1 - 128, -128, 20 - 128]]
    np.testing.assert_array_equal(fitted.transform(rows), expected)
    far = fitted.transform(np.array([[1e300, 0, -1e300]]))
    np.testing.assert_array_equal(far, [[127, -128, -128]])


def test_dequantised_is_within_a_step_below():
    X = _rows()
    fitted = Quantize(values="dequantised").fit(X)
    step = np.diff(fitted.ranges_, axis=0)[0] / 255
    gap = X - fitted.transform(X)
    assert (gap < step * 1.001).all()
    assert (gap > -step * 1e-3).all()
    assert gap.max() > 0.5 * step.min()


def test_quantize_says_what_is_wrong(tmp_path):
    X = _rows()
    with pytest.warns(TransformWarning, match="ranges of 99 rows; those of fewer than 100"):
        Quantize().fit(X[:99])
    dead = X.copy()
    dead[:, 3] *= 1e-9
    with pytest.warns(TransformWarning, match="1 of 12 dimensions vary by less"):
        Quantize("binary").fit(dead)
    dead[:, 3] = 1
    Quantize("binary").fit(dead)
    with pytest.warns(TransformWarning, match="1 of 3 rows are the zero vector"):
        assert not Quantize("binary").fit(X).transform(np.vstack([X[:2], np.zeros(12)]))[2].any()
    for wrong, message in (
        (Quantize("int4"), "precision='int4'"),
        (Quantize(values="code"), "did you mean 'codes'"),
        (Quantize("binary", values="dequantised"), "has no ranges"),
        (Quantize("binary", ranges=[[0] * 12, [1] * 12]), "has no ranges"),
        (Quantize(ranges=[[0] * 5, [1] * 5]), r"shape \(2, 5\), expected \(2, 12\)"),
        (Quantize(ranges=[[1] * 12, [0] * 12]), "from 1 down to 0"),
        (Quantize(ranges=[["a"] * 12] * 2), "not an array of numbers"),
    ):
        with pytest.raises(InputError, match=message):
            wrong.fit(X)
    with pytest.raises(VectorError, match="too wide for float32"):
        Quantize().fit(X * 1e300)
    for precision in ("int8", "binary"):
        fitted = Quantize(precision).fit(X)
        fitted.save(tmp_path / precision)
        again = load_transform(tmp_path / precision)
        np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    steps = make_pipeline(LEACE(), Quantize(), LEACE()).fit(X, X[:, 0] > 0)
    kinds = [type(step).__name__ for _, step in fold(steps).steps]
    assert kinds == ["FoldedAffine", "Quantize", "FoldedAffine"]


def test_quantising_breaks_an_erasure_a_little():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    X = _rows(n=400) + y[:, None]
    erased = LEACE().fit_transform(X, y)

    def gap(rows):
        spread = np.abs(rows[y == 1].mean(axis=0) - rows[y == 0].mean(axis=0)) / rows.std(axis=0)
        return spread.max()

    assert gap(erased) < 1e-10
    assert 1e-6 < gap(Quantize().fit_transform(erased)) < 0.01
    assert gap(Quantize("binary").fit_transform(erased)) > 0.02


# --- relative representations --------------------------------------------------------------------


@given(st.integers(0, 10**6), st.floats(0.01, 100))
@settings(max_examples=25, deadline=None)
def test_relative_is_the_same_in_a_rotated_and_rescaled_space(seed, factor):
    X, turned = _rows(n=40, d=8, seed=seed), None
    turned = X @ _rotation(8, seed) * factor
    first = RelativeRepresentation(n_anchors=6, random_state=seed).fit(X)
    picked = first.anchor_rows_
    expected = (X / np.linalg.norm(X, axis=1, keepdims=True)) @ (
        X[picked] / np.linalg.norm(X[picked], axis=1, keepdims=True)
    ).T
    np.testing.assert_allclose(first.transform(X), expected, atol=1e-12)
    second = RelativeRepresentation(turned[picked]).fit(turned)
    np.testing.assert_allclose(second.transform(turned), first.transform(X), atol=1e-10)
    assert np.abs(turned - X).max() > 0.01
    shifted = turned + 5 * factor
    third = RelativeRepresentation(shifted[picked]).fit(shifted)
    assert np.abs(third.transform(shifted) - first.transform(X)).max() > 1e-3


def test_relative_names_its_columns(tmp_path):
    X = _rows(n=30)
    words = [f"w{i}" for i in range(30)]
    frame = pd.DataFrame(X, index=words)
    fitted = RelativeRepresentation(n_anchors=4).fit(frame)
    assert list(fitted.get_feature_names_out()) == [words[i] for i in fitted.anchor_rows_]
    assert len(set(fitted.anchor_rows_.tolist())) == 4
    plain = RelativeRepresentation(n_anchors=2).fit(X)
    assert list(plain.get_feature_names_out()) == [f"anchor_{i}" for i in plain.anchor_rows_]
    given_ = RelativeRepresentation(frame.iloc[[3, 5]]).fit(X)
    assert list(given_.get_feature_names_out()) == ["w3", "w5"]
    assert given_.anchor_rows_ is None
    named = RelativeRepresentation(X[:2], names=["she", "he"]).set_output(transform="pandas")
    assert list(named.fit_transform(X).columns) == ["she", "he"]
    fitted.save(tmp_path / "r")
    again = load_transform(tmp_path / "r")
    np.testing.assert_array_equal(again.transform(X), fitted.transform(X))
    assert again.anchor_names_ == fitted.anchor_names_


def test_relative_draws_by_seed_and_never_a_zero_row():
    X = _rows(n=30)
    X[::2] = 0
    fitted = RelativeRepresentation(n_anchors=15).fit(X)
    assert (fitted.anchor_rows_ % 2 == 1).all()
    made = fitted.transform(X)
    assert not made[::2].any()
    assert np.abs(np.diag(made[1::2]) - 1).max() < 1e-12
    same = RelativeRepresentation(n_anchors=5, random_state=1).fit(X).anchor_rows_
    np.testing.assert_array_equal(
        same, RelativeRepresentation(n_anchors=5, random_state=1).fit(X).anchor_rows_
    )
    others = [
        RelativeRepresentation(n_anchors=5, random_state=seed).fit(X).anchor_rows_.tolist()
        for seed in range(5)
    ]
    assert len({tuple(each) for each in others}) > 1
    assert len(RelativeRepresentation().fit(X[:, :7]).anchor_rows_) == 7
    for kind in (np.float32, np.float16):
        low = fitted.transform(X.astype(kind))
        assert low.dtype == kind
        np.testing.assert_allclose(low, made, atol=3e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda X: RelativeRepresentation(n_anchors=31), "n_anchors=31, and there are 30 rows"),
        (lambda X: RelativeRepresentation(n_anchors=0), "n_anchors=0"),
        (lambda X: RelativeRepresentation(X[:3, :5]), "5 dimensions and the rows 12"),
        (lambda X: RelativeRepresentation(X[:3] * 0), r"anchors\[0\] is the zero vector"),
        (lambda X: RelativeRepresentation(X[:3], names=["a"]), "1 entries for 3 anchors"),
        (lambda X: RelativeRepresentation(random_state="x"), "random_state='x'"),
    ],
)
def test_relative_errors(make, message):
    X = _rows(n=30)
    with pytest.raises(InputError, match=message):
        make(X).fit(X)


# --- alignment -----------------------------------------------------------------------------------


@given(st.integers(0, 10**6))
@settings(max_examples=25, deadline=None)
def test_procrustes_is_that_of_scipy(seed):
    rng = np.random.default_rng(seed)
    X, Y = _rows(n=40, d=6, seed=seed), rng.normal(size=(40, 6))
    plain = SpaceAligner(centre=False).fit(X, Y)
    expected, total = orthogonal_procrustes(X, Y)
    A, b = plain.as_affine()
    np.testing.assert_allclose(A.T, expected, atol=1e-8)
    assert not b.any()
    centred = SpaceAligner().fit(X, Y)
    x, y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    rotation, total = orthogonal_procrustes(x, y)
    np.testing.assert_allclose(centred.transform(X), x @ rotation + Y.mean(axis=0), atol=1e-8)
    scaled = SpaceAligner(scale=True).fit(X, Y)
    assert scaled.scale_ == pytest.approx(total / (x**2).sum(), rel=1e-9)
    for fitted in (plain, centred, scaled):
        left = ((fitted.transform(X) - Y) ** 2).sum() / (y**2).sum()
        assert fitted.unexplained_ == pytest.approx(left, rel=1e-8)
    # The factor is the best one, and the rotation keeps angles between centred vectors.
    assert scaled.unexplained_ <= centred.unexplained_ + 1e-12
    A = centred.as_affine()[0]
    np.testing.assert_allclose(A @ A.T, np.eye(6), atol=1e-10)


def test_a_planted_rotation_is_recovered_and_a_shift_does_not():
    X = _rows()
    turned = 2.5 * X @ _rotation(12) - 4
    fresh = _rows(seed=9)
    moved = 2.5 * fresh @ _rotation(12) - 4
    exact = SpaceAligner(scale=True).fit(X, turned)
    assert exact.scale_ == pytest.approx(2.5, rel=1e-12)
    assert exact.unexplained_ < 1e-12
    np.testing.assert_allclose(exact.transform(fresh), moved, atol=1e-9)
    np.testing.assert_allclose(
        SpaceAligner("affine").fit(X, turned).transform(fresh), moved, atol=1e-6
    )
    shift = SpaceAligner("shift").fit(X, turned)
    np.testing.assert_allclose(shift.transform(X).mean(axis=0), turned.mean(axis=0), atol=1e-10)
    assert shift.unexplained_ > 0.5
    left = ((shift.transform(X) - turned) ** 2).sum()
    assert shift.unexplained_ == pytest.approx(left / ((turned - turned.mean(axis=0)) ** 2).sum())
    only_shifted = SpaceAligner("shift").fit(X, X + np.arange(12))
    np.testing.assert_allclose(only_shifted.transform(fresh), fresh + np.arange(12), atol=1e-10)
    assert only_shifted.unexplained_ < 1e-12


@pytest.mark.parametrize("centre", [True, False])
def test_affine_is_least_squares(centre):
    X = _rows()
    Y = np.random.default_rng(5).normal(size=(150, 4)) + X[:, :4] @ np.ones((4, 4))
    fitted = SpaceAligner("affine", centre=centre).fit(X, Y)
    theirs = LinearRegression(fit_intercept=centre).fit(X, Y)
    np.testing.assert_allclose(fitted.transform(X), theirs.predict(X), atol=1e-7)
    share = ((theirs.predict(X) - Y) ** 2).sum() / ((Y - Y.mean(axis=0)) ** 2).sum()
    assert fitted.unexplained_ == pytest.approx(share, rel=1e-8)
    assert 0.01 < share < 1


@pytest.mark.parametrize("width", [3, 12, 20])
def test_spaces_of_other_dimension_are_padded(width):
    X, Y = _rows(), _rows(d=width, seed=4)
    full = max(12, width)
    x, y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    padded_x = np.pad(x, ((0, 0), (0, full - 12)))
    padded_y = np.pad(y, ((0, 0), (0, full - width)))
    rotation, _ = orthogonal_procrustes(padded_x, padded_y)
    expected = (padded_x @ rotation)[:, :width] + Y.mean(axis=0)
    fitted = SpaceAligner().fit(X, Y)
    np.testing.assert_allclose(fitted.transform(X), expected, atol=1e-8)
    scaled = SpaceAligner(scale=True).fit(X, Y)
    # No other factor of the same rotation comes nearer.
    made = fitted.transform(X) - Y.mean(axis=0)
    best = (made * y).sum() / (made**2).sum()
    assert scaled.scale_ == pytest.approx(best, rel=1e-8)
    assert scaled.unexplained_ <= fitted.unexplained_


@pytest.mark.parametrize("method", ["procrustes", "affine", "shift"])
def test_alignment_in_batches(method, tmp_path):
    X, Y = _rows(), _rows(seed=3) + 2
    whole, parts = SpaceAligner(method).fit(X, Y), SpaceAligner(method)
    for part in (slice(100, 150), slice(0, 1), slice(1, 100)):
        parts.partial_fit(X[part], Y[part])
    np.testing.assert_allclose(parts.transform(X), whole.transform(X), atol=1e-7)
    assert parts.unexplained_ == pytest.approx(whole.unexplained_, rel=1e-7)
    whole.save(tmp_path / "a")
    again = SpaceAligner.load(tmp_path / "a")
    again.partial_fit(X, Y)
    assert again.moments_.n == 300


def test_alignment_names_the_columns_of_the_target():
    X = _rows()
    frame = pd.DataFrame(X, columns=[f"old{i}" for i in range(12)])
    target = pd.DataFrame(X[:, ::-1] + 1, columns=[f"new{i}" for i in range(12)])
    made = SpaceAligner().set_output(transform="pandas").fit(frame, target).transform(frame)
    assert list(made.columns) == list(target.columns)
    plain = SpaceAligner().fit(frame, target.to_numpy())
    assert plain.get_feature_names_out()[0] == "spacealigner0"


def test_alignment_of_few_rows_warns():
    X, Y = _rows(n=8), _rows(n=8, seed=1)
    with pytest.warns(TransformWarning, match="determine the rotation in 7 of 12 directions"):
        SpaceAligner().fit(X, Y)
    with pytest.warns(TransformWarning, match="8 rows of 12 dimensions are fitted exactly"):
        fitted = SpaceAligner("affine").fit(X, Y)
    np.testing.assert_allclose(fitted.transform(X), Y, atol=1e-6)
    x, y = X - X.mean(axis=0), Y - Y.mean(axis=0)
    least = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(fitted.as_affine()[0].T, least, atol=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: SpaceAligner().fit(X), "requires y to be passed"),
        (lambda X: SpaceAligner().fit(X, X[:-1]), "inconsistent numbers of samples"),
        (lambda X: SpaceAligner().fit(X, np.where(X > 4, np.nan, X)), "y contains NaN"),
        (lambda X: SpaceAligner().fit(X, [["a"]] * len(X)), "y: "),
        (lambda X: SpaceAligner("rotate").fit(X, X), "method='rotate'"),
        (lambda X: SpaceAligner("affine", scale=True).fit(X, X), "has no scale"),
        (lambda X: SpaceAligner("shift", centre=False).fit(X, X), "choose one"),
        (lambda X: SpaceAligner("shift").fit(X, X[:, :4]), "the rows have 12, the target 4"),
        (lambda X: SpaceAligner().fit(X * 0 + 1, X), "do not differ"),
        (lambda X: SpaceAligner().fit(X, X).partial_fit(X, X[:, :3]), "3 dimensions, and 12"),
        (lambda X: SpaceAligner().transform(X), "not fitted"),
    ],
)
def test_alignment_errors(call, message):
    with pytest.raises(InputError, match=message):
        call(_rows())


def test_a_rotated_and_noisy_word2vec_is_brought_back():
    vectors = np.asarray(embias.as_encoder("word2vec-googlenews-extract").vectors, dtype=float)
    rng = np.random.default_rng(0)
    other = vectors @ _rotation(300) + 0.3 * vectors.std() * rng.normal(size=vectors.shape) + 0.1
    train, test = np.arange(0, 3000), np.arange(3000, 4000)

    def found(made):
        made, true = made - made.mean(axis=0), other[test] - other[test].mean(axis=0)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        true /= np.linalg.norm(true, axis=1, keepdims=True)
        return float(((made @ true.T).argmax(axis=1) == np.arange(len(test))).mean())

    assert found(vectors[test].copy()) < 0.02
    right = {
        method: found(
            SpaceAligner(method).fit(vectors[train], other[train]).transform(vectors[test])
        )
        for method in ("procrustes", "affine", "shift")
    }
    assert right["procrustes"] > 0.99
    assert right["affine"] > 0.9
    assert right["shift"] < 0.02


@pytest.mark.parametrize(
    ("transform", "dim"),
    [
        (Quantize(), 300),
        (RelativeRepresentation(n_anchors=7), 7),
        (SpaceAligner(), 300),
    ],
)
def test_behind_an_encoder(transform, dim):
    encoder = embias.as_encoder("word2vec-googlenews-extract")
    vectors = np.asarray(encoder.vectors)
    fitted = transform.fit(vectors, vectors[:, ::-1])
    both = encoder | fitted
    assert both.info.dim == dim
    assert "sha256:" in both.info.transforms[-1]
    words = list(encoder.words[:3])
    np.testing.assert_allclose(
        both.encode(words), fitted.transform(encoder.encode(words)), atol=1e-12
    )
