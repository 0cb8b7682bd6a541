"""Every transform against scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embias.transforms import LEACE, FoldedAffine, OrthogonalProjection

ESTIMATORS = [
    FoldedAffine(),
    OrthogonalProjection(),
    LEACE(),
    LEACE(shrinkage=True, strength=0.5),
]


@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
