"""``embias list``: what there is."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from embias.cli._output import DONE, show

if TYPE_CHECKING:
    from embias.transforms import TransformCard

__all__ = ["add_list"]


def add_list(listing: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    listing.add_argument(
        "what", choices=("suites", "encoders", "metrics", "transforms", "concepts")
    )
    listing.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    from embias.encoders import known_encoders
    from embias.metrics import METRICS
    from embias.stimuli import known_concepts, known_suites
    from embias.transforms import TRANSFORMS

    if options.what == "metrics":
        show("\n".join(card.to_text() for card in METRICS.values()))
        return DONE
    if options.what == "transforms":
        show("\n".join(_transform(card) for card in TRANSFORMS.values()))
        return DONE
    known = {"suites": known_suites, "encoders": known_encoders, "concepts": known_concepts}
    rows = known[options.what]()
    width = max(map(len, rows))
    show("\n".join(f"{name:<{width}}  {title}" for name, title in rows.items()))
    return DONE


def _transform(card: TransformCard) -> str:
    kind = "an affine map" if card.affine else "no affine map: not for models of texts"
    return (
        f"{card.name}\n  {card.title}: learns from {card.learns_from}; {kind}\n"
        f"  removes: {card.removes}\n  guaranteed: {card.guaranteed}\n  paper: {card.paper}"
    )
