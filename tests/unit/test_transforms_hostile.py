"""Input that users give and that is easily read in the wrong way, for many transforms at once."""

import json

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn import decomposition
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import Normalizer

from embias.errors import DataFileError, InputError
from embias.transforms import (
    INLP,
    LEACE,
    PCA,
    RAN,
    AllButTheTop,
    HalfSiblingRegression,
    HardDebias,
    OrthogonalProjection,
    OSCaR,
    Quantize,
    RandomProjection,
    RelativeRepresentation,
    SentenceDebias,
    SoftDebias,
    SoftEqualize,
    SpaceAligner,
    SpectrumFilter,
    TransformWarning,
    TruncateDims,
    fold,
    load_transform,
    save_transform,
)

pytestmark = pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")


def _case(n=240, d=9, k=3, seed=1):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, k, n)
    rows = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + rng.normal(size=(k, d))[codes]
    return rows + 0.7, codes


class TestOneConceptOfClasses:
    """What takes one concept must not read the first of several columns and drop the rest."""

    TRANSFORMS = (OrthogonalProjection, SentenceDebias, SoftDebias, RAN)

    @pytest.mark.parametrize("kind", [*TRANSFORMS, OSCaR])
    @pytest.mark.parametrize("number", [int, bool, float])
    def test_one_hot_is_the_classes(self, kind, number):
        rows, codes = _case()
        one_hot = (codes[:, None] == np.arange(3)).astype(number)
        by_class = kind().fit(rows, codes).transform(rows)
        np.testing.assert_allclose(kind().fit(rows, one_hot).transform(rows), by_class, atol=1e-12)

    def test_all_class_means_are_equal_after_one_hot_labels(self):
        rows, codes = _case()

        def spread(x):
            return np.ptp([x[codes == c].mean(axis=0) for c in range(3)], axis=0).max()

        made = OrthogonalProjection().fit(rows, np.eye(3)[codes]).transform(rows)
        assert spread(rows) > 1
        assert spread(made) < 1e-12

    @pytest.mark.parametrize("kind", TRANSFORMS)
    def test_two_concepts_are_refused(self, kind):
        rows, codes = _case()
        two = pd.DataFrame({"group": codes, "age": np.arange(len(codes)) % 2})
        with pytest.raises(InputError, match="y has 2 concepts"):
            kind().fit(rows, two)

    def test_oscar_refuses_a_third_concept(self):
        rows, codes = _case()
        three = np.column_stack([codes, np.arange(len(codes)) % 2, codes > 1])
        with pytest.raises(InputError, match="y has 3 concepts"):
            OSCaR().fit(rows, three)


class TestSaving:
    """What users set on a transform, or give to it, besides numbers and texts."""

    @pytest.mark.parametrize("kind", [LEACE, RAN, INLP])
    def test_a_routed_transform_comes_back_with_what_it_asks_for(self, kind, tmp_path):
        rows, codes = _case()
        task = np.arange(len(rows)) % 2
        with sklearn.config_context(enable_metadata_routing=True):
            routed = kind().set_fit_request(sensitive_features="group")
            fitted = Pipeline([("erase", routed), ("task", LogisticRegression())])
            fitted.fit(rows, task, group=codes)
        save_transform(fitted[0], tmp_path / "one")
        loaded = load_transform(tmp_path / "one")
        np.testing.assert_array_equal(loaded.transform(rows), fitted[0].transform(rows))
        assert loaded.get_metadata_routing().fit.requests["sensitive_features"] == "group"
        with sklearn.config_context(enable_metadata_routing=True):
            again = make_pipeline(clone(loaded), LogisticRegression()).fit(rows, task, group=codes)
        np.testing.assert_array_equal(again[0].transform(rows), loaded.transform(rows))

    def test_what_a_step_of_scikit_learn_asks_for(self, tmp_path):
        with sklearn.config_context(enable_metadata_routing=True):
            step = Normalizer().set_transform_request(copy=False)
        save_transform(Pipeline([("unit", step.fit([[1.0]]))]), tmp_path / "one")
        loaded = load_transform(tmp_path / "one")["unit"]
        assert loaded.get_metadata_routing().transform.requests == {"copy": False}

    @pytest.mark.parametrize("bits", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
    def test_a_generator_comes_back_in_its_state(self, bits, tmp_path):
        rows, _ = _case()
        generator = np.random.Generator(getattr(np.random, bits)(5))
        fitted = RandomProjection(4, random_state=generator).fit(rows)
        fitted.save(tmp_path / "one")
        loaded = RandomProjection.load(tmp_path / "one")
        np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))
        # The next draw of both is the same one, and another one than the last.
        next_one = clone(fitted).fit(rows).transform(rows)
        np.testing.assert_array_equal(clone(loaded).fit(rows).transform(rows), next_one)
        assert not np.array_equal(next_one, fitted.transform(rows))

    def test_another_kind_of_generator_is_refused(self, tmp_path):
        rows, _ = _case()
        RandomProjection(4, random_state=np.random.default_rng(5)).fit(rows).save(tmp_path / "one")
        path = tmp_path / "one" / "transform.json"
        path.write_text(path.read_text().replace('"PCG64"', '"RandomState"'))
        with pytest.raises(DataFileError, match="no generator 'RandomState' is known"):
            load_transform(tmp_path / "one")

    def test_data_frames(self, tmp_path):
        rows, _ = _case()
        anchors = pd.DataFrame(rows[:4], index=["er", "sie", "Ärztin", "医者"])
        fitted = RelativeRepresentation(anchors).fit(rows)
        fitted.save(tmp_path / "one")
        loaded = RelativeRepresentation.load(tmp_path / "one")
        pd.testing.assert_frame_equal(loaded.anchors, anchors, check_column_type=False)
        assert clone(loaded).fit(rows).anchor_names_ == ["er", "sie", "Ärztin", "医者"]
        np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))
        HalfSiblingRegression(anchors).fit(rows).save(tmp_path / "two")

    def test_a_torch_matrix(self, tmp_path):
        torch = pytest.importorskip("torch")
        rows, _ = _case()
        fitted = SpectrumFilter(torch.nn.Parameter(torch.tensor(rows))).fit(rows)
        fitted.save(tmp_path / "one")
        loaded = SpectrumFilter.load(tmp_path / "one")
        np.testing.assert_array_equal(loaded.matrix, rows)
        np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))

    @pytest.mark.parametrize("nothing", ["passthrough", None])
    def test_a_step_that_does_nothing(self, nothing, tmp_path):
        rows, codes = _case()
        fitted = Pipeline([("erase", LEACE()), ("no", nothing), ("unit", Normalizer())])
        fitted.fit(rows, codes)
        with pytest.warns(TransformWarning, match="does not survive"):
            save_transform(fitted, tmp_path / "one")
        loaded = load_transform(tmp_path / "one")
        np.testing.assert_array_equal(loaded.transform(rows), fitted.transform(rows))
        assert [name for name, _ in loaded.steps] == ["erase", "no", "unit"]
        assert json.loads((tmp_path / "one" / "transform.json").read_text())["format"] == 1

    def test_ran(self, tmp_path):
        rows, codes = _case()
        fitted = RAN().fit(rows, codes)
        fitted.save(tmp_path / "one")
        np.testing.assert_array_equal(
            RAN.load(tmp_path / "one").transform(rows), fitted.transform(rows)
        )
        with_zero = np.vstack([rows[:2], np.zeros(rows.shape[1])])
        assert not fitted.transform(with_zero)[2].any()


