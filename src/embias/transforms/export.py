"""A fitted affine transform as the last module of a sentence-transformers model."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from embias.errors import InputError, OutputError
from embias.stats.inputs import check_choice
from embias.transforms._checks import TransformWarning
from embias.transforms._export_card import Exported, exported_card
from embias.transforms._export_checks import check_map, check_origin, guarantee_of
from embias.transforms._folder import new_folder
from embias.transforms._st_model import (
    describe_model,
    model_of,
    output_dimension,
    place_of_normalize,
    silent,
    with_modules,
)
from embias.transforms.affine_map import AffineMap
from embias.transforms.folding import FoldedAffine, steps_of
from embias.transforms.saving import save_transform
from embias.types import Encoder

__all__ = ["Position", "check_folder", "model_before", "to_sentence_transformer"]

Position: TypeAlias = Literal["end", "before-normalize"]
_POSITIONS = ("end", "before-normalize")
_TRANSFORM = "embias_transform"


def to_sentence_transformer(
    model: Any,
    transform: Any,
    path: str | os.PathLike[str],
    *,
    position: Position | None = None,
    renormalize: bool = False,
    concept: str = "",
    report: str = "",
    overwrite: bool = False,
    force: bool = False,
) -> Path:
    """Save a sentence-transformers model that applies an affine transform to its vectors.

    The map becomes a Dense module with identity activation. The folder loads in plain
    sentence-transformers, without embias, and gives the vectors of ``encoder | transform``, to the
    rounding of float32. Prompts, truncation and similarity of the model are kept; the model that
    is given stays as it is.

    Parameters
    ----------
    model : SentenceTransformer, str, os.PathLike or Encoder
        The model, its folder or hub id, or an encoder of it (:func:`embias.as_encoder`).
    transform : estimator or Pipeline
        Fitted, one affine map of every row (:func:`fold` must make one of a pipeline), on vectors
        of this model.
    path : str or os.PathLike
        The folder to write. Beside the model it holds the transform itself, in float64
        (``embias_transform``, for :func:`load_transform`), and a model card.
    position : {"end", "before-normalize"}, optional
        Must be given for a model that ends in a Normalize module. ``"end"``: after it, for a
        transform that was fitted on the vectors the model gives; what comes out no longer has
        unit length, which users of dot products notice. ``"before-normalize"``: for a transform
        that was fitted on the vectors before it (:func:`model_before`); the scaling to unit
        length comes after the map then, and zero covariance with a concept does not outlive it.
    renormalize : bool
        Scale to unit length once more after the map (``position="end"``). The same remark.
    concept : str
        What was to be removed, for the model card: ``"gender"``.
    report : str
        Markdown for the model card: what was measured before and after.
    overwrite : bool
        Replace a folder that holds a model.
    force : bool
        Also where the transform says that it was fitted with another encoder.

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    InputError
        A transform that is not fitted, not affine, of another dimension, or fitted with another
        encoder; a model that is no SentenceTransformer; no `position` where one is needed.
    OutputError
        When the folder is not empty (without `overwrite`), or cannot be written. Nothing is
        half-written.
    MissingExtraError
        When sentence-transformers is not installed.

    Warns
    -----
    TransformWarning
        When what follows the map breaks what the transform guarantees, or the model works in half
        precision.

    Examples
    --------
    >>> from embias import as_encoder
    >>> from embias.stimuli import load_concept
    >>> from embias.transforms import LEACE
    >>> from embias.transforms.export import to_sentence_transformer
    >>> encoder = as_encoder("minilm")  # doctest: +SKIP
    >>> concept = load_concept("gender").texts()
    >>> eraser = LEACE().fit(encoder.encode(concept.texts), concept.labels)  # doctest: +SKIP
    >>> to_sentence_transformer(encoder, eraser, "erased", position="end")  # doctest: +SKIP
    """
    _check_options(position, renormalize)
    target = _folder_of(path)
    for name, text in (("concept", concept), ("report", report)):
        if not isinstance(text, str):
            raise InputError(f"{name}={text!r:.60}; give a text, empty for none")
    check_folder(target, overwrite=overwrite)
    map_ = check_map(transform)
    inner, encoder = model_of(model)
    _check_input(model, inner, target)
    check_origin(transform, encoder, force)
    place = _place(inner, position, renormalize)
    _check_dimension(inner, encoder, map_)
    after_it = renormalize or place < len(inner)
    broken = guarantee_of(transform).broken_by(unit=after_it, cut=inner.truncate_dim is not None)
    _warn(broken, inner)
    made = with_modules(inner, _modules(inner, map_, place, renormalize))
    facts = Exported(
        transform, map_, concept, describe_model(inner, encoder), _where(place, inner, renormalize)
    )
    card = exported_card(facts, broken, report, getattr(inner, "_model_card_text", None))
    with new_folder(target) as folder, silent():
        made.save(str(folder), create_model_card=False)
        (folder / "README.md").write_text(card, encoding="utf-8")
        save_transform(_savable(transform, map_), folder / _TRANSFORM)
    return target


def model_before(model: Any, position: Position | None) -> Any:
    """Return a model that gives the vectors which a map at `position` will be applied to.

    Parameters
    ----------
    model : SentenceTransformer, str, os.PathLike or Encoder
    position : {"end", "before-normalize"} or None
        As for :func:`to_sentence_transformer`.

    Returns
    -------
    SentenceTransformer
        In all coordinates, whatever the model cuts off at the end, and for
        ``"before-normalize"`` without its Normalize module. Shares its weights with the model,
        which stays as it is.
    """
    _check_options(position, False)
    inner, _ = model_of(model)
    modules = list(inner._modules.items())
    made = with_modules(inner, dict(modules[: _place(inner, position, False)]))
    made.truncate_dim = None
    return made


def _check_options(position: str | None, renormalize: bool) -> None:
    if position is not None:
        check_choice("position", position, _POSITIONS)
    if renormalize and position == "before-normalize":
        raise InputError(
            "renormalize=True is for position='end'; before a Normalize module it scales anyway"
        )


def check_folder(
    path: str | os.PathLike[str], *, overwrite: bool = False, cure: str = "overwrite=True"
) -> None:
    """Raise an OutputError for a folder that a model may not be saved into.

    It may be new or empty, or (`overwrite`) hold a model. Before the work, as far as can be told.

    Parameters
    ----------
    path : str or os.PathLike
    overwrite : bool
    cure : str
        What the caller's user gives to overwrite.
    """
    target = _folder_of(path)
    if "\0" in str(target):
        raise OutputError(f"{str(target)!r:.80}: no name of a folder; leave the null out")
    if not os.path.lexists(target):
        _check_parent(target)
        return
    if not target.is_dir():
        raise OutputError(f"{target}: is a file; give the name of a folder")
    if not any(target.iterdir()):
        return
    if not (target / "modules.json").is_file():
        raise OutputError(
            f"{target}: holds other files than a sentence-transformers model; give the name of a "
            "new folder"
        )
    if not overwrite:
        raise OutputError(f"{target}: holds a model already; {cure} replaces it")


def _folder_of(path: Any) -> Path:
    if not isinstance(path, str | bytes | os.PathLike):
        raise InputError(f"path={path!r:.60}; give the name of a folder")
    return Path(os.fsdecode(path))


def _check_parent(target: Path) -> None:
    """Raise an OutputError where the folder of a new folder cannot be made or written into."""
    place = Path(os.path.realpath(target))
    there = next(parent for parent in place.parents if os.path.lexists(parent))
    if not there.is_dir():
        raise OutputError(f"{target}: {there} is a file; give the name of a folder in a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise OutputError(f"{target}: the folder {there} may not be written to; give another")


def _check_input(given: Any, model: Any, target: Path) -> None:
    """Refuse to write over the folder that the model came from."""
    config = getattr(model, "config", None)
    origins = [str(getattr(config, "_name_or_path", None) or "")]
    if isinstance(given, str | os.PathLike):
        origins.append(os.fsdecode(given))
    # A hub id that is no folder is none of them.
    folders = {os.path.realpath(origin) for origin in origins if os.path.isdir(origin)}
    if os.path.realpath(target) in folders:
        raise OutputError(f"{target}: is the folder of the model itself; give another folder")


def _place(model: Any, position: str | None, renormalize: bool) -> int:
    """Return how many modules come before the map."""
    normalize = place_of_normalize(model)
    if normalize is None:
        if position == "before-normalize":
            raise InputError(
                "the model does not end in a Normalize module, so there is no place before it; "
                "leave position out"
            )
        return len(model)
    if position is None:
        raise InputError(
            "the model ends in a Normalize module: give position='end' (fitted on the vectors the "
            "model gives; they no longer have unit length then), or position='before-normalize' "
            "(fitted on vectors before it, embias.transforms.export.model_before; scaling to "
            "unit length then comes after the map"
            + (", which renormalize asks for too)" if renormalize else ")")
        )
    return normalize if position == "before-normalize" else len(model)


def _check_dimension(model: Any, encoder: Encoder | None, map_: AffineMap) -> None:
    dim = output_dimension(model)
    if map_.n_in == dim:
        return
    cure = "fit it on vectors of this model"
    if map_.n_in in (model.truncate_dim, encoder and encoder.info.truncate_dim):
        cure = (
            "fit it on all coordinates (embias.transforms.export.model_before); those of a model "
            "with a truncate_dim are cut after the map"
        )
    raise InputError(
        f"the transform takes {map_.n_in} coordinates and the model gives {dim} before any are "
        f"cut off; {cure}"
    )


def _warn(broken: Sequence[str], model: Any) -> None:
    for each in broken:
        warnings.warn(each, TransformWarning, stacklevel=3)
    dtype = str(getattr(model, "dtype", None) or "torch.float32").removeprefix("torch.")
    if dtype in ("float16", "bfloat16"):
        warnings.warn(
            f"the model works in {dtype}, and so will the map, to 2 or 3 digits: what was removed "
            "comes back in the rounding. Load the model in float32 for the full effect",
            TransformWarning,
            stacklevel=3,
        )


def _modules(model: Any, map_: AffineMap, place: int, renormalize: bool) -> dict[str, Any]:
    """Return the modules by name; the new ones get names that are free."""
    import torch
    from sentence_transformers.sentence_transformer.modules import Normalize

    named = list(model._modules.items())
    free = (str(i) for i in range(2 * len(named) + 2) if str(i) not in dict(named))
    modules = dict(named[:place])
    modules[next(free)] = _dense(map_).to(device=model.device, dtype=model.dtype or torch.float32)
    modules.update(named[place:])
    if renormalize:
        modules[next(free)] = Normalize()
    return modules


def _dense(map_: AffineMap) -> Any:
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense

    matrix, offset = map_.dense()
    return Dense(
        in_features=map_.n_in,
        out_features=map_.n_out,
        bias=True,
        # The default would squash the vectors.
        activation_function=torch.nn.Identity(),
        init_weight=torch.tensor(matrix, dtype=torch.float32),
        init_bias=torch.tensor(offset, dtype=torch.float32),
    ).eval()


def _where(place: int, model: Any, renormalize: bool) -> str:
    if place < len(model):
        return "before the Normalize module, so that the vectors have unit length"
    if place_of_normalize(model) is None:
        return "after the last module" + (", then Normalize" if renormalize else "")
    if renormalize:
        return "after the Normalize module, and another Normalize after it"
    return "after the Normalize module: the vectors no longer have unit length"


def _savable(transform: Any, map_: AffineMap) -> Any:
    """Return the transform, or what it does where a step of somebody else cannot be saved."""
    from embias.transforms.registry import TRANSFORMS

    ours = {FoldedAffine, *(card.estimator for card in TRANSFORMS.values())}
    steps = steps_of(transform)
    if all(type(step) in ours for step in steps):
        return transform
    return FoldedAffine.of(map_, tuple(type(step).__name__ for step in steps))
