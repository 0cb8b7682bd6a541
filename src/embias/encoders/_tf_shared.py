"""What several readings of one transformers model keep in common: the vectors, by item."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embias.encoders._tf_items import Request
from embias.encoders._tf_run import Choice, Runner


class Shared:
    """The vectors of all variants or levels of an encoder, by item.

    Parameters
    ----------
    runner : Runner
        That of texts, where texts and words are shared.
    choices : list of (layers, pooling)
        What is read for every item; of texts alone where `of_words` is given.
    of_words : list of (layers, pooling), optional
        What is read for a word in its text, as many as `choices`. The text is then read along
        with the word, since it will be asked for.
    """

    def __init__(
        self, runner: Runner, choices: list[Choice], of_words: list[Choice] | None = None
    ) -> None:
        self.runner = runner
        self.choices = choices
        self.of_words = of_words
        self.memo: dict[Request, NDArray[np.float32]] = {}

    def rows(
        self, requests: Sequence[Request], choice: Choice, progress: bool
    ) -> NDArray[np.float32]:
        """Return the vectors of one choice, shape (len(requests), d), of at least one request."""
        new = [request for request in requests if request not in self.memo]
        if new:
            new = list(dict.fromkeys([*new, *self._along(new)]))
            found = self.runner.run(new, self.choices, progress, self.of_words)
            self.memo.update(zip(new, found, strict=True))
        of_words = self.of_words if requests[0][1] is not None else None
        column = (of_words or self.choices).index(choice)
        return np.stack([self.memo[request][column] for request in requests])

    def _along(self, requests: Sequence[Request]) -> list[Request]:
        """Return the texts that words stand in, which the same passes serve."""
        if self.of_words is None:
            return []
        texts: list[Request] = [(text, None) for text, span in requests if span is not None]
        return [text for text in texts if text not in self.memo]
