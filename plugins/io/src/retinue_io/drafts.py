"""Rows into contact drafts: the mapping is compiled once into one small function per column, then runs over
rows.

A draft has the shape that `create_contacts` takes. What is no field of the contact (the employer's name, a
foreign key) comes beside it in `links`; what could not be read is a fault, and the rest of the row is still
there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as Dict
from typing import Any, NamedTuple

from retinue_io.faults import BadValue, Fault
from retinue_io.limits import MAX_LIST
from retinue_io.mapping import Column, Mapping
from retinue_io.readers.base import Row
from retinue_io.targets import LINKS, LISTS, SCALARS
from retinue_io.values.dates import parse_birth_date, parse_date, parse_datetime
from retinue_io.values.emails import parse_email, split_emails
from retinue_io.values.names import split_name
from retinue_io.values.phones import parse_phone, split_phones
from retinue_io.values.places import parse_country, parse_language
from retinue_io.values.scalars import (
    parse_boolean,
    parse_choice,
    parse_decimal,
    parse_integer,
    parse_kind,
    parse_sex,
    parse_url,
    split_tags,
)

_SPACES = re.compile(r"[ \t\u00a0]{2,}|[\r\n]+")
_LABELS = {"cell": "mobile", "mobil": "mobile", "privat": "home", "private": "home", "business": "work"}
_GOOGLE_SEPARATOR = ":::"
_PLACE = ("city", "postal_code", "region", "country")
Choices = Dict[str, Dict[str, str]]


class Draft(NamedTuple):
    """One row read: the contact as it would be created, what belongs beside it, and every complaint."""

    row: int
    contact: dict[str, Any]
    links: dict[str, Any]
    faults: tuple[Fault, ...]

    @property
    def rejected(self) -> bool:
        """Whether a fault keeps the row out."""
        return any(fault.fatal for fault in self.faults)


class _Work:
    """What one row's columns write into."""

    __slots__ = ("contact", "faults", "links", "lists")

    def __init__(self) -> None:
        self.contact: dict[str, Any] = {}
        self.links: dict[str, Any] = {}
        self.lists: dict[tuple[str, int], dict[str, Any]] = {}
        self.faults: list[Fault] = []


Step = Callable[[_Work, str], None]
Parse = Callable[[str], Any]


class _Plan(NamedTuple):
    """A mapping compiled: columns by how they are read, since a call per cell is what costs."""

    scalars: list[tuple[str, str, Parse, Column]]  # one value into one field
    steps: list[tuple[str, Step, Column]]  # everything that needs a hand
    phones: list[tuple[str, Column]]  # last, since the row's own country says how to read them
    region: str
    name_order: str


def build_drafts(rows: Iterable[Row], mapping: Mapping, *, choices: Choices | None = None) -> Iterator[Draft]:
    """A draft for every row, one at a time; `choices` are the choices of custom fields (key → value →
    label).
    """
    plan = _compile(mapping, choices or {})
    for row in rows:
        yield _build(row, plan)


def _compile(mapping: Mapping, choices: Choices) -> _Plan:
    plan = _Plan([], [], [], mapping.region, mapping.name_order)
    for column in mapping.columns:
        kind = SCALARS.get(column.target, "")
        if kind not in ("", "tags", "long_text"):
            plan.scalars.append((column.heading, column.target, _scalar_parser(kind, column), column))
        elif column.target == "phones" and column.part != "label":
            plan.phones.append((column.heading, column))
        elif column.target:
            plan.steps.append((column.heading, _step(column, mapping, choices), column))
    return plan


