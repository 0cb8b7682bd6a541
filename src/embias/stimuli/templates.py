"""Putting words into templates, remembering where each word went."""

from __future__ import annotations

import string
from collections.abc import Mapping

from embias.errors import InputError
from embias.types import InContext

__all__ = ["BARE", "check_template", "fill_template", "template_fields"]

#: The template that leaves a word as it is.
BARE = "{}"

#: A field that is not a form of the word itself, so that its place is not the word's place.
_NOT_THE_WORD = frozenset({"article"})


def template_fields(template: str) -> list[str]:
    """Return the names of the fields of a template, ``""`` for ``{}``, in order.

    Raises
    ------
    InputError
        When the braces do not match or a field has a conversion or a format.
    """
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError as error:
        raise InputError(
            f"template {template!r}: {error}; write {{}} where the word goes and double any "
            "other brace"
        ) from error
    for _, name, spec, conversion in parts:
        if name is not None and (spec or conversion):
            raise InputError(f"template {template!r}: the field of the word takes no format")
    return [name for _, name, _, _ in parts if name is not None]


def check_template(template: str) -> str:
    """Return `template` after checking that it has just one ``{}`` (or ``{word}``).

    Raises
    ------
    InputError
        When it has none, several, or another field.
    """
    fields = template_fields(template)
    if len(fields) != 1 or fields[0].lower() not in ("", "word"):
        raise InputError(
            f"template {template!r}: needs just one field, {{}} where the word goes"
            + (f", and has {', '.join('{' + name + '}' for name in fields)}" if fields else "")
        )
    return template


def fill_template(template: str, word: str, forms: Mapping[str, str] | None = None) -> InContext:
    """Put a word into a template and record its span.

    Parameters
    ----------
    template : str
        ``{}`` or ``{word}`` stands for the word; any other field for the form of that name. A
        field written with a capital (``{Word}``, ``{Plural}``) capitalises the form.
    word : str
        The word as listed.
    forms : mapping of str to str, optional
        Other forms of the word: ``{"article": "a", "plural": "daisies"}``.

    Returns
    -------
    InContext
        The text with the span of the (first) field that holds a form of the word.

    Raises
    ------
    InputError
        When the word has no form of that name, or the template does not hold the word.
    """
    known = {**(forms or {}), "": word, "word": word}
    text = ""
    span: tuple[int, int] | None = None
    template_fields(template)
    for literal, name, _, _ in string.Formatter().parse(template):
        text += literal
        if name is None:
            continue
        key = name[:1].lower() + name[1:]
        if key not in known:
            raise InputError(
                f"template {template!r}: {word!r} has no form {key!r}; "
                f"its forms: {', '.join(sorted(filter(None, known)))}"
            )
        form = known[key]
        if name[:1].isupper():
            form = form[:1].upper() + form[1:]
        if span is None and key not in _NOT_THE_WORD:
            span = (len(text), len(text) + len(form))
        text += form
    if span is None:
        raise InputError(f"template {template!r}: no field holds a form of the word")
    return InContext(text, *span)
