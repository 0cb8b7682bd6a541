"""What a report card refuses, and what it leaves out with the reason."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer

from embias import AssociationTest, WordSet, report_card
from embias.errors import InputError, VectorError
from embias.transforms import LEACE, NotFittedTransformError, OrthogonalProjection

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4)) + 1
Y = np.repeat(["a", "b"], 30)
QUICK = {"n_splits": 1, "probes": ()}


def refused(match, *arguments, error=InputError, **options):
    with pytest.raises(error, match=match):
        report_card(*arguments, **{**QUICK, **options})


def test_labels():
    refused("y are all a", LEACE(), X, ["a"] * 60)
    refused("y has 59 entries for 60 rows", LEACE(), X, Y[:-1])
    refused(r"y holds numbers with a fraction \(0\.5\).*classes", LEACE(), X, np.arange(60) / 2)
    refused(r"y\[0\] is missing", LEACE(), X, [None, *Y[1:]])
    refused("y has shape", LEACE(), X, np.stack([Y, Y], axis=1))
    refused("task are all 1", LEACE(), X, Y, task=[1] * 60)
    refused("groups has 3 entries for 60 rows", LEACE(), X, Y, groups=[1, 2, 3])


def test_vectors():
    bad = X.copy()
    bad[7, 1] = np.nan
    refused(r"X\[7\] has a coordinate that is NaN", LEACE(), bad, Y, error=VectorError)
    bad[7] = 0
    refused(r"X\[7\] is the zero vector", LEACE(), bad, Y, error=VectorError)
    refused("two-dimensional", LEACE(), X[0], Y)
    gone = X.copy()
    gone[5] = [0, 0, 3.0, 0]
    third = OrthogonalProjection(np.eye(4)[2])
    refused("no direction cannot be measured", third, gone, Y, error=VectorError)


def test_too_few_rows_of_a_class_for_the_parts():
    few = np.array(["a"] * 57 + ["b"] * 3)
    refused("the class 'b' has 3 distinct rows here, and 4 are needed.*fit=False", LEACE(), X, few)
    fitted = LEACE().fit(X, Y)
    assert report_card(fitted, X, few, fit=False, **QUICK).counts["probed"] == 60
    refused("y: b has 1 word", fitted, X, ["a"] * 59 + ["b"], fit=False)
    equal = np.vstack([X[:58], X[:1], X[:1]])
    refused(
        "the class 'b' has 1 distinct rows here, and 2",
        fitted,
        equal,
        ["a"] * 58 + ["b"] * 2,
        fit=False,
    )
    words = [f"{label}{i % 3}" for i, label in enumerate(Y)]
    refused("the class 'a' has 3 groups here, and 4 are needed", LEACE(), X, Y, groups=words)
    refused("the class 'a' has 3 groups", LEACE(), X, Y, groups=np.arange(60) % 3)
    twice = np.vstack([X[:30], np.tile(X[30:33], (10, 1))])
    refused("the class 'b' has 3 distinct rows", LEACE(), twice, Y)
    refused("another fit_share", LEACE(), X, Y, fit_share=0.99)


def test_the_transform():
    refused("transform is the class LEACE; give LEACE()", LEACE, X, Y)
    refused("transform is a str without transform", "leace", X, Y)
    refused("not fitted", LEACE(), X, Y, fit=False, error=NotFittedTransformError)
    refused("not fitted", PCA(2), X, Y, fit=False)
    first = Pipeline([("erase", LEACE()), ("unit", Normalizer())])
    refused("not fitted", first, X, Y, fit=False)
    other = LEACE().fit(RNG.normal(size=(20, 3)), np.arange(20) % 2)
    refused("X has 4 features, but LEACE is expecting 3 features", other, X, Y, fit=False)
    refused("PCA.transform: X has 4 features", PCA(2).fit(X[:, :3]), X, Y, fit=False)
    refused("lies in 7 dimensions", OrthogonalProjection(np.eye(7)[0]), X, Y)
    refused("PCA.fit: n_components=9", PCA(9), X, Y)


class Drops:
    def transform(self, rows):
        return np.asarray(rows)[:-1]


class Breaks:
    def transform(self, rows):
        return np.full(np.shape(rows), np.inf)


def test_what_a_transform_returns():
    refused(r"Drops.transform returned an array of shape \(59, 4\)", Drops(), X, Y, fit=False)
    refused("NaN or infinite", Breaks(), X, Y, fit=False, error=VectorError)
    refused("without fit", Drops(), X, Y)


def test_options():
    refused("fit_share=1", LEACE(), X, Y, fit_share=1)
    refused("n_splits=0", LEACE(), X, Y, n_splits=0)
    refused("max_rows=3", LEACE(), X, Y, max_rows=3)
    refused("level=95", LEACE(), X, Y, level=95)
    refused("probes='svm' does not exist", LEACE(), X, Y, probes=["svm"])
    refused("probes='linear'; give a list", LEACE(), X, Y, probes="linear")
    refused("rng=-1", LEACE(), X, Y, rng=-1)


def test_words_and_pairs():
    four = [X[:3], X[3:6], X[6:9], X[9:12]]
    refused("give x, y, a and b", LEACE(), X, Y, association={"x": X})
    refused("association is a list", LEACE(), X, Y, association=four[:3])
    refused(
        "association a has 3 dimensions and X 4", LEACE(), X, Y, association=[*four[:2], X[:3, :3],
        X[:3]],
    )  # fmt: skip
    words = [["u", "v"], ["w", "s"], ["p"], ["q"]]
    refused("association is of words; give encoder=", LEACE(), X, Y, association=words)
    refused("mixes words and vectors", LEACE(), X, Y, association=[*words[:2], X[:3], X[3:6]])
    table = dict(zip("uvwsp", X, strict=False))
    refused("no vector for any of its words", LEACE(), X, Y, association=words, encoder=table)
    refused("give WordPairs", LEACE(), X, Y, similarity=(X, X))
    refused("60 ratings|59 ratings", LEACE(), X, Y, similarity=(X, X, np.arange(59)))
    refused("give encoder=", LEACE(), X, Y, similarity=(["u"] * 3, ["v"] * 3, [1, 2, 3]))
    refused(
        "0 pairs have vectors", LEACE(), X, Y, similarity=(["x"] * 3, ["v"] * 3, [1, 2, 3]),
        encoder=table,
    )  # fmt: skip


def test_a_figure_that_cannot_be_computed_is_a_row_with_its_reason():
    rows, labels = X[:20], np.tile(["a", "b"], 10)
    card = report_card(LEACE(), rows, labels, n_splits=2, probes=["linear"], rng=1)
    near = card.figure("neighbours")
    assert (near.before, near.after, near.reading) == (None, None, "not measured")
    assert near.note.startswith("Not measured: k=10")
    assert card.figure("linear_weak").after is not None
    one = AssociationTest(
        "t",
        (WordSet("x", ["u", "v"]), WordSet("y", ["w"])),
        (WordSet("a", ["s"]), WordSet("b", ["p"])),
    )
    table = dict(zip("uvwsp", X, strict=False))
    figure = report_card(LEACE(), X, Y, association=one, encoder=table, **QUICK).figure(
        "weat_statistic"
    )
    assert figure.after is not None
    assert figure.after_interval is None  # one word in a set cannot be drawn again
    assert figure.reading == ""
