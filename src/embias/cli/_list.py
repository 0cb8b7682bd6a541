"""``embias list``: what there is."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from typing import Any

from embias.cli._output import DONE, show
from embias.errors import InputError

__all__ = ["add_list"]


def add_list(listing: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    listing.add_argument(
        "what", choices=("suites", "encoders", "metrics", "transforms", "concepts")
    )
    listing.add_argument("name", nargs="?", help="one metric or transform, for its card alone")
    listing.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    from embias.encoders import known_encoders
    from embias.metrics import METRICS, get_metric
    from embias.stimuli import known_concepts, known_suites
    from embias.transforms import TRANSFORMS, get_transform

    cards: dict[str, Mapping[str, Any]] = {"metrics": METRICS, "transforms": TRANSFORMS}
    if options.name is not None:
        if options.what not in cards:
            raise InputError(
                f"list {options.what} {options.name}: only metrics and transforms are shown one at "
                "a time; leave the name out"
            )
        card: Callable[[str], Any] = get_metric if options.what == "metrics" else get_transform
        show(card(options.name).to_text())
        return DONE
    if options.what in cards:
        show("\n".join(card.to_text() for card in cards[options.what].values()))
        return DONE
    known = {"suites": known_suites, "encoders": known_encoders, "concepts": known_concepts}
    rows = known[options.what]()
    width = max(map(len, rows))
    show("\n".join(f"{name:<{width}}  {title}" for name, title in rows.items()))
    return DONE
