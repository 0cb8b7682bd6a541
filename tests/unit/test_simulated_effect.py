"""The smallest effect found reliably, by simulation on the observed scores."""

import math

import numpy as np
import pytest

from embias.errors import InputError
from embias.stats import detectable_effect, simulate_power, simulated_detectable_effect


def scores(n=400, seed=0, skewed=False):
    rng = np.random.default_rng(seed)
    draw = rng.exponential if skewed else rng.normal
    return draw(size=n), draw(size=n)


@pytest.mark.parametrize("alternative", ["greater", "less"])
def test_normal_scores_give_the_planned_figure(alternative):
    # statistics by the noncentral t: 1.11 at 8 + 8 words, one-sided, 80 percent power.
    found = simulated_detectable_effect(
        *scores(), n_x=8, n_y=8, alternative=alternative, n_simulations=600
    )
    assert found == pytest.approx(detectable_effect(8, 8), abs=0.06)


def test_the_effect_has_the_power_and_a_smaller_one_has_not():
    x, y = scores(12, seed=3, skewed=True)
    options = {"n_simulations": 400, "rng": 5}
    effect = simulated_detectable_effect(x, y, power=0.7, **options)
    assert simulate_power(x, y, effect, **options).power >= 0.7
    assert simulate_power(x, y, 0.8 * effect, **options).power < 0.7


def test_more_words_find_smaller_effects_and_the_difference_plays_no_part():
    x, y = scores(seed=1)
    few = simulated_detectable_effect(x, y, n_x=6, n_y=6, n_simulations=200)
    many = simulated_detectable_effect(x, y, n_x=12, n_y=12, n_simulations=200)
    assert many < few
    assert simulated_detectable_effect(x + 5, y, n_x=6, n_y=6, n_simulations=200) == pytest.approx(
        few, abs=1e-9
    )


def test_too_few_words_find_nothing():
    assert simulated_detectable_effect(*scores(), n_x=2, n_y=2) == math.inf


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0, 2.0], [1.0, 3.0]), {"power": 1.0}, "power=1.0"),
        (([1.0, 1.0], [3.0, 3.0]), {}, "no spread"),
        (([1.0, math.nan], [3.0, 3.0]), {}, r"scores_x\[1\] is nan"),
        (([1.0, 2.0], [1.0, 3.0]), {"alternative": "more"}, "alternative='more'"),
    ],
)
def test_bad_input_is_named(arguments, options, message):
    with pytest.raises(InputError, match=message):
        simulated_detectable_effect(*arguments, **options)
