"""Makers of files: the F1 people in every encoding, workbooks, archives, and a short way to read them."""

from __future__ import annotations

import csv
import io
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from retinue.actor import Actor
from retinue.app import House
from retinue_io.readers import Reading, Source, open_source

sys.path.insert(0, str(Path(__file__).parent))
from io_kit import Desk  # a module of these tests, found by the line above

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def f1_people() -> list[dict[str, str]]:
    with (DATA / "f1_contacts.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="session")
def febrl() -> bytes:
    return (DATA / "febrl1.csv").read_bytes()


@pytest.fixture(scope="session")
def f1_file(f1_people: list[dict[str, str]]) -> Callable[..., bytes]:
    """The F1 people that an encoding can write, with the headings and delimiter asked for."""

    def make(encoding: str, delimiter: str = ";", headings: dict[str, str] | None = None) -> bytes:
        out = io.StringIO()
        names = list(f1_people[0])
        writer = csv.writer(out, delimiter=delimiter)
        writer.writerow([(headings or {}).get(name, name) for name in names])
        for person in f1_people:
            row = [person[name] for name in names]
            try:
                "".join(row).encode(encoding)
            except UnicodeEncodeError:
                continue
            writer.writerow(row)
        return out.getvalue().encode(encoding)

    return make


@pytest.fixture(scope="session")
def opened() -> Callable[..., Source]:
    """Open bytes (or a text as UTF-8) as a file would be."""

    def make(data: bytes | str, name: str = "file.csv", **reading: Any) -> Source:
        raw = data.encode() if isinstance(data, str) else data
        return open_source(io.BytesIO(raw), name, Reading(**reading))

    return make


@pytest.fixture(scope="session")
def workbook() -> Callable[..., bytes]:
    """An XLSX file from rows of values."""

    def make(rows: list[list[Any]], *, first_row: int = 0) -> bytes:
        out = io.BytesIO()
        book = xlsxwriter.Workbook(out, {"default_date_format": "yyyy-mm-dd", "in_memory": True})
        sheet = book.add_worksheet("People")
        for number, row in enumerate(rows, first_row):
            for column, value in enumerate(row):
                if value is not None:
                    sheet.write(number, column, value)
        book.close()
        return out.getvalue()

    return make


@pytest.fixture(scope="session")
def repacked() -> Callable[..., bytes]:
    """A ZIP archive with some parts replaced or added."""

    def make(data: bytes, **parts: bytes) -> bytes:
        out = io.BytesIO()
        names = {key.replace("__", "/").replace("_dot_", "."): value for key, value in parts.items()}
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
            for entry in old.infolist():
                if entry.filename not in names:
                    new.writestr(entry, old.read(entry.filename))
            for name, value in names.items():
                new.writestr(name, value)
        return out.getvalue()

    return make


@pytest.fixture(scope="session")
def ods() -> Callable[..., bytes]:
    """A small ODS file around the given table rows (XML)."""

    def make(rows: str, prolog: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
        content = (
            f"{prolog}<office:document-content "
            'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
            'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
            'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
            f'<table:table table:name="T">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>"
        )
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            kind = zipfile.ZipInfo("mimetype")
            archive.writestr(kind, "application/vnd.oasis.opendocument.spreadsheet")
            archive.writestr("content.xml", content)
            archive.writestr(
                "META-INF/manifest.xml",
                '<?xml version="1.0"?><manifest:manifest '
                'xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            )
        return out.getvalue()

    return make


@pytest.fixture(scope="session")
def plugins_on() -> tuple[str, ...]:
    """The plugin alone."""
    return ("io",)


@pytest.fixture
def desk(house: House) -> Desk:
    """A house on each database with the plugin on, and the system at the desk."""
    return Desk(house, Actor.system("test"))
