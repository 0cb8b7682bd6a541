"""The log-probability bias score of a masked language model (Kurita et al. 2019)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np

from embias.errors import InputError
from embias.metrics._encoded_text import Encoded, Query
from embias.metrics._language_model import LanguageModel, language_model, log_sum
from embias.metrics.card import EdgeCases, MetricCard
from embias.metrics.pseudo_log_likelihood import check_texts
from embias.metrics.weat import effect_size_of
from embias.results import Alternative, Measure
from embias.stats.inputs import check_choice, check_rng, check_size
from embias.stats.permutation import MethodChoice, permutation_pvalue
from embias.types import FloatArray

__all__ = ["lpbs"]

_GROUP, _ATTRIBUTE = "{group}", "{attribute}"
_SHOWN = 8

CARD = MetricCard(
    name="lpbs",
    measures=(
        "How much more a masked language model expects words of one group (he) than of another "
        "(she) beside an attribute (programmer), against what it expects without the attribute."
    ),
    formula=(
        "assoc(g) = ln sum_{w in g} P(slot = w | attribute) - ln sum_{w in g} P(slot = w | "
        "attribute masked); LPBS(attribute) = assoc(first) - assoc(second), mean over templates; "
        "two lists: D = difference of their means, d = D / SD(all attributes, ddof 1)"
    ),
    value_range="unbounded",
    no_bias="0",
    direction=(
        "positive: the attribute goes with the first group; two lists: the first list does, more "
        "than the second"
    ),
    pvalue=(
        "two lists: permutation of attribute words, one-sided unless asked otherwise; exact, or "
        "certified, or sampled. One list: none"
    ),
    caveats=(
        "Masked models only; every group word must be one token. The score hangs on the template, "
        "on its article (a or an) and its case. All pieces of an attribute are masked for the "
        "prior, so the prior knows how many there are."
    ),
    conventions=(
        "The published code reads the prior at the wrong mask where there are two, adds 1e-8 to "
        "the standard deviation, and its sampled p-values lack the + 1 and can be 0."
    ),
    edge_cases=EdgeCases(
        missing="a group word that is no single token is refused, and all such words are listed",
        unequal=(
            "any sizes; probabilities of a group are added up, so the larger group is likelier, "
            "before and after"
        ),
        one_word="one word in a group is enough; one attribute in each of two lists is refused",
        duplicates="a word twice in a list is refused",
        two_sets="a word in both groups or both lists is refused",
    ),
    paper="Kurita et al. 2019, GeBNLP workshop (ACL)",
    takes="texts",
    needs="a language model, templates and words for their slots",
)


def lpbs(
    model: tuple[Any, Any],
    templates: str | Sequence[str],
    first: Sequence[str],
    second: Sequence[str],
    attributes: Sequence[str],
    attributes_b: Sequence[str] | None = None,
    *,
    alternative: Alternative = "greater",
    method: MethodChoice = "auto",
    n_resamples: int = 99_999,
    rng: int | np.random.Generator | None = None,
    batch_size: int = 32,
    progress: bool = False,
) -> Measure:
    """Measure which of two groups a masked language model associates with attributes.

    Parameters
    ----------
    model : tuple of (tokenizer, model)
        As ``AutoTokenizer`` and ``AutoModelForMaskedLM`` load them.
    templates : str or sequence of str
        With ``{group}`` and ``{attribute}``, each once: ``"{group} is a {attribute}."``.
    first, second : sequence of str
        Words of the two groups, each a single token in every template.
    attributes : sequence of str
        Attribute words (or phrases) to score.
    attributes_b : sequence of str, optional
        A second list, to be compared with the first one.
    alternative : {"greater", "less", "two-sided"}
        With two lists; ``greater``: `attributes` go with the first group more than
        `attributes_b`.
    method, n_resamples, rng
        Of the p-value, see :func:`embias.stats.permutation_pvalue`.
    batch_size : int
        Sequences in one forward pass; changes figures by rounding only.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Measure
        `value` is the mean score of the attributes, or with two lists the difference of their
        means (then also ``figures["effect_size"]``, NaN where all scores are equal). Natural
        logarithms; unbounded; 0 is no bias, positive towards the first group.
        ``scores["words"]`` are those of `attributes`, then of `attributes_b`, and
        ``scores["template 1"]`` the same by template.

    Raises
    ------
    InputError
        A causal model; a template without its two places; group words that are not single tokens
        of the vocabulary (all are listed), that are one token together, or are in both groups; a
        word in both attribute lists, or twice in one; one attribute in each list.
    MissingExtraError
        torch is not installed.

    References
    ----------
    Kurita, Vyas, Pareek, Black & Tsvetkov 2019, Workshop on Gender Bias in NLP.
    """
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("method", method, get_args(MethodChoice))
    check_rng(rng)
    check_size("n_resamples", n_resamples)
    wording = [_Template.of(one) for one in _templates(templates)]
    groups = {"first": _words("first", first), "second": _words("second", second)}
    lists = {"attributes": _words("attributes", attributes)}
    if attributes_b is not None:
        lists["attributes_b"] = _words("attributes_b", attributes_b)
    _refuse_shared("first", "second", groups)
    _refuse_shared("attributes", "attributes_b", lists)
    if [len(words) for words in lists.values()] == [1, 1]:
        raise InputError(
            "lpbs: one attribute in each list; the effect size would be the same whatever the "
            "model, so give at least two in one of them"
        )
    lm = language_model(model, CARD.name, batch_size=batch_size, progress=progress)
    if lm.kind == "causal":
        raise InputError("lpbs is for masked models; a causal one cannot fill a slot")
    words = [word for own in lists.values() for word in own]
    by_template = np.array([_template_scores(lm, one, groups, words) for one in wording])
    scores = by_template.mean(axis=0)
    halves = np.split(scores, [len(lists["attributes"])])
    tested: dict[str, Any] = {}
    if attributes_b is not None:
        tested = _tested(halves[0], halves[1], alternative, method, n_resamples, rng)
    return Measure(
        metric=CARD.name,
        no_bias=0.0,
        value_range=(None, None),
        counts={
            "templates": len(wording),
            **{name: len(own) for name, own in (*groups.items(), *lists.items())},
        },
        scores={
            "words": tuple(scores.tolist()),
            **{f"template {n}": tuple(row.tolist()) for n, row in enumerate(by_template, 1)},
        },
        settings={"templates": [one.text for one in wording], "ddof": 1},
        **({"value": float(scores.mean())} | tested),
    )


@dataclass(frozen=True, slots=True)
class _Template:
    text: str

    @classmethod
    def of(cls, text: str) -> _Template:
        for place in (_GROUP, _ATTRIBUTE):
            if text.count(place) != 1:
                raise InputError(
                    f"the template {text!r:.80} has {place} {text.count(place)} times; write it "
                    "once, as in '{group} is a {attribute}.'"
                )
        return cls(text)

    def filled(self, group: str, attribute: str) -> tuple[str, tuple[int, int], tuple[int, int]]:
        """Return the text and the spans of the two words in it."""
        start = self.text.index(_GROUP)
        other = self.text.index(_ATTRIBUTE)
        # Each place moves by what was put in before it, less the placeholder that stood there.
        if start < other:
            other += len(group) - len(_GROUP)
            text = self.text.replace(_GROUP, group, 1)
            text = text[:other] + attribute + text[other + len(_ATTRIBUTE) :]
        else:
            start += len(attribute) - len(_ATTRIBUTE)
            text = self.text.replace(_ATTRIBUTE, attribute, 1)
            text = text[:start] + group + text[start + len(_GROUP) :]
        return text, (start, start + len(group)), (other, other + len(attribute))


def _templates(templates: str | Sequence[str]) -> list[str]:
    return check_texts("templates", [templates] if isinstance(templates, str) else templates)


def _words(name: str, words: Sequence[str]) -> list[str]:
    found = check_texts(name, words)
    repeated = [word for n, word in enumerate(found) if word in found[:n]]
    if repeated:
        raise InputError(f"lpbs: {repeated[0]!r} is in {name} twice; give it once")
    return found


def _refuse_shared(one: str, other: str, lists: dict[str, list[str]]) -> None:
    shared = [word for word in lists[one] if word in lists.get(other, [])]
    if shared:
        raise InputError(
            f"lpbs: {shared[0]!r} is in {one} and in {other}; take it out of one of them"
        )


def _template_scores(
    lm: LanguageModel, template: _Template, groups: dict[str, list[str]], words: Sequence[str]
) -> list[float]:
    """Return the score of every attribute in one template."""
    members = [member for own in groups.values() for member in own]
    filled = [template.filled(member, word) for word in words for member in members]
    encoded = iter(lm.encode([text for text, _, _ in filled]))
    spans = iter(filled)
    queries: list[Query] = []
    bad: dict[str, str] = {}
    for word in words:
        rows = [(next(encoded), *next(spans)[1:]) for _ in members]
        slot, targets = _slot(lm, rows, members, bad)
        if bad:
            continue
        base, _, span = rows[0]
        pieces = base.overlapping(*span)
        if not pieces or any(lm.is_unknown(base.ids[at]) for at in pieces):
            raise InputError(f"lpbs: the attribute {word!r} is unknown to the tokenizer")
        for hidden in ([slot], [slot, *pieces]):
            asked = lm.hidden(base, hidden, [slot])
            queries.append(Query(asked.ids, asked.types, (slot,) * len(targets), tuple(targets)))
    if bad:
        listed = ", ".join(f"{word!r} ({why})" for word, why in list(bad.items())[:_SHOWN])
        more = f" and {len(bad) - _SHOWN} more" if len(bad) > _SHOWN else ""
        raise InputError(
            f"lpbs: group words that are not one token of their own in {template.text!r:.80}: "
            f"{listed}{more}; leave them out, or use a model that has them"
        )
    answers = lm.log_probabilities(queries)
    size = len(groups["first"])
    sums = [log_sum(one[:size]) - log_sum(one[size:]) for one in answers]
    return [present - prior for present, prior in zip(sums[::2], sums[1::2], strict=True)]


def _slot(
    lm: LanguageModel,
    rows: Sequence[tuple[Encoded, tuple[int, int], tuple[int, int]]],
    members: Sequence[str],
    bad: dict[str, str],
) -> tuple[int, list[int]]:
    """Return the place of the group word and the token of every member; note what is no token."""
    found: dict[int, str] = {}
    rest: set[tuple[int, ...]] = set()
    slot = 0
    for (text, span, _), member in zip(rows, members, strict=True):
        own = text.overlapping(*span)
        if len(own) != 1:
            bad[member] = f"{len(own)} tokens"
            continue
        slot = own[0]
        token = text.ids[slot]
        if lm.is_unknown(token):
            bad[member] = "unknown"
        elif token in found:
            bad[member] = f"the same token as {found[token]!r}"
        found.setdefault(token, member)
        rest.add((slot, *text.ids[:slot], *text.ids[slot + 1 :]))
    if not bad and len(rest) > 1:
        raise InputError(
            f"lpbs: the tokenizer splits the rest of {rows[0][0].text!r:.80} differently with "
            "another group word, so that there is no common slot; change the template"
        )
    return slot, list(found)


def _tested(
    x: FloatArray,
    y: FloatArray,
    alternative: Alternative,
    method: MethodChoice,
    n_resamples: int,
    rng: int | np.random.Generator | None,
) -> dict[str, Any]:
    """Return the figures and the test of two attribute lists."""
    test = permutation_pvalue(
        x, y, alternative=alternative, method=method, n_resamples=n_resamples, rng=rng
    )
    effect = effect_size_of(x, y, 1)
    undefined = "All scores are equal: the effect size is not defined." * math.isnan(effect)
    return {
        "value": test.statistic,
        "pvalue": test.pvalue,
        "pvalue_bounds": test.pvalue_bounds,
        "pvalue_method": test.method,
        "alternative": alternative,
        "null": "attribute words relabelled",
        "n_resamples": test.n_resamples,
        "figures": {
            "effect_size": effect,
            "mean_attributes": float(x.mean()),
            "mean_attributes_b": float(y.mean()),
        },
        "note": " ".join(part for part in (undefined, test.note) if part),
    }
