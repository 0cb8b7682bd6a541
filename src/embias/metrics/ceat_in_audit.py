"""CEAT over the sentences of an association test: its card, and its figures as a row."""

from __future__ import annotations

import math

from embias.errors import InputError
from embias.metrics.card import OF_AN_ASSOCIATION, EdgeCases, MetricCard, RoleVectors
from embias.metrics.ceat import Ceat, ceat
from embias.results import Interval, Measure
from embias.stats.effect_size import largest_d

__all__ = ["CARD"]


def _run(roles: RoleVectors) -> Measure:
    contexts = roles.contexts
    if contexts is None:
        raise InputError("ceat: no contexts; give the vectors of every word in its sentences")
    x, y, a, b = (contexts[role] for role in "XYAB")
    found = ceat(
        x, y, a, b, ddof=roles.ddof, alternative=roles.alternative, level=roles.level, rng=roles.rng
    )
    words = sum(map(len, (x, y, a, b)))
    if found.n_single_context == words:
        raise InputError(
            "ceat: no word has two different context vectors, so that all draws are the same; use "
            "weat, or give the words sentences in which they mean different things"
        )
    return _measure(found, roles, words)


def _measure(found: Ceat, roles: RoleVectors, words: int) -> Measure:
    test, single = found.words.test, found.n_single_context
    most = largest_d(len(found.contexts_x), len(found.contexts_y), found.ddof)
    contexts = (*found.contexts_x, *found.contexts_y, *found.contexts_a, *found.contexts_b)
    of_single = f" {single} of {words} words have the same vector in every draw." if single else ""
    return Measure(
        metric="ceat",
        value=found.combined_effect_size,
        no_bias=0.0,
        value_range=(-most, most),
        pvalue=test.pvalue,
        pvalue_bounds=test.pvalue_bounds,
        pvalue_method=test.method,
        alternative=test.alternative,
        null="target words relabelled, each averaged over its contexts",
        n_resamples=test.n_resamples,
        counts={"words": words, "contexts": sum(contexts)},
        figures=_figures(found),
        scores={"words": (*found.words.scores_x, *found.words.scores_y)},
        settings={"ddof": found.ddof, "variance": found.variance, "n_draws": found.n_draws},
        note=found.note + of_single,
    )


def _figures(found: Ceat) -> dict[str, float]:
    low, high = _ends(found.words.effect_size_interval)
    return {
        "d over words": found.words.effect_size,
        "d over words, low": low,
        "d over words, high": high,
        "D over words": found.words.statistic,
        "standard error of CES": found.se,
        "p of CES, two-sided": found.pvalue,
        "tau2": found.tau2,
        "SD of d over contexts": found.spread.sd,
        "5th percentile of d": found.spread.p5,
        "95th percentile of d": found.spread.p95,
        "draws of the other sign": found.spread.other_sign,
    }


def _ends(interval: Interval | None) -> tuple[float, float]:
    return (math.nan, math.nan) if interval is None else (interval.low, interval.high)


CARD = MetricCard(
    name="ceat",
    measures=(
        "Whether two sets of target words differ in how close they are to two sets of "
        "attribute words, over many contexts of every word. In an audit the contexts are the "
        "sentences of a test, on an encoder of words in their sentences."
    ),
    formula=(
        "one draw: one context of every word, then WEAT's d; CES = sum v d / sum v, "
        "v = 1 / (variance of d + tau2), tau2 by DerSimonian-Laird"
    ),
    value_range="as WEAT's d: |CES| <= sqrt(N (N - 1) / (nX nY)), about 2 for equal sets",
    no_bias="CES = 0, and D = 0 over words",
    direction="positive: X goes with A and Y with B",
    pvalue=(
        "permutation of words, each averaged over its contexts: the p of an audit; beside it that "
        "of CES by the normal distribution (conditional on the word list)"
    ),
    caveats=(
        "The draws share their words: the standard error of CES falls with the number of "
        "draws alone, so its p-value says nothing about other words. Read the test and the "
        "intervals over words, and the spread of d over contexts."
    ),
    edge_cases=EdgeCases(
        missing=(
            "an audit drops and counts words without a sentence or a vector; called on arrays, the "
            "caller leaves them out"
        ),
        unequal="any numbers of words, and of contexts of each; every word weighs the same",
        one_word=(
            "one target on each side is refused; one against several is computed on arrays, "
            "without intervals over words, and an audit asks for two a side. One context of "
            "a word is enough, but an audit refuses a test in which no word has two"
        ),
        duplicates=(
            "words and contexts are not compared, so one given twice counts (is drawn) twice"
        ),
        two_sets=(
            "entries are not compared: it counts in both; an audit refuses a word in X and Y, or "
            "A and B, and notes one that is target and attribute"
        ),
    ),
    paper="Guo & Caliskan 2021, AIES, 122-133",
    takes="contexts",
    run=_run,
    evidence=OF_AN_ASSOCIATION,
)
