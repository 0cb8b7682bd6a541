"""Statistics: scores in, result values out.

Everything here is float64 and pure: it knows neither words nor models. A p-value is exact when
it can be, certified (a rigorous bracket) when exact counting is too large, sampled only when
neither is possible, and the result says which.
"""

from embias.stats.permutation import permutation_pvalue

__all__ = ["permutation_pvalue"]
