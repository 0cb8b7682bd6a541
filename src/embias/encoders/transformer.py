"""Vectors from any layer of a transformers model: of whole texts, or of a word in its text."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _tf_model as tf
from embias.encoders import _tf_options as options
from embias.encoders._compose import Composable
from embias.encoders._items import as_items, check_rows
from embias.encoders._model_hash import tokenizer_hash
from embias.encoders._options import as_id, as_optional_text
from embias.encoders._show import plain, shown
from embias.encoders._tf_items import as_requests, named
from embias.encoders._tf_load import load
from embias.encoders._tf_pool import Rules
from embias.encoders._tf_run import Choice, Runner
from embias.encoders._tf_shared import Shared
from embias.encoders._tf_tokens import tokenize
from embias.encoders._versions import versions
from embias.errors import InputError
from embias.types import EncoderInfo, Stimulus

__all__ = ["TransformerEncoder"]

Layer = int | Sequence[int] | Literal["embedding"]


class TransformerEncoder(Composable):
    """Vectors from a layer of a transformers model (encoder, decoder or encoder-decoder).

    Nothing is trained or fine-tuned here, and no code of a model's own is run. An
    encoder-decoder model is used by its encoder stack. Inputs are padded on the right with an
    attention mask, so that neither batch nor order move a vector by more than rounding.

    Parameters
    ----------
    model : str, os.PathLike, (tokenizer, model) or a model
        A folder, a hub id or ``"minilm"``, which is loaded in float32; or a tokenizer and a model
        of transformers, used as they are and in their own precision. Of a folder in which
        sentence-transformers keeps a model, the transformer alone is used.
    tokenizer : transformers tokenizer, optional
        For a model given as an object; for a folder or a hub id instead of its own.
    level : {"sentence", "word"}
        ``"sentence"``: one vector for a whole text. ``"word"``: the vector of the word of an
        :class:`~embias.types.InContext` inside its text, from the tokens whose characters overlap
        the word's; a plain text stands for a word that is the whole text.
    layer : int, list of int, or "embedding"
        The index of ``hidden_states``: 0 is the embedding layer (``"embedding"``; not
        contextual), l the output of block l, -1 the last (``last_hidden_state``). Of several
        layers the mean is taken, token by token.
    pooling : {"cls", "mean", "max", "last", "weighted-mean"}, optional
        For texts. ``"cls"``: the leading special token; ``"mean"``, ``"max"``: over the tokens;
        ``"last"``: the last token; ``"weighted-mean"``: token i of the input counts i times. By
        default ``"last"`` for a causal model, since only its last token has seen the text, else
        ``"mean"``.
    special_tokens : bool, optional
        Whether special tokens such as [CLS] and [SEP] are in the pool of a text; by default they
        are, as in most sentence-transformers. They are never tokens of a word.
    subtokens : {"mean", "first", "last"}, optional
        Of a word's tokens; by default ``"mean"``.
    prompt : str
        Text put before every input; spans of words are moved along.
    include_prompt : bool
        Whether the tokens of the prompt are in the pool of a text.
    long_inputs : {"error", "truncate", "window"}
        What to do with an input of more than `max_length` tokens. ``"truncate"`` keeps the first
        ones; a word that is cut off is an error. ``"window"``: a word gets the window that has it
        in the middle; a text is covered by overlapping windows, each with the special tokens and
        the prompt around it, and every token counts once: a token of the text is taken from the
        window in which it is furthest from an edge, leading specials and prompt from the first
        window, trailing specials from the last. For ``"cls"`` and ``"last"`` the windows' vectors
        are averaged, weighted by the tokens of the text taken from each. A text that fits is
        encoded as without windows.
    max_length : int, optional
        Tokens of an input, special tokens and prompt included; by default what model and
        tokenizer allow.
    window_overlap : int, optional
        Tokens of the text that neighbouring windows share at least; by default half of those in
        a window.
    device : str, optional
        Such as ``"cpu"`` or ``"cuda:0"``. By default CUDA where there is any, else the CPU; a
        model given as an object stays where it is.
    dtype : str or torch.dtype, optional
        ``"bfloat16"`` or ``"float16"`` for a model loaded to an accelerator; by default float32.
    batch_size : int
        Inputs per forward pass.
    id : str, optional
        The name in results; by default the folder's name, the hub id, or ``"transformer"``.
    revision : str, optional
        Of a hub id: the branch, tag or commit to load (the commit is recorded). Else: what to
        record instead of a hash of the content.
    weights : str, optional
        Official name of the weights; by default the hub id, if the model was given by one.

    Raises
    ------
    MissingExtraError
        When transformers or torch is not installed.
    UnknownNameError
        When there is no such folder or hub id (or, offline, it is not in the cache).
    DataFileError
        When a folder does not hold a complete model.
    InputError
        When an option breaks its rule, or does not fit the model or the tokenizer.
    """

    def __init__(
        self,
        model: Any,
        *,
        tokenizer: Any = None,
        level: Literal["sentence", "word"] = "sentence",
        layer: Layer = -1,
        pooling: Literal["cls", "mean", "max", "last", "weighted-mean"] | None = None,
        special_tokens: bool | None = None,
        subtokens: Literal["mean", "first", "last"] | None = None,
        prompt: str = "",
        include_prompt: bool = True,
        long_inputs: Literal["error", "truncate", "window"] = "error",
        max_length: int | None = None,
        window_overlap: int | None = None,
        device: str | None = None,
        dtype: Any = None,
        batch_size: int = 32,
        id: str | None = None,
        revision: str | None = None,
        weights: str | None = None,
    ) -> None:
        self._level = options.one_of("level", level, ("sentence", "word"))
        self._special_tokens = options.specials_of(level, special_tokens, pooling, subtokens)
        rules = Rules(self._special_tokens, options.truth("include_prompt", include_prompt))
        if not isinstance(prompt, str):
            raise InputError(f"prompt must be str, got {shown(prompt)}; give '' for no prompt")
        options.positive("batch_size", batch_size)
        as_optional_text("device", device)
        as_optional_text("revision", revision)
        as_optional_text("weights", weights)
        given = None if id is None else as_id(id)
        loaded = load(model, tokenizer, device, dtype, revision)
        self._loaded = loaded
        self._name = loaded.name if given is None else given
        self._weights = loaded.weights if weights is None else weights
        who = plain(self._name)
        options.check_offsets(
            loaded.tokenizer, level, rules.include_prompt, prompt, long_inputs, who
        )
        self._probe = tokenize(loaded.tokenizer, ["a"], prompt, who)[0]
        positions, stated = tf.positions_of(loaded.body), tf.length_of(loaded.tokenizer)
        self._runner = Runner(
            body=loaded.body,
            tokenizer=loaded.tokenizer,
            who=who,
            dim=tf.size_of(loaded.body, "hidden_size"),
            n_layers=tf.size_of(loaded.body, "num_hidden_layers"),
            prompt=prompt,
            lengths=options.lengths_of(
                long_inputs, max_length, window_overlap, positions, stated, self._probe
            ),
            rules=rules,
            batch_size=batch_size,
        )
        self._tokenizer_hash = tokenizer_hash(loaded.tokenizer)
        self._shared: Shared | None = None
        self._layer = layer
        self._choice = self._as_choice(layer, subtokens if level == "word" else pooling)
        self._info = self._describe(self._name)

    def _as_choice(self, layer: Any, pooling: Any) -> Choice:
        cls = getattr(self._loaded.tokenizer, "cls_token_id", None)
        return options.layers_of(layer, self.n_layers), options.pooling_of(
            pooling, self._level, self._loaded.family, self._probe, cls, self._special_tokens
        )

    def _describe(self, id: str) -> EncoderInfo:
        layers, pooling = self._choice
        runner, lengths = self._runner, self._runner.lengths
        by_window = f"window {lengths.limit}/{lengths.overlap}"
        prompted = bool(runner.prompt) and self._level == "sentence"
        left_out = prompted and not runner.rules.include_prompt
        return EncoderInfo(
            id=id,
            kind="token" if self._level == "word" else "sentence",
            dim=runner.dim,
            weights=self._weights,
            revision=self._loaded.revision,
            layer=options.layer_text(layers),
            pooling=options.pooling_text(pooling, self._level, self._special_tokens, left_out),
            special_tokens=self._special_tokens,
            prompt=runner.prompt or None,
            include_prompt=runner.rules.include_prompt if prompted else None,
            normalized=False,
            max_length=lengths.limit,
            long_inputs=by_window if lengths.rule == "window" else lengths.rule,
            dtype=str(next(runner.body.parameters()).dtype).removeprefix("torch."),
            backend="torch",
            tokenizer=self._tokenizer_hash,
            libraries=versions("torch", "transformers", "tokenizers"),
            notes=(*self._loaded.notes, *options.notes_of(self._loaded.family, layers)),
        )

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made."""
        return self._info

    @property
    def n_layers(self) -> int:
        """The number of blocks: layers go from 0 (embedding) to this number."""
        return self._runner.n_layers

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> NDArray[np.float32]:
        """Return one vector per item; each distinct text goes through the model once.

        Parameters
        ----------
        items : sequence of str or InContext
            Whole texts at the level of sentences, words in context at the level of words.
        progress : bool
            Whether to show a progress bar over the inputs.

        Returns
        -------
        ndarray of float32, shape (len(items), d)
            One finite row, not zero, per item, in order.

        Raises
        ------
        InputError
            When an item is of another kind, is blank, has no token, or is too long.
        VectorError
            When the model gives a vector that is zero or not finite; the item is named.
        """
        who = plain(self._info.id)
        requests = as_requests(items, self._level, who)
        if not requests:
            return np.empty((0, self._info.dim), dtype=np.float32)
        distinct = list(dict.fromkeys(requests))
        if self._shared is None:
            rows = self._runner.run(distinct, [self._choice], progress)[:, 0]
        else:
            rows = self._shared.rows(distinct, self._choice, progress)
        check_rows(rows, [named(one) for one in distinct], self._info.dim, who)
        place = {request: row for row, request in enumerate(distinct)}
        return np.ascontiguousarray(rows[[place[request] for request in requests]])

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return an empty list: every text has tokens.

        Parameters
        ----------
        items : sequence of str or InContext
            What is to be encoded.

        Returns
        -------
        list
            Always empty. Items that cannot be encoded at all are errors of :meth:`encode`.
        """
        as_items(items, plain(self._info.id))
        return []

    def how_encoded(self, item: Stimulus) -> str:
        """Return what was done to an item, ``""`` when nothing was.

        Parameters
        ----------
        item : str or InContext
            An item that can be encoded.

        Returns
        -------
        str
            Such as ``"3 windows"``, ``"a window of 510 of 700 tokens"`` (around a word),
            ``"cut to 510 of 700 tokens"`` (of the text, without special tokens and prompt), or
            ``"as the unknown token"`` when the tokenizer knows nothing of it.
        """
        request = as_requests([item], self._level, plain(self._info.id))[0]
        return self._runner.how_encoded(request, self._choice[1])

    def variants(
        self, *, layers: Sequence[Layer] | None = None, poolings: Sequence[str] | None = None
    ) -> list[TransformerEncoder]:
        """Return encoders for all combinations, which share one forward pass per text.

        The first of them that is asked for an item computes it for all of them, and they keep
        the vectors (items x variants x d x 4 bytes) until :meth:`forget`.

        Parameters
        ----------
        layers : sequence, optional
            As `layer` of the class; by default the encoder's own. ``range(n_layers + 1)`` are all.
        poolings : sequence of str, optional
            As `pooling` of the class, or `subtokens` at the level of words; by default the
            encoder's own.

        Returns
        -------
        list of TransformerEncoder
            Layer by layer, within a layer pooling by pooling, each with its own info and an id
            such as ``"NAME [layer 3, mean]"``.

        Raises
        ------
        InputError
            When a layer or a pooling does not exist or is named twice.
        """
        wanted = [self._layer] if layers is None else options.listed("layers", layers)
        modes = [self._choice[1]] if poolings is None else options.listed("poolings", poolings)
        choices = [self._as_choice(layer, mode) for layer in wanted for mode in modes]
        if len(set(choices)) < len(choices):
            raise InputError(
                f"variants: layers={shown(layers)}, poolings={shown(poolings)} name one "
                "combination twice; name each layer and each pooling once"
            )
        shared = Shared(self._runner, choices)
        return [self._variant(choice, shared) for choice in choices]

    def _variant(self, choice: Choice, shared: Shared) -> TransformerEncoder:
        variant = copy.copy(self)
        variant._choice, variant._shared = choice, shared
        layers, pooling = choice
        numbers = ",".join(str(layer) for layer in layers)
        which = f"layer {numbers}" if len(layers) == 1 else f"layers {numbers}"
        short = options.short_pooling(pooling, self._level)
        variant._info = variant._describe(f"{self._name} [{which}, {short}]")
        return variant

    def levels(
        self,
        *,
        layer: Layer = -1,
        subtokens: Literal["mean", "first", "last"] = "mean",
        pooling: Literal["cls", "mean", "max", "last", "weighted-mean"] | None = None,
    ) -> tuple[TransformerEncoder, TransformerEncoder, TransformerEncoder]:
        """Return encoders of the word alone, of the word in its sentence, and of whole sentences.

        They share the model and its passes: a sentence that was run for a word is not run again
        for itself. Vectors are kept until :meth:`forget`.

        Parameters
        ----------
        layer
            As for the class; that of all three.
        subtokens : {"mean", "first", "last"}
            As for the class; that of the word, alone and in its sentence.
        pooling : {"cls", "mean", "max", "last", "weighted-mean"}, optional
            As for the class; that of the whole sentence.

        Returns
        -------
        tuple of three TransformerEncoder
            ``"NAME [context-free]"``, to be given words, ``"NAME [word in context]"``, to be given
            :class:`~embias.types.InContext`, and ``"NAME [sentence]"``, to be given texts. The
            first two do the same and differ in what they are given.

        Raises
        ------
        InputError
            When layer, sub-token rule or pooling does not exist or does not fit the model, or the
            tokenizer does not tell the places of tokens.
        """
        rules, lengths = self._runner.rules, self._runner.lengths
        options.check_offsets(
            self._loaded.tokenizer,
            "word",
            rules.include_prompt,
            self._runner.prompt,
            lengths.rule,
            plain(self._name),
        )
        specials = self._special_tokens if self._level == "sentence" else True
        alone = self._at("word", False, layer, subtokens, "context-free")
        word = self._at("word", False, layer, subtokens, "word in context")
        sentence = self._at("sentence", specials, layer, pooling, "sentence")
        shared = Shared(sentence._runner, [sentence._choice], [word._choice])
        alone._info = replace(alone._info, notes=(*alone._info.notes, options.ALONE_NOTE))
        alone._shared = word._shared = sentence._shared = shared
        return alone, word, sentence

    def _at(
        self, level: str, specials: bool, layer: Layer, pooling: str | None, label: str
    ) -> TransformerEncoder:
        made = copy.copy(self)
        made._level, made._special_tokens, made._layer = level, specials, layer
        made._runner = replace(
            self._runner, rules=replace(self._runner.rules, special_tokens=specials)
        )
        made._choice = made._as_choice(layer, pooling)
        made._info = made._describe(f"{self._name} [{label}]")
        return made

    def forget(self) -> None:
        """Drop the vectors that variants or levels keep; without effect on other encoders.

        They are kept together for all encoders of one call of :meth:`variants` or :meth:`levels`.
        """
        if self._shared is not None:
            self._shared.memo.clear()

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"TransformerEncoder(id={self._info.id!r}, {self._info.dim} coordinates)"
