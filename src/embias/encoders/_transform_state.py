"""What a transform computes, as a short text: its class, its parameters, a hash of its state."""

from __future__ import annotations

import hashlib
import inspect
import platform
import struct
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from embias.encoders._cache_keys import UNPINNED
from embias.encoders._show import printable_id, shown
from embias.encoders._versions import versions

__all__ = ["describe", "libraries_of"]

_DEEPEST = 50
_SHOWN = 40
_MIXINS = frozenset(("abc", "typing", "collections.abc"))
_MADE_IN_PYTHON = 1 << 9  # Py_TPFLAGS_HEAPTYPE: what other classes hold may be out of sight
#: Packages that are imported under another name than they are installed.
_DISTRIBUTIONS = {"sklearn": "scikit-learn", "umap": "umap-learn"}


class _NotPlainError(Exception):
    """Something of which no hash can be taken."""


def describe(transform: Any, revision: str | None) -> str:
    """Return the text under which a transform stands in results and in cache keys.

    With a revision the caller says what pins it; else all of its attributes are hashed, and
    where that does not tell what it computes (functions, classes of the caller's own, objects
    of C code) the text ends with ``"(unpinned)"``.
    """
    name = printable_id(_signature(transform))
    if revision is not None:
        return f"{name} {printable_id(revision)}"
    try:
        digest = hashlib.sha256()
        _add(digest, transform, 0)
    except _NotPlainError:
        return f"{name} {UNPINNED}"
    return f"{name} sha256:{digest.hexdigest()[:16]}"


def libraries_of(transform: Any) -> dict[str, str]:
    """Return the package that the class of a transform comes from, with its version."""
    steps = getattr(transform, "steps", None)
    parts = [step for _, step in steps] if isinstance(steps, list) else []
    tops = {str(type(part).__module__).partition(".")[0] for part in (transform, *parts)}
    return versions(*sorted(_distribution(top) for top in tops - sys.stdlib_module_names))


def _signature(transform: Any) -> str:
    """Return the class with the parameters that differ from its defaults, or a function's name."""
    if not hasattr(transform, "transform"):
        return str(getattr(transform, "__name__", None) or type(transform).__name__)
    name = type(transform).__name__
    steps = getattr(transform, "steps", None)
    if isinstance(steps, list):
        return f"{name}({', '.join(_brief(step) for _, step in steps)})"
    given = ", ".join(f"{key}={_brief(value)}" for key, value in _changed(transform))
    return f"{name}({given})"


def _brief(value: Any) -> str:
    """Return a parameter as text; never with a place in memory, which the next run has not."""
    parts = value if isinstance(value, list | tuple) else [value]
    if all(part is None or isinstance(part, str | int | float) for part in parts):
        return shown(value, _SHOWN)
    if hasattr(value, "transform"):
        return _signature(value)
    return str(getattr(value, "__name__", None) or type(value).__name__)


def _changed(transform: Any) -> list[tuple[str, Any]]:
    if not hasattr(transform, "get_params"):
        return []
    parameters = inspect.signature(type(transform)).parameters
    defaults = {name: parameter.default for name, parameter in parameters.items()}
    return [
        (name, value)
        for name, value in sorted(transform.get_params(deep=False).items())
        if not _same(value, defaults.get(name, inspect.Parameter.empty))
    ]


def _same(value: Any, default: Any) -> bool:
    plain = (str, int, float, bool, type(None))
    if isinstance(value, plain) and isinstance(default, plain):
        return type(value) is type(default) and repr(value) == repr(default)
    return value is default


def _add(digest: Any, value: Any, depth: int) -> None:
    """Feed a value with the types of all of its parts; the form is such that no two collide."""
    if depth > _DEEPEST:  # also what holds itself
        raise _NotPlainError
    kind = type(value)
    digest.update(f"<{kind.__module__}.{kind.__qualname__}>".encode("utf-8", "surrogatepass"))
    if isinstance(value, np.ndarray):
        _add_array(digest, value, depth)
    elif isinstance(value, (np.generic, float, complex)):
        _add_bytes(digest, _number(value))
    elif value is None or isinstance(value, (bool, int, str, np.dtype)):
        _add_bytes(digest, str(value).encode("utf-8", "surrogatepass"))
    elif isinstance(value, bytes):
        _add_bytes(digest, value)
    elif isinstance(value, (list, tuple)):
        _add_all(digest, list(value), depth)
    elif isinstance(value, Mapping):
        _add_all(digest, [part for pair in value.items() for part in pair], depth)
    elif isinstance(value, type):
        _add_class(digest, value)
    elif isinstance(value, np.ufunc):
        _add_bytes(digest, value.__name__.encode())
    else:
        _add_object(digest, value, depth)


def _add_bytes(digest: Any, data: bytes) -> None:
    digest.update(b"%d:" % len(data))
    digest.update(data)


def _number(value: Any) -> bytes:
    if isinstance(value, np.generic):
        if value.dtype.hasobject:
            raise _NotPlainError
        return value.dtype.str.encode() + value.tobytes()
    if isinstance(value, complex):
        return struct.pack("<dd", value.real, value.imag)
    return struct.pack("<d", value)


def _add_array(digest: Any, array: Any, depth: int) -> None:
    if array.dtype.hasobject:
        _add_bytes(digest, str(array.shape).encode())
        _add_all(digest, array.ravel().tolist(), depth)
        return
    _add_bytes(digest, f"{array.dtype.str} {array.shape}".encode())
    _add_bytes(digest, np.ascontiguousarray(array).tobytes())
    mask = getattr(array, "mask", None)
    if mask is not None:
        _add_bytes(digest, np.ascontiguousarray(mask).tobytes())


def _add_all(digest: Any, parts: list[Any], depth: int) -> None:
    _add_bytes(digest, str(len(parts)).encode())
    for part in parts:
        _add(digest, part, depth + 1)


def _add_object(digest: Any, value: Any, depth: int) -> None:
    """Feed the attributes of an object, where they and its installed class are all there is."""
    state = getattr(value, "__dict__", None)
    # Functions have attributes too, and what they compute is not among them.
    if state is None or (callable(value) and not hasattr(value, "transform")):
        raise _NotPlainError
    for base in type(value).__mro__[:-1]:
        _add_class(digest, base)
        if not _shows_its_state(base):
            raise _NotPlainError
    _add_all(digest, [part for name in sorted(state) for part in (name, state[name])], depth)


def _add_class(digest: Any, kind: type) -> None:
    """Feed the name of a class with the version of its package; one in a script has none."""
    if kind.__module__ != "builtins":
        version = _version(kind)
        if version is None or "<locals>" in kind.__qualname__:
            raise _NotPlainError
        _add_bytes(digest, version.encode())
    _add_bytes(digest, f"{kind.__module__}.{kind.__qualname__}".encode("utf-8", "surrogatepass"))


def _version(kind: type) -> str | None:
    top = kind.__module__.partition(".")[0]
    if top in sys.stdlib_module_names:
        # Other classes of Python itself may hold state in C (random.Random, functools.partial).
        return platform.python_version() if kind.__module__ in _MIXINS else None
    return next(iter(versions(_distribution(top)).values()), None)


def _shows_its_state(kind: type) -> bool:
    """Return whether all that instances hold is in their ``__dict__``."""
    is_python = kind.__flags__ & _MADE_IN_PYTHON and "__reduce_cython__" not in vars(kind)
    return bool(is_python) and not set(_slots(kind)) - {"__dict__", "__weakref__"}


def _distribution(top: str) -> str:
    return _DISTRIBUTIONS.get(top, top)


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)
