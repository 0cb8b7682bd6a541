"""Gender-based illicit proximity estimate: neighbours that a direction makes (Kumar 2020)."""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry.subspace import Subspace
from embias.geometry.vectors import unit_rows
from embias.metrics._direction import describe, remark, words_and_basis
from embias.metrics._labelled import Codes
from embias.metrics._neighbours import neighbour_sets
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Measure
from embias.stats.inputs import check_choice, check_share, check_size
from embias.types import FloatArray

__all__ = ["GipeWeights", "gipe"]

GipeWeights: TypeAlias = Literal["paper", "reference"]

#: A word whose part off the direction is shorter than this lies along it.
_ALONG = 1e-6
#: Coordinates gathered at a time: few enough to stay near the processor.
_GATHERED = 2**18


def gipe(
    original: ArrayLike,
    direction: Subspace | ArrayLike,
    *,
    modified: ArrayLike | None = None,
    words: ArrayLike | None = None,
    k: int = 100,
    theta: float = 0.05,
    weights: GipeWeights = "paper",
    min_similarity: float = 0.01,
) -> Measure:
    """Estimate how many neighbourhoods a bias direction has made.

    Parameters
    ----------
    original : array_like of shape (n, d)
        Vectors of the vocabulary before any transform: the indirect bias of a pair is computed
        on them.
    direction : Subspace or array_like of shape (d,) or (m, d)
        Bias direction (or subspace) of the original vectors, see :func:`bias_direction`.
    modified : array_like of shape (n, d'), optional
        Vectors after the transform: neighbours are looked for among them. The original ones by
        default.
    words : array_like of int, optional
        Rows of the words to judge (those a transform should debias); all by default. Neighbours
        are looked for in the whole vocabulary.
    k : int
        Neighbours by cosine, the word itself left out; ties by row.
    theta : float
        Indirect bias above which a neighbour is illicit, in (0, 1). .03 to .07 are in use: a
        figure without its theta means nothing.
    weights : {"paper", "reference"}
        A word that is no judged word's neighbour has weight 1 (``paper``), or drops out, as in
        the published code (``reference``).
    min_similarity : float
        Indirect bias is a share of the cosine and not defined for a smaller one (in size), in
        (0, 1): such a neighbour is not illicit, and counted.

    Returns
    -------
    Measure
        `value` in [0, 1]; 0 is no bias. NaN where no word has a weight.
        ``figures``: ``eta``, the unweighted mean; ``theta``. ``counts``: words, edges, edges
        that are illicit, edges whose indirect bias is not defined, words without incoming
        edges. ``scores["words"]``: eta of each judged word, the share of its neighbours that
        are illicit; ``scores["weights"]``: its weight, from 1 to 2 (or 0).

    Raises
    ------
    InputError
        Wrong shapes, k too large, an option that does not exist.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    For word w with neighbours N(w), ``eta(w) = #{v in N(w): beta(w, v) > theta} / k``;
    ``gamma(w) = 1 + #{incoming edges with beta > theta} / #{incoming edges}``, edges coming from
    the judged words; ``GIPE = sum gamma eta / sum gamma``. ``beta(w, v) = (w.v - cos(w', v')) /
    w.v`` for unit w, v and w' = w less its part along the direction (Bolukbasi et al. 2016).
    Lengths, the sign of the direction, a rotation of all original vectors with the direction and
    one of all modified ones change nothing.

    References
    ----------
    Kumar, Bhotia & Chakraborty 2020, TACL 8:486-503.
    """
    check_choice("weights", weights, get_args(GipeWeights))
    check_size("k", k)
    check_share("theta", theta)
    check_share("min_similarity", min_similarity)
    rows, basis = words_and_basis(original, direction, "original")
    now = rows if modified is None else unit_rows(modified, "modified")
    if len(now) != len(rows):
        raise InputError(f"modified has {len(now)} rows and original {len(rows)}; give the same")
    along = rows @ basis.T
    judged = _judged(words, len(rows))
    near = neighbour_sets(now[judged], now, k, own=judged)
    beta = _edge_betas(rows, along, judged, near, min_similarity)
    illicit = beta > theta
    incoming = np.bincount(near.ravel(), minlength=len(rows))[judged]
    bad = np.bincount(near.ravel(), illicit.ravel(), minlength=len(rows))[judged]
    alone = incoming == 0
    gamma = 1 + bad / np.where(alone, 1, incoming)
    if weights == "reference":
        gamma[alone] = 0.0
    eta = illicit.mean(axis=1)
    total = float(gamma.sum())
    notes = [remark(direction)]
    if not total:
        notes.append("No judged word is a neighbour of another: no word has a weight.")
    return Measure(
        metric="gipe",
        value=float(gamma @ eta) / total if total else math.nan,
        no_bias=0.0,
        value_range=(0.0, 1.0),
        counts={
            "words": judged.size,
            "edges": near.size,
            "illicit": int(illicit.sum()),
            "undefined": int(np.isnan(beta).sum()),
            "without incoming edges": int(alone.sum()),
        },
        figures={"eta": float(eta.mean()), "theta": theta},
        scores={"words": tuple(eta.tolist()), "weights": tuple(gamma.tolist())},
        settings={
            "k": k,
            "theta": theta,
            "weights": weights,
            "min_similarity": min_similarity,
            "direction": describe(direction, basis),
        },
        note=" ".join(filter(None, notes)),
    )


