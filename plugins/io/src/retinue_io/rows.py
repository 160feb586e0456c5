"""Rows for the import targets of other plugins: which column fills what, and values as the target wants them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Mapping as Dict
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from retinue import Store
from retinue.errors import Invalid, NotFound, Problem
from retinue_io.events import WORDS, read_instant
from retinue_io.faults import BadValue, Fault
from retinue_io.mapping import Column
from retinue_io.readers.base import Row
from retinue_io.text import words
from retinue_io.values.dates import choose_order
from retinue_io.values.emails import parse_email
from retinue_io.values.phones import parse_phone
from retinue_io.values.scalars import parse_decimal

_ALIKE = {
    "number": "source_key",
    "contact": "contact",
    "placed_at": "at",
    "total": "amount",
    "currency": "currency",
}
_ROW = "{row}"


class RowMapping(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Which column fills which of a target's; `fixed` says what stands in every row, ``{row}`` is the row's number."""

    columns: tuple[Column, ...]
    fixed: dict[str, str] = {}
    contact_by: Literal["external_id", "email", "phone", "id"] = "external_id"
    decimal: Literal["", ".", ","] = ""
    region: str = ""
    version: int = 1

    def heading(self, target: str) -> str:
        """Return the heading of the column that fills `target`, or an empty text."""
        return next((column.heading for column in self.columns if column.target == target), "")


class Cells(NamedTuple):
    """One row read: the target's values as text, and what is wrong with them."""

    row: Row
    values: dict[str, str]
    faults: tuple[Fault, ...]


def list_targets(store: Store) -> list[Any]:
    """Return the import targets of plugins that are on, as far as the actor may fill them."""
    plugins = store.declared.get("plugins")
    return [owned.item for owned in plugins.import_targets(store)] if plugins is not None else []


def target_named(store: Store, name: str) -> Any:
    """Return one import target; raises NotFound for one of no plugin that is on."""
    found = next((item for item in list_targets(store) if item.name == name), None)
    if found is None:
        raise NotFound(
            f"there is nothing called {name} that a file can be imported into",
            remedy="Choose one of: contacts, interactions"
            + "".join(f", {item.name}" for item in list_targets(store))
            + ".",
        )
    return found


# ---- which column is what ----------------------------------------------------------------------
def propose_rows(target: Any, headings: Sequence[str], sample: Iterable[Dict[str, str]] = ()) -> RowMapping:
    """Propose a mapping by the headings: a target's own names first, then what such columns are usually called."""
    rows, taken = list(sample), dict[str, str]()
    for own in (True, False):
        for name in target.columns:
            known = {words(name)} if own else WORDS.get(_ALIKE.get(name, ""), frozenset())
            fitting = [h for h in headings if words(h) in known and h not in taken]
            if fitting and name not in taken.values():
                taken[fitting[0]] = name
    columns = [_column(heading, taken.get(heading, ""), target, rows) for heading in headings]
    whom = [row.get(h, "") for h, name in taken.items() if name in target.contacts for row in rows]
    by = "email" if any(whom) and all("@" in text for text in whom if text) else "external_id"
    return RowMapping(columns=tuple(columns), contact_by=by)  # type: ignore[arg-type]  # one of the two


def _column(heading: str, name: str, target: Any, rows: Sequence[Dict[str, str]]) -> Column:
    if not name:
        return Column(heading=heading)
    dates = [text for row in rows if (text := row.get(heading, ""))] if name in target.dates else []
    return Column(heading=heading, target=name, confidence=1.0, order=choose_order(dates) if dates else "")


def load_rows(given: Any) -> RowMapping:
    """Return a mapping that came in; raises Invalid for one that cannot be read."""
    try:
        return msgspec.convert(given, RowMapping)
    except msgspec.ValidationError as fault:
        raise Invalid(
            f"The mapping cannot be read: {fault}.", problems=[Problem("/mapping", str(fault), "mapping")]
        ) from fault


def check_rows(mapping: RowMapping, target: Any, headings: Sequence[str]) -> RowMapping:
    """Return the mapping, or raise Invalid with a pointer for each thing that does not fit the target or the file."""
    problems: list[Problem] = []
    filled: dict[str, str] = {}
    for place, column in enumerate(mapping.columns):
        at = f"/mapping/columns/{place}"
        if column.target and column.heading not in headings:
            problems.append(Problem(at, f"the file has no column “{column.heading}”", "heading"))
        elif column.target and column.target not in target.columns:
            problems.append(Problem(at, f"{column.target} is none of: {', '.join(target.columns)}", "target"))
        elif column.target and column.target in filled:
            problems.append(
                Problem(at, f"{column.target} is filled by “{filled[column.target]}” too", "twice")
            )
        filled[column.target] = column.heading
    for name in mapping.fixed:
        if name not in target.columns:
            problems.append(Problem(f"/mapping/fixed/{name}", "is no column of this target", "target"))
    for name in target.required:
        if name not in filled and not mapping.fixed.get(name):
            problems.append(Problem(f"/mapping/fixed/{name}", "no column fills it", "required"))
    if problems:
        raise Invalid(
            f"The mapping does not fit {target.label}.",
            remedy="Say which column fills what errors names, or give it one value for all rows.",
            problems=problems,
            code="mapping",
        )
    return mapping


# ---- what the rows say -------------------------------------------------------------------------
def read_rows(rows: Iterable[Row], mapping: RowMapping, target: Any) -> list[Cells]:
    """Return rows as the target wants them, contacts still as the file says them."""
    filled = [(column, column.target) for column in mapping.columns if column.target]
    return [_read(row, filled, mapping, target) for row in rows]


def _read(row: Row, filled: Sequence[tuple[Column, str]], mapping: RowMapping, target: Any) -> Cells:
    faults = [row.fault] if row.fault else []
    values = {name: text.replace(_ROW, str(row.number)) for name, text in mapping.fixed.items() if text}
    for column, name in filled:
        text = row.cells.get(column.heading, "").strip()
        if not text:
            continue
        try:
            values[name] = _plain(text, column, name, (mapping, target))
        except BadValue as fault:
            faults.append(fault.at(row.number, column.heading))
    faulty = {fault.column for fault in faults}
    for name in target.required:
        heading = mapping.heading(name)
        if not values.get(name) and heading not in faulty:
            faults.append(Fault(row.number, heading, "The cell is empty.", "Fill it in.", "required"))
    return Cells(row, values, tuple(faults))


def _plain(text: str, column: Column, name: str, by: tuple[RowMapping, Any]) -> str:
    mapping, target = by
    if name in target.dates:
        return read_instant(text, column.order).isoformat()
    if name in target.numbers:
        return format(parse_decimal(text, mapping.decimal), "f")
    if name in target.contacts and mapping.contact_by == "email":
        return parse_email(text).casefold()
    if name in target.contacts and mapping.contact_by == "phone":
        return parse_phone(text, mapping.region)
    return text


def group_of(values: Dict[str, str], target: Any) -> tuple[str, ...]:
    """Return by what a row stands together with others; empty for a row that stands alone."""
    return tuple(values.get(name, "") for name in target.together)
