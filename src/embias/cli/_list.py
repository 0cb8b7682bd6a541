"""``embias list``: what there is."""

from __future__ import annotations

import argparse

from embias.cli._output import DONE, show
from embias.errors import InputError

__all__ = ["add_list"]


def add_list(listing: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    listing.add_argument("what", choices=("suites", "encoders", "metrics"))
    listing.add_argument("name", nargs="?", help="one metric, for its card alone")
    listing.set_defaults(run=_list)


def _list(options: argparse.Namespace) -> int:
    from embias.encoders import known_encoders
    from embias.metrics import METRICS, get_metric
    from embias.stimuli import known_suites

    if options.name is not None:
        if options.what != "metrics":
            raise InputError(
                f"list {options.what} {options.name}: only metrics are shown one at a time; leave "
                "the name out"
            )
        show(get_metric(options.name).to_text())
        return DONE
    if options.what == "metrics":
        show("\n".join(card.to_text() for card in METRICS.values()))
        return DONE
    rows = known_suites() if options.what == "suites" else known_encoders()
    width = max(map(len, rows))
    show("\n".join(f"{name:<{width}}  {title}" for name, title in rows.items()))
    return DONE
