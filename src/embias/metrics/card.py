"""What a metric says of itself, and what an audit hands to it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embias.results import Alternative, Measure
from embias.types import FloatArray

__all__ = ["MetricCard", "RoleVectors"]


@dataclass(frozen=True, slots=True, eq=False)
class RoleVectors:
    """The vectors of one association test, one row per word, as encoded (not normalised).

    Attributes
    ----------
    x, y, a, b : ndarray of shape (n, d)
        Targets and attributes. A word in several sentences is the mean of its vectors.
    pairs : ndarray of int, shape (k, 2), or None
        Rows of `x` and `y` that belong together (he - she), where the test says which do.
    rng : numpy.random.Generator
        For what is drawn.
    alternative : {"greater", "less", "two-sided"}
    level : float
        Confidence of intervals, in (0, 1).
    """

    x: FloatArray
    y: FloatArray
    a: FloatArray
    b: FloatArray
    pairs: NDArray[np.intp] | None
    rng: np.random.Generator
    alternative: Alternative = "greater"
    level: float = 0.95


@dataclass(frozen=True, slots=True)
class MetricCard:
    """What a metric measures, for a reader who has to interpret it.

    Attributes
    ----------
    name : str
        Name by which it is asked for; the function of that name lies in `embias.metrics`.
    measures, formula, value_range, no_bias, direction, pvalue, caveats, paper : str
    conventions : str
        Where other implementations give another number for the same name, and why ours is the
        default; empty where there is nothing to say.
    takes : {"items", "contexts", "vectors", "texts"}
        What it is computed from: the word sets of an association test; many context vectors of
        every word; other arrays than those of an association test; a language model and texts.
    run : callable or None
        How an audit computes it from the word sets of an association test.
    measured : {"targets", "attributes", "none"}
        Which words ``Measure.scores["words"]`` of `run` are of: X then Y, A then B, or no words.
    """

    name: str
    measures: str
    formula: str
    value_range: str
    no_bias: str
    direction: str
    pvalue: str
    caveats: str
    paper: str
    conventions: str = ""
    takes: Literal["items", "contexts", "vectors", "texts"] = "items"
    run: Callable[[RoleVectors], Measure] | None = field(default=None, repr=False, compare=False)
    measured: Literal["targets", "attributes", "none"] = "targets"

    @property
    def audited(self) -> bool:
        """Whether :func:`embias.audit` can run it by name; others are called as functions."""
        return self.takes == "items"

    def to_text(self) -> str:
        """Return the card as text, one line for each thing it says."""
        function = f"embias.metrics.{self.name}"
        use = {
            "items": f"embias audit; {function}",
            "contexts": f"{function}, on contexts",
            "vectors": f"{function}, on arrays",
            "texts": f"{function}, on a language model",
        }
        rows = {
            "measures": self.measures,
            "formula": self.formula,
            "range": self.value_range,
            "no bias": self.no_bias,
            "direction": self.direction,
            "p-value": self.pvalue,
            "caveats": self.caveats,
            "elsewhere": self.conventions,
            "paper": self.paper,
            "use": use[self.takes],
        }
        lines = [f"  {key:<9}  {text}" for key, text in rows.items() if text]
        return "\n".join([self.name, *lines])
