"""Reads Parquet tables: a column of words, and numbers as one list column or as many columns."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embias.encoders._items import quoted
from embias.encoders._show import at, one_line, shown
from embias.encoders._sources import PARQUET, Source, bomb_error, expansion_limit
from embias.encoders._table import Float32Array, TableBuilder
from embias.errors import DataFileError, MissingExtraError

_BATCH_NUMBERS = 2_000_000
_LIST_ROWS = 256


@dataclass(frozen=True, slots=True)
class _Layout:
    """Which columns hold what; `lists` when the one column of numbers holds lists."""

    words: str
    numbers: tuple[str, ...]
    lists: bool


def read_parquet(source: Source, encoding_errors: str) -> tuple[TableBuilder, list[str]]:
    """Read the words and the numbers of a Parquet table, some rows at a time."""
    path = source.path
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingExtraError(f"the Parquet file {at(path)}", "pyarrow", "static") from error
    if not source.head.startswith(PARQUET):
        raise DataFileError(f"{at(path)}: is not a Parquet file; give the right format=")
    try:
        source.stream.seek(0)
        with parquet.ParquetFile(source.stream) as file:
            return _read(path, file, encoding_errors), []
    except (arrow.ArrowException, OSError, OverflowError) as error:
        raise DataFileError(
            f"{at(path)}: cannot be read as Parquet ({one_line(error)}); get the file anew"
        ) from error


def _read(path: Path, file: Any, encoding_errors: str) -> TableBuilder:
    layout = _layout(path, file.schema_arrow)
    _refuse_bomb(path, file.metadata)
    table: TableBuilder | None = None
    done = 0
    per_batch = _LIST_ROWS if layout.lists else max(1, _BATCH_NUMBERS // len(layout.numbers))
    for batch in file.iter_batches(batch_size=per_batch):
        if not batch.num_rows:
            continue
        places = range(done + 1, done + batch.num_rows + 1)
        tokens = _tokens(path, batch.column(layout.words), places)
        dim = None if table is None else table.dim
        rows = _rows(path, layout, batch, dim, tokens, places)
        if table is None:
            table = TableBuilder(path, rows.shape[1], unit="row", encoding_errors=encoding_errors)
        table.add(tokens, rows, places)
        done += batch.num_rows
    if table is None:
        raise DataFileError(f"{at(path)}: the table has no rows; get the file anew")
    return table


def _layout(path: Path, schema: Any) -> _Layout:
    types: Any = import_module("pyarrow.types")

    def is_text(kind: Any) -> bool:
        kind = kind.value_type if types.is_dictionary(kind) else kind
        return bool(types.is_string(kind) or types.is_large_string(kind))

    def is_number(kind: Any) -> bool:
        return bool(types.is_floating(kind) or types.is_integer(kind))

    def is_list(kind: Any) -> bool:
        listed = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        return bool(listed and is_number(kind.value_type))

    repeated = len(set(schema.names)) < len(schema.names)
    text = [field.name for field in schema if is_text(field.type)]
    lists = [field.name for field in schema if is_list(field.type)]
    numbers = [field for field in schema if is_number(field.type)]
    if len(text) != 1 or repeated:
        raise _layout_error(path, schema, f"{len(text)} columns of text")
    if len(lists) == 1 and not numbers and len(schema) == 2:
        return _Layout(text[0], (lists[0],), True)
    if lists or not numbers or len(schema) != 1 + len(numbers):
        raise _layout_error(path, schema, f"{len(lists)} of lists, {len(numbers)} of numbers")
    # A count or an index among coordinates would silently become one of them.
    whole = [field.name for field in numbers if types.is_integer(field.type)]
    index = [field.name for field in numbers if field.name.startswith("__index_level_")]
    if index or (whole and len(whole) < len(numbers)):
        raise DataFileError(
            f"{at(path)}: {quoted(index or whole)} holds whole numbers beside columns of others "
            "and looks like an index or a count, not a coordinate; drop it, or save it as float"
        )
    return _Layout(text[0], tuple(field.name for field in numbers), False)


def _layout_error(path: Path, schema: Any, found: str) -> DataFileError:
    columns = ", ".join(f"{shown(field.name, 40)} ({field.type})" for field in list(schema)[:10])
    return DataFileError(
        f"{at(path)}: expected one column of text (the words) and either one column of lists of "
        f"numbers or columns of numbers only, got {found}: {columns}"
        f"{' and more' if len(schema) > 10 else ''}; save only those columns"
    )


def _refuse_bomb(path: Path, metadata: Any) -> None:
    limit = expansion_limit(path)
    for group in range(metadata.num_row_groups):
        row_group = metadata.row_group(group)
        values = sum(row_group.column(i).num_values for i in range(row_group.num_columns))
        limit -= 4 * values  # what they take as float32
    if limit < 0:
        raise bomb_error(path, expansion_limit(path))


def _tokens(path: Path, column: Any, places: range) -> list[bytes]:
    arrow: Any = import_module("pyarrow")
    if arrow.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    # As bytes: that the text of a file is UTF-8 is a claim, which the table checks.
    words: list[bytes | None] = column.cast(arrow.large_binary()).to_pylist()
    tokens = [word for word in words if word is not None]
    if len(tokens) < len(words):
        raise DataFileError(
            f"{at(path)}: row {places[words.index(None)]}: the word is null; remove the row"
        )
    return tokens


def _rows(
    path: Path,
    layout: _Layout,
    batch: Any,
    dim: int | None,
    tokens: list[bytes],
    places: range,
) -> Float32Array:
    columns = [batch.column(name) for name in layout.numbers]
    values = columns[0].flatten() if layout.lists else None
    if any(column.null_count for column in (*columns, *([] if values is None else [values]))):
        raise DataFileError(
            f"{at(path)}: rows {places[0]} to {places[-1]}: a number is null; remove the row, or "
            "put a number there"
        )
    if values is None:
        rows = np.stack([_float32(column) for column in columns], axis=1)
        return np.ascontiguousarray(rows)
    lengths = np.diff(_offsets(columns[0]))
    expected = int(lengths[0]) if dim is None else dim
    wrong = np.flatnonzero(lengths != expected)
    if expected < 1 or wrong.size:
        row = int(wrong[0]) if wrong.size else 0
        raise DataFileError(
            f"{at(path)}: row {places[row]}: the list of the word "
            f"{shown(tokens[row].decode('utf-8', 'replace'))} has {lengths[row]} numbers, expected "
            f"{max(expected, 1)}; all must have the same number"
        )
    return _float32(values).reshape(len(tokens), expected)


def _offsets(column: Any) -> NDArray[np.int64]:
    size = getattr(column.type, "list_size", None)
    if size is not None:
        return np.arange(0, (len(column) + 1) * size, size, dtype=np.int64)
    offsets: NDArray[np.int64] = column.offsets.to_numpy().astype(np.int64)
    return offsets


def _float32(column: Any) -> Float32Array:
    with np.errstate(over="ignore"):  # beyond float32: infinite, refused with its word
        return np.asarray(column.to_numpy(zero_copy_only=False), dtype=np.float32)