def _judged(words: ArrayLike | None, n: int) -> Codes:
    if words is None:
        return np.arange(n)
    given = np.asarray(words)
    if given.ndim != 1 or given.dtype.kind not in "iu" or given.size == 0:
        raise InputError(
            "words must be row numbers, whole numbers in one dimension, one at least "
            f"(its type is {given.dtype}, its shape {given.shape})"
        )
    rows = given.astype(np.intp)
    outside = rows[(rows < 0) | (rows >= n)]
    if outside.size:
        raise InputError(f"words holds {outside[0]}; rows are numbered 0 to {n - 1}")
    if np.unique(rows).size < rows.size:
        raise InputError("words names a row twice; give each once")
    return rows


def _edge_betas(
    rows: FloatArray, along: FloatArray, judged: Codes, near: Codes, min_similarity: float
) -> FloatArray:
    """Return the indirect bias of each word with each neighbour, NaN where it is not defined."""
    beta = np.empty(near.shape)
    off = 1 - (along**2).sum(axis=1)
    step = max(1, _GATHERED // (near.shape[1] * rows.shape[1]))
    for start in range(0, judged.size, step):
        w, v = judged[start : start + step], near[start : start + step]
        cosine = np.matmul(rows[v], rows[w][:, :, None])[:, :, 0]
        rest = cosine - np.einsum("id,ijd->ij", along[w], along[v])
        defined = (
            (np.abs(cosine) >= min_similarity)
            & (off[w][:, None] > _ALONG**2)
            & (off[v] > _ALONG**2)
        )
        lengths = np.sqrt(np.maximum(off[w][:, None] * off[v], 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            found = (cosine - rest / lengths) / cosine
        beta[start : start + step] = np.where(defined, found, math.nan)
    return beta


CARD = MetricCard(
    name="gipe",
    measures=(
        "How far the neighbourhoods of words are made by a bias direction: the share of "
        "neighbours (after a transform) that owe their similarity (before it) to the direction."
    ),
    formula=(
        "sum_w gamma(w) eta(w) / sum_w gamma(w); eta: share of the k = 100 neighbours with "
        "indirect bias beta > theta; gamma: 1 + the same share of incoming edges"
    ),
    value_range="[0, 1]",
    no_bias="0",
    direction="larger: more neighbours by the direction",
    pvalue="none",
    caveats=(
        "Depends on theta and k: state them. Neighbours are of the modified vectors, beta of the "
        "original ones: a transform that moves biased neighbours apart lowers it, whatever other "
        "words come near. Words gendered by meaning should not be judged."
    ),
    edge_cases=EdgeCases(
        missing="the caller leaves them out of the vocabulary",
        unequal="there is one set, the vocabulary",
        one_word="one word to judge is enough; k other words are needed",
        duplicates="equal rows are neighbours of each other; a judged row named twice is refused",
        two_sets="there is one set",
    ),
    paper="Kumar, Bhotia & Chakraborty 2020, TACL 8:486-503",
    conventions=(
        "The authors' code drops words without incoming edges (weights='reference'), has theta "
        ".05 in the function and .03 on its command line, and takes the first entry of a "
        "neighbour list for the word itself."
    ),
    takes="vectors",
    needs="a vocabulary and a bias direction of it",
    measured="none",
)
