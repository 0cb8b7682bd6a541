"""Which model scores which half of StereoSet, and how."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError
from embias.metrics._language_model import LanguageModel, language_model
from embias.metrics._next_sentence import (
    NEXT_SENTENCE_CURE,
    has_next_sentence_head,
    next_sentence_model,
)
from embias.metrics._stereo_items import IntersentenceItem, StereoItem
from embias.metrics._stereo_scores import (
    Convention,
    causal_scores,
    likelihood_after,
    masked_scores,
    next_sentence_scores,
)
from embias.metrics.pseudo_log_likelihood import start_of
from embias.types import FloatArray

__all__ = ["Following", "Halves", "Item", "Scorer", "halves_of"]

Following: TypeAlias = Literal["next-sentence", "conditional", "pseudo-likelihood"]
Item: TypeAlias = StereoItem | IntersentenceItem
Halves: TypeAlias = Mapping[str, NDArray[np.intp]]

_FOR_KIND: dict[str, Following] = {"causal": "conditional", "masked": "pseudo-likelihood"}


def halves_of(items: Sequence[Item]) -> Halves:
    """Return the rows of the items of each half, after checking what the items are."""
    if not isinstance(items, Sequence) or isinstance(items, str) or not items:
        raise InputError("stereoset: no items; give those of read_stereoset(path)")
    for row, item in enumerate(items):
        if not isinstance(item, StereoItem | IntersentenceItem):
            raise InputError(
                f"stereoset: items[{row}] is {item!r:.60}; give a StereoItem or IntersentenceItem"
            )
    after = np.array([isinstance(item, IntersentenceItem) for item in items])
    halves = {"intrasentence": np.flatnonzero(~after), "intersentence": np.flatnonzero(after)}
    taken = [item.domain for item in items if item.domain.startswith(tuple(halves))]
    if after.any() and not after.all() and taken:
        raise InputError(
            f"stereoset: the domain {taken[0]!r} begins like a name of the result; give it another"
        )
    return halves


@dataclass(frozen=True)
class Scorer:
    """The language model and the head for the next sentence, each where it is needed."""

    model: LanguageModel | None
    head: LanguageModel | None
    following: Following | None

    @classmethod
    def of(
        cls,
        model: Any,
        next_sentence: Any,
        following: Following | None,
        halves: Halves,
        *,
        batch_size: int,
        progress: bool,
    ) -> Scorer:
        """Choose how the items are scored; refuse what does not go together."""
        inside, after = (len(halves[name]) > 0 for name in ("intrasentence", "intersentence"))
        if not after and (next_sentence is not None or following is not None):
            name = "intersentence" if next_sentence is None else "next_sentence"
            raise InputError(
                f"stereoset: {name} is for intersentence items and there are none; leave it out, "
                "or give those of read_stereoset_intersentence(path) too"
            )
        alone = not inside and next_sentence is None and has_next_sentence_head(model)
        given = model if alone else next_sentence
        lm = None
        if inside or given is None:
            lm = language_model(model, "stereoset", batch_size=batch_size, progress=progress)
        if not after:
            return cls(lm, None, None)
        chosen = _following(following, given, lm)
        if chosen != "next-sentence":
            return cls(lm, None, chosen)
        head = next_sentence_model(given, "stereoset", batch_size=batch_size, progress=progress)
        return cls(lm, head, chosen)

    def scores(
        self, items: Sequence[Item], halves: Halves, convention: Convention
    ) -> tuple[FloatArray, int]:
        """Return the scores of the sentences, shape (items, 3), and the unknown tokens."""
        found = np.full((len(items), 3), np.nan)
        unknown = 0
        filled = [item for item in items if isinstance(item, StereoItem)]
        after = [item for item in items if isinstance(item, IntersentenceItem)]
        if filled and self.model is not None:
            score = causal_scores if self.model.kind == "causal" else masked_scores
            found[halves["intrasentence"]], unknown = score(self.model, filled, convention)
        if after:
            if self.head is not None:
                found[halves["intersentence"]], more = next_sentence_scores(self.head, after)
            elif self.model is not None:
                found[halves["intersentence"]], more = likelihood_after(self.model, after)
            unknown += more
        return found, unknown

    def settings(self) -> dict[str, str]:
        """Return what a result tells of the models."""
        found: dict[str, str] = {"model": "none" if self.model is None else self.model.kind}
        if self.following is not None:
            found["intersentence"] = self.following
        return found | ({} if self.model is None else start_of(self.model))


def _following(asked: Following | None, head: Any, lm: LanguageModel | None) -> Following:
    if head is not None:
        if asked not in (None, "next-sentence"):
            raise InputError(
                f"stereoset: intersentence={asked!r} and a model with a head for the next "
                "sentence; give one of the two"
            )
        return "next-sentence"
    if asked == "next-sentence" or lm is None:
        raise InputError(
            f"stereoset: intersentence={asked!r} needs a head for the next sentence; "
            f"{NEXT_SENTENCE_CURE}, as next_sentence"
        )
    if asked is None and lm.kind == "masked":
        raise InputError(
            "stereoset: a masked model does not tell how well a sentence follows a context; give "
            "next_sentence=(tokenizer, model), the model loaded with "
            "AutoModelForNextSentencePrediction, or intersentence='pseudo-likelihood'"
        )
    own = _FOR_KIND[lm.kind]
    if asked not in (None, own):
        raise InputError(
            f"stereoset: intersentence={asked!r} is not for a {lm.kind} model; use {own!r}"
        )
    return own
