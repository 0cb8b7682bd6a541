"""The objective of repulsion, attraction and neutralisation, for many words at once.

On unit vectors x it is ``h(x) + const`` with ``h(x) = sum_i a_i |v_i . x| - t . x``: the v_i are
the neighbours and the bias direction, t half the attraction's weight times the word. Over the unit
ball h is convex, and its least value, where that is below 0, lies on the sphere; so the word's
optimum is a global one, and it is the dual of a small problem of least squares in a box: with
``r = t - sum_i u_i v_i`` the shortest that ``|u_i| <= a_i`` allows, the least h is ``-|r|``, at
``x = r / |r|``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from embias.types import FloatArray

__all__ = ["Repulsion"]

#: What is left of a target counts as nothing below this share of its length.
_NONE = 1e-6
#: Rounds for words whose convex problem has its least value at 0.
_ROUNDS = 50


@dataclass(frozen=True)
class Repulsion:
    """The objectives of a batch of words.

    Attributes
    ----------
    words : ndarray of shape (m, d)
        Unit rows.
    pushing : ndarray of shape (m, r, d)
        What each word is pushed off: neighbours and the bias direction, unit rows. A word with
        fewer has rows of zeros.
    pushes : ndarray of shape (m, r)
        Their weights ``a``, 0 for rows of zeros.
    pull : float
        Half the weight of attraction.
    """

    words: FloatArray
    pushing: FloatArray
    pushes: FloatArray
    pull: float

    def values(self, x: FloatArray) -> FloatArray:
        """Return the objective of each row of unit vectors, from 0 on."""
        return self._h(x) + self.pull

    def solve(self, tol: float, sweeps: int) -> FloatArray:
        """Return unit vectors, shape (m, d), no worse than the words themselves."""
        gram = self.pushing @ self.pushing.transpose(0, 2, 1)
        found, length = self._nearest(gram, self.pull * self.words, tol, sweeps)
        best = np.where(length[:, None] > 0, found, self.words)
        # The least h over the ball is 0 there, so what is least on the sphere is sought from the
        # word on: h(x) - h(x_0) x_0 . x is convex, and where it is least, h is no larger than at
        # x_0 (the method of Hein & Buehler 2010 for ratios).
        for _ in range(_ROUNDS if not length.all() else 0):
            here = self._h(best)
            slope = self.pull * self.words + np.maximum(here, 0.0)[:, None] * best
            made, length = self._nearest(gram, slope, tol, sweeps)
            lower = (length > 0) & (self._h(made) < here - tol)
            best[lower] = made[lower]
            if not lower.any():
                break
        worse = self._h(best) > self._h(self.words)
        best[worse] = self.words[worse]
        return best

    def _h(self, x: FloatArray) -> FloatArray:
        along = np.abs((self.pushing @ x[:, :, None])[:, :, 0])
        h: FloatArray = (self.pushes * along).sum(axis=1) - self.pull * (self.words * x).sum(axis=1)
        return h

    def _nearest(
        self, gram: FloatArray, target: FloatArray, tol: float, sweeps: int
    ) -> tuple[FloatArray, FloatArray]:
        """Return the directions, and the lengths, of the shortest ``target - sum u v``.

        Where nothing is left of a target, its length is 0 and its direction means nothing.
        """
        slope = (self.pushing @ target[:, :, None])[:, :, 0]
        first = slope.copy()
        u = np.zeros_like(slope)
        size = (target**2).sum(axis=1)
        for _ in range(sweeps):
            self._sweep(gram, u, slope)
            square = np.maximum(size - (u * (first + slope)).sum(axis=1), 0.0)
            # Over the length it is the gap between an objective and its least value.
            slack = (self.pushes * np.abs(slope) - u * slope).sum(axis=1)
            if ((slack <= tol * np.sqrt(square)) | (square <= _NONE**2 * size)).all():
                break
        rest = target - (u[:, None, :] @ self.pushing)[:, 0]
        length = np.linalg.norm(rest, axis=1)
        length[length <= _NONE * np.sqrt(size)] = 0.0
        return rest / np.where(length > 0, length, 1.0)[:, None], length

    def _sweep(self, gram: FloatArray, u: FloatArray, slope: FloatArray) -> None:
        """Solve for one u after the other, in place; all words at once."""
        for j in range(u.shape[1]):
            limit = self.pushes[:, j]
            wanted = u[:, j] + slope[:, j] / np.maximum(gram[:, j, j], _NONE)
            step = np.clip(wanted, -limit, limit) - u[:, j]
            if step.any():
                u[:, j] += step
                slope -= step[:, None] * gram[:, j]
