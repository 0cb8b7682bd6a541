"""What a metric says of itself, and what an audit hands to it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embias.results import Alternative, Measure
from embias.types import FloatArray

__all__ = ["OF_AN_ASSOCIATION", "EdgeCases", "MetricCard", "RoleVectors", "Takes"]

Takes: TypeAlias = Literal["items", "contexts", "sentences", "pictures", "vectors", "texts"]

#: What a small p-value of a metric of the WEAT family is evidence of.
OF_AN_ASSOCIATION = "of an association in these vectors for these words"


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
    ddof : {1, 0}
        Degrees of freedom of an effect size.
    every : ndarray of shape (n, d), or None
        All words of the test, X, Y, A and B in this order, each once.
    contexts : mapping of {"X", "Y", "A", "B"} to tuple of ndarray of shape (c_i, d), or None
        For each word the vectors of it in its contexts, where a metric takes contexts.
    """

    x: FloatArray
    y: FloatArray
    a: FloatArray
    b: FloatArray
    pairs: NDArray[np.intp] | None
    rng: np.random.Generator
    alternative: Alternative = "greater"
    level: float = 0.95
    ddof: int = 1
    every: FloatArray | None = None
    contexts: Mapping[str, tuple[FloatArray, ...]] | None = None

    def all_words(self) -> FloatArray:
        """Return :attr:`every`; without it X, Y, A and B one below the other."""
        if self.every is not None:
            return self.every
        return np.concatenate([self.x, self.y, self.a, self.b])


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeCases:
    """What becomes of words that are missing, few, given twice or in two sets.

    The defaults are what an audit does before any metric is run.

    Attributes
    ----------
    missing : str
        Words that an encoder has no vector for.
    unequal : str
        Sets of different sizes.
    one_word : str
        A set of a single word, and the fewest that are needed.
    duplicates : str
        The same word, or the same vector, twice in a set.
    two_sets : str
        A word in two sets.
    """

    missing: str = (
        "an audit drops and counts them; a set that keeps fewer than 80% of its words "
        "(min_coverage), or fewer than two targets, is an error of the row"
    )
    unequal: str
    one_word: str
    duplicates: str = "rows are not compared, so one given twice counts twice"
    two_sets: str

    def to_text(self) -> str:
        """Return the five, one line for each."""
        rows = {
            "missing words": self.missing,
            "unequal sets": self.unequal,
            "one word": self.one_word,
            "duplicates": self.duplicates,
            "in two sets": self.two_sets,
        }
        return "\n".join(f"{key}: {text}" for key, text in rows.items())


@dataclass(frozen=True, slots=True)
class MetricCard:
    """What a metric measures, for a reader who has to interpret it.

    Attributes
    ----------
    name : str
        Name by which it is asked for; the function of that name lies in `embias.metrics`, if not
        under `function`.
    measures, formula, value_range, no_bias, direction, pvalue, caveats : str
    edge_cases : EdgeCases
        What becomes of missing words, unequal sets, single words, duplicates, a word in two sets.
    paper : str
    conventions : str
        Where other implementations give another number for the same name, and why ours is the
        default; empty where there is nothing to say.
    takes : {"items", "contexts", "sentences", "pictures", "vectors", "texts"}
        What it is computed from: the word sets of an association test; the vectors of every word
        in many contexts; a test that puts its words into sentences; a test with pictures; other
        arrays than those of an association test; a language model and texts.
    run : callable or None
        How an audit computes it from the word sets of an association test; None: as WEAT, or not
        at all.
    measured : {"targets", "attributes", "all", "none"}
        Which words ``Measure.scores["words"]`` of `run` are of: X then Y, A then B, all of them
        (each once), or no words.
    needs : str
        Of a metric that no audit can run: what it is computed from.
    evidence : str
        What a small p-value in an audit is evidence of, beginning with "of"; empty where an audit
        gives no p-value.
    function : str
        The function in `embias.metrics`, where it has another name.
    """

    name: str
    measures: str
    formula: str
    value_range: str
    no_bias: str
    direction: str
    pvalue: str
    caveats: str
    edge_cases: EdgeCases
    paper: str
    conventions: str = ""
    takes: Takes = "items"
    run: Callable[[RoleVectors], Measure] | None = field(default=None, repr=False, compare=False)
    measured: Literal["targets", "attributes", "all", "none"] = "targets"
    needs: str = ""
    evidence: str = ""
    function: str = ""

    @property
    def audited(self) -> bool:
        """Whether :func:`embias.audit` can compute it; others are called as functions."""
        return self.takes not in ("vectors", "texts")

    @property
    def associates(self) -> bool:
        """Whether its rows are association tests: WEAT, or WEAT under another name."""
        return self.audited and self.run is None

    def to_text(self) -> str:
        """Return the card as text, one line for each thing it says."""
        function = f"embias.metrics.{self.function or self.name}"
        use = {
            "items": f"embias audit; {function}",
            "contexts": f"embias audit, of words in sentences; {function}",
            "sentences": f"embias audit, of tests with sentences; {function}",
            "pictures": f"embias audit, of tests with pictures; {function}",
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
            "edges": self.edge_cases.to_text().replace("\n", f"\n{'':13}"),
            "elsewhere": self.conventions,
            "paper": self.paper,
            "needs": self.needs,
            "use": use[self.takes],
        }
        lines = [f"  {key:<9}  {text}" for key, text in rows.items() if text]
        return "\n".join([self.name, *lines])
