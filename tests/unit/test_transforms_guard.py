"""Which guarantees later steps break: what is said, when, and that it is so on the rows."""

import warnings

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Binarizer, FunctionTransformer, Normalizer, StandardScaler

from embias.encoders import StaticEncoder
from embias.errors import InputError
from embias.transforms import (
    LEACE,
    FoldedAffine,
    OrthogonalProjection,
    TransformWarning,
    fold,
    save_transform,
)
from embias.transforms.drop_dead_dimensions import DropDeadDimensions
from embias.transforms.guard import broken_guarantees
from embias.transforms.sal import SAL
from embias.transforms.unit_leace import UnitLEACE

B1 = np.eye(8)[0]
RAMP = np.arange(1.0, 9)
SKEW = np.array([1.0, 1, 0, 0, 0, 0, 0, 0])


def _data(n=300, d=8):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, n)
    return rng.normal(size=(n, d)) + 1.5 * y[:, None] + 0.5, y


X, Y = _data()


def _fitted(*steps):
    return make_pipeline(*steps).fit(X, Y)


def _gap(rows):
    return np.abs(rows[Y == 1].mean(axis=0) - rows[Y == 0].mean(axis=0)).max()


HOLD = [
    (LEACE(),),
    (LEACE(), StandardScaler(), PCA(4, whiten=True)),
    (Normalizer(), LEACE()),
    (LEACE(), DropDeadDimensions(), SAL()),
    (LEACE(), OrthogonalProjection(B1)),
    (LEACE(), Normalizer(), LEACE()),
    (UnitLEACE(), Normalizer()),
    (Normalizer(), UnitLEACE()),
    (UnitLEACE(), PCA(3)),
    (UnitLEACE(), LEACE(), Normalizer()),  # nothing is left for the second one to change
    (LEACE(), "passthrough", LogisticRegression()),
]
BREAK = [
    ((LEACE(), Normalizer()), "LEACE .step 1.*Normalizer .step 2.*fit UnitLEACE"),
    ((StandardScaler(), SAL(), PCA(3), Normalizer()), "SAL .step 2.*Normalizer .step 4"),
    ((LEACE(), Normalizer(norm="max")), "divides every row"),
    ((LEACE(), Binarizer()), "Binarizer .step 2.*not known to be affine"),
    ((UnitLEACE(), StandardScaler(), Normalizer()), "UnitLEACE .*Normalizer .step 3"),
    ((UnitLEACE(), Normalizer(norm="l1")), "UnitLEACE"),
    ((make_pipeline(LEACE()), make_pipeline(Normalizer())), "LEACE .step 1"),
]


@pytest.mark.parametrize("steps", HOLD, ids=str)
def test_what_holds_is_not_warned_of(steps):
    whole = _fitted(*steps)
    assert broken_guarantees(whole) == []
    rows = X
    for step in [each for _, each in whole.steps if hasattr(each, "transform")]:
        rows = step.transform(rows)
    assert _gap(X) > 0.5
    assert _gap(rows) < 1e-9


@pytest.mark.parametrize(("steps", "said"), BREAK, ids=str)
def test_what_is_broken_is_said_and_so(steps, said):
    whole = _fitted(*steps)
    found = broken_guarantees(whole)
    assert len(found) >= 1
    with pytest.warns(TransformWarning, match=said) as record:
        fold(whole)
    assert len(record) == 1
    assert _gap(whole.transform(X)) > 1e-7


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ((OrthogonalProjection(B1), Normalizer()), ""),
        ((OrthogonalProjection(B1), OrthogonalProjection(np.eye(8)[1])), ""),
        ((OrthogonalProjection(B1), OrthogonalProjection(SKEW)), "Projection .step 2.*back"),
        ((OrthogonalProjection(B1), StandardScaler()), ""),
        ((OrthogonalProjection(RAMP), StandardScaler()), "StandardScaler .step 2.*back"),
        ((OrthogonalProjection(RAMP), StandardScaler(with_std=False)), ""),
        # What is erased of projected rows lies across the subspace, so it stays out of it.
        ((OrthogonalProjection(RAMP), LEACE()), ""),
        ((OrthogonalProjection(B1), LEACE(), OrthogonalProjection(SKEW)), "back"),
        # Taken out again: the projection on B1 is the last to act on what was put back.
        (
            (
                OrthogonalProjection(B1),
                OrthogonalProjection(SKEW),
                OrthogonalProjection(np.vstack([B1, SKEW])),
            ),
            "",
        ),
        ((OrthogonalProjection(B1), TruncatedSVD(4)), "maps 8 coordinates to 4"),
        ((OrthogonalProjection(B1), Binarizer(threshold=-1)), "neither affine nor a scaling"),
        ((OrthogonalProjection(B1, strength=0.5), StandardScaler()), ""),
    ],
    ids=str,
)
def test_subspaces_are_followed_through_the_maps(steps, said):
    whole = _fitted(*steps)
    found = broken_guarantees(whole)
    first = [text for text in found if "(step 1)" in text]
    made = whole.transform(X)
    if said:
        assert len(first) == 1
        with pytest.warns(TransformWarning, match=said):
            fold(whole)
    else:
        assert first == []
    if made.shape[1] == 8 and steps[0].strength == 1:
        along = steps[0].fit(X).map_.right @ made.T
        assert (np.abs(along).max() > 1e-9) == bool(said)


