"""Running an audit: every test of every suite on every encoder."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime

from embias._version import package_versions, python_version, version
from embias.audit.families import adjust_families
from embias.audit.inputs import (
    IntervalMethod,
    OnMissing,
    Settings,
    SuiteLike,
    as_encoders,
    as_suites,
    check_published,
    check_settings,
)
from embias.audit.needs import is_served
from embias.audit.rows import run_test
from embias.audit.vectors import Vectors
from embias.errors import InputError
from embias.metrics import get_metric
from embias.results import Alternative, Audit, BiasResult, Provenance, Unit
from embias.stats.multiplicity import Adjustment
from embias.stats.permutation import MethodChoice
from embias.stimuli import AssociationTest, Suite
from embias.types import Encoder

__all__ = ["audit", "audit_pairs"]


def audit(
    encoders: object,
    suite: SuiteLike | Sequence[SuiteLike],
    *,
    metrics: Sequence[str] = ("weat",),
    alternative: Alternative = "greater",
    method: MethodChoice = "auto",
    ddof: int = 1,
    unit: Unit = "word",
    on_missing: OnMissing = "drop",
    min_coverage: float = 0.8,
    published: str | None = None,
    interval: IntervalMethod | None = "analytic",
    level: float = 0.95,
    adjust: Adjustment = "holm",
    item_pvalue: bool = False,
    rng: int = 0,
    transforms: object = None,
    cache: bool | str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Audit:
    """Run every test of a suite on every encoder.

    Each distinct text is encoded once per encoder, for all metrics. Words without a vector are
    dropped and counted. A test that cannot be run becomes a row with its reason; it does not stop
    the rest. So does a metric that needs what the test or the encoder does not have.

    Parameters
    ----------
    encoders : encoder, or list or tuple of encoders
        Anything :func:`embias.as_encoder` takes: a known id, the path of a vectors file or of a
        model, a mapping of words to vectors, a gensim KeyedVectors, a SentenceTransformer.
    suite : Suite, AssociationTest, str or path, or a list or tuple of them
        A shipped suite's name, a TOML file, or values made in Python.
    metrics : sequence of str
        Names of metrics, see :data:`embias.metrics.METRICS`. Of one that is computed from other
        data than a test holds (ratings of words, a vocabulary, a language model), the reason of
        the row says what it needs and which function to call.
    alternative : {"greater", "less", "two-sided"}
        ``greater``, as published: X goes with A more than Y does.
    method : {"auto", "exact", "certified", "sampled"}
        How p-values are computed, see :func:`embias.permutation_pvalue`.
    ddof : {1, 0}
        Degrees of freedom in the effect size; 1 as published.
    unit : {"word", "item"}
        What is relabelled in templated tests: words (default), or sentences as if they were
        independent (as published; those p-values are too small).
    on_missing : {"drop", "error"}
        What to do about words without a vector: drop and count them, or fail the test.
    min_coverage : float
        Share of each word set that must have a vector, in [0, 1]; below it the row is an error.
    published : str, optional
        Set the published figures for these weights beside the computed ones (``"glove-840b"``).
        By default those of the encoder's own weights, where they are known.
    interval : {"analytic", "bca", "percentile"} or None
        Confidence interval of the effect size over words: by the noncentral t distribution
        (holds its level with few words), or by resampling target words.
    level : float
        Confidence of the interval, in (0, 1).
    adjust : {"holm", "benjamini-hochberg", "benjamini-yekutieli", "bonferroni", "none"}
        Correction of the p-values for the number of tests of one suite on one encoder.
    item_pvalue : bool
        Add the p-value that relabels single sentences, as the published SEAT code does, beside
        the one that relabels words. It is too small, and slow for many sentences.
    rng : int
        Seed; of effect only on sampled p-values and resampled intervals.
    transforms : transform, or list or tuple of transforms, optional
        Fitted transforms, or functions from rows to rows; every encoder is then audited as it is
        and with each of them behind it (``encoder | transform``), its vectors computed once.
    cache : bool, str or os.PathLike, optional
        Keep vectors on disk, True in the default folder, else in this one; what is there is not
        computed again, and a model given by name is not loaded without need. Tables of vectors
        are not cached. See :func:`embias.as_encoder`.
    progress : bool, optional
        Show a progress bar while encoding; by default only for models, on a terminal.

    Returns
    -------
    Audit
        One row per encoder x transform x suite x test x metric.

    Raises
    ------
    InputError, UnknownNameError, DataFileError
        Bad arguments: an unknown encoder, suite or metric, two encoders with one id; a cache for
        an encoder of which nothing pins the vectors.
    OutputError
        When the cache cannot be written.

    Examples
    --------
    >>> result = audit("word2vec-googlenews-extract", "weat")
    >>> round(float(result.frame["effect_size"].iloc[0]), 2)
    1.54
    """
    settings = check_settings(
        metrics=metrics,
        alternative=alternative,
        method=method,
        ddof=ddof,
        unit=unit,
        on_missing=on_missing,
        min_coverage=min_coverage,
        published=published,
        interval=interval,
        level=level,
        adjust=adjust,
        item_pvalue=item_pvalue,
        rng=rng,
    )
    return audit_pairs(
        [(encoders, suite)], settings, transforms=transforms, cache=cache, progress=progress
    )


def audit_pairs(
    pairs: Sequence[tuple[object, object]],
    settings: Settings,
    *,
    transforms: object = None,
    cache: bool | str | os.PathLike[str] | None = None,
    progress: bool | None = None,
) -> Audit:
    """Run suites on encoders, several such pairs in one audit.

    Parameters
    ----------
    pairs : sequence of (encoders, suites)
        Each as :func:`audit` takes them.
    settings : Settings
        As :func:`embias.audit.inputs.check_settings` returns them.
    transforms : transform, or list or tuple of transforms, optional
        See :func:`audit`.
    cache : bool, str or os.PathLike, optional
        See :func:`audit`.
    progress : bool, optional
        See :func:`audit`.

    Returns
    -------
    Audit
    """
    asked = [as_suites(suites) for _, suites in pairs]
    if settings.published is not None:
        check_published(settings.published, [suite for suites in asked for suite in suites])
    opened = [as_encoders(encoders, cache, transforms) for encoders, _ in pairs]
    results: list[BiasResult] = []
    used: list[Encoder] = []
    for encoders, suites in zip(opened, asked, strict=True):
        for encoder in encoders:
            vectors = Vectors(encoder, progress)
            tests = [test for suite in suites for test in suite.tests]
            if _any_served(tests, encoder, settings):
                vectors.prepare(tests)
            used.append(vectors.encoder)
            results += [
                run_test(vectors, suite, test, metric, settings)
                for suite in suites
                for test in suite.tests
                for metric in settings.metrics
            ]
    every_suite = {suite.name: suite for suites in asked for suite in suites}
    provenance = _provenance(used, list(every_suite.values()), settings)
    return Audit(tuple(adjust_families(results, settings.adjust)), provenance)


def _any_served(tests: Sequence[AssociationTest], encoder: Encoder, settings: Settings) -> bool:
    """Whether any metric needs a vector of any test."""
    # If one does, all tests are encoded: what an encoder makes of them, quantised ranges for
    # example, must not depend on which metrics were asked for.
    cards = [get_metric(name) for name in settings.metrics]
    return any(is_served(card, test, encoder.info) for card in cards for test in tests)


def _provenance(
    encoders: Sequence[Encoder], suites: Sequence[Suite], settings: Settings
) -> Provenance:
    return Provenance(
        embias=version(),
        python=python_version(),
        platform=platform.platform(),
        packages=package_versions(),
        seed=settings.seed,
        settings=settings.to_dict(),
        encoders=tuple(encoder.info for encoder in encoders),
        suites=tuple(suite.to_dict() for suite in suites),
        created=_now().isoformat(timespec="seconds"),
    )


def _now() -> datetime:
    """Return the time, or the one that reproducible builds ask for."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    if not epoch:
        return datetime.now(UTC)
    try:
        return datetime.fromtimestamp(int(epoch), UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise InputError(
            f"the environment variable SOURCE_DATE_EPOCH={epoch!r} is not a time; give whole "
            "seconds since 1970, or unset it"
        ) from error
