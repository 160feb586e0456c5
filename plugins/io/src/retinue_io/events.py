"""Interactions from a file of orders or visits: which column says whom, when, what and how much."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from datetime import UTC, datetime, time
from typing import Any, Literal, NamedTuple

from msgspec import Struct

from retinue_io.faults import BadValue, Fault, Invalid
from retinue_io.readers.base import Row
from retinue_io.text import words
from retinue_io.values.dates import choose_order, parse_date, parse_datetime
from retinue_io.values.emails import parse_email
from retinue_io.values.phones import parse_phone
from retinue_io.values.scalars import parse_decimal

WORDS: dict[str, frozenset[str]] = {
    "source_key": frozenset(
        [
            "order id",
            "order no",
            "order number",
            "order",
            "id",
            "number",
            "bestellnummer",
            "cislo objednavky",
            "siparis no",
            "номер заказа",
        ]
    ),
    "contact": frozenset(
        [
            "contact id",
            "contact",
            "customer id",
            "customer",
            "external id",
            "email",
            "e mail",
            "kundennummer",
            "zakaznik",
            "musteri",
            "клиент",
        ]
    ),
    "at": frozenset(
        [
            "placed at",
            "date",
            "at",
            "ordered at",
            "created at",
            "order date",
            "datum",
            "tarih",
            "дата",
            "time",
            "when",
        ]
    ),
    "amount": frozenset(["total", "amount", "sum", "price", "value", "betrag", "castka", "tutar", "сумма"]),
    "currency": frozenset(["currency", "wahrung", "mena", "para birimi", "валюта"]),
    "subject": frozenset(["subject", "title", "betreff", "predmet", "konu", "тема"]),
    "body": frozenset(["text", "note", "body", "notes", "description"]),
}


class EventMapping(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which column holds what of an interaction; every other column becomes a fact of its kind."""

    kind: str = "order"
    contact: str = ""
    contact_by: Literal["external_id", "email", "phone", "id"] = "external_id"
    at: str = ""
    order: Literal["", "ymd", "dmy", "mdy"] = ""
    source_key: str = ""
    amount: str = ""
    currency: str = ""
    subject: str = ""
    body: str = ""
    data: tuple[str, ...] = ()
    decimal: Literal["", ".", ","] = ""
    region: str = ""

    def placed(self) -> dict[str, str]:
        """Return the headings that are used, by what they hold."""
        names = ("contact", "at", "source_key", "amount", "currency", "subject", "body")
        return {name: heading for name in names if (heading := getattr(self, name))}


class Event(NamedTuple):
    """One row read: whom it is about, as the file says it, and the interaction without its contact."""

    row: int
    contact: str
    values: dict[str, Any]
    faults: tuple[Fault, ...]


def propose_events(headings: Sequence[str], sample: Iterable[Dict[str, str]] = ()) -> EventMapping:
    """Propose a mapping by the headings; what is not recognised becomes a fact."""
    rows = list(sample)
    found: dict[str, str] = {}
    for name, known in WORDS.items():
        taken = set(found.values())
        fitting = [h for h in headings if words(h) in known and h not in taken]
        if fitting:
            found[name] = fitting[0]
    whom = [row.get(found.get("contact", ""), "") for row in rows]
    by = "email" if whom and all("@" in text for text in whom if text) and any(whom) else "external_id"
    dates = [text for row in rows if (text := row.get(found.get("at", ""), ""))]
    rest = tuple(h for h in headings if h not in set(found.values()))
    return EventMapping(**found, contact_by=by, order=choose_order(dates) if dates else "", data=rest)  # type: ignore[arg-type]  # names of its own fields


def check_events(mapping: EventMapping, headings: Sequence[str], kinds: Iterable[str]) -> EventMapping:
    """Return the mapping, or raise Invalid naming what does not fit."""
    if not mapping.contact or mapping.kind not in set(kinds):
        what = (
            "which column names the contact"
            if not mapping.contact
            else f"a kind of interaction, not “{mapping.kind}”"
        )
        raise Invalid(f"The mapping must say {what}.", remedy="Choose it and set the mapping again.")
    missing = [h for h in (*mapping.placed().values(), *mapping.data) if h not in headings]
    if missing:
        raise Invalid(f"The file has no column “{missing[0]}”.", remedy="Choose one of its headings.")
    return mapping


def build_events(rows: Iterable[Row], mapping: EventMapping) -> list[Event]:
    """Return the interactions of rows, each with every complaint about it."""
    return [_build(row, mapping) for row in rows]


def _build(row: Row, mapping: EventMapping) -> Event:
    faults = [row.fault] if row.fault else []
    cells = row.cells
    data: dict[str, Any] = {h: cells[h].strip() for h in mapping.data if cells.get(h, "").strip()}
    values: dict[str, Any] = {"kind": mapping.kind}

    def read(name: str, parse: Any) -> Any:
        heading = getattr(mapping, name)
        text = cells.get(heading, "").strip() if heading else ""
        try:
            return parse(text) if text else None
        except BadValue as fault:
            faults.append(fault.at(row.number, heading))
            return None

    whom = read("contact", lambda text: _whom(text, mapping)) or ""
    if not whom and not any(f.column == mapping.contact for f in faults):
        faults.append(
            Fault(row.number, mapping.contact, "The cell is empty.", "Name the contact.", "nameless")
        )
    values["at"] = read("at", lambda text: read_instant(text, mapping.order))
    amount = read("amount", lambda text: parse_decimal(text, mapping.decimal))
    if amount is not None:
        data["amount"] = format(amount, "f")
    for name in ("currency", "source_key", "subject", "body"):
        text = read(name, str)
        if text and name == "currency":
            data[name] = text.upper()
        elif text:
            values[name] = text
    values["data"] = data or None
    return Event(row.number, whom, values, tuple(faults))


def _whom(text: str, mapping: EventMapping) -> str:
    if mapping.contact_by == "email":
        return parse_email(text).casefold()
    if mapping.contact_by == "phone":
        return parse_phone(text, mapping.region)
    return text


def read_instant(text: str, order: str) -> datetime:
    """Return an instant; a date alone is its noon in UTC, which is that day nearly everywhere."""
    try:
        at = parse_datetime(text, order)
    except BadValue:
        return datetime.combine(parse_date(text, order), time(12), UTC)
    if (at.hour, at.minute, at.second) == (0, 0, 0) and len(text) <= 12:
        return datetime.combine(at.date(), time(12), UTC)
    return at if at.tzinfo else at.replace(tzinfo=UTC)
