"""The erasers against scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embias.transforms.drop_dead_dimensions import DropDeadDimensions
from embias.transforms.sal import SAL
from embias.transforms.unit_leace import UnitLEACE

ESTIMATORS = [SAL(), SAL(concept="classes", strength=0.5), UnitLEACE(), DropDeadDimensions()]


@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
