"""Forward passes: each distinct text once, long before short, only the layers asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _tf_pool as pool
from embias.encoders._inference import for_inference
from embias.encoders._quiet import quiet
from embias.encoders._show import shown
from embias.encoders._tf_items import Request, Span
from embias.encoders._tf_pool import Part, Rules
from embias.encoders._tf_tokens import (
    Integers,
    Tokens,
    around,
    owners,
    pieces,
    some,
    span_tokens,
    tokenize,
    windows,
)
from embias.errors import InputError, VectorError

Choice = tuple[tuple[int, ...], str]  # layers to average, pooling


@dataclass(frozen=True, slots=True)
class Lengths:
    """What is done about long inputs: ``"error"``, ``"truncate"`` or ``"window"``."""

    limit: int | None
    rule: str
    overlap: int

    def room(self, tokens: Tokens, who: str) -> int:
        """Return how many tokens of the text fit beside the specials and the prompt."""
        if self.limit is None or len(tokens) <= self.limit:
            return tokens.tail - tokens.head
        room = self.limit - (len(tokens) - (tokens.tail - tokens.head))
        if room < 1:
            raise InputError(
                f"{who}: max_length={self.limit} leaves no room for {shown(tokens.text)} beside "
                "special tokens and prompt; raise it or shorten the prompt"
            )
        return room


@dataclass(slots=True)
class _Pass:
    """One input of the model, and what is read from it: (item, pooling to part)."""

    tokens: Tokens
    take: Integers
    reads: list[tuple[int, dict[str, Part]]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Runner:
    """A model with everything that decides about its passes except layer and pooling."""

    body: Any
    tokenizer: Any
    who: str
    dim: int
    n_layers: int
    prompt: str
    lengths: Lengths
    rules: Rules
    batch_size: int

    def run(
        self,
        requests: Sequence[Request],
        choices: Sequence[Choice],
        progress: bool,
        of_words: Sequence[Choice] | None = None,
    ) -> NDArray[np.float32]:
        """Return vectors of shape (len(requests), len(choices), d) from one pass per input.

        Requests with a word are read by `of_words` where it is given, as many as `choices`.
        """
        words = choices if of_words is None else of_words
        asked = [choices if span is None else words for _, span in requests]
        passes = self._passes(requests, asked)
        rows: list[list[NDArray[np.float32]]] = [[] for _ in requests]
        shares: list[list[dict[str, Part]]] = [[] for _ in requests]
        for one, parts, found in self._read(passes, asked, progress):
            rows[one].append(found)
            shares[one].append(parts)
        vectors = np.empty((len(requests), len(choices), self.dim), dtype=np.float32)
        for item, own in enumerate(asked):
            for column, (_, name) in enumerate(own):
                vectors[item, column] = pool.combined(
                    [found[column] for found in rows[item]],
                    [parts[name].share for parts in shares[item]],
                    name,
                )
        return vectors

    # --- what is run and what is read from it ---

    def tokens_of(self, texts: Sequence[str]) -> list[Tokens]:
        """Return the tokens of texts, checked against the model's table of embeddings."""
        found = tokenize(self.tokenizer, texts, self.prompt, self.who)
        known = _vocabulary_size(self.body)
        for tokens in found:
            if known is not None and int(tokens.ids.max()) >= known:
                raise InputError(
                    f"{self.who}: the tokenizer gives {shown(tokens.text)} the token "
                    f"{int(tokens.ids.max())}, the model has only {known}; model and tokenizer do "
                    "not belong together"
                )
        return found

    def _passes(
        self, requests: Sequence[Request], asked: Sequence[Sequence[Choice]]
    ) -> list[_Pass]:
        texts = list(dict.fromkeys(text for text, _ in requests))
        tokens_of = dict(zip(texts, self.tokens_of(texts), strict=True))
        passes: dict[tuple[str, Span], _Pass] = {}
        for item, (text, span) in enumerate(requests):
            tokens = tokens_of[text]
            poolings = list(dict.fromkeys(name for _, name in asked[item]))
            for window, parts in self.plan(tokens, span, poolings):
                key = (text, window)
                if key not in passes:
                    passes[key] = _Pass(tokens, pool.taken(tokens, window))
                passes[key].reads.append((item, parts))
        # Long inputs first: when memory does not suffice, that shows at once.
        return sorted(passes.values(), key=lambda one: -len(one.take))

    def plan(
        self, tokens: Tokens, span: Span | None, poolings: Sequence[str]
    ) -> list[tuple[Span, dict[str, Part]]]:
        """Return the windows that an item needs and what is read from each."""
        room = self.lengths.room(tokens, self.who)
        start, stop = tokens.head, tokens.tail
        if stop - start > room and self.lengths.rule == "error":
            raise InputError(
                f"{self.who}: the text {shown(tokens.text[tokens.prompt :])} has {len(tokens)} "
                f"tokens{' with its prompt' if self.prompt else ''}, the limit is "
                f"{self.lengths.limit}; shorten it, or give long_inputs='window' or 'truncate'"
            )
        if span is not None:
            return [self._plan_of_word(tokens, span, room, poolings)]
        if self.lengths.rule == "truncate":
            stop = start + room
        intervals = windows(start, stop, room, self.lengths.overlap)
        parts = pool.text_parts(tokens, intervals, owners(intervals), poolings, self.rules)
        return list(zip(intervals, parts, strict=True))

    def _plan_of_word(
        self, tokens: Tokens, span: Span, room: int, poolings: Sequence[str]
    ) -> tuple[Span, dict[str, Part]]:
        found = span_tokens(self.tokenizer, tokens, *span, self.who)
        first, last = int(found[0]), int(found[-1])
        if self.lengths.rule == "window":
            window = around(first, last, tokens.head, tokens.tail, room)
        else:
            window = (tokens.head, tokens.head + room)
        if first < window[0] or last >= window[1]:
            written = pieces(self.tokenizer, tokens)
            word = tokens.text[tokens.prompt :][span[0] : span[1]]
            raise InputError(
                f"{self.who}: the word {shown(word)} at [{span[0]}, {span[1]}) of "
                f"{shown(tokens.text[tokens.prompt :])} is token {first} to {last} "
                f"({some(written[first : last + 1])}), of which max_length={self.lengths.limit} "
                f"leaves {window[0]} to {window[1] - 1}; "
                + ("raise max_length" if self.lengths.rule == "window" else "use 'window'")
            )
        take = pool.taken(tokens, window)
        return window, {name: pool.word_part(found, take, name) for name in poolings}

    def how_encoded(self, request: Request, pooling: str) -> str:
        """Return what is done to one item, ``""`` when nothing is."""
        text, span = request
        tokens = self.tokens_of([text])[0]
        plan = self.plan(tokens, span, [pooling])
        if len(plan) > 1:
            return f"{len(plan)} windows"
        (start, stop), size = plan[0][0], tokens.tail - tokens.head
        if stop - start < size:
            verb = "cut to" if self.lengths.rule == "truncate" else "a window of"
            return f"{verb} {stop - start} of {size} tokens"
        own = np.arange(tokens.head, tokens.tail)
        if span is not None:
            own = span_tokens(self.tokenizer, tokens, *span, self.who)
        unknown = self.tokenizer.unk_token_id
        known = unknown is None or bool((tokens.ids[own] != unknown).any())
        return "" if known else "as the unknown token"

    # --- the passes themselves ---

    def _read(
        self, passes: list[_Pass], asked: Sequence[Sequence[Choice]], progress: bool
    ) -> Iterator[tuple[int, dict[str, Part], NDArray[np.float32]]]:
        import torch
        from tqdm import tqdm

        mixes = list(dict.fromkeys(layers for own in asked for layers, _ in own))
        with (
            for_inference(self.body),
            quiet(),
            tqdm(total=len(passes), disable=not progress) as bar,
        ):
            for start in range(0, len(passes), self.batch_size):
                batch = passes[start : start + self.batch_size]
                with torch.no_grad():
                    layers = self._layers(batch, mixes)
                    reads, found = [], []
                    for row, one in enumerate(batch):
                        hidden = {mix: layers[mix][row, : len(one.take)] for mix in mixes}
                        for item, parts in one.reads:
                            reads.append((item, parts))
                            found += [
                                pool.pooled(hidden[mix], parts[name]) for mix, name in asked[item]
                            ]
                    rows = torch.stack(found).cpu().numpy().reshape(len(reads), len(asked[0]), -1)
                for (item, parts), vectors in zip(reads, rows, strict=True):
                    yield item, parts, vectors
                bar.update(len(batch))

    def _layers(
        self, batch: list[_Pass], mixes: list[tuple[int, ...]]
    ) -> dict[tuple[int, ...], Any]:
        """Return the mean of the layers of each mix in float32, shape (batch, tokens, d)."""
        import torch

        wanted = {layer for mix in mixes for layer in mix}
        inner = wanted - {self.n_layers}
        output = self.body(**self._inputs(batch), output_hidden_states=bool(inner))
        states = {self.n_layers: self._last_of(output)}
        if inner:
            self._check_states(output.hidden_states)
            states |= {layer: output.hidden_states[layer] for layer in inner}
        del output
        ready = {layer: states[layer].to(torch.float32) for layer in wanted}
        return {mix: sum(ready[layer] for layer in mix) / len(mix) for mix in mixes}

    def _last_of(self, output: Any) -> Any:
        state = getattr(output, "last_hidden_state", None)
        if state is None or state.ndim != 3 or state.shape[-1] != self.dim:
            got = "none" if state is None else f"one of shape {tuple(state.shape)}"
            raise VectorError(
                f"{self.who}: expected a last_hidden_state of shape (texts, tokens, {self.dim}), "
                f"the model gave {got}; give a model as AutoModel loads it"
            )
        return state

    def _check_states(self, states: Any) -> None:
        count = None if states is None else len(states)
        if count != self.n_layers + 1:
            raise VectorError(
                f"{self.who}: the model gave {count} hidden states, its configuration says "
                f"{self.n_layers} layers and so {self.n_layers + 1}; only layer=-1 can be used"
            )
        widths = {state.shape[-1] for state in states}
        if widths != {self.dim}:
            raise VectorError(
                f"{self.who}: the layers of the model have different widths {sorted(widths)}; only "
                "layer=-1 can be used"
            )

    def _inputs(self, batch: list[_Pass]) -> dict[str, Any]:
        """Return the batch padded on the right, where no token that counts sees the padding."""
        import torch

        shape = (len(batch), max(len(one.take) for one in batch))
        ids = np.full(shape, _padding(self.tokenizer, self.body), dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        types = np.zeros(shape, dtype=np.int64)
        for row, one in enumerate(batch):
            ids[row, : len(one.take)] = one.tokens.ids[one.take]
            mask[row, : len(one.take)] = 1
            if one.tokens.types is not None:
                types[row, : len(one.take)] = one.tokens.types[one.take]
        inputs = {"input_ids": ids, "attention_mask": mask}
        accepted = _accepted(self.body)
        if batch[0].tokens.types is not None and "token_type_ids" in accepted:
            inputs["token_type_ids"] = types
        device = next(self.body.parameters()).device
        tensors: dict[str, Any] = {n: torch.from_numpy(a).to(device) for n, a in inputs.items()}
        return tensors | ({"use_cache": False} if "use_cache" in accepted else {})


def _accepted(body: Any) -> frozenset[str]:
    import inspect

    return frozenset(inspect.signature(type(body).forward).parameters)


def _vocabulary_size(body: Any) -> int | None:
    try:
        return int(body.get_input_embeddings().num_embeddings)
    except (AttributeError, NotImplementedError):
        return None


def _padding(tokenizer: Any, body: Any) -> int:
    """Return a token to pad with; which one has no part in the vectors, it must only exist."""
    known = _vocabulary_size(body)
    for token in (tokenizer.pad_token_id, getattr(body.config, "pad_token_id", None)):
        if isinstance(token, int) and token >= 0 and (known is None or token < known):
            return token
    return 0
