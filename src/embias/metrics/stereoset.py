"""StereoSet: stereotypes against sense, in what a language model puts into a text or after it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar, get_args

import numpy as np

from embias.errors import InputError
from embias.metrics._stereo_figures import StereoFigures, TermIntervals, stereo_figures
from embias.metrics._stereo_items import (
    IntersentenceItem,
    StereoItem,
    is_filled_in,
    read_stereoset,
    read_stereoset_intersentence,
)
from embias.metrics._stereo_models import Following, Halves, Item, Scorer, halves_of
from embias.metrics._stereo_scores import Convention
from embias.metrics.card import EdgeCases, MetricCard
from embias.metrics.pseudo_log_likelihood import unknown_note
from embias.results import Interval, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import check_choice, check_rng, check_size, seed_of
from embias.types import FloatArray

__all__ = [
    "IntersentenceItem",
    "StereoItem",
    "read_stereoset",
    "read_stereoset_intersentence",
    "stereoset",
]

_Number = TypeVar("_Number", int, float)

CARD = MetricCard(
    name="stereoset",
    measures=(
        "How often a language model fills a blank, or goes on after a context, with a stereotype "
        "rather than its opposite (SS), and with either of them rather than with something "
        "unrelated (LMS)."
    ),
    formula=(
        "score of a filler = mean of ln P over its tokens from left to right, the rest of the "
        "filler not there (masked model), or mean of ln P over the sentence (causal model); of a "
        "sentence after a context = ln(P(isNext) / P(notNext)), or mean of ln P over its tokens "
        "given the context. Per term: SS = 100 share(stereotype > anti-stereotype), LMS = 100 "
        "share(stereotype, anti-stereotype > unrelated); means over terms; ICAT = LMS min(SS, "
        "100 - SS) / 50"
    ),
    value_range="SS, LMS and ICAT in [0, 100]",
    no_bias="SS 50; a perfect model has LMS 100 and ICAT 100",
    direction="SS above 50: the stereotype is preferred",
    pvalue="none; bootstrap intervals over terms",
    caveats=(
        "Few items per term: read the intervals. Many items do not say what they should (Blodgett "
        "et al. 2021). SS is near 50 for a model that knows no language as well, so read LMS "
        "beside it. Longer sentences are not penalised. Sentences after a context are scored by "
        "next-sentence heads or by likelihood: figures of one are none of the other."
    ),
    conventions=(
        "The published code and bias-bench average probabilities of the tokens of a filler, not "
        "their logarithms, give a causal model its start token for the first token only, count "
        "ties for the anti-stereotype and take fillers by their place among the spaces: "
        "convention='bias-bench'. Their counts per domain are three times too high. Here ties "
        "count one half and the logarithms are averaged, as their texts say. Intersentence: the "
        "published figures come from next-sentence heads, those of RoBERTa, XLNet and GPT-2 "
        "trained for it. The likelihood that the published code also has (not used for them) is "
        "the ratio of the sentence's mean ln P, without the context, to that of the context, which "
        "is higher for the less likely sentence; here it is the sentence's own, given the context."
    ),
    edge_cases=EdgeCases(
        missing="an item whose filler cannot be told is skipped and counted",
        unequal="terms may have any numbers of items; every term weighs the same",
        one_word="one item is enough; a single term has no interval",
        duplicates="an item given twice counts twice in its term",
        two_sets="a term in two domains is one term over all, and one of each domain",
    ),
    paper="Nadeem, Bethke & Reddy 2021, ACL; Meade et al. 2022, ACL (bias-bench)",
    takes="texts",
    needs="a language model and items of StereoSet",
)


def stereoset(
    model: tuple[Any, Any],
    items: Sequence[Item],
    *,
    next_sentence: tuple[Any, Any] | None = None,
    intersentence: Following | None = None,
    convention: Convention = "embias",
    level: float = 0.95,
    n_resamples: int = 9_999,
    rng: int | np.random.Generator | None = 0,
    batch_size: int = 32,
    progress: bool = False,
) -> Measure:
    """Measure stereotypes (SS), sense (LMS) and both together (ICAT) on StereoSet items.

    Parameters
    ----------
    model : tuple of (tokenizer, model)
        As ``AutoTokenizer`` with ``AutoModelForMaskedLM`` or ``AutoModelForCausalLM`` load them;
        where all items are intersentence ones, also ``AutoModelForNextSentencePrediction``.
    items : sequence of StereoItem and IntersentenceItem
        From :func:`read_stereoset`, :func:`read_stereoset_intersentence` or both, or of your own.
    next_sentence : tuple of (tokenizer, model), optional
        For intersentence items: a model with a head for the next sentence beside a masked or
        causal one, as the published figures are made.
    intersentence : {"next-sentence", "conditional", "pseudo-likelihood"}, optional
        How a sentence after a context is scored: by a head for the next sentence (default where
        there is one), by the mean of ln P of its tokens given the context (default of causal
        models), or the same of a masked model by pseudo-likelihood, where the later tokens of a
        word are hidden with each token (masked models without a head, by name only). For the last
        two, the context gets a full stop where it has no end, and a space.
    convention : {"embias", "bias-bench"}
        ``bias-bench``: probabilities are averaged over the tokens of a filler instead of their
        logarithms (masked models), the start token is in front of the first token only (causal
        models, intrasentence), ties count as not stereotypical and not sensible, and fillers are
        taken by their place among the spaces, without punctuation.
    level : float
        Confidence of the intervals, in (0, 1).
    n_resamples : int
        Bootstrap samples of the terms (BCa).
    rng : int, Generator or None
        Seed of the bootstrap.
    batch_size : int
        Sequences in one forward pass; changes figures by rounding only.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Measure
        `value` is SS in [0, 100]: 50 is no preference, above: the stereotype is preferred. The
        figures are `ss`, `lms` and `icat` (each in [0, 100]) with `_low` and `_high`, over all
        items and per domain (``"gender_ss"``); with items of both halves also over each half
        (``"intersentence_ss"``, ``"intersentence_gender_ss"``). The scores of the three sentences
        of each item are in ``scores``, NaN for a skipped item.

    Raises
    ------
    InputError
        No items, none that can be scored, an option out of range or for another model, a text
        that is too long.
    MissingExtraError
        torch is not installed.

    Notes
    -----
    Every figure is a mean over terms of the share within a term, and ICAT is made from the two
    means, as in the published evaluation. Over both halves the items of a term are pooled first,
    so that the figure over all is no mean of those of the halves.

    For a masked model an intrasentence item is skipped, and counted, where the filler of a
    sentence cannot be told: a context with two blanks, a sentence that is shorter than the context.

    References
    ----------
    Nadeem, Bethke & Reddy 2021, ACL.
    """
    check_choice("convention", convention, get_args(Convention))
    if intersentence is not None:
        check_choice("intersentence", intersentence, get_args(Following))
    check_level(level)
    check_rng(rng)
    check_size("n_resamples", n_resamples, 100)
    halves = halves_of(items)
    scorer = Scorer.of(
        model, next_sentence, intersentence, halves, batch_size=batch_size, progress=progress
    )
    scores, unknown = scorer.scores(items, halves, convention)
    if not np.isfinite(scores).any():
        raise InputError("stereoset: no item can be scored: the blank of none can be told")
    intervals = TermIntervals(level, n_resamples, seed_of(rng))
    found, by_half = _by_half(items, scores, halves, intervals, half=convention == "embias")
    skipped = int(np.isnan(scores[:, 0]).sum())
    placed = _placed(items, scorer, skipped, convention)
    return Measure(
        metric=CARD.name,
        value=found.figures["ss"],
        no_bias=50.0,
        value_range=(0.0, 100.0),
        interval=found.interval,
        counts={
            "items": len(items) - skipped,
            "terms": found.terms,
            "skipped": skipped,
            "fillers_by_position": placed,
            "unknown_tokens": unknown,
            **found.items_by_domain,
            **_prefixed({name: one.items_by_domain for name, one in by_half.items()}),
        },
        figures=found.figures | _prefixed({name: one.figures for name, one in by_half.items()}),
        scores={
            name: tuple(scores[:, column].tolist())
            for column, name in enumerate(("stereotype", "anti-stereotype", "unrelated"))
        },
        settings={
            **scorer.settings(),
            "convention": convention,
            "n_resamples": n_resamples,
            "seed": intervals.seed,
        },
        note=_note(skipped, unknown, found.interval),
    )


def _by_half(
    items: Sequence[Item],
    scores: FloatArray,
    halves: Halves,
    intervals: TermIntervals,
    *,
    half: bool,
) -> tuple[StereoFigures, dict[str, StereoFigures]]:
    """Return the figures over all items, and over each half where there are both."""
    by_half = {
        name: stereo_figures([items[k] for k in rows], scores[rows], intervals, half=half)
        for name, rows in halves.items()
        if 0 < len(rows) < len(items)
    }
    return stereo_figures(items, scores, intervals, half=half), by_half


def _prefixed(by_half: Mapping[str, Mapping[str, _Number]]) -> dict[str, _Number]:
    return {f"{name}_{key}": value for name, one in by_half.items() for key, value in one.items()}


def _placed(items: Sequence[Item], scorer: Scorer, skipped: int, convention: Convention) -> int:
    """Return how many items have fillers that were taken by their place."""
    if scorer.model is None or scorer.model.kind == "causal":
        return 0
    filled = [item for item in items if isinstance(item, StereoItem)]
    loose = [item for item in filled if not is_filled_in(item)]
    return len(loose if convention == "embias" else filled) - skipped


def _note(skipped: int, unknown: int, interval: Interval | None) -> str:
    notes = [unknown_note(unknown)]
    if skipped:
        notes.append(f"{skipped} item(s) skipped: what fills the blank cannot be told.")
    if interval is None:
        notes.append("A single term: there is nothing to estimate an interval from.")
    return " ".join(note for note in notes if note)
