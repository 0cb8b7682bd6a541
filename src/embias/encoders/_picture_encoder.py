"""What encoders of pictures share: each distinct picture is opened once, in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders import _images_model as im
from embias.encoders._compose import Composable
from embias.encoders._items import as_items, check_rows
from embias.encoders._options import as_id, as_optional_text
from embias.encoders._pictures import pillow, read_picture
from embias.encoders._show import one_line, plain, shown
from embias.errors import EmbiasError, InputError
from embias.types import EncoderInfo, Image, Stimulus

Rows = NDArray[np.float32]


class PictureEncoder(Composable):
    """What both encoders do with pictures."""

    _info: EncoderInfo
    _batch_size: int

    def __init__(self) -> None:
        self._remarks: dict[str, str] = {}

    @property
    def info(self) -> EncoderInfo:
        """How the vectors are made."""
        return self._info

    def missing(self, items: Sequence[Stimulus]) -> list[Stimulus]:
        """Return an empty list: what cannot be encoded is an error of :meth:`encode`."""
        as_items(items, plain(self._info.id))
        return []

    def how_encoded(self, item: Stimulus) -> str:
        """Say what was done to a picture beyond what is done to all.

        Parameters
        ----------
        item : Image or str

        Returns
        -------
        str
            For example ``"first of 3 frames"`` or ``"turned upright (EXIF orientation 6)"``, else
            ``""``.
        """
        if not isinstance(item, Image):
            return ""
        if item.digest not in self._remarks:
            self._open(item)
        return self._remarks[item.digest]

    def _open(self, image: Image) -> Any:
        picture, self._remarks[image.digest] = read_picture(image, plain(self._info.id))
        return picture

    def _picture_rows(
        self, pictures: list[Image], rows: Callable[[Sequence[Any]], Rows], progress: bool
    ) -> dict[Stimulus, NDArray[np.float32]]:
        found: dict[Stimulus, NDArray[np.float32]] = {}
        for batch in batches(pictures, self._batch_size, "Pictures", progress):
            opened = [self._open(image) for image in batch]
            found |= zip(batch, self._run(rows, opened, batch), strict=True)
        return found

    def _run(
        self, rows: Callable[[Sequence[Any]], Rows], inputs: Sequence[Any], items: Sequence[Any]
    ) -> Rows:
        """Return the vectors of a batch; what the model refuses is said of that batch."""
        who = plain(self._info.id)
        names = [item.name if isinstance(item, Image) else item for item in items]
        try:
            found = rows(inputs)
        except (EmbiasError, MemoryError):
            raise
        except Exception as error:  # what a model raises for an input of the wrong form
            raise InputError(
                f"{who}: the model cannot encode {shown(names[0])}"
                f"{f' or one of the {len(names) - 1} after it' if len(names) > 1 else ''} "
                f"({type(error).__name__}: {one_line(error)})"
            ) from error
        check_rows(found, names, self._info.dim, who)
        return found

    def _stacked(self, items: Sequence[Stimulus], rows: dict[Stimulus, Any]) -> Rows:
        if not items:
            return np.empty((0, self._info.dim), dtype=np.float32)
        return np.stack([rows[item] for item in items])


def checked_options(
    id: Any, device: Any, dtype: Any, batch_size: Any, revision: Any, weights: Any
) -> Any:
    """Check the options that both encoders have, and return Pillow."""
    if id is not None:
        as_id(id)
    for name, value in (("device", device), ("revision", revision), ("weights", weights)):
        as_optional_text(name, value)
    im.check_dtype(dtype)
    if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
        raise InputError(
            f"batch_size must be a whole number of at least 1, got {shown(batch_size)}"
        )
    return pillow()


def probe(library: Any) -> Any:
    """Return a picture whose only purpose is to see what comes out."""
    ramp = np.arange(64 * 64 * 3, dtype=np.uint32).reshape(64, 64, 3) % 251
    return library.fromarray(ramp.astype(np.uint8))


def cannot_run(name: str, error: Exception) -> InputError:
    return InputError(
        f"{plain(name)}: the model does not run on a picture ({type(error).__name__}: "
        f"{one_line(error)}); give a model of pictures with the processor that belongs to it"
    )


def batches(items: Sequence[Any], size: int, what: str, progress: bool) -> Any:
    from tqdm import tqdm

    batches = [items[start : start + size] for start in range(0, len(items), size)]
    return tqdm(batches, desc=what, disable=not progress)
