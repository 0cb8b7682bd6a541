"""Fitted transforms as a folder: arrays as safetensors, everything else as JSON."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import Normalizer

from embias._version import version
from embias.errors import DataFileError, InputError, OutputError
from embias.transforms._checks import check_fitted
from embias.transforms._folder import new_folder
from embias.transforms._state import pack, unpack
from embias.transforms.guard import warn_of_broken_guarantees

__all__ = ["load_as", "load_transform", "save_transform"]

Kind = TypeVar("Kind")
_FORMAT = 1
#: Where scikit-learn keeps what ``set_fit_request`` and its like were told, and for which methods.
_REQUEST, _ROUTED = "_metadata_request", ("fit", "partial_fit", "transform")
_PASS = "passthrough"
_JSON, _ARRAYS = "transform.json", "transform.safetensors"


def save_transform(
    transform: Any, folder: str | os.PathLike[str], *, overwrite: bool = False
) -> Path:
    """Write a fitted transform, or a scikit-learn Pipeline of such, into a folder.

    Parameters
    ----------
    transform : estimator
        A fitted transform of embias, ``sklearn.preprocessing.Normalizer``, or a Pipeline of them.
    folder : str or os.PathLike
        Made here; holds ``transform.json`` and ``transform.safetensors``.
    overwrite : bool
        Replace a folder that holds a saved transform.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        Not fitted, or no transform that can be saved.
    OutputError
        When the folder exists (without `overwrite`, or with other files in it), or cannot be
        written. Nothing is half-written.

    Warns
    -----
    TransformWarning
        When a step breaks what an earlier one guarantees, see :func:`broken_guarantees`.
    """
    check_fitted(transform)
    arrays: dict[str, Any] = {}
    packed = _pack_estimator(transform, arrays)
    if packed is None:
        raise InputError(
            f"{type(transform).__name__} cannot be saved; give a transform of embias, a "
            "Normalizer, or a Pipeline of them"
        )
    target = Path(os.fsdecode(folder))
    _check_target(target, overwrite)
    with new_folder(target) as scratch:
        _write(scratch, packed, arrays)
    warn_of_broken_guarantees(transform)
    return target


def _check_target(target: Path, overwrite: bool) -> None:
    if not os.path.lexists(target):
        return
    known = {_JSON, _ARRAYS}
    ours = target.is_dir() and {each.name for each in target.iterdir()} <= known
    if ours and (overwrite or not any(target.iterdir())):
        return
    cure = "overwrite=True replaces it" if ours else "give the name of a new folder"
    raise OutputError(f"{target}: exists already; {cure}")


def _write(folder: Path, packed: Any, arrays: dict[str, Any]) -> None:
    from safetensors.numpy import save

    data = save(arrays)
    (folder / _ARRAYS).write_bytes(data)
    record = {
        "format": _FORMAT,
        "embias": version(),
        "arrays_sha256": hashlib.sha256(data).hexdigest(),
        "transform": packed,
    }
    text = json.dumps(record, ensure_ascii=False, indent=1, allow_nan=False)
    (folder / _JSON).write_text(text + "\n", encoding="utf-8")


def load_transform(folder: str | os.PathLike[str]) -> Any:
    """Read a transform that :func:`save_transform` wrote; nothing in the files is executed.

    Raises
    ------
    DataFileError
        When a file is missing, malformed, changed since, or of a newer format.
    """
    source = Path(os.fsdecode(folder))
    record, arrays = _read(source)
    try:
        return _unpack_estimator(record["transform"], arrays)
    except DataFileError as error:
        raise DataFileError(f"{source / _JSON}: {error}; save the transform again") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataFileError(
            f"{source / _JSON}: not a saved transform ({type(error).__name__}: {error}); save the "
            "transform again"
        ) from error


def load_as(kind: type[Kind], folder: str | os.PathLike[str]) -> Kind:
    """Read a transform and check its class.

    Raises
    ------
    DataFileError
        See :func:`load_transform`; also when the folder holds a transform of another class.
    """
    loaded = load_transform(folder)
    if not isinstance(loaded, kind):
        raise DataFileError(
            f"{os.fsdecode(folder)}: holds a {type(loaded).__name__}, not a {kind.__name__}; load "
            "it with embias.transforms.load_transform"
        )
    return loaded


def _read(source: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        text = (source / _JSON).read_text(encoding="utf-8")
        data = (source / _ARRAYS).read_bytes()
    except (OSError, UnicodeDecodeError) as error:
        raise DataFileError(
            f"{source}: no saved transform ({error}); give a folder that save_transform wrote"
        ) from error
    try:
        record = json.loads(text)
        if record["format"] > _FORMAT:
            raise DataFileError(
                f"{source / _JSON}: format {record['format']} is newer than this embias reads "
                f"({_FORMAT}); update embias"
            )
        same = record["arrays_sha256"] == hashlib.sha256(data).hexdigest()
        arrays = load(data)
    except (ValueError, KeyError, TypeError, RecursionError, SafetensorError) as error:
        if isinstance(error, DataFileError):
            raise
        raise DataFileError(
            f"{source}: not a saved transform ({type(error).__name__}: {error}); save it again"
        ) from error
    if not same:
        raise DataFileError(
            f"{source / _ARRAYS}: is not the file that was saved with {_JSON}; save both again"
        )
    return record, arrays


def _classes() -> dict[str, type[Any]]:
    from embias.transforms.folding import FoldedAffine
    from embias.transforms.registry import TRANSFORMS

    listed = [card.estimator for card in TRANSFORMS.values()] + [Normalizer, FoldedAffine]
    return {kind.__name__: kind for kind in listed}


def _pack_estimator(value: Any, arrays: dict[str, Any]) -> Any:
    def nested(each: Any) -> Any:
        return _pack_estimator(each, arrays)

    if isinstance(value, Pipeline):
        # None and "passthrough" are the same to scikit-learn.
        steps = [
            [name, _PASS if step in (None, _PASS) else nested(step)] for name, step in value.steps
        ]
        return None if any(step is None for _, step in steps) else {"pipeline": steps}
    if not isinstance(value, BaseEstimator) or _classes().get(type(value).__name__) is not type(
        value
    ):
        return None
    state = {name: each for name, each in vars(value).items() if name != _REQUEST}
    packed = {
        "class": type(value).__name__,
        "state": {name: pack(each, arrays, nested) for name, each in state.items()},
    }
    if hasattr(value, _REQUEST):
        routing = value.get_metadata_routing()
        packed["requests"] = {name: dict(getattr(routing, name).requests) for name in _ROUTED}
    return packed


def _unpack_estimator(value: Any, arrays: dict[str, Any]) -> Any:
    def nested(each: Any) -> Any:
        return _unpack_estimator(each, arrays)

    if not isinstance(value, dict):
        raise DataFileError(f"unexpected {str(value)[:60]!r}")
    if "pipeline" in value:
        steps = value["pipeline"]
        return Pipeline(
            [(str(name), step if step == _PASS else nested(step)) for name, step in steps]
        )
    kind = _classes().get(value["class"])
    if kind is None:
        raise DataFileError(f"no transform {str(value['class'])[:60]!r} is known")
    made = object.__new__(kind)
    for name, each in value["state"].items():
        if not name.isidentifier() or name.startswith("__"):
            raise DataFileError(f"{name[:60]!r} is no attribute of a {kind.__name__}")
        setattr(made, name, _frozen(unpack(each, arrays, nested)))
    if "requests" in value:
        setattr(made, _REQUEST, _routing_of(made, value["requests"]))
    return made


def _routing_of(made: Any, requests: dict[str, dict[str, Any]]) -> Any:
    routing = made.get_metadata_routing()
    for name in _ROUTED:
        for parameter, alias in requests.get(name, {}).items():
            getattr(routing, name).add_request(param=parameter, alias=alias)
    return routing


def _frozen(value: Any) -> Any:
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        value.setflags(write=False)
    return value
