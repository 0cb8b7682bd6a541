"""A matplotlib figure as an inline SVG element that follows the colours of its page."""

from __future__ import annotations

import io
import re
import warnings
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from embias.report.layout import PALETTE, STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["inline_svg"]

_REFERENCE = re.compile(r"#([A-Za-z][\w.-]*)")
_COLORS = {value: f"var(--plot-{name}, {value})" for name, value in PALETTE.items()}
_COLOR = re.compile("|".join(map(re.escape, _COLORS)))
_NO_METADATA = {"Date": None, "Creator": None, "Format": None, "Type": None}


def inline_svg(figure: Figure, *, label: str, prefix: str) -> str:
    """Return `figure` as one ``<svg>`` element to stand inside an HTML page.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        What to draw; the same figure gives the same bytes.
    label : str
        What the picture shows, for those who do not see it.
    prefix : str
        Put before every id, so that two pictures on a page do not share one.

    Returns
    -------
    str
        Markup without a header, without references to anything outside, with the colours of
        the palette as CSS variables ``--plot-NAME``.
    """
    root = ElementTree.fromstring(_draw(figure))
    for parent in root.iter():
        for child in list(parent):
            if _local(child.tag) in ("metadata", "style"):
                parent.remove(child)
    for element in root.iter():
        element.tag = _local(element.tag)
        element.attrib = {
            _local(name): _rewrite(_local(name), value, prefix)
            for name, value in element.attrib.items()
        }
    _drop_idle_ids(root)
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": label, "class": "plot"}
    return ElementTree.tostring(root, encoding="unicode")


def _drop_idle_ids(root: ElementTree.Element) -> None:
    # Artists that share a name share an id, which no page may have; nothing refers to them.
    values = [value for element in root.iter() for value in element.attrib.values()]
    used = {name for value in values for name in _REFERENCE.findall(value)}
    for element in root.iter():
        if element.attrib.get("id") not in used:
            element.attrib.pop("id", None)


def _draw(figure: Figure) -> bytes:
    from matplotlib import style

    stream = io.BytesIO()
    with style.context(["default", STYLE]), warnings.catch_warnings():
        # The page's own font draws the text, whatever matplotlib's font lacks.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        figure.savefig(stream, format="svg", metadata=_NO_METADATA)
    return stream.getvalue()


def _local(name: str) -> str:
    # Inside HTML, elements and attributes stand without namespaces.
    return name.rpartition("}")[2]


def _rewrite(name: str, value: str, prefix: str) -> str:
    if name == "id":
        return prefix + value
    if name == "style":
        return _COLOR.sub(lambda match: _COLORS[match.group()], value)
    if name == "href" or "url(#" in value:
        return _REFERENCE.sub(rf"#{prefix}\1", value)
    return value
