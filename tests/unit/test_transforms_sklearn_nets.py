"""The transforms trained in torch against scikit-learn's own checks of estimators."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embias.transforms.counterfactual_eraser import CounterfactualEraser
from embias.transforms.decomposed_adversarial import DecomposedAdversarial

# Few passes: the checks look at the estimator, not at what is erased.
ESTIMATORS = [
    CounterfactualEraser(max_iter=3),
    CounterfactualEraser(max_iter=3, control_weight=0, rank=1, batch_size=7),
    DecomposedAdversarial(max_iter=3),
]


@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    pytest.importorskip("torch")
    check(estimator)
