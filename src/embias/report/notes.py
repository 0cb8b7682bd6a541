"""What a reader must know: remarks on a row, and sentences about the whole audit."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import zip_longest

from embias.metrics import METRICS
from embias.metrics.card import OF_AN_ASSOCIATION
from embias.report.phrasing import (
    ALPHA,
    clean,
    format_number,
    format_smallest_pvalue,
    has_low_pvalue,
    is_too_small,
    plural,
    relabels_single_items,
    shorten,
)
from embias.results import Association, Audit, BiasResult, Counts, Published

__all__ = [
    "caution",
    "closing_line",
    "dropped_words",
    "published_agreement",
    "row_notes",
    "row_published_agrees",
    "significance",
    "summary",
]

_WORDS_SHOWN = 12


def row_published_agrees(result: BiasResult) -> bool | None:
    """Whether the computed effect size meets the published one; None without the two."""
    if result.published is None or result.association is None:
        return None
    return result.published.agrees(result.association.effect_size)


def row_notes(result: BiasResult) -> list[str]:
    """Return the remarks on one row, without the name of its test.

    Parameters
    ----------
    result : BiasResult
        The row.

    Returns
    -------
    list of str
        Why it failed, words dropped, why it differs from the published figure, remarks.
    """
    notes = [f"could not be run: {clean(result.reason)}"] if result.status == "error" else []
    notes += _dropped_note(result) + _altered_note(result)
    if row_published_agrees(result) is False and result.published and result.association:
        notes.append(_difference_note(result.published, result.association.effect_size))
    if relabels_single_items(result):
        notes.append(
            "p relabels single items; those of one word are not independent, so p is too small"
        )
    notes += [clean(note) for note in result.notes]
    if result.association is not None:
        notes += _association_notes(result.association)
    if result.measure is not None and result.measure.note:
        notes.append(clean(result.measure.note))
    return notes


def _dropped_note(result: BiasResult) -> list[str]:
    pairs = [pair for counts in result.counts for pair in _pairs(counts)]
    if not pairs:
        return []
    asked = sum(counts.asked for counts in result.counts)
    shown = dropped_words(pairs[:_WORDS_SHOWN])
    more = f" and {len(pairs) - _WORDS_SHOWN} more" if len(pairs) > _WORDS_SHOWN else ""
    return [f"{len(pairs)} of {plural(asked, 'word')} dropped: {shown}{more}"]


def _altered_note(result: BiasResult) -> list[str]:
    pairs = [
        pair
        for counts in result.counts
        for pair in zip(counts.altered, counts.alterations, strict=False)
    ]
    if not pairs:
        return []
    asked = sum(counts.asked for counts in result.counts)
    more = f" and {len(pairs) - _WORDS_SHOWN} more" if len(pairs) > _WORDS_SHOWN else ""
    shown = dropped_words(pairs[:_WORDS_SHOWN])
    return [f"{len(pairs)} of {plural(asked, 'word')} not used just as written: {shown}{more}"]


def _pairs(counts: Counts) -> list[tuple[str, str]]:
    # Words decide: a reason without a word is no word, a word without a reason still counts.
    pairs = zip_longest(counts.dropped, counts.reasons[: len(counts.dropped)], fillvalue="")
    return [(word, reason) for word, reason in pairs]


def dropped_words(counts: Counts | Iterable[tuple[str, str]]) -> str:
    """Return ``"axe, club (no vector)"``: words that were dropped, grouped by reason."""
    pairs = _pairs(counts) if isinstance(counts, Counts) else counts
    by_reason: dict[str, list[str]] = {}
    for word, reason in pairs:
        by_reason.setdefault(clean(reason), []).append(shorten(clean(word), 60))
    groups = [", ".join(words) + (f" ({why})" if why else "") for why, words in by_reason.items()]
    return "; ".join(groups)


def _difference_note(published: Published, effect_size: float) -> str:
    printed = format_number(published.effect_size, published.decimals)
    computed = format_number(effect_size, published.decimals)
    reason = clean(published.note) or "no reason for the difference is recorded"
    return f"published {printed}, computed {computed}: {reason}"


def _association_notes(association: Association) -> list[str]:
    notes = [clean(association.note)] if association.note else []
    if is_too_small(association):
        notes.append(
            f"with {association.n_x}+{association.n_y} {association.unit}s the smallest possible "
            f"p is {format_smallest_pvalue(association)}: p < {ALPHA} cannot be reached, whatever "
            "the vectors"
        )
    if association.effect_size != association.effect_size:
        notes.append("d is not defined: all scores are equal")
    return notes


def significance(audit: Audit) -> str:
    """Return how many tests have a p-value below 0.05, as one plain sentence."""
    failed = sum(result.status != "ok" for result in audit.results)
    run = [result for result in audit.results if result.pvalue is not None]
    if not run:
        if len(audit.results) > failed:
            return "No metric of this audit has a p-value."
        return "No test could be run." if failed else "The audit holds no test."
    low = sum(has_low_pvalue(result) for result in run)
    verb = "has" if len(run) == 1 else "have"
    sentence = (
        f"{low} of {plural(len(run), 'test')} {verb} p < {ALPHA} before any correction for "
        "multiple tests"
    )
    return f"{sentence}; {plural(failed, 'test')} could not be run." if failed else f"{sentence}."


def closing_line(audit: Audit) -> str:
    """Return the last line of a report: what was found, and what that is evidence of."""
    return f"{significance(audit)} {caution(audit)}".rstrip()


def caution(audit: Audit) -> str:
    """Return what a small p-value is evidence of, for each metric that has one, and a large not.

    Parameters
    ----------
    audit : Audit

    Returns
    -------
    str
        One sentence; empty where no row has a p-value.
    """
    # Metrics by what their p is evidence of; dicts keep the order and each name once.
    by_evidence: dict[str, dict[str, None]] = {}
    for result in audit.results:
        if result.pvalue is not None:
            by_evidence.setdefault(_evidence(result), {})[clean(result.metric)] = None
    if not by_evidence:
        return ""
    small = " " + "".join(by_evidence)
    if len(by_evidence) > 1:
        parts = [f"for {_and_joined([*names])}, {what}" for what, names in by_evidence.items()]
        small = f", {'; '.join(parts)}"
    return f"A small p is evidence{small}; a large p is not evidence that there is none."


def _evidence(result: BiasResult) -> str:
    card = METRICS.get(result.metric)
    if card is not None and card.evidence:
        return card.evidence
    if result.association is not None:
        return OF_AN_ASSOCIATION
    # A metric of a user, or of another version of embias: its row says what p supposes.
    null = clean(result.measure.null) if result.measure is not None else ""
    return f"of a departure from what it supposes{f' ({null})' if null else ''}"


def _and_joined(names: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


def published_agreement(audit: Audit) -> tuple[int, int]:
    """Return how many rows meet their published effect size, and how many have one to meet."""
    verdicts = [row_published_agrees(result) for result in audit.results]
    return sum(verdict is True for verdict in verdicts), len(verdicts) - verdicts.count(None)


def summary(audit: Audit) -> list[str]:
    """Return what the audit found in plain sentences that claim no more than its figures."""
    sentences = [significance(audit)]
    low = [r for r in audit.results if has_low_pvalue(r) and r.association is not None]
    if low:
        sentences.append(_directions(low))
    if any(result.pvalue is not None for result in audit.results):
        sentences.append(
            f"Where there is nothing to find, up to one test in twenty still has p < {ALPHA}."
        )
    met, printed = published_agreement(audit)
    if printed:
        sentences.append(
            f"{met} of {plural(printed, 'effect size')} with a published figure for the same "
            f"weights {'rounds' if printed == 1 else 'round'} to the printed digits."
        )
    return [*filter(None, (*sentences, *_coverage(audit), caution(audit)))]


def _directions(low: list[BiasResult]) -> str:
    figures = [result.association.effect_size for result in low if result.association]
    along = sum(figure > 0 for figure in figures)
    against = sum(figure < 0 for figure in figures)
    parts = [f"{along} of them the first target set goes with the first attribute set (d > 0)"]
    if against:
        parts.append(f"{against} it goes with the second (d < 0)")
    return f"In {', in '.join(parts)}."


def _coverage(audit: Audit) -> list[str]:
    counts = [entry for result in audit.results for entry in result.counts]
    dropped = sum(len(entry.dropped) for entry in counts)
    if not dropped:
        return ["Every word of every set that was read was used."] if counts else []
    rows = sum(any(entry.dropped for entry in result.counts) for result in audit.results)
    asked = sum(entry.asked for entry in counts)
    return [
        f"{dropped:,} of {plural(asked, 'word')} could not be used, in {plural(rows, 'test')} "
        "(a word counts once for every set it stands in); the notes name them."
    ]
