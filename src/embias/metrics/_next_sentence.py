"""A model with a head for the next sentence: how sure it is that one text follows another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from embias.errors import InputError
from embias.metrics._encoded_text import Encoded
from embias.metrics._language_model import Floats, LanguageModel, checked_pair
from embias.metrics._model_facts import for_inference, longest_of

__all__ = [
    "NEXT_SENTENCE_CURE",
    "has_next_sentence_head",
    "next_sentence_model",
    "next_sentence_odds",
]

NEXT_SENTENCE_CURE = (
    "give the pair (tokenizer, model), the model loaded with AutoModelForNextSentencePrediction"
)
_CLASSES = ("ForNextSentencePrediction", "ForPreTraining")


def has_next_sentence_head(pair: Any) -> bool:
    """Return whether the second of a pair is a model that says whether a text is the next one."""
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        return False
    return any(cls.__name__.endswith(_CLASSES) for cls in type(pair[1]).__mro__)


def next_sentence_model(pair: Any, who: str, *, batch_size: int, progress: bool) -> LanguageModel:
    """Return the caller's pair, after checking that the model has a head for the next sentence.

    Raises
    ------
    InputError
        No such pair, or a model without such a head.
    MissingExtraError
        torch is not installed.
    """
    tokenizer, model = checked_pair(pair, who, batch_size=batch_size, cure=NEXT_SENTENCE_CURE)
    if not has_next_sentence_head(pair):
        raise InputError(
            f"{who}: {type(model).__name__} has no head for the next sentence; {NEXT_SENTENCE_CURE}"
        )
    longest = longest_of(tokenizer, model)
    return LanguageModel(tokenizer, model, "masked", int(batch_size), progress, longest, None)


def next_sentence_odds(lm: LanguageModel, texts: Sequence[Encoded]) -> Floats:
    """Return ``ln P(isNext) - ln P(notNext)`` of every pair of texts, in float64.

    It orders the pairs as P(isNext) does, also where that is 1 to the last digit.
    """
    from tqdm import tqdm

    keys = list(dict.fromkeys((text.ids, text.types) for text in texts))
    keys.sort(key=lambda key: len(key[0]))
    found: dict[Any, float] = {}
    bar = tqdm(total=len(keys), disable=not lm.progress, desc="scoring", unit="pass")
    with for_inference(lm.model), bar:
        for start in range(0, len(keys), lm.batch_size):
            block = keys[start : start + lm.batch_size]
            logits = _logits(lm.model, lm.inputs(block))
            found |= dict(zip(block, (logits[:, 0] - logits[:, 1]).tolist(), strict=True))
            bar.update(len(block))
    return np.array([found[text.ids, text.types] for text in texts])


def _logits(model: Any, inputs: dict[str, Any]) -> Floats:
    """Return the logits of one forward pass, shape (texts, 2): is next, is not."""
    import torch

    with torch.no_grad():
        output = model(**inputs)
    # A model with both heads of the pre-training names its logits; `logits` are others there.
    logits = getattr(output, "seq_relationship_logits", None)
    if logits is None and not type(model).__name__.endswith("ForPreTraining"):
        logits = getattr(output, "logits", None)
    rows = len(inputs["input_ids"])
    if logits is None or tuple(logits.shape) != (rows, 2):
        raise InputError(
            f"{type(model).__name__} gives no two logits for the next sentence; "
            f"{NEXT_SENTENCE_CURE}"
        )
    found: Floats = logits.cpu().to(torch.float64).numpy()
    if not np.isfinite(found).all():
        raise InputError(
            f"{type(model).__name__} gives a logit that is no number; its weights or its "
            "precision are not fit for this"
        )
    return found
