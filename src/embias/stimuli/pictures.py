"""Tests made of pictures: sets of files, and words beside them."""

from __future__ import annotations

import glob
import os
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from embias.errors import InputError
from embias.results import Published
from embias.stimuli.templates import BARE
from embias.stimuli.values import AssociationTest, Source, WordSet, check_name
from embias.types import Image

__all__ = ["ImageSet", "find_pictures", "image_set", "image_test"]

#: What counts as a picture in a folder that also holds other files.
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".jp2", ".avif", ".ico"),
)


@dataclass(frozen=True, slots=True)
class ImageSet:
    """A named set of pictures (and words): every picture is one unit of a test.

    Attributes
    ----------
    words : WordSet
        Names of the pictures, and the words.
    images : dict of str to tuple of Image
        Name to picture; what is a word is not in it.
    """

    words: WordSet
    images: Mapping[str, tuple[Image, ...]]

    def __len__(self) -> int:
        return len(self.words)


def image_set(
    name: str, pictures: str | os.PathLike[str] | Iterable[str | os.PathLike[str] | Image]
) -> ImageSet:
    """Make a set of pictures.

    Parameters
    ----------
    name : str
        Name of the set, as it appears in results.
    pictures : path, or iterable of path or Image
        A folder, of which all pictures (by their suffix, not those of folders in it) are taken
        in the order of their names; or files and :class:`~embias.types.Image`, in their order.

    Returns
    -------
    ImageSet
        A picture is called ``"SET/FILE"``, with as much of its folder as tells it from others. A
        picture given twice, under whatever name, is kept once, with a warning.

    Raises
    ------
    InputError
        When there is no picture, no such file, or two pictures have one name.
    """
    check_name("set of pictures", name)
    if isinstance(pictures, str | os.PathLike):
        pictures = [Path(pictures)]
    elif isinstance(pictures, Image | Mapping) or not isinstance(pictures, Iterable):
        raise InputError(
            f"set {name!r}: pictures is a {type(pictures).__name__}; give a folder or a list of "
            "files"
        )
    return _collected(name, [p if isinstance(p, Image) else _as_path(name, p) for p in pictures])


def image_test(
    name: str,
    *,
    targets: Mapping[str, Any] | Sequence[ImageSet | WordSet],
    attributes: Mapping[str, Any] | Sequence[ImageSet | WordSet],
    templates: tuple[str, ...] = (BARE,),
    source: Source | None = None,
    published: tuple[Published, ...] = (),
    note: str = "",
) -> AssociationTest:
    """Make an association test whose targets or attributes are pictures (iEAT).

    Parameters
    ----------
    name : str
        Name of the test.
    targets : mapping of str to list, or two sets
        X and Y: name of the set to what is in it. A ``pathlib.Path`` is a file, or a folder of
        pictures; an :class:`~embias.types.Image` is a picture; a ``str`` is a word. In place of a
        mapping: two of :class:`ImageSet` and :class:`~embias.stimuli.WordSet`.
    attributes : mapping of str to list, or two sets
        A and B, in the same way.
    templates : tuple of str
        Words (not pictures) are put into each of them.
    source, published, note
        As for :class:`~embias.stimuli.AssociationTest`.

    Returns
    -------
    AssociationTest
        Every picture is one unit: the permutation test relabels pictures.

    Raises
    ------
    InputError
        When a set is empty, a file is not there, or a text looks like the name of a file.

    References
    ----------
    Steed & Caliskan (2021), Image Representations Learned With Unsupervised Pre-Training Contain
    Human-like Biases.
    """
    check_name("test", name)
    images: dict[str, tuple[Image, ...]] = {}
    pairs = []
    for kind, given in (("targets", targets), ("attributes", attributes)):
        sets = _sets(name, kind, given)
        pairs.append((sets[0].words, sets[1].words))
        for each in sets:
            for word, pictures in each.images.items():
                if images.setdefault(word, pictures) != pictures:
                    raise InputError(
                        f"test {name!r}: two pictures are called {word!r:.80}; rename a set"
                    )
    return AssociationTest(
        name, pairs[0], pairs[1], templates, source, published=published, note=note, images=images
    )


def _sets(test: str, kind: str, given: Any) -> list[ImageSet]:
    if isinstance(given, Mapping):
        sets = [_mixed(name, values) for name, values in given.items()]
    elif isinstance(given, list | tuple):
        sets = [ImageSet(each, {}) if isinstance(each, WordSet) else each for each in given]
    else:
        sets = []
    if len(sets) != 2 or not all(isinstance(each, ImageSet) for each in sets):
        raise InputError(
            f"test {test!r}: {kind} must be two sets; give {{'Name': [...], 'Other name': [...]}}"
        )
    return sets


