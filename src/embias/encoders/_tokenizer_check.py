"""Refuses tokenizers that the library makes up where the files of a model have none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embias.encoders._show import at
from embias.errors import DataFileError, InputError

__all__ = ["has_tokenizer_files", "is_made_up", "no_tokenizer", "refuse_made_up", "tokenizers_of"]

_NAMES = frozenset({"bpe.codes", "dict.txt", "merges.txt", "tekken.json", "tokenizer.json"})
_SUFFIXES = frozenset({".bpe", ".codes", ".model", ".spm", ".tiktoken", ".tokenizer", ".vocab"})


def has_tokenizer_files(folder: Path) -> bool:
    """Return whether a vocabulary lies in a folder, or in one below it (modules have their own)."""
    return any(
        path.name in _NAMES or path.suffix in _SUFFIXES or "vocab" in path.name
        for path in folder.rglob("*")
        if path.is_file()
    )


def is_made_up(tokenizer: Any) -> bool:
    """Return whether a tokenizer of transformers knows special tokens and nothing else.

    That is what the library hands out, without a word, where the files of the vocabulary are
    missing: every text becomes the unknown token. One piece more is let through, because some
    classes make up a word boundary too. Tokenizers of bytes or characters need no files, and have
    more.
    """
    from transformers import PreTrainedTokenizerBase

    if not isinstance(tokenizer, PreTrainedTokenizerBase):
        return False
    try:
        known = set(tokenizer.get_vocab())
    except (AttributeError, NotImplementedError):  # a tokenizer that has no table of pieces
        return False
    special = {str(token) for token in tokenizer.all_special_tokens}
    added = getattr(tokenizer, "added_tokens_decoder", {}).values()
    special |= {str(token) for token in added if getattr(token, "special", False)}
    return len(known - special) <= 1


def tokenizers_of(model: Any) -> list[Any]:
    """Return the tokenizers of the modules of a sentence-transformers model, one to a module."""
    found = (
        getattr(module, "tokenizer", None) for module in model.modules() if module is not model
    )
    return [tokenizer for tokenizer in found if tokenizer is not None]


def no_tokenizer(folder: Path) -> DataFileError:
    """Return the error for a folder that holds a model without its tokenizer."""
    return DataFileError(
        f"no tokenizer files in {at(folder)}: every text would become unknown tokens; save the "
        "tokenizer there too, with tokenizer.save_pretrained(...)"
    )


def refuse_made_up(tokenizer: Any, name: str, folder: Path | None = None) -> None:
    """Refuse a tokenizer without a vocabulary, of a folder, a hub id, or given as an object."""
    if not is_made_up(tokenizer):
        return
    if folder is not None and not has_tokenizer_files(folder):
        raise no_tokenizer(folder)
    raise (InputError if folder is None and not name else DataFileError)(
        f"{at(name or 'the model')}: its tokenizer, a {type(tokenizer).__name__}, knows special "
        "tokens only, so that every text would become unknown tokens; its files are missing or "
        "damaged: save the tokenizer anew with tokenizer.save_pretrained(...)"
    )
