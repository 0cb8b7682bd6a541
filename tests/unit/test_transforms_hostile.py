"""Input that users give and that is easily read in the wrong way, for many transforms at once."""

import numpy as np
import pandas as pd
import pytest

from embias.errors import InputError
from embias.transforms import (
    RAN,
    OrthogonalProjection,
    OSCaR,
    SentenceDebias,
    SoftDebias,
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
