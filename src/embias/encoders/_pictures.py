"""Opens pictures: the bytes that were named, the first frame, upright, as RGB."""

from __future__ import annotations

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from io import BufferedReader
from typing import Any

from embias.encoders._items import as_items, as_texts
from embias.encoders._show import at, one_line, shown
from embias.errors import EmbiasError, InputError, MissingExtraError
from embias.types import Image, Stimulus

#: Formats that are known by their first bytes and hold pixels. Pillow also opens EPS and WMF, for
#: which it runs other programs, and takes much for TGA.
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF", "PPM", "JPEG2000", "AVIF", "ICO")
_ORIENTATION = 0x0112  # the EXIF tag that says how the camera was held
_NOT_SETTINGS = frozenset(("image_processor_type", "processor_class", "_processor_class"))
_READING = "first frame, upright by EXIF, 8-bit RGB without transparency"


def pillow() -> Any:
    """Import Pillow on first use."""
    try:
        import PIL.Image
    except ImportError as error:
        raise MissingExtraError("an encoder of pictures", "Pillow", "images") from error
    return PIL.Image


def read_picture(image: Image, who: str) -> tuple[Any, str]:
    """Return the pixels of a picture, and what was done to it beyond reading it.

    Parameters
    ----------
    image : Image
    who : str
        The encoder, for messages.

    Returns
    -------
    PIL.Image.Image, str
        In mode RGB, independent of the file, which is closed again; ``""`` or, for example,
        ``"first of 3 frames"``.

    Raises
    ------
    InputError
        When the file is gone, changed or no picture, or the picture is cut off, empty, too
        large, or has more than 8 bits a channel.
    """
    library = pillow()
    where = f"{who}: the picture {at(image.name)}"
    bombs = (library.DecompressionBombError, library.DecompressionBombWarning)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", library.DecompressionBombWarning)
            if not isinstance(image.source, str | os.PathLike):
                return _upright(image.source, where)
            with open(image.source, "rb") as file:
                _check_unchanged(file, image, where)
                with library.open(file, formats=_formats(library)) as opened:
                    return _upright(opened, where)
    except (EmbiasError, MemoryError):
        raise
    except bombs as error:
        raise InputError(
            f"{where} is too large to be opened safely ({one_line(error)}); make it smaller, or "
            "raise PIL.Image.MAX_IMAGE_PIXELS if you trust it"
        ) from error
    except FileNotFoundError as error:
        raise InputError(f"{where} is not there any more; put the file back") from error
    except PermissionError as error:
        raise InputError(f"{where} cannot be read; check its permissions") from error
    except library.UnidentifiedImageError as error:
        raise InputError(
            f"{where} is not a picture that can be read ({', '.join(_formats(library))}); give "
            "another file"
        ) from error
    except Exception as error:  # the readers of the formats raise many kinds for damaged files
        raise InputError(
            f"{where} is damaged or cut off ({type(error).__name__}: {one_line(error)}); replace "
            "the file"
        ) from error


def _formats(library: Any) -> tuple[str, ...]:
    library.init()
    return tuple(name for name in _FORMATS if name in library.OPEN)


def _check_unchanged(file: BufferedReader, image: Image, where: str) -> None:
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    file.seek(0)
    if image.digest != f"sha256:{digest}":
        raise InputError(
            f"{where} has changed since it was named, and results say which picture was used; "
            "name it anew with Image.from_file, or load the suite anew"
        )


def _upright(opened: Any, where: str) -> tuple[Any, str]:
    from PIL import ImageOps

    if not all(hasattr(opened, name) for name in ("convert", "size", "mode", "getexif")):
        raise InputError(
            f"{where} holds a {type(opened).__name__}; make it with Image.from_file or "
            "Image.from_pillow"
        )
    if not all(opened.size):
        raise InputError(f"{where} has no pixels (size {opened.size}); give another")
    # Pillow cuts every value above 255 off, which would make such a picture white.
    if opened.mode.startswith(("I", "F")):
        raise InputError(
            f"{where} has more than 8 bits a channel (mode {opened.mode}), and how it is to be "
            "scaled is not known; save it with 8 bits"
        )
    remarks = []
    frames = getattr(opened, "n_frames", 1)
    if frames > 1:
        remarks.append(f"first of {frames} frames")
    turned = opened.getexif().get(_ORIENTATION, 1)
    if turned in range(2, 9):
        remarks.append(f"turned upright (EXIF orientation {turned})")
    if opened.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in opened.info:
        remarks.append("transparency dropped")
    return ImageOps.exif_transpose(opened).convert("RGB"), ", ".join(remarks)


def as_pictures_and_texts(items: Sequence[Stimulus], who: str) -> list[str | Image]:
    """Return pictures and whole texts in order; words in context and blank texts are refused."""
    listed = as_items(items, who)
    texts = iter(as_texts([item for item in listed if not isinstance(item, Image)], who))
    return [item if isinstance(item, Image) else next(texts) for item in listed]


def as_pictures(items: Sequence[Stimulus], who: str) -> list[Image]:
    """Return the items, all of which must be pictures."""
    pictures = []
    for item in as_items(items, who):
        if not isinstance(item, Image):
            text = item if isinstance(item, str) else item.text
            raise InputError(
                f"{who}: this encoder takes pictures, not the text {shown(text)}; give "
                "Image.from_file(path) for a file, or use an encoder of texts"
            )
        pictures.append(item)
    return pictures


def describe(processor: Any) -> str:
    """Return everything that happens to a picture before it reaches the model, on one line."""
    settings = {
        name: value
        for name, value in processor.to_dict().items()
        if name not in _NOT_SETTINGS and value is not None
    }
    text = json.dumps(settings, sort_keys=True, default=str)
    return f"{_READING}; {type(processor).__name__} {text}"
