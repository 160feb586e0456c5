"""vCard 3.0 and 4.0 (and 2.1, as old telephones write it): each card becomes a row under our own headings.

Written here because the known library has not kept up and holds the whole file; a card is small and the
grammar is short. A card without an end costs that card only.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from retinue_io.encodings import detect_encoding, sample_bytes
from retinue_io.faults import Fault, Invalid
from retinue_io.limits import MAX_CARD_LINES, MAX_LIST
from retinue_io.readers.base import Reading, Row, size_of
from retinue_io.readers.delimited import Raw
from retinue_io.readers.vcard_lines import Property, parse_property, unfold
from retinue_io.targets import LISTS, heading_for, is_target

_LABELS = {
    "home": "home",
    "work": "work",
    "cell": "mobile",
    "mobile": "mobile",
    "fax": "fax",
    "pager": "pager",
}
_ADDRESS = ("po_box", "extended", "street", "city", "region", "postal_code", "country")
_APPLE_LABEL = re.compile(r"_\$!<(.*)>!\$_")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:T.*)?$")
_SEX = {"M": "male", "F": "female", "O": "other"}
Cells = dict[tuple[str, int, str], str]


class CardSource:
    """A file of vCards. Headings come from a first pass, since each card may have another number of
    telephones.
    """

    def __init__(self, stream: BinaryIO, reading: Reading) -> None:
        self._stream = stream
        self._size = size_of(stream)
        self._read = 0
        encoding = reading.encoding or detect_encoding(sample_bytes(stream), locale=reading.locale)
        self.reading = msgspec.structs.replace(reading, encoding=encoding)
        self.notices: tuple[str, ...] = ()
        seen: dict[tuple[str, int, str], None] = {}
        cards = 0
        for _, cells, _ in self._cards():
            cards += 1
            for key in cells:
                seen.setdefault(key)
        if not cards:
            raise Invalid("The file holds no vCard.", remedy="Choose a file that contains BEGIN:VCARD.")
        self._heading = {key: heading_for(*key) for key in sorted(seen, key=_order)}
        self.headings = tuple(self._heading.values())

    def done(self) -> float:
        """Share of the bytes read by the running `rows()`."""
        return min(1.0, self._read / self._size)

    def rows(self) -> Iterator[Row]:
        """Every card, numbered from 1 in the order of the file."""
        empty = dict.fromkeys(self.headings, "")
        for number, cells, fault in self._cards():
            yield Row(number, empty | {self._heading[key]: text for key, text in cells.items()}, fault)

    def _cards(self) -> Iterator[tuple[int, Cells, Fault | None]]:
        self._stream.seek(0)
        raw = io.BufferedReader(Raw(self._stream), 1 << 16)
        text = io.TextIOWrapper(raw, self.reading.encoding, errors="replace", newline=None)
        card: list[Property] | None = None
        number, fault = 0, None
        for line_number, line in unfold(text):
            mark = line.strip().upper()
            if mark == "BEGIN:VCARD":
                if card is not None:
                    yield number, _cells(card), _no_end(number)
                number, card, fault = number + 1, [], None
            elif mark == "END:VCARD" and card is not None:
                self._read = self._stream.tell()
                yield number, _cells(card), fault
                card = None
            elif card is not None and line.strip():
                found = parse_property(line)
                if found is None or "\ufffd" in line or "\0" in line:
                    fault = fault or _unreadable(number, line_number)
                elif len(card) < MAX_CARD_LINES:
                    card.append(found)
                else:
                    fault = fault or _too_long(number)
        if card is not None:
            yield number, _cells(card), _no_end(number)


def _cells(card: list[Property]) -> Cells:
    """The card's properties as cells keyed by (target, index, part)."""
    cells: Cells = {}
    counts: dict[str, int] = {}
    labels = {p.group: _apple(p.text()) for p in card if p.name == "X-ABLABEL" and p.group}
    for prop in sorted(card, key=_preference):
        label = labels.get(prop.group) or next((_LABELS[t] for t in prop.types() if t in _LABELS), "")
        if prop.name in ("TEL", "EMAIL", "ADR"):
            _put_listed(cells, counts, prop, label)
        else:
            _put_single(cells, prop)
    if _key("given_name") in cells or _key("family_name") in cells:
        cells.pop(_key("name"), None)
    elif cells.get(_key("name")) in (cells.get(("emails", 0, "value")), cells.get(("phones", 0, "value"))):
        cells.pop(
            _key("name"), None
        )  # a card must have a name; where there is none, programs put the address
    elif _key("organisation") in cells and cells.get(_key("name"), "") in ("", cells[_key("organisation")]):
        cells[_key("name")] = cells.pop(_key("organisation"))
        cells[_key("kind")] = "organisation"
    return {key: text for key, text in cells.items() if text.strip()}


