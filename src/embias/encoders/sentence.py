"""Vectors of whole texts from sentence-transformers models."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _st_model as st
from embias.encoders._items import as_items, as_texts, check_rows, quoted
from embias.encoders._options import as_id, as_optional_text
from embias.encoders._quiet import quiet
from embias.encoders._show import plain, shown
from embias.encoders._versions import versions
from embias.errors import InputError
from embias.types import EncoderInfo, Stimulus

__all__ = ["SentenceTransformerEncoder"]


class SentenceTransformerEncoder:
    """One vector for a whole text, from a sentence-transformers model.

    Parameters
    ----------
    model : str, os.PathLike or sentence_transformers.SentenceTransformer
        A folder, a hub id, or a model. What is loaded here is loaded in float32, and never runs
        code that comes with a model. A model given as an object is used as it is, in its own
        precision; do not change it while the encoder is in use.
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
    truncate_dim : int, optional
        Keep only the first coordinates. Where the model ends in a Normalize module the shortened
        vectors are scaled to unit length again. By default the model's own setting.
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
        When there is no such folder or hub id (or, offline, it is not in the cache).
    DataFileError
        When a folder does not hold a model that can be loaded.
    InputError
        When an option breaks its rule, or the model needs code of its own.
    """

    def __init__(
        self,
        model: Any,
        *,
        id: str | None = None,
        device: str | None = None,
        batch_size: int = 32,
        prompt: str | None = None,
        truncate_dim: int | None = None,
        revision: str | None = None,
        weights: str | None = None,
    ) -> None:
        _check_positive("batch_size", batch_size)
        if prompt is not None and not isinstance(prompt, str):
            raise InputError(
                f"prompt must be str or None, got {shown(prompt)}; give '' for no prompt"
            )
        if id is not None:
            id = as_id(id)
        as_optional_text("revision", revision)
        as_optional_text("weights", weights)
        loaded = _loaded(model, device, revision)
        self._model = loaded.model
        self._device = device
        self._batch_size = batch_size
        self._prompt = st.default_prompt(loaded.model) if prompt is None else prompt
        self._truncate_dim = truncate_dim
        self._info = self._describe(loaded, loaded.name if id is None else id, weights)

    def _describe(self, loaded: st.Loaded, id: str, weights: str | None) -> EncoderInfo:
        model = loaded.model
        full = model.get_embedding_dimension()
        if self._truncate_dim is None:
            self._truncate_dim = getattr(model, "truncate_dim", None)
        else:
            _check_positive("truncate_dim", self._truncate_dim)
            if full is not None and self._truncate_dim > full:
                raise InputError(
                    f"{plain(id)}: truncate_dim={self._truncate_dim}, but the model gives only "
                    f"{full} coordinates; give a smaller number"
                )
        self._renormalize = st.ends_normalized(model) and self._truncate_dim is not None
        dim = full if self._truncate_dim is None else self._truncate_dim
        static = st.is_static(model)
        return EncoderInfo(
            id=id,
            kind="static" if static else "sentence",
            dim=int(dim) if dim is not None else self._rows(["word"], progress=False).shape[1],
            weights=loaded.weights if weights is None else weights,
            revision=loaded.revision,
            pooling=st.pooling_of(model, self._prompt),
            special_tokens=not static,
            prompt=self._prompt or None,
            truncate_dim=self._truncate_dim,
            precision=str(getattr(model, "dtype", None) or "float32").removeprefix("torch."),
            normalized=st.ends_normalized(model),
            max_length=st.max_length_of(model),
            libraries=versions("sentence-transformers", "transformers", "torch"),
            notes=loaded.notes,
        )

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made."""
        return self._info

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> NDArray[np.float32]:
        """Return one vector per text.

        Parameters
        ----------
        items : sequence of str
            Whole texts. A text that is too long for the model is an error, never cut.
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
            the model takes.
        VectorError
            When the model gives a vector that is zero or not finite; the text is named.
        """
        who = plain(self._info.id)
        texts = as_texts(items, who)
        if not texts:
            return np.empty((0, self._info.dim), dtype=np.float32)
        self._check_lengths(texts)
        rows = self._rows(texts, progress=progress)
        check_rows(rows, texts, self._info.dim, who)
        return rows

    def _rows(self, texts: list[str], *, progress: bool) -> NDArray[np.float32]:
        with quiet():
            rows = self._model.encode(
                texts,
                prompt=self._prompt,  # always given: the model's own choice would be silent
                batch_size=self._batch_size,
                show_progress_bar=progress,
                convert_to_numpy=True,
                device=self._device,
                normalize_embeddings=self._renormalize,
                truncate_dim=self._truncate_dim,
            )
        return np.asarray(rows, dtype=np.float32)

    def _check_lengths(self, texts: list[str]) -> None:
        limit = self._info.max_length
        if limit is None:
            return
        counts = st.token_counts(self._model, [self._prompt + text for text in texts])
        for text, count in zip(texts, counts or [], strict=counts is not None):
            if count > limit:
                raise InputError(
                    f"{plain(self._info.id)}: the text {shown(text)} has {count} tokens"
                    f"{' with its prompt' if self._prompt else ''}, the model takes at most "
                    f"{limit} and would cut it silently; shorten the text"
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

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"SentenceTransformerEncoder(id={self._info.id!r}, {self._info.dim} coordinates)"


def _loaded(model: Any, device: str | None, revision: str | None) -> st.Loaded:
    if isinstance(model, (str, os.PathLike)):
        return st.load(os.fsdecode(model), device, revision)
    if not isinstance(model, st.sentence_transformer_class()):
        raise InputError(
            f"model must be a folder, a hub id or a SentenceTransformer, got "
            f"{type(model).__name__}; see as_encoder for {quoted(['dict', 'callable'])} and more"
        )
    return st.Loaded(
        model,
        name="sentence-transformer",
        weights=None,
        revision=revision or st.state_hash(model),
        notes=(),
    )


def _check_positive(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"{name} must be a whole number of at least 1, got {shown(value)}")
