"""model2vec models: a text is the mean of the vectors of its tokens, without context."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open

from embias.encoders._compose import Composable
from embias.encoders._items import as_items, as_texts, check_rows, quoted, unique
from embias.encoders._options import as_id, as_optional_text, as_path
from embias.encoders._quiet import quiet
from embias.encoders._show import at, one_line, plain, printable_id
from embias.encoders._versions import versions
from embias.errors import DataFileError, InputError, MissingExtraError, VectorError
from embias.types import EncoderInfo, Stimulus

__all__ = ["Model2VecEncoder", "is_model2vec_folder"]

_NOTE = "mean of sub-token vectors, no context: the order of the words does not count"
_ATTRIBUTES = ("embedding", "tokenizer", "encode", "normalize", "dim")
_FILES = ("model.safetensors", "tokenizer.json", "config.json")


class Model2VecEncoder(Composable):
    """A static model of model2vec: the mean of the vectors of the tokens of a text.

    The whole text counts: the limit of 512 tokens, beyond which model2vec cuts, is switched off.
    Unknown tokens are left out of the mean, as model2vec does; :meth:`how_encoded` says how many.

    Parameters
    ----------
    model : model2vec.StaticModel, str or os.PathLike
        The model, or the folder that ``StaticModel.save_pretrained`` wrote. Nothing is downloaded.
    id : str, optional
        By default the name of the folder, or ``"model2vec"``.
    weights : str, optional
        Official name of the pretrained model.
    revision : str, optional
        What pins it; by default a hash of its arrays.

    Raises
    ------
    InputError
        When `model` is neither a folder nor such a model, or an option breaks its rule.
    DataFileError
        When the folder holds no model of model2vec, or a damaged one.
    MissingExtraError
        When a folder is given and model2vec is not installed.
    """

    def __init__(
        self,
        model: Any,
        *,
        id: str | None = None,
        weights: str | None = None,
        revision: str | None = None,
    ) -> None:
        name = "model2vec"
        if isinstance(model, (str, os.PathLike)):
            folder = as_path(model, "model")
            name = printable_id(folder.resolve().name or name)
            model = _load(folder)
        elif isinstance(model, type) or not all(hasattr(model, name) for name in _ATTRIBUTES):
            raise InputError(
                f"Model2VecEncoder: expected a model2vec StaticModel or the folder of one, got "
                f"{model.__name__ if isinstance(model, type) else type(model).__name__}"
            )
        self._id = as_id(name if id is None else id)
        self._who = plain(self._id)
        self._weights = as_optional_text("weights", weights)
        self._revision = as_optional_text("revision", revision)
        self._model = model
        # A copy, because encode() of the model switches the truncation of its own to and fro.
        self._tokenizer = type(model.tokenizer).from_str(model.tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()

    @cached_property
    def info(self) -> EncoderInfo:
        """How the vectors are made (hashes are computed on first use)."""
        stored = np.dtype(self._model.embedding.dtype)
        notes = [_NOTE]
        if stored.kind != "f" or stored.itemsize < 4:
            notes.append(f"the vectors of the tokens are stored as {stored.name}")
        if getattr(self._model, "token_mapping", None) is not None:
            notes.append(
                f"tokens share {len(self._model.embedding)} vectors (quantised vocabulary)"
            )
        return EncoderInfo(
            id=self._id,
            kind="static",
            dim=self._dim(),
            weights=self._weights,
            revision=self._revision or self._content_hash(),
            pooling="mean",
            special_tokens=False,
            precision="float64" if stored == np.float64 else "float32",
            normalized=bool(self._model.normalize),
            dtype=stored.name,
            tokenizer="sha256:" + hashlib.sha256(self._tokenizer.to_str().encode()).hexdigest(),
            libraries=versions("model2vec", "tokenizers", "numpy"),
            notes=tuple(notes),
        )

    def _content_hash(self) -> str:
        digest = hashlib.sha256()
        for name in ("embedding", "weights", "token_mapping"):
            array = getattr(self._model, name, None)
            if array is not None:
                kept = np.ascontiguousarray(array)
                digest.update(f"{name} {kept.dtype.str} {kept.shape}\n".encode())
                digest.update(kept.data)
        return "sha256:" + digest.hexdigest()[:16]

    def _dim(self) -> int:
        return int(self._model.dim)

    def _rows(self, texts: list[str], progress: bool = False) -> NDArray[np.floating[Any]]:
        if not texts:
            return np.empty((0, self._dim()), dtype=np.float32)
        rows = np.asarray(
            self._model.encode(
                texts, max_length=None, show_progress_bar=progress, use_multiprocessing=False
            )
        )
        # Half precision to single: exact, and products of it no longer overflow.
        return rows.astype(np.float64 if rows.dtype == np.float64 else np.float32)

    def encode(
        self, items: Sequence[Stimulus], *, progress: bool = False
    ) -> NDArray[np.floating[Any]]:
        """Encode texts.

        Parameters
        ----------
        items : sequence of str
            Whole texts, not blank.
        progress : bool
            Show a bar.

        Returns
        -------
        ndarray of float32, shape (len(items), d)
            One row per item, in order (float64 for a model stored so).

        Raises
        ------
        InputError
            When an item is no text, is blank, or is a word in context.
        VectorError
            When no token of a text is known, so that its vector is zero; ask :meth:`missing`.
        """
        texts = as_texts(items, self._who)
        distinct = list(dict.fromkeys(texts))
        rows = self._rows(distinct, progress)
        unknown = [distinct[int(row)] for row in np.flatnonzero(~rows.any(axis=1))]
        if unknown:
            raise VectorError(
                f"{self._who}: no token of {quoted(unknown)} has a vector, so the vector is zero "
                "and has no direction; ask missing(items) first and leave these out"
            )
        if distinct:
            check_rows(rows, distinct, self._dim(), self._who)
        place = {text: row for row, text in enumerate(distinct)}
        return rows[np.array([place[text] for text in texts], dtype=np.intp)]

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items without a vector that has a direction.

        Parameters
        ----------
        items : sequence of str or InContext
            What is to be encoded.

        Returns
        -------
        list
            Texts without a known token, and every item that is no text; in order, each once.
        """
        listed = unique(as_items(items, self._who))
        texts = [item for item in listed if isinstance(item, str) and item.strip()]
        rows = self._rows([str(text) for text in texts])
        encoded = {text for text, row in zip(texts, rows, strict=True) if row.any()}
        return [item for item in listed if item not in encoded]

    def why_missing(self, item: Stimulus) -> str:
        """Return why an item is missing: ``"zero vector"`` or ``"no vector"`` (no text).

        Parameters
        ----------
        item : str or InContext
            One of those that :meth:`missing` returns.

        Raises
        ------
        InputError
            When the item is not missing, or is no stimulus.
        """
        if not self.missing([item]):
            raise InputError(
                f"{self._who}: {quoted([item])} has a vector, so there is no reason why it is "
                "missing; ask only for what missing(items) returns"
            )
        return "zero vector" if isinstance(item, str) else "no vector"

    def how_encoded(self, item: Stimulus) -> str:
        """Return ``""``, or how many tokens of a text are unknown and left out of its mean.

        Parameters
        ----------
        item : str
            One that is not missing.

        Raises
        ------
        InputError
            When the item is no text, or blank.
        """
        (text,) = as_texts([item], self._who)
        unknown = getattr(self._model, "unk_token_id", None)
        ids = self._tokenizer.encode(text, add_special_tokens=False).ids
        count = ids.count(unknown) if unknown is not None else 0
        return f"{count} unknown token{'s' if count > 1 else ''} left out" if count else ""

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"Model2VecEncoder(id={self._id!r}, {self._dim()} coordinates)"


