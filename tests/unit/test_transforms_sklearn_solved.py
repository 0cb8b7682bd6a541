"""The iterative and solved transforms against scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embias.transforms.conceptor_negation import ConceptorNegation
from embias.transforms.half_sibling_regression import HalfSiblingRegression
from embias.transforms.inlp import INLP
from embias.transforms.ran import RAN
from embias.transforms.rlace import RLACE
from embias.transforms.soft_debias import SoftDebias
from embias.transforms.soft_equalize import SoftEqualize

ESTIMATORS = [
    INLP(),
    SoftDebias(),
    HalfSiblingRegression(),
    ConceptorNegation(),
    SoftEqualize(),
    RAN(),
    RLACE(max_iter=60),
]


@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
