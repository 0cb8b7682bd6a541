"""Double-hard debiasing: a frequency direction goes out first, then hard debiasing."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from embias.errors import InputError
from embias.stats.inputs import check_size, seed_of
from embias.transforms._checks import TransformWarning
from embias.transforms._hard_debiasing import HardDebiasing, Lists
from embias.transforms._hard_steps import neutralised, scaled_to_unit
from embias.transforms._moments import Moments
from embias.transforms._named_rows import NamedRows, places_in
from embias.transforms._word_lists import WordSets, as_word_list, forms_of_words
from embias.transforms._word_sets import found_sets, subspace_of_sets
from embias.transforms.affine_map import LowRankMap
from embias.transforms.card import TransformCard
from embias.types import FloatArray

__all__ = ["CARD", "DoubleHardDebias"]


class DoubleHardDebias(HardDebiasing):
    """Take off the mean and one principal component of the vocabulary, then debias hard.

    Which component: the one after whose removal (and hard debiasing) the most biased words
    cluster least by their side.

    Parameters
    ----------
    pairs : word pairs
        The direction is found twice: on the vectors as they are, to tell which words are the
        most biased, and on the processed ones, to debias them.
    equalize : word sets, "defining" or None
        Sets to equalise; ``"defining"``: the pairs themselves.
    protected : sequence of str
        Words that keep their component.
    case_variants : bool
        Protect words and equalise sets in lower, Title and UPPER case too.
    n_components : int
        Principal components to try.
    n_biased : int
        Most biased words on each side, from the vocabulary without words on any list.
    ends : tuple of str, optional
        ``("she", "he")``: bias is the difference of the cosines with these two words, as in the
        paper; by default the cosine with the direction of all pairs.
    random_state : int, Generator or None
        Seed of k-means (10 restarts).

    Attributes
    ----------
    subspace_, protected_, equalized_, untouched_, missing_, equalized_vectors_, equalized_from_
        See :class:`HardDebias`; on the processed vectors.
    map_ : LowRankMap
        What is done to every vector first: ``z - (z . u) u`` with ``z = x - mean``.
    component_ : int
        Which component u is, from 0.
    alignments_ : ndarray of shape (n_components,)
        Share of the biased words in the cluster of their side for every candidate, the better
        of both matchings, in [.5, 1].
    alignment_before_ : float
        The same for the vectors as they were given, at unit length.
    biased_ : tuple of tuple of str
        The most biased words, those at the first end of the pairs and those at the second.
    seed_ : int

    Notes
    -----
    Guaranteed: what :class:`HardDebias` guarantees, on the processed vectors. Where the words did
    not cluster by side before, low alignments say nothing, and a warning says so.

    Released code projects the vector with its mean, so that an offset stays, and WEFE keeps the
    direction of the unprocessed vectors, changes the most biased words only and is not seeded.

    The affine companion: ``OrthogonalProjection(fitted.subspace_)`` after ``map_``.

    References
    ----------
    Wang et al. 2020, ACL.

    Examples
    --------
    >>> from embias import as_encoder
    >>> from embias.transforms.double_hard_debias import DoubleHardDebias
    >>> encoder = as_encoder("word2vec-googlenews-extract")
    >>> pairs = [("she", "he"), ("woman", "man"), ("girl", "boy"), ("her", "his")]
    >>> debias = DoubleHardDebias(pairs, n_components=2, n_biased=500)
    >>> debias = debias.fit_encoder(encoder, words=encoder.words)
    >>> made = (encoder | debias).encode(["nurse", "doctor"])
    >>> bool(abs(made @ debias.subspace_.vector).max() < 1e-6), len(debias.alignments_)
    (True, 2)
    """

    _from_vocabulary: ClassVar[bool] = True

    def __init__(
        self,
        pairs: WordSets,
        *,
        equalize: WordSets | Literal["defining"] | None = "defining",
        protected: Sequence[str] = (),
        case_variants: bool = True,
        n_components: int = 4,
        n_biased: int = 1000,
        ends: tuple[str, str] | None = None,
        random_state: int | np.random.Generator | None = 0,
    ) -> None:
        self.pairs = pairs
        self.equalize = equalize
        self.protected = protected
        self.case_variants = case_variants
        self.n_components = n_components
        self.n_biased = n_biased
        self.ends = ends
        self.random_state = random_state

    def _told(self) -> Lists:
        return Lists(self.pairs, "pairs", 1, 2, self.equalize, self.protected, self.case_variants)

    def _needed(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys([*super()._needed(), *(self.ends or ())]))

    def _learn(self, named: NamedRows) -> None:
        sets = self._check(named)
        whole, place, _ = found_sets(sets, named, "pairs")
        sides = self._most_biased(whole, place, named)
        self.seed_ = self._seed()
        rows = np.concatenate(sides)
        labels = np.repeat([0, 1], [len(side) for side in sides])
        self.alignment_before_ = self._alignment(scaled_to_unit(named.rows[rows]), labels)
        self._warn_of_chance(len(rows))
        used = sorted(place.values())
        among = {word: used.index(row) for word, row in place.items()}
        maps, found = _candidates(named, self.n_components), []
        for each in maps:
            defining = NamedRows(named.words[used], each.apply(named.rows[used]), named.who)
            g = subspace_of_sets(whole, among, defining, 1)
            none = np.zeros(len(rows), dtype=bool)
            made, _ = neutralised(each.apply(named.rows[rows]), g.basis, none, normalize=True)
            found.append(self._alignment(made, labels))
        self.alignments_ = np.array(found)
        self.component_ = int(np.argmin(self.alignments_))
        self.map_ = maps[self.component_]
        self.biased_ = tuple(tuple(str(w) for w in named.words[side]) for side in sides)
        super()._learn(NamedRows(named.words, self._mapped(named.rows), named.who))

    def _check(self, named: NamedRows) -> tuple[tuple[str, ...], ...]:
        sets = self._defining(self._told())
        if sets is None:
            raise InputError(
                f"{named.who}: pairs must be word pairs, for the direction is found again after a "
                "component is removed; give [('she', 'he'), ...]"
            )
        check_size("n_components", self.n_components)
        check_size("n_biased", self.n_biased)
        n, d = named.rows.shape
        if self.n_components > min(n - 1, d - 1):
            raise InputError(
                f"{named.who}: n_components={self.n_components} for n_samples={n} words of {d} "
                "dimensions; give fewer, or more words"
            )
        return sets

    def _seed(self) -> int:
        try:
            return seed_of(self.random_state) % 2**32
        except (TypeError, ValueError) as error:
            raise InputError(
                f"random_state={self.random_state!r:.60}; give a whole number from 0 on, a numpy "
                "Generator or None"
            ) from error

    def _most_biased(
        self, whole: list[tuple[str, ...]], place: dict[str, int], named: NamedRows
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows of the most biased words, at the first end and at the second."""
        told = self._told()
        units = scaled_to_unit(named.rows)
        protected = as_word_list(told.protected, "protected", named.who)
        listed = [*forms_of_words(protected, told.case_variants), *self._needed()]
        free = places_in(tuple(dict.fromkeys(listed)), named.words) < 0
        free &= named.rows.any(axis=1) & np.array([word is not None for word in named.words])
        along = subspace_of_sets(whole, place, named, 1).vector
        if self.ends is not None:
            along = self._between_ends(units, named)
        rows = np.flatnonzero(free)
        order = rows[np.argsort(-(units[rows] @ along), kind="stable")]
        n = min(self.n_biased, len(order) // 2)
        if n < 2:
            raise InputError(
                f"{named.who}: {len(order)} words are on no list, and two on each side are needed; "
                "fit on a whole vocabulary"
            )
        if n < self.n_biased:
            warnings.warn(
                f"{named.who}: n_biased={self.n_biased}, and {len(order)} words are on no list, so "
                f"{n} on each side are taken, which are all of them; give a smaller n_biased",
                TransformWarning,
                stacklevel=4,
            )
        return order[:n], order[::-1][:n]

    def _between_ends(self, units: FloatArray, named: NamedRows) -> FloatArray:
        found = named.find(self.ends or ())
        if len(self.ends or ()) != 2 or len(found) != 2:
            raise InputError(
                f"{named.who}: ends={self.ends!r:.80}; give two words that have vectors"
            )
        first, second = (units[found[word]] for word in self.ends or ())
        difference: FloatArray = first - second
        return difference

    def _alignment(self, rows: NDArray[Any], labels: NDArray[np.intp]) -> float:
        from sklearn.cluster import KMeans

        if np.ptp(rows, axis=0).max() <= 1e-9:
            return 0.5  # nothing is left that could cluster
        clusters = KMeans(n_clusters=2, n_init=10, random_state=self.seed_).fit_predict(rows)
        same = float(np.mean(clusters == labels))
        return max(same, 1 - same)

    def _warn_of_chance(self, n: int) -> None:
        # Half of the words by chance; their number has a standard deviation of sqrt(n) / 2.
        chance = 0.5 + 1.96 * 0.5 / np.sqrt(n)
        if self.alignment_before_ < chance:
            warnings.warn(
                f"{type(self).__name__}: the {n} most biased words do not cluster by side before "
                f"anything is removed (alignment {self.alignment_before_:.3f}, by chance up to "
                f"{min(chance, 1.0):.3f}), so that which component goes is chance as well; give a "
                "larger vocabulary or another n_biased, or use HardDebias",
                TransformWarning,
                stacklevel=4,
            )

    def _mapped(self, rows: NDArray[Any]) -> NDArray[Any]:
        made = self.map_.apply(rows)
        made[~rows.any(axis=1)] = 0  # a zero row is no word
        return made

    def _apply(self, rows: NDArray[Any], words: NDArray[Any]) -> NDArray[Any]:
        return super()._apply(self._mapped(rows), words)


def _candidates(named: NamedRows, n: int) -> list[LowRankMap]:
    """Return for each of the first n components the map that takes off mean and component."""
    rows = named.rows[named.rows.any(axis=1)]
    moments = Moments.empty(rows.shape[1])
    moments.update(rows)
    d = rows.shape[1]
    _, vectors = linalg.eigh(moments.covariances()[0], subset_by_index=[d - n, d - 1])
    return [_without(moments.mean_x, vectors[:, n - 1 - i]) for i in range(n)]


def _without(mean: FloatArray, u: FloatArray) -> LowRankMap:
    """Return ``z - (z . u) u`` with ``z = x - mean``, as a map of low rank."""
    # x - (x . u) u - rest: the second factor has no row to the right, and so only an offset.
    rest = mean - (mean @ u) * u
    return LowRankMap(
        np.column_stack([u, rest]), np.stack([u, np.zeros_like(u)]), np.array([0.0, -1.0])
    )


CARD = TransformCard(
    name="double-hard-debias",
    estimator=DoubleHardDebias,
    title="Double-hard debiasing",
    learns_from="words",
    removes="The mean and one principal component of the vocabulary, out of every vector; then "
    "what hard debiasing removes.",
    guarantee="orthogonal",
    guaranteed="Words on no list have no component along the direction of the processed pairs, and "
    "equalised words of a set are at the same distance from them.",
    affine=False,
    caveats="The component is chosen by clusters of the most biased words, so that their alignment "
    "afterwards is no independent evidence. Released code leaves an offset or keeps the old "
    "direction.",
    paper="Wang et al. 2020, ACL",
)
