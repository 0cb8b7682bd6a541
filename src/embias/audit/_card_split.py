"""Which rows a transform is fitted on, and which are probed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embias.audit._card_inputs import Labelled
from embias.errors import InputError
from embias.metrics._labelled import Codes
from embias.metrics._probes import Split, splits_of

__all__ = ["Parts", "part_of", "parts_of"]

#: Units of each class that are needed on either side: one cannot be split again.
_FEWEST = 2


@dataclass(frozen=True, eq=False)
class Parts:
    """Rows of one split, as row numbers.

    Attributes
    ----------
    fit : ndarray of int, or None
        None where the transform came fitted.
    fresh : ndarray of int
        All others.
    probed : ndarray of int
        Those of `fresh` that probes are trained and tested on: where groups have rows of several
        classes, one class of each group, for a probe would else learn a group from one class and
        meet it again in the other.
    small : ndarray of int
        At most so many of `probed` as costly probes take.
    kept : ndarray of int
        At most so many of `fresh`, for what is kept.
    """

    fit: Codes | None
    fresh: Codes
    probed: Codes
    small: Codes
    kept: Codes


def parts_of(
    data: Labelled, fit_share: float | None, max_rows: int, generator: np.random.Generator
) -> Parts:
    """Divide the rows, each class alike, without dividing a group or equal rows.

    Parameters
    ----------
    data : Labelled
    fit_share : float or None
        Share of the units of each class to fit on; None: nothing is fitted.
    max_rows : int
        See :class:`Parts`.
    generator : Generator

    Raises
    ------
    InputError
        Too few units of a class on a side.
    """
    everything = np.arange(len(data))
    fit: Codes | None = None
    fresh = everything
    if fit_share is not None:
        _check_enough(data, everything, 2 * _FEWEST, "two to fit on and two to probe")
        split = Split(fit_share, None)
        fit, fresh = next(splits_of(split, data.unit, data.codes, generator))
        _check_enough(data, fit, _FEWEST, f"two to fit on (fit_share={fit_share:g})", rows=True)
    _check_enough(data, fresh, _FEWEST, "two to probe")
    probed = _one_class_a_group(data, fresh, generator) if data.mixed else fresh
    _check_enough(data, probed, _FEWEST, "two to probe with one class of each group")
    small = part_of(data, probed, max_rows, generator)
    kept = part_of(data, fresh, max_rows, generator)
    return Parts(fit, fresh, probed, small, kept)


def _check_enough(data: Labelled, which: Codes, need: int, why: str, *, rows: bool = False) -> None:
    counted = which if rows else data.unit[which]
    for code, name in enumerate(data.classes):
        found = np.unique(counted[data.codes[which] == code]).size
        if found < need:
            what = "rows" if rows else "groups" if data.group is not None else "distinct rows"
            raise InputError(
                f"y: the class {name!r:.60} has {found} {what} here, and {need} are needed "
                f"({why}); give more of it, another fit_share, or a fitted transform with fit=False"
            )


def _one_class_a_group(data: Labelled, which: Codes, generator: np.random.Generator) -> Codes:
    """Return the rows of one class of each group, so that classes have about as many groups."""
    assert data.group is not None
    group, codes = data.group[which], data.codes[which]
    present = np.zeros((int(group.max()) + 1, len(data.classes)), dtype=bool)
    present[group, codes] = True
    taken = np.full(len(present), -1)
    counts = np.zeros(len(data.classes))
    pure = present.sum(axis=1) == 1
    taken[pure] = present[pure].argmax(axis=1)
    np.add.at(counts, taken[pure], 1)
    for each in generator.permutation(np.flatnonzero(present.sum(axis=1) > 1)):
        choices = np.flatnonzero(present[each])
        fewest = choices[counts[choices] == counts[choices].min()]
        taken[each] = generator.choice(fewest)
        counts[taken[each]] += 1
    chosen: Codes = which[taken[group] == codes]
    return chosen


def part_of(data: Labelled, which: Codes, most: int, generator: np.random.Generator) -> Codes:
    """Return at most about `most` of the rows, whole units, each class alike."""
    if which.size <= most:
        return which
    unit = np.unique(data.unit[which], return_inverse=True)[1].ravel()
    split = Split(most / which.size, None)
    return which[next(splits_of(split, unit, data.codes[which], generator))[0]]
