"""The only place where encoders, stimuli and metrics meet."""

from __future__ import annotations

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from embias._version import package_versions, python_version, version
from embias.encoders import as_encoder
from embias.errors import EmbiasError, InputError, UnknownNameError, did_you_mean
from embias.metrics import get_metric, weat
from embias.results import (
    Alternative,
    Association,
    Audit,
    BiasResult,
    Counts,
    Provenance,
    Published,
    Unit,
)
from embias.stats.permutation import MethodChoice, check_choice
from embias.stimuli import ROLES, AssociationTest, Role, Suite, WordSet, load_suite
from embias.types import Encoder, FloatArray, InContext, Stimulus

__all__ = ["audit"]

SuiteLike: TypeAlias = Suite | AssociationTest | str | os.PathLike[str]
OnMissing: TypeAlias = Literal["drop", "error"]

#: A target set with fewer found words than this cannot be tested.
_FEWEST_TARGETS = 2


@dataclass(frozen=True)
class _Settings:
    metrics: tuple[str, ...]
    alternative: Alternative
    method: MethodChoice
    ddof: int
    unit: Unit
    on_missing: OnMissing
    min_coverage: float
    published: str | None
    seed: int

    def to_dict(self) -> dict[str, Any]:
        return {
            "metrics": list(self.metrics),
            "alternative": self.alternative,
            "method": self.method,
            "ddof": self.ddof,
            "unit": self.unit,
            "on_missing": self.on_missing,
            "min_coverage": self.min_coverage,
            "published": self.published,
        }


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
    rng: int = 0,
    progress: bool | None = None,
) -> Audit:
    """Run every test of a suite on every encoder.

    Each distinct text is encoded once per encoder. Words without a vector are dropped and
    counted. A test that cannot be run becomes a row with its reason; it does not stop the rest.

    Parameters
    ----------
    encoders : encoder, or list or tuple of encoders
        Anything :func:`embias.as_encoder` takes: a known id, the path of a vectors file or of a
        model, a mapping of words to vectors, a gensim KeyedVectors, a SentenceTransformer.
    suite : Suite, AssociationTest, str or path, or a list or tuple of them
        A shipped suite's name, a TOML file, or values made in Python.
    metrics : sequence of str
        Names of metrics, see :data:`embias.metrics.METRICS`.
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
    rng : int
        Seed; of effect only on sampled p-values.
    progress : bool, optional
        Show a progress bar while encoding; by default only for models, on a terminal.

    Returns
    -------
    Audit
        One row per encoder x suite x test x metric.

    Raises
    ------
    InputError, UnknownNameError, DataFileError
        Bad arguments: an unknown encoder, suite or metric, two encoders with one id.

    Examples
    --------
    >>> result = audit("word2vec-googlenews-extract", "weat")
    >>> round(float(result.frame["effect_size"].iloc[0]), 2)
    1.54
    """
    settings = _Settings(
        metrics=tuple([metrics] if isinstance(metrics, str) else metrics),
        alternative=alternative,
        method=method,
        ddof=ddof,
        unit=unit,
        on_missing=on_missing,
        min_coverage=min_coverage,
        published=published,
        seed=_seed(rng),
    )
    _check(settings)
    suites = _suites(suite)
    if published is not None:
        _check_published(published, suites)
    opened = _encoders(encoders)
    results: list[BiasResult] = []
    for encoder in opened:
        vectors = _Vectors(encoder, progress)
        vectors.prepare([test for each in suites for test in each.tests])
        for each in suites:
            for test in each.tests:
                results += [
                    _result(vectors, each, test, metric, settings) for metric in settings.metrics
                ]
    return Audit(tuple(results), _provenance(opened, suites, settings))


def _check(settings: _Settings) -> None:
    if not settings.metrics:
        raise InputError("metrics is empty; name at least one, such as 'weat'")
    for name in settings.metrics:
        get_metric(name)
    check_choice("alternative", settings.alternative, get_args(Alternative))
    check_choice("method", settings.method, get_args(MethodChoice))
    check_choice("unit", settings.unit, get_args(Unit))
    check_choice("on_missing", settings.on_missing, get_args(OnMissing))
    if settings.ddof not in (0, 1):
        raise InputError(f"ddof={settings.ddof!r}; use 1 (as published) or 0")
    if not 0 <= settings.min_coverage <= 1:
        raise InputError(f"min_coverage={settings.min_coverage!r} is not a share from 0 to 1")


def _seed(rng: int) -> int:
    if isinstance(rng, bool) or not isinstance(rng, int | np.integer) or rng < 0:
        raise InputError(f"rng={rng!r}; give a whole number from 0 on as the seed of the audit")
    return int(rng)


