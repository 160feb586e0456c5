"""Opening a file for import: its kind is told by its first bytes, and its name must agree with them."""

from __future__ import annotations

from pathlib import PurePath
from typing import BinaryIO

import msgspec

from retinue_io.faults import Invalid
from retinue_io.readers.base import Reading, Row, Source, size_of
from retinue_io.readers.delimited import DelimitedSource
from retinue_io.readers.sheet import SheetSource, cell_text, sheet_names
from retinue_io.readers.vcard import CardSource

__all__ = ["Reading", "Row", "Source", "cell_text", "detect_kind", "open_source", "sheet_names"]

_KIND_OF_SUFFIX = {
    ".csv": "csv",
    ".tsv": "csv",
    ".tab": "csv",
    ".txt": "csv",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
    ".ods": "ods",
    ".vcf": "vcard",
    ".vcard": "vcard",
}
_ACCEPTED = "CSV, XLSX, ODS and vCard files can be imported."
_FOREIGN = (
    (
        b"\xd0\xcf\x11\xe0",
        "an old XLS workbook or one with a password",
        "Save it as XLSX without a password.",
    ),
    (b"%PDF", "a PDF document", _ACCEPTED),
    (b"\x89PNG", "a picture", _ACCEPTED),
    (b"\xff\xd8\xff", "a picture", _ACCEPTED),
    (b"GIF8", "a picture", _ACCEPTED),
    (b"\x1f\x8b", "compressed", "Unpack it first."),
    (b"7z\xbc\xaf", "compressed", "Unpack it first."),
    (b"Rar!", "compressed", "Unpack it first."),
    (b"BZh", "compressed", "Unpack it first."),
    (b"\x7fELF", "a program", _ACCEPTED),
    (b"SQLite format 3", "a database", _ACCEPTED),
    (b"{\\rtf", "a text document", _ACCEPTED),
)
_NAMES = {"csv": "CSV", "xlsx": "XLSX", "ods": "ODS", "vcard": "vCard"}


def open_source(stream: BinaryIO, filename: str = "", reading: Reading | None = None) -> Source:
    """Open a seekable binary stream for reading rows; raises Invalid or TooLarge with what to do."""
    reading = reading or Reading()
    kind = detect_kind(stream, filename)
    if reading.kind and reading.kind != kind:
        raise Invalid(
            f"The file is {_NAMES[kind]}, not {_NAMES.get(reading.kind, reading.kind)}.",
            remedy="Choose the right kind.",
        )
    reading = msgspec.structs.replace(reading, kind=kind)
    if kind in ("xlsx", "ods"):
        return SheetSource(stream, reading)
    if kind == "vcard":
        return CardSource(stream, reading)
    return DelimitedSource(stream, reading)


def detect_kind(stream: BinaryIO, filename: str = "") -> str:
    """``csv``, ``xlsx``, ``ods`` or ``vcard`` by the first bytes; Invalid when they and the file's name
    disagree.
    """
    if not size_of(stream):
        raise Invalid(
            "The file is empty.", remedy="Choose a file with a heading row and at least one row below it."
        )
    head = stream.read(4096)
    stream.seek(0)
    for magic, what, remedy in _FOREIGN:
        if head.startswith(magic):
            raise Invalid(f"The file is {what}.", remedy=remedy, code="wrong-kind")
    suffix = PurePath(filename).suffix.lower()
    named = _KIND_OF_SUFFIX.get(suffix, "")
    kind = _kind_by_bytes(head)
    if named and named != kind and not (named == "ods" and kind == "xlsx"):
        raise Invalid(
            f"The file is named “{suffix}”, but what it holds is {_NAMES[kind]}.",
            remedy=f"Give it the ending that fits, or save it as {_NAMES[named]} again.",
            code="wrong-kind",
        )
    return named or kind


def _kind_by_bytes(head: bytes) -> str:
    if head.startswith(b"PK"):
        return "ods" if b"opendocument.spreadsheet" in head[:200] else "xlsx"
    text = head.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").replace(b"\0", b"")[:200].upper()
    if text.startswith(b"BEGIN:VCARD"):
        return "vcard"
    if text.startswith((b"<!DOCTYPE", b"<HTML", b"<?XML", b"<TABLE")):
        raise Invalid(
            "The file is a web page or XML, whatever its name says.",
            remedy="Open it in a spreadsheet program and save it as XLSX or CSV.",
            code="wrong-kind",
        )
    return "csv"
