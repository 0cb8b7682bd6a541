"""One figure of a report card on one split, before it is averaged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, TypeAlias

from embias.results import Interval, Panel

__all__ = ["FIGURES", "Data", "Finding", "failed"]

Data: TypeAlias = Literal["fit", "fresh", "given", "all"]

#: Panel and title of every figure, in the order of the card.
FIGURES: dict[str, tuple[Panel, str]] = {
    "linear_strong_same": ("removal", "Linear probe, strong regularisation, same data"),
    "linear_weak_same": ("removal", "Linear probe, weak regularisation, same data"),
    "linear_strong": ("removal", "Linear probe, strong regularisation"),
    "linear_weak": ("removal", "Linear probe, weak regularisation"),
    "rbf": ("removal", "RBF-SVM probe"),
    "mlp": ("removal", "Network probe (MLP)"),
    "knn": ("removal", "5 nearest neighbours"),
    "clusters": ("removal", "k-means clusters"),
    "neighbour_bias": ("removal", "Neighbour bias r"),
    "weat_statistic": ("removal", "WEAT D"),
    "weat_effect_size": ("removal", "WEAT d"),
    "covariance": ("removal", "Norm of Cov(x, z)"),
    "neighbours": ("retention", "Same 10 nearest neighbours"),
    "cosines": ("retention", "Correlation of pairwise cosines"),
    "similarity": ("retention", "Similarity benchmark, Spearman"),
    "task_linear": ("retention", "Task, linear probe"),
    "task_nearest": ("retention", "Task, nearest neighbour"),
    "dimension": ("retention", "Intrinsic dimension (TwoNN)"),
    "movement": ("retention", "Relative squared movement"),
    "norm": ("retention", "Mean length"),
    "rank": ("retention", "Rank"),
}


@dataclass(frozen=True)
class Finding:
    """A figure before and after on one split; NaN where it is not defined.

    Attributes
    ----------
    figure : str
        A key of :data:`FIGURES`.
    data : {"fit", "fresh", "given", "all"}
    before, after : float
    reference : float
        NaN where there is none. For retention that is the value where nothing is changed.
    before_interval, after_interval : Interval or None
    n : int
        Words, rows or pairs.
    is_share : bool
        Whether it is a share of `n` words, with Wilson's interval at the mean over the splits.
    before_pvalue, after_pvalue : float
        NaN where there is none.
    note : str
    """

    figure: str
    data: Data
    before: float
    after: float
    reference: float = math.nan
    before_interval: Interval | None = None
    after_interval: Interval | None = None
    n: int = 0
    is_share: bool = False
    before_pvalue: float = math.nan
    after_pvalue: float = math.nan
    note: str = ""


def failed(figure: str, data: Data, reason: str) -> Finding:
    """Return the finding that a figure could not be computed."""
    return Finding(figure, data, math.nan, math.nan, note=f"Not measured: {reason}")
