"""Metrics: arrays in, result values out.

An association test asks whether two sets of target vectors differ in how close they are to two
sets of attribute vectors. Every metric has a card (:data:`METRICS`) that says what it measures,
its range and what "no bias" is. Metrics know neither words nor models: `embias.audit` brings
both together.
"""

from embias.metrics.registry import METRICS, MetricCard, get_metric
from embias.metrics.weat import association_scores, weat

__all__ = ["METRICS", "MetricCard", "association_scores", "get_metric", "weat"]
