"""Opens the folder of a model by what is in it."""

from __future__ import annotations

from pathlib import Path

from embias.encoders._images_model import kind_of_folder
from embias.encoders.images import ImageTextEncoder, VisionEncoder
from embias.encoders.model2vec import Model2VecEncoder, is_model2vec_folder
from embias.encoders.sentence import SentenceTransformerEncoder
from embias.types import Encoder

__all__ = ["open_folder"]


def open_folder(folder: Path, id: str | None) -> Encoder:
    """Return the encoder for the model in a folder."""
    if is_model2vec_folder(folder):  # before the others: it may hold a modules.json too
        return Model2VecEncoder(folder, id=id)
    takes = kind_of_folder(folder)
    if takes == "image-text":
        return ImageTextEncoder(folder, id=id)
    if takes == "image":
        return VisionEncoder(folder, id=id)
    return SentenceTransformerEncoder(folder, id=id)