def _put_listed(cells: Cells, counts: dict[str, int], prop: Property, label: str) -> None:
    target = {"TEL": "phones", "EMAIL": "emails", "ADR": "addresses"}[prop.name]
    index = counts.get(target, 0)
    if target == "addresses":
        values = dict(zip(_ADDRESS, prop.parts(), strict=False))
        values["street"] = ", ".join(v for v in (values.pop("extended", ""), values.get("street", "")) if v)
        if values.pop("po_box", "") and not values["street"]:
            values["street"] = prop.parts()[0]
    else:
        values = {"value": prop.text().removeprefix("tel:").removeprefix("mailto:")}
    if index >= MAX_LIST or not any(v.strip() for v in values.values()):
        return
    counts[target] = index + 1
    for part, text in values.items():
        cells[target, index, part] = text.replace("\n", ", ") if target == "addresses" else text
    if label:
        cells[target, index, "label"] = label


def _put_single(cells: Cells, prop: Property) -> None:
    name = prop.name
    if name == "N":
        order = ("family_name", "given_name", "middle_name", "title_before", "title_after")
        for target, text in zip(order, prop.parts(), strict=False):
            cells[_key(target)] = (
                " ".join(text.replace(",", " ").split()) if target != "title_after" else text
            )
    elif name == "BDAY":
        match = _DATE.match(prop.value.strip())
        cells[_key("birth_date")] = "-".join(match.groups()) if match else prop.text()
    elif name == "ORG":
        cells.setdefault(_key("organisation"), prop.parts()[0])
    elif name == "CATEGORIES":
        old = cells.get(_key("tags"), "")
        cells[_key("tags")] = ";".join(filter(None, [old, *(t.replace(";", ",") for t in prop.parts(","))]))
    elif name == "GENDER":
        cells[_key("sex")] = _SEX.get(prop.value[:1].upper(), "")
    elif name == "NOTE":
        cells[_key("note")] = "\n".join(filter(None, [cells.get(_key("note"), ""), prop.text()]))
    elif name == "KIND":
        cells[_key("kind")] = "organisation" if prop.value.lower() == "org" else "person"
    elif name in _SIMPLE:
        cells.setdefault(_key(_SIMPLE[name]), prop.text())
    elif name == "X-RETINUE":  # our own export: fields vCard has no place for
        field = next(iter(prop.parameters.get("FIELD", [])), "")
        if is_target(field) and field not in LISTS:
            cells.setdefault(_key(field), prop.text())


_SIMPLE = {
    "FN": "name",
    "TITLE": "job_title",
    "URL": "website",
    "LANG": "language",
    "TZ": "time_zone",
    "UID": "external_id",
}


def _key(target: str) -> tuple[str, int, str]:
    return target, 0, ""


def _order(key: tuple[str, int, str]) -> tuple[int, str, int, int, str]:
    listed = ("emails", "phones", "addresses")
    place = listed.index(key[0]) + 1 if key[0] in listed else 0
    return place, "" if not place else key[0], key[1], key[2] == "label", key[2] if place else key[0]


def _preference(prop: Property) -> int:
    """Preferred entries first, else the order of the file."""
    pref = next(iter(prop.parameters.get("PREF", [])), "")
    if pref.isdigit():
        return int(pref)
    return 0 if "pref" in prop.types() else 101


def _apple(text: str) -> str:
    match = _APPLE_LABEL.match(text)
    return (match[1] if match else text).strip().lower()


def _no_end(number: int) -> Fault:
    return Fault(
        number, "", "The card has no END:VCARD.", "The file may be cut off; export it once more.", "truncated"
    )


def _unreadable(number: int, line: int) -> Fault:
    return Fault(
        number,
        "",
        f"Line {line} of the file is no vCard line.",
        "Correct the line or leave it out.",
        "malformed",
    )


def _too_long(number: int) -> Fault:
    return Fault(
        number,
        "",
        f"The card has more than {MAX_CARD_LINES:,} lines.",
        "Split it into several cards.",
        "too-large",
    )
