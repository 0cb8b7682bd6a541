"""The base of transforms that need to know which row is which word."""

from __future__ import annotations

import os
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, TransformerMixin

from embias.errors import InputError
from embias.transforms._checks import checked_fit, checked_rows
from embias.transforms._named_rows import NamedRows, words_of
from embias.types import Encoder

__all__ = ["LearnsFromWords", "WordTransform"]

_HOW = "give words=[...], one for each row, or a DataFrame whose index holds the words"


class LearnsFromWords:
    """What is fitted on rows that are known by their words.

    A subclass names the words whose vectors it needs (``_needed``) and learns in ``_learn``.
    """

    #: Whether `fit` needs more than the words of the lists.
    _from_vocabulary: ClassVar[bool] = False

    def fit(
        self, X: ArrayLike, y: Any = None, *, words: Iterable[str | None] | None = None
    ) -> Self:
        """Learn from the vectors of words.

        Parameters
        ----------
        X : array_like of shape (n, d)
            A whole vocabulary, or at least the words of the lists. A DataFrame whose index holds
            texts says by it which row is which word.
        y : ignored
        words : iterable of (str or None), optional
            The word of each row; None for a row that is no word. Goes before the index.

        Returns
        -------
        self

        Raises
        ------
        InputError
            No words where they are needed, lists of which no set has vectors, NaN, a wrong shape.
        """
        who = type(self).__name__
        rows = checked_fit(self, X)
        if rows.shape[1] < 2:
            raise InputError(
                f"{who}: n_features=1, and without a direction nothing would be left; give vectors "
                "of two coordinates at least"
            )
        named = words_of(X, words, len(rows), who)
        if named is None:
            if self._from_vocabulary or self._needed():
                raise InputError(f"{who}: fit needs to know which row is which word; {_HOW}")
            named = np.full(len(rows), None, dtype=object)
        self.__dict__.pop("encoder_", None)
        self._learn(NamedRows(named, rows, who))
        return self

    def fit_encoder(
        self,
        encoder: Encoder,
        *,
        words: Sequence[str] = (),
        progress: bool = False,
    ) -> Self:
        """Learn from an encoder: the words that the lists need are encoded, and no others.

        Parameters
        ----------
        encoder : Encoder
            What makes the vectors that are transformed later.
        words : sequence of str
            More words to fit on, such as the vocabulary (``encoder.words``), for a method that
            learns from more than its lists.
        progress : bool
            Passed on to the encoder.

        Returns
        -------
        self
            ``encoder_`` records the encoder's id and the hash of its description.

        Raises
        ------
        InputError
            When the encoder has no vectors for any set of a list.
        """
        who = type(self).__name__
        if isinstance(encoder, type) or not isinstance(encoder, Encoder):
            raise InputError(
                f"{who}: fit_encoder expects an Encoder, got {type(encoder).__name__}; make one "
                "with embias.as_encoder, or give vectors to fit"
            )
        if self._from_vocabulary and not len(words):
            raise InputError(
                f"{who} learns from a whole vocabulary; give words=[...], such as encoder.words"
            )
        needed = list(dict.fromkeys([*self._needed(), *words]))
        absent = set(encoder.missing(needed)) if needed else set()
        present = [word for word in needed if word not in absent]
        if needed and not present:
            raise InputError(
                f"{who}: {encoder.info.id} has no vector for any of the {len(needed)} words that "
                f"are needed ({', '.join(map(repr, needed[:5]))}, ...); give other words"
            )
        if present:
            self.fit(encoder.encode(present, progress=progress), words=present)
        else:  # nothing is learnt; the rows stand for the dimension
            self.fit(np.zeros((1, encoder.info.dim)), words=[None])
        self.encoder_ = {"id": encoder.info.id, "fingerprint": encoder.info.fingerprint()}
        return self

    @abstractmethod
    def _needed(self) -> tuple[str, ...]:
        """Return the words of the lists whose vectors are looked for, after checking the lists."""

    @abstractmethod
    def _learn(self, named: NamedRows) -> None:
        """Learn from checked rows and their words."""


class WordTransform(LearnsFromWords, OneToOneFeatureMixin, TransformerMixin, BaseEstimator):
    """A transform that treats some words in another way than the rest, so it must know the words.

    It is not one map for all rows, so it cannot be folded or put into a model. After an encoder
    (``encoder | transform``) every text is its own word, a word in context (InContext) is the
    word, and a picture is none.
    """

    #: Tells ``encoder | transform`` to hand over the words of the items.
    takes_words: ClassVar[bool] = True

    def transform(self, X: ArrayLike, *, words: Iterable[str | None] | None = None) -> NDArray[Any]:
        """Map rows, each by the word it belongs to.

        Parameters
        ----------
        X : array_like of shape (n, d)
            float16, float32 and float64 stay what they are. A row of zeros stays zero.
        words : iterable of (str or None), optional
            The word of each row, by default the texts in the index of a DataFrame. A row without
            a word (None) is on no list: ``words=[None] * n`` treats all rows as neutral.

        Returns
        -------
        ndarray of shape (n, d)

        Raises
        ------
        InputError
            No words, where some are treated in another way than others; not fitted, another
            dimension, NaN.
        """
        who = type(self).__name__
        rows = checked_rows(self, X)
        named = words_of(X, words, len(rows), who)
        if named is None:
            if self._special():
                raise InputError(
                    f"{who} treats {len(self._special())} words in another way than the others, "
                    f"and which row is which word is not known; {_HOW}; words=[None] * n treats "
                    "every row as a neutral one"
                )
            named = np.full(len(rows), None, dtype=object)
        return self._apply(rows, named)

    def fit_transform(
        self, X: ArrayLike, y: Any = None, *, words: Iterable[str | None] | None = None
    ) -> NDArray[Any]:
        """Fit to rows and map them; see :meth:`fit` and :meth:`transform`."""
        listed = None if words is None or isinstance(words, str) else list(words)
        given = words if listed is None else listed
        made: NDArray[Any] = self.fit(X, y, words=given).transform(X, words=given)
        return made

    def save(self, folder: str | os.PathLike[str], *, overwrite: bool = False) -> None:
        """Write the fitted transform into a folder; see :func:`save_transform`."""
        from embias.transforms.saving import save_transform

        save_transform(self, folder, overwrite=overwrite)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> Self:
        """Read a transform of this class back; see :func:`load_transform`."""
        from embias.transforms.saving import load_as

        return load_as(cls, folder)

    @abstractmethod
    def _special(self) -> tuple[str, ...]:
        """Return the words that are not treated as all others are."""

    @abstractmethod
    def _apply(self, rows: NDArray[Any], words: NDArray[Any]) -> NDArray[Any]:
        """Map checked rows by their words (n,)."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "float16"]
        return tags
