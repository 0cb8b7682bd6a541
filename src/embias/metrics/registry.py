"""Which metrics there are, and what each of them says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from embias.errors import UnknownNameError, did_you_mean

__all__ = ["METRICS", "MetricCard", "get_metric"]


@dataclass(frozen=True, slots=True)
class MetricCard:
    """What a metric measures, for a reader who has to interpret it.

    Attributes
    ----------
    name : str
        Name by which it is asked for.
    measures, formula, value_range, no_bias, direction, pvalue, caveats, paper : str
    takes : {"items", "contexts"}
        What it is computed from: one vector per word or sentence, or many context vectors of
        every word.
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
    takes: Literal["items", "contexts"] = "items"

    @property
    def audited(self) -> bool:
        """Whether :func:`embias.audit` can run it by name; others are called as functions."""
        return self.takes == "items"

    def to_text(self) -> str:
        """Return the card as text, one line for each thing it says."""
        function = f"embias.metrics.{self.name}"
        rows = {
            "measures": self.measures,
            "formula": self.formula,
            "range": self.value_range,
            "no bias": self.no_bias,
            "direction": self.direction,
            "p-value": self.pvalue,
            "caveats": self.caveats,
            "paper": self.paper,
            "use": f"embias audit; {function}" if self.audited else f"{function}, on contexts",
        }
        return "\n".join([self.name, *(f"  {key:<9}  {text}" for key, text in rows.items())])


METRICS: dict[str, MetricCard] = {
    "weat": MetricCard(
        name="weat",
        measures=(
            "Whether two sets of targets differ in how close they are to two sets of attributes, "
            "for words or (as SEAT) for templated sentences."
        ),
        formula=(
            "s(w) = mean_a cos(w, a) - mean_b cos(w, b); D = mean_X s - mean_Y s; "
            "d = D / std(s over X and Y, ddof 1)"
        ),
        value_range="D in [-4, 4]; |d| <= sqrt(N (N - 1) / (nX nY)), about 2 for equal sets",
        no_bias="D = 0 and d = 0",
        direction="positive: X goes with A and Y with B",
        pvalue=(
            "permutation of target words, one-sided (X more with A) unless asked otherwise; "
            "exact, or certified, or sampled"
        ),
        caveats=(
            "d does not change when all cosines shrink, so read D beside it. With 8 + 8 words "
            "an effect under d = 1.1 is rarely found: a large p is no evidence of no bias."
        ),
        paper=(
            "Caliskan, Bryson & Narayanan 2017, Science 356:183-186; May et al. 2019, NAACL (SEAT)"
        ),
    ),
    "ceat": MetricCard(
        name="ceat",
        measures=(
            "Whether two sets of target words differ in how close they are to two sets of "
            "attribute words, over many contexts of every word."
        ),
        formula=(
            "one draw: one context of every word, then WEAT's d; CES = sum v d / sum v, "
            "v = 1 / (variance of d + tau2), tau2 by DerSimonian-Laird"
        ),
        value_range="as WEAT's d: |CES| <= sqrt(N (N - 1) / (nX nY)), about 2 for equal sets",
        no_bias="CES = 0, and D = 0 over words",
        direction="positive: X goes with A and Y with B",
        pvalue=(
            "of CES by the normal distribution (conditional on the word list); beside it the "
            "permutation of words, each averaged over its contexts"
        ),
        caveats=(
            "The draws share their words: the standard error of CES falls with the number of "
            "draws alone, so its p-value says nothing about other words. Read the test and the "
            "intervals over words, and the spread of d over contexts."
        ),
        paper="Guo & Caliskan 2021, AIES, 122-133",
        takes="contexts",
    ),
}


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