def _build(row: Row, plan: _Plan) -> Draft:
    work = _Work()
    number, cells, fault = row
    contact = work.contact
    if fault is not None:
        work.faults.append(fault)
    for heading, target, parse, column in plan.scalars:
        text = cells.get(heading, "").strip()
        if text:
            try:
                contact[target] = parse(text)
            except BadValue as error:
                work.faults.append(error.at(number, heading, fatal=column.on_fault == "reject"))
    for heading, step, column in plan.steps:
        text = cells.get(heading, "").strip()
        if text:
            try:
                step(work, text)
            except BadValue as error:
                work.faults.append(error.at(number, heading, fatal=column.on_fault == "reject"))
    if plan.phones:
        _read_phones(work, row, plan)
    _finish(work, number, plan.name_order)
    return Draft(number, contact, work.links, tuple(work.faults))


def _step(column: Column, mapping: Mapping, choices: Choices) -> Step:
    """The function that puts this column's text into its place."""
    target = column.target
    if column.part == "label":
        return _label_step(column)
    if target == "emails":
        return _email_step(column)
    if target in ("addresses", "socials"):
        return _entry_step(column)
    if target.startswith("custom."):
        return _custom_step(column, mapping, choices)
    if target == "tags":
        return _tags_step
    if target == "note":
        return _note_step
    parse: Parse = (
        (lambda text: parse_datetime(text, column.order)) if LINKS[target] == "datetime" else one_line
    )
    return lambda work, text: work.links.__setitem__(target, parse(text))


def _scalar_parser(kind: str, column: Column) -> Callable[[str], Any]:
    if kind == "birth_date":
        return lambda text: parse_birth_date(text, column.order)
    return _PARSERS.get(kind, one_line)


def one_line(text: str) -> str:
    """Text of a one-line field: runs of spaces and line breaks become one space."""
    if not text.isprintable() or "  " in text:
        text = _SPACES.sub(" ", text)
    if len(text) > 2000:
        raise BadValue(
            "too_long", f"The text has {len(text):,} characters; at most 2,000 fit.", "Shorten it."
        )
    return text


_PARSERS: dict[str, Callable[[str], Any]] = {
    "kind": parse_kind,
    "sex": parse_sex,
    "country": parse_country,
    "language": parse_language,
    "url": parse_url,
}


def _email_step(column: Column) -> Step:
    first, label = column.index * MAX_LIST, column.label
    place = ("emails", first)

    def step(work: _Work, text: str) -> None:
        if text.count("@") < 2:
            value = parse_email(text)
            if place in work.lists:
                work.lists[place]["value"] = value
            else:
                work.lists[place] = {"value": value, "label": label}
            return
        for offset, piece in enumerate(split_emails(text)[:MAX_LIST]):
            # further addresses of the same cell come right after it, before the next column's
            entry = work.lists.setdefault(("emails", first + offset), {"label": label})
            entry["value"] = parse_email(piece)

    return step


def _label_step(column: Column) -> Step:
    place = (column.target, column.index * MAX_LIST)

    def step(work: _Work, text: str) -> None:
        label = text.split(_GOOGLE_SEPARATOR)[0].strip().strip("*").strip().lower()
        work.lists.setdefault(place, {})["label"] = _LABELS.get(label, label)[:60]

    return step


def _entry_step(column: Column) -> Step:
    place, part, label = (column.target, column.index * MAX_LIST), column.part, column.label

    def step(work: _Work, text: str) -> None:
        entry = work.lists.setdefault(place, {"label": label})
        if part == "country":
            entry[part] = parse_country(text)
        elif part in ("street", "number"):  # several columns make one street: number and name, line 1 and 2
            old = entry.get("street", "")
            join = " " if part == "number" or entry.pop("numbered", False) else ", "
            entry["street"] = f"{old}{join}{one_line(text)}" if old else one_line(text)
            if part == "number" and not old:
                entry["numbered"] = True
        else:
            entry[part] = one_line(text)

    return step


