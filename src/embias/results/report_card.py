"""What a transform removed and what it cost: figures before and after, side by side."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, fields
from html import escape
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from embias.errors import DataFileError, InputError
from embias.results._reading import read_source, read_value
from embias.results._writing import write_text
from embias.results.terms import Interval

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

__all__ = ["CARD_COLUMNS", "CardFigure", "Panel", "Reading", "ReportCard"]

#: Version of the JSON layout written by :meth:`ReportCard.to_json`.
SCHEMA = 1
_KIND = "embias.report_card"

Panel: TypeAlias = Literal["removal", "retention"]
#: ``"uninformative"``: at chance before anything was removed. ``"by construction"``: at chance on
#: the rows of the fit, which says nothing of others. ``"not found"``: within chance afterwards, and
#: half of what was there excluded. ``"undecided"``: within chance, and so is more than half of it:
#: too few words. ``"remains"``, ``"reversed"``: beyond chance, on the same side or the other.
#: ``"unchanged"``, ``"changed"``: retention. ``"not measured"``: the note says why. ``""``: read it
#: as it is.
Reading: TypeAlias = Literal[
    "uninformative",
    "by construction",
    "not found",
    "undecided",
    "remains",
    "reversed",
    "unchanged",
    "changed",
    "not measured",
    "",
]

#: Columns of :attr:`ReportCard.frame`, in order.
CARD_COLUMNS = (
    "figure",
    "title",
    "panel",
    "data",
    "before",
    "after",
    "before_low",
    "before_high",
    "after_low",
    "after_high",
    "before_sd",
    "after_sd",
    "reference",
    "n",
    "splits",
    "reading",
    "note",
)
_INTEGERS = ("n", "splits")
_TEXTS = ("figure", "title", "panel", "data", "reading", "note")


@dataclass(frozen=True, slots=True)
class CardFigure:
    """One figure before and after a transform.

    Attributes
    ----------
    figure, title : str
        Its name, and the name for readers.
    panel : {"removal", "retention"}
    data : {"fit", "fresh", "given", "all"}
        The rows the transform was fitted on; others; rows or words the caller gave, of which
        nothing is known; all rows of the card.
    before, after : float or None
        The mean over the splits. None where it could not be computed; `note` says why.
    before_interval, after_interval : Interval or None
    before_sd, after_sd : float or None
        Standard deviation over the splits (ddof 1); None with one split.
    reference : float or None
        Removal: the value by chance. Retention: the value where nothing is changed.
    n : int
        What the figure of one split is of: words or rows, pairs for a benchmark.
    splits : int
    reading : str
        See :data:`Reading`.
    note : str
    """

    figure: str
    title: str
    panel: Panel
    data: Literal["fit", "fresh", "given", "all"]
    before: float | None
    after: float | None
    before_interval: Interval | None = None
    after_interval: Interval | None = None
    before_sd: float | None = None
    after_sd: float | None = None
    reference: float | None = None
    n: int = 0
    splits: int = 1
    reading: Reading = ""
    note: str = ""


@dataclass(frozen=True, repr=False)
class ReportCard:
    """What a transform removed and what it kept, see :func:`embias.audit.transform_report`.

    Attributes
    ----------
    transform : str
        Its class with the plain parameters that are not the default; the steps of a pipeline.
    results : tuple of CardFigure
        Removal first, then retention.
    counts : dict of str to int
        Rows, words, classes; rows fitted on and probed in the first split.
    settings : dict
        What the card was made with, and the seed.
    notes : tuple of str
        What a reader must know of the whole card.
    """

    transform: str
    results: tuple[CardFigure, ...]
    counts: dict[str, int] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def frame(self) -> pd.DataFrame:
        """All figures as a tidy table in full precision, columns :data:`CARD_COLUMNS`."""
        import pandas as pd

        rows = [_row(figure) for figure in self.results]
        columns = {}
        for name in CARD_COLUMNS:
            dtype: Any = object if name in _TEXTS else "int64" if name in _INTEGERS else "float64"
            columns[name] = pd.Series([row[name] for row in rows], dtype=dtype)
        return pd.DataFrame(columns)

    def figure(self, name: str, data: str | None = None) -> CardFigure:
        """Return a figure by its name, and by its data where there are several of the name.

        Raises
        ------
        InputError
            When there is none, or more than one.
        """
        found = [f for f in self.results if f.figure == name and data in (None, f.data)]
        if len(found) != 1:
            listed = ", ".join(f"{f.figure} ({f.data})" for f in self.results)
            raise InputError(
                f"{len(found)} figures are {name!r:.60} with data={data!r:.20}; there are: {listed}"
            )
        return found[0]

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain values; what is not defined is None."""
        return {"schema": SCHEMA, "kind": _KIND, **_plain(asdict(self))}

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return the card as strict JSON in full precision; write it to `path` if one is given."""
        text = json.dumps(self.to_dict(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
        if path is not None:
            write_text(path, text)
        return text

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> ReportCard:
        """Read a card from a file (a path) or from the text that :meth:`to_json` returned.

        Raises
        ------
        DataFileError
            When the file is not there, is not JSON, or is no card of a known schema.
        """
        where, text = read_source(source, "ReportCard.from_json")
        try:
            document = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataFileError(f"{where}: not JSON that can be read: {error}") from error
        if not isinstance(document, dict) or document.get("kind") != _KIND:
            raise DataFileError(f"{where}: not a saved card; write one with ReportCard.to_json")
        if document.get("schema") != SCHEMA:
            raise DataFileError(
                f"{where}: schema {document.get('schema')!r:.40}, this version of embias reads "
                f"schema {SCHEMA}; make the card again"
            )
        entries = {name: document[name] for name in document if name not in ("schema", "kind")}
        try:
            card: ReportCard = read_value(entries, cls, "card")
        except InputError as error:
            raise DataFileError(f"{where}: {error}; the file is damaged") from error
        return card

    def to_markdown(self) -> str:
        """Return the card as two Markdown tables, removal and retention, with its notes."""
        text: str = _report("card_markdown")(self)
        return text

    def to_text(self) -> str:
        """Return the card as plain text in columns."""
        text: str = _report("card_text")(self)
        return text

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw every figure before and after, and return the matplotlib axes.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default in a figure of its own that pyplot does not know of
            (``card.plot().figure.savefig(path)``).

        Raises
        ------
        MissingExtraError
            When matplotlib is not installed.
        """
        axes: Axes = _report("card_plot")(self, ax)
        return axes

    def _repr_html_(self) -> str:
        return f"<pre>{escape(self.to_text())}</pre>"

    def __str__(self) -> str:
        return self.to_text()

    def __repr__(self) -> str:
        return f"ReportCard({self.transform}, {len(self.results)} figures)"


def _report(name: str) -> Callable[..., Any]:
    # Results lie below the report, so they find it by name when it is asked for.
    function: Callable[..., Any] = getattr(importlib.import_module("embias.report"), name)
    return function


def _row(figure: CardFigure) -> dict[str, Any]:
    row = {each.name: getattr(figure, each.name) for each in fields(figure)}
    for when in ("before", "after"):
        interval = row.pop(f"{when}_interval")
        row[f"{when}_low"] = None if interval is None else interval.low
        row[f"{when}_high"] = None if interval is None else interval.high
    return row


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
