"""The base of the affine transforms: maps, folding, saving, labels, moments."""

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler

from embias.errors import DataFileError, InputError, OutputError
from embias.geometry import Subspace
from embias.transforms import (
    LEACE,
    DenseMap,
    FoldedAffine,
    LowRankMap,
    OrthogonalProjection,
    TransformWarning,
    compose,
    fold,
    load_transform,
    save_transform,
)
from embias.transforms._moments import Moments


def _data(n=200, d=12, k=2, seed=0):
    rng = np.random.default_rng(seed)
    y = rng.integers(0, k, n)
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=(k, d))[y] * 2 + 3
    return X, y


def _low_rank(rng, d, r):
    return LowRankMap(rng.normal(size=(d, r)), rng.normal(size=(r, d)), rng.normal(size=r))


@given(st.integers(0, 10**6), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=40, deadline=None)
def test_composition_is_one_map_after_the_other(seed, r1, r2):
    rng = np.random.default_rng(seed)
    d = 7
    first, second = _low_rank(rng, d, r1), _low_rank(rng, d, r2)
    dense = DenseMap(rng.normal(size=(4, d)), rng.normal(size=4))
    X = rng.normal(size=(5, d))
    both = compose(first, second)
    assert isinstance(both, LowRankMap) == (2 * (r1 + r2) <= d)
    np.testing.assert_allclose(both.apply(X), second.apply(first.apply(X)), atol=1e-9)
    np.testing.assert_allclose(
        compose(first, dense).apply(X), dense.apply(first.apply(X)), atol=1e-9
    )
    matrix, offset = both.dense()
    np.testing.assert_allclose(X @ matrix.T + offset, both.apply(X), atol=1e-9)


def test_a_map_keeps_number_types_and_its_input():
    rng = np.random.default_rng(1)
    map_ = LowRankMap.about(rng.normal(size=6), rng.normal(size=(6, 2)), rng.normal(size=(2, 6)))
    X = rng.normal(size=(9, 6))
    for kind, tolerance in ((np.float64, 1e-12), (np.float32, 1e-5), (np.float16, 3e-2)):
        given_ = X.astype(kind)
        before = given_.copy()
        made = map_.apply(given_)
        assert made.dtype == kind
        np.testing.assert_array_equal(given_, before)
        np.testing.assert_allclose(made, map_.apply(X), atol=tolerance)
    assert map_.apply(np.ones((1, 6), dtype=np.int8)).dtype == np.float64


def test_a_center_stays_where_it_is():
    rng = np.random.default_rng(2)
    center = rng.normal(size=6)
    map_ = LowRankMap.about(center, rng.normal(size=(6, 2)), rng.normal(size=(2, 6)))
    np.testing.assert_allclose(map_.apply(center[None]), center[None], atol=1e-14)


def test_fold_equals_its_steps_and_stops_at_l2():
    X, y = _data()
    steps = make_pipeline(StandardScaler(), LEACE(), PCA(5, whiten=True)).fit(X, y)
    one = fold(steps)
    assert isinstance(one, FoldedAffine)
    assert one.folded_ == ("StandardScaler", "LEACE", "PCA")
    np.testing.assert_allclose(one.transform(X), steps.transform(X), atol=1e-12)
    with_l2 = make_pipeline(
        LEACE(), OrthogonalProjection(np.eye(12)[0]), Normalizer(), StandardScaler()
    ).fit(X, y)
    with pytest.warns(TransformWarning, match="fit UnitLEACE"):
        folded = fold(with_l2)
    kinds = [type(step).__name__ for _, step in folded.steps]
    assert kinds == ["FoldedAffine", "Normalizer", "FoldedAffine"]
    np.testing.assert_allclose(folded.transform(X), with_l2.transform(X), atol=1e-12)


def test_zero_rows_stay_zero_and_are_named():
    X, y = _data()
    eraser = LEACE().fit(X, y)
    rows = np.vstack([X[:2], np.zeros((1, 12))])
    with pytest.warns(TransformWarning, match="1 of 3 rows are the zero vector.*row 2"):
        made = eraser.transform(rows)
    assert not made[2].any()
    assert eraser.map_.apply(rows)[2].any()


