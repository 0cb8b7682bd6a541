"""The state of a transform as JSON and named arrays, and back; no pickle."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

import numpy as np

from embias.errors import DataFileError, InputError
from embias.geometry import Subspace
from embias.transforms._labels import LabelColumn
from embias.transforms._moments import Moments
from embias.transforms.affine_map import DenseMap, LowRankMap
from embias.types import FloatArray

__all__ = ["pack", "unpack"]

#: Values that are written field by field. A class that is not here is not read back.
_RECORDS: dict[str, type[Any]] = {
    each.__name__: each for each in (Subspace, LabelColumn, Moments, DenseMap, LowRankMap)
}
_SPECIAL = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def pack(value: Any, arrays: dict[str, FloatArray], estimator: Callable[[Any], Any]) -> Any:
    """Return a value as JSON; its arrays go into `arrays` under running names.

    Parameters
    ----------
    value : object
        Numbers, texts, containers, arrays, data frames, generators, frozen values of transforms,
        estimators. A torch tensor is written as an array.
    arrays : dict
        Takes the arrays.
    estimator : callable
        Returns an estimator as JSON, or None for what is no estimator that can be saved.

    Raises
    ------
    InputError
        When there is something that has no written form.
    """
    if value is None or isinstance(value, bool | str | int):
        return value if not isinstance(value, np.generic) else _pack_number(value)
    if isinstance(value, float | np.generic):
        return _pack_number(value)
    if isinstance(value, np.ndarray):
        return _pack_array(value, arrays, estimator)
    if isinstance(value, list | tuple | set | frozenset | Mapping):
        return _pack_container(value, arrays, estimator)
    return _pack_object(value, arrays, estimator)


def _pack_number(value: Any) -> Any:
    if isinstance(value, np.generic):
        plain = value.item()
        inner = _pack_number(plain) if isinstance(plain, float) else plain
        return {"scalar": value.dtype.str, "value": inner}
    return value if math.isfinite(value) else {"float": str(value)}


def _pack_container(
    value: Any, arrays: dict[str, FloatArray], estimator: Callable[[Any], Any]
) -> dict[str, Any]:
    if isinstance(value, Mapping):
        pairs = [[pack(part, arrays, estimator) for part in pair] for pair in value.items()]
        return {"dict": pairs}
    # The order of a set is not the same in the next run.
    ordered = sorted(value, key=repr) if isinstance(value, set | frozenset) else value
    return {type(value).__name__: [pack(each, arrays, estimator) for each in ordered]}


def _pack_object(value: Any, arrays: dict[str, FloatArray], estimator: Callable[[Any], Any]) -> Any:
    import pandas as pd

    def inner(part: Any) -> Any:
        return pack(part, arrays, estimator)

    if isinstance(value, np.random.Generator):
        return {"generator": inner(value.bit_generator.state)}
    if isinstance(value, pd.DataFrame):
        frame = (value.to_numpy(), list(value.index), list(value.columns))
        return {"frame": [inner(part) for part in frame]}
    if hasattr(value, "detach"):  # a parameter of a torch model comes back as an array
        return inner(value.detach().cpu().double().numpy())
    if _RECORDS.get(type(value).__name__) is type(value):
        parts = {f.name: pack(getattr(value, f.name), arrays, estimator) for f in fields(value)}
        return {"record": type(value).__name__, "fields": parts}
    packed = estimator(value)
    if packed is None:
        raise InputError(
            f"{type(value).__name__} cannot be saved; give numbers, texts, arrays and transforms "
            "of embias as parameters"
        )
    return packed


def _pack_array(
    value: Any, arrays: dict[str, FloatArray], estimator: Callable[[Any], Any]
) -> dict[str, Any]:
    if value.dtype.kind in "OUS":
        listed = [pack(each, arrays, estimator) for each in value.ravel().tolist()]
        return {"texts": listed, "dtype": value.dtype.str, "shape": list(value.shape)}
    name = f"array_{len(arrays)}"
    arrays[name] = np.ascontiguousarray(value)
    return {"array": name}


def unpack(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    """Return the value that :func:`pack` wrote.

    Raises
    ------
    DataFileError
        When it is not what `pack` writes.
    """
    if value is None or isinstance(value, bool | str | int | float):
        return value
    if not isinstance(value, dict) or not value:
        raise DataFileError(f"unexpected {str(value)[:60]!r}")
    kind = next(iter(value))
    read = _READERS.get(kind)
    return estimator(value) if read is None else read(value, arrays, estimator)


def _read_array(value: Any, arrays: Mapping[str, Any], _: Any) -> Any:
    if value["array"] not in arrays:
        raise DataFileError(f"the array {value['array']!r} is not in the safetensors file")
    return arrays[value["array"]]


def _read_texts(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    flat = np.empty(len(value["texts"]), dtype=value["dtype"])
    flat[:] = [unpack(each, arrays, estimator) for each in value["texts"]]
    return flat.reshape(value["shape"])


def _read_scalar(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    return np.dtype(value["scalar"]).type(unpack(value["value"], arrays, estimator))


def _read_record(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    kind = _RECORDS.get(value["record"])
    if kind is None:
        raise DataFileError(f"no value of the kind {value['record']!r:.60} is known")
    parts = value["fields"]
    return kind(**{name: unpack(each, arrays, estimator) for name, each in parts.items()})


def _read_generator(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    state = unpack(value["generator"], arrays, estimator)
    kind = _BIT_GENERATORS.get(state["bit_generator"])
    if kind is None:
        raise DataFileError(f"no generator {state['bit_generator']!r:.60} is known")
    made = kind()
    made.state = state
    return np.random.Generator(made)


def _read_frame(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    import pandas as pd

    rows, index, columns = (unpack(part, arrays, estimator) for part in value["frame"])
    return pd.DataFrame(rows, index=index, columns=columns)


def _read_dict(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    pairs = [[unpack(part, arrays, estimator) for part in pair] for pair in value["dict"]]
    return dict(pairs)


def _read_container(value: Any, arrays: Mapping[str, Any], estimator: Callable[[Any], Any]) -> Any:
    name = next(iter(value))
    return _CONTAINERS[name](unpack(each, arrays, estimator) for each in value[name])


_BIT_GENERATORS: dict[str, Any] = {
    each.__name__: each
    for each in (
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.MT19937,
        np.random.Philox,
        np.random.SFC64,
    )
}
_CONTAINERS: dict[str, Any] = {each.__name__: each for each in (list, tuple, set, frozenset)}
_READERS: dict[str, Callable[..., Any]] = {
    "array": _read_array,
    "texts": _read_texts,
    "scalar": _read_scalar,
    "float": lambda value, *_: _SPECIAL[value["float"]],
    "record": _read_record,
    "dict": _read_dict,
    "generator": _read_generator,
    "frame": _read_frame,
    **dict.fromkeys(_CONTAINERS, _read_container),
}
