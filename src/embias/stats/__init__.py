"""Statistics: scores in, result values out.

Everything here is float64 and pure: it knows neither words nor models. A p-value is exact when
it can be, certified (a rigorous bracket) when exact counting is too large, sampled only when
neither is possible, and the result says which.
"""

from embias.stats._exact import number_of_sums
from embias.stats.analytic_interval import analytic_interval
from embias.stats.bootstrap import bootstrap_interval, bootstrap_replicates
from embias.stats.effect_size import (
    d_from_g,
    g_from_d,
    hedges,
    largest_d,
    variance_of_d,
    variance_of_g,
)
from embias.stats.equivalence import Equivalence, equivalence_test, words_needed
from embias.stats.multiplicity import adjust
from embias.stats.paired import PairedResult, paired_test
from embias.stats.permutation import permutation_pvalue
from embias.stats.pooling import Pooled, pool_random_effects
from embias.stats.power import critical_effect, detectable_effect, smallest_pvalue
from embias.stats.proportion import clopper_pearson, wilson_interval
from embias.stats.shift_interval import shift_interval
from embias.stats.simulated_effect import simulated_detectable_effect
from embias.stats.simulated_power import SimulatedPower, simulate_power

__all__ = [
    "Equivalence",
    "PairedResult",
    "Pooled",
    "SimulatedPower",
    "adjust",
    "analytic_interval",
    "bootstrap_interval",
    "bootstrap_replicates",
    "clopper_pearson",
    "critical_effect",
    "d_from_g",
    "detectable_effect",
    "equivalence_test",
    "g_from_d",
    "hedges",
    "largest_d",
    "number_of_sums",
    "paired_test",
    "permutation_pvalue",
    "pool_random_effects",
    "shift_interval",
    "simulate_power",
    "simulated_detectable_effect",
    "smallest_pvalue",
    "variance_of_d",
    "variance_of_g",
    "wilson_interval",
    "words_needed",
]
