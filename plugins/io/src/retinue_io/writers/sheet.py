"""XLSX in constant memory: texts are written as texts, so no cell can become a formula or lose its plus
sign.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any, BinaryIO

import xlsxwriter

from retinue_io.faults import TooLarge
from retinue_io.limits import MAX_SHEET_ROWS_OUT, MAX_SHEET_TEXT_OUT
from retinue_io.writers.base import OutColumn, Rows, is_number, to_text

_OPTIONS = {
    "constant_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
    "default_date_format": "yyyy-mm-dd",
}
_EXACT = 2**53  # larger whole numbers lose digits in a spreadsheet


def write_xlsx(stream: BinaryIO, columns: Sequence[OutColumn], rows: Rows, *, title: str = "Contacts") -> int:
    """Write headings and rows, and a further sheet where one is full; gives the number of rows."""
    book = xlsxwriter.Workbook(stream, _OPTIONS)
    try:
        bold = book.add_format({"bold": True})
        keys = [column.key for column in columns]
        sheet, line, count, sheets = None, MAX_SHEET_ROWS_OUT, 0, 0
        for count, row in enumerate(rows, 1):
            if line >= MAX_SHEET_ROWS_OUT:
                sheets += 1
                sheet, line = _sheet(book, columns, bold, title if sheets == 1 else f"{title} {sheets}"), 1
            for position, key in enumerate(keys):
                _write_cell(sheet, (line, position), row.get(key), count)
            line += 1
        if sheet is None:
            _sheet(book, columns, bold, title)
    finally:
        book.close()
    return count


def _sheet(book: Any, columns: Sequence[OutColumn], bold: Any, title: str) -> Any:
    sheet = book.add_worksheet(title[:31])
    sheet.freeze_panes(1, 0)
    for position, column in enumerate(columns):
        sheet.write_string(0, position, column.heading, bold)
    return sheet


def _write_cell(sheet: Any, place: tuple[int, int], value: Any, row: int) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        sheet.write_boolean(*place, value)
    elif is_number(value) and abs(value) < _EXACT:
        sheet.write_number(*place, value)
    elif isinstance(value, dt.date) and not isinstance(value, dt.datetime) and value.year >= 1900:
        sheet.write_datetime(*place, value)
    else:
        text = to_text(value)
        if len(text) > MAX_SHEET_TEXT_OUT:
            raise TooLarge(
                f"Row {row} has a text of {len(text):,} characters; a cell holds {MAX_SHEET_TEXT_OUT:,}.",
                remedy="Export as CSV or JSON Lines, or leave that column out.",
            )
        sheet.write_string(*place, text)
