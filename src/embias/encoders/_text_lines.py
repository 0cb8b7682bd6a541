"""Reads a text file in blocks of whole lines, none of which may be endless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from embias.encoders._show import at
from embias.encoders._sources import Source
from embias.encoders._text_rows import is_empty
from embias.errors import DataFileError

#: No row of word vectors is near this; a longer "line" is a file of another kind.
LONGEST_LINE = 1 << 20
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    r"""Whole lines of a file, with their line ends (the last of a file may have none).

    `offset` is the place of the first byte in the file, `number` the number of the first line
    from 1, `last` whether the file ends here.
    """

    offset: int
    number: int
    data: bytes
    last: bool

    def lines(self) -> list[bytes]:
        r"""Return the lines without line end (``\n`` only), one ``\r`` and one trailing space.

        One empty line at the very end of the file is left out.
        """
        lines = self.data.split(b"\n")
        if not lines[-1]:
            lines.pop()
        if self.number == 1:
            lines[0] = lines[0].removeprefix(BOM)
        lines = [line.removesuffix(b"\r").removesuffix(b" ") for line in lines]
        if self.last and self.number + len(lines) > 2 and is_empty(lines[-1]):
            lines.pop()
        return lines

    @property
    def cut(self) -> bool:
        """Whether the file ends in a row without a line end."""
        return self.last and not is_empty(self.data[self.data.rfind(b"\n") + 1 :])


def blocks(source: Source, size: int) -> Iterator[Block]:
    """Yield the whole file in blocks of about `size` bytes.

    Raises
    ------
    DataFileError
        When a line is longer than `LONGEST_LINE` bytes; no more than that is kept of it.
    """
    rest = b""
    offset, number = 0, 1
    data = source.stream.read(size)
    while data:
        following = source.stream.read(size)
        data = rest + data
        stop = data.rfind(b"\n") + 1 if following else len(data)
        rest = data[stop:]
        if stop:
            block = Block(offset, number, data[:stop] if rest else data, not following)
            yield block
            offset += stop
            number += block.data.count(b"\n")
        if len(rest) > LONGEST_LINE + 2:  # with carriage return and trailing space
            refuse_long_line(source.path, number)
        data = following


def refuse_long_line(path: Path, number: int) -> None:
    """Raise the error of a line that is too long to be a row."""
    raise DataFileError(
        f"{at(path)}: line {number}: is longer than {LONGEST_LINE} bytes without a line end, so "
        "it is no row of a word and its numbers; give a text file with one word a line, or the "
        "right format="
    )
