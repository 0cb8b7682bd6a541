"""One audit of a model at three levels: the word alone, in its sentence, and the whole sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from embias.audit.inputs import Settings, SuiteLike, as_suites, check_settings
from embias.audit.run import audit_pairs
from embias.encoders import TransformerEncoder
from embias.errors import InputError
from embias.results import Audit
from embias.stimuli import Suite
from embias.types import Encoder

__all__ = ["compare_levels"]

Layer: TypeAlias = int | Sequence[int] | Literal["embedding"]


def compare_levels(
    model: object,
    suite: SuiteLike | Sequence[SuiteLike],
    *,
    layer: Layer = -1,
    subtokens: Literal["mean", "first", "last"] = "mean",
    pooling: Literal["cls", "mean", "max", "last", "weighted-mean"] | None = None,
    settings: Settings | None = None,
    progress: bool | None = None,
) -> Audit:
    """Audit one model at three levels, side by side: after Tan & Celis 2019.

    A bias that a model has may show at one level and not at another: a word alone has no context,
    the vector of a sentence is diluted by the words around the one that is asked for. Three
    encoders are made of one model:

    - ``"NAME [context-free]"``: each word of the suite alone, out of its sentences;
    - ``"NAME [word in context]"``: the word inside each of its sentences;
    - ``"NAME [sentence]"``: each of its sentences as a whole.

    The model is loaded once, and each distinct text goes through it once for all three.

    Parameters
    ----------
    model : TransformerEncoder, name, folder or (tokenizer, model)
        As :class:`~embias.encoders.TransformerEncoder` takes it. Of an encoder that is given, the
        model and all options are used but for its level, layer, sub-token rule and pooling, which
        are those given here. Its tokenizer must tell the places of tokens (a fast one does).
    suite : Suite, AssociationTest, str or path, or a list or tuple of them
        As for :func:`embias.audit`, with templates or sentences in every test: ``"tan2019"`` or
        ``"seat"``.
    layer : int, list of int, or "embedding"
        The layer of all three levels; 0 is the embedding layer, -1 the last one.
    subtokens : {"mean", "first", "last"}
        How the tokens of a word become one vector, at the first two levels.
    pooling : {"cls", "mean", "max", "last", "weighted-mean"}, optional
        How the tokens of a sentence become one vector; by default "last" for a causal model, else
        "mean".
    settings : Settings, optional
        :func:`embias.audit.check_settings` makes them from the other arguments of an audit.
    progress : bool, optional
        See :func:`embias.audit`.

    Returns
    -------
    Audit
        One encoder per level; ``plot("heatmap")`` shows tests by levels. P-values are adjusted
        within a level.

    Raises
    ------
    InputError
        When a test puts its words into no sentences, the model is no transformer that embias can
        read, or a layer or pooling does not exist.

    Notes
    -----
    Context-free is not a table of word vectors: the word goes through the model on its own, with
    the special tokens (and the prompt) around it; ``layer=0`` gives what the model knows of a
    word before any context. One vector stands for a word at the first level, one per sentence at
    the other two, where the spread over sentences usually makes the effect size smaller;
    ``unit_effect_size``, over the means of words, is the same quantity at all three.

    References
    ----------
    Tan, Celis 2019, Assessing Social and Intersectional Biases in Contextualized Word
    Representations, NeurIPS 2019. https://arxiv.org/abs/1911.01485

    Examples
    --------
    >>> from embias import load_suite
    >>> test = load_suite("tan2019").test("tan_double_bind_competent_unbleached")
    >>> levels = compare_levels("minilm", test)
    >>> [row.encoder for row in levels.results]
    ['minilm [context-free]', 'minilm [word in context]', 'minilm [sentence]']
    """
    suites = as_suites(suite)
    _check_context(suites)
    alone, word, sentence = _transformer(model).levels(
        layer=layer, subtokens=subtokens, pooling=pooling
    )
    # The suite in its sentences comes last: it is the one that the provenance names.
    pairs = [(alone, [each.bare() for each in suites]), ([word, sentence], suites)]
    return audit_pairs(pairs, settings or check_settings(), progress=progress)


def _check_context(suites: Iterable[Suite]) -> None:
    for suite in suites:
        for test in suite.tests:
            if not test.templated:
                raise InputError(
                    f"compare_levels: the test {test.name!r:.80} of {suite.name!r:.80} puts its "
                    "words into no sentences, so that its levels are one; give tests with "
                    "templates, such as those of 'tan2019' or 'seat'"
                )


def _transformer(model: object) -> TransformerEncoder:
    if isinstance(model, TransformerEncoder):
        return model
    if isinstance(model, Encoder):
        raise InputError(
            f"compare_levels: {model.info.id!r:.80} is no TransformerEncoder, so that words cannot "
            "be read inside their sentences; give a TransformerEncoder, the model's folder or name"
        )
    return TransformerEncoder(model)
