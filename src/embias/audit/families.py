"""Correction of the p-values of an audit for the number of tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from embias.results import BiasResult
from embias.stats.multiplicity import Adjustment, adjust

__all__ = ["adjust_families"]


def adjust_families(results: Sequence[BiasResult], method: Adjustment) -> list[BiasResult]:
    """Return the rows with adjusted p-values.

    A family is what a reader looks through together: the tests of one suite on one encoder, for
    one transform and one metric. Rows that could not be run, or whose metric
    has no p-value, do not count.

    Parameters
    ----------
    results : sequence of BiasResult
    method : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "bonferroni", "none"}

    Returns
    -------
    list of BiasResult
        In the same order.
    """
    if method == "none":
        return list(results)
    families: dict[tuple[str, ...], list[int]] = {}
    for index, row in enumerate(results):
        if row.pvalue is not None:
            key = (row.encoder, row.transform, row.suite, row.metric)
            families.setdefault(key, []).append(index)
    adjusted = list(results)
    for (encoder, transform, suite, metric), indices in families.items():
        pvalues = adjust([_pvalue(results[index]) for index in indices], method)
        name = " / ".join(filter(None, (suite, encoder, transform, metric)))
        for index, pvalue in zip(indices, pvalues.tolist(), strict=True):
            adjusted[index] = replace(
                results[index],
                pvalue_adjusted=pvalue,
                adjustment=method,
                family=f"{name}: {len(indices)} test{'s' if len(indices) > 1 else ''}",
            )
    return adjusted


def _pvalue(row: BiasResult) -> float:
    assert row.pvalue is not None
    return row.pvalue
