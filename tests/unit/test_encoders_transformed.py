"""Transforms after an encoder: the same figures as by hand, rows checked, description pinned."""

import functools
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest
from sklearn.neighbors import KNeighborsTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    StandardScaler,
)

from embias.encoders import StaticEncoder
from embias.encoders.transformed import TransformedEncoder
from embias.errors import InputError, VectorError
from embias.types import Encoder, InContext

WORDS = [f"w{number}" for number in range(40)]
ROWS = np.random.default_rng(0).normal(size=(40, 6)).astype(np.float32)


@pytest.fixture
def encoder():
    return StaticEncoder(WORDS, ROWS, id="table")


def after(encoder, transform, **options):
    return TransformedEncoder(encoder, transform, **options)


def test_the_same_as_by_hand(encoder):
    pca = PCA(n_components=3).fit(ROWS)
    made = after(encoder, pca)
    assert isinstance(made, Encoder)
    asked = ["w3", "w1", "w3"]
    by_hand = (ROWS[[3, 1, 3]] - pca.mean_) @ pca.components_.T
    np.testing.assert_allclose(made.encode(asked), by_hand, atol=1e-5)
    np.testing.assert_array_equal(made.encode(asked)[:2], pca.transform(ROWS[[3, 1]]))
    assert made.encode([]).shape == (0, 3)
    assert made.encode(["w0"]).dtype == made.encode([]).dtype == np.float32
    info = made.info
    assert (info.id, info.dim, info.normalized) == ("table", 3, None)
    assert info.transforms[0].startswith("PCA(n_components=3) sha256:")
    assert info.libraries["scikit-learn"]
    assert info.revision == encoder.info.revision


def test_chains_and_pipelines(encoder):
    scaler, normalizer = StandardScaler().fit(ROWS), Normalizer()
    pipeline = make_pipeline(StandardScaler(), Normalizer()).fit(ROWS)
    chained = after(encoder, scaler) | normalizer
    together = after(encoder, pipeline)
    np.testing.assert_allclose(chained.encode(WORDS), together.encode(WORDS), atol=1e-6)
    assert [text.partition(" ")[0] for text in chained.info.transforms] == [
        "StandardScaler()",
        "Normalizer()",
    ]
    assert together.info.transforms[0].startswith("Pipeline(StandardScaler(), Normalizer()) sha")
    assert chained.info.normalized is True
    assert together.info.normalized is True
    np.testing.assert_allclose(np.linalg.norm(chained.encode(WORDS), axis=1), 1, atol=1e-6)


def test_a_function(encoder):
    def first_two(rows):
        return rows[:, :2]

    made = after(encoder, first_two)
    np.testing.assert_array_equal(made.encode(["w1"]), ROWS[1:2, :2])
    assert made.info.transforms == ("first_two (unpinned)",)
    assert after(encoder, first_two, revision="v1").info.transforms == ("first_two v1",)
    assert after(encoder, np.tanh).info.dim == 6


@pytest.mark.parametrize("container", ["sparse", "pandas", "fitted on a frame"])
def test_other_containers_become_arrays(encoder, container):
    if container == "sparse":
        transform = KBinsDiscretizer(
            n_bins=3, encode="onehot", quantile_method="averaged_inverted_cdf"
        ).fit(ROWS)
        expected = transform.transform(ROWS[:2]).toarray()
    elif container == "pandas":
        transform = StandardScaler().fit(ROWS).set_output(transform="pandas")
        expected = transform.transform(ROWS[:2]).to_numpy()
    else:
        frame = pd.DataFrame(ROWS, columns=list("abcdef"))
        transform = StandardScaler().fit(frame)
        expected = transform.transform(frame[:2])
    made = after(encoder, transform)
    rows = made.encode(["w0", "w1"])
    assert type(rows) is np.ndarray
    np.testing.assert_array_equal(rows, expected)
    assert made.info.dim == expected.shape[1]