class TestScales:
    """Rows that are tiny, and rows that are constant but for rounding."""

    @pytest.mark.parametrize(("number", "scale"), [(np.float64, 1e-30), (np.float32, 1e-8)])
    def test_tiny_rows_come_to_unit_length(self, number, scale):
        # sklearn.preprocessing.normalize leaves rows below 10 eps as they are.
        rows = _case()[0].astype(number)
        tiny = (rows * number(scale)).astype(number)
        cut = TruncateDims(4, renormalise=True).fit(rows)
        np.testing.assert_allclose(np.linalg.norm(cut.transform(tiny), axis=1), 1, rtol=1e-5)
        relative = RelativeRepresentation(rows[:5]).fit(rows)
        expected = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        expected = expected @ expected[:5].T
        np.testing.assert_allclose(relative.transform(tiny), expected, atol=1e-5)

    @pytest.mark.parametrize("size", [1e-6, 0.7, 1.0, 1e3, 1e8])
    @pytest.mark.parametrize(
        "transform", [PCA(), AllButTheTop(), *map(SpaceAligner, ["procrustes", "affine", "shift"])]
    )
    def test_equal_rows_have_no_direction(self, transform, size):
        rows = np.tile(np.linspace(0.3, 1, 9) * size, (240, 1))
        with pytest.raises(InputError, match="do not differ"):
            clone(transform).fit(rows, _case()[0])

    @pytest.mark.parametrize("centre", [True, False])
    def test_affine_alignment_of_columns_of_any_scale(self, centre):
        rows, _ = _case()
        scaled = rows * np.logspace(-8, 2, 9)
        target = rows[:, :5] + np.random.default_rng(2).normal(size=(len(rows), 5))
        design = np.column_stack([rows, np.full(len(rows), float(centre))])
        expected = design @ np.linalg.lstsq(design, target, rcond=None)[0]
        made = SpaceAligner("affine", centre=centre).fit(scaled, target)
        np.testing.assert_allclose(made.transform(scaled), expected, atol=1e-7)

    def test_folded_whitening_of_tiny_rows(self):
        rows, codes = _case()
        pipeline = make_pipeline(decomposition.PCA(whiten=True), LEACE()).fit(rows * 1e-9, codes)
        made = pipeline.transform(rows * 1e-9)
        assert made.std() > 0.5
        np.testing.assert_allclose(fold(pipeline).transform(rows * 1e-9), made, atol=1e-11)


class TestMistakes:
    """One clear error for what is no matrix of numbers and no list of labels."""

    @pytest.mark.parametrize("kind", [LEACE, PCA, OSCaR, SoftEqualize, HardDebias, Quantize])
    def test_sparse_rows(self, kind):
        rows, codes = _case()
        words = [f"w{i}" for i in range(len(rows))]
        if kind is HardDebias:
            fitted = HardDebias([("w0", "w1")]).fit(rows, words=words)
        else:
            fitted = kind().fit(rows, codes)
        with pytest.raises(InputError, match="Sparse data was passed"):
            fitted.transform(sparse.csr_matrix(rows))
        with pytest.raises(InputError, match="Sparse data was passed"):
            clone(fitted).fit(sparse.csr_matrix(rows))

    @pytest.mark.parametrize("kind", [LEACE, OrthogonalProjection, SoftEqualize])
    @pytest.mark.parametrize("labels", ["abc", 5, [None] * 240, ["a", None] * 120])
    def test_no_labels(self, kind, labels):
        with pytest.raises(InputError, match="y"):
            kind().fit(_case()[0], labels)

    @pytest.mark.parametrize("labels", [np.zeros(239), np.zeros((240, 2)), np.zeros((239, 1))])
    def test_groups_of_other_rows(self, labels):
        with pytest.raises(InputError, match="give one group for each row"):
            SoftEqualize().fit(_case()[0], labels)
