"""One safetensors file for a table of stimuli and vectors: no pickle, whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
from safetensors import SafetensorError, safe_open

from embias.encoders._options import as_path
from embias.encoders._show import at, one_line
from embias.errors import DataFileError, InputError, OutputError
from embias.types import FloatArray, Image, InContext, Stimulus

__all__ = ["is_precomputed_file", "key_of", "read_table", "write_table"]

T = TypeVar("T")

_FIELDS = "embias"
_FORMAT = "precomputed 1"
_HEAD_BYTES = 65536
_KNOWN_FIELDS = {"id", "kind", "weights", "revision", "notes", "content"}


def is_precomputed_file(path: str | os.PathLike[str]) -> bool:
    """Return whether a file says in its header that :func:`write_table` wrote it."""
    try:
        with open(path, "rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            head = stream.read(min(length, _HEAD_BYTES))
    except OSError:
        return False
    # What is told apart is a table of word vectors, whose header has no such key.
    return head.startswith(b"{") and b'"__metadata__"' in head and b'"embias"' in head


def key_of(item: Stimulus) -> str:
    """Return a text (ASCII, one line) that is equal exactly for equal items."""
    if isinstance(item, InContext):
        return json.dumps([item.text, item.start, item.stop])
    return json.dumps({"image": item.digest} if isinstance(item, Image) else item)


def write_table(
    path: str | os.PathLike[str],
    items: Sequence[Stimulus],
    vectors: FloatArray,
    fields: dict[str, Any],
) -> None:
    """Write items, vectors and fields (plain values) to one file."""
    from safetensors.numpy import save_file

    from embias.results import check_output

    target = check_output(as_path(path, "path"))
    text = json.dumps([_plain(item) for item in items])
    tensors = {
        "vectors": np.ascontiguousarray(vectors),
        "items": np.frombuffer(text.encode("ascii"), dtype=np.uint8),
    }
    described = {_FIELDS: json.dumps({"format": _FORMAT, **fields})}
    try:
        # In the same folder, so that the rename cannot cross file systems.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".embias-") as folder:
            whole = os.path.join(folder, "table.safetensors")
            save_file(tensors, whole, metadata=described)
            if target.exists():
                shutil.copymode(target, whole)
            os.replace(whole, target)
    except (OSError, SafetensorError, UnicodeEncodeError) as error:
        raise OutputError(
            f"cannot write {at(path)}: {one_line(error)}; give a path in a folder that exists and "
            "that you may write to"
        ) from error


def read_table(
    path: str | os.PathLike[str],
    build: Callable[[list[Stimulus], FloatArray, dict[str, Any]], T],
) -> T:
    """Return what `build` makes of the items, vectors and fields of a file."""
    file = as_path(path, "path")
    if not os.path.isfile(file):
        raise DataFileError(f"{at(file)}: no such file; check the path of the table")
    try:
        with safe_open(str(file), framework="numpy") as opened:
            described = (opened.metadata() or {}).get(_FIELDS)
            fields = None if described is None else json.loads(described)
            if not isinstance(fields, dict) or fields.pop("format", None) != _FORMAT:
                raise DataFileError(
                    f"{at(file)}: is no table that PrecomputedEncoder.save wrote; read other "
                    "vectors with StaticEncoder.from_file"
                )
            if set(fields) != _KNOWN_FIELDS:
                raise InputError(f"the fields must be {', '.join(sorted(_KNOWN_FIELDS))}")
            vectors, items = opened.get_tensor("vectors"), opened.get_tensor("items")
        listed = json.loads(items.tobytes())
        if not isinstance(listed, list):
            raise InputError("the items are no list")
        return build([_stimulus(one) for one in listed], vectors, fields)
    except DataFileError:
        raise
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError, RecursionError) as err:
        # ValueError: JSON, UTF-8 and our own checks. TypeError and AttributeError: a number type
        # that numpy does not have.
        raise DataFileError(
            f"{at(file)}: cannot be read as a table of vectors ({one_line(err)}); get the file anew"
        ) from err


def _plain(item: Stimulus) -> Any:
    if isinstance(item, InContext):
        return {"text": item.text, "start": item.start, "stop": item.stop}
    return {"image": item.digest, "name": item.name} if isinstance(item, Image) else item


def _stimulus(value: Any) -> Stimulus:
    if isinstance(value, str):
        return value
    texts = value if isinstance(value, dict) else {}
    match sorted(texts):
        case ["start", "stop", "text"]:
            start, stop, text = (texts[name] for name in ("start", "stop", "text"))
            if type(start) is int and type(stop) is int and isinstance(text, str):
                return InContext(text, start, stop)
        case ["image", "name"]:
            if isinstance(texts["image"], str) and isinstance(texts["name"], str):
                return Image(texts["name"], texts["image"], None)
    raise InputError(f"an item is neither a text, nor a word in context, nor a picture: {value}")
