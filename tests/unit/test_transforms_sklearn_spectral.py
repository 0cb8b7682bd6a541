"""The transforms of neighbouring papers against scikit-learn's own checks of estimators."""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embias.transforms.all_but_the_top import AllButTheTop
from embias.transforms.pca import PCA
from embias.transforms.quantize import Quantize
from embias.transforms.random_projection import RandomProjection
from embias.transforms.relative_representation import RelativeRepresentation
from embias.transforms.sentence_debias import SentenceDebias
from embias.transforms.space_aligner import SpaceAligner
from embias.transforms.spectrum_filter import SpectrumFilter
from embias.transforms.truncate_dims import TruncateDims


class ShiftOfOneColumn(SpaceAligner):
    """``shift`` needs a target of as many columns as the rows; the checks give one column."""

    def fit(self, X, y=None):
        return super().fit(X, _as_wide(X, y))

    def partial_fit(self, X, y=None):
        return super().partial_fit(X, _as_wide(X, y))


def _as_wide(X, y):
    if y is None or np.asarray(X).ndim != 2 or np.asarray(y).ndim != 1:
        return y
    return np.repeat(np.asarray(y)[:, None], np.asarray(X).shape[1], axis=1)


ESTIMATORS = [
    SentenceDebias(),
    AllButTheTop(),
    SpectrumFilter(),
    SpectrumFilter(band=(0, 1), keep=False, reduce=True),
    PCA(),
    PCA(0.9, whiten=True),
    TruncateDims(),
    TruncateDims(1, renormalise=True),
    Quantize(),
    Quantize(values="dequantised"),
    Quantize("binary"),
    RandomProjection(),
    RelativeRepresentation(),
    SpaceAligner(),
    SpaceAligner(scale=True, centre=False),
    SpaceAligner("affine"),
    ShiftOfOneColumn("shift"),
]


@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
