"""Scores of the three sentences of StereoSet items: shape (items, 3), natural logarithms."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np

from embias.errors import InputError
from embias.metrics._encoded_text import Encoded, Query
from embias.metrics._language_model import Floats, LanguageModel, log_sum
from embias.metrics._next_sentence import next_sentence_odds
from embias.metrics._stereo_items import IntersentenceItem, StereoItem, fillers_of
from embias.metrics.pseudo_log_likelihood import start_apart_scores, token_scores
from embias.types import FloatArray

__all__ = [
    "Convention",
    "causal_scores",
    "likelihood_after",
    "masked_scores",
    "next_sentence_scores",
]

Convention: TypeAlias = Literal["embias", "bias-bench"]

# --- sentences with a blank filled in -------------------------------------------------------------


def causal_scores(
    lm: LanguageModel, items: Sequence[StereoItem], convention: Convention
) -> tuple[FloatArray, int]:
    """Score every sentence by the mean over its tokens, each given those before it."""
    texts = lm.encode([sentence for item in items for sentence in item.sentences])
    places = [lm.scored(text) for text in texts]
    for text, own in zip(texts, places, strict=True):
        if not own:
            raise InputError(f"stereoset: the text {text.text!r:.80} has no token to score")
    scores_of = start_apart_scores if convention == "bias-bench" else token_scores
    found = scores_of(lm, texts, places)
    return np.array([one.mean() for one in found]).reshape(-1, 3), 0


def masked_scores(
    lm: LanguageModel, items: Sequence[StereoItem], convention: Convention
) -> tuple[FloatArray, int]:
    """Score every filler by the mean over its tokens from left to right, NaN where untold."""
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


# --- sentences after a context --------------------------------------------------------------------


def next_sentence_scores(
    lm: LanguageModel, items: Sequence[IntersentenceItem]
) -> tuple[FloatArray, int]:
    """Score every sentence by the logarithm of the odds that it is the next one."""
    contexts = [item.context for item in items for _ in item.sentences]
    texts = lm.encode_pairs(contexts, [one for item in items for one in item.sentences])
    unknown = sum(lm.is_unknown(token) for text in texts for token in text.ids)
    return next_sentence_odds(lm, texts).reshape(-1, 3), unknown


def likelihood_after(
    lm: LanguageModel, items: Sequence[IntersentenceItem]
) -> tuple[FloatArray, int]:
    """Score every sentence by the mean over its tokens, its context in front of it."""
    joined = [_joined(item.context, one) for item in items for one in item.sentences]
    texts = lm.encode([text for text, _ in joined])
    places = []
    for text, (_, start) in zip(texts, joined, strict=True):
        scored = set(lm.scored(text))
        places.append([at for at in text.overlapping(start, len(text.text)) if at in scored])
        if not places[-1]:
            raise InputError(f"stereoset: no token holds {text.text[start:]!r:.80} in the text")
    found = token_scores(lm, texts, places, "word-l2r")
    unknown = sum(lm.is_unknown(token) for text in texts for token in text.ids)
    return np.array([one.mean() for one in found]).reshape(-1, 3), unknown


def _joined(context: str, sentence: str) -> tuple[str, int]:
    """Return both in one text, and where the second begins; as the published code joins them."""
    before = context.strip()
    stop = "" if before[-1] in ".!?" else "."
    return f"{before}{stop} {sentence.strip()}", len(before) + len(stop) + 1
