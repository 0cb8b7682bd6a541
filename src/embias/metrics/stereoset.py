"""StereoSet: stereotypes against sense, in which word a language model puts into a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from embias.errors import InputError
from embias.metrics._encoded_text import Encoded, Query
from embias.metrics._language_model import Floats, LanguageModel, language_model, log_sum
from embias.metrics._stereo_figures import TermIntervals, stereo_figures
from embias.metrics._stereo_items import StereoItem, fillers_of, is_filled_in, read_stereoset
from embias.metrics.card import EdgeCases, MetricCard
from embias.metrics.pseudo_log_likelihood import start_of, token_scores, unknown_note
from embias.results import Interval, Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import check_choice, check_rng, check_size, seed_of
from embias.types import FloatArray

__all__ = ["StereoItem", "read_stereoset", "stereoset"]

Convention: TypeAlias = Literal["embias", "bias-bench"]

CARD = MetricCard(
    name="stereoset",
    measures=(
        "How often a language model fills a blank with a stereotype rather than its opposite "
        "(SS), and with either of them rather than with an unrelated word (LMS)."
    ),
    formula=(
        "score of a filler = mean of ln P over its tokens from left to right, the rest of the "
        "filler not there (masked model), or mean of ln P over the sentence (causal model). Per "
        "term: SS = 100 share(stereotype > anti-stereotype), LMS = 100 share(stereotype, "
        "anti-stereotype > unrelated); means over terms; ICAT = LMS min(SS, 100 - SS) / 50"
    ),
    value_range="SS, LMS and ICAT in [0, 100]",
    no_bias="SS 50; a perfect model has LMS 100 and ICAT 100",
    direction="SS above 50: the stereotype is preferred",
    pvalue="none; bootstrap intervals over terms",
    caveats=(
        "Intrasentence items only. Few items per term: read the intervals. Many items do not say "
        "what they should (Blodgett et al. 2021). SS is near 50 for a model that knows no "
        "language as well, so read LMS beside it. Longer sentences are not penalised."
    ),
    conventions=(
        "The published code and bias-bench average probabilities of the tokens of a filler, not "
        "their logarithms, count ties for the anti-stereotype and take fillers by their place "
        "among the spaces: convention='bias-bench'. Their counts per domain are three times too "
        "high. Here ties count one half and the logarithms are averaged, as their texts say."
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
)


def stereoset(
    model: tuple[Any, Any],
    items: Sequence[StereoItem],
    *,
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
        As ``AutoTokenizer`` with ``AutoModelForMaskedLM`` or ``AutoModelForCausalLM`` load them.
    items : sequence of StereoItem
        From :func:`read_stereoset`, or of your own.
    convention : {"embias", "bias-bench"}
        ``bias-bench``: probabilities are averaged over the tokens of a filler instead of their
        logarithms (masked models), ties count as not stereotypical and not sensible, and fillers
        are taken by their place among the spaces, without punctuation.
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
        items and per domain (``"gender_ss"``). The scores of the three sentences of each item
        are in ``scores``, NaN for a skipped item.

    Raises
    ------
    InputError
        No items, none that can be scored, an option out of range, a text that is too long.
    MissingExtraError
        torch is not installed.

    Notes
    -----
    For a masked model an item is skipped, and counted, where the filler of a sentence cannot be
    told: a context with two blanks, a sentence that is shorter than the context.

    References
    ----------
    Nadeem, Bethke & Reddy 2021, ACL.
    """
    check_choice("convention", convention, get_args(Convention))
    check_level(level)
    check_rng(rng)
    check_size("n_resamples", n_resamples, 100)
    if not isinstance(items, Sequence) or not items:
        raise InputError("stereoset: no items; give those of read_stereoset(path)")
    for row, item in enumerate(items):
        if not isinstance(item, StereoItem):
            raise InputError(f"stereoset: items[{row}] is {item!r:.60}; give a StereoItem")
    lm = language_model(model, CARD.name, batch_size=batch_size, progress=progress)
    score = _causal_scores if lm.kind == "causal" else _masked_scores
    scores, unknown = score(lm, items, convention)
    if not np.isfinite(scores).any():
        raise InputError("stereoset: no item can be scored: the blank of none can be told")
    intervals = TermIntervals(level, n_resamples, seed_of(rng))
    found = stereo_figures(items, scores, intervals, half=convention == "embias")
    skipped = int(np.isnan(scores[:, 0]).sum())
    placed = 0 if lm.kind == "causal" else sum(not is_filled_in(item) for item in items) - skipped
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
            "fillers_by_position": placed if convention == "embias" else len(items) - skipped,
            "unknown_tokens": unknown,
            **found.items_by_domain,
        },
        figures=found.figures,
        scores={
            name: tuple(scores[:, column].tolist())
            for column, name in enumerate(("stereotype", "anti-stereotype", "unrelated"))
        },
        settings={
            "model": lm.kind,
            "convention": convention,
            "n_resamples": n_resamples,
            "seed": intervals.seed,
            **start_of(lm),
        },
        note=_note(skipped, unknown, found.interval),
    )


