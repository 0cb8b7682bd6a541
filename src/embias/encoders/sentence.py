"""Vectors of whole texts from sentence-transformers models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _st_facts as facts
from embias.encoders import _st_model as st
from embias.encoders._compose import Composable
from embias.encoders._inference import for_inference
from embias.encoders._items import as_items, as_texts, check_rows, quoted
from embias.encoders._model_hash import object_hash, tokenizer_hash
from embias.encoders._options import as_id, as_optional_text
from embias.encoders._quiet import quiet
from embias.encoders._show import plain, shown
from embias.encoders._st_kinds import MULTI_VECTOR, check_kind, kind_of_object
from embias.encoders._st_multivector import POOLING, mean_vectors
from embias.encoders._st_options import Options
from embias.encoders._tokenizer_check import refuse_made_up, tokenizers_of
from embias.encoders._versions import versions
from embias.errors import InputError, VectorError
from embias.types import EncoderInfo, Stimulus

__all__ = ["SentenceTransformerEncoder"]


class SentenceTransformerEncoder(Composable):
    """One vector for a whole text, from a sentence-transformers model.

    Parameters
    ----------
    model : str, os.PathLike, SentenceTransformer or MultiVectorEncoder
        A folder, a hub id, or a model of sentence-transformers. What is loaded here never runs
        code that comes with a model. A model given as an object is used as it is, in its own
        number type and backend; do not change it while the encoder is in use.
    id : str, optional
        The name in results; by default the folder's name, the hub id, or
        ``"sentence-transformer"`` for an object.
    device : str, optional
        Such as ``"cpu"`` or ``"cuda:0"``; by default the library's choice. A model given as an
        object is moved there.
    batch_size : int
        Texts per forward pass; moves coordinates by rounding only (about 1e-7).
    prompt : str, optional
        Text put before every input; ``""`` for none. By default the model's own default prompt,
        if it has one. It is recorded in ``info.prompt`` either way.
    prompt_name : str, optional
        Name of one of the model's prompts, instead of `prompt`; its text is recorded.
    pool : {"mean"}, optional
        For a multi-vector (late interaction) model, which has one vector per token and none for
        a text: take the mean of the token vectors. Such a model is refused without it.
    truncate_dim : int, optional
        Keep only the first coordinates. Where the model ends in a Normalize module the shortened
        vectors are scaled to unit length again. By default the model's own setting.
    max_length : int, optional
        Longest input in tokens, with prompt and special tokens; at most the model's own limit,
        which is the default.
    long_inputs : {"error", "truncate"}
        What is done to a longer text. A text that is cut is reported by :meth:`how_encoded`.
    dtype : {"float32", "float16", "bfloat16"}
        Number type in which a model is loaded, whatever its files hold. Half precision keeps 3
        (``float16``) or 2 (``bfloat16``) significant digits, which moves results.
    backend : {"torch", "onnx", "openvino"}
        What runs the model; the other two need packages of their own.
    revision : str, optional
        Of a hub id: the branch, tag or commit to load (the commit is recorded). Of a folder or
        an object: what to record instead of a hash of its content.
    weights : str, optional
        Official name of the weights; by default the hub id, if the model was given by one.

    Raises
    ------
    MissingExtraError
        When sentence-transformers is not installed.
    UnknownNameError
        When there is no such folder or hub id (or, offline, it is not in the cache), or the model
        has no prompt of that name.
    DataFileError
        When a folder does not hold a model that can be loaded.
    InputError
        When an option breaks its rule, the model needs code of its own, the packages of `backend`
        are not installed, or the model gives no dense vectors (CrossEncoder, SparseEncoder).
    """

    def __init__(
        self,
        model: Any,
        *,
        id: str | None = None,
        device: str | None = None,
        batch_size: int = 32,
        prompt: str | None = None,
        prompt_name: str | None = None,
        pool: Literal["mean"] | None = None,
        truncate_dim: int | None = None,
        max_length: int | None = None,
        long_inputs: Literal["error", "truncate"] = "error",
        dtype: Literal["float32", "float16", "bfloat16"] = "float32",
        backend: Literal["torch", "onnx", "openvino"] = "torch",
        revision: str | None = None,
        weights: str | None = None,
    ) -> None:
        options = Options(
            batch_size,
            prompt,
            prompt_name,
            pool,
            truncate_dim,
            max_length,
            long_inputs,
            dtype,
            backend,
        )
        if id is not None:
            id = as_id(id)
        as_optional_text("revision", revision)
        as_optional_text("weights", weights)
        loaded = _loaded(model, device, revision, options)
        self._model = loaded.model
        self._device = device
        self._batch_size = batch_size
        self._pool = pool
        who = plain(loaded.name if id is None else id)
        self._prompt = options.prompt_text(self._model, who)
        self._truncate_dim = options.coordinates(self._model, who)
        self._limit = options.limit(self._model, who)
        self._long_inputs = long_inputs
        self._renormalize = facts.ends_normalized(self._model) and self._truncate_dim is not None
        self._bare = self._room(who)
        self._info = self._describe(loaded, loaded.name if id is None else id, weights)

    def _room(self, who: str) -> int | None:
        """Return how many tokens there are without a text; refuse a limit that leaves no room."""
        counts = facts.token_counts(self._model, [self._prompt])
        if counts is None:
            return None
        if self._limit is not None and counts[0] >= self._limit:
            raise InputError(
                f"{who}: at most {self._limit} tokens are taken, and special tokens and prompt "
                f"are {counts[0]} of them, which leaves no room for a text; give a larger "
                "max_length or a shorter prompt"
            )
        return counts[0]

    def _describe(self, loaded: st.Loaded, id: str, weights: str | None) -> EncoderInfo:
        model = loaded.model
        static = facts.is_static(model)
        dim = self._truncate_dim or facts.full_dimension(model)
        dtype, backend = facts.dtype_of(model), str(getattr(model, "backend", "torch"))
        packages = {"onnx": ("optimum", "onnxruntime"), "openvino": ("optimum", "openvino")}
        return EncoderInfo(
            id=id,
            kind="static" if static else "sentence",
            dim=self._rows(["word"], progress=False).shape[1] if dim is None else dim,
            weights=loaded.weights if weights is None else weights,
            revision=loaded.revision,
            pooling=facts.pooling_of(model, self._prompt) if self._pool is None else POOLING,
            special_tokens=not static,
            prompt=self._prompt or None,
            truncate_dim=self._truncate_dim,
            precision=dtype or "float32",
            normalized=facts.ends_normalized(model) and self._pool is None,
            max_length=self._limit,
            long_inputs=None if self._limit is None else self._long_inputs,
            include_prompt=facts.prompt_in_pool(model, self._prompt),
            dtype=dtype,
            backend=backend,
            tokenizer=tokenizer_hash(getattr(model, "tokenizer", None)),
            libraries=versions(
                "sentence-transformers", "transformers", "torch", *packages.get(backend, ())
            ),
            notes=loaded.notes,
        )

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made."""
        return self._info

    @property
    def model(self) -> Any:
        """The model of sentence-transformers; do not change it while the encoder is in use."""
        return self._model

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> NDArray[np.float32]:
        """Return one vector per text; each distinct text is computed once.

        Parameters
        ----------
        items : sequence of str
            Whole texts.
        progress : bool
            Whether to show a progress bar over the batches.

        Returns
        -------
        ndarray of float32, shape (len(items), d)
            One finite row, not zero, per text, in order.

        Raises
        ------
        InputError
            When an item is not a text, is blank, is a word in context, or has more tokens than
            are taken (unless ``long_inputs="truncate"``).
        VectorError
            When the model gives a vector that is zero or not finite, or its tokenizer leaves
            nothing of a text; the text is named.
        """
        who = plain(self._info.id)
        texts = as_texts(items, who)
        if not texts:
            return np.empty((0, self._info.dim), dtype=np.float32)
        place = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        distinct = list(place)
        self._check_tokens(distinct)
        rows = self._rows(distinct, progress=progress)
        check_rows(rows, distinct, self._info.dim, who)
        return rows if len(distinct) == len(texts) else rows[[place[text] for text in texts]]

    def _rows(self, texts: list[str], *, progress: bool) -> NDArray[np.float32]:
        options: dict[str, Any] = {
            "prompt": self._prompt,  # always given: the model's own choice would be silent
            "batch_size": self._batch_size,
            "show_progress_bar": progress,
            "device": self._device,
        }
        if self._limit is not None and self._limit != facts.max_length_of(self._model):
            limits = {"max_length": self._limit, "truncation": "longest_first"}
            options["processing_kwargs"] = {"text": limits}
        with quiet(), for_inference(self._model):
            if self._pool is not None:
                return mean_vectors(self._model, texts, **options)
            rows = self._model.encode(
                texts,
                convert_to_numpy=True,
                normalize_embeddings=self._renormalize,
                truncate_dim=self._truncate_dim,
                **options,
            )
        return np.asarray(rows, dtype=np.float32)

    def _check_tokens(self, texts: list[str]) -> None:
        """Refuse texts of which something, or everything, would not reach the model."""
        if self._info.kind == "static" and not self._prompt and facts.keeps_zero(self._model):
            return  # without a limit, and nothing of a text shows as a zero vector
        counts = facts.token_counts(self._model, [self._prompt + text for text in texts])
        if counts is None or self._bare is None:
            return
        nothing = [text for text, n in zip(texts, counts, strict=True) if n <= self._bare]
        if nothing:
            self._refuse_nothing(nothing)
        if self._limit is None or self._long_inputs == "truncate":
            return
        for text, count in zip(texts, counts, strict=True):
            if count > self._limit:
                raise InputError(
                    f"{plain(self._info.id)}: the text {shown(text)} has {count} tokens"
                    f"{' with its prompt' if self._prompt else ''}, the model takes at most "
                    f"{self._limit} and would cut it silently; shorten the text, or give "
                    "long_inputs='truncate' to the encoder"
                )

    def _refuse_nothing(self, texts: list[str]) -> None:
        """Refuse those without tokens of their own (a prompt may also have merged with one)."""
        alone = facts.token_counts(self._model, ["", *texts]) or []
        empty = [text for text, n in zip(texts, alone[1:], strict=True) if n <= alone[0]]
        if empty:
            raise VectorError(
                f"{plain(self._info.id)}: the tokenizer leaves nothing of {quoted(empty)}, so that "
                "the vector would be that of no text; remove the item"
            )

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return an empty list: every text has a vector.

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
        """Return ``"cut to 256 tokens"`` for a text that is longer than the limit, else ``""``.

        Parameters
        ----------
        item : str
            A whole text.

        Returns
        -------
        str
        """
        if self._limit is None or self._long_inputs != "truncate" or not isinstance(item, str):
            return ""
        counts = facts.token_counts(self._model, [self._prompt + item])
        cut = counts is not None and counts[0] > self._limit
        return f"cut to {self._limit} tokens" if cut else ""

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"SentenceTransformerEncoder(id={self._info.id!r}, {self._info.dim} coordinates)"


def _loaded(model: Any, device: str | None, revision: str | None, options: Options) -> st.Loaded:
    if isinstance(model, (str, os.PathLike)):
        wanted = st.Wanted(device, revision, options.dtype, options.backend, options.pool)
        return st.load(os.fsdecode(model), wanted)
    kind = kind_of_object(model)
    if kind is None:
        raise InputError(
            f"model must be a folder, a hub id or a SentenceTransformer, got "
            f"{type(model).__name__}; see as_encoder for {quoted(['dict', 'callable'])} and more"
        )
    name = "multi-vector-encoder" if kind == MULTI_VECTOR else "sentence-transformer"
    check_kind(kind, options.pool, "the model")
    options.check_object(model)
    for tokenizer in tokenizers_of(model):
        refuse_made_up(tokenizer, "")
    return st.Loaded(
        model,
        name=name,
        weights=None,
        revision=revision or object_hash(model),
        notes=(),
    )
