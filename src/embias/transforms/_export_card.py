"""The model card of an exported model: what was done to its vectors, and what it does not mean."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embias._version import version
from embias.transforms._export_checks import Step, guarantee_of, steps_with_cards
from embias.transforms.affine_map import AffineMap, LowRankMap

__all__ = ["Exported", "exported_card", "map_hash"]

_HEAD = "---\nlibrary_name: sentence-transformers\npipeline_tag: sentence-similarity\n---\n"
_FRONT = re.compile(r"\A---\r?\n.*?\r?\n---\r?\n", re.DOTALL)
_LONGEST = 60


@dataclass(frozen=True)
class Exported:
    """What goes into the card.

    Attributes
    ----------
    transform : estimator or Pipeline
    map_ : AffineMap
    concept : str
    model : mapping of str to str
        What is known of the model.
    where : str
        Place of the map among the modules.
    """

    transform: Any
    map_: AffineMap
    concept: str
    model: Mapping[str, str]
    where: str


def exported_card(facts: Exported, broken: Sequence[str], report: str, original: str | None) -> str:
    """Return the text of ``README.md``: front matter, what was done, the card there was before."""
    front = _FRONT.match(original or "")
    head = front[0] if front else _HEAD
    rest = (original or "")[front.end() if front else 0 :].strip()
    parts = [_section(facts, broken)]
    if report.strip():
        parts.append(f"### Before and after\n\n{report.strip()}\n")
    if rest:
        parts.append(f"## The model before this step\n\n*Its own card.*\n\n{rest}\n")
    return head + "\n" + "\n".join(parts)


def map_hash(map_: AffineMap) -> str:
    """Return the sha256 of matrix and offset, in float64, row by row."""
    digest = hashlib.sha256()
    for array in map_.dense():
        digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
    return digest.hexdigest()


def _section(facts: Exported, broken: Sequence[str]) -> str:
    steps = steps_with_cards(facts.transform)
    cards = [step.card for step in steps if step.card]
    rows: list[tuple[str, str]] = [("concept", facts.concept)] if facts.concept else []
    for step in steps:
        rows.append(("method", _method(step)))
        if step.card:
            rows.append(("removed", step.card.removes))
        rows.append(("parameters", _parameters(step.estimator)))
    rows += [
        ("directions changed", _rank(facts.map_)),
        ("place", facts.where),
        *facts.model.items(),
        ("sha256 of the map", map_hash(facts.map_)),
        ("written by", f"embias {version()}"),
    ]
    lines = ["# A linear map was added to this model", ""]
    lines += [
        "One module with weight and bias, and no activation, maps every vector. The transform "
        "itself, in float64, is in `embias_transform`.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | {_cell(text)} |" for name, text in rows if text),
        "",
        "**What holds.** " + (" ".join(guarantee_of(facts.transform).lines) or "Nothing is known."),
        "",
        *(f"**What no longer holds.** {_sentence(each)}\n" for each in broken),
        "**What it does not mean.** " + _limits(cards),
        "",
    ]
    return "\n".join(lines)


def _limits(cards: Sequence[Any]) -> str:
    covariance = any(card.guarantee == "covariance" for card in cards)
    what = (
        "At best the concept is no longer linearly predictable from these vectors on data like "
        "the fit data. "
        if covariance
        else ""
    )
    return (
        f"{what}That is no statement about other probes, other data or what is done with the "
        "vectors, and the model is not unbiased: measure the task it is used for. "
        + " ".join(card.caveats for card in cards)
    ).strip()


def _method(step: Step) -> str:
    if step.card is None:
        return step.name
    return f"{step.card.title} (`{step.card.name}`), {step.card.paper}"


def _parameters(estimator: Any) -> str:
    if not hasattr(estimator, "get_params"):
        return ""
    given = estimator.get_params(deep=False)
    return ", ".join(f"{name} = {_brief(value)}" for name, value in sorted(given.items()))


def _brief(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"array of shape {value.shape}"
    if isinstance(value, list | tuple | set | frozenset) and len(repr(value)) > _LONGEST:
        return f"{len(value)} entries"
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _rank(map_: AffineMap) -> str:
    if isinstance(map_, LowRankMap):
        return f"{map_.rank} of {map_.n_in}"
    if map_.n_in != map_.n_out:
        return f"{map_.n_in} coordinates to {map_.n_out}"
    moved = np.linalg.matrix_rank(np.eye(map_.n_in) - map_.dense()[0])
    return f"{moved} of {map_.n_in}"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _cell(text: str) -> str:
    # Names come from files of others: neither a cell nor a tag begins in one.
    shown = "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split()).replace("|", "\\|").replace("<", "&lt;")
