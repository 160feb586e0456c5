"""What every reader gives: headings known beforehand, rows one by one, and how far it has come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import BinaryIO, NamedTuple, Protocol

from msgspec import Struct

from retinue_io.faults import Fault, Invalid, TooLarge
from retinue_io.limits import MAX_COLUMNS


class Row(NamedTuple):
    """One record: its number as a spreadsheet shows it, heading → text, and what was wrong with it as a
    whole.
    """

    number: int
    cells: Mapping[str, str]
    fault: Fault | None = None


class Reading(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a file is to be read; whatever is left empty is found out from the file and filled in."""

    kind: str = ""  # csv, xlsx, ods, vcard
    encoding: str = ""
    delimiter: str = ""
    quote: str = ""
    heading: bool = True  # the first row holds headings
    sheet: str = ""
    locale: str = ""  # of the person or the organisation: settles encodings that letters cannot
    unguard: bool = True  # take the apostrophe off cells that our export (or another) made formula-safe


class Source(Protocol):
    """An opened file. `rows()` starts from the beginning each time, so a preview costs nothing."""

    reading: Reading
    headings: tuple[str, ...]
    notices: tuple[str, ...]

    def rows(self) -> Iterator[Row]:
        """Rows in the order of the file; nothing is kept."""
        ...

    def done(self) -> float:
        """Share of the file that the running `rows()` has read, 0 to 1."""
        ...


def clean_headings(cells: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Headings made unique and never empty, with a notice in words for each one that had to be changed."""
    check_width(len(cells), 1)
    while cells and not cells[-1].strip():
        cells = cells[:-1]
    if not cells:
        raise Invalid(
            "The first row has no headings.", remedy="Put the names of the columns into the first row."
        )
    taken = {cell.strip() for cell in cells}
    used: set[str] = set()
    headings, notices = [], []
    for position, cell in enumerate(cells, 1):
        name = " ".join(cell.split())
        if not name:
            name = _free(f"Column {position}", taken | used, 1)
            notices.append(f"Column {position} has no heading; it is called “{name}” here.")
        elif name in used:
            fresh = _free(name, taken | used, 2)
            notices.append(
                f"The heading “{name}” stands twice; the one in column {position} is called “{fresh}”."
            )
            name = fresh
        used.add(name)
        headings.append(name)
    return tuple(headings), tuple(notices)


def check_width(columns: int, row: int) -> None:
    """Refuse a table wider than any export is."""
    if columns > MAX_COLUMNS:
        raise TooLarge(
            f"Row {row} has {columns:,} columns; at most {MAX_COLUMNS:,} can be imported.",
            remedy="Delete the columns you do not need, or check that the right delimiter is chosen.",
        )


def widen(headings: tuple[str, ...], cells: list[str], row: int) -> Row:
    """A row whose width differs from the headings': short ones are filled up, long ones are at fault."""
    width = len(headings)
    if len(cells) < width:
        cells += [""] * (width - len(cells))
        return Row(row, dict(zip(headings, cells, strict=True)))
    extra = [cell for cell in cells[width:] if cell.strip()]
    values = dict(zip(headings, cells, strict=False))
    if not extra:
        return Row(row, values)
    fault = Fault(
        row,
        "",
        f"The row has {len(cells)} cells, but there are {width} headings.",
        "Put cells that contain the delimiter into quotation marks.",
        "ragged",
    )
    return Row(row, values, fault)


def _free(name: str, taken: set[str], number: int) -> str:
    fresh = name if number == 1 and name not in taken else f"{name} ({max(number, 2)})"
    while fresh in taken:
        number += 1
        fresh = f"{name} ({max(number, 2)})"
    return fresh


def size_of(stream: BinaryIO) -> int:
    """Length of a seekable stream; leaves it at its start."""
    stream.seek(0, 2)
    size = stream.tell()
    stream.seek(0)
    return size
