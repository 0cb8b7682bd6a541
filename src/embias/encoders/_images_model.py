"""Loads models of pictures, tells them from others, and runs their inputs in batches."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embias.encoders._hub import first_line, not_on_the_hub, refuse_custom_code
from embias.encoders._model_hash import folder_hash
from embias.encoders._names import looks_like_path
from embias.encoders._options import as_path
from embias.encoders._quiet import no_progress_bars, quiet
from embias.encoders._show import at, printable_id, shown
from embias.encoders._tokenizer_check import refuse_made_up
from embias.errors import DataFileError, InputError, MissingExtraError, UnknownNameError

_DTYPES = ("float32", "bfloat16", "float16")
_TEXT_AND_IMAGE = frozenset(
    (
        *("clip", "siglip", "siglip2", "altclip", "align", "chinese_clip", "clipseg"),
        *("metaclip_2", "blip"),
    )
)
_IMAGE_ONLY = frozenset(
    (
        *("vit", "deit", "beit", "data2vec-vision", "vit_msn", "ijepa", "dinov2"),
        *("dinov2_with_registers", "dinov3_vit", "dinov3_convnext", "swin", "swinv2"),
        *("convnext", "convnextv2", "resnet", "regnet", "clip_vision_model"),
        *("siglip_vision_model", "siglip2_vision_model"),
    )
)


def kind_of_folder(folder: str | os.PathLike[str]) -> Literal["image-text", "image"] | None:
    """Tell from its configuration whether the model in a folder takes pictures.

    Parameters
    ----------
    folder : str or path
        A folder that sentence-transformers or transformers wrote.

    Returns
    -------
    {"image-text", "image"} or None
        What :class:`ImageTextEncoder` takes, what :class:`VisionEncoder` takes, or neither.
    """
    root = Path(folder)
    modules = _json(root / "modules.json")
    if isinstance(modules, list) and modules and isinstance(modules[0], dict):
        path = root / str(modules[0].get("path", ""))
        options = _json(path / "sentence_bert_config.json")
        takes = options.get("modality_config") if isinstance(options, dict) else None
        if str(modules[0].get("type", "")).endswith("CLIPModel"):
            return "image-text"
        return "image-text" if isinstance(takes, dict) and {"text", "image"} <= set(takes) else None
    config = _json(root / "config.json")
    model_type = config.get("model_type") if isinstance(config, dict) else None
    if model_type in _TEXT_AND_IMAGE:
        return "image-text"
    return "image" if model_type in _IMAGE_ONLY else None


def _json(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None


@dataclass(frozen=True, slots=True)
class Parts:
    """A transformers model, what goes before it, and where both came from."""

    model: Any
    images: Any
    tokenizer: Any
    name: str
    weights: str | None
    revision: str | None
    missing: tuple[str, ...] = ()


def transformers_package() -> Any:
    """Import transformers (and torch) on first use; it takes seconds."""
    try:
        with quiet():
            import torch  # noqa: F401
            import transformers
    except ImportError as error:
        raise MissingExtraError("an encoder of pictures", "transformers", "contextual") from error
    return transformers


def load(name: str, revision: str | None, dtype: str | None, *, texts: bool) -> Parts:
    """Load a transformers model from a folder or by its hub id, without running its code.

    Parameters
    ----------
    name : str
    revision : str or None
        Of a hub id: what to load; of a folder: what to record.
    dtype : {"float32", "bfloat16", "float16"} or None
        float32 if None, whatever type the weights are stored in.
    texts : bool
        Whether to load the tokenizer too.

    Raises
    ------
    UnknownNameError, DataFileError, InputError
        No such model, a folder that cannot be loaded, code of its own.
    """
    folder = as_path(name, "model")
    local = os.path.isdir(folder)
    if not local and os.path.exists(folder):
        raise InputError(f"{at(name)}: is a file, a model of pictures is a folder; give the folder")
    if not local and looks_like_path(name):
        raise UnknownNameError(
            f"no model {shown(name)}: no such folder, and it is not the form of a hub id; check "
            "the path"
        )
    if local and not (folder / "config.json").is_file():
        raise DataFileError(
            f"{at(folder)}: the folder is not a model (no config.json in it); give the folder that "
            "model.save_pretrained(...) wrote"
        )
    transformers_package()
    where = str(folder) if local else name
    try:
        parts = _construct(where, None if local else revision, dtype or "float32", texts=texts)
    except MemoryError:
        raise
    except Exception as error:  # damaged files show as any of the libraries' errors
        refuse_custom_code(where, error)
        if not local:
            raise not_on_the_hub(name, error) from error
        raise DataFileError(
            f"{at(folder)}: the model in this folder cannot be loaded as one of pictures "
            f"({first_line(error)}); save model and processor anew with save_pretrained(...)"
        ) from error
    model, images, tokenizer, missing = parts
    refuse_made_up(tokenizer, where, folder if local else None)
    commit = getattr(model.config, "_commit_hash", None)
    return Parts(
        model,
        images,
        tokenizer,
        name=printable_id(folder.resolve().name) if local else name,
        weights=None if local else name,
        revision=(revision or folder_hash(folder)) if local else commit or revision,
        missing=missing,
    )


def _construct(
    where: str, revision: str | None, dtype: str, *, texts: bool
) -> tuple[Any, Any, Any, tuple[str, ...]]:
    import torch

    # Their loaders are not typed.
    library: Any = transformers_package()
    options = {"revision": revision, "trust_remote_code": False}
    with quiet(), no_progress_bars():
        # Always by Pillow: torchvision, where it happens to be installed, resizes differently.
        images = library.AutoImageProcessor.from_pretrained(where, backend="pil", **options)
        tokenizer = library.AutoTokenizer.from_pretrained(where, **options) if texts else None
        model, report = library.AutoModel.from_pretrained(
            where, dtype=getattr(torch, dtype), output_loading_info=True, **options
        )
    return model, images, tokenizer, tuple(sorted(report["missing_keys"]))


def refuse_random_weights(parts: Parts, *, allowed: tuple[str, ...] = ()) -> None:
    """Refuse a model some of whose weights were not in its files and are random therefore."""
    missing = [name for name in parts.missing if not name.startswith(allowed)]
    if missing:
        raise DataFileError(
            f"{at(parts.name)}: the files of this model lack the weights {shown(missing[0])}"
            f"{f' and {len(missing) - 1} more' if len(missing) > 1 else ''}, which would be "
            "random; give a model that has them, or use another pooling"
        )


def split(model: Any, processor: Any) -> tuple[Any, Any]:
    """Return model and processor of ``(processor, model)``, or of both given apart."""
    if isinstance(model, tuple) and len(model) == 2 and processor is None:
        return model[1], model[0]
    return model, processor


def check_dtype(dtype: object) -> None:
    """Refuse a number type that is not one of those that models run in."""
    if dtype is not None and dtype not in _DTYPES:
        raise InputError(f"dtype must be one of {', '.join(_DTYPES)} or None, got {shown(dtype)}")


def place(model: Any, device: str | None, *, loaded: bool) -> Any:
    """Return the model in evaluation mode on its device; an object stays where it is."""
    import torch

    if device is None and loaded:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device is not None:
        try:
            model = model.to(device)
        except (RuntimeError, AssertionError, TypeError) as error:
            raise InputError(
                f"device={shown(device)} cannot be used ({first_line(error)}); give 'cpu', or "
                "'cuda' where there is a GPU"
            ) from error
    return model.eval()


def dtype_of(model: Any) -> str:
    """Return the number type of the model's arithmetic."""
    return str(model.dtype).removeprefix("torch.")


