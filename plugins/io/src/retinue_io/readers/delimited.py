"""CSV and its relatives, as a stream: one line in memory, one bad record costs one row and not the file."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, TextIO

import msgspec

from retinue_io.encodings import detect_encoding, sample_bytes
from retinue_io.faults import Fault, Invalid, TooLarge
from retinue_io.guard import unguard
from retinue_io.limits import MAX_CELL, MAX_LINE, MAX_RECORD
from retinue_io.readers.base import Reading, Row, check_width, clean_headings, size_of, widen
from retinue_io.readers.dialect import declared_delimiter, guess_dialect

_LOST = "\ufffd"


class DelimitedSource:
    """A text table. Encoding and delimiter are found out unless given; `reading` tells what was used."""

    def __init__(self, stream: BinaryIO, reading: Reading) -> None:
        self._stream = stream
        self._size = size_of(stream)
        self._read = 0
        sample = sample_bytes(stream)
        encoding = reading.encoding or detect_encoding(sample, locale=reading.locale)
        text = _decode(sample, encoding)
        self._skip = 1 if declared_delimiter(text) else 0
        delimiter, quote = guess_dialect(text[:200_000])
        first_line = text.lstrip().partition("\n")[0]
        self._spaced = f"{quote}{delimiter} {quote}" in first_line  # "Name", "City"
        self.reading = msgspec.structs.replace(
            reading,
            kind="csv",
            encoding=encoding,
            delimiter=reading.delimiter or delimiter,
            quote=reading.quote or quote,
        )
        self.headings, self.notices, self._first = self._read_headings()

    def done(self) -> float:
        """Share of the bytes read by the running `rows()`."""
        return min(1.0, self._read / self._size) if self._size else 1.0

    def rows(self) -> Iterator[Row]:
        """Every record after the heading; blank lines count but give no row."""
        headings, width, first = self.headings, len(self.headings), self._first
        for number, cells, fault in self._records():
            if number < first or not cells:
                continue
            if fault is not None:
                yield Row(number, dict(zip(headings, cells + [""] * width, strict=False)), fault)
            elif len(cells) == width:
                yield Row(number, dict(zip(headings, cells, strict=True)))
            else:
                yield widen(headings, cells, number)

    def _read_headings(self) -> tuple[tuple[str, ...], tuple[str, ...], int]:
        for number, cells, fault in self._records():
            if not any(cell.strip() for cell in cells):
                continue
            if fault is not None:
                raise Invalid(f"The heading row {number} cannot be read. {fault.reason}", remedy=fault.remedy)
            check_width(len(cells), number)
            if not self.reading.heading:
                plain = [f"Column {i}" for i in range(1, len(cells) + 1)]
                return tuple(plain), (), number
            names, notices = clean_headings(cells)
            return names, notices, number + 1
        raise Invalid(
            "The file is empty.", remedy="Choose a file with a heading row and at least one row below it."
        )

    def _records(self) -> Iterator[tuple[int, list[str], Fault | None]]:
        """Numbered records; a record that cannot be read is reported and only its first line is given up."""
        self._stream.seek(0)
        text = io.TextIOWrapper(
            io.BufferedReader(Raw(self._stream), 1 << 16), self.reading.encoding, errors="replace", newline=""
        )
        lines = _Lines(text, self._skip)
        guarded, held = self.reading.unguard, lines.held
        parser = self._parser(lines)
        number = 0
        while True:
            number += 1
            fault = None
            try:
                cells = next(parser)
            except StopIteration:
                self._read = self._size
                return
            except csv.Error as error:
                cells, fault = self._broken(lines, number, str(error))
                parser = self._parser(lines)
            if lines.damaged:
                cells = [cell.replace("\0", _LOST) for cell in cells]
                fault = fault or _damage(held, number, self.reading.encoding)
            if guarded and (len(held) > 1 or "'" in held[0]):
                cells = [unguard(cell) for cell in cells]
            lines.number += len(held)
            held.clear()
            if not number % 256:
                self._read = self._stream.tell()
            yield number, cells, fault

    def _parser(self, lines: _Lines) -> Iterator[list[str]]:
        reading = self.reading
        return csv.reader(
            lines.read(),
            delimiter=reading.delimiter,
            quotechar=reading.quote,
            strict=True,
            skipinitialspace=self._spaced,
        )

    def _broken(self, lines: _Lines, number: int, error: str) -> tuple[list[str], Fault]:
        line = lines.give_back()
        reading = self.reading
        lenient = csv.reader([line], delimiter=reading.delimiter, quotechar=reading.quote)
        try:
            cells = next(lenient)
        except (csv.Error, StopIteration):
            cells = [line[:1000]]
        return cells, Fault(number, "", *_explain(error), code="malformed")


class _Lines:
    """Lines of bounded length for the parser; those of a record that fails are handed back and read again."""

    def __init__(self, text: TextIO, skip: int) -> None:
        self._readline = text.readline
        self._back: deque[str] = deque()
        self.held: list[str] = []  # the lines of the record being read
        self.number = 0  # lines of the records before it
        self.damaged = False
        for _ in range(skip):
            self._readline(MAX_LINE)

    def read(self) -> Iterator[str]:
        """The lines from here; ends early when one record grows too long, which the parser takes for an
        open quote.
        """
        back, held, readline = self._back, self.held, self._readline
        while True:
            line = back.popleft() if back else readline(MAX_LINE + 1)
            if not line:
                return
            if not held:
                self.damaged = False
                size = 0
            held.append(line)
            size += len(line)
            if size > MAX_RECORD:
                self._check_line(line)
                return
            if "\0" in line or _LOST in line:
                self.damaged = True
            yield line

    def give_back(self) -> str:
        """Keep the first line as the broken record and read the others again."""
        self._back.extendleft(reversed(self.held[1:]))
        del self.held[1:]
        self.damaged = any("\0" in line or _LOST in line for line in self.held)
        return self.held[0]

    def _check_line(self, line: str) -> None:
        if len(line) > MAX_LINE:
            raise TooLarge(
                f"Line {self.number + len(self.held):,} is longer than {MAX_LINE:,} characters.",
                remedy="Check that this is a table with one contact a line, and that the encoding is right.",
            )


class Raw(io.RawIOBase):
    """The caller's stream for one pass: what wraps it may close this, but never the caller's own."""

    def __init__(self, stream: BinaryIO) -> None:
        self._inner = stream

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed wants its own Buffer
        """Fill the buffer from the caller's stream."""
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)


def _decode(sample: bytes, encoding: str) -> str:
    try:
        return sample.decode(encoding, errors="replace")
    except LookupError as error:
        raise Invalid(
            f"There is no encoding “{encoding}”.", remedy="Choose one of the encodings shown."
        ) from error


def _explain(error: str) -> tuple[str, str]:
    """The parser's words in ours."""
    if "unexpected end" in error or "too long" in error or "limit" in error:
        return (
            f"A quotation mark is opened in this row and not closed within {MAX_CELL:,} characters.",
            "Close it, or write a quotation mark inside a cell twice.",
        )
    if "expected after" in error:
        return (
            "There is text after a closing quotation mark.",
            "Write a quotation mark inside a cell twice, and put the whole cell into quotation marks.",
        )
    return f"The row cannot be split into cells ({error}).", "Look at its quotation marks and line breaks."


def _damage(held: list[str], number: int, encoding: str) -> Fault:
    if any("\0" in line for line in held):
        return Fault(
            number, "", "The row holds NUL bytes.", "Save the file as UTF-8 text without them.", "nul"
        )
    return Fault(
        number,
        "",
        f"The row holds bytes that are no letters in {encoding}.",
        "Choose another encoding, looking at the sample.",
        "encoding",
    )
