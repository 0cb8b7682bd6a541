"""Reads a text file in blocks of whole lines, none of which may be endless."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from embias.encoders._show import at
from embias.encoders._sources import Source
from embias.encoders._text_rows import is_empty
from embias.errors import DataFileError

#: No row of word vectors is near this; a longer "line" is a file of another kind.
LONGEST_LINE = 1 << 20
#: The layout is told from the first block, by a full load and by a scan alike.
_FIRST_BYTES = 1 << 22
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Block:
    r"""Whole lines of a file, with their line ends (the last of a file may have none).

    They are ``data[start:stop]``. `offset` is the place in the file of ``data[start]``, `last`
    whether the file ends here.
    """

    offset: int
    data: bytes
    start: int
    stop: int
    last: bool

    def head(self, count: int) -> list[bytes]:
        """Return the first lines as `lines` does, without splitting the others."""
        end = self.start
        for _ in range(count):
            end = self.data.find(b"\n", end, self.stop) + 1
            if not end:
                return self.lines()
        last = self.last and end == self.stop
        return replace(self, stop=end, last=last).lines()

    def lines(self) -> list[bytes]:
        r"""Return the lines without line end (``\n`` only), one ``\r`` and one trailing space.

        One empty line at the very end of the file is left out.
        """
        lines = self.data[self.start : self.stop].split(b"\n")
        if not lines[-1]:
            lines.pop()
        if self.offset == 0:
            lines[0] = lines[0].removeprefix(BOM)
        lines = [line.removesuffix(b"\r").removesuffix(b" ") for line in lines]
        if self.last and (self.offset or len(lines) > 1) and is_empty(lines[-1]):
            lines.pop()
        return lines

    @property
    def cut(self) -> bool:
        """Whether the file ends in a row without a line end."""
        if not self.last:
            return False
        end = max(self.data.rfind(b"\n", self.start, self.stop) + 1, self.start)
        return not is_empty(self.data[end : self.stop])


def blocks(source: Source, size: int) -> Iterator[Block]:
    """Yield the whole file in blocks of about `size` bytes; the first is larger where that helps.

    Of a line longer than `LONGEST_LINE` bytes no more is read than shows that it is, and no block
    follows the one that ends in it; who reads the lines must refuse it (`refuse_long_line`).
    """
    rest = b""
    offset = 0
    data = source.stream.read(max(size, _FIRST_BYTES))
    while data:
        following = source.stream.read(size)
        # Only the line that two reads share is copied: copying all would take longer than a scan.
        start = 0
        if rest:
            start = (data.find(b"\n") + 1) or len(data)
            rest += data[:start]
            if rest.endswith(b"\n") or not following:
                yield Block(offset, rest, 0, len(rest), not following and start == len(data))
                offset, rest = offset + len(rest), b""
        stop = max(start, data.rfind(b"\n") + 1) if following else len(data)
        if stop > start:
            yield Block(offset, data, start, stop, not following)
            offset += stop - start
        rest += data[stop:]
        if len(rest) > LONGEST_LINE + 2:  # with carriage return and trailing space
            yield Block(offset, rest, 0, len(rest), True)
            return
        data = following


def refuse_long_line(path: Path, number: int) -> None:
    """Raise the error of a line that is too long to be a row."""
    raise DataFileError(
        f"{at(path)}: line {number}: is longer than {LONGEST_LINE} bytes without a line end, so "
        "it is no row of a word and its numbers; give a text file with one word a line, or the "
        "right format="
    )
