"""One vector from the token vectors of a multi-vector (late interaction) model."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

POOLING = "mean of the token vectors"
_AT_ONCE = 1024  # texts whose token vectors are held together


def mean_vectors(model: Any, texts: list[str], **options: Any) -> NDArray[np.float32]:
    """Return the mean of the vectors that the model would compare, one row per text.

    Those are the vectors of a document: special tokens are among them, what the model skips
    (punctuation, often) is not. A text of which everything is skipped gets zeros.
    """
    rows = np.zeros((len(texts), int(model.get_embedding_dimension())), dtype=np.float32)
    for start in range(0, len(texts), _AT_ONCE):
        part = texts[start : start + _AT_ONCE]
        matrices = model.encode(part, convert_to_numpy=True, **options)
        for row, matrix in enumerate(matrices, start):
            if len(matrix):
                rows[row] = np.asarray(matrix, dtype=np.float64).mean(axis=0)
    return rows