def _custom_step(column: Column, mapping: Mapping, choices: Choices) -> Step:
    key, kind = column.target[7:], column.kind
    offered = choices.get(key, {})
    parsers: dict[str, Callable[[str], Any]] = {
        "integer": lambda text: parse_integer(text, mapping.decimal),
        "decimal": lambda text: str(parse_decimal(text, mapping.decimal)),
        "boolean": parse_boolean,
        "date": lambda text: parse_date(text, column.order).isoformat(),
        "choice": lambda text: parse_choice(text, offered) if offered else one_line(text),
        "multi_choice": lambda text: [parse_choice(t, offered) if offered else t for t in split_tags(text)],
        "long_text": lambda text: text,
    }
    parse = parsers.get(kind, one_line)
    return lambda work, text: work.contact.setdefault("custom", {}).__setitem__(key, parse(text))


def _tags_step(work: _Work, text: str) -> None:
    tags = work.contact.setdefault("tags", [])
    tags.extend(tag for tag in split_tags(text) if tag not in tags)


def _note_step(work: _Work, text: str) -> None:
    old = work.contact.get("note")
    work.contact["note"] = f"{old}\n\n{text}" if old else text


def _read_phones(work: _Work, row: Row, plan: _Plan) -> None:
    country = work.contact.get("country") or plan.region
    if not country:
        country = next((e["country"] for e in work.lists.values() if e.get("country")), "")
    for heading, column in plan.phones:
        text = row.cells.get(heading, "").strip()
        if not text:
            continue
        try:
            for offset, piece in enumerate(split_phones(text)[:MAX_LIST]):
                place = ("phones", column.index * MAX_LIST + offset)
                value = parse_phone(piece, country)
                if place in work.lists:
                    work.lists[place]["value"] = value
                else:
                    work.lists[place] = {"value": value, "label": column.label}
        except BadValue as error:
            work.faults.append(error.at(row.number, heading, fatal=column.on_fault == "reject"))


def _finish(work: _Work, number: int, name_order: str) -> None:
    contact = work.contact
    if work.lists:
        _put_lists(work)
    if "name" in contact and contact.get("kind") != "organisation":
        name = contact.pop("name")
        if "given_name" not in contact and "family_name" not in contact:
            _take_apart(contact, name, name_order)
    if "kind" not in contact:
        _settle_kind(work)
    if not work.faults and not any(contact.get(key) for key in _NAMING):
        work.faults.append(
            Fault(
                number,
                "",
                "The row names nobody: no name, e-mail or telephone.",
                "Fill one of them.",
                "nameless",
            )
        )


_NAMING = ("given_name", "family_name", "middle_name", "name", "emails", "phones")


def _settle_kind(work: _Work) -> None:
    """A row with a company's name and no person's is an organisation."""
    contact = work.contact
    personal = contact.get("given_name") or contact.get("family_name") or contact.get("middle_name")
    if not personal and work.links.get("organisation") and not contact.get("birth_date"):
        contact["kind"] = "organisation"
        contact["name"] = work.links.pop("organisation")
    else:
        contact["kind"] = "person"


def _take_apart(contact: dict[str, Any], name: str, order: str) -> None:
    parts = split_name(name, order)
    for key, value in (
        ("given_name", parts.given),
        ("family_name", parts.family),
        ("middle_name", parts.middle),
        ("title_before", parts.before),
        ("title_after", parts.after),
    ):
        if value:
            contact.setdefault(key, value)


def _put_lists(work: _Work) -> None:
    """Entries into their lists in order, each value once; the contact's place and its first address complete
    each other."""
    contact = work.contact
    for place, entry in sorted(work.lists.items()) if len(work.lists) > 1 else work.lists.items():
        target = place[0]
        entries = contact.setdefault(target, [])
        if target == "addresses":
            entry.pop("numbered", None)
            if len(entry) > 1:
                entries.append(entry)
        elif "value" in entry and not (entries and any(e["value"] == entry["value"] for e in entries)):
            entries.append(entry)
    if contact.get("addresses"):
        first = contact["addresses"][0]
        for part in _PLACE:
            if part in first:
                contact.setdefault(part, first[part])
            elif part in contact:
                first[part] = contact[part]
    for target in LISTS:
        if target in contact and not contact[target]:
            del contact[target]