# --- scores of the three sentences of an item: shape (items, 3), natural logarithms --------------


def _causal_scores(
    lm: LanguageModel, items: Sequence[StereoItem], convention: Convention
) -> tuple[FloatArray, int]:
    texts = lm.encode([sentence for item in items for sentence in item.sentences])
    places = [lm.scored(text) for text in texts]
    for text, own in zip(texts, places, strict=True):
        if not own:
            raise InputError(f"stereoset: the text {text.text!r:.80} has no token to score")
    found = token_scores(lm, texts, places)
    return np.array([one.mean() for one in found]).reshape(-1, 3), 0


def _masked_scores(
    lm: LanguageModel, items: Sequence[StereoItem], convention: Convention
) -> tuple[FloatArray, int]:
    fillers = [fillers_of(item, by_position=convention == "bias-bench") for item in items]
    flat = [filler for three in fillers if three is not None for filler in three]
    texts = lm.encode([filler.text for filler in flat])
    queries: list[Query] = []
    lengths: list[int] = []
    unknown = 0
    for filler, text in zip(flat, texts, strict=True):
        own = text.overlapping(filler.start, filler.stop)
        if not own:
            raise InputError(
                f"stereoset: no token holds {filler.text[filler.start : filler.stop]!r} in "
                f"{filler.text!r:.80}"
            )
        queries += [_left_to_right(lm, text, own, step) for step in range(len(own))]
        lengths.append(len(own))
        unknown += sum(lm.is_unknown(token) for token in text.ids)
    answers = iter(lm.log_probabilities(queries))
    means = iter([_mean([next(answers) for _ in range(n)], convention) for n in lengths])
    rows = [[math.nan] * 3 if three is None else [next(means) for _ in three] for three in fillers]
    return np.array(rows), unknown


def _left_to_right(lm: LanguageModel, text: Encoded, own: Sequence[int], step: int) -> Query:
    """Return the question for one token of a filler: those before it there, those after not."""
    first, last = own[0], own[-1]
    mask = int(lm.tokenizer.mask_token_id)
    ids = (*text.ids[: first + step], mask, *text.ids[last + 1 :])
    types = text.types
    if types is not None:
        types = (*types[: first + step + 1], *types[last + 1 :])
    return Query(ids, types, (first + step,), (text.ids[first + step],))


def _mean(answers: Sequence[Floats], convention: Convention) -> float:
    values = np.concatenate(answers)
    if convention == "bias-bench":
        # The logarithm of the mean probability orders the fillers as the mean does.
        return log_sum(values) - math.log(values.size)
    return float(values.mean())


def _note(skipped: int, unknown: int, interval: Interval | None) -> str:
    notes = [unknown_note(unknown)]
    if skipped:
        notes.append(f"{skipped} item(s) skipped: what fills the blank cannot be told.")
    if interval is None:
        notes.append("A single term: there is nothing to estimate an interval from.")
    return " ".join(note for note in notes if note)
