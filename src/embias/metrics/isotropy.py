"""Isotropy: whether a space makes even use of its directions."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import logsumexp

from embias.errors import InputError
from embias.geometry.vectors import unit_rows
from embias.metrics._points import Length, points_of
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats.inputs import check_choice
from embias.types import FloatArray

__all__ = ["IsotropyMethod", "isotropy"]

IsotropyMethod: TypeAlias = Literal["isoscore", "mean_cosine", "partition"]

#: A variance or a length below this share of the largest is rounding.
_ROUNDING = 1e-14


def _run(roles: RoleVectors) -> Measure:
    found = isotropy(roles.all_words())
    n, d = found.counts["rows"], found.counts["dimensions"]
    note = found.note
    if n <= d:
        # n - 1 equal variances and no other: as even as n points can be.
        note += (
            f" {n} words in {d} dimensions: isoscore cannot exceed {(n - 2) / (d - 1):.2g}, "
            "whatever the vectors; mean_cosine has no such bound."
        )
    return replace(found, counts={"words": n}, note=note.strip())


CARD = MetricCard(
    name="isotropy",
    measures=(
        "Whether the vectors make even use of all directions. In an anisotropic space cosines "
        "of all words are high, which shrinks differences of cosines. Not a bias. In an audit the "
        "vectors are those of all words of the test, each once."
    ),
    formula=(
        "isoscore: the eigenvalues of the covariance at length sqrt(d), their distance delta "
        "from (1, ..., 1) over sqrt(2 (d - sqrt(d))), ((d - delta^2 (d - sqrt(d)))^2 - d) / "
        "(d (d - 1)); mean_cosine: mean cosine of different items; partition: min Z(a) / max "
        "Z(a), Z(a) = sum_w exp(a.w), a over the eigenvectors of W'W and their opposites"
    ),
    value_range="isoscore [0, 1]; mean_cosine [-1/(n - 1), 1]; partition (0, 1]",
    no_bias="none: isotropic is 1 for isoscore and partition, 0 for mean_cosine",
    direction="larger: more isotropic (isoscore, partition), less isotropic (mean_cosine)",
    pvalue="none",
    caveats=(
        "The three measure different things: isoscore the spread about the mean, mean_cosine "
        "above all how far the mean lies from the origin. With n items isoscore cannot exceed "
        "about (n - 1) / d, so give far more items than dimensions. Partition depends on the "
        "length of the vectors."
    ),
    edge_cases=EdgeCases(
        missing=(
            "an audit drops and counts them; on arrays the caller leaves them out, and a row of "
            "NaN is refused"
        ),
        unequal="there is one set, in an audit all words",
        one_word="one row is refused",
        duplicates="rows that occur twice count twice",
        two_sets="there is one set; in an audit a word of two sets is in it once",
    ),
    paper=(
        "Rudman, Gillman, Rayne & Eickhoff 2022, Findings of ACL (IsoScore); Ethayarajh 2019, "
        "EMNLP (mean cosine); Mu & Viswanath 2018, ICLR (partition)"
    ),
    conventions=(
        "Mean cosine is exact over all pairs, where the paper samples pairs. For partition both "
        "signs of each eigenvector count: its sign is arbitrary, and codes that take the one "
        "which the solver returned give figures that are at least as large."
    ),
    run=_run,
    measured="none",
)


def isotropy(
    vectors: ArrayLike, *, method: IsotropyMethod = "isoscore", length: Length = "raw"
) -> Measure:
    """Measure how evenly vectors use the directions of their space.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Two rows and two columns at least. Rows that occur twice count twice.
    method : {"isoscore", "mean_cosine", "partition"}
        Which figure is `value`; the others are among the figures all the same.
    length : {"raw", "unit"}
        Vectors as they are (as in the papers), or at unit length; of no effect on cosines.

    Returns
    -------
    Measure
        Figures: ``isoscore`` in [0, 1] (NaN where all rows are the same), ``mean_cosine`` and
        ``sd_cosine`` over all pairs of different rows (NaN with a zero row),
        ``partition`` in (0, 1], ``first_component`` (share of the variance) and
        ``mean_length_share`` (length of the mean vector over the root mean square length).

    Raises
    ------
    InputError
        Wrong shape, fewer than two rows or columns, an option that does not exist.
    VectorError
        A non-finite row, and a zero row for ``length="unit"`` or ``method="mean_cosine"``.

    References
    ----------
    Rudman et al. 2022, Findings of ACL; Ethayarajh 2019, EMNLP; Mu & Viswanath 2018, ICLR.
    """
    check_choice("method", method, get_args(IsotropyMethod))
    points = points_of(vectors, "vectors", length)
    n, d = points.shape
    if n < 2 or d < 2:
        raise InputError(f"vectors has shape {points.shape}; isotropy needs two rows and columns")
    variances = _variances(points)
    figures = {
        "isoscore": _isoscore(variances),
        **_cosines(points, method),
        "partition": _partition(points),
        "first_component": float(variances[-1] / variances.sum()) if variances.any() else math.nan,
        "mean_length_share": _mean_share(points),
    }
    value = figures[method]
    note = "" if math.isfinite(value) else "All rows are the same, so there is no spread."
    low = {"isoscore": 0.0, "mean_cosine": -1 / (n - 1), "partition": 0.0}[method]
    return Measure(
        metric="isotropy",
        value=value,
        no_bias=None,
        value_range=(low, 1.0),
        counts={"rows": n, "dimensions": d},
        figures=figures,
        settings={"method": method, "vectors": length},
        note=note,
    )


def _variances(points: FloatArray) -> FloatArray:
    """Return the variances along the principal axes, in ascending order, scaled to at most 1."""
    centred = points - points.mean(axis=0)
    scale = float(np.abs(centred).max())
    if scale <= _ROUNDING * float(np.abs(points).max()):
        return np.zeros(points.shape[1])
    centred /= scale
    found: FloatArray = np.linalg.eigvalsh(centred.T @ centred)
    found = np.clip(found, 0.0, None) / found[-1]
    return found


def _isoscore(variances: FloatArray) -> float:
    if not variances.any():
        return math.nan
    d = variances.size
    scaled = variances * math.sqrt(d) / np.linalg.norm(variances)
    defect = float(np.linalg.norm(scaled - 1)) / math.sqrt(2 * (d - math.sqrt(d)))
    score = ((d - defect**2 * (d - math.sqrt(d))) ** 2 - d) / (d * (d - 1))
    return min(max(score, 0.0), 1.0)


def _cosines(points: FloatArray, method: IsotropyMethod) -> dict[str, float]:
    """Return mean and standard deviation of the cosines of all pairs of different rows."""
    if method != "mean_cosine" and not np.abs(points).max(axis=1).all():
        return {"mean_cosine": math.nan, "sd_cosine": math.nan}
    units = unit_rows(points, "vectors")
    n = len(units)
    pairs = n * (n - 1)
    total = units.sum(axis=0)
    # Sums over all pairs are squared lengths: of the sum, and of the matrix of second moments.
    mean = float(total @ total - n) / pairs
    moments = units.T @ units
    squares = float((moments**2).sum() - n) / pairs
    return {"mean_cosine": mean, "sd_cosine": math.sqrt(max(squares - mean**2, 0.0))}


def _partition(points: FloatArray) -> float:
    axes = np.linalg.eigh(points.T @ points)[1]
    along = points @ axes
    logs = np.concatenate([logsumexp(along, axis=0), logsumexp(-along, axis=0)])
    return float(np.exp(logs.min() - logs.max()))


def _mean_share(points: FloatArray) -> float:
    scale = float(np.abs(points).max())
    if scale == 0:
        return math.nan
    points = points / scale
    rms = math.sqrt(float((points**2).sum()) / len(points))
    return float(np.linalg.norm(points.mean(axis=0))) / rms
