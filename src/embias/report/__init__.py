"""Reports: an audit as text, as a page, as a notebook cell and as plots.

A report reads an :class:`~embias.results.Audit` or a :class:`~embias.results.ReportCard`
and computes no statistic. Importing this
package loads none of rich, jinja2, matplotlib and pandas; the function that needs one does.
"""

from embias.report.card_plot import card_plot
from embias.report.card_table import card_markdown, card_text
from embias.report.heat_map import heat_map
from embias.report.html import to_html
from embias.report.notebook import to_notebook
from embias.report.phrasing import format_pvalue
from embias.report.plot import forest_plot
from embias.report.text import to_text

__all__ = [
    "card_markdown",
    "card_plot",
    "card_text",
    "forest_plot",
    "format_pvalue",
    "heat_map",
    "to_html",
    "to_notebook",
    "to_text",
]
