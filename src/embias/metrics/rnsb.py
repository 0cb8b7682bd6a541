"""Relative negative sentiment bias: whether some words look more negative than others."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from embias.errors import InputError
from embias.geometry.vectors import check_same_dimension
from embias.metrics._progress import progress_bar
from embias.metrics._raw import Length, rows_of
from embias.metrics._sides import with_side_means
from embias.metrics.card import EdgeCases, MetricCard, RoleVectors
from embias.results import Measure
from embias.stats.inputs import check_choice, check_rng, check_size, seed_of
from embias.stats.proportion import wilson_interval
from embias.types import FloatArray

__all__ = ["rnsb"]

RnsbConvention: TypeAlias = Literal["full", "sweater", "wefe"]
RnsbVectors: TypeAlias = Literal["convention", "unit", "raw"]

_ITERATIONS = 10_000
#: Share of the attribute words that WEFE holds out.
_HELD_OUT = 0.2


@dataclass(frozen=True)
class _Attributes:
    """Training data: rows, and whether they are negative."""

    rows: FloatArray
    negative: FloatArray

    @property
    def fewest(self) -> int:
        of_b = int(self.negative.sum())
        return min(of_b, self.negative.size - of_b)

    @property
    def majority_share(self) -> float:
        return 1 - self.fewest / self.negative.size


def rnsb(
    words: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    *,
    convention: RnsbConvention = "full",
    vectors: RnsbVectors = "convention",
    C: float = 1.0,
    folds: int = 5,
    rng: int | np.random.Generator | None = 0,
    progress: bool = False,
) -> Measure:
    """Return how unevenly a sentiment classifier spreads negativity over words.

    ``RNSB = sum_i q_i ln(n q_i)``, ``q_i = p_i / sum p``, ``p_i = P(negative | w_i)``

    with P from a logistic regression that is trained on the attributes: A positive, B negative.

    Parameters
    ----------
    words : array_like of shape (n, d)
        Vectors of the words to be compared (nationalities, say), two at least.
    a, b : array_like of shape (n_a, d), (n_b, d)
        Positive and negative words. The numbers may differ; the classes are not reweighted, so
        that the larger set is found likelier.
    convention : {"full", "sweater", "wefe"}
        ``full``: unit vectors, all attributes, lbfgs, the intercept free. ``sweater``: raw
        vectors, all attributes, liblinear (which penalises the intercept too); WEFE's with
        ``holdout=False``. ``wefe``: WEFE's default: the same, without a fifth of the attributes
        drawn by `rng`, which is its ``random_state``.
    vectors : {"convention", "unit", "raw"}
        Length of the vectors, where it is to be other than the convention's.
    C : float
        Inverse strength of the penalty on the coefficients, above 0; 1 in every convention.
    folds : int
        Folds of the cross-validation, at least 2; never more than the smaller set has words.
    rng : int, Generator or None
        Seed of the folds, and of what ``wefe`` holds out. It changes no other figure.
    progress : bool
        Show a progress bar: of the classifiers that are trained, one and one for each fold.

    Returns
    -------
    Measure
        `value`: RNSB, in [0, ln n]; 0 is no bias: all words equally negative (be it very).
        ``scores["words"]``: p of each word; ``scores["shares"]``: q. Figures:
        ``cross_validated_accuracy`` of the classifier on attributes it has not seen, to be
        compared with ``majority_share``; ``share_of_maximum``: RNSB / ln n; ``mean_negative``:
        mean p; ``held_out_accuracy``, with ``wefe``.

    Raises
    ------
    InputError
        One word (its RNSB is always 0), wrong shape, empty set, too few attributes to hold some
        out, option that does not exist.
    VectorError
        A zero or non-finite vector; raw coordinates above 1e150.

    Notes
    -----
    Rows are not compared: a word given twice counts twice, an attribute in A and B trains both
    classes.

    References
    ----------
    Sweeney & Najafian 2019, ACL, 1662-1667.
    """
    check_choice("convention", convention, get_args(RnsbConvention))
    check_choice("vectors", vectors, get_args(RnsbVectors))
    check_size("folds", folds, at_least=2)
    check_rng(rng)
    if isinstance(C, bool) or not 0 < C < math.inf:
        raise InputError(f"C={C!r}; give a finite number above 0 (1 is the convention)")
    length: Length = "unit" if convention == "full" else "raw"
    if vectors != "convention":
        length = vectors
    targets, attributes = _checked(words, a, b, length)
    # WEFE's split is that of a whole number; a Generator or None is made one.
    seed = seed_of(rng) % 2**32
    with progress_bar(1 + min(folds, attributes.fewest), "training", "fit", progress) as bar:
        train, figures = _training_set(attributes, convention, C, seed)
        log_odds, converged = _log_odds(train, targets, convention, C)
        bar.update()
        accuracy = _cross_validated(attributes, convention, C, folds, seed, bar)
    shares, value = _divergence(log_odds)
    negative = special.expit(log_odds)
    return Measure(
        metric="rnsb",
        value=value,
        no_bias=0.0,
        value_range=(0.0, math.log(shares.size)),
        counts={
            "words": shares.size,
            "A": int((1 - attributes.negative).sum()),
            "B": int(attributes.negative.sum()),
            "training": train.negative.size,
        },
        figures={
            "cross_validated_accuracy": accuracy,
            "majority_share": attributes.majority_share,
            "share_of_maximum": value / math.log(shares.size),
            "mean_negative": float(negative.mean()),
            **figures,
        },
        scores={"words": tuple(negative.tolist()), "shares": tuple(shares.tolist())},
        settings={"convention": convention, "vectors": length, "C": float(C), "folds": folds},
        note=_note(attributes, accuracy, converged),
    )


def _checked(
    words: ArrayLike, a: ArrayLike, b: ArrayLike, length: Length
) -> tuple[FloatArray, _Attributes]:
    given = {"words": words, "a": a, "b": b}
    rows = {name: rows_of(each, name, length) for name, each in given.items()}
    check_same_dimension(rows)
    if len(rows["words"]) == 1:
        raise InputError("words has one row; RNSB compares words, and one alone always gives 0")
    negative = np.repeat([0.0, 1.0], [len(rows["a"]), len(rows["b"])])
    return rows["words"], _Attributes(np.concatenate([rows["a"], rows["b"]]), negative)


def _classifier(convention: RnsbConvention, C: float) -> Any:
    from sklearn.linear_model import LogisticRegression

    if convention == "full":
        # Solved to the rounding of the loss, so that the order of the rows does not matter.
        return LogisticRegression(C=C, solver="lbfgs", tol=1e-8, max_iter=_ITERATIONS)
    return LogisticRegression(C=C, solver="liblinear", max_iter=_ITERATIONS)


def _fitted(train: _Attributes, convention: RnsbConvention, C: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning

    classifier = _classifier(convention, C)
    with warnings.catch_warnings():
        # Said in the note of the result.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return classifier.fit(train.rows, train.negative)


def _log_odds(
    train: _Attributes, targets: FloatArray, convention: RnsbConvention, C: float
) -> tuple[FloatArray, bool]:
    """Return ln(p / (1 - p)) of each word, and whether the training came to an end."""
    classifier = _fitted(train, convention, C)
    log_odds: FloatArray = classifier.decision_function(targets)
    return log_odds, int(np.max(classifier.n_iter_)) < _ITERATIONS


def _divergence(log_odds: FloatArray) -> tuple[FloatArray, float]:
    """Return the shares q and their divergence from equal ones, in nats."""
    # In logarithms, so that probabilities too small for a float still have a share.
    log_p = -np.logaddexp(0, -log_odds)
    log_q = log_p - special.logsumexp(log_p)
    shares: FloatArray = np.exp(log_q)
    return shares, max(0.0, float(shares @ (log_q + math.log(shares.size))))


def _training_set(
    attributes: _Attributes, convention: RnsbConvention, C: float, seed: int
) -> tuple[_Attributes, dict[str, float]]:
    """Return what the classifier is trained on, and its accuracy on what is held out."""
    if convention != "wefe":
        return attributes, {}
    from sklearn.model_selection import train_test_split

    # WEFE's labels, 1 and -1: the split goes by the order of the classes.
    labels = 1 - 2 * attributes.negative
    try:
        train, test, y_train, y_test = train_test_split(
            attributes.rows,
            labels,
            shuffle=True,
            random_state=seed,
            test_size=_HELD_OUT,
            stratify=labels,
        )
    except ValueError as error:
        raise InputError(
            f"convention='wefe' holds out a fifth of the attributes, and there are too few "
            f"({error}); use convention='sweater', which trains on all"
        ) from error
    kept = _Attributes(train, (1 - y_train) / 2)
    right = _fitted(kept, convention, C).score(test, (1 - y_test) / 2)
    return kept, {"held_out_accuracy": float(right)}


def _cross_validated(
    attributes: _Attributes, convention: RnsbConvention, C: float, folds: int, seed: int, bar: Any
) -> float:
    """Return the share of attributes that are classed rightly when they are not trained on."""
    from sklearn.model_selection import StratifiedKFold

    if attributes.fewest < 2:
        return math.nan
    splits = StratifiedKFold(min(folds, attributes.fewest), shuffle=True, random_state=seed)
    right = 0.0
    for train, test in splits.split(attributes.rows, attributes.negative):
        part = _Attributes(attributes.rows[train], attributes.negative[train])
        found = _fitted(part, convention, C).predict(attributes.rows[test])
        right += float(np.count_nonzero(found == attributes.negative[test]))
        bar.update()
    return right / attributes.negative.size


def _note(attributes: _Attributes, accuracy: float, converged: bool) -> str:
    notes = []
    n = attributes.negative.size
    if math.isnan(accuracy):
        notes.append("Too few attributes to cross-validate the classifier.")
    elif wilson_interval(round(accuracy * n), n).low <= attributes.majority_share:
        notes.append(
            f"The classifier gets {accuracy:.0%} of unseen attributes right, which chance "
            f"may do ({attributes.majority_share:.0%} are of one set): the score says little."
        )
    if not converged:
        notes.append(f"The training did not come to an end in {_ITERATIONS} steps.")
    return " ".join(notes)


def _run(roles: RoleVectors) -> Measure:
    words = np.concatenate([roles.x, roles.y])
    result = rnsb(words, roles.a, roles.b, rng=roles.rng)
    return with_side_means(result, len(roles.x), "mean_negative_x", "mean_negative_y")


CARD = MetricCard(
    name="rnsb",
    measures=(
        "How unevenly a sentiment classifier, trained on positive and negative words, spreads "
        "negativity over words. In an audit the words are X and Y together, A is positive and B "
        "negative; figures give the mean probability of X and of Y."
    ),
    formula=(
        "sum_i q_i ln(n q_i), q_i = p_i / sum p, p_i = P(negative | w_i) by logistic regression"
    ),
    value_range="[0, ln n] for n words",
    no_bias="0",
    direction="larger: some words look more negative than others; it has no sign",
    pvalue="none",
    caveats=(
        "0 where all words are equally negative, be it very. It grows with n, so compare equal "
        "lists only. Which words are the negative ones, the scores by word say. A classifier "
        "near chance on unseen attributes makes it meaningless: read the cross-validated "
        "accuracy. It moves with C and with the length of the vectors."
    ),
    edge_cases=EdgeCases(
        unequal="any sizes; the classes are not reweighted, so the larger set is found likelier",
        one_word=(
            "one measured word is refused; one attribute a side is enough, without a cross- "
            "validated accuracy"
        ),
        two_sets=(
            "in A and B it trains both classes, in X and Y it counts in both (an audit refuses "
            "either); as target and attribute it is a word the classifier has seen"
        ),
    ),
    paper="Sweeney & Najafian 2019, ACL, 1662-1667",
    conventions=(
        "WEFE takes raw vectors and trains without a random fifth of the attributes, unseeded, so "
        "its value moves from call to call: convention='wefe' gives it for a seed. sweater, and "
        "WEFE with holdout=False, train on all raw vectors: convention='sweater'. Raw and unit "
        "vectors differ by up to an order of magnitude. Ours uses unit vectors, all attributes, a "
        "fixed solver, no chance."
    ),
    run=_run,
)
