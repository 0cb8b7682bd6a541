"""Vectors from a function of the caller: a model of one's own, or a paid service."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embias.encoders._batches import Batch, batches, called
from embias.encoders._compose import Composable
from embias.encoders._items import as_items, as_texts, check_rows, label, unique
from embias.encoders._numbers import as_real
from embias.encoders._options import as_id, as_optional_text
from embias.encoders._retry import (
    Clock,
    Exhausted,
    Pace,
    Retry,
    as_count,
    as_exceptions,
    as_positive,
)
from embias.encoders._show import one_line, plain, shown
from embias.errors import InputError, VectorError, did_you_mean
from embias.types import EncoderInfo, Image, InContext, Stimulus

__all__ = ["CallableEncoder"]

_KINDS = ("sentence", "token", "image")
_PROBE = "word"
_KEPT_BYTES = 2**30


class CallableEncoder(Composable):
    """Whatever a function gives for a list of texts, words in context or pictures.

    Each distinct item is asked for once per call of :meth:`encode`, in order of first
    appearance. When a call ends early (the function fails for good, Ctrl-C), the vectors of the
    batches that were finished are kept until a later call returns them, so that calling again
    asks only for the rest. At most 1 GiB is kept, the newest; :meth:`forget` drops it.

    Parameters
    ----------
    fn : callable
        Takes a list of n items, returns an array of shape (n, d), rows in the same order. The
        items are str for the kind ``"sentence"``, :class:`~embias.types.InContext` for
        ``"token"``, :class:`~embias.types.Image` for ``"image"``. A function declared with
        ``async def`` is run to its end for each batch, in an event loop of that batch: it should
        make its own client.
    id : str
        The name in results. A function has no identity of its own: give each its own id.
    dim : int, optional
        d. By default learned, when first needed, from the vector of the text ``"word"``; for
        pictures it must be given.
    revision : str, optional
        What pins the function's vectors, where there is such a thing.
    kind : {"sentence", "token", "image"}
        What a vector stands for: a whole text, a word inside its text, a picture.
    batch_size : int, optional
        Most items per call of `fn`; by default all at once.
    retries : int
        How many more times to ask for a batch after one of `retry_on`.
    retry_on : exception class or tuple of them
        Failures that may pass. The clients of web services often have classes of their own, which
        do not derive from the default ones (``requests.ConnectionError`` does not): name those.
    backoff : float
        Seconds to wait before asking again; doubled each time up to a minute, and lengthened by
        up to a quarter at random.
    max_requests_per_minute : float, optional
        Calls of `fn`, repetitions included, are at least 60 / `max_requests_per_minute` seconds
        apart.

    Raises
    ------
    InputError
        When `fn` cannot be called, or an option breaks its rule.
    """

    def __init__(
        self,
        fn: Callable[[list[Any]], Any],
        *,
        id: str = "callable",
        dim: int | None = None,
        revision: str | None = None,
        kind: Literal["sentence", "token", "image"] = "sentence",
        batch_size: int | None = None,
        retries: int = 0,
        retry_on: type[Exception] | tuple[type[Exception], ...] = (ConnectionError, TimeoutError),
        backoff: float = 1.0,
        max_requests_per_minute: float | None = None,
    ) -> None:
        if not callable(fn):
            raise InputError(f"fn must be callable, got {type(fn).__name__}; give a function")
        if kind not in _KINDS:
            raise InputError(f"kind={shown(kind)}; {did_you_mean(str(kind), _KINDS)}")
        if kind == "image" and dim is None:
            raise InputError(
                'dim must be given with kind="image": there is no picture to learn it from'
            )
        self._fn = fn
        self._id = as_id(id)
        self._who = plain(self._id)
        self._kind = kind
        self._dim = self._given_dim = None if dim is None else as_count("dim", dim, 1)
        self._revision = as_optional_text("revision", revision)
        self._batch_size = None if batch_size is None else as_count("batch_size", batch_size, 1)
        self._retries = as_count("retries", retries, 0)
        self._retry_on = as_exceptions("retry_on", retry_on)
        self._backoff = as_positive("backoff", backoff, zero=True)
        self._rate = max_requests_per_minute
        if self._rate is not None:
            self._rate = as_positive("max_requests_per_minute", self._rate)
        self._kept: dict[Stimulus, NDArray[np.float64]] = {}
        self._set_clock(Clock())

    def _set_clock(self, clock: Clock) -> None:
        pace = None if self._rate is None else Pace(self._rate, clock)
        self._requests = Retry(
            self._retries,
            self._retry_on,
            self._backoff,
            pace=pace,
            clock=clock,
            jitter=random.Random(self._id),
        )

    @cached_property
    def info(self) -> EncoderInfo:
        """How the vectors are made; calls the function once when `dim` was not given."""
        return EncoderInfo(
            id=self._id,
            kind=self._kind,
            dim=self._known_dim(),
            revision=self._revision,
            precision="float64",
            modalities=("image",) if self._kind == "image" else ("text",),
        )

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> NDArray[np.float64]:
        """Call the function on the distinct items, batch by batch.

        Parameters
        ----------
        items : sequence of str, InContext or Image
            What the kind says: whole texts, not blank; words in context (a str counts as a text
            that is nothing but the word); pictures.
        progress : bool
            Whether to show a progress bar over the batches.

        Returns
        -------
        ndarray of float64, shape (len(items), d)
            One finite row, not zero, per item, in order.

        Raises
        ------
        InputError
            When an item is not of the kind or blank, or the function failed with one of
            `retry_on` and so did all repetitions (the failure is the cause). Any other exception
            of the function comes through, with a note that names the batch.
        VectorError
            When the function returns another shape, values that are not real numbers
            (complex, text, truth values, objects), or a row that is zero or not finite.
        """
        listed = self._as_kind(items)
        if not listed:
            return np.empty((0, self._known_dim()), dtype=np.float64)
        distinct = unique(listed)
        found = {item: self._kept[item] for item in distinct if item in self._kept}
        new = [item for item in distinct if item not in found]
        try:
            for batch in self._shown(batches(new, self._batch_size), progress):
                found.update(zip(batch.items, self._rows(batch), strict=True))
        except BaseException:
            self._keep(found)
            raise
        for item in distinct:
            self._kept.pop(item, None)
        return np.stack([found[item] for item in listed])

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return an empty list: a function is asked for every item.

        Parameters
        ----------
        items : sequence of str, InContext or Image
            What is to be encoded.

        Returns
        -------
        list
            Always empty.
        """
        as_items(items, self._who)
        return []

    def forget(self) -> None:
        """Drop what calls that ended early left behind: their vectors, and a dimension learned.

        A dimension that :attr:`info` has already told stays.
        """
        self._kept.clear()
        if "info" not in self.__dict__:
            self._dim = self._given_dim

    def _known_dim(self) -> int:
        if self._dim is None:
            item = InContext(_PROBE, 0, len(_PROBE)) if self._kind == "token" else _PROBE
            try:
                return int(self._rows(Batch([item], 0, 1, 1)).shape[1])
            except VectorError:
                raise
            except Exception as error:
                raise InputError(
                    f"{self._who}: the dimension is not known, and the function fails on "
                    f"[{_PROBE!r}] ({type(error).__name__}: {one_line(error)}); give dim= to "
                    "CallableEncoder"
                ) from error
        return self._dim

    def _as_kind(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        if self._kind == "sentence":
            return list(as_texts(items, self._who))
        listed = as_items(items, self._who)
        return [self._as_picture(i) if self._kind == "image" else self._as_word(i) for i in listed]

    def _as_picture(self, item: Stimulus) -> Image:
        if not isinstance(item, Image):
            raise InputError(
                f"{self._who}: this encoder takes pictures, not the text {shown(label(item))}; "
                "give Image.from_file(path) or Image.from_pillow(image, name=...)"
            )
        return item

    def _as_word(self, item: Stimulus) -> InContext:
        if isinstance(item, InContext):
            return item
        (text,) = as_texts([item], self._who)
        return InContext(text, 0, len(text))

    def _rows(self, batch: Batch) -> NDArray[np.float64]:
        returned = self._ask(batch)
        who = f"{self._who}{batch.name}"
        labels = [label(item) for item in batch.items]
        what = f"{who}: what the function returned ({type(returned).__name__})"
        # astype makes the copy: the function may go on to use its array.
        rows = as_real(returned, what, labels).astype(np.float64)
        check_rows(rows, batch.items, self._dim, who)
        self._dim = rows.shape[1]
        return rows

    def _ask(self, batch: Batch) -> Any:
        try:
            return self._requests.call(lambda: called(self._fn, list(batch.items)))
        except Exhausted as error:
            last = error.last
            raise InputError(
                f"{self._who}{batch.name}: the function failed {error.attempts} times on "
                f"{batch.range}, at last with {type(last).__name__}: {one_line(last)}; what is "
                "done is kept: call encode again to ask for the rest, or give more retries"
            ) from last
        except BaseException as error:
            error.add_note(f"{self._who}{batch.name}: raised when asked for {batch.range}")
            raise

    def _shown(self, listed: list[Batch], progress: bool) -> Iterable[Batch]:
        if not progress:
            return listed
        from tqdm.auto import tqdm

        bar: Iterable[Batch] = tqdm(listed, desc=f"encoding with {self._who}", unit="batch")
        return bar

    def _keep(self, found: dict[Stimulus, NDArray[np.float64]]) -> None:
        for item, row in found.items():
            self._kept.pop(item, None)  # to the end: the newest are kept
            # A copy, because a view would hold the memory of its whole batch.
            self._kept[item] = row.copy()
        if self._dim is not None:
            excess = len(self._kept) - _KEPT_BYTES // (8 * self._dim)
            for item in list(self._kept)[: max(excess, 0)]:
                del self._kept[item]

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"CallableEncoder(id={self._id!r})"
