"""Vectors of pictures, and of texts in the same space, from models that read pictures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args

from embias.encoders import _images_model as im
from embias.encoders._image_text_model import ImageTextModel, open_model
from embias.encoders._items import unique
from embias.encoders._options import as_id
from embias.encoders._picture_encoder import (
    PictureEncoder,
    Rows,
    batches,
    cannot_run,
    checked_options,
    probe,
)
from embias.encoders._pictures import as_pictures, as_pictures_and_texts, describe
from embias.encoders._show import plain, shown
from embias.encoders._versions import versions
from embias.encoders._vision_model import VisionModel, VisionPooling
from embias.errors import EmbiasError, InputError
from embias.types import EncoderInfo, Image, Stimulus

__all__ = ["ImageTextEncoder", "VisionEncoder"]


class ImageTextEncoder(PictureEncoder):
    """Texts and pictures in one space, from a CLIP-like model.

    Parameters
    ----------
    model : str, os.PathLike, object or (processor, model)
        A folder or hub id of a sentence-transformers or a transformers model that takes texts and
        pictures; a SentenceTransformer; or a transformers model with its processor. Code that
        comes with a model is never run.
    processor : object, optional
        Of a transformers model given as an object: its processor, with a tokenizer and an image
        processor.
    id : str, optional
        The name in results; by default the folder's name, the hub id, or ``"image-text"``.
    device : str, optional
        Such as ``"cpu"`` or ``"cuda:0"``. By default a GPU where there is one; an object stays
        where it is.
    dtype : {"float32", "bfloat16", "float16"}, optional
        Arithmetic of a transformers model that is loaded here; by default float32. Objects are
        used as they are.
    batch_size : int
        Texts or pictures in a forward pass; moves coordinates by rounding only.
    revision : str, optional
        Of a hub id: the branch, tag or commit to load. Else: what to record instead of a hash.
    weights : str, optional
        Official name of the weights; by default the hub id.

    Raises
    ------
    MissingExtraError
        When transformers, sentence-transformers or Pillow is not installed.
    UnknownNameError, DataFileError
        When there is no such model, or it cannot be loaded, or its files lack weights.
    InputError
        When an option breaks its rule, or the model does not take both texts and pictures.

    Notes
    -----
    Of a picture the first frame is taken, turned upright as its EXIF data says, as RGB with
    transparency dropped; what the model's own processor does then is in ``info.preprocessing``.
    Vectors are what the model gives; those of CLIP are not of unit length.
    """

    def __init__(
        self,
        model: Any,
        *,
        processor: Any = None,
        id: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int = 32,
        revision: str | None = None,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        library = checked_options(id, device, dtype, batch_size, revision, weights)
        self._batch_size = batch_size
        self._model: ImageTextModel = open_model(model, processor, device, dtype, revision)
        name = as_id(self._model.name if id is None else id)
        facts = self._model.facts()
        facts["weights"] = facts["weights"] if weights is None else weights
        self._info = EncoderInfo(
            id=name,
            kind="sentence",
            dim=self._shared_dim(library, name),
            long_inputs="error",
            special_tokens=True,
            backend="torch",
            modalities=("text", "image"),
            **facts,
        )

    def _shared_dim(self, library: Any, name: str) -> int:
        try:
            text = self._model.texts(["word"]).shape[1]
            picture = self._model.pictures([probe(library)]).shape[1]
        except (EmbiasError, MemoryError):
            raise
        except Exception as error:
            raise cannot_run(name, error) from error
        if text != picture:
            raise InputError(
                f"{plain(name)}: the model gives {text} coordinates for a text and {picture} for a "
                "picture, so that they cannot be compared; give a model that projects both into "
                "one space"
            )
        return int(text)

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> Rows:
        """Return one vector per text or picture.

        Parameters
        ----------
        items : sequence of str or Image
            Whole texts and pictures, in any order. A text that is too long for the model is an
            error, never cut.
        progress : bool
            Whether to show progress bars over the batches.

        Returns
        -------
        ndarray of float32, shape (len(items), d)
            One finite row, not zero, per item, in order. Each distinct text and each distinct
            picture (by content) is computed once.

        Raises
        ------
        InputError
            When an item is a word in context, blank or too long, or a picture cannot be read.
        VectorError
            When a vector is zero or not finite; the item is named.
        """
        given = as_pictures_and_texts(items, plain(self._info.id))
        distinct = unique(given)
        # Long texts first, so that little is padded.
        texts = sorted((item for item in distinct if isinstance(item, str)), key=len, reverse=True)
        self._check_lengths(texts)
        rows: dict[Stimulus, Any] = {}
        for batch in batches(texts, self._batch_size, "Texts", progress):
            rows |= zip(batch, self._run(self._model.texts, batch, batch), strict=True)
        pictures = [item for item in distinct if isinstance(item, Image)]
        rows |= self._picture_rows(pictures, self._model.pictures, progress)
        return self._stacked(given, rows)

    def _check_lengths(self, texts: list[str]) -> None:
        limit = self._info.max_length
        if limit is None or not texts:
            return
        counts = self._model.lengths(texts)
        for text, count in zip(texts, counts or [], strict=counts is not None):
            if count > limit:
                raise InputError(
                    f"{plain(self._info.id)}: the text {shown(text)} has {count} tokens, the model "
                    f"takes at most {limit}; shorten the text"
                )

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"ImageTextEncoder(id={self._info.id!r}, {self._info.dim} coordinates)"


class VisionEncoder(PictureEncoder):
    """Pictures alone, from a transformers vision model such as a ViT.

    Parameters
    ----------
    model : str, os.PathLike, object or (processor, model)
        A folder or hub id, or a transformers model with its image processor. Of a CLIP-like model
        the vision tower is used, before its projection. Code that comes with a model is never
        run.
    processor : object, optional
        Of a model given as an object: its image processor.
    layer : int
        Which hidden state is pooled: 0 is the embedding of the patches, l the output of block l.
        The last one (-1, or the number of blocks) is the model's output, after its final norm
        where it has one; inner ones lack that norm.
    pooling : {"cls", "mean", "max", "pooler"}
        The class token; mean or maximum over the patches; or the model's own pooled output.
    special_tokens : bool
        Whether mean and maximum also run over the class and register tokens.
    id, device, dtype, batch_size, revision, weights
        As for :class:`ImageTextEncoder`; the id of an object is ``"vision"`` by default.

    Raises
    ------
    MissingExtraError
        When transformers or Pillow is not installed.
    UnknownNameError, DataFileError
        When there is no such model, or it cannot be loaded, or its files lack weights.
    InputError
        When an option breaks its rule, the model has no such layer, class token or pooled
        output, or gives another vector for one picture each time (masked autoencoders).
    """

    def __init__(
        self,
        model: Any,
        *,
        processor: Any = None,
        layer: int = -1,
        pooling: VisionPooling = "cls",
        special_tokens: bool = False,
        id: str | None = None,
        device: str | None = None,
        dtype: str | None = None,
        batch_size: int = 32,
        revision: str | None = None,
        weights: str | None = None,
    ) -> None:
        super().__init__()
        library = checked_options(id, device, dtype, batch_size, revision, weights)
        _check_extraction(layer, pooling, special_tokens)
        self._batch_size = batch_size
        self._model = VisionModel(
            model, processor, device, dtype, revision, pooling, special_tokens
        )
        parts = self._model.parts
        name = as_id(parts.name if id is None else id)
        try:
            dim = self._model.prepare(layer, probe(library), plain(name))
        except (EmbiasError, MemoryError):
            raise
        except Exception as error:
            raise cannot_run(name, error) from error
        self._info = EncoderInfo(
            id=name,
            kind="image",
            dim=dim,
            weights=parts.weights if weights is None else weights,
            revision=parts.revision,
            layer=str(self._model.layer),
            pooling=pooling,
            special_tokens=special_tokens if pooling in ("mean", "max") else None,
            normalized=False,
            dtype=im.dtype_of(self._model.model),
            backend="torch",
            preprocessing=describe(parts.images),
            modalities=("image",),
            libraries=versions("transformers", "torch", "Pillow"),
            notes=self._model.notes,
        )

    def encode(self, items: Sequence[Stimulus], *, progress: bool = False) -> Rows:
        """Return one vector per picture.

        Parameters
        ----------
        items : sequence of Image
            Pictures; opened in batches and closed again.
        progress : bool
            Whether to show a progress bar over the batches.

        Returns
        -------
        ndarray of float32, shape (len(items), d)
            One finite row, not zero, per picture, in order. Each distinct picture (by content)
            is computed once.

        Raises
        ------
        InputError
            When an item is a text, or a picture cannot be read.
        VectorError
            When a vector is zero or not finite; the picture is named.
        """
        pictures = as_pictures(items, plain(self._info.id))
        distinct = list(dict.fromkeys(pictures))
        return self._stacked(pictures, self._picture_rows(distinct, self._model.rows, progress))

    def __repr__(self) -> str:
        """Return a one-line summary."""
        return f"VisionEncoder(id={self._info.id!r}, {self._info.dim} coordinates)"


def _check_extraction(layer: Any, pooling: Any, special_tokens: Any) -> None:
    known = get_args(VisionPooling)
    if pooling not in known:
        raise InputError(f"pooling must be one of {', '.join(known)}, got {shown(pooling)}")
    if isinstance(layer, bool) or not isinstance(layer, int):
        raise InputError(f"layer must be a whole number, got {shown(layer)}; give -1 for the last")
    if not isinstance(special_tokens, bool):
        raise InputError(f"special_tokens must be True or False, got {shown(special_tokens)}")
