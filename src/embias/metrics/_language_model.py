"""A masked or causal language model of the caller's, asked for log-probabilities of tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from embias.errors import InputError, MissingExtraError
from embias.metrics._encoded_text import Encoded, Query, begun, words_of
from embias.metrics._model_facts import (
    CURE,
    Kind,
    accepted_by,
    device_of,
    for_inference,
    kind_of,
    logits_of,
    longest_of,
    vocabulary_of,
)
from embias.stats.inputs import check_size

__all__ = [
    "Encoded",
    "LanguageModel",
    "Query",
    "checked_pair",
    "language_model",
    "log_sum",
]

Floats: TypeAlias = NDArray[np.float64]

#: Log-probabilities of one token under two futures that differ by less are the same number.
_SAME = 0.01
#: Rows of the vocabulary in float64 at a time, which bounds the memory.
_ROWS = 256


@dataclass(frozen=True)
class LanguageModel:
    """The model, its tokenizer, and what was found out about them."""

    tokenizer: Any
    model: Any
    kind: Kind
    batch_size: int
    progress: bool
    longest: int | None
    start: int | None

    def encode(self, texts: Sequence[str]) -> list[Encoded]:
        """Return the tokens of every text; refuse a text that is empty, too long or masked."""
        if not texts:
            return []
        for text in texts:
            _refuse_surrogates(text)
        fast = bool(getattr(self.tokenizer, "is_fast", False))
        batch = self.tokenizer(
            list(texts),
            add_special_tokens=True,
            truncation=False,
            padding=False,
            return_special_tokens_mask=True,
            return_offsets_mapping=fast,
        )
        return [self._encoded(text, batch, row, fast) for row, text in enumerate(texts)]

    def encode_pairs(self, firsts: Sequence[str], seconds: Sequence[str]) -> list[Encoded]:
        """Return the tokens of two texts in one sequence, told apart by their types."""
        # One by one first: a text without tokens would be hidden by the other one.
        self.encode([*firsts, *seconds])
        batch = self.tokenizer(
            list(firsts),
            list(seconds),
            add_special_tokens=True,
            truncation=False,
            padding=False,
            return_special_tokens_mask=True,
            return_token_type_ids=True,
        )
        texts = [f"{first} {second}" for first, second in zip(firsts, seconds, strict=True)]
        return [self._encoded(text, batch, row, False) for row, text in enumerate(texts)]

    def _encoded(self, text: str, batch: Any, row: int, fast: bool) -> Encoded:
        types = batch.get("token_type_ids")
        spans = tuple((a, b) for a, b in batch["offset_mapping"][row]) if fast else None
        found = Encoded(
            text,
            tuple(batch["input_ids"][row]),
            None if types is None else tuple(types[row]),
            tuple(bool(flag) for flag in batch["special_tokens_mask"][row]),
            spans,
            None if spans is None else words_of(text, spans, batch.word_ids(row)),
        )
        if self.kind == "causal" and self.start is not None and found.special[:1] != (True,):
            found = begun(found, self.start)
        self._check(found)
        return found

    def _check(self, found: Encoded) -> None:
        if not found.own:
            raise InputError(f"the tokenizer makes no token of the text {found.text!r:.80}")
        if self.longest is not None and len(found.ids) > self.longest:
            raise InputError(
                f"the text {found.text!r:.80} has {len(found.ids)} tokens and the model takes "
                f"{self.longest}; nothing is cut, so shorten it"
            )
        if self.kind == "masked" and self.tokenizer.mask_token_id in found.ids:
            raise InputError(
                f"the text {found.text!r:.80} holds the mask token itself, which has no likelihood"
            )

    def is_unknown(self, token: int) -> bool:
        """Whether the token stands for what is not in the vocabulary."""
        return self.kind == "masked" and token == getattr(self.tokenizer, "unk_token_id", None)

    def scored(self, found: Encoded) -> list[int]:
        """Positions of the text that have a probability: all but one with nothing before it."""
        return [at for at in found.own if self.kind == "masked" or at > 0]

    def hidden(self, found: Encoded, at: Sequence[int], asked: Sequence[int]) -> Query:
        """Return the question for the tokens at `asked` with those at `at` masked."""
        masked = set(at)
        mask = int(self.tokenizer.mask_token_id)
        ids = tuple(mask if place in masked else token for place, token in enumerate(found.ids))
        return Query(ids, found.types, tuple(asked), tuple(found.ids[place] for place in asked))

    def log_probabilities(self, queries: Sequence[Query]) -> list[Floats]:
        """Return the answer to every query, natural logarithms in float64, in their order.

        Queries about one sequence share one forward pass; sequences of similar length share a
        batch, padded on the right under an attention mask.
        """
        from tqdm import tqdm

        passes: dict[tuple[Any, Any], list[int]] = {}
        for number, query in enumerate(queries):
            if query.at:
                passes.setdefault((query.ids, query.types), []).append(number)
        order = sorted(passes, key=lambda key: len(key[0]))
        answers: list[Floats] = [np.empty(0)] * len(queries)
        bar = tqdm(total=len(order), disable=not self.progress, desc="scoring", unit="pass")
        with for_inference(self.model), bar:
            for start in range(0, len(order), self.batch_size):
                keys = order[start : start + self.batch_size]
                asked = [(row, n) for row, key in enumerate(keys) for n in passes[key]]
                found = self._run(keys, [(row, queries[n]) for row, n in asked])
                for (_, number), answer in zip(asked, found, strict=True):
                    answers[number] = answer
                bar.update(len(keys))
        return answers

    def _run(self, keys: Sequence[Any], asked: Sequence[tuple[int, Query]]) -> list[Floats]:
        import torch

        # The logits of a causal model at one position are about the token after it.
        back = 1 if self.kind == "causal" else 0
        rows = [row for row, query in asked for _ in query.at]
        places = [at - back for _, query in asked for at in query.at]
        targets = [target for _, query in asked for target in query.targets]
        logits = logits_of(self.model, self.inputs(keys))
        if max(targets) >= logits.shape[-1]:
            raise InputError(
                f"token {max(targets)} is none of the model's {logits.shape[-1]}; the tokenizer "
                "is not the model's own"
            )
        found = []
        for first in range(0, len(rows), _ROWS):
            block = slice(first, first + _ROWS)
            # Off the device first: not every device has float64.
            chosen = logits[rows[block], places[block]].cpu().to(torch.float64)
            wanted = chosen.gather(1, torch.tensor(targets[block])[:, None])[:, 0]
            found.append((wanted - torch.logsumexp(chosen, dim=1)).numpy())
        values: Floats = np.concatenate(found)
        if not np.isfinite(values).all():
            bad = int(np.flatnonzero(~np.isfinite(values))[0])
            raise InputError(
                f"the model gives token {targets[bad]} the log-probability {values[bad]}; its "
                "weights or its precision are not fit for likelihoods"
            )
        ends = np.cumsum([len(query.at) for _, query in asked])[:-1]
        return list(np.split(values, ends))

    def inputs(self, keys: Sequence[Any]) -> dict[str, Any]:
        """Return one batch of sequences, each of its ids and types, padded on the right."""
        import torch

        shape = (len(keys), max(len(ids) for ids, _ in keys))
        padding = getattr(self.tokenizer, "pad_token_id", None)
        ids = np.full(shape, 0 if padding is None else padding, dtype=np.int64)
        mask, types = (np.zeros(shape, dtype=np.int64) for _ in range(2))
        for row, (own, own_types) in enumerate(keys):
            ids[row, : len(own)] = own
            mask[row, : len(own)] = 1
            if own_types is not None:
                types[row, : len(own)] = own_types
        size = vocabulary_of(self.model)
        if size is not None:
            if ids[mask == 1].max() >= size:
                raise InputError(
                    f"token {ids[mask == 1].max()} is none of the model's {size}; the tokenizer "
                    "is not the model's own"
                )
            ids[(mask == 0) & (ids >= size)] = 0
        given = {"input_ids": ids, "attention_mask": mask}
        if keys[0][1] is not None:
            given["token_type_ids"] = types
        accepts = accepted_by(self.model)
        device = device_of(self.model)
        tensors: dict[str, Any] = {
            name: torch.from_numpy(array).to(device)
            for name, array in given.items()
            if accepts(name)
        }
        return tensors


def language_model(pair: Any, who: str, *, batch_size: int, progress: bool) -> LanguageModel:
    """Return the caller's pair as a language model, after checking what kind it is.

    Parameters
    ----------
    pair : tuple of (tokenizer, model)
        As transformers loads them; the model is used on its device and in its precision.
    who : str
        Name of the metric, for errors.
    batch_size : int
        Sequences in one forward pass.
    progress : bool
        Show a progress bar.

    Raises
    ------
    InputError
        No such pair; a model without a head for tokens; a causal model that sees what comes next.
    MissingExtraError
        torch is not installed.
    """
    tokenizer, model = checked_pair(pair, who, batch_size=batch_size)
    kind = kind_of(model, who)
    if kind == "masked" and getattr(tokenizer, "mask_token_id", None) is None:
        raise InputError(f"{who}: the model is a masked one and the tokenizer has no mask token")
    start = None
    if kind == "causal":
        start = getattr(tokenizer, "bos_token_id", None)
        if start is None:
            start = getattr(getattr(model, "config", None), "bos_token_id", None)
    found = LanguageModel(
        tokenizer, model, kind, int(batch_size), progress, longest_of(tokenizer, model), start
    )
    if kind == "causal":
        _refuse_two_sided(found, who)
    return found


def checked_pair(pair: Any, who: str, *, batch_size: int, cure: str = CURE) -> tuple[Any, Any]:
    """Return a tokenizer and a model, after checking that they are a pair of the two."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise MissingExtraError(f"the metric {who}", "torch", "contextual") from error
    check_size("batch_size", batch_size)
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InputError(f"{who}: model is of type {type(pair).__name__}; {cure}")
    tokenizer, model = pair
    if not callable(tokenizer) or not hasattr(tokenizer, "convert_ids_to_tokens"):
        swapped = " (are the two in the other order?)" * hasattr(model, "convert_ids_to_tokens")
        raise InputError(f"{who}: {type(tokenizer).__name__} is not a tokenizer{swapped}; {cure}")
    return tokenizer, model


def log_sum(values: Floats) -> float:
    """Return the logarithm of a sum of probabilities that are given as logarithms."""
    return float(np.logaddexp.reduce(values))


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InputError(
            f"the text {text!r:.80} holds half of a character at {error.start}; repair the text"
        ) from error


def _refuse_two_sided(found: LanguageModel, who: str) -> None:
    """Refuse a causal head on a model that reads both ways: every token would be given away."""
    last = [(0, 1, 2), (0, 1, 3)]
    queries = [Query(ids, None, (1,), (1,)) for ids in last]
    queries += [Query(ids, None, (2,), (2,)) for ids in last]
    first, other, second, third = replace(found, progress=False).log_probabilities(queries)
    apart = max(abs(first[0] - other[0]), abs(second[0] - third[0]))
    if apart > _SAME:
        raise InputError(
            f"{who}: {type(found.model).__name__} lets a token see what comes after it, so that "
            "its likelihoods are no likelihoods; load the model with AutoModelForMaskedLM, or "
            "with is_decoder=True if it was trained so"
        )
