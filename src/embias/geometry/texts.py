"""A subspace from texts that differ only in what they say of a group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from embias.errors import InputError
from embias.geometry.direction_from_pairs import direction_from_sets
from embias.geometry.subspace import Subspace
from embias.types import Encoder

__all__ = ["span_of_texts"]


def span_of_texts(
    encoder: Encoder,
    sets: Sequence[Sequence[str]],
    *,
    templates: Sequence[str] = ("{}",),
    k: int = 1,
    normalise: bool = True,
    progress: bool = False,
) -> Subspace:
    """Find the subspace that separates texts in which only the group is swapped.

    Every set is put into every template; from the vectors of each (set, template) their mean is
    taken off, and the principal components of what is left are the subspace.

    Parameters
    ----------
    encoder : Encoder
        What makes the vectors; each distinct text is encoded once.
    sets : sequence of sequence of str
        ``[("he", "she"), ("man", "woman")]``, or whole sentences; two texts at least in each.
    templates : sequence of str
        Each with one ``{}`` where the text of a set goes.
    k : int
        Components to keep; no more than there are (for pairs often 1, for sets of m up to m - 1).
    normalise : bool
        Bring the vectors to unit length first.
    progress : bool
        Passed on to the encoder.

    Returns
    -------
    Subspace
        The first texts of the sets lie on the positive side.

    Raises
    ------
    InputError
        No set, a set of one text, a template without one ``{}``, a text without a vector.
    VectorError
        Sets whose texts all have equal vectors.

    References
    ----------
    Liang et al. 2020, ACL (SentenceDebias); with words and no template, Bolukbasi et al. 2016.
    """
    filled = [
        [template.replace("{}", text) for text in each]
        for template in _checked_templates(templates)
        for each in _checked_sets(sets)
    ]
    distinct = list(dict.fromkeys(text for each in filled for text in each))
    absent = encoder.missing(distinct)
    if absent:
        raise InputError(
            f"{encoder.info.id} has no vector for {absent[0]!r:.80} ({len(absent)} of "
            f"{len(distinct)} texts have none); leave their sets out"
        )
    vectors = np.asarray(encoder.encode(distinct, progress=progress), dtype=np.float64)
    row = {text: i for i, text in enumerate(distinct)}
    groups = [vectors[[row[text] for text in each]] for each in filled]
    found = direction_from_sets(groups, k=k, normalise=normalise, minimum=1)
    return replace(
        found,
        method="texts",
        settings={
            **found.settings,
            "encoder": encoder.info.id,
            "sets": len(sets),
            "templates": len(templates),
        },
    )


def _checked_sets(sets: Sequence[Sequence[str]]) -> list[list[str]]:
    if isinstance(sets, str) or not len(sets):
        raise InputError("sets is empty or a text; give [('he', 'she'), ...]")
    checked = []
    for i, each in enumerate(sets):
        texts = [] if isinstance(each, str) else list(each)
        if len(texts) < 2 or not all(isinstance(text, str) and text for text in texts):
            raise InputError(f"sets[{i}] is {each!r:.80}; give two texts at least")
        checked.append(texts)
    return checked


def _checked_templates(templates: Sequence[str]) -> list[str]:
    listed = [templates] if isinstance(templates, str) else list(templates)
    for template in listed:
        if not isinstance(template, str) or template.count("{}") != 1:
            raise InputError(
                f"template {template!r:.80}: needs just one {{}} where the text of a set goes"
            )
    if not listed:
        raise InputError("templates is empty; give '{}' for the texts as they are")
    return listed