def is_model2vec_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether a folder holds a model that ``StaticModel.save_pretrained`` wrote.

    Such a folder also opens as a sentence-transformers model, but that one leaves out neither
    unknown tokens nor knows the weights of tokens.

    Parameters
    ----------
    path : str or os.PathLike
        False also when there is no such folder.
    """
    folder = Path(path)
    if not all(os.path.isfile(folder / name) for name in _FILES):
        return False
    try:
        with safe_open(str(folder / _FILES[0]), framework="numpy") as file:
            return "embeddings" in set(file.keys())
    except (SafetensorError, OSError, UnicodeEncodeError):
        return False


def _load(folder: Path) -> Any:
    if not os.path.isdir(folder):
        raise InputError(
            f"{at(folder)}: no such folder; embias downloads no model2vec models: load it with "
            "model2vec.StaticModel.from_pretrained and give the object"
        )
    if not is_model2vec_folder(folder):
        raise DataFileError(
            f"{at(folder)}: is no folder of a model2vec model ({', '.join(_FILES)} with a tensor "
            "'embeddings'); give the folder that StaticModel.save_pretrained wrote"
        )
    try:
        from model2vec import StaticModel
    except ImportError as error:
        raise MissingExtraError("a model2vec model", "model2vec", "static") from error
    try:
        with quiet():
            return StaticModel.from_pretrained(folder, force_download=False)
    except Exception as error:  # the tokenizers library raises plain Exception
        raise DataFileError(
            f"{at(folder)}: the model cannot be loaded ({one_line(error)}); get the folder anew"
        ) from error
