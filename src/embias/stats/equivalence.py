"""Evidence of no bias: whether a difference is certainly inside a bound."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from embias.errors import InputError
from embias.results import Alternative, Interval, PermutationResult
from embias.stats.effect_size import g_from_d, largest_d
from embias.stats.inputs import check_choice, check_share, checked_scores, pooled_sd, seed_of
from embias.stats.permutation import MethodChoice, permutation_pvalue
from embias.stats.power import EffectUnit, smallest_pvalue
from embias.stats.shift_interval import shift_interval
from embias.types import FloatArray

__all__ = ["Equivalence", "Verdict", "equivalence_test", "words_needed"]

Verdict: TypeAlias = Literal["within", "outside", "too small to tell"]

#: Probability with which the words needed would pass.
_POWER = 0.8
#: Exact counting up to about ten milliseconds, as in the interval.
_MAX_SUMS = 200_000
#: More words than any set has; the search for the number of words ends here.
_MOST_WORDS = 10**12


@dataclass(frozen=True, slots=True)
class Equivalence:
    """Whether a difference of means lies within a bound, and what the sets can tell.

    Attributes
    ----------
    verdict : {"within", "outside", "too small to tell"}
        ``within``: ``pvalue <= alpha``, the interval lies inside (-bound, bound). ``outside``:
        ``pvalue_outside <= alpha``, the interval lies wholly beyond one bound. Else the
        interval reaches across a bound, and the sets cannot tell: not a pass.
    statistic : float
        ``D = mean(scores_x) - mean(scores_y)``; 0 is no bias.
    bound : float
        Above 0, in the unit of the scores.
    bound_effect_size : float or None
        The bound as d, where it was given so.
    pvalue, pvalue_bounds : float, tuple of float
        Of the two one-sided tests, the larger p; small is evidence that ``|D| < bound``.
    pvalue_upper, pvalue_lower : float
        The two: against ``D >= bound``, against ``D <= -bound``.
    pvalue_outside : float
        The smaller p of the tests against ``D <= bound`` and against ``D >= -bound``; small is
        evidence that D lies beyond the bound.
    interval : Interval
        Of D, level ``1 - 2 alpha``, see :func:`shift_interval`.
    alpha : float
    methods : tuple of str
        How the p-values were computed.
    feasible : bool
        Whether a difference of exactly 0 would be ``within``, with this spread and these sizes
        (always true where the verdict is ``within``).
    smallest_bound : float
        Bounds above this are feasible; ``inf`` when sets of these sizes can never pass.
    words_needed : int
        Words per side with which a true difference of 0 and this spread would pass with
        probability 0.8, see :func:`words_needed`.
    n_x, n_y : int
    seed : int
        Of the p-values that were sampled, if any.
    message : str
        All this in plain words.
    """

    verdict: Verdict
    statistic: float
    bound: float
    bound_effect_size: float | None
    pvalue: float
    pvalue_bounds: tuple[float, float]
    pvalue_upper: float
    pvalue_lower: float
    pvalue_outside: float
    interval: Interval
    alpha: float
    methods: tuple[str, ...]
    feasible: bool
    smallest_bound: float
    words_needed: int
    n_x: int
    n_y: int
    seed: int
    message: str


def equivalence_test(
    scores_x: ArrayLike,
    scores_y: ArrayLike,
    *,
    bound: float,
    bound_unit: EffectUnit = "statistic",
    alpha: float = 0.05,
    method: MethodChoice = "auto",
    n_resamples: int = 9_999,
    rng: int | np.random.Generator | None = None,
) -> Equivalence:
    """Test whether two sets of scores differ in mean by less than a bound.

    "Not significant" is no evidence of no bias. Here the burden is turned: the hypothesis is
    that the difference D is at least `bound`, in either direction, and a small p speaks against
    it. Two one-sided permutation tests (TOST), exact under the shift model: ``scores_x - bound``
    against `scores_y` with alternative ``less``, ``scores_x + bound`` with ``greater``.

    Parameters
    ----------
    scores_x, scores_y : array_like of shape (n_x,), (n_y,)
        Finite scores, three in all at least; the sizes may differ.
    bound : float
        The largest difference that would not matter, above 0.
    bound_unit : {"statistic", "effect_size"}
        ``statistic``: D, in the unit of the scores. ``effect_size``: d (ddof 1), turned into D
        by the observed pooled spread within the sets as if that were known; approximate,
        because it is estimated from the same few words.
    alpha : float
        Level of each test, in (0, 0.5); the interval has level ``1 - 2 alpha``.
    method : {"auto", "exact", "certified", "sampled"}
        How p-values are computed, see :func:`permutation_pvalue`.
    n_resamples : int
        Draws, should they be sampled.
    rng : int, Generator or None
        Seed, should they be sampled; None draws a fresh one, which is recorded.

    Returns
    -------
    Equivalence
        Verdict "within", "outside" or "too small to tell", with its evidence.

    Raises
    ------
    InputError
        Empty, non-finite or not one-dimensional scores; fewer than three; a bound that is not
        above 0 or that no effect size can reach; alpha outside (0, 0.5); an option that does
        not exist.

    References
    ----------
    Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657-680.
    """
    x, y = checked_scores(scores_x, "scores_x"), checked_scores(scores_y, "scores_y")
    if x.size + y.size < 3:
        raise InputError("one score on each side has no spread; give three in all at least")
    check_choice("bound_unit", bound_unit, get_args(EffectUnit))
    check_share("alpha", alpha, high=0.5)
    limit = _bound(x, y, bound, bound_unit)
    seed = seed_of(rng)
    interval = shift_interval(
        x, y, level=1 - 2 * alpha, method=method, n_resamples=n_resamples, rng=seed
    )

    def test(shift: float, alternative: Alternative) -> PermutationResult:
        return permutation_pvalue(
            x + shift,
            y,
            alternative=alternative,
            method=method,
            n_resamples=n_resamples,
            max_sums=_MAX_SUMS,
            rng=seed,
        )

    tests = _Tests(
        upper=test(-limit, "less"),
        lower=test(limit, "greater"),
        above=test(-limit, "greater"),
        below=test(limit, "less"),
    )
    given = bound if bound_unit == "effect_size" else None
    needed = words_needed(limit, pooled_sd(x, y), alpha=alpha)
    return _result(tests, interval, float(x.mean() - y.mean()), limit, given, alpha, needed, seed)


@dataclass(frozen=True)
class _Tests:
    """Against ``D >= bound``, ``D <= -bound``, ``D <= bound`` and ``D >= -bound``."""

    upper: PermutationResult
    lower: PermutationResult
    above: PermutationResult
    below: PermutationResult

    @property
    def all(self) -> tuple[PermutationResult, ...]:
        return self.upper, self.lower, self.above, self.below

    @property
    def inside(self) -> float:
        return max(self.upper.pvalue, self.lower.pvalue)

    @property
    def outside(self) -> float:
        return min(self.above.pvalue, self.below.pvalue)

    def verdict(self, alpha: float) -> Verdict:
        """By the p-values, so that the verdict is as exact as they are."""
        if self.inside <= alpha:
            return "within"
        return "outside" if self.outside <= alpha else "too small to tell"


def _result(
    tests: _Tests,
    interval: Interval,
    statistic: float,
    bound: float,
    given: float | None,
    alpha: float,
    needed: int,
    seed: int,
) -> Equivalence:
    verdict = tests.verdict(alpha)
    smallest = max(interval.high - statistic, statistic - interval.low)
    inside = tests.upper.pvalue_bounds, tests.lower.pvalue_bounds
    result = Equivalence(
        verdict=verdict,
        statistic=statistic,
        bound=bound,
        bound_effect_size=given,
        pvalue=tests.inside,
        pvalue_bounds=(max(low for low, _ in inside), max(high for _, high in inside)),
        pvalue_upper=tests.upper.pvalue,
        pvalue_lower=tests.lower.pvalue,
        pvalue_outside=tests.outside,
        interval=interval,
        alpha=alpha,
        methods=tuple(sorted({test.method for test in tests.all})),
        feasible=verdict == "within" or bound > smallest,
        smallest_bound=smallest,
        words_needed=needed,
        n_x=tests.upper.n_x,
        n_y=tests.upper.n_y,
        seed=seed,
        message="",
    )
    return replace(result, message=_message(result))


def words_needed(bound: float, sd: float, *, alpha: float = 0.05, power: float = _POWER) -> int:
    """Return how many words per side let a true difference of 0 pass an equivalence test.

    Parameters
    ----------
    bound : float
        Above 0, in the unit of the scores.
    sd : float
        Spread of the scores within the sets, at least 0.
    alpha : float
        Level of each of the two tests, in (0, 0.5).
    power : float
        Probability to pass, in (0, 1).

    Returns
    -------
    int
        At least 2, and at least as many as make the smallest possible p-value at most alpha.
        By the t distribution, with `sd` taken as known.

    Raises
    ------
    InputError
        A bound that is not above 0, a negative spread, a share out of range, a bound so far
        below the spread that more than a million million words would be needed.
    """
    check_share("alpha", alpha, high=0.5)
    check_share("power", power)
    if not (bound > 0 and 0 <= sd < math.inf):
        raise InputError(f"bound={bound!r}, sd={sd!r}; give bound > 0 and a finite sd >= 0")

    def passes(n: int) -> bool:
        if n < 100 and smallest_pvalue(n, n) > alpha:
            return False
        error = sd * math.sqrt(2 / n)
        room = (bound / error if error > 0 else math.inf) - stats.t.isf(alpha, 2 * n - 2)
        return bool(2 * stats.t.cdf(room, 2 * n - 2) - 1 >= power)

    high = 2
    while not passes(high):
        if high > _MOST_WORDS:
            raise InputError(
                f"bound={bound:g} is {bound / sd:.1g} of the spread of the scores; no number of "
                "words could show so small a difference, give a larger bound"
            )
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if passes(middle) else (middle, high)
    return high


def _bound(x: FloatArray, y: FloatArray, bound: float, unit: EffectUnit) -> float:
    """Return the bound in the unit of the scores."""
    if not 0 < bound < math.inf:
        raise InputError(
            f"bound={bound!r}; give the largest difference that would not matter, above 0"
        )
    if unit == "statistic":
        return float(bound)
    if bound >= largest_d(x.size, y.size):
        raise InputError(
            f"bound={bound!r} as an effect size; {x.size} and {y.size} words have "
            f"|d| <= {largest_d(x.size, y.size):.3g}, so every difference would pass: "
            "give a smaller bound"
        )
    sd = pooled_sd(x, y)
    if sd == 0:
        raise InputError(
            "bound_unit='effect_size': the scores have no spread within the sets; "
            "give the bound with bound_unit='statistic'"
        )
    return g_from_d(bound, x.size, y.size) * sd


def _message(result: Equivalence) -> str:
    ends = f"[{result.interval.low:.3g}, {result.interval.high:.3g}]"
    share = f"{result.interval.level:.0%}".replace("%", " %")
    words = f"{result.n_x} + {result.n_y} words"
    found = f"D = {result.statistic:.3g}, {share} interval {ends}, {words}"
    bound = f"{result.bound:.3g}"
    if result.bound_effect_size is not None:
        bound += f" (effect size {result.bound_effect_size:.3g}, approximately)"
    if result.verdict == "within":
        return f"The difference is within +-{bound}: {found}."
    if result.verdict == "outside":
        return f"The difference is beyond +-{bound}: {found}."
    cure = _cure(result)
    return f"Too small to tell whether the difference is within +-{bound}: {found}. {cure}"


def _cure(result: Equivalence) -> str:
    needed = (
        f"About {result.words_needed} words per side would be needed for a true difference of 0 "
        f"to pass with probability {_POWER:g}."
    )
    if math.isinf(result.smallest_bound):
        return f"So few words cannot reach alpha = {result.alpha:g} whatever their scores. {needed}"
    if not result.feasible:
        return (
            "With this spread even a difference of exactly 0 could not pass: "
            f"the bound would have to be above {result.smallest_bound:.3g}. {needed}"
        )
    return needed
