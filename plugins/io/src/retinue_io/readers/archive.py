"""A look into XLSX and ODS files before anything unpacks them: bombs, tricks and damage are refused here.

Only the directory of the archive is trusted for the first refusal; then every part that matters is unpacked
once as a stream (the checksum proves its true size) and its XML is looked over: no document type, no
foreign encoding, and a used rectangle that fits into memory.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from retinue_io.faults import Invalid, TooLarge
from retinue_io.limits import (
    CELL_ROOM,
    FILLED_ROOM,
    MAX_ARCHIVE_ENTRIES,
    MAX_RATIO,
    MAX_SHARED_TEXT,
    MAX_SHEET_MEMORY,
    MAX_UNPACKED,
    RATIO_FREE,
)

_CHUNK = 1 << 18
_MANIFEST = "META-INF/manifest.xml"
_PICTURES = ("xl/media/", "Pictures/", "Thumbnails/", "docProps/thumbnail")
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_DAMAGED = "Open it in the spreadsheet program, save it again, and send it once more."
_TOO_BIG = "Save the sheet as CSV: a CSV file may be of any size."
_CELL = re.compile(rb"<(?:\w+:)?c\s[^>]*?\br\s*=\s*[\"']([A-Z]{1,4})(\d{1,8})[\"']")
_ROW = re.compile(rb"<(?:\w+:)?row\s[^>]*?\br\s*=\s*[\"'](\d{1,8})[\"']")
_TAG = re.compile(rb"<(?:\w+:)?(c|row)[\s/>]")
_REPEAT = re.compile(rb"number-(columns|rows)-repeated\s*=\s*[\"'](\d{1,9})[\"']")
_ODS_TAG = re.compile(
    rb"<(/?)table:(table-row|table-cell|covered-table-cell|table)\b([^>]*?)(/?)>|<text:(?:p|h)[\s>/]"
)
_ODS_VALUE = re.compile(rb"office:(?:value|date-value|time-value|boolean-value|string-value)=")


def check_archive(stream: BinaryIO, kind: str) -> None:
    """Raise TooLarge or Invalid unless this is a sound `xlsx` or `ods` file of bearable size."""
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            _check_directory(entries)
            names = {entry.filename for entry in entries}
            _check_kind(archive, names, kind)
            for entry in entries:
                _check_part(archive, entry, kind)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, RuntimeError) as error:
        raise Invalid(
            f"The {kind.upper()} file is damaged or was cut off: {error}.", remedy=_DAMAGED, code="damaged"
        ) from error
    stream.seek(0)


def _check_directory(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > MAX_ARCHIVE_ENTRIES:
        raise TooLarge(
            f"The file holds {len(entries):,} parts; at most {MAX_ARCHIVE_ENTRIES:,} are opened.",
            remedy=_TOO_BIG,
        )
    total = sum(entry.file_size for entry in entries)
    if total > MAX_UNPACKED:
        raise TooLarge(
            f"Unpacked, the file would take {total / 1e6:,.0f} MB; "
            f"at most {MAX_UNPACKED / 1e6:,.0f} MB are opened.",
            remedy=_TOO_BIG,
        )
    for entry in entries:
        if entry.flag_bits & 1:
            raise Invalid("The file is protected by a password.", remedy="Save it without a password.")
        if entry.file_size > RATIO_FREE and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise TooLarge(
                f"A part of the file grows more than {MAX_RATIO} times when unpacked; no sheet does.",
                remedy=_TOO_BIG,
            )


def _check_kind(archive: zipfile.ZipFile, names: set[str], kind: str) -> None:
    if kind == "xlsx" and "xl/workbook.xml" not in names and "[Content_Types].xml" not in names:
        raise Invalid(
            "The file is a ZIP archive, but no XLSX workbook.", remedy="Unpack it and send the sheet itself."
        )
    if kind == "ods":
        if "content.xml" not in names:
            raise Invalid(
                "The file is a ZIP archive, but no ODS sheet.", remedy="Unpack it and send the sheet itself."
            )
        manifest = archive.getinfo(_MANIFEST) if _MANIFEST in names else None
        if manifest and manifest.file_size < _CHUNK * 4 and b"encryption-data" in archive.read(_MANIFEST):
            raise Invalid("The file is protected by a password.", remedy="Save it without a password.")


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, kind: str) -> None:
    """Unpack one part as a stream. Every part is looked over: the workbook may call any of them its sheet."""
    chunks = _chunks(archive, entry)
    if kind == "xlsx":
        if entry.filename.endswith("sharedStrings.xml") and entry.file_size > MAX_SHARED_TEXT:
            raise TooLarge(
                f"The texts of the workbook take {entry.file_size / 1e6:,.0f} MB; "
                f"at most {MAX_SHARED_TEXT / 1e6:,.0f} MB are opened.",
                remedy=_TOO_BIG,
            )
        _check_room(*_used_xlsx(chunks))
    else:
        rows, columns = _used_ods(chunks)
        _check_room(rows, columns, rows * columns)


def _chunks(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The part as a stream that never cuts a tag, looked over for entity tricks unless it is a picture."""
    picture = entry.filename.startswith(_PICTURES)
    with archive.open(entry) as part:
        first, tail = True, b""
        while block := part.read(_CHUNK):
            if first and not picture and (block[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in block[:200]):
                raise Invalid(
                    "The sheet's XML is written in an unusual encoding.", remedy=_DAMAGED, code="unsafe-xml"
                )
            first = False
            if not picture and _DECLARATION.search(tail[-20:] + block):
                raise Invalid(
                    "The sheet's XML declares entities, which no spreadsheet program does.",
                    remedy=_DAMAGED,
                    code="unsafe-xml",
                )
            text = tail + block
            cut = text.rfind(b"<")
            if cut < 0 or len(text) - cut > _CHUNK:
                cut = len(text)
            tail = text[cut:]
            yield text[:cut]
        yield tail


def _used_xlsx(chunks: Iterator[bytes]) -> tuple[int, int, int]:
    """Last row and last column that carry a cell, and the number of cells.

    Rows and cells without a reference count as they come.
    """
    last_row = counted_rows = in_row = widest = filled = 0
    columns: set[bytes] = set()
    for chunk in chunks:
        cells = _CELL.findall(chunk)
        rows = _ROW.findall(chunk)
        filled += len(cells)
        columns.update(letters for letters, _ in cells)
        last_row = max(
            last_row, max(map(int, rows), default=0), max((int(row) for _, row in cells), default=0)
        )
        if in_row or widest or len(_TAG.findall(chunk)) > len(cells) + len(rows):
            for kind in _TAG.findall(chunk):
                counted_rows, in_row = (counted_rows + 1, 0) if kind == b"row" else (counted_rows, in_row + 1)
                widest = max(widest, in_row)
                filled += kind == b"c"
        else:
            counted_rows += len(rows)
    last_column = max((_column_number(letters) for letters in columns), default=0)
    return max(last_row, counted_rows), max(last_column, widest), filled


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _used_ods(chunks: Iterator[bytes]) -> tuple[int, int]:
    """Rows and columns of the largest table as the repeats spell them out, without the empty end."""
    rows = width = waiting = column = last = repeat = 0
    best = (0, 0)
    pending = 0  # columns of the cell just opened, counted once it shows a value
    for chunk in chunks:
        for match in _ODS_TAG.finditer(chunk):
            closing, tag, attributes, _ = match.groups()
            if tag is None:
                last, pending = max(last, pending), 0
            elif tag == b"table":
                best = max(best, (rows, width), key=lambda size: size[0] * size[1])
                rows = width = waiting = 0
            elif tag == b"table-row" and not closing:
                repeat, column, last, pending = _repeated(attributes, b"rows"), 0, 0, 0
                waiting += repeat
            elif tag == b"table-row":
                if last:
                    rows, waiting, width = rows + waiting, 0, max(width, last)
            elif not closing:
                column += _repeated(attributes, b"columns")
                pending = column
                if _ODS_VALUE.search(attributes):
                    last = max(last, column)
    return max(best, (rows, width), key=lambda size: size[0] * size[1])


def _repeated(attributes: bytes, what: bytes) -> int:
    return next((int(n) for kind, n in _REPEAT.findall(attributes) if kind == what), 1)


def _check_room(rows: int, columns: int, filled: int) -> None:
    room = rows * columns * CELL_ROOM + filled * FILLED_ROOM
    if room > MAX_SHEET_MEMORY:
        raise TooLarge(
            f"The sheet spans {rows:,} rows and {columns:,} columns and would take {room / 1e6:,.0f} MB; "
            f"at most {MAX_SHEET_MEMORY / 1e6:,.0f} MB are given to one sheet.",
            remedy=f"Delete stray cells far right or far below. {_TOO_BIG}",
        )
