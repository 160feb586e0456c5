"""What every writer takes: columns with their places, and flat rows, one after the other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from msgspec import Struct

from retinue_io.targets import LISTS, heading_for

Flat = Mapping[str, Any]
Rows = Iterable[Flat]


class OutColumn(Struct, frozen=True, kw_only=True):
    """One column of an export: `key` in the flat row, the heading, and the field it holds (for vCard)."""

    key: str
    heading: str
    target: str = ""
    index: int = 0
    part: str = ""


def out_column(target: str, index: int = 0, part: str = "", *, heading: str = "") -> OutColumn:
    """The column of a field; without a heading of its own it gets the one our import recognises."""
    part = part or ("value" if target in LISTS and target != "addresses" else "")
    key = f"{target}.{index}.{part}" if target in LISTS else target
    heading = heading or heading_for(target, index, part)
    return OutColumn(key=key, heading=heading, target=target, index=index, part=part)


def flatten(contact: Mapping[str, Any], columns: Sequence[OutColumn]) -> dict[str, Any]:
    """A contact as a flat row for these columns; what it does not have is empty."""
    row: dict[str, Any] = {}
    for column in columns:
        value: Any = None
        if column.target in LISTS:
            entries = contact.get(column.target) or ()
            value = entries[column.index].get(column.part) if column.index < len(entries) else None
        elif column.target.startswith("custom."):
            value = (contact.get("custom") or {}).get(column.target[7:])
        else:
            value = contact.get(column.target)
        row[column.key] = value
    return row


def to_text(value: Any) -> str:
    """A value as our import reads it again: ISO dates, true and false, tags with semicolons."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ", timespec="seconds")
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, list | tuple | set | frozenset):
        return "; ".join(to_text(item) for item in value)
    return str(value)


def is_number(value: Any) -> bool:
    """A real number: its sign is no formula."""
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)
