"""Names of models: found in the Hugging Face cache, or refused with a reason."""

from __future__ import annotations

import os
from pathlib import Path

from embias.encoders._known import DESCRIPTIONS
from embias.encoders._show import at, one_line, shown
from embias.errors import InputError, UnknownNameError, did_you_mean

__all__ = ["first_line", "known_hint", "not_on_the_hub", "refuse_custom_code", "snapshot"]

_ORGANISATION = "sentence-transformers"  # that library looks there for a name without a slash


def refuse_custom_code(name: str, error: Exception) -> None:
    """Raise an InputError when a model could not be loaded for want of its own code."""
    if "trust_remote_code" in str(error):
        raise InputError(
            f"{at(name)}: the model needs code of its own, which embias does not run; if you trust "
            "it, build the SentenceTransformer yourself and pass the object"
        ) from error


def not_on_the_hub(name: str, error: Exception) -> UnknownNameError:
    """Return the error for a name that is found nowhere."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        place = "in the Hugging Face cache (offline mode is on)"
        cure = "set HF_HUB_OFFLINE=0 to allow a download, or give the folder of a saved model"
    else:
        place = "on the Hugging Face hub or in its cache"
        cure = "check the hub id ('organisation/name') and the network, or give a folder"
    return UnknownNameError(
        f"no encoder {shown(name)}: not a local folder, not an encoder of embias, not found "
        f"{place} [{first_line(error)}]; {known_hint(name)}; {cure}"
    )


def known_hint(name: str) -> str:
    """Return the nearest encoders of embias."""
    return "encoders of embias: " + did_you_mean(name, DESCRIPTIONS)


def first_line(error: Exception) -> str:
    """Return kind and first line of a library's error."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {one_line(Exception(lines[0]))}"


def snapshot(name: str, revision: str | None) -> tuple[str | None, Path | None]:
    """Return repository and cached snapshot folder, whose name is the commit."""
    from huggingface_hub import try_to_load_from_cache

    for repository in (name,) if "/" in name else (f"{_ORGANISATION}/{name}", name):
        for filename in ("modules.json", "config.json", "adapter_config.json"):
            found = try_to_load_from_cache(
                repository,
                filename,
                cache_dir=os.environ.get("SENTENCE_TRANSFORMERS_HOME"),
                revision=revision,
            )
            if isinstance(found, str):
                return repository, Path(found).parent
    return None, None
