"""What is left of the concept: probes, neighbours, clusters, covariance."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from embias.audit._card_finding import Finding
from embias.audit._card_probes import as_float, nearest, probed
from embias.audit._card_view import View, attempt
from embias.geometry.vectors import unit_rows
from embias.metrics import (
    association_scores,
    cluster_alignment,
    neighbour_bias,
)
from embias.metrics._labelled import Codes
from embias.metrics._probes import Probe, fit_and_predict
from embias.types import FloatArray

__all__ = ["STRENGTHS", "covariance", "neighbour_bias_finding", "removal", "same_data", "side_bias"]

#: Inverse regularisation of the linear probes, for rows of mean square 1 a coordinate.
STRENGTHS = {"linear_strong": 0.01, "linear_weak": 100.0}

_NEIGHBOURS = 5
_DRAWS = 999
#: Draws of the relabelled covariance: only whether it is below a few percent counts.
_COVARIANCE_DRAWS = 499
#: Neighbours whose side is looked at, as in the paper, or a tenth of the words there are.
_SIDE_NEIGHBOURS = 100
_MOST_SHARE = 10


def removal(view: View, small: View, probes: tuple[Probe, ...]) -> Iterator[Finding]:
    """Yield what probes find in rows that are split again for them.

    Parameters
    ----------
    view : View
        Rows for the linear probes and the covariance.
    small : View
        At most so many as costly probes take.
    probes : tuple of {"linear", "rbf", "mlp"}
    """
    runs: list[tuple[str, Probe, float, View]] = []
    if "linear" in probes:
        runs += [(name, "linear", strength, view) for name, strength in STRENGTHS.items()]
    runs += [(probe, probe, 1.0, small) for probe in ("rbf", "mlp") if probe in probes]
    for run in runs:
        yield attempt(run[0], view.data, partial(probed, *run))
    yield attempt("knn", view.data, lambda: nearest("knn", _NEIGHBOURS, small, _DRAWS))
    yield attempt("clusters", view.data, lambda: _clusters(small.by_group()))
    yield attempt("covariance", view.data, lambda: covariance(view, null=True))


def same_data(view: View) -> Iterator[Finding]:
    """Yield the accuracy of linear probes on the very rows they were trained on."""
    majority = float(np.bincount(view.codes).max() / view.codes.size)
    for name, strength in STRENGTHS.items():
        shares = []
        for rows in (view.before, view.after):
            seed = view.seed(name) % 2**31
            (guessed,), _ = fit_and_predict("linear", rows, view.codes, (rows,), strength, seed)
            shares.append(float((guessed == view.codes).mean()))
        before, after = shares
        n = int(view.codes.size)
        yield Finding(f"{name}_same", view.data, before, after, reference=majority, n=n)


def _clusters(view: View) -> Finding:
    found = cluster_alignment(
        view.after,
        view.codes,
        original=view.before,
        lengths="raw",
        n_seeds=1,
        n_resamples=_DRAWS,
        rng=view.seed("clusters"),
        progress=False,
    )
    return Finding(
        figure="clusters",
        data=view.data,
        before=found.figures["original"],
        after=found.value,
        reference=as_float(found.no_bias),
        n=found.counts["words"],
        before_pvalue=found.figures["original_pvalue"],
        after_pvalue=as_float(found.pvalue),
    )


def covariance(view: View, *, null: bool) -> Finding:
    """Return the Frobenius norm of the cross-covariance (n - 1) with one-hot classes.

    With `null` also its mean, and p-values, when the classes are relabelled among the groups,
    which must be of one class each then.
    """
    norms, means, pvalues = [], [], []
    n = view.codes.size
    for rows in (view.before, view.after):
        centred = rows - rows.mean(axis=0)
        sums, codes = _group_sums(centred, view) if null else (centred, view.codes)
        norm = _norm(sums, codes) / (n - 1)
        norms.append(norm)
        if null:
            generator = np.random.default_rng(view.seed("covariance"))
            drawn = np.array(
                [
                    _norm(sums, generator.permutation(codes)) / (n - 1)
                    for _ in range(_COVARIANCE_DRAWS)
                ]
            )
            means.append(float(drawn.mean()))
            # Rounding must not make a tie a miss.
            hits = int((drawn >= norm * (1 - 1e-9)).sum())
            pvalues.append((hits + 1) / (_COVARIANCE_DRAWS + 1))
    return Finding(
        figure="covariance",
        data=view.data,
        before=norms[0],
        after=norms[1],
        reference=means[1] if null else math.nan,
        n=int(np.unique(view.unit).size) if view.group is not None else n,
        before_pvalue=pvalues[0] if null else math.nan,
        after_pvalue=pvalues[1] if null else math.nan,
    )


def _group_sums(rows: FloatArray, view: View) -> tuple[FloatArray, Codes]:
    if view.group is None:
        return rows, view.codes
    _, first, group = np.unique(view.group, return_index=True, return_inverse=True)
    sums = np.zeros((first.size, rows.shape[1]))
    np.add.at(sums, group.ravel(), rows)
    return sums, view.codes[first]


def _norm(sums: FloatArray, codes: Codes) -> float:
    # The rows add up to zero, so the classes need not be centred.
    by_class = np.zeros((int(codes.max()) + 1, sums.shape[1]))
    np.add.at(by_class, codes, sums)
    return float(np.linalg.norm(by_class))


def side_bias(view: View, fit: View | None) -> FloatArray:
    """Return how much nearer each row lies to the first of two classes than to the second.

    Parameters
    ----------
    view : View
        One row a word; measured before the transform.
    fit : View or None
        Other rows of the classes, whose mean cosine with a row counts; None: those of `view`,
        the row itself left out.
    """
    if fit is not None:
        first, second = (fit.before[fit.codes == code] for code in (0, 1))
        return association_scores(view.before, first, second)
    unit = unit_rows(view.before, "X")
    bias = np.zeros(len(unit))
    for code, sign in ((0, 1.0), (1, -1.0)):
        own = view.codes == code
        # A row's cosine with itself is 1.
        bias += sign * (unit @ unit[own].sum(axis=0) - own) / (own.sum() - own)
    return bias


def neighbour_bias_finding(view: View, fit: View | None) -> Finding:
    """Return the correlation of the bias of words before with the side of their neighbours.

    Parameters
    ----------
    view, fit
        See :func:`side_bias`.
    """
    bias = side_bias(view, fit)
    k = min(_SIDE_NEIGHBOURS, max(5, bias.size // _MOST_SHARE))
    before, after = (
        neighbour_bias(
            rows,
            bias,
            k=k,
            n_resamples=_DRAWS,
            level=view.level,
            rng=view.seed("neighbour_bias"),
        )
        for rows in (view.before, view.after)
    )
    return Finding(
        figure="neighbour_bias",
        data=view.data,
        before=before.value,
        after=after.value,
        reference=0.0,
        before_interval=before.interval,
        after_interval=after.interval,
        n=int(bias.size),
        note=f"{k} neighbours; bias before: cosines with one class less those with the other.",
    )
