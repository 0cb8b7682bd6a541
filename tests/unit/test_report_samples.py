"""Small audits made by hand, for the tests of the report; and that they are what they say."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from embias.results import Association, Audit, BiasResult, Counts, Provenance, Published
from embias.types import EncoderInfo

HOSTILE = "<script>alert('x')</script> \"quoted\" [bold]red[/bold] $\\frac{a$ \x1b[31m\u202e&amp;"
WEIGHTS = "word2vec-googlenews"
SCORES_X = (0.31, 0.22, 0.05, 0.12)
SCORES_Y = (-0.11, 0.02, -0.25)


def association(**changes: Any) -> Association:
    """An exact one, of 25+24 words, with what is asked changed."""
    values: dict[str, Any] = {
        "statistic": 0.1234,
        "effect_size": 1.234,
        "ddof": 1,
        "unit": "word",
        "unit_statistic": 0.1234,
        "unit_effect_size": 1.234,
        "pvalue": 0.00231,
        "pvalue_bounds": (0.00231, 0.00231),
        "pvalue_method": "exact",
        "alternative": "greater",
        "n_resamples": None,
        "n_partitions": math.comb(49, 25),
        "n_x": 25,
        "n_y": 24,
        "items_x": 25,
        "items_y": 24,
        "items_a": 25,
        "items_b": 25,
        "scores_x": SCORES_X,
        "scores_y": SCORES_Y,
    }
    return Association(**(values | changes))


def counts(x: int, y: int, a: int = 25, b: int = 25, **changes: Any) -> tuple[Counts, ...]:
    """Four sets without loss, but for what is changed in X."""
    first = Counts("X", "First", asked=x, items=x)
    others = [Counts(role, role * 2, n, n) for role, n in zip("YAB", (y, a, b), strict=True)]
    return (dataclasses.replace(first, **changes), *others)


def published(effect_size: float | None, **changes: Any) -> Published:
    """A figure of the supplement."""
    values: dict[str, Any] = {"pvalue": "1e-7", "decimals": 2, "source": "Caliskan 2017, S1"}
    return Published(weights=WEIGHTS, effect_size=effect_size, **(values | changes))


def row(test: str, figures: Association | None = None, **changes: Any) -> BiasResult:
    """A row of the suite ``weat``; an error without figures."""
    values: dict[str, Any] = {
        "encoder": "w2v",
        "transform": "",
        "suite": "weat",
        "metric": "weat",
        "description": "Flowers/Insects vs Pleasant/Unpleasant",
        "status": "error" if figures is None else "ok",
        "reason": "only 3 of 8 words of X were found" if figures is None else "",
    }
    return BiasResult(test=test, association=figures, **(values | changes))


def provenance(**changes: Any) -> Provenance:
    """One encoder and one suite, all fields filled."""
    values: dict[str, Any] = {
        "embias": "0.1.0",
        "python": "3.11.9",
        "platform": "Linux x86_64",
        "packages": {"numpy": "2.1.0"},
        "seed": 7,
        "settings": {"alternative": "greater", "min_coverage": 0.8},
        "encoders": (EncoderInfo("w2v", "static", 300, weights=WEIGHTS, notes=("an extract",)),),
        "suites": (
            {
                "name": "weat",
                "version": "1",
                "sha256": "0123abcd",
                "source": {"paper": "Caliskan 2017", "url": "https://doi.org/10.1126/x"},
                "licence": "facts",
            },
        ),
        "created": "2025-01-02T03:04:05Z",
        "command": "embias audit w2v --suite weat --seed 7 --alternative two-sided",
    }
    return Provenance(**(values | changes))


def audit(*rows: BiasResult, **changes: Any) -> Audit:
    """An audit of `rows`."""
    return Audit(rows, provenance(**changes))


EXACT = row(
    "weat1",
    association(),
    counts=counts(26, 24, dropped=("axe",), reasons=("no vector",)),
    published=published(1.23),
)
CERTIFIED = row(
    "weat2",
    association(
        pvalue=3.14e-8,
        pvalue_bounds=(2.0e-8, 3.14e-8),
        pvalue_method="certified",
        effect_size=0.543,
    ),
    published=published(0.72, note="the paper used other lists"),
)
SAMPLED = row(
    "weat3",
    association(
        pvalue=1e-5, pvalue_bounds=(0.0, 3.7e-5), pvalue_method="sampled", n_resamples=99_999
    ),
)
HIGH = row("weat4", association(effect_size=-0.31, pvalue=0.81, pvalue_bounds=(0.81, 0.81)))
FAILED = row("weat5")
TEMPLATED = row(
    "sent-weat6",
    association(items_x=250, items_y=240, effect_size=0.41, unit_effect_size=0.87),
    suite="seat",
)


def hostile() -> Audit:
    """Every string that comes from outside is an attack."""
    words = Counts("X", HOSTILE, asked=3, items=2, dropped=(HOSTILE,), reasons=(HOSTILE,))
    figure = published(0.5, note=HOSTILE, source=HOSTILE, pvalue=HOSTILE)
    names = {"encoder": HOSTILE, "suite": HOSTILE, "metric": HOSTILE, "transform": HOSTILE}
    texts = {"description": HOSTILE, "notes": (HOSTILE,), "counts": (words,)}
    return audit(
        row(HOSTILE, association(note=HOSTILE), published=figure, **names, **texts),
        row(HOSTILE, reason=HOSTILE, **names, description=HOSTILE),
        encoders=(EncoderInfo(HOSTILE, "static", 3, revision=HOSTILE, notes=(HOSTILE,)),),
        suites=({"name": HOSTILE, HOSTILE: HOSTILE, "url": "javascript:alert(1)"},),
        settings={HOSTILE: HOSTILE},
        packages={HOSTILE: HOSTILE},
    )


def full() -> Audit:
    """One of each kind."""
    return audit(EXACT, CERTIFIED, SAMPLED, HIGH, FAILED, TEMPLATED)


def test_the_samples_survive_json() -> None:
    assert Audit.from_json(full().to_json()) == full()