class Own(TransformerMixin, BaseEstimator):
    """A class of the user's own, whose code no version pins."""

    def fit(self, X, y=None):
        self.shift_ = X.mean(axis=0)
        return self

    def transform(self, X):
        return X - self.shift_


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (PCA(2), r"PCA is not fitted; fit it first: transform.fit\(encoder.encode\(words\)\)"),
        (make_pipeline(PCA(2)), "Pipeline is not fitted"),
        (Own(), "Own is not fitted"),
        (PCA, "the class PCA; give a fitted instance"),
        (
            PCA(2).fit(ROWS[:, :4]),
            "PCA was fitted on vectors of 4 coordinates, the encoder gives 6",
        ),
        (
            make_pipeline(PCA(2)).fit(ROWS[:, :4]),
            "Pipeline was fitted on vectors of 4 coordinates, the encoder gives 6",
        ),
        (3, "3 is no transform"),
        (RandomForestClassifier(), "is no transform"),
        (lambda rows: rows @ np.ones((4, 2)), r"<lambda> .unpinned. fails on vectors of 6"),
        (lambda rows: rows - rows.mean(axis=0), "depends on the other vectors of the call"),
        (lambda rows: rows[:, : len(rows)], "depends on the other vectors of the call"),
        (lambda rows: rows[0], r"has shape \(6,\), expected \(2, k\)"),
        (lambda rows: rows.T, r"has shape \(6, 2\), expected \(2, k\)"),
        (lambda rows: rows[:, :0], r"has shape \(2, 0\)"),
        (lambda rows: [["x"]] * len(rows), "cannot be read as numbers"),
    ],
)
def test_what_cannot_be_applied(encoder, transform, message):
    with pytest.raises(InputError, match=message):
        after(encoder, transform)


def test_rows_are_checked_and_named(encoder):
    mean = FunctionTransformer(lambda rows: rows - ROWS[4])
    with pytest.raises(VectorError, match=r"table after .*vector of 'w4' is zero"):
        after(encoder, mean).encode(["w3", "w4"])
    made = after(encoder, np.log)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(VectorError, match=r"vector of 'w\d+'.* NaN"):
            made.encode(WORDS)


def test_what_is_wrapped_must_be_an_encoder():
    with pytest.raises(InputError, match=r"expected an Encoder.*as_encoder"):
        TransformedEncoder({"a": [1.0]}, np.tanh)


def text_of(encoder, transform):
    return after(encoder, transform).info.transforms[-1]


def test_the_description_pins_what_is_computed(encoder):
    same = [text_of(encoder, PCA(2, random_state=0).fit(ROWS)) for _ in range(2)]
    assert same[0] == same[1]
    different = {
        same[0],
        text_of(encoder, PCA(2, random_state=0).fit(ROWS[1:])),
        text_of(encoder, PCA(2, random_state=0, whiten=True).fit(ROWS)),
        text_of(encoder, PCA(3, random_state=0).fit(ROWS)),
        text_of(encoder, TruncatedSVD(2, random_state=0).fit(ROWS)),
        text_of(encoder, make_pipeline(PCA(2, random_state=0)).fit(ROWS)),
    }
    assert len(different) == 6
    touched = PCA(2, random_state=0).fit(ROWS)
    touched.components_[0, 0] = np.nextafter(touched.components_[0, 0], 9)
    assert text_of(encoder, touched) not in different
    assert "whiten=True" in text_of(encoder, PCA(2, whiten=True).fit(ROWS))


def test_the_description_is_the_same_in_another_process(encoder):
    code = (
        "import numpy as np; from sklearn.preprocessing import StandardScaler\n"
        "from sklearn.pipeline import make_pipeline\n"
        "from embias.encoders._transform_state import describe\n"
        "rows = np.arange(12.0).reshape(4, 3)\n"
        "print(describe(make_pipeline(StandardScaler()).fit(rows), None))"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for _ in range(2)
    }
    assert len(texts) == 1
    assert "sha256:" in texts.pop()


