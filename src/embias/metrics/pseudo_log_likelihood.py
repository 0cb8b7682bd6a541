"""How likely a language model finds a text: token by token, masked or from left to right."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, get_args

import numpy as np

from embias.errors import InputError
from embias.metrics._encoded_text import Encoded, Query
from embias.metrics._language_model import Floats, LanguageModel, language_model
from embias.metrics.card import EdgeCases, MetricCard
from embias.results import Measure
from embias.stats.inputs import check_choice

__all__ = [
    "Masking",
    "TextLikelihood",
    "pseudo_log_likelihood",
    "token_log_probabilities",
    "token_scores",
]

Masking: TypeAlias = Literal["token", "word-l2r", "whole-word"]

CARD = MetricCard(
    name="pseudo_log_likelihood",
    measures=(
        "How likely a language model finds each text. A building block: what is compared (two "
        "texts that differ in a group, say) makes it a measure of bias."
    ),
    formula=(
        "masked model: sum over tokens t of ln P(t | the text with t masked, and with it the "
        "later tokens of its word); causal model: sum of ln P(t | all before it)"
    ),
    value_range="(-inf, 0]",
    no_bias="none: one text has no bias; compare two",
    direction="larger: the model finds the text likelier",
    pvalue="none",
    caveats=(
        "Longer texts are less likely: compare texts of the same tokens, or per_token. A pseudo "
        "likelihood is not the logarithm of a probability of the text. Figures of models with "
        "different tokenizers cannot be compared. Tokens unknown to the tokenizer are counted "
        "and make the figure mean little."
    ),
    conventions=(
        "masking='token' masks each token alone (Salazar 2020; minicons 'original'): a word of "
        "several tokens is then given away by its other tokens and gets too high a likelihood. "
        "The default 'word-l2r' (Kauf & Ivanova 2023; the default of minicons) hides the rest of "
        "the word as well; 'whole-word' hides all of it. Words are those of the tokenizer."
    ),
    edge_cases=EdgeCases(
        missing="tokens that the tokenizer does not know are counted, with a note",
        unequal="there is one list of texts",
        one_word="one text is enough; an empty one is refused",
        duplicates="a text given twice counts twice",
        two_sets="there is one list",
    ),
    paper="Salazar et al. 2020, ACL; Kauf & Ivanova 2023, ACL (short papers)",
    takes="texts",
    needs="a language model and texts",
)


@dataclass(frozen=True, slots=True)
class TextLikelihood:
    """The tokens of a text and what the model gives each of them.

    Attributes
    ----------
    text : str
    tokens : tuple of str
        As the tokenizer writes them; special tokens, and a first token with nothing before it,
        are left out.
    log_probabilities : tuple of float
        Natural logarithms, one for each token.
    unknown : int
        Tokens that stand for what is not in the vocabulary.
    """

    text: str
    tokens: tuple[str, ...]
    log_probabilities: tuple[float, ...]
    unknown: int

    @property
    def total(self) -> float:
        """The (pseudo-)log-likelihood of the text."""
        return math.fsum(self.log_probabilities)


def pseudo_log_likelihood(
    model: tuple[Any, Any],
    texts: Sequence[str],
    *,
    masking: Masking | None = None,
    batch_size: int = 32,
    progress: bool = False,
) -> Measure:
    """Measure how likely a masked or causal language model finds texts.

    Parameters
    ----------
    model : tuple of (tokenizer, model)
        As ``AutoTokenizer`` with ``AutoModelForMaskedLM`` or ``AutoModelForCausalLM`` load them.
    texts : sequence of str
        At least one.
    masking : {"word-l2r", "token", "whole-word"}, optional
        For a masked model: what is hidden when a token is predicted. The token and the later
        tokens of its word (default, Kauf & Ivanova 2023), the token alone (Salazar et al. 2020),
        or the whole word.
    batch_size : int
        Sequences in one forward pass; changes figures by rounding only.
    progress : bool
        Show a progress bar.

    Returns
    -------
    Measure
        `value` is the mean over the texts, in (-inf, 0]; ``scores["texts"]`` has that of each
        text and ``scores["tokens"]`` the number of its tokens; the figures are `per_token` and
        `pseudo_perplexity` over all of them. No value means no bias.

    Raises
    ------
    InputError
        No texts; a text that is empty, too long or holds a mask; a model of another kind; a
        masking that needs the words of a slow tokenizer.
    MissingExtraError
        torch is not installed.

    References
    ----------
    Salazar et al. 2020, ACL; Kauf & Ivanova 2023, ACL.
    """
    lm, found = _read(model, texts, masking, batch_size, progress)
    tokens = sum(len(one.tokens) for one in found)
    unknown = sum(one.unknown for one in found)
    per_token = math.fsum(one.total for one in found) / tokens
    return Measure(
        metric=CARD.name,
        value=float(np.mean([one.total for one in found])),
        no_bias=None,
        value_range=(None, 0.0),
        counts={"texts": len(found), "tokens": tokens, "unknown_tokens": unknown},
        figures={"per_token": per_token, "pseudo_perplexity": math.exp(-per_token)},
        scores={
            "texts": tuple(one.total for one in found),
            "tokens": tuple(float(len(one.tokens)) for one in found),
        },
        settings={"model": lm.kind, "masking": _masking_of(lm, masking), **start_of(lm)},
        note=unknown_note(unknown),
    )


def token_log_probabilities(
    model: tuple[Any, Any],
    texts: Sequence[str],
    *,
    masking: Masking | None = None,
    batch_size: int = 32,
    progress: bool = False,
) -> tuple[TextLikelihood, ...]:
    """Return what the model gives each token of each text.

    The parameters and errors are those of :func:`pseudo_log_likelihood`, which adds up what this
    returns.

    Returns
    -------
    tuple of TextLikelihood
    """
    return tuple(_read(model, texts, masking, batch_size, progress)[1])


def token_scores(
    lm: LanguageModel,
    texts: Sequence[Encoded],
    places: Sequence[Sequence[int]],
    masking: Masking = "token",
) -> list[Floats]:
    """Return the log-probabilities of the tokens at `places` of each text, in their order."""
    queries: list[Query] = []
    for found, asked in zip(texts, places, strict=True):
        if lm.kind == "causal":
            targets = tuple(found.ids[at] for at in asked)
            queries.append(Query(found.ids, found.types, tuple(asked), targets))
        else:
            queries += [lm.hidden(found, hidden_with(found, at, masking), [at]) for at in asked]
    answers = lm.log_probabilities(queries)
    if lm.kind == "causal":
        return answers
    ends = np.cumsum([len(asked) for asked in places])[:-1]
    flat = np.concatenate([*answers, np.empty(0)])
    return list(np.split(flat, ends))


def start_apart_scores(
    lm: LanguageModel, texts: Sequence[Encoded], places: Sequence[Sequence[int]]
) -> list[Floats]:
    """Return the same of a causal model as the code of StereoSet and bias-bench has them.

    The start token is in front of the first token only; the others are given those of the text
    that are before them, and no start token.
    """
    if lm.start is None:
        return token_scores(lm, texts, places)
    queries: list[Query] = []
    for found in texts:
        types = found.types
        rest = tuple(range(1, len(found.ids) - 1))
        queries += [
            Query(found.ids[:2], None if types is None else types[:2], (1,), (found.ids[1],)),
            Query(found.ids[1:], None if types is None else types[1:], rest, found.ids[2:]),
        ]
    answers = lm.log_probabilities(queries)
    return [
        np.concatenate([first, others])[[at - 1 for at in asked]]
        for first, others, asked in zip(answers[::2], answers[1::2], places, strict=True)
    ]


def hidden_with(found: Encoded, at: int, masking: Masking) -> list[int]:
    """Return the positions that are masked when the token at `at` is predicted."""
    if masking == "token":
        return [at]
    if found.words is None:
        raise InputError(
            f"masking={masking!r} needs the words of the tokens, which this tokenizer does not "
            "tell; use a fast one, or masking='token'"
        )
    word = found.words[at]
    same = [place for place in found.own if word is not None and found.words[place] == word]
    return [place for place in same if place >= at or masking == "whole-word"] or [at]


def check_texts(name: str, texts: Sequence[str]) -> list[str]:
    """Return the texts as a list, after checking that there are some and that they are texts."""
    if isinstance(texts, str) or not isinstance(texts, Sequence) or not texts:
        raise InputError(f"{name} is {texts!r:.60}; give a list of texts with at least one")
    for row, text in enumerate(texts):
        if not isinstance(text, str) or not text.strip():
            raise InputError(f"{name}[{row}] is {text!r:.60}; give a text that is not empty")
    return list(texts)


def start_of(lm: LanguageModel) -> dict[str, str]:
    """Return the setting that says whether a causal model is given a start token."""
    if lm.kind == "masked":
        return {}
    return {"start": "none" if lm.start is None else "start token"}


def unknown_note(unknown: int) -> str:
    """Return the remark on tokens that the vocabulary does not have."""
    if not unknown:
        return ""
    return f"{unknown} token(s) are unknown to the tokenizer; their likelihood is of no word."


def _masking_of(lm: LanguageModel, masking: Masking | None) -> str:
    return "none" if lm.kind == "causal" else masking or "word-l2r"


def _read(
    model: Any, texts: Sequence[str], masking: Masking | None, batch_size: int, progress: bool
) -> tuple[LanguageModel, list[TextLikelihood]]:
    if masking is not None:
        check_choice("masking", masking, get_args(Masking))
    given = check_texts("texts", texts)
    lm = language_model(model, CARD.name, batch_size=batch_size, progress=progress)
    if lm.kind == "causal" and masking is not None:
        raise InputError(f"masking={masking!r} is for masked models; a causal one masks nothing")
    encoded = lm.encode(given)
    places = [lm.scored(found) for found in encoded]
    for found, asked in zip(encoded, places, strict=True):
        if not asked:
            raise InputError(
                f"the text {found.text!r:.80} is a single token with nothing before it, which has "
                "no likelihood; the tokenizer has no start token"
            )
    scores = token_scores(lm, encoded, places, masking or "word-l2r")
    return lm, [
        TextLikelihood(
            found.text,
            tuple(lm.tokenizer.convert_ids_to_tokens([found.ids[at] for at in asked])),
            tuple(values.tolist()),
            sum(lm.is_unknown(found.ids[at]) for at in found.own),
        )
        for found, asked, values in zip(encoded, places, scores, strict=True)
    ]
