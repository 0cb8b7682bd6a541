"""What was taken out of vectors, in words and as a small table of before and after."""

from __future__ import annotations

from embias.audit.removal import Removal
from embias.report.phrasing import clean, join_names
from embias.results import Interval

__all__ = ["removal_markdown", "removal_text"]

_HEADS = ("", "before", "after", "chance")


def removal_text(removal: Removal, encoder_id: str) -> str:
    """Return what is printed of a removal, 100 columns wide at most where names allow.

    Parameters
    ----------
    removal : Removal
    encoder_id : str
    """
    card, concept = removal.card, removal.concept
    lines = [
        clean(f"{card.title} ({card.name}) of {concept.name!r} from {encoder_id}"),
        f"Removed: {card.removes}",
        clean(f"Fitted on {removal.fitted_on}{_strength(removal)}{_missing(removal)}"),
        "",
        *_table(_rows(removal)),
        "",
        _what_it_means(removal),
        f"Guaranteed: {_guaranteed(removal)}",
    ]
    return "\n".join(lines)


def removal_markdown(removal: Removal) -> str:
    """Return the table and what it means, for a model card."""
    rows = [_HEADS, ("---", "---", "---", "---"), *_rows(removal)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    note = clean(f"Fitted on {removal.fitted_on}{_missing(removal)} (seed {removal.seed}).")
    return f"{table}\n\n{note} {_what_it_means(removal)}"


def _rows(removal: Removal) -> list[tuple[str, str, str, str]]:
    probe, overlap = removal.probe, removal.overlap
    kept = overlap.figures["share_by_chance"]
    rows = [
        (
            f"linear probe, {_tested(removal)}",
            _share(probe.figures["original"], removal.before),
            _share(probe.value, probe.interval),
            f"{probe.figures['majority']:.1%} (majority)",
        ),
        (
            f"same {overlap.counts['k']} nearest neighbours, {removal.overlap_of}",
            "100.0%",
            _share(overlap.value, None),
            f"{kept:.1%}",
        ),
    ]
    return rows


def _tested(removal: Removal) -> str:
    n = removal.probe.counts["tested"]
    forms = "" if n == removal.n_tested else f", {removal.n_tested} with their forms"
    return f"{n} words {_unseen(removal)}{forms}"


def _unseen(removal: Removal) -> str:
    """Say what a method did not get of the words of the probe; their vectors, it may have."""
    whole = removal.fitted_on.endswith("of the vocabulary")
    return "whose group it was not told" if whole else "not fitted on"


def _share(value: float | None, interval: Interval | None) -> str:
    shown = "" if value is None else f"{value:.1%}"
    return shown if interval is None else f"{shown} [{interval.low:.1%}, {interval.high:.1%}]"


def _table(rows: list[tuple[str, str, str, str]]) -> list[str]:
    every = [_HEADS, *rows]
    widths = [max(len(row[i]) for row in every) for i in range(len(_HEADS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in every
    ]


def _strength(removal: Removal) -> str:
    return "" if removal.strength is None else f", strength {removal.strength:g}"


def _missing(removal: Removal) -> str:
    if not removal.missing:
        return ""
    return f"; without a vector, left out: {join_names(list(removal.missing))}"


def _guaranteed(removal: Removal) -> str:
    if removal.strength not in (None, 1):
        return "nothing, at less than full strength."
    return removal.card.guaranteed


def _what_it_means(removal: Removal) -> str:
    """Say what the probe found; never more than it says."""
    if removal.n_left_alone:
        return (
            f"{removal.n_left_alone} of the {removal.n_tested} words of the probe are protected: "
            "they keep what they say of the concept, as is meant, and the probe says nothing of "
            "the other words."
        )
    probe = removal.probe
    low, high = (probe.interval.low, probe.interval.high) if probe.interval else (0.0, 1.0)
    majority = probe.figures["majority"]
    if removal.before.low <= majority:
        return (
            "Before too, the interval of the probe includes chance: nothing can be said of what "
            "was removed. Give more words."
        )
    if low > majority:
        return (
            "The concept is still linearly predictable from these vectors on words like those it "
            "was fitted on, if less so."
            if probe.value is not None and probe.value < probe.figures["original"]
            else f"The concept is as linearly predictable as before on words {_unseen(removal)}."
        )
    if high >= removal.before.low:
        return (
            "The probe cannot tell whether the concept is still linearly predictable: its interval "
            "after includes chance and reaches that before too. Give more words."
        )
    wide = f"; the interval reaches up to {high:.0%}" if high > majority else ""
    return (
        "The concept is no longer linearly predictable from these vectors on data like the fit "
        f"data, as far as this probe can tell{wide}. Not tested: other probes, other data, other "
        "uses of the vectors."
    )
