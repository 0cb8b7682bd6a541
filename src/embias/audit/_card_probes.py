"""One probe on the same splits of rows before and after a transform."""

from __future__ import annotations

import math

from embias.audit._card_finding import Finding
from embias.audit._card_view import View
from embias.metrics import knn_recovery, probe_accuracy
from embias.metrics._probes import Probe
from embias.results import Measure
from embias.stats import wilson_interval

__all__ = ["FOLDS", "as_float", "nearest", "probed"]

#: Folds of cross-validation, fewer where a class has fewer words; the network is slow to train.
FOLDS: dict[Probe, int] = {"linear": 5, "rbf": 5, "mlp": 2}


def probed(figure: str, probe: Probe, strength: float, view: View) -> Finding:
    """Return the cross-validated accuracy of a probe, on words it was not trained on."""
    found = probe_accuracy(
        view.after,
        view.codes,
        probe=probe,
        strength=strength,
        folds=view.folds(FOLDS[probe]),
        words=view.group,
        original=view.before,
        lengths="raw",
        n_seeds=1,
        level=view.level,
        rng=view.seed(figure),
        progress=False,
    )
    stopped = "stopped before" in found.note
    note = "A probe stopped before it had converged." if stopped else ""
    return _share(figure, view, found, found.counts["tested"], note)


def nearest(figure: str, k: int, view: View, draws: int) -> Finding:
    """Return the share of words that their k nearest neighbours tell the class of."""
    found = knn_recovery(
        view.after,
        view.codes,
        k=k,
        words=view.group,
        original=view.before,
        n_resamples=draws,
        level=view.level,
        rng=view.seed(figure),
    )
    return _share(figure, view, found, found.counts["words"], found.note)


def _share(figure: str, view: View, found: Measure, n: int, note: str) -> Finding:
    before = found.figures["original"]
    return Finding(
        figure=figure,
        data=view.data,
        before=before,
        after=found.value,
        reference=as_float(found.no_bias),
        before_interval=wilson_interval(round(before * n), n, view.level),
        after_interval=found.interval,
        n=n,
        is_share=True,
        note=note,
    )


def as_float(value: float | None) -> float:
    """Return a number, NaN for None."""
    return math.nan if value is None else float(value)
