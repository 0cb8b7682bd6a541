"""The result of an audit: rows, provenance, a tidy frame, JSON out and in."""

from __future__ import annotations

import importlib
import json
import math
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from embias.errors import DataFileError, InputError
from embias.results._reading import read_source, read_value
from embias.results._writing import write_text
from embias.results.values import BiasResult, Provenance

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

__all__ = ["COLUMNS", "Audit"]

#: Version of the JSON layout written by :meth:`Audit.to_json`.
SCHEMA = 1

_IDENTITY = (
    "encoder",
    "transform",
    "suite",
    "test",
    "description",
    "metric",
    "status",
    "reason",
)
_FIGURES = (
    "value",
    "no_bias",
    "statistic",
    "effect_size",
    "ddof",
    "unit",
    "unit_statistic",
    "unit_effect_size",
    "effect_low",
    "effect_high",
    "interval_level",
    "interval_method",
    "alternative",
    "pvalue",
    "pvalue_low",
    "pvalue_high",
    "pvalue_method",
    "pvalue_adjusted",
    "adjustment",
    "family",
    "item_pvalue",
    "item_pvalue_method",
    "detectable_effect",
    "n_resamples",
    "n_x",
    "n_y",
    "items_x",
    "items_y",
    "items_a",
    "items_b",
)
_OF_ROW = (
    "pvalue_adjusted",
    "adjustment",
    "family",
    "item_pvalue",
    "item_pvalue_method",
    "detectable_effect",
)
_COUNTS = ("asked", "found", "dropped", "dropped_words")
_PUBLISHED = ("published_effect_size", "published_pvalue", "agrees", "published_source")

#: Columns of :attr:`Audit.frame`, in order.
COLUMNS = (*_IDENTITY, *_FIGURES, *_COUNTS, *_PUBLISHED, "notes")

_FLOATS = (
    "value",
    "no_bias",
    "statistic",
    "effect_size",
    "unit_statistic",
    "unit_effect_size",
    "pvalue",
    "pvalue_low",
    "pvalue_high",
    "effect_low",
    "effect_high",
    "interval_level",
    "pvalue_adjusted",
    "item_pvalue",
    "detectable_effect",
    "published_effect_size",
)
_INTEGERS = (
    "ddof",
    "n_resamples",
    "n_x",
    "n_y",
    "items_x",
    "items_y",
    "items_a",
    "items_b",
    "asked",
    "found",
    "dropped",
)


