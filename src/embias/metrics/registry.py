"""Which metrics there are."""

from __future__ import annotations

from embias.errors import UnknownNameError, did_you_mean
from embias.metrics.card import MetricCard
from embias.metrics.ceat import CARD as CEAT
from embias.metrics.weat import CARD as WEAT

__all__ = ["METRICS", "MetricCard", "get_metric"]

#: Name to card, in the order in which a reader should meet them.
METRICS: dict[str, MetricCard] = {card.name: card for card in (WEAT, CEAT)}


def get_metric(name: str) -> MetricCard:
    """Return the card of the metric `name`.

    Raises
    ------
    UnknownNameError
        When there is no such metric.
    """
    if name not in METRICS:
        raise UnknownNameError(f"no metric {name!r}; {did_you_mean(name, METRICS)}")
    return METRICS[name]
