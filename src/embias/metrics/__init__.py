"""Metrics: arrays in, result values out.

An association test asks whether two sets of target vectors differ in how close they are to two
sets of attribute vectors. Every metric has a card (:data:`METRICS`) that says what it measures,
its range and what "no bias" is. Metrics know neither words nor models: `embias.audit` brings
both together.
"""

from embias.metrics.card import MetricCard, RoleVectors
from embias.metrics.ceat import Ceat, ceat
from embias.metrics.registry import METRICS, get_metric
from embias.metrics.sensitivity import LeftOut, Sensitivity, leave_one_out
from embias.metrics.subset_stability import SubsetStability, subset_stability
from embias.metrics.weat import association_scores, weat
from embias.metrics.weat_interval import weat_interval

__all__ = [
    "METRICS",
    "Ceat",
    "LeftOut",
    "MetricCard",
    "RoleVectors",
    "Sensitivity",
    "SubsetStability",
    "association_scores",
    "ceat",
    "get_metric",
    "leave_one_out",
    "subset_stability",
    "weat",
    "weat_interval",
]