def _suites(suite: SuiteLike | Sequence[SuiteLike]) -> list[Suite]:
    given = list(suite) if isinstance(suite, list | tuple) else [suite]
    if not given:
        raise InputError("no suite was given; name one, such as 'weat'")
    suites = [_suite(each) for each in given]
    names = [each.name for each in suites]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError(f"two suites are named {twice[0]!r}; give each suite once")
    return suites


def _suite(each: object) -> Suite:
    if isinstance(each, Suite):
        return each
    if isinstance(each, AssociationTest):
        return Suite(each.name, (each,), source=each.source)
    if isinstance(each, str | os.PathLike):
        return load_suite(each)
    raise InputError(
        f"a suite cannot be made of a {type(each).__name__}; give a name, the path of a .toml "
        "file, a Suite or an AssociationTest"
    )


def _encoders(encoders: object) -> list[Encoder]:
    given = list(encoders) if isinstance(encoders, list | tuple) else [encoders]
    if not given:
        raise InputError("no encoder was given; name one, such as 'word2vec-googlenews-extract'")
    opened = [as_encoder(each) for each in given]
    ids = [encoder.info.id for encoder in opened]
    twice = [name for name in ids if ids.count(name) > 1]
    if twice:
        raise InputError(
            f"two encoders have the id {twice[0]!r}, so that their rows could not be told apart; "
            "name one with as_encoder(..., id='another name')"
        )
    return opened


def _check_published(weights: str, suites: Iterable[Suite]) -> None:
    known = {p.weights for suite in suites for test in suite.tests for p in test.published}
    if weights not in known:
        raise UnknownNameError(
            f"no published figures for {weights!r}; {did_you_mean(weights, known)}"
        )


class _Vectors:
    """The vectors of one encoder: every distinct stimulus is encoded once."""

    def __init__(self, encoder: Encoder, progress: bool | None) -> None:
        self.encoder = encoder
        self.info = encoder.info
        quiet = self.info.kind == "static" or not sys.stderr.isatty()
        self._progress = not quiet if progress is None else progress
        self._rows: dict[Stimulus, FloatArray] = {}
        self._reasons: dict[Stimulus, str] = {}

    def prepare(self, tests: Iterable[AssociationTest]) -> None:
        """Encode the stimuli of all tests in one call."""
        items = [item for test in tests for item in self._all_items(test)]
        try:
            self._encode(items, self._progress)
        except EmbiasError:
            # Something in one test cannot be encoded; every test then finds out for itself.
            return

    def prepare_test(self, test: AssociationTest) -> None:
        """Encode what is still missing of one test; raises what the encoder raises."""
        self._encode(self._all_items(test), progress=False)

    def items(self, test: AssociationTest, word: str) -> list[Stimulus]:
        """Return what this encoder is given for a word."""
        stimuli = test.stimuli(word)
        if self.info.kind == "token":
            return list(stimuli)
        # An encoder of whole texts has no use for the place of the word.
        return [item.text if isinstance(item, InContext) else item for item in stimuli]

    def found(self, items: Iterable[Stimulus]) -> list[FloatArray]:
        """Return the vectors of those items that have one."""
        return [self._rows[item] for item in items if item in self._rows]

    def reason(self, item: Stimulus) -> str:
        """Say why an item has no vector."""
        return self._reasons.get(item, "no vector")

    def _all_items(self, test: AssociationTest) -> list[Stimulus]:
        return [
            item
            for role in ROLES
            for word in test.words(role).words
            for item in self.items(test, word)
        ]

    def _encode(self, items: Iterable[Stimulus], progress: bool) -> None:
        new = [
            item
            for item in dict.fromkeys(items)
            if item not in self._rows and item not in self._reasons
        ]
        if not new:
            return
        missing = set(self.encoder.missing(new))
        wanted = [item for item in new if item not in missing]
        rows = np.asarray(self.encoder.encode(wanted, progress=progress))
        if rows.shape != (len(wanted), self.info.dim):
            raise InputError(
                f"encoder {self.info.id!r} returned an array of shape {rows.shape} for "
                f"{len(wanted)} items; ({len(wanted)}, {self.info.dim}) is needed"
            )
        finite: NDArray[np.bool_] = np.asarray(np.isfinite(rows).all(axis=1))
        nonzero: NDArray[np.bool_] = np.asarray(rows.any(axis=1))
        self._reasons |= dict.fromkeys(missing, "no vector")
        for item, row, is_finite, is_nonzero in zip(wanted, rows, finite, nonzero, strict=True):
            if is_finite and is_nonzero:
                self._rows[item] = row
            else:
                self._reasons[item] = "zero vector" if is_finite else "vector with NaN or infinity"


@dataclass(frozen=True)
class _Set:
    """One word set as vectors: a row per item, and the word each row belongs to."""

    counts: Counts
    rows: list[FloatArray]
    words: list[str]


