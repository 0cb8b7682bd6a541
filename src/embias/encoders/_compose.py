"""What every adapter can do beside encoding: be followed by a transform, a cache, a quantiser."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, cast

from embias.types import Encoder

if TYPE_CHECKING:
    from embias.encoders.cache import CachedEncoder
    from embias.encoders.quantized import QuantizedEncoder
    from embias.encoders.transformed import TransformedEncoder

__all__ = ["Composable"]


class Composable:
    """Shorthands for wrapping an encoder; each wrapper takes any encoder, of ours or not."""

    def __or__(self, transform: Any) -> TransformedEncoder:
        """Apply a fitted transform (anything with ``transform``) to every vector."""
        from embias.encoders.transformed import TransformedEncoder

        return TransformedEncoder(cast(Encoder, self), transform)

    def cached(self, directory: str | os.PathLike[str] | None = None) -> CachedEncoder:
        """Keep vectors in a folder, see :class:`~embias.encoders.cache.CachedEncoder`."""
        from embias.encoders.cache import CachedEncoder

        return CachedEncoder(cast(Encoder, self), directory)

    def quantized(
        self,
        precision: Literal["int8", "binary"],
        *,
        values: Literal["codes", "dequantised"] = "codes",
        ranges: Any = None,
        id: str | None = None,
    ) -> QuantizedEncoder:
        """Round coordinates, see :class:`~embias.encoders.quantized.QuantizedEncoder`."""
        from embias.encoders.quantized import QuantizedEncoder

        return QuantizedEncoder(cast(Encoder, self), precision, values=values, ranges=ranges, id=id)
