"""How a word is looked up in a table of vectors: exactly, or with fallbacks that are recorded."""

from __future__ import annotations

import itertools
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

from embias.encoders._show import shown
from embias.errors import InputError, did_you_mean

__all__ = ["Found", "LookupPolicy"]

Multiword = Literal["missing", "underscore", "mean"]
_RULES = ("unicode", "lower", "upper", "title", "underscore", "unaccented")


@dataclass(frozen=True, slots=True)
class Found:
    """What a look-up came to.

    Attributes
    ----------
    forms : tuple of str
        The words of the table; of several, the mean of the vectors is meant.
    how : str
        ``""`` for the word itself, else what was done: ``"as 'cat' (lower)"``.
    """

    forms: tuple[str, ...]
    how: str = ""


@dataclass(frozen=True, slots=True)
class LookupPolicy:
    """How a word is looked up: exactly, and then in other forms, of which the first found counts.

    The word as written always comes first. The fallbacks that are switched on follow, alone and
    then combined, the fewest changes first; among as many changes, in this order: NFC, NFD, lower,
    upper, title, underscore, unaccented. "New York" with `lower` and `underscore` is asked for as
    ``New York``, ``new york``, ``New_York``, ``new_york``.

    Parameters
    ----------
    lower, upper : bool
        The word in lower and in upper case.
    title : bool
        Every part between spaces with a capital first letter, the rest in lower case.
    underscore : bool
        ``_`` for every space (hyphens stay), as in word2vec GoogleNews.
    unaccented : bool
        Without accents: compatibility decomposition (NFKD) without combining marks, composed
        again. Letters that are no letter with an accent (ø, ß, ł) stay; in scripts that write
        vowels or their absence as marks this makes another word.
    unicode : bool
        The Unicode forms NFC and NFD of the word: the same text in other code points.
    prefix : str
        Put before each form, after the form without it, for keys such as ``/c/en/cat``.
    multiword : {"missing", "underscore", "mean"}
        A word with spaces that is not in the table: ``"underscore"`` switches that fallback on;
        ``"mean"`` takes, when nothing else is found, the mean of the vectors of its parts, if
        every part has one (each is looked up under the same policy). A mean is a vector of a text
        rather than of a word, and results say of which words it was made.

    Raises
    ------
    InputError
        When an option is not of these.

    Examples
    --------
    >>> policy = LookupPolicy(lower=True, underscore=True)
    >>> policy.candidates("New York")[:3]
    (('New York', ''), ('new york', 'lower'), ('New_York', 'underscore'))
    """

    lower: bool = False
    upper: bool = False
    title: bool = False
    underscore: bool = False
    unaccented: bool = False
    unicode: bool = False
    prefix: str = ""
    multiword: Multiword = "missing"

    def __post_init__(self) -> None:
        for name in _RULES:
            if not isinstance(getattr(self, name), bool):
                raise InputError(
                    f"LookupPolicy: {name} must be True or False, got {shown(getattr(self, name))}"
                )
        if not isinstance(self.prefix, str):
            raise InputError(
                f"LookupPolicy: prefix must be a text, got {shown(self.prefix)}; give '' for none"
            )
        known = get_args(Multiword)
        if self.multiword not in known:
            raise InputError(
                f"LookupPolicy: multiword={shown(self.multiword)}; "
                f"{did_you_mean(str(self.multiword), known)}"
            )

    @classmethod
    def parse(cls, text: str) -> LookupPolicy:
        """Return the policy that a text names.

        Parameters
        ----------
        text : str
            Names separated by commas: ``lower``, ``upper``, ``title``, ``underscore``,
            ``unaccented``, ``unicode``, ``mean`` and ``prefix=...`` (without a comma in it); or
            ``exact`` for no fallback.

        Raises
        ------
        InputError
            When a name does not exist.
        """
        if not isinstance(text, str):
            raise InputError(f"LookupPolicy.parse: expected a text, got {shown(text)}")
        options: dict[str, Any] = {}
        known = (*_RULES, "mean", "prefix=", "exact")
        for name in (part.strip() for part in text.split(",")):
            if name in _RULES:
                options[name] = True
            elif name == "mean":
                options["multiword"] = "mean"
            elif name.startswith("prefix=") and name != "prefix=":
                options["prefix"] = name.removeprefix("prefix=")
            elif name == "prefix=":
                raise InputError(
                    f"look-up {shown(text)}: prefix= needs the text that is put before a word, "
                    "such as prefix=/c/en/"
                )
            elif name != "exact":
                raise InputError(
                    f"look-up {shown(text)}: there is no {shown(name)}; {did_you_mean(name, known)}"
                )
        return cls(**options)

    def candidates(self, word: str) -> tuple[tuple[str, str], ...]:
        """Return the forms that are looked for, in order, each with the rule that makes it.

        Parameters
        ----------
        word : str
            As the user wrote it.

        Returns
        -------
        tuple of (form, rule)
            Each form once; the first is ``(word, "")``. Combined rules are joined by ``+``.
        """
        forms: dict[str, str] = {}
        for steps in _combinations(self):
            form = word
            for step in steps:
                form = _CHANGES[step](form)
            forms.setdefault(form, "+".join(steps))
            if self.prefix:
                forms.setdefault(self.prefix + form, "+".join(("prefix", *steps)))
        return tuple(forms.items())

    def forms(self, word: str) -> tuple[str, ...]:
        """Return every form that a look-up of the word may ask for, those of its parts too."""
        asked = [word, *self._parts(word)]
        return tuple(dict.fromkeys(f for part in asked for f, _ in self.candidates(part)))

    def find(
        self, word: str, has: Callable[[str], bool], is_zero: Callable[[str], bool]
    ) -> Found | None:
        """Look a word up.

        Parameters
        ----------
        word : str
            As the user wrote it.
        has : callable
            Whether a form stands in the table.
        is_zero : callable
            Whether the vector of a form that stands there is zero; such a part makes no mean.

        Returns
        -------
        Found or None
            The first form that stands in the table, whether or not its vector is zero.
        """
        found = self._find_one(word, has)
        if found is not None:
            return found
        parts = [(part, self._find_one(part, has)) for part in self._parts(word)]
        forms = tuple(one.forms[0] for _, one in parts if one is not None)
        if not parts or len(forms) < len(parts) or any(map(is_zero, forms)):
            return None
        named = [
            shown(part) + (f" {one.how}" if one is not None and one.how else "")
            for part, one in parts
        ]
        return Found(forms, "mean of " + ", ".join(named))

    def _find_one(self, word: str, has: Callable[[str], bool]) -> Found | None:
        for form, rule in self.candidates(word):
            if has(form):
                return Found((form,), f"as {shown(form)} ({rule})" if rule else "")
        return None

    def _parts(self, word: str) -> list[str]:
        if self.multiword != "mean":
            return []
        parts = [part for part in word.split(" ") if part]
        return parts if len(parts) > 1 else []

    def describe(self) -> str | None:
        """Return the policy in words for ``EncoderInfo.lookup``; None when it is exact only."""
        names = [rule for axis in _axes(self) for rule in axis if rule]
        said = [", ".join(names)] if names else []
        if self.prefix:
            said.append(f"each also after {shown(self.prefix)}")
        if self.multiword == "mean":
            said.append("then the mean of the parts between spaces")
        return "exact, else " + "; ".join(said) if said else None