def _gather(vectors: _Vectors, test: AssociationTest, role: Role) -> _Set:
    asked: WordSet = test.words(role)
    rows: list[FloatArray] = []
    words: list[str] = []
    dropped: dict[str, str] = {}
    for word in asked.words:
        items = vectors.items(test, word)
        found = vectors.found(items)
        if not found:
            dropped[word] = vectors.reason(items[0])
        rows += found
        words += [word] * len(found)
    counts = Counts(
        role=role,
        name=asked.name,
        asked=len(asked),
        items=len(rows),
        dropped=tuple(dropped),
        reasons=tuple(dropped.values()),
    )
    return _Set(counts, rows, words)


def _result(
    vectors: _Vectors, suite: Suite, test: AssociationTest, metric: str, settings: _Settings
) -> BiasResult:
    counts: tuple[Counts, ...] = ()
    association: Association | None = None
    reason = ""
    try:
        vectors.prepare_test(test)
        sets = {role: _gather(vectors, test, role) for role in ROLES}
        counts = tuple(sets[role].counts for role in ROLES)
        _check_coverage(vectors, test, counts, settings)
        association = _associate(vectors, suite, test, sets, settings)
    except EmbiasError as error:
        reason = str(error)
    return BiasResult(
        encoder=vectors.info.id,
        transform=" | ".join(vectors.info.transforms),
        suite=suite.name,
        test=test.name,
        metric=metric,
        description=test.description,
        status="ok" if association else "error",
        reason=reason,
        association=association,
        counts=counts,
        published=_published(test, vectors, settings),
        notes=_notes(test),
    )


def _check_coverage(
    vectors: _Vectors, test: AssociationTest, counts: Iterable[Counts], settings: _Settings
) -> None:
    for each in counts:
        fewest = _FEWEST_TARGETS if each.role in "XY" else 1
        complete = settings.on_missing == "drop" or not each.dropped
        if complete and each.found >= fewest and each.coverage >= settings.min_coverage:
            continue
        if each.asked < fewest:
            raise InputError(
                f"{each.role} ({each.name}) has {each.asked} word; at least {fewest} are needed"
            )
        rule = (
            "on_missing='error' allows none to be missing"
            if not complete
            else f"min_coverage asks for {settings.min_coverage:.0%}"
            if each.coverage < settings.min_coverage
            else f"at least {fewest} are needed"
        )
        raise InputError(
            f"{each.role} ({each.name}): {each.found} of {each.asked} words have a vector, "
            f"{rule}; missing: {_listed(each.dropped)}{_cure(vectors, test)}"
        )


def _listed(words: Sequence[str], most: int = 5) -> str:
    rest = f" and {len(words) - most} more" if len(words) > most else ""
    return ", ".join(words[:most]) + rest


def _cure(vectors: _Vectors, test: AssociationTest) -> str:
    if vectors.info.kind == "static" and test.templated:
        return (
            "; this test puts words into sentences, and a table of word vectors has no vector "
            "for a sentence: run it on a sentence encoder"
        )
    return ""


def _associate(
    vectors: _Vectors,
    suite: Suite,
    test: AssociationTest,
    sets: dict[Role, _Set],
    settings: _Settings,
) -> Association:
    x, y, a, b = (np.stack(sets[role].rows) for role in ROLES)
    return weat(
        x,
        y,
        a,
        b,
        ddof=settings.ddof,
        alternative=settings.alternative,
        method=settings.method,
        x_groups=sets["X"].words,
        y_groups=sets["Y"].words,
        unit=settings.unit,
        rng=_generator(settings.seed, vectors.info.id, suite.name, test.name),
    )


def _generator(seed: int, *names: str) -> np.random.Generator:
    # From the names, not from the running order: adding a test leaves the others as they were.
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()])


def _published(test: AssociationTest, vectors: _Vectors, settings: _Settings) -> Published | None:
    return test.published_for(settings.published or vectors.info.weights)


def _notes(test: AssociationTest) -> tuple[str, ...]:
    notes = [test.note] if test.note else []
    attributes = {word for role in ("A", "B") for word in test.words(role).words}
    both = [word for role in ("X", "Y") for word in test.words(role).words if word in attributes]
    if both:
        notes.append(f"Both target and attribute, which adds a cosine of 1: {', '.join(both)}.")
    return tuple(notes)


def _provenance(
    encoders: Sequence[Encoder], suites: Sequence[Suite], settings: _Settings
) -> Provenance:
    epoch = os.environ.get("SOURCE_DATE_EPOCH")
    now = datetime.fromtimestamp(int(epoch), UTC) if epoch else datetime.now(UTC)
    return Provenance(
        embias=version(),
        python=python_version(),
        platform=platform.platform(),
        packages=package_versions(),
        seed=settings.seed,
        settings=settings.to_dict(),
        encoders=tuple(encoder.info for encoder in encoders),
        suites=tuple(suite.to_dict() for suite in suites),
        created=now.isoformat(timespec="seconds"),
    )