@dataclass(frozen=True, repr=False)
class Audit:
    """What an audit found: one row per encoder x transform x test x metric.

    Attributes
    ----------
    results : tuple of BiasResult
        The rows, in the order in which they were computed. A test that could not be run is a
        row with ``status="error"`` and its reason.
    provenance : Provenance
        How to run the audit again. Two audits are equal when their rows and their provenance
        (without the time of creation) are equal.
    """

    results: tuple[BiasResult, ...]
    provenance: Provenance

    @property
    def frame(self) -> pd.DataFrame:
        """All rows as a tidy table in full precision, columns :data:`COLUMNS`.

        Figures of an error row are NaN (floats), NA (integers) or None (texts), never 0. The
        types of the columns do not depend on the rows. Each access gives a table of your own.
        """
        return self._table.copy()

    @cached_property
    def _table(self) -> pd.DataFrame:
        import pandas as pd

        rows = [_row(result) for result in self.results]
        columns = {}
        for name in COLUMNS:
            values = [row.get(name) for row in rows]
            dtype: Any = "float64" if name in _FLOATS else "Int64" if name in _INTEGERS else object
            columns[name] = pd.Series(values, dtype="boolean" if name == "agrees" else dtype)
        return pd.DataFrame(columns)

    @property
    def ok(self) -> bool:
        """Whether every row could be computed."""
        return all(result.status == "ok" for result in self.results)

    def merge(self, *others: Audit) -> Audit:
        """Join the rows of several audits that were run with the same seed and settings.

        Raises
        ------
        InputError
            When seeds or settings differ (one provenance could not speak for all rows), or
            the same test of the same encoder is in two of them.
        """
        first = self.provenance
        for other in others:
            if (other.provenance.seed, other.provenance.settings) != (first.seed, first.settings):
                raise InputError(
                    "Audit.merge: the audits were run with different seeds or settings "
                    f"({first.seed}, {first.settings} and {other.provenance.seed}, "
                    f"{other.provenance.settings}); run them with the same ones, or keep them apart"
                )
        rows = [_identity(row) for part in (self, *others) for row in part.results]
        twice = [row for row in rows if rows.count(row) > 1]
        if twice:
            raise InputError(f"Audit.merge: two rows are {' / '.join(filter(None, twice[0]))}")
        parts = (self, *others)
        provenance = Provenance(
            embias=first.embias,
            python=first.python,
            platform=first.platform,
            packages={k: v for part in parts for k, v in part.provenance.packages.items()},
            seed=first.seed,
            settings=first.settings,
            encoders=_distinct(e for part in parts for e in part.provenance.encoders),
            suites=_distinct(s for part in parts for s in part.provenance.suites),
            created=first.created,
            command=first.command,
        )
        return Audit(tuple(row for part in parts for row in part.results), provenance)

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the audit as JSON in full precision; write it to `path` if one is given.

        The text is strict JSON (no ``NaN``: missing figures are ``null``) and is read back by
        :meth:`from_json` to an equal audit.
        """
        document = {
            "schema": SCHEMA,
            "kind": "embias.audit",
            "provenance": {
                **asdict(self.provenance),
                "encoders": [info.to_dict() for info in self.provenance.encoders],
                "suites": list(self.provenance.suites),
            },
            "results": [asdict(result) for result in self.results],
        }
        text = json.dumps(_without_nan(document), indent=1, ensure_ascii=False, allow_nan=False)
        text += "\n"
        if path is not None:
            write_text(path, text)
        return text

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> Audit:
        """Read an audit from a file (a path) or from the text that :meth:`to_json` returned.

        Raises
        ------
        DataFileError
            When the file is not there, is not JSON, or is not an audit of a known schema.
        """
        where, text = read_source(source)
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            raise DataFileError(f"{where}: not JSON (line {error.lineno}: {error.msg})") from error
        except (ValueError, RecursionError) as error:
            raise DataFileError(f"{where}: not JSON that can be read: {error}") from error
        if not isinstance(document, dict) or document.get("kind") != "embias.audit":
            raise DataFileError(f"{where}: not a saved audit; write one with Audit.to_json(path)")
        if document.get("schema") != SCHEMA:
            raise DataFileError(
                f"{where}: schema {document.get('schema')!r}, this version of embias reads "
                f"schema {SCHEMA}; run the audit again"
            )
        try:
            results = read_value(document.get("results"), tuple[BiasResult, ...], "results")
            provenance = read_value(document.get("provenance"), Provenance, "provenance")
        except InputError as error:
            raise DataFileError(
                f"{where}: {error}; the file is damaged, run the audit again"
            ) from error
        return cls(results, provenance)

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the audit as one self-contained HTML page; write it to `path` if given."""
        page: str = _report("to_html")(self)
        if path is not None:
            write_text(path, page)
        return page

    def to_text(self, *, width: int | None = None) -> str:
        """Return the audit as a table for the terminal, with its notes, `width` columns wide."""
        text: str = _report("to_text")(self, width=width)
        return text

    def plot(self, kind: Literal["forest", "heatmap"] = "forest") -> Figure:
        """Draw the effect sizes and return the matplotlib figure.

        Parameters
        ----------
        kind : {"forest", "heatmap"}
            One line per result, with intervals and published values; or one cell per test and
            encoder, for many encoders or a sweep.

        Raises
        ------
        InputError
            When there is no such kind.
        """
        if kind not in _PLOTS:
            raise InputError(f"plot(kind={kind!r:.60}); give one of: {', '.join(_PLOTS)}")
        figure: Figure = _report(_PLOTS[kind])(self)
        return figure

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        snippet: str = _report("to_notebook")(self)
        return snippet

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        encoders = [info.id for info in self.provenance.encoders]
        suites = [suite.get("name") for suite in self.provenance.suites]
        return f"Audit({len(self.results)} rows, encoders={encoders}, suites={suites})"


#: Kinds of plots, and the functions of the report that draw them.
_PLOTS = {"forest": "forest_plot", "heatmap": "heat_map"}


def _report(name: str) -> Callable[..., Any]:
    # Results lie below the report, so they find it by name when it is asked for, as pandas
    # finds its plotting backend: nothing here depends on how a report is made.
    function: Callable[..., Any] = getattr(importlib.import_module("embias.report"), name)
    return function


def _identity(row: BiasResult) -> tuple[str, ...]:
    return (row.encoder, row.transform, row.suite, row.test, row.metric)


def _row(result: BiasResult) -> dict[str, Any]:
    row: dict[str, Any] = {name: getattr(result, name) for name in _IDENTITY}
    association = result.association
    if association is not None:
        row |= {name: getattr(association, name, None) for name in _FIGURES}
        row["pvalue_low"], row["pvalue_high"] = association.pvalue_bounds
        row |= {"value": association.effect_size, "no_bias": 0.0}
    measure = result.measure
    if measure is not None:
        row |= {name: getattr(measure, name, None) for name in _FIGURES}
        row["pvalue_low"], row["pvalue_high"] = measure.pvalue_bounds or (None, None)
    if result.status == "ok":
        row |= {name: getattr(result, name) for name in _OF_ROW}
    interval = result.interval
    if interval is not None:
        row["effect_low"], row["effect_high"] = interval.low, interval.high
        row["interval_level"], row["interval_method"] = interval.level, interval.method
    if result.counts:
        row["asked"] = sum(counts.asked for counts in result.counts)
        row["found"] = sum(counts.found for counts in result.counts)
        row["dropped"] = row["asked"] - row["found"]
        words = [word for counts in result.counts for word in counts.dropped]
        row["dropped_words"] = "; ".join(words)
    published = result.published
    if published is not None:
        row["published_effect_size"] = published.effect_size
        row["published_pvalue"] = published.pvalue
        row["published_source"] = published.source
        if association is not None:
            row["agrees"] = published.agrees(association.effect_size)
    row["notes"] = " ".join(result.notes)
    return row


def _distinct(values: Any) -> tuple[Any, ...]:
    kept: list[Any] = []
    for value in values:
        if value not in kept:
            kept.append(value)
    return tuple(kept)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {key: _without_nan(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(entry) for entry in value]
    return value