def test_an_erasure_that_was_fitted_elsewhere_puts_a_component_back():
    projection = OrthogonalProjection(RAMP).fit(X)
    whole = Pipeline([("a", projection), ("b", LEACE().fit(X, Y))])
    assert "LEACE (step 2), which puts a component back" in broken_guarantees(whole)[0]
    assert np.abs(whole.transform(X) @ RAMP).max() > 0.1
    # An offset alone is enough.
    shifted = FoldedAffine(np.eye(8), np.ones(8)).fit(X)
    assert len(broken_guarantees(projection, then=[shifted])) == 1


def test_what_is_done_to_vectors_later_by_name():
    eraser = LEACE().fit(X, Y)
    assert broken_guarantees(eraser) == []
    assert "does not survive cosine (step 2)" in broken_guarantees(eraser, then="cosine")[0]
    assert "DropDeadDimensions" in broken_guarantees(eraser, then=["binary"])[0]
    assert "np_abs (step 2)" in broken_guarantees(eraser, then=[_np_abs])[0].replace("_np", "np")
    assert broken_guarantees(UnitLEACE().fit(X, Y), then=["l2", "cosine"]) == []
    assert len(broken_guarantees(UnitLEACE().fit(X, Y), then=["int8"])) == 1
    assert broken_guarantees(LEACE(strength=0.9).fit(X, Y), then="l2") == []
    assert broken_guarantees(PCA(3).fit(X), then="l2") == []
    with pytest.raises(InputError, match="did you mean 'cosine'"):
        broken_guarantees(eraser, then=["cosin"])
    with pytest.raises(InputError, match="not fitted"):
        broken_guarantees(make_pipeline(LEACE(), Normalizer()))


def _np_abs(rows):
    return np.abs(rows)


def test_another_concept_with_the_same_names_is_no_second_erasure():
    other = (X[:, 0] > 2.5).astype(int)
    first = LEACE().fit(X, Y)
    unit = Normalizer().fit(X)
    second = LEACE().fit(unit.transform(first.transform(X)), other)
    whole = Pipeline([("a", first), ("b", unit), ("c", second)])
    assert len(broken_guarantees(whole)) == 1
    assert _gap(whole.transform(X)) > 1e-6


def test_a_folded_erasure_is_still_known():
    one = fold(_fitted(StandardScaler(), LEACE()))
    assert isinstance(one, FoldedAffine)
    assert "FoldedAffine (step 1)" in broken_guarantees(one, then="l2")[0]
    twice = fold(Pipeline([("one", one), ("two", PCA(8).fit(one.transform(X)))]))
    assert twice.folded_ == ("StandardScaler", "LEACE", "PCA")
    assert len(broken_guarantees(twice, then="l2")) == 1
    assert broken_guarantees(fold(LEACE(strength=0.5).fit(X, Y)), then="l2") == []
    assert broken_guarantees(fold(StandardScaler().fit(X)), then="l2") == []


def test_saving_warns_once_and_still_saves(tmp_path):
    with pytest.warns(TransformWarning, match="fit UnitLEACE in place of both") as record:
        save_transform(_fitted(LEACE(), Normalizer()), tmp_path / "it")
    assert len(record) == 1
    assert record[0].filename == __file__
    assert (tmp_path / "it" / "transform.json").exists()
    save_transform(_fitted(Normalizer(), LEACE()), tmp_path / "other")


def _encoder():
    rows = X.astype(np.float32)
    return StaticEncoder([f"w{i}" for i in range(len(rows))], rows, id="rows")


def test_encoders_ask_the_steps():
    encoder = _encoder()
    eraser, unit = LEACE().fit(X, Y), Normalizer().fit(X)
    with pytest.warns(TransformWarning, match="Normalizer .step 2"):
        encoder | Pipeline([("a", eraser), ("b", unit)])
    with pytest.warns(TransformWarning, match="Normalizer .step 2"):
        encoder | eraser | unit
    with pytest.warns(TransformWarning, match="binary .step 2.*DropDeadDimensions"):
        rounded = (encoder | eraser).quantized("binary")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        encoder | unit | eraser
        rounded.calibrate(["w1", "w2", "w3"])  # asked once, when it was made
        assert (encoder | UnitLEACE().fit(X, Y)).info.normalized is True
        assert (encoder | eraser).info.normalized is None
        encoder | UnitLEACE().fit(X, Y) | unit
        encoder | StandardScaler().fit(X) | unit
        encoder.quantized("binary")


class _Odd(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X) ** 3


def test_steps_of_other_people():
    assert "_Odd (step 2)" in broken_guarantees(_fitted(LEACE(), _Odd()))[0]
    assert len(broken_guarantees(_fitted(LEACE(), FunctionTransformer(np.tanh)))) == 1
    assert broken_guarantees(_fitted(_Odd(), LEACE())) == []
