"""Transforms that learn from words against scikit-learn's own checks of estimators.

The checks give rows and no words. Every class here is therefore the real one but for `fit`, which
names the rows w0, w1, ... where nobody does; the words of the lists are rows of every check.
Nothing is protected or equalised, for then `transform` needs the words too, and the checks shuffle
the rows. What is left out is in test_transforms_words.py.
"""

import numpy as np
import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from embias.transforms.bam import BAM
from embias.transforms.double_hard_debias import DoubleHardDebias
from embias.transforms.equalize import Equalize
from embias.transforms.gbdd import GBDD
from embias.transforms.hard_debias import HardDebias
from embias.transforms.multiclass_hard_debias import MulticlassHardDebias
from embias.transforms.neutralize import Neutralize

PAIRS = (("w0", "w1"), ("w1", "w2"))


def _names(X):
    given = np.asarray(X)
    return [f"w{i}" for i in range(len(given))] if given.ndim else None


class _Named:
    def fit(self, X, y=None, *, words=None):
        return super().fit(X, y, words=_names(X) if words is None else words)


class NamedNeutralize(_Named, Neutralize):
    def __init__(
        self, subspace=PAIRS, *, protected=(), k=1, case_variants=True, normalize=True
    ) -> None:
        super().__init__(
            subspace, protected=protected, k=k, case_variants=case_variants, normalize=normalize
        )


class NamedHardDebias(_Named, HardDebias):
    def __init__(self, pairs=PAIRS, *, equalize=None, protected=(), case_variants=True):
        super().__init__(pairs, equalize=equalize, protected=protected, case_variants=case_variants)


class NamedMulticlass(_Named, MulticlassHardDebias):
    def __init__(
        self, sets=(("w0", "w1", "w2"),), *, k=1, equalize=None, protected=(), case_variants=True
    ):
        super().__init__(
            sets, k=k, equalize=equalize, protected=protected, case_variants=case_variants
        )


class NamedDoubleHard(_Named, DoubleHardDebias):
    def __init__(
        self,
        pairs=PAIRS,
        *,
        equalize=None,
        protected=(),
        case_variants=True,
        n_components=1,
        n_biased=3,
        ends=None,
        random_state=0,
    ):
        super().__init__(
            pairs,
            equalize=equalize,
            protected=protected,
            case_variants=case_variants,
            n_components=n_components,
            n_biased=n_biased,
            ends=ends,
            random_state=random_state,
        )


class NamedGBDD(_Named, GBDD):
    def __init__(self, first=("w0",), second=("w1", "w2"), *, k=1, strength=1.0):
        super().__init__(first, second, k=k, strength=strength)


class NamedBAM(_Named, BAM):
    def __init__(self, first=("w0",), second=("w1", "w2"), *, pairing="all"):
        super().__init__(first, second, pairing=pairing)


ESTIMATORS = [
    NamedNeutralize(),
    NamedHardDebias(),
    NamedMulticlass(),
    NamedDoubleHard(),
    NamedGBDD(),
    NamedBAM(),
]


def _cannot(estimator):
    """Two coordinates: one goes with the component, and unit vectors in one have no direction."""
    if isinstance(estimator, DoubleHardDebias):
        return {"check_n_features_in": "rows of two coordinates are too short for it"}
    return {}


@pytest.mark.filterwarnings("ignore::embias.transforms.TransformWarning")
@parametrize_with_checks(ESTIMATORS, expected_failed_checks=_cannot)
def test_check(estimator, check):
    check(estimator)


#: The real classes take the checks that do not fit.
REAL = [
    Neutralize(PAIRS),
    Equalize(PAIRS[:1], PAIRS),
    HardDebias(PAIRS),
    MulticlassHardDebias(PAIRS),
    DoubleHardDebias(PAIRS),
    GBDD(["w0"], ["w1"]),
    BAM(["w0"], ["w1"]),
]
WITHOUT_FIT = (
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
)


@pytest.mark.parametrize("estimator", REAL, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("name", WITHOUT_FIT)
def test_check_of_the_real_class(estimator, name):
    from sklearn.utils import estimator_checks

    getattr(estimator_checks, name)(type(estimator).__name__, estimator)
