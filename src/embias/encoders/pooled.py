"""One vector a word, pooled from the vectors of the word in many contexts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embias.encoders._compose import Composable
from embias.encoders._items import check_rows, label
from embias.encoders._numbers import as_real
from embias.encoders._options import as_id
from embias.encoders._pooled_inputs import WHO, as_contexts, check_options, counted, digest_of
from embias.encoders._retry import as_count
from embias.encoders._show import plain, shown
from embias.encoders.table import PrecomputedEncoder
from embias.errors import InputError
from embias.types import Encoder, EncoderInfo, FloatArray, InContext, Stimulus, calibrated

__all__ = ["PooledEncoder", "pool_contexts"]

_STARTS = {"mean": 0.0, "max": -np.inf, "min": np.inf}
_EXTREMES: dict[str, np.ufunc] = {"max": np.maximum, "min": np.minimum}


class PooledEncoder(Composable):
    """A table of word vectors, each pooled over contexts; :func:`pool_contexts` makes it.

    A look-up is exact. Words that had too few contexts are missing, and so are those whose pooled
    vector is zero.
    """

    def __init__(
        self, table: PrecomputedEncoder, info: EncoderInfo, counts: dict[str, int], least: int
    ) -> None:
        self._table = table
        self._info = info
        self._counts = counts
        self._least = least

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made: what the model's info says, and the pooling.

        ``revision`` pins both the model's info and the contexts.
        """
        return self._info

    @property
    def words(self) -> tuple[str, ...]:
        """The words that were pooled, in the order of the rows."""
        return tuple(str(word) for word in self._table.items)

    @property
    def vectors(self) -> FloatArray:
        """The vectors, shape ``(len(words), d)``, float64, read-only."""
        return self._table.vectors

    @property
    def counts(self) -> dict[str, int]:
        """The number of contexts of each word, also of those that had too few."""
        return dict(self._counts)

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> FloatArray:
        """Look the words up.

        Parameters
        ----------
        items : sequence of str
            Words, exactly as they were given.
        progress : bool
            Without effect: a look-up is quick.

        Returns
        -------
        ndarray of float64, shape (len(items), d)
            One row per item, in order; a new array.

        Raises
        ------
        InputError
            When an item has no vector; all such items are named.
        VectorError
            When the vector of an item is zero.
        """
        return self._table.encode(items, progress=progress)

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return the items without a vector that has a direction, each once, in order."""
        return self._table.missing(items)

    def why_missing(self, item: Stimulus) -> str:
        """Return why an item is missing: ``"3 contexts, 5 asked"``, for example.

        Raises
        ------
        InputError
            When the item is not missing, or is no stimulus.
        """
        why = self._table.why_missing(item)
        if isinstance(item, str) and item in self._counts and item not in self._table:
            return f"{counted(self._counts[item])}, {self._least} asked"
        return why

    def how_encoded(self, item: Stimulus) -> str:
        """Return what a word was pooled from: ``"mean of 37 contexts"``.

        Raises
        ------
        InputError
            When the item has no vector.
        """
        if not isinstance(item, str) or item not in self._table:
            raise InputError(
                f"{plain(self._info.id)}: no vector for {shown(item)}; ask missing(items) first"
            )
        pooling = str(self._info.pooling).partition(" ")[0]
        return f"{pooling} of {counted(self._counts[item])}"

    def __contains__(self, word: object) -> bool:
        """Return whether the word was pooled."""
        return word in self._table

    def __len__(self) -> int:
        """Return the number of words that were pooled."""
        return len(self._table)

    def __repr__(self) -> str:
        """Return a one-line summary."""
        n, d = self._table.vectors.shape
        return f"PooledEncoder(id={self._info.id!r}, {n} words, {d} coordinates)"


def pool_contexts(
    encoder: Encoder,
    contexts: Mapping[str, Iterable[InContext]],
    *,
    pooling: Literal["mean", "max", "min"] = "mean",
    min_contexts: int = 1,
    sentence_vectors: bool = False,
    id: str | None = None,
    batch_size: int = 1024,
    progress: bool = False,
) -> PooledEncoder:
    """Make static word vectors from contextual ones.

    The vector of a word is the mean (or the largest or smallest coordinates) of its vectors in
    all its contexts, as by Bommasani, Davis and Cardie (2020, "Interpreting Pretrained
    Contextualized Representations via Reductions to Static Embeddings").

    Parameters
    ----------
    encoder : Encoder
        Of the kind ``"token"``: it gives the vector of a word inside its text.
    contexts : mapping of str to iterable of InContext
        The contexts of each word, as :func:`~embias.encoders.contexts.find_contexts` returns
        them. A context that stands twice counts twice, and is encoded once. The spans need not
        spell the word: inflected forms can be pooled.
    pooling : {"mean", "max", "min"}
        For each coordinate, in float64.
    min_contexts : int
        Words with fewer contexts are missing.
    sentence_vectors : bool
        Take vectors of the whole sentences from an encoder of the kind ``"sentence"``; what is
        pooled is then the company of the word, not the word.
    id : str, optional
        The name in results; by default the encoder's, followed by " pooled".
    batch_size : int
        Contexts per call of the encoder; no more vectors than these are held at a time.
    progress : bool
        Whether to show a progress bar over these calls.

    Returns
    -------
    PooledEncoder
        Of the kind ``"static"``. ``counts`` and ``how_encoded(word)`` tell from how many contexts
        a vector comes. Contexts that the encoder itself misses are left out of the counts.

    Raises
    ------
    InputError
        When the encoder is not of the kind asked for, an option or a context breaks its rule, or
        no word has enough contexts.
    VectorError
        When the encoder returns rows that are not finite or of another shape.
    """
    check_options(encoder, pooling, sentence_vectors)
    least = as_count("min_contexts", min_contexts, 1)
    as_count("batch_size", batch_size, 1)
    given = as_contexts(contexts)
    words = [word for word, listed in given.items() if len(listed) >= least]
    uses = _uses({word: given[word] for word in words}, sentence_vectors)
    if uses:
        encoder = calibrated(encoder, list(uses))
    inner = encoder.info
    name = as_id(f"{inner.id} pooled" if id is None else id)
    pool = _Pool(len(words), inner.dim, pooling)
    batches = _cut(list(uses), batch_size)
    for batch in _shown(batches, progress, plain(name)):
        pool.add(_encoded(encoder, batch), uses)
    counts = {word: len(listed) for word, listed in given.items()}
    counts.update(zip(words, pool.counts.tolist(), strict=True))
    enough = np.flatnonzero(pool.counts >= least)
    if not enough.size:
        raise InputError(
            f"{WHO}: no word has {counted(least)} (the most any has: {max(counts.values())}); "
            "give more sentences, or a smaller min_contexts"
        )
    table = PrecomputedEncoder.from_arrays(
        [words[int(row)] for row in enough], pool.vectors()[enough], id=name, kind="static"
    )
    left_out = sum(len(given[word]) for word in words) - int(pool.counts.sum())
    info = _info(inner, table, pooling, _notes(inner, counts, least, left_out, sentence_vectors))
    digest = digest_of(inner, given, pooling, least, sentence_vectors)
    return PooledEncoder(table, replace(info, revision=f"sha256:{digest[:16]}"), counts, least)


class _Pool:
    """What is known of each word so far: the sum (or the extreme) and the number of vectors."""

    def __init__(self, words: int, dim: int, pooling: str) -> None:
        self._pooling = pooling
        self._state = np.full((words, dim), _STARTS[pooling])
        self.counts = np.zeros(words, dtype=np.int64)

    def add(
        self, rows: dict[Stimulus, NDArray[np.float64]], uses: dict[Stimulus, Counter[int]]
    ) -> None:
        # Row by row: a context of many words, or one that repeats, takes no more memory, and the
        # size of the batches does not change the rounding.
        for item, row in rows.items():
            for word, times in uses[item].items():
                if self._pooling == "mean":
                    self._state[word] += times * row
                else:
                    _EXTREMES[self._pooling](self._state[word], row, out=self._state[word])
                self.counts[word] += times

    def vectors(self) -> NDArray[np.float64]:
        if self._pooling == "mean":
            return self._state / np.maximum(self.counts, 1)[:, np.newaxis]
        return self._state


def _encoded(encoder: Encoder, batch: list[Stimulus]) -> dict[Stimulus, NDArray[np.float64]]:
    """Return the vectors of those items that the encoder has one for."""
    missing = set(encoder.missing(batch))
    wanted = [item for item in batch if item not in missing]
    if not wanted:
        return {}
    who, labels = plain(encoder.info.id), [label(item) for item in wanted]
    rows = as_real(encoder.encode(wanted), f"{who}: the vectors", labels).astype(np.float64)
    check_rows(rows, wanted, encoder.info.dim, who)
    return dict(zip(wanted, rows, strict=True))


def _uses(
    given: Mapping[str, Sequence[InContext]], sentence_vectors: bool
) -> dict[Stimulus, Counter[int]]:
    """Return each distinct item to encode; of each word (its row) how often it is a context."""
    uses: dict[Stimulus, Counter[int]] = {}
    for row, listed in enumerate(given.values()):
        for context in listed:
            item = context.text if sentence_vectors else context
            uses.setdefault(item, Counter())[row] += 1
    return uses


def _cut(items: list[Stimulus], size: int) -> list[list[Stimulus]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _shown(batches: list[list[Stimulus]], progress: bool, who: str) -> Iterable[list[Stimulus]]:
    if not progress:
        return batches
    from tqdm.auto import tqdm

    bar: Iterable[list[Stimulus]] = tqdm(batches, desc=f"pooling {who}", unit="batch")
    return bar


def _info(
    inner: EncoderInfo, table: PrecomputedEncoder, pooling: str, notes: tuple[str, ...]
) -> EncoderInfo:
    return replace(
        inner,
        id=table.info.id,
        kind="static",
        # Values published for the model itself are not values of this reduction.
        weights=None,
        pooling=f"{pooling} of contexts",
        precision="float64",
        normalized=table.info.normalized,
        modalities=("text",),
        notes=notes,
    )


def _notes(
    inner: EncoderInfo, counts: dict[str, int], least: int, left_out: int, sentences: bool
) -> tuple[str, ...]:
    details = {"weights": inner.weights, "revision": inner.revision, "pooling": inner.pooling}
    told = ", ".join(f"{name} {value}" for name, value in details.items() if value is not None)
    what = "whole sentences that hold the word" if sentences else "the word in its contexts"
    notes = [*inner.notes, f"pooled from vectors of {what}: {inner.id}{told and f' ({told})'}"]
    few = sum(count < least for count in counts.values())
    if few:
        notes.append(f"words with fewer than {counted(least)}, counted as missing: {few}")
    if left_out:
        notes.append(f"contexts that the encoder has no vector for, left out: {left_out}")
    return tuple(notes)