def on_model(inputs: Mapping[str, Any], model: Any) -> dict[str, Any]:
    """Return tensors on the device of the model, floats in its number type."""
    return {
        name: value.to(model.device, model.dtype if value.is_floating_point() else None)
        for name, value in inputs.items()
    }


def pixel_batches(
    processor: Any, pictures: Iterable[Any]
) -> list[tuple[list[int], dict[str, Any]]]:
    """Return the inputs of pictures, those of one size together, with their positions."""
    import torch

    groups: dict[tuple[object, ...], tuple[list[int], list[dict[str, Any]]]] = {}
    for position, picture in enumerate(pictures):
        with quiet():
            # One by one, so that a picture of another size cannot break the batch.
            inputs = dict(processor(images=picture, return_tensors="pt"))
        shape = tuple((name, tuple(value.shape)) for name, value in inputs.items())
        positions, members = groups.setdefault(shape, ([], []))
        positions.append(position)
        members.append(inputs)
    return [
        (positions, {name: torch.cat([each[name] for each in members]) for name in members[0]})
        for positions, members in groups.values()
    ]


def as_array(rows: Any) -> NDArray[np.float32]:
    """Return a tensor as a float32 array."""
    return np.asarray(rows.detach().float().cpu().numpy(), dtype=np.float32)
