"""vCard 4.0 and 3.0. What vCard has no property for travels in ``X-RETINUE``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from retinue_io.faults import Invalid
from retinue_io.targets import LISTS
from retinue_io.writers.base import OutColumn, Rows, to_text

_TYPES = {"home": "home", "work": "work", "mobile": "cell", "fax": "fax", "pager": "pager"}
_NAME = ("family_name", "given_name", "middle_name", "title_before", "title_after")
_SIMPLE = {"job_title": "TITLE", "website": "URL", "note": "NOTE", "organisation": "ORG"}
_SIMPLE["external_id"] = "UID"
_SIMPLE_4 = {"language": "LANG", "time_zone": "TZ"}
_SEX = {"male": "M", "female": "F", "other": "O"}
_LISTED = {"emails": "EMAIL", "phones": "TEL"}
_ADDRESS = ("street", "city", "region", "postal_code", "country")
_WIDTH = 75


def write_vcard(stream: BinaryIO, columns: Sequence[OutColumn], rows: Rows, *, version: str = "4.0") -> int:
    """Write a card for every row; gives the number of cards. Columns without a field are left out."""
    if version not in ("3.0", "4.0"):
        raise Invalid(f"vCard {version} is not written.", remedy="Choose version 4.0 or 3.0.")
    count = 0
    for row in rows:
        values, lists = _gather(columns, row)
        lines = ["BEGIN:VCARD", f"VERSION:{version}", *_lines(values, lists, version), "END:VCARD"]
        stream.write("".join(_folded(line) for line in lines).encode())
        count += 1
    return count


Entry = dict[str, str]


def _gather(columns: Sequence[OutColumn], row: Any) -> tuple[dict[str, Any], dict[str, dict[int, Entry]]]:
    """The row's values by field, and its lists by position."""
    values: dict[str, Any] = {}
    lists: dict[str, dict[int, Entry]] = {}
    for column in columns:
        value = row.get(column.key)
        if value is None or value == "":
            continue
        if column.target in LISTS:
            lists.setdefault(column.target, {}).setdefault(column.index, {})[column.part] = to_text(value)
        elif column.target:
            values[column.target] = value
    return values, lists


def _lines(values: dict[str, Any], lists: dict[str, dict[int, Entry]], version: str) -> Iterator[str]:
    organisation = values.get("kind") == "organisation"
    name = to_text(values.get("name")) or " ".join(to_text(values[k]) for k in _SPOKEN if values.get(k))
    fallback = next((e["value"] for t in _LISTED for e in lists.get(t, {}).values() if e.get("value")), "")
    yield f"FN:{_escape(name or fallback)}"
    family = [] if organisation else [_escape(to_text(values.get(key))) for key in _NAME]
    if any(family) or version == "3.0":
        yield f"N:{';'.join(family) or ';;;;'}"
    if organisation:
        yield from ["KIND:org"] if version == "4.0" else []
        values.setdefault("organisation", name)
    number = 0
    for target, prop in _LISTED.items():
        for entry in (e for _, e in sorted(lists.get(target, {}).items()) if e.get("value")):
            number += 1
            yield from _labelled(prop, _escape(entry["value"]), entry.get("label", ""), number)
    for _, entry in sorted(lists.get("addresses", {}).items()):
        number += 1
        parts = ("", "", *(_escape(entry.get(part, "")) for part in _ADDRESS))
        yield from _labelled("ADR", ";".join(parts), entry.get("label", ""), number)
    yield from _single(values, version)


_SPOKEN = ("title_before", "given_name", "middle_name", "family_name", "title_after")


def _single(values: dict[str, Any], version: str) -> Iterator[str]:
    simple = _SIMPLE | (_SIMPLE_4 if version == "4.0" else {})
    for target, value in values.items():
        if target in _NAME or target in ("kind", "name"):
            continue
        if target == "birth_date":
            yield f"BDAY:{_date(value, version)}"
        elif target == "tags":
            tags = value if isinstance(value, list | tuple) else to_text(value).split(";")
            yield "CATEGORIES:" + ",".join(_escape(str(tag).strip()) for tag in tags)
        elif target == "sex" and version == "4.0" and value in _SEX:
            yield f"GENDER:{_SEX[value]}"
        elif target in simple:
            yield f"{simple[target]}:{_escape(to_text(value))}"
        else:
            yield f"X-RETINUE;FIELD={target}:{_escape(to_text(value))}"


def _labelled(prop: str, value: str, label: str, number: int) -> Iterator[str]:
    """A property with its label: a type where vCard knows one, else the extension address books share."""
    if label in _TYPES:
        yield f"{prop};TYPE={_TYPES[label]}:{value}"
    elif label:
        yield f"item{number}.{prop}:{value}"
        yield f"item{number}.X-ABLabel:{_escape(label)}"
    else:
        yield f"{prop}:{value}"


def _date(value: Any, version: str) -> str:
    date = value if isinstance(value, dt.date) else None
    return to_text(value) if date is None else date.strftime("%Y%m%d" if version == "4.0" else "%Y-%m-%d")


def _escape(text: str) -> str:
    """Nothing in a value may end its line or begin another property."""
    text = text.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,")
    return text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\r", "\\n")


def _folded(line: str) -> str:
    """The line in pieces of at most 75 bytes, never cutting a letter."""
    if len(line) * 4 < _WIDTH or len(line.encode()) <= _WIDTH:
        return line + "\r\n"
    pieces: list[str] = []
    size = start = 0
    for position, letter in enumerate(line):
        width = len(letter.encode())
        if size + width > _WIDTH - bool(pieces):
            pieces.append(line[start:position])
            start, size = position, 0
        size += width
    pieces.append(line[start:])
    return "\r\n ".join(pieces) + "\r\n"
