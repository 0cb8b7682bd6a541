"""``embias cache``: what is kept of models."""

from __future__ import annotations

import argparse

from embias.cli._output import DONE, show

__all__ = ["add_cache"]


def add_cache(cache: argparse.ArgumentParser) -> None:
    """Describe the arguments."""
    actions = cache.add_subparsers(title="actions", required=True, metavar="ACTION")
    info = actions.add_parser("info", help="show what is kept", allow_abbrev=False)
    info.set_defaults(run=_cache_info)
    clear = actions.add_parser("clear", help="remove vectors", allow_abbrev=False)
    clear.add_argument(
        "--encoder", metavar="NAME", help="only those of the encoders with this name in results"
    )
    clear.set_defaults(run=_cache_clear)
    path = actions.add_parser("path", help="show where the vectors are", allow_abbrev=False)
    path.set_defaults(run=_cache_path)
    for action in (info, clear, path):
        action.add_argument(
            "--dir",
            metavar="DIR",
            help="the folder; by default EMBIAS_CACHE, else the one of the system for caches",
        )


def _cache_info(options: argparse.Namespace) -> int:
    from embias.encoders.cache import cache_info

    show(cache_info(options.dir).to_text())
    return DONE


def _cache_clear(options: argparse.Namespace) -> int:
    from embias.encoders.cache import clear_cache

    show(f"Removed:\n{clear_cache(options.dir, encoder=options.encoder).to_text()}")
    return DONE


def _cache_path(options: argparse.Namespace) -> int:
    from embias.encoders.cache import cache_directory

    show(str(cache_directory(options.dir)))
    return DONE
