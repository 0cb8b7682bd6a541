"""RAN: each word is moved off the neighbours it owes to bias, and off the bias direction."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import OneToOneFeatureMixin

from embias.errors import InputError
from embias.geometry import Subspace, as_basis, unit_rows
from embias.stats.inputs import check_size
from embias.transforms._checks import checked_fit, checked_rows
from embias.transforms._concept_subspace import given_or_of_classes
from embias.transforms._repulsion import Repulsion
from embias.transforms._soft import check_above_zero
from embias.transforms.card import TransformCard
from embias.transforms.concept import concept_of
from embias.transforms.row_transform import RowTransform
from embias.types import FloatArray

__all__ = ["CARD", "RAN"]

#: Words of one batch, whose neighbours' vectors are held at once, and cosines of one batch.
_BATCH, _COSINES = 128, 20_000_000
#: A row of the vocabulary this near is the word itself.
_SAME = 1e-10
#: Indirect bias is a ratio to the similarity, and has no meaning where that is about 0.
_SIMILAR = 0.01


class RAN(OneToOneFeatureMixin, RowTransform):
    """Repulsion, attraction, neutralisation: minimise an objective for each word.

    For a word w the unit vector x with the least ``w1 mean_i |cos(x, n_i)| + w2 (1 - cos(x, w))/2
    + w3 |cos(x, g)|``, where g is the bias direction and the n_i are those of its nearest
    neighbours in the vocabulary whose similarity with w is made by g: the indirect bias
    ``beta(w, n) = (w.n - cos(w', n')) / w.n``, with ' for what is off g, is above `theta`.

    Parameters
    ----------
    subspace : Subspace or array_like of shape (d,) or (1, d), optional
        The bias direction; by default that between the class means, and then `fit` needs labels.
    weights : tuple of three float
        Of repulsion, attraction and neutralisation, from 0 on; those of the authors' settings.
    theta : float
        Indirect bias from which a neighbour repels.
    n_neighbors : int
        Neighbours that are looked at.
    tol : float
        How far above its least value an objective may end, if the sweeps are enough.
    max_sweeps : int
        Sweeps over a word's neighbours at most.
    progress : bool
        Show a progress bar in `transform`.

    Attributes
    ----------
    vocabulary_ : ndarray of shape (m, d)
        Unit rows among which neighbours are looked for: those of `fit` that are not zero.
    direction_ : ndarray of shape (d,)
    subspace_ : Subspace or ndarray

    Notes
    -----
    No affine map: what becomes of a word depends on its neighbours in the vocabulary that was
    fitted. Any vector can be transformed, of a word of that vocabulary or of another; a word is
    not its own neighbour. Which words to move is the caller's choice: give `transform` those
    that are not gendered by meaning.

    The minimum is a global one and solved for, not approached by 300 steps of Adam; only a word
    that lies in the span of its neighbours (with more of these than dimensions, or attraction at
    weight 0) may end at a local one. Neutralisation is a cosine here: the authors' code and WEFE
    use the product ``|x.g|`` with an x of any length, so that shrinking x counts as neutralising.
    The authors' code weighs neutralisation by w2, and WEFE passes the word and the vector to be
    optimised in each other's place, so that of the three terms only attraction acts on what it
    returns: weights of (1, 0, 0) and (0, 0, 1) change nothing.

    References
    ----------
    Kumar, Bhotia, Kumar & Chakraborty 2020, TACL.

    Examples
    --------
    >>> import numpy as np
    >>> from embias.transforms.ran import RAN
    >>> words = np.array([[0.8, 0.6, 0.0], [0.8, 0.0, 0.6], [0.0, 1.0, 0.0]])
    >>> ran = RAN([1.0, 0.0, 0.0]).fit(words)
    >>> before, after = ran.objective(words, words), ran.objective(words, ran.transform(words))
    >>> bool((after <= before).all()), bool(after[0] < before[0])
    (True, True)
    """

    def __init__(
        self,
        subspace: Subspace | ArrayLike | None = None,
        *,
        weights: tuple[float, float, float] = (1 / 8, 6 / 8, 1 / 8),
        theta: float = 0.05,
        n_neighbors: int = 100,
        tol: float = 1e-6,
        max_sweeps: int = 1000,
        progress: bool = False,
    ) -> None:
        self.subspace = subspace
        self.weights = weights
        self.theta = theta
        self.n_neighbors = n_neighbors
        self.tol = tol
        self.max_sweeps = max_sweeps
        self.progress = progress

    def fit(
        self, X: ArrayLike, y: ArrayLike | None = None, *, sensitive_features: Any = None
    ) -> Self:
        """Take the vocabulary and the direction.

        Parameters
        ----------
        X : array_like of shape (n, d)
            The vocabulary; rows of zeros are left out of it.
        y : array_like of shape (n,)
            Classes of one concept, or one-hot; not looked at where the direction was given.
        sensitive_features : array_like of shape (n,), optional
            The classes, in place of `y`; for pipelines in which `y` is the target of a task.

        Returns
        -------
        self

        Raises
        ------
        InputError, VectorError
            Another dimension than that of the direction, a subspace of more than one dimension,
            no labels where there is no direction, parameters out of range.
        """
        self._check_parameters()
        who = type(self).__name__
        rows = checked_fit(self, X, at_least=1 if self.subspace is not None else 2)
        target = concept_of(y, sensitive_features)
        self.subspace_ = given_or_of_classes(self.subspace, rows, target, who, k=1)
        basis = as_basis(self.subspace_, "subspace")
        if basis.shape != (1, rows.shape[1]):
            raise InputError(
                f"{who}: subspace has shape {basis.shape}; give one direction of the "
                f"{rows.shape[1]} dimensions of the rows"
            )
        self.direction_: FloatArray = basis[0]
        some = rows.any(axis=1)
        if not some.any():
            raise InputError(f"{who}: all rows are the zero vector; give vectors of words")
        self.vocabulary_: FloatArray = unit_rows(rows[some], "X")
        return self

    def _check_parameters(self) -> None:
        check_size("n_neighbors", self.n_neighbors)
        check_size("max_sweeps", self.max_sweeps)
        check_above_zero("tol", self.tol)
        weights = np.asarray(self.weights, dtype=np.float64)
        finite = weights.shape == (3,) and np.isfinite(weights).all()
        if not finite or (weights < 0).any() or not weights.any():
            raise InputError(
                f"weights={self.weights!r:.60}; give three numbers from 0 on, of repulsion, "
                "attraction and neutralisation, not all 0"
            )

    def _map_rows(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Return the vectors of least objective, at unit length."""
        from tqdm import tqdm

        kind = rows.dtype if rows.dtype.kind == "f" else np.dtype(np.float64)
        made = np.zeros(rows.shape, dtype=kind)
        some = np.flatnonzero(rows.any(axis=1))
        for part in tqdm(self._parts(len(some)), desc="RAN", disable=not self.progress):
            chosen = some[part]
            problem = self._problem(unit_rows(rows[chosen], "X"))
            made[chosen] = problem.solve(self.tol, self.max_sweeps)
        return made

    def objective(self, X: ArrayLike, changed: ArrayLike) -> FloatArray:
        """Return the objective of changed vectors of words, 0 at best.

        Parameters
        ----------
        X, changed : array_like of shape (n, d)
            The words' vectors, which decide on their neighbours, and what became of them; no row
            of zeros.

        Returns
        -------
        ndarray of shape (n,)
        """
        words = unit_rows(checked_rows(self, X), "X")
        after = unit_rows(checked_rows(self, changed), "changed")
        if len(words) != len(after):
            raise InputError(f"X has {len(words)} rows and changed {len(after)}; give as many")
        parts = self._parts(len(words))
        return np.concatenate([self._problem(words[p]).values(after[p]) for p in parts])

    def _parts(self, n: int) -> list[slice]:
        size = max(1, min(_BATCH, _COSINES // len(self.vocabulary_)))
        return [slice(start, start + size) for start in range(0, n, size)]

    def _problem(self, words: FloatArray) -> Repulsion:
        """Return the objectives of unit rows."""
        repulsion, attraction, neutralisation = (float(each) for each in self.weights)
        near, repels = self._neighbours(words)
        # Those that repel come first, and no more columns are kept than the word with most needs.
        order = np.argsort(~repels, axis=1, kind="stable")[:, : int(repels.sum(axis=1).max())]
        near = np.take_along_axis(near, order, axis=1)
        repels = np.take_along_axis(repels, order, axis=1)
        counts = np.maximum(repels.sum(axis=1, keepdims=True), 1)
        pushing = np.empty((len(words), near.shape[1] + 1, words.shape[1]))
        pushing[:, 0] = self.direction_
        pushing[:, 1:] = self.vocabulary_[near] * repels[:, :, None]
        pushes = np.hstack(
            [np.full((len(words), 1), neutralisation), repels * (repulsion / counts)]
        )
        return Repulsion(words, pushing, pushes, attraction / 2)

    def _neighbours(self, words: FloatArray) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return the nearest rows of the vocabulary, and which of them repel."""
        cosines = words @ self.vocabulary_.T
        cosines[cosines > 1 - _SAME] = -np.inf
        k = min(self.n_neighbors, len(self.vocabulary_))
        near = np.argpartition(cosines, -k, axis=1)[:, -k:]
        similarity = np.take_along_axis(cosines, near, axis=1)
        along = words @ self.direction_
        there = (self.vocabulary_ @ self.direction_)[near]
        off = np.sqrt(np.maximum((1 - along[:, None] ** 2) * (1 - there**2), 0.0))
        defined = (similarity > _SIMILAR) & (off > _SAME)
        with np.errstate(invalid="ignore", divide="ignore"):
            apart = (similarity - along[:, None] * there) / off
            beta = (similarity - apart) / similarity
        return near, defined & (np.where(defined, beta, 0.0) > self.theta)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.subspace is None
        return tags


CARD = TransformCard(
    name="ran",
    estimator=RAN,
    title="Repulsion, attraction, neutralisation (RAN)",
    learns_from="subspace",
    removes="Similarity with neighbours that the bias direction makes, and a part of the component "
    "along it, word by word.",
    guarantee=None,
    guaranteed="No word's objective is above what it was. Neither the component nor the "
    "neighbours need be gone.",
    affine=False,
    caveats="Neighbours that repel are themselves moved, and may meet again. The authors' code "
    "and WEFE let a shorter vector count as a neutral one; in WEFE only attraction acts on what is "
    "returned.",
    paper="Kumar et al. 2020, TACL",
)