def _mixed(name: str, values: Any) -> ImageSet:
    check_name("set", name)
    if isinstance(values, os.PathLike):
        return image_set(name, values)
    if isinstance(values, str | Image | Mapping) or not isinstance(values, Iterable):
        raise InputError(
            f"set {name!r}: {values!r:.60} is not a list; give [...], or pathlib.Path(...) for a "
            "folder of pictures"
        )
    listed = list(values)
    for value in listed:
        if isinstance(value, str) and value.lower().endswith(SUFFIXES):
            raise InputError(
                f"set {name!r}: {value!r:.80} is a word here; write pathlib.Path({value!r:.80}) "
                "for the file"
            )
        if not isinstance(value, str | os.PathLike | Image):
            raise InputError(
                f"set {name!r}: {value!r:.60} is neither a word, a pathlib.Path nor an Image"
            )
    return _collected(
        name, [v if isinstance(v, str | Image) else _as_path(name, v) for v in listed]
    )


def _as_path(name: str, value: object) -> Path:
    if not isinstance(value, str | os.PathLike):
        raise InputError(f"set {name!r}: {value!r:.60} is neither a path nor an Image")
    return Path(os.fsdecode(value))


def _collected(name: str, entries: list[str | Path | Image]) -> ImageSet:
    """Return a set of words, files, folders and pictures, in order."""
    opened = [entry for given in entries for entry in _opened(name, given)]
    if not opened:
        raise InputError(f"set {name!r} is empty; give at least one picture")
    files = [entry for entry in opened if isinstance(entry, Path)]
    root = os.path.commonpath([file.absolute().parent for file in files]) if files else ""
    words: list[str] = []
    images: dict[str, tuple[Image, ...]] = {}
    first: dict[Image, str] = {}
    for entry in opened:
        if isinstance(entry, str):
            words.append(entry)
            continue
        if isinstance(entry, Image):
            picture, label = entry, _label(entry)
        else:
            picture, label = Image.from_file(entry), entry.absolute().relative_to(root).as_posix()
        word = f"{name}/{printable_name(label)}"
        if picture in first:
            warnings.warn(
                f"set {name!r}: {word!r} is the same picture as {first[picture]!r}; it is kept "
                "once",
                stacklevel=4,
            )
            continue
        if word in images:
            raise InputError(f"set {name!r}: two pictures are called {word!r}; rename one")
        first[picture] = word
        images[word] = (picture,)
        words.append(word)
    return ImageSet(WordSet(name, words), images)


def _opened(name: str, entry: str | Path | Image) -> list[str | Path | Image]:
    if not isinstance(entry, Path) or not os.path.isdir(entry):
        return [entry]
    found = _in_folder(entry)
    if not found:
        raise InputError(
            f"set {name!r}: the folder {str(entry)!r:.200} has no picture "
            f"({', '.join(SUFFIXES)}); give another"
        )
    return list(found)


def _in_folder(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = sorted(
            entry.name
            for entry in entries
            if entry.name.lower().endswith(SUFFIXES)
            and not entry.name.startswith(".")
            and entry.is_file()
        )
    return [folder / name for name in names]


def _label(image: Image) -> str:
    # Results do not show where on this machine a file lies.
    return PurePath(image.name).name if isinstance(image.source, os.PathLike) else image.name


def printable_name(name: str) -> str:
    r"""Return a name of a file as text: bytes that are not UTF-8 become ``\x..``."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def find_pictures(root: Path, pattern: str) -> list[str]:
    """Return the files that a pattern means, by their names from `root` on, sorted.

    Parameters
    ----------
    root : pathlib.Path
        Where the pattern starts.
    pattern : str
        A file, a folder (its pictures, by suffix), or a pattern with ``*``, ``?``, ``[...]`` or
        ``**`` (folders at any depth).

    Returns
    -------
    list of str
        Relative names, with ``/`` between the parts.

    Raises
    ------
    InputError
        When the pattern is absolute, or nothing is found.
    """
    if os.path.isabs(pattern) or PurePath(pattern).drive or pattern.startswith("~"):
        raise InputError(f"{pattern!r:.200} must be relative to the folder of this file")
    if "\0" in pattern:
        raise InputError(f"{pattern!r:.200} holds a NUL character, which no file has in its name")
    place = root / pattern
    if os.path.isfile(place):
        found = [place]
    elif os.path.isdir(place):
        found = _in_folder(place)
    else:
        names = glob.glob(pattern, root_dir=root, recursive=True)
        found = [root / name for name in sorted(names) if os.path.isfile(root / name)]
    if not found:
        what = "folder without pictures" if os.path.isdir(place) else "file or folder"
        missing = "is a" if os.path.isdir(place) else "matches no"
        raise InputError(f"{pattern!r:.200} {missing} {what} (looked in {str(root)!r:.200})")
    return sorted({PurePath(os.path.relpath(each, root)).as_posix() for each in found})
