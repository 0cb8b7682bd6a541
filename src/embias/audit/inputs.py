"""What a caller may hand to an audit, checked and brought into one form."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from embias.encoders import as_encoder
from embias.errors import InputError, UnknownNameError, did_you_mean
from embias.metrics import get_metric
from embias.results import Alternative, Unit
from embias.stats.inputs import check_choice
from embias.stats.multiplicity import Adjustment
from embias.stats.permutation import MethodChoice
from embias.stimuli import AssociationTest, Suite, load_suite
from embias.types import Encoder

__all__ = [
    "IntervalMethod",
    "OnMissing",
    "Settings",
    "SuiteLike",
    "as_encoders",
    "as_seed",
    "as_suites",
    "check_published",
    "check_settings",
]

SuiteLike: TypeAlias = Suite | AssociationTest | str | os.PathLike[str]
OnMissing: TypeAlias = Literal["drop", "error"]
IntervalMethod: TypeAlias = Literal["analytic", "bca", "percentile"]

#: Seeds fit every file format and every generator.
_LARGEST_SEED = 2**63 - 1


@dataclass(frozen=True)
class Settings:
    """The arguments of an audit that change its figures."""

    metrics: tuple[str, ...]
    alternative: Alternative
    method: MethodChoice
    ddof: int
    unit: Unit
    on_missing: OnMissing
    min_coverage: float
    published: str | None
    interval: IntervalMethod | None
    level: float
    adjust: Adjustment
    item_pvalue: bool
    seed: int

    def to_dict(self) -> dict[str, Any]:
        """Return the settings (without the seed) as plain values that JSON can hold."""
        return {
            "metrics": list(self.metrics),
            "alternative": self.alternative,
            "method": self.method,
            "ddof": self.ddof,
            "unit": self.unit,
            "on_missing": self.on_missing,
            "min_coverage": self.min_coverage,
            "published": self.published,
            "interval": self.interval,
            "level": self.level,
            "adjust": self.adjust,
            "item_pvalue": self.item_pvalue,
        }


def check_settings(
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
) -> Settings:
    """Return the settings after checking every one; the defaults are those of an audit.

    Raises
    ------
    InputError, UnknownNameError
        Naming the argument, its value and what is allowed.
    """
    check_choice("alternative", alternative, get_args(Alternative))
    check_choice("method", method, get_args(MethodChoice))
    check_choice("unit", unit, get_args(Unit))
    check_choice("on_missing", on_missing, get_args(OnMissing))
    if not isinstance(ddof, int | np.integer) or ddof not in (0, 1):
        raise InputError(f"ddof={ddof!r}; use 1 (as published) or 0")
    if not isinstance(min_coverage, int | float | np.number) or not 0 <= min_coverage <= 1:
        raise InputError(
            f"min_coverage={min_coverage!r} is not a share; give a number from 0 to 1, such as 0.8"
        )
    check_choice("adjust", adjust, get_args(Adjustment))
    if interval is not None:
        check_choice("interval", interval, get_args(IntervalMethod))
    if not isinstance(level, int | float | np.number) or not 0 < level < 1:
        raise InputError(f"level={level!r} is not a confidence; give a share such as 0.95")
    if published is not None and not isinstance(published, str):
        raise InputError(f"published={published!r}; give the name of published weights")
    return Settings(
        metrics=_metrics(metrics),
        alternative=alternative,
        method=method,
        ddof=int(ddof),
        unit=unit,
        on_missing=on_missing,
        min_coverage=float(min_coverage),
        published=published,
        interval=interval,
        level=float(level),
        adjust=adjust,
        item_pvalue=bool(item_pvalue),
        seed=as_seed(rng),
    )


def _metrics(metrics: object) -> tuple[str, ...]:
    names = [metrics] if isinstance(metrics, str) else metrics
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) for name in names):
        raise InputError(f"metrics={metrics!r}; give a list of names, such as ['weat']")
    if not names:
        raise InputError("metrics is empty; name at least one, such as 'weat'")
    for name in names:
        get_metric(name)
    return tuple(dict.fromkeys(names))


def as_seed(rng: object) -> int:
    """Return the seed of an audit as a plain whole number."""
    whole = isinstance(rng, int | np.integer) and not isinstance(rng, bool)
    if not whole or not 0 <= rng <= _LARGEST_SEED:  # type: ignore[operator]
        huge = whole and abs(rng) > _LARGEST_SEED  # type: ignore[arg-type]
        shown = "a huge number" if huge else repr(rng)[:40]
        raise InputError(f"rng={shown}; give a whole number from 0 to 2**63 - 1 as the seed")
    return int(rng)  # type: ignore[call-overload, no-any-return]


def as_suites(suite: object) -> list[Suite]:
    """Return the suites that were given by name, path or value, each once."""
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


def as_encoders(
    encoders: object,
    cache: bool | str | os.PathLike[str] | None = None,
    transforms: object = None,
) -> list[Encoder]:
    """Return the encoders for what was given, each followed by itself with each transform.

    No two have the same id and the same transforms.
    """
    given = list(encoders) if isinstance(encoders, list | tuple) else [encoders]
    if not given:
        raise InputError("no encoder was given; name one, such as 'word2vec-googlenews-extract'")
    opened = [as_encoder(each, cache=cache) for each in given]
    if transforms is not None:
        listed = list(transforms) if isinstance(transforms, list | tuple) else [transforms]
        opened = [each for encoder in opened for each in _with_transforms(encoder, listed)]
    keys = [(encoder.info.id, encoder.info.transforms) for encoder in opened]
    twice = [key for key in keys if keys.count(key) > 1]
    if twice:
        name, chain = twice[0]
        raise InputError(
            f"two encoders have the id {name!r}{' and the same transforms' * bool(chain)}, so "
            "that their rows could not be told apart; name one with as_encoder(..., id='another "
            "name')"
        )
    return opened


def _with_transforms(encoder: Encoder, transforms: Sequence[object]) -> list[Encoder]:
    from embias.encoders.remembered import RememberedEncoder
    from embias.encoders.transformed import TransformedEncoder

    # What the transforms are applied to is computed once for all of them.
    inner = encoder if encoder.info.kind == "static" else RememberedEncoder(encoder)
    return [inner, *(TransformedEncoder(inner, each) for each in transforms)]


def check_published(weights: str, suites: Iterable[Suite]) -> None:
    """Raise an UnknownNameError unless a suite has figures published for these weights."""
    known = {p.weights for suite in suites for test in suite.tests for p in test.published}
    if weights not in known:
        hint = did_you_mean(weights, known)
        raise UnknownNameError(f"no published figures for {weights!r}; {hint}")