@pytest.mark.parametrize("wrap", [False, True])
def test_save_and_load(tmp_path, wrap):
    X, y = _data(k=3)
    labels = np.array(["a", "b", "ç"])[y]
    transform = LEACE().fit(pd.DataFrame(X, columns=[f"f{i}" for i in range(12)]), labels)
    if wrap:
        projection = OrthogonalProjection(np.eye(12)[0])
        transform = make_pipeline(Normalizer(), LEACE(), projection).fit(X, labels)
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(12)])
    given_ = X if wrap else frame
    save_transform(transform, tmp_path / "eraser")
    again = load_transform(tmp_path / "eraser")
    np.testing.assert_array_equal(again.transform(given_), transform.transform(given_))
    assert again.get_params().keys() == transform.get_params().keys()
    if not wrap:
        assert again.classes_ == ["a", "b", "ç"]
        # What was learnt can be learnt on from.
        again.partial_fit(frame, labels)
        assert again.moments_.n == 400
        assert LEACE.load(tmp_path / "eraser").moments_.n == 200
    with pytest.raises(OutputError, match="exists already; overwrite=True"):
        save_transform(transform, tmp_path / "eraser")
    save_transform(transform, tmp_path / "eraser", overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["eraser"]


def test_save_and_load_a_subspace_with_its_origin(tmp_path):
    X, y = _data()
    subspace = Subspace.from_labels(X, y)
    OrthogonalProjection(subspace, strength=0.5).fit(X).save(tmp_path / "p")
    again = OrthogonalProjection.load(tmp_path / "p")
    assert again.subspace.to_dict() == subspace.to_dict()
    assert again.strength == 0.5
    with pytest.raises(DataFileError, match="holds a OrthogonalProjection, not a LEACE"):
        LEACE.load(tmp_path / "p")


def test_what_cannot_be_saved_or_read(tmp_path):
    X, y = _data()
    with pytest.raises(InputError, match="not fitted"):
        save_transform(LEACE(), tmp_path / "x")
    with pytest.raises(InputError, match="LogisticRegression cannot be saved"):
        save_transform(LogisticRegression().fit(X, y), tmp_path / "x")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letters.txt").write_text("dear")
    with pytest.raises(OutputError, match="give the name of a new folder"):
        save_transform(LEACE().fit(X, y), tmp_path / "mine", overwrite=True)
    with pytest.raises(DataFileError, match="no saved transform"):
        load_transform(tmp_path / "mine")
    save_transform(LEACE().fit(X, y), tmp_path / "x")
    record = json.loads((tmp_path / "x" / "transform.json").read_text())
    for change, message in (
        ({"format": 2}, "newer"),
        ({"arrays_sha256": "0"}, "is not the file that was saved"),
        ({"transform": {"class": "Popen", "state": {}}}, "no transform 'Popen' is known"),
        ({"transform": {"class": "LEACE", "state": {"__class__": 1}}}, "no attribute"),
        ({"transform": 3}, "unexpected '3'"),
    ):
        (tmp_path / "x" / "transform.json").write_text(json.dumps(record | change))
        with pytest.raises(DataFileError, match=message):
            load_transform(tmp_path / "x")
    (tmp_path / "x" / "transform.json").write_text("{")
    with pytest.raises(DataFileError, match="not a saved transform"):
        load_transform(tmp_path / "x")


@given(st.integers(0, 10**6), st.lists(st.integers(1, 40), min_size=1, max_size=5))
@settings(max_examples=30, deadline=None)
def test_moments_in_batches_are_those_of_all_rows(seed, sizes):
    rng = np.random.default_rng(seed)
    n = sum(sizes) + 1
    X, Z = rng.normal(size=(n, 4)) + 1e4, rng.normal(size=(n, 2))
    moments = Moments.empty(4, 2)
    for part in np.split(np.arange(n), np.cumsum(sizes)):
        moments.update(X[part], Z[part])
    both = np.cov(np.hstack([X, Z]).T)
    s_xx, s_xz, s_zz = moments.covariances()
    np.testing.assert_allclose(s_xx, both[:4, :4], atol=1e-7)
    np.testing.assert_allclose(s_xz, both[:4, 4:], atol=1e-7)
    np.testing.assert_allclose(s_zz, both[4:, 4:], atol=1e-9)
    np.testing.assert_allclose(moments.mean_x, X.mean(axis=0), rtol=1e-12)


def test_works_in_pipelines_searches_frames_and_routing():
    import sklearn

    X, y = _data(n=300)
    task = (X[:, 0] > np.median(X[:, 0])).astype(int)
    frame = pd.DataFrame(X, columns=[f"f{i}" for i in range(12)], index=range(100, 400))
    made = LEACE().set_output(transform="pandas").fit_transform(frame, y)
    assert list(made.columns) == list(frame.columns)
    assert list(made.index) == list(frame.index)
    assert clone(LEACE(strength=0.3)).strength == 0.3
    with sklearn.config_context(enable_metadata_routing=True):
        steps = make_pipeline(
            LEACE().set_fit_request(sensitive_features=True), LogisticRegression(max_iter=2000)
        )
        steps.fit(X, task, sensitive_features=y)
        alone = LEACE().fit(X, y)
        np.testing.assert_allclose(steps[0].transform(X), alone.transform(X), atol=1e-12)
        search = GridSearchCV(steps, {"leace__strength": [0.0, 1.0]}, cv=3)
        search.fit(X, task, sensitive_features=y)
        assert search.best_params_["leace__strength"] in (0.0, 1.0)


def test_labels_of_any_kind_give_the_same_map():
    X, y = _data(k=4)
    names = np.array(["w", "x", "y", "z"])[y]
    one_hot = np.eye(4, dtype=int)[y]
    expected = LEACE().fit(X, y).as_affine()[0]
    for labels in (names, list(names), one_hot, pd.Series(y), y.astype(np.int8), y * 1.0):
        np.testing.assert_allclose(LEACE().fit(X, labels).as_affine()[0], expected, atol=1e-10)
    as_number = LEACE(concept="numeric").fit(X, y).as_affine()[0]
    assert np.abs(as_number - expected).max() > 1e-3


def test_classes_that_come_late():
    X, y = _data(k=3)
    order = np.argsort(y, kind="stable")
    eraser = LEACE()
    eraser.partial_fit(X[order][:50], y[order][:50], classes=[0, 1, 2])
    eraser.partial_fit(X[order][50:], y[order][50:])
    expected = LEACE().fit(X, y)
    np.testing.assert_allclose(eraser.as_affine()[0], expected.as_affine()[0], atol=1e-9)
    with pytest.raises(InputError, match="class 7, which is not among the 3 known"):
        eraser.partial_fit(X[:1], [7])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X, y: LEACE().fit(X), "requires y to be passed"),
        (lambda X, y: LEACE().fit(X, y * 0), "one class only"),
        (lambda X, y: LEACE().fit(X, y[:-1]), "inconsistent numbers of samples"),
        (lambda X, y: LEACE().fit(np.where(X > 4, np.nan, X), y), "NaN"),
        (lambda X, y: LEACE(strength=2).fit(X, y), "strength=2"),
        (lambda X, y: LEACE(concept="class").fit(X, y), "did you mean 'classes'"),
        (lambda X, y: LEACE(concept="numeric").fit(X, ["a"] * 200), "numeric concept holds 'a'"),
        (lambda X, y: LEACE().transform(X), "not fitted yet"),
        (lambda X, y: LEACE().fit(X, y).transform(X[:, :5]), "5 features"),
        (lambda X, y: OrthogonalProjection(np.eye(5)[:1]).fit(X), "5 dimensions"),
    ],
)
def test_errors(call, message):
    X, y = _data()
    with pytest.raises(InputError, match=message):
        call(X, y)
