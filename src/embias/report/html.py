"""An audit as one self-contained page."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from embias.errors import MissingExtraError
from embias.report.details import (
    plain_facts,
    rerun_commands,
    result_facts,
    score_sets,
    word_counts,
)
from embias.report.layout import BAND_LABEL, NARROW, WIDE
from embias.report.notes import published_agreement, row_notes, summary
from embias.report.phrasing import (
    ABSENT,
    ALPHA,
    clean,
    format_number,
    format_smallest_pvalue,
    has_low_pvalue,
    is_association,
    join_names,
    pvalue_phrase,
    relabels_single_items,
)
from embias.report.plot import draw
from embias.report.svg import inline_svg
from embias.report.tables import Group, groups
from embias.results import Audit, BiasResult

__all__ = ["to_html"]


def to_html(audit: Audit) -> str:
    """Return the audit as one HTML page that needs no other file and no network.

    Parameters
    ----------
    audit : Audit
        What to show.

    Returns
    -------
    str
        The page; the same audit gives the same bytes, and every string of it is escaped.

    Raises
    ------
    MissingExtraError
        When jinja2 or matplotlib is not installed.
    """
    try:
        import jinja2
        import markupsafe
    except ImportError as error:
        raise MissingExtraError("the HTML report", "jinja2", "report") from error
    # The page shows the one or the other, by the width of the screen.
    figures = {
        name: markupsafe.Markup(
            inline_svg(draw(audit, layout), label=_figure_label(audit), prefix=f"{name}-")
        )
        for name, layout in (("wide", WIDE), ("narrow", NARROW))
    }
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_template),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("page.html.j2")
    return page.render(_context(audit), figures=figures) + "\n"


def _template(name: str) -> str:
    return files("embias.report").joinpath("templates", name).read_text(encoding="utf-8")


def _context(audit: Audit) -> dict[str, Any]:
    provenance = audit.provenance
    shown = groups(audit)
    versions = {"embias": provenance.embias, "python": provenance.python}
    versions |= {"platform": provenance.platform, **dict(sorted(provenance.packages.items()))}
    return {
        "title": _title(audit),
        "created": clean(provenance.created),
        "cards": _cards(audit),
        "summary": summary(audit),
        "groups": [_group(number, group) for number, group in enumerate(shown, start=1)],
        "band_label": BAND_LABEL,
        "single_items": any(map(relabels_single_items, audit.results)),
        "one_sided": any(
            row.association is not None and row.association.alternative != "two-sided"
            for row in audit.results
        ),
        "has_interval": any(row.interval is not None for row in audit.results),
        "smallest": _least_sensitive(audit),
        "encoders": [(clean(e.id), plain_facts(e.to_dict())) for e in provenance.encoders],
        "suites": [(_suite_name(suite), plain_facts(suite)) for suite in provenance.suites],
        "settings": plain_facts({"seed": provenance.seed, **provenance.settings}),
        "versions": plain_facts(versions),
        "commands": rerun_commands(audit),
        "alpha": ALPHA,
    }


def _suite_name(suite: dict[str, Any]) -> str:
    return clean(suite.get("title") or suite.get("name") or "suite")


def _title(audit: Audit) -> str:
    names = {clean(result.encoder): None for result in audit.results}
    suites = {group.suite: None for group in groups(audit)}
    return f"{join_names(list(names)) or 'No encoder'} on {join_names(list(suites)) or 'no suite'}"


def _cards(audit: Audit) -> list[tuple[str, str]]:
    run = [result for result in audit.results if result.status == "ok"]
    tested = [result for result in run if result.pvalue is not None]
    met, printed = published_agreement(audit)
    counts = [counts for result in audit.results for counts in result.counts]
    asked = sum(entry.asked for entry in counts)
    cards = [
        (f"{len(run)} of {len(audit.results)}", "tests could be run"),
        (f"{sum(map(has_low_pvalue, tested))} of {len(tested)}", f"with p < {ALPHA}, uncorrected"),
    ]
    if printed:
        cards.append((f"{met} of {printed}", "published effect sizes met to the printed digits"))
    if asked:
        cards.append(
            (f"{sum(c.found for c in counts):,} of {asked:,}", "words used, over all sets")
        )
    return cards


def _group(number: int, group: Group) -> dict[str, Any]:
    return {
        "id": f"table-{number}",
        "title": group.title,
        "columns": group.columns,
        "rows": [(row, has_low_pvalue(row.result)) for row in group.rows],
        "footnotes": group.footnotes,
        "reading": group.reading,
        "details": [_detail(result) for result in group.results],
    }


def _detail(result: BiasResult) -> dict[str, Any]:
    return {
        "test": clean(result.test),
        "description": clean(result.description),
        "headline": _headline(result),
        "facts": result_facts(result),
        "words": word_counts(result),
        "scores": score_sets(result),
        "notes": row_notes(result),
        "metric": clean(result.metric),
    }


def _headline(result: BiasResult) -> str:
    if result.measure is not None:
        value = f"{clean(result.metric)} = {format_number(result.measure.value, 3)}"
        has_p = result.measure.pvalue is not None
        return f"{value}, {pvalue_phrase(result.measure)}" if has_p else value
    figures = result.association
    if figures is None:
        return "could not be run"
    return f"d = {format_number(figures.effect_size, 2)}, {pvalue_phrase(figures)}"


def _least_sensitive(audit: Audit) -> str:
    run = [(row.association, row.test) for row in audit.results if row.association is not None]
    if not run:
        return ""
    figures, test = min(run, key=lambda pair: pair[0].n_partitions)
    size = f"{figures.n_x}+{figures.n_y} {figures.unit}s"
    return f"{format_smallest_pvalue(figures)} for {clean(test)} ({size})"


def _figure_label(audit: Audit) -> str:
    parts = [
        f"{clean(result.test)} {format_number(result.association.effect_size, 2)}"
        if result.association is not None
        else f"{clean(result.test)} {ABSENT}"
        for result in audit.results
        if is_association(result)
    ]
    return f"Forest plot of effect sizes d: {'; '.join(parts) or 'no test'}."
