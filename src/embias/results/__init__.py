"""Result values: frozen, named, carrying their evidence; nothing here computes a statistic."""

from embias.results._writing import check_output, open_output, write_text
from embias.results.audit import COLUMNS, Audit
from embias.results.measure import Measure
from embias.results.terms import Alternative, Interval, PvalueMethod, Status, Unit
from embias.results.values import (
    Association,
    BiasResult,
    Counts,
    PermutationResult,
    Provenance,
    Published,
)

__all__ = [
    "COLUMNS",
    "Alternative",
    "Association",
    "Audit",
    "BiasResult",
    "Counts",
    "Interval",
    "Measure",
    "PermutationResult",
    "Provenance",
    "Published",
    "PvalueMethod",
    "Status",
    "Unit",
    "check_output",
    "open_output",
    "write_text",
]
