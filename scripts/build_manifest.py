"""Write ``data/MANIFEST.toml``: version, sha256, licence and source of every data file.

A TOML data file names its version, licence and source itself. Any other data file (vectors, a
vocabulary) takes them from the TOML file beside it that has the same name up to the first dot.
README files, Python files and the manifest itself are not listed. The output depends on the files
alone, so that running the script twice gives the same bytes.

``--check`` writes nothing and exits with 1, with one line for each difference, when the manifest
and the files disagree.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data"
MANIFEST = "MANIFEST.toml"
FIELDS = ("version", "sha256", "license", "source")


def data_files(root: Path) -> Iterator[Path]:
    """Yield the data files under the folder, in the order of their relative paths."""
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        parts = path.relative_to(root).parts
        hidden = any(part.startswith((".", "__")) for part in parts)
        listed = path.suffix not in {".md", ".py"} and path != root / MANIFEST
        if path.is_file() and listed and not hidden:
            yield path


def describing(path: Path) -> Path:
    """Return the TOML file that states the source of a data file."""
    if path.suffix == ".toml":
        return path
    beside = path.with_name(path.name.split(".", maxsplit=1)[0] + ".toml")
    if not beside.is_file():
        raise SystemExit(f"{path}: no {beside.name} beside it states its source and licence")
    return beside


def entry(path: Path) -> dict[str, str]:
    """Return the manifest entry of one data file."""
    described = describing(path)
    content = tomllib.loads(described.read_text(encoding="utf-8"))
    try:
        source = content["source"]
        return {
            "version": content["version"],
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "license": source["license"],
            "source": f"{source['paper']}; {source['url']}",
        }
    except KeyError as error:
        raise SystemExit(f"{described}: key {error} is missing") from error


def entries(root: Path) -> dict[str, dict[str, str]]:
    """Return the manifest entries of all data files, by relative path."""
    return {path.relative_to(root).as_posix(): entry(path) for path in data_files(root)}


def render(found: dict[str, dict[str, str]]) -> str:
    """Text of the manifest."""
    blocks = ["# Written by scripts/build_manifest.py; do not edit.\nschema = 1\n"]
    for name, fields in found.items():
        lines = (f"{key} = {json.dumps(fields[key], ensure_ascii=False)}\n" for key in FIELDS)
        blocks.append(f'[files."{name}"]\n' + "".join(lines))
    return "\n".join(blocks)


def differences(root: Path) -> list[str]:
    """One line for each disagreement between the manifest and the files."""
    manifest = root / MANIFEST
    if not manifest.is_file():
        return [f"{MANIFEST}: missing"]
    stated = tomllib.loads(manifest.read_text(encoding="utf-8")).get("files", {})
    found = entries(root)
    lines = []
    for name in sorted(stated.keys() | found.keys()):
        if name not in found:
            lines.append(f"{name}: in the manifest, not in the folder")
        elif name not in stated:
            lines.append(f"{name}: in the folder, not in the manifest")
        else:
            keys = [key for key in FIELDS if stated[name].get(key) != found[name][key]]
            lines += [f"{name}: {', '.join(keys)} differs"] if keys else []
    if not lines and manifest.read_bytes() != render(found).encode():
        lines.append(f"{MANIFEST}: not as the script writes it")
    return lines


def main(argv: list[str] | None = None) -> int:
    """Command line entry point."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=Path, default=DATA, help="the data folder")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    args = parser.parse_args(argv)
    if args.check:
        lines = differences(args.data)
        print("\n".join(lines) or f"{MANIFEST} agrees with the files")
        return 1 if lines else 0
    found = entries(args.data)
    (args.data / MANIFEST).write_bytes(render(found).encode())
    print(f"{len(found)} files")
    return 0


if __name__ == "__main__":
    sys.exit(main())
