"""What a transform keeps of a space, and what it moves."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from embias.audit._card_finding import Finding
from embias.audit._card_probes import nearest, probed
from embias.audit._card_view import View, attempt
from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics import (
    intrinsic_dimension,
    neighbour_overlap,
    pair_similarity,
)
from embias.types import FloatArray

__all__ = ["rank", "retention", "similarity", "task"]

_NEIGHBOURS = 10
#: Directions along which rows vary by less than this share of the largest are rounding.
_ROUNDING = 1e-8


def retention(view: View) -> Iterator[Finding]:
    """Yield what is kept of the neighbourhoods, cosines and lengths of rows."""
    yield attempt("neighbours", view.data, lambda: _neighbours(view))
    yield attempt("cosines", view.data, lambda: _cosines(view))
    yield attempt("dimension", view.data, lambda: _dimension(view))
    yield attempt("movement", view.data, lambda: _movement(view))
    lengths = [np.linalg.norm(rows, axis=1) for rows in (view.before, view.after)]
    before, after = (float(each.mean()) for each in lengths)
    yield Finding("norm", view.data, before, after, reference=before, n=len(view.codes))


def _neighbours(view: View) -> Finding:
    n = len(view.codes)
    found = neighbour_overlap(view.before, view.after, k=_NEIGHBOURS)
    chance = found.figures["share_by_chance"]
    return Finding(
        figure="neighbours",
        data=view.data,
        before=1.0,
        after=found.value,
        reference=1.0,
        n=n,
        note=f"By chance {chance:.3f}. The most sensitive of these figures.",
    )


def _cosines(view: View) -> Finding:
    n = len(view.codes)
    if n < 3:
        raise InputError(f"{n} rows; a correlation of their cosines needs three at least")
    upper = np.triu_indices(n, 1)
    one, two = (
        (unit @ unit.T)[upper]
        for unit in (unit_rows(view.before, "before"), unit_rows(view.after, "after"))
    )
    one, two = one - one.mean(), two - two.mean()
    scale = float(np.linalg.norm(one) * np.linalg.norm(two))
    # What is left of equal cosines is rounding.
    defined = min(np.abs(one).max(), np.abs(two).max()) > 1e-12
    value = min(1.0, max(-1.0, float(one @ two) / scale)) if defined else math.nan
    return Finding("cosines", view.data, 1.0, value, reference=1.0, n=n)


def _dimension(view: View) -> Finding:
    before, after = (
        intrinsic_dimension(rows, level=view.level) for rows in (view.before, view.after)
    )
    # The estimate that the interval is of.
    one, two = (each.figures.get("likelihood", math.nan) for each in (before, after))
    return Finding(
        figure="dimension",
        data=view.data,
        before=one,
        after=two,
        reference=one,
        before_interval=before.interval,
        after_interval=after.interval,
        n=len(view.codes),
        note="Reads too low in high dimension: compare before and after only.",
    )


def _movement(view: View) -> Finding:
    if view.before.shape != view.after.shape:
        raise InputError(
            f"{view.before.shape[1]} coordinates before and {view.after.shape[1]} after; there is "
            "no distance between them"
        )
    moved = float(((view.after - view.before) ** 2).sum() / (view.before**2).sum())
    return Finding(
        figure="movement",
        data=view.data,
        before=0.0,
        after=moved,
        reference=0.0,
        n=len(view.codes),
        note="Mean squared distance moved, as a share of the mean squared length.",
    )


def rank(before: FloatArray, after: FloatArray) -> Finding:
    """Return the number of directions along which rows vary, before and after."""
    counts = []
    for rows in (before, after):
        centred = rows - rows.mean(axis=0)
        values = np.linalg.svd(centred, compute_uv=False)
        counts.append(int((values > _ROUNDING * values[0]).sum()) if values[0] > 0 else 0)
    gone = counts[0] - counts[1]
    return Finding(
        figure="rank",
        data="all",
        before=float(counts[0]),
        after=float(counts[1]),
        reference=float(counts[0]),
        n=len(before),
        note=f"{gone} direction{'' if gone == 1 else 's'} removed." if gone >= 0 else "",
    )


def task(view: View, note: str) -> Iterator[Finding]:
    """Yield how well another concept can still be told; its classes are the codes of the view."""
    majority = f"Majority share {np.bincount(view.codes).max() / view.codes.size:.2f}. {note}"
    for figure, compute in (
        ("task_linear", lambda: probed("task_linear", "linear", 1.0, view)),
        ("task_nearest", lambda: nearest("task_nearest", 1, view, 99)),
    ):
        found = attempt(figure, view.data, compute)
        yield replace(found, reference=found.before, note=found.note or majority.strip())


def similarity(
    before: tuple[FloatArray, FloatArray],
    after: tuple[FloatArray, FloatArray],
    ratings: FloatArray,
    level: float,
) -> Finding:
    """Return Spearman's correlation of cosines and human ratings of pairs."""
    one, two = (
        pair_similarity(*rows, ratings, level=level, n_resamples=100, rng=0)
        for rows in (before, after)
    )
    return Finding(
        figure="similarity",
        data="given",
        before=one.value,
        after=two.value,
        reference=one.value,
        before_interval=one.interval,
        after_interval=two.interval,
        n=len(ratings),
        note="A weak test: it barely moves under any method.",
    )