@pytest.mark.parametrize(
    "transform",
    [
        Own().fit(ROWS),
        FunctionTransformer(lambda rows: rows * 2),
        make_pipeline(StandardScaler(), FunctionTransformer(lambda rows: rows * 2)).fit(ROWS),
        KNeighborsTransformer(algorithm="kd_tree").fit(ROWS),  # holds a tree of C code
        FunctionTransformer(functools.partial(np.multiply, 2)),
        PCA(2, random_state=np.random.RandomState(0)).fit(ROWS),
        lambda rows: rows * 2,
    ],
)
def test_what_cannot_be_hashed_says_so(encoder, transform):
    assert text_of(encoder, transform).endswith("(unpinned)")


def test_no_description_holds_a_place_in_memory(encoder):
    def texts():
        double = FunctionTransformer(lambda rows: rows * 2, kw_args={})
        return (
            text_of(encoder, double),
            after(encoder, make_pipeline(double, "passthrough"), revision="v1").info.transforms,
            text_of(encoder, PCA(2, random_state=np.random.RandomState(0)).fit(ROWS)),
        )

    first = texts()
    assert first == texts()
    assert first[0] == "FunctionTransformer(func=<lambda>, kw_args=dict) (unpinned)"
    assert "0x" not in str(first)


def test_functions_of_numpy_and_selectors_can_be_hashed(encoder):
    assert "sha256" in text_of(encoder, FunctionTransformer(np.tanh))
    assert text_of(encoder, FunctionTransformer(np.tanh)) != text_of(
        encoder, FunctionTransformer(np.sinh)
    )
    chosen = SelectKBest(k=2).fit(ROWS, np.arange(40) % 2)
    assert after(encoder, chosen).info.dim == 2


def test_a_later_fit_does_not_reach_the_encoder(encoder):
    pca = PCA(2).fit(ROWS)
    made = after(encoder, pca)
    before = made.encode(WORDS)
    pca.fit(ROWS[:5] * 7)
    np.testing.assert_array_equal(made.encode(WORDS), before)


class Codes:
    """An encoder of whole numbers, with the hooks that wrappers pass on."""

    def __init__(self, scale=1):
        from embias.types import EncoderInfo

        self.scale = scale
        self.info = EncoderInfo("codes", "token", 3, revision=str(scale), precision="int8")
        self.asked = []

    def encode(self, items, *, progress=False):
        self.asked.append((list(items), progress))
        return np.full((len(items), 3), 100, dtype=np.int8)

    def missing(self, items):
        return [item for item in items if item == "no"]

    def why_missing(self, item):
        return f"why {item}"

    def how_encoded(self, item):
        return f"how {item}"

    def calibrate(self, items):
        return Codes(scale=len(items))


def test_hooks_are_passed_on_and_items_encoded_once():
    codes = Codes()
    made = after(codes, lambda rows: rows * 2)
    item = InContext("a b", 0, 1)
    np.testing.assert_array_equal(
        made.encode(["x", item, "x"], progress=True), np.full((3, 3), 200)
    )
    assert codes.asked == [(["x", item], True)]
    assert made.missing(["no", "x"]) == ["no"]
    assert (made.why_missing("no"), made.how_encoded("x")) == ("why no", "how x")
    fixed = made.calibrate(["a", "b"])
    assert (fixed.info.revision, made.info.revision) == ("2", "1")
    assert fixed.info.transforms == made.info.transforms
    assert fixed.info.precision == "int8"


def test_without_hooks(encoder):
    class Bare:
        info = encoder.info
        encode, missing = encoder.encode, encoder.missing

    made = after(Bare(), np.tanh)
    assert made.calibrate(["w1"]) is made
    assert (made.why_missing("x"), made.how_encoded("w1")) == ("no vector", "")
    assert made.missing(["x"]) == ["x"]
    assert "tanh" in repr(made)


def test_number_types(encoder):
    double = after(encoder, lambda rows: rows.astype(np.float64))
    assert double.info.precision == "float64"
    assert double.encode([]).dtype == double.encode(["w1"]).dtype == np.float64
