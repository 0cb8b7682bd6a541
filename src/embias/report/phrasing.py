"""How figures are written: numbers, p-values and strings that came from outside."""

from __future__ import annotations

import math
import unicodedata
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal

from embias.metrics import METRICS
from embias.results import Association, Audit, BiasResult, Measure, PermutationResult

__all__ = [
    "ABSENT",
    "ALPHA",
    "clean",
    "format_bounds",
    "format_number",
    "format_plain_pvalue",
    "format_pvalue",
    "format_smallest_pvalue",
    "has_low_pvalue",
    "is_association",
    "is_templated",
    "is_too_small",
    "join_names",
    "nothing_to_draw",
    "plural",
    "pvalue_phrase",
    "relabels_single_items",
    "shorten",
]

#: What stands where there is no figure.
ABSENT = "—"

#: The threshold that the summary counts against; no test is run with it.
ALPHA = 0.05

# A bracket wider than this share of the p-value is shown as an upper bound.
_WIDE_BRACKET = 0.1

# Joiners are part of the spelling of some scripts; the other format characters are invisible
# or reorder what stands around them.
_JOINERS = "\u200c\u200d"
_HIDDEN_CATEGORIES = ("Cc", "Cf", "Cs", "Zl", "Zp")


def clean(text: object) -> str:
    r"""Return `text` with every invisible or control character made visible.

    Parameters
    ----------
    text : object
        A name, word or note that may come from a model, a file or a vocabulary.

    Returns
    -------
    str
        The text, with for example an escape character shown as ``\x1b``.
    """
    return "".join(_visible(character) for character in str(text))


def _visible(character: str) -> str:
    hidden = unicodedata.category(character) in _HIDDEN_CATEGORIES
    if not hidden or character in _JOINERS:
        return character
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def shorten(text: str, limit: int) -> str:
    """Cut `text` to `limit` characters, ending in an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def plural(count: int, noun: str) -> str:
    """Return ``"1 word"``, ``"2 words"``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def join_names(names: list[str], limit: int = 3) -> str:
    """Join `names` with commas, naming at most `limit` of them and counting the others."""
    if len(names) <= limit + 1:
        return ", ".join(names)
    return f"{', '.join(names[:limit])} and {len(names) - limit} more"


def format_number(value: float | None, decimals: int) -> str:
    """Return `value` with `decimals` decimals, a dash for a missing one, never ``-0``."""
    if value is None or math.isnan(value):
        return ABSENT
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def format_pvalue(result: Association | Measure | PermutationResult) -> str:
    """Return the p-value as a reader should see it: two digits, and never ``0``.

    Parameters
    ----------
    result : Association, Measure or PermutationResult
        What carries the p-value, its bounds and its method.

    Returns
    -------
    str
        ``"0.0023"`` for an exact one; ``"≤ 3.2e-08"``, rounded up, for a certified one whose
        bracket is wider than a tenth of it and for a sampled one at the floor of its draws; a
        dash for a metric without one.
    """
    if result.pvalue is None:
        return ABSENT
    method = result.method if isinstance(result, PermutationResult) else result.pvalue_method
    at_most = _is_upper_bound(result.pvalue, result.pvalue_bounds, method, result.n_resamples)
    return _format_p(result.pvalue, at_most=at_most)


def format_plain_pvalue(pvalue: float) -> str:
    """Return a p-value of which nothing else is known with two digits, never as ``0``."""
    return _format_p(pvalue, at_most=False)


def pvalue_phrase(result: Association | Measure) -> str:
    """Return ``"p = 0.0023"`` or ``"p ≤ 1e-05"``."""
    text = format_pvalue(result)
    return f"p {text}" if text.startswith(("≤", "<")) else f"p = {text}"


def _is_upper_bound(
    pvalue: float, bounds: tuple[float, float] | None, method: str | None, draws: int | None
) -> bool:
    if method == "certified" and bounds is not None:
        low, high = bounds
        return high - low > _WIDE_BRACKET * pvalue
    if method == "sampled" and draws is not None:
        return pvalue * (draws + 1) < 1.5
    return False