def as_lookup(value: Any) -> LookupPolicy:
    """Return a policy; None stands for the exact one."""
    if value is None:
        return LookupPolicy()
    if not isinstance(value, LookupPolicy):
        raise InputError(
            f"lookup must be a LookupPolicy or None, got {shown(value)}; give "
            "LookupPolicy(lower=True), or LookupPolicy.parse('lower,underscore')"
        )
    return value


def _axes(policy: LookupPolicy) -> tuple[tuple[str, ...], ...]:
    """Return the alternatives of a policy; the first, "", leaves the word as it is.

    Of one axis at most one change is made: there is no word in lower and upper case. The changes
    of a combination are made in the order of the axes, so that capitals go to what follows a space
    before the spaces are gone.
    """
    unaccented = ("unaccented",) if policy.unaccented else ()
    return (
        ("", *(("NFC", "NFD") if policy.unicode else ()), *unaccented),
        ("", *(rule for rule in ("lower", "upper", "title") if getattr(policy, rule))),
        ("", "underscore") if policy.underscore or policy.multiword == "underscore" else ("",),
    )


@lru_cache(maxsize=64)
def _combinations(policy: LookupPolicy) -> tuple[tuple[str, ...], ...]:
    def order(steps: tuple[str, ...]) -> tuple[int, list[int]]:
        return len(steps), sorted(_ORDER.index(step) for step in steps)

    return tuple(sorted(_chosen(policy), key=order))


def _chosen(policy: LookupPolicy) -> Iterator[tuple[str, ...]]:
    for choice in itertools.product(*_axes(policy)):
        yield tuple(step for step in choice if step)


def _titled(word: str) -> str:
    return " ".join(part.capitalize() for part in word.split(" "))


def _without_accents(word: str) -> str:
    bare = "".join(
        char for char in unicodedata.normalize("NFKD", word) if not unicodedata.combining(char)
    )
    # Composed again: decomposition also takes the syllables of Hangul apart.
    return unicodedata.normalize("NFC", bare)


_CHANGES: dict[str, Callable[[str], str]] = {
    "NFC": lambda word: unicodedata.normalize("NFC", word),
    "NFD": lambda word: unicodedata.normalize("NFD", word),
    "lower": str.lower,
    "upper": str.upper,
    "title": _titled,
    "underscore": lambda word: word.replace(" ", "_"),
    "unaccented": _without_accents,
}
_ORDER = tuple(_CHANGES)
