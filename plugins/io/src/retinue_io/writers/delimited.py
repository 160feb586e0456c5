"""CSV, formula-safe, one row in memory."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from typing import Any, BinaryIO

from retinue_io.guard import guard
from retinue_io.writers.base import OutColumn, Rows, is_number, to_text


def write_csv(
    stream: BinaryIO,
    columns: Sequence[OutColumn],
    rows: Rows,
    *,
    delimiter: str = ",",
    encoding: str = "utf-8-sig",
) -> int:
    """Write headings and rows; gives the number of rows. The mark at the start tells spreadsheets it is
    UTF-8.
    """
    with TextOver(stream, encoding) as text:
        writer = csv.writer(text, delimiter=delimiter)
        writer.writerow([guard(column.heading) for column in columns])
        keys = [column.key for column in columns]
        count = 0
        for row in rows:
            writer.writerow([safe_cell(row.get(key)) for key in keys])
            count += 1
    return count


def safe_cell(value: Any) -> str:
    """A value as the text of a cell that no spreadsheet program runs."""
    text = to_text(value)
    return text if is_number(value) else guard(text)


class TextOver(io.TextIOWrapper):
    """Text into a binary stream that stays open, and stays the caller's."""

    def __init__(self, stream: BinaryIO, encoding: str) -> None:
        super().__init__(stream, encoding=encoding, newline="", write_through=False)

    def __exit__(self, *exc: object) -> None:
        self.flush()
        self.detach()