def _format_p(pvalue: float, *, at_most: bool) -> str:
    if not pvalue > 0:  # underflow of a tiny exact p-value
        return "< 1e-300"
    exact = Decimal(repr(pvalue))
    if at_most:
        return f"≤ {_write(_round(exact, 2, ROUND_CEILING).normalize())}"
    for digits in range(2, 18):
        rounded = _round(exact, digits, ROUND_HALF_EVEN)
        # 0.0496 must not read as 0.050 beside a count of the p-values below 0.05.
        if (float(rounded) < ALPHA) == (pvalue < ALPHA):
            break
    return _write(rounded)


def _round(value: Decimal, digits: int, rounding: str) -> Decimal:
    # In decimals: 1e-05 rounds up to itself, and one over a huge integer does not underflow.
    rounded = value.quantize(Decimal(1).scaleb(value.adjusted() - digits + 1), rounding=rounding)
    # 9.96 carries to 10.0, which has a digit too many.
    return rounded.quantize(Decimal(1).scaleb(rounded.adjusted() - digits + 1))


def _write(value: Decimal) -> str:
    if value >= Decimal("0.0001"):
        return f"{value:f}"
    mantissa, _, exponent = f"{value:e}".partition("e-")
    return f"{mantissa}e-{int(exponent):02d}"


def format_bounds(association: Association) -> str:
    """Say what is known of the exact p-value; empty where the p-value is the exact one."""
    if association.pvalue_method == "exact":
        return ""
    low, high = association.pvalue_bounds
    between = _format_p(high, at_most=True).replace("≤", "at most")
    if low > 0:
        floor = _write(_round(Decimal(repr(low)), 2, ROUND_FLOOR).normalize())
        between = f"between {floor} and {between.removeprefix('at most ')}"
    if association.pvalue_method == "certified":
        return f"the exact p-value is certainly {between}"
    return f"the exact p-value is {between}, with 95 % confidence (Clopper-Pearson)"


def format_smallest_pvalue(association: Association) -> str:
    """Return the smallest p-value that this many units can give, ``1 / n_partitions``.

    Twice that for a two-sided test of two sets of one size, where every relabelling has a
    mirror image.
    """
    return _write(_round(_smallest_pvalue(association), 2, ROUND_HALF_EVEN))


def _smallest_pvalue(association: Association) -> Decimal:
    mirrored = association.alternative == "two-sided" and association.n_x == association.n_y
    return Decimal(2 if mirrored else 1) / Decimal(max(association.n_partitions, 1))


def is_too_small(association: Association) -> bool:
    """Whether so few units cannot give a p-value below :data:`ALPHA`, whatever the vectors."""
    return _smallest_pvalue(association) >= Decimal(repr(ALPHA))


def has_low_pvalue(result: BiasResult) -> bool:
    """Whether the row has a p-value below :data:`ALPHA`, uncorrected."""
    return result.pvalue is not None and result.pvalue < ALPHA


def is_association(result: BiasResult) -> bool:
    """Whether the row is an association test, or would be one if it could be run."""
    if result.association is not None or result.measure is not None:
        return result.measure is None
    card = METRICS.get(result.metric)
    return card is None or card.associates


def nothing_to_draw(audit: Audit) -> str:
    """Say why a figure of association tests is empty."""
    if not audit.results:
        return "The audit holds no test."
    return "No row is an association test; the figures of other metrics are in the tables."


def is_templated(association: Association) -> bool:
    """Whether words were relabelled and measured with another number of items each."""
    items = (association.items_x, association.items_y)
    return association.unit == "word" and items != (association.n_x, association.n_y)


def relabels_single_items(result: BiasResult) -> bool:
    """Whether single items were relabelled although words have several of them."""
    several = any(counts.items > counts.found for counts in result.counts if counts.role in "XY")
    return result.association is not None and result.association.unit == "item" and several
