"""XLSX and ODS sheets. The archive is examined first; cells come out as the text a person would type."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import msgspec
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from retinue_io.faults import Invalid
from retinue_io.readers.archive import check_archive
from retinue_io.readers.base import Reading, Row, clean_headings, widen


class SheetSource:
    """One sheet of a workbook: the named one, else the first that is not empty."""

    def __init__(self, stream: BinaryIO, reading: Reading) -> None:
        check_archive(stream, reading.kind)
        self._sheet, name = _open(stream, reading)
        self.reading = msgspec.structs.replace(reading, sheet=name)
        self._height = max(self._sheet.total_height, 1)
        self._read = 0
        self.headings, self.notices, self._first = self._read_headings()

    def done(self) -> float:
        """Share of the rows given out by the running `rows()`."""
        return min(1.0, self._read / self._height)

    def rows(self) -> Iterator[Row]:
        """Every row below the heading that has something in it."""
        headings, width = self.headings, len(self.headings)
        for number, cells in self._records():
            if number < self._first or not any(cells):
                continue
            if len(cells) == width:
                yield Row(number, dict(zip(headings, cells, strict=True)))
            else:
                yield widen(headings, cells, number)

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        for offset, values in enumerate(_guarded(self._sheet), 1):
            self._read = offset
            yield offset, [v if type(v) is str else cell_text(v) for v in values]

    def _read_headings(self) -> tuple[tuple[str, ...], tuple[str, ...], int]:
        for number, cells in self._records():
            if not any(cell.strip() for cell in cells):
                continue
            if not self.reading.heading:
                return tuple(f"Column {i}" for i in range(1, len(cells) + 1)), (), number
            names, notices = clean_headings(cells)
            return names, notices, number + 1
        raise Invalid(
            "The sheet is empty.", remedy="Choose a sheet with a heading row and at least one row below it."
        )


def cell_text(value: Any) -> str:
    """A cell as text: whole numbers without a point, dates as ISO, yes and no as ``true`` and ``false``."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, dt.datetime):
        midnight = value.time() == dt.time.min
        return value.date().isoformat() if midnight else value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    return str(value)


def sheet_names(stream: BinaryIO, kind: str) -> list[str]:
    """Names of the workbook's sheets, for the person to choose from."""
    check_archive(stream, kind)
    return list(_workbook(stream).sheet_names)


def _open(stream: BinaryIO, reading: Reading) -> tuple[CalamineSheet, str]:
    book = _workbook(stream)
    names = list(book.sheet_names)
    if reading.sheet and reading.sheet not in names:
        raise Invalid(
            f"The workbook has no sheet “{reading.sheet}”.", remedy=f"Choose one of: {', '.join(names[:20])}."
        )
    first = None
    for name in [reading.sheet] if reading.sheet else names:
        sheet = _sound(partial(book.get_sheet_by_name, name))
        first = first or (sheet, name)
        if sheet.height:
            return sheet, name
    if first is None:
        raise Invalid("The workbook has no sheet.", remedy="Choose another file.")
    return first


def _workbook(stream: BinaryIO) -> CalamineWorkbook:
    stream.seek(0)
    book: CalamineWorkbook = _sound(lambda: CalamineWorkbook.from_filelike(stream))
    return book


def _guarded(sheet: CalamineSheet) -> Iterator[list[Any]]:
    rows = _sound(sheet.iter_rows)
    while True:
        row = _sound(lambda: next(rows, None))
        if row is None:
            return
        yield row


def _sound(step: Any) -> Any:
    """Run one step of the library; its errors, and a panic of its native part, become one clear message."""
    try:
        return step()
    except (CalamineError, ValueError, OverflowError, OSError) as error:
        raise _unreadable(error) from error
    except BaseException as error:  # a native panic does not derive from Exception; anything else goes on
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(error) from error


def _unreadable(error: BaseException) -> Invalid:
    words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return Invalid(
        f"The sheet cannot be read: {words}.",
        remedy="Open it in the spreadsheet program, save it again, and send it once more.",
        code="damaged",
    )
