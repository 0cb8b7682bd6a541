"""Which metrics there are, and what each of them says."""

from __future__ import annotations

from dataclasses import dataclass

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
