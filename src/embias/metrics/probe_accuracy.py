"""Whether a classifier can read the side of words it has not seen (Gonen & Goldberg 2019)."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike

from embias.errors import InputError
from embias.metrics._labelled import (
    Codes,
    canonical_order,
    class_codes,
    same_rows,
    word_codes,
)
from embias.metrics._probes import Probe, Split, fit_and_predict, split_units, splits_of
from embias.metrics._progress import progress_bar
from embias.metrics._raw import Length, rows_of
from embias.metrics._relabel import Relabelled, tally
from embias.metrics._sides import target_sides
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats.bootstrap import check_level
from embias.stats.inputs import check_choice, check_rng, check_share, check_size, seed_of
from embias.stats.proportion import wilson_interval
from embias.types import FloatArray

__all__ = ["probe_accuracy"]

#: Words on each side that an audit asks for.
_FEWEST = 8


def probe_accuracy(
    vectors: ArrayLike,
    labels: ArrayLike,
    *,
    probe: Probe = "rbf",
    train_share: float = 0.2,
    folds: int | None = None,
    words: ArrayLike | None = None,
    original: ArrayLike | None = None,
    strength: float = 1.0,
    lengths: Length = "unit",
    n_seeds: int = 5,
    n_resamples: int = 0,
    level: float = 0.95,
    rng: int | np.random.Generator | None = None,
    progress: bool | None = None,
) -> Measure:
    """Train a classifier on some words and test it on others.

    Parameters
    ----------
    vectors : array_like of shape (n, d)
        Vectors as they are now: after a transform, say. A transform that was fitted with labels
        must be probed on words it was not fitted on: give those only.
    labels : array_like of shape (n,)
        Two labels or more: the side each word was biased to on the original vectors, or the
        group it is of. Sizes may differ.
    probe : {"rbf", "linear", "mlp"}
        Support vectors with a Gaussian kernel (the paper's), logistic regression, or a network
        with one hidden layer of 100; scikit-learn's, with its defaults where nothing is said.
    train_share : float
        Share of the words of each label that is trained on, in (0, 1); the rest is tested. The
        paper trains on 1,000 of 5,000.
    folds : int, optional
        Cross-validate in so many folds instead: every word is tested once for each seed. For
        small sets.
    words : array_like of shape (n,), optional
        The word of each row, where words have several (contexts). All rows of a word, and rows
        with the same coordinates, are on the same side of every split.
    original : array_like of shape (n, d'), optional
        Vectors before the transform, probed beside it on the same splits.
    strength : float
        Inverse regularisation: C of "rbf" and "linear"; the network's alpha is 1e-4 over it.
    lengths : {"unit", "raw"}
        Probe rows at unit length (default) or as they are.
    n_seeds : int
        Splits (and seeds of the network).
    n_resamples : int
        Draws of the p-value: each fits everything anew. None by default, so no p-value.
    level : float
        Confidence of the interval, in (0, 1).
    rng : int, Generator or None
        Seed of the splits.
    progress : bool or None
        Show a progress bar; None: on a terminal, where it takes more than a second.

    Returns
    -------
    Measure
        `value`: fresh-data accuracy, the share of tested words whose label is predicted, the
        mean over seeds, in [0, 1]. `no_bias`: the majority share of the words. `interval`:
        Wilson at that accuracy, rounded to a whole number of words, for the words of one split
        (spread of training is not in it).
        p: labels relabelled among the words, everything fitted again.
        ``figures``: ``same_data``, accuracy on what was trained on; ``majority``;
        ``seeds_min``, ``seeds_max``, ``seeds_sd`` (ddof 0); ``balanced``, the mean over labels
        of the share predicted; with draws ``null_mean``. With `original` also ``original`` and
        ``original_same_data``.
        ``scores["words"]``: the share of its tests in which a word was predicted, NaN where it
        was never tested; words with several rows in ascending order of their names.

    Raises
    ------
    InputError
        Too few words of a label (rows with the same coordinates count as one), a word with two
        labels, wrong shapes, an unknown option.
    VectorError
        A zero or non-finite vector.

    Notes
    -----
    Rows are centred and divided by one number before a fit, so rotating, moving (raw rows) or
    scaling all of them changes a fit of "rbf" and "linear" by rounding only; a network depends
    on the axes. The order of the rows does not matter: splits are drawn over the rows sorted by
    their coordinates, one label after the other in the order of their names. Rows that are
    rotated, or labels that are exchanged, are therefore split otherwise (unless `original` stays
    as it is), and move the figure as another seed does.

    References
    ----------
    Gonen & Goldberg 2019, NAACL, section 4.
    """
    _check(probe, lengths, train_share, folds, strength, level)
    check_size("n_seeds", n_seeds)
    check_size("n_resamples", n_resamples, 0)
    check_rng(rng)
    rows = rows_of(vectors, "vectors", lengths)
    names, codes = class_codes(labels, len(rows), "labels")
    word, of_word = word_codes(words, codes)
    before = None if original is None else rows_of(original, "original", lengths)
    if before is not None:
        same_rows(before, rows)
    seed = seed_of(rng)
    order, _ = canonical_order(rows if before is None else before)
    unit = split_units(word[order], canonical_order(rows)[1][order])
    split = Split(train_share, folds)
    split.check(unit, codes[order], names)
    plan = _Plan(rows[order], word[order], unit, split, probe, strength, seed, n_seeds)
    fits = n_seeds * (folds or 1) * (1 + n_resamples + (before is not None))
    with progress_bar(fits, "probing", "fit", progress) as bar:
        now = plan.probed(of_word, bar.update)
        result = _measure(now, names, of_word, plan.settings(lengths), level)
        if before is not None:
            was = replace(plan, rows=before[order]).probed(of_word, bar.update)
            result = replace(result, figures={**result.figures, **_original(was)})
        if n_resamples == 0:
            return result
        drawn = plan.relabelled(now.accuracy, of_word, n_resamples, bar.update)
    return replace(
        result,
        pvalue=drawn.pvalue,
        pvalue_bounds=drawn.bounds,
        pvalue_method="sampled",
        alternative="greater",
        null="labels relabelled among the words, probes fitted again",
        n_resamples=n_resamples,
        figures={**result.figures, "null_mean": drawn.null_mean},
    )


def _check(
    probe: str, lengths: str, train_share: float, folds: int | None, strength: float, level: float
) -> None:
    check_choice("probe", probe, get_args(Probe))
    check_choice("lengths", lengths, get_args(Length))
    check_share("train_share", train_share)
    if folds is not None:
        check_size("folds", folds, 2)
    check_level(level)
    if not 0 < strength < math.inf:
        raise InputError(f"strength={strength!r}; give a number above 0")


@dataclass(frozen=True)
class _Probed:
    """What the probes of all seeds found: by seed, by word."""

    fresh: FloatArray
    same: FloatArray
    tested: FloatArray
    predicted: FloatArray
    converged: bool
    words_tested: int

    @property
    def accuracy(self) -> float:
        return float(self.fresh.mean())


@dataclass(frozen=True)
class _Plan:
    rows: FloatArray
    word: Codes
    unit: Codes
    split: Split
    probe: Probe
    strength: float
    seed: int
    n_seeds: int

    def settings(self, lengths: str) -> dict[str, Any]:
        """Return what a result says of how it was made."""
        share, folds = self.split.train_share, self.split.folds
        return {
            "probe": self.probe,
            "strength": self.strength,
            "lengths": lengths,
            "seed": self.seed,
            "n_seeds": self.n_seeds,
            **({"train_share": share} if folds is None else {"folds": folds}),
        }

    def probed(self, of_word: Codes, step: Callable[[], None]) -> _Probed:
        """Fit and test the probes of all seeds."""
        codes = of_word[self.word]
        n = of_word.size
        fresh, same = np.zeros(self.n_seeds), np.zeros(self.n_seeds)
        tested, predicted = np.zeros(n), np.zeros(n)
        converged, words_tested = True, 0
        children = np.random.SeedSequence(self.seed).spawn(self.n_seeds)
        for i, child in enumerate(children):
            generator = np.random.default_rng(child)
            here, right, known = np.zeros(n), np.zeros(n), []
            for train, test in splits_of(self.split, self.unit, codes, generator):
                guesses, done = self._fitted(train, test, codes, int(generator.integers(2**31)))
                step()
                converged &= done
                here += np.bincount(self.word[test], minlength=n)
                right += np.bincount(self.word[test], guesses[0] == codes[test], minlength=n)
                known.append(_of_words(self.word[train], guesses[1] == codes[train]).mean())
            seen = here > 0
            share = right[seen] / here[seen]
            fresh[i], same[i] = share.mean(), np.mean(known)
            tested[seen] += 1
            predicted[seen] += share
            words_tested = int(seen.sum())
        return _Probed(fresh, same, tested, predicted, converged, words_tested)

    def _fitted(
        self, train: Codes, test: Codes, codes: Codes, seed: int
    ) -> tuple[list[Codes], bool]:
        others = (self.rows[test], self.rows[train])
        if np.unique(codes[train]).size == 1:
            # Equal rows with different labels may leave one label only to train on.
            return [np.full(len(each), codes[train][0]) for each in others], True
        return fit_and_predict(
            self.probe, self.rows[train], codes[train], others, self.strength, seed
        )

    def relabelled(
        self, accuracy: float, of_word: Codes, draws: int, step: Callable[[], None]
    ) -> Relabelled:
        """Fit and test the probes again with the labels given to other words."""
        # Apart from the generators of the splits, which stay as they are.
        generator = np.random.default_rng([self.seed, self.n_seeds])
        found = (
            np.array([self.probed(generator.permutation(of_word), step).accuracy])
            for _ in range(draws)
        )
        return tally(accuracy, found, exact=False, alternative="greater", noise=1e-12)


def _of_words(word: Codes, right: Any) -> FloatArray:
    sizes = np.bincount(word)
    found = np.bincount(word, right)
    shares: FloatArray = found[sizes > 0] / sizes[sizes > 0]
    return shares


def _original(was: _Probed) -> dict[str, float]:
    return {"original": was.accuracy, "original_same_data": float(was.same.mean())}


def _measure(
    now: _Probed, names: list[str], of_word: Codes, settings: dict[str, Any], level: float
) -> Measure:
    sizes = np.bincount(of_word)
    majority = float(sizes.max() / sizes.sum())
    # A word that chance never tested has no share.
    by_word = np.full(of_word.size, math.nan)
    np.divide(now.predicted, now.tested, out=by_word, where=now.tested > 0)
    notes = [] if now.converged else ["A probe stopped before it had converged."]
    if now.accuracy < majority:
        notes.append("Below the majority share: nothing was found.")
    right, tests = np.bincount(of_word, now.predicted), np.bincount(of_word, now.tested)
    n = now.words_tested
    return Measure(
        metric="probe_accuracy",
        value=now.accuracy,
        no_bias=majority,
        value_range=(0.0, 1.0),
        interval=wilson_interval(round(now.accuracy * n), n, level),
        counts={"words": int(of_word.size), "tested": n}
        | {f"label {name}": int(size) for name, size in zip(names, sizes, strict=True)},
        figures={
            "same_data": float(now.same.mean()),
            "majority": majority,
            "seeds_min": float(now.fresh.min()),
            "seeds_max": float(now.fresh.max()),
            "seeds_sd": float(now.fresh.std()),
            "balanced": float(np.mean(right / tests)) if tests.all() else math.nan,
        },
        scores={"words": tuple(by_word.tolist())},
        settings=settings,
        note=" ".join(notes),
    )


def _run(roles: RoleVectors) -> Measure:
    rows, labels = target_sides(
        roles, "probe_accuracy", _FEWEST, "needed to train on some and test on others"
    )
    seed = seed_of(roles.rng)
    found = probe_accuracy(rows, labels, folds=5, level=roles.level, rng=seed)
    linear = probe_accuracy(rows, labels, probe="linear", folds=5, level=roles.level, rng=seed)
    return replace(found, figures={**found.figures, "linear": linear.value})


CARD = MetricCard(
    name="probe_accuracy",
    measures=(
        "Whether a classifier can learn the label of words (the side they were biased to, their "
        "group) from some and tell it for others. In an audit: which of X and Y a target is of, "
        "for 8 words on each side at least, five folds, non-linear with the linear figure beside "
        "it; the attributes are not used."
    ),
    formula="share of tested words whose label a probe trained on other words predicts",
    value_range="[0, 1]",
    no_bias="the majority share",
    direction="larger: the label can be read",
    pvalue="labels relabelled, everything fitted again: only on request (n_resamples)",
    caveats=(
        "After linear erasure a linear probe on the data of the fit is at chance by theorem: only "
        "fresh words and non-linear probes inform. With few words, accuracy on noise falls below "
        "the majority share as often as not. That a label can be read is not yet harm."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; labels are split alike, and no_bias is the majority share",
        one_word=(
            "too few words of a label to train and test on are refused (an audit asks for eight)"
        ),
        duplicates="equal rows are on the same side of every split, so that they do not leak",
        two_sets=(
            "a row with two labels is once right and once wrong; a word named under two labels is "
            "refused"
        ),
    ),
    paper="Gonen & Goldberg 2019, NAACL",
    conventions=(
        "The paper's probe is an RBF-SVM trained on 1,000 of the 5,000 most biased words: the "
        "default here (train_share=0.2). Accuracy on the data of the fit, which others report, "
        "is the figure same_data."
    ),
    run=_run,
)
