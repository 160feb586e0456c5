"""Which column is what: proposed, chosen by a person or taken from a saved mapping, made to fit the house."""

from __future__ import annotations

from collections.abc import Mapping as Dict
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import select

from retinue import Problem, Store
from retinue.contacts import create_custom_field, list_custom_fields
from retinue.errors import Invalid, NotFound, RetinueError
from retinue.interactions import known_kinds
from retinue_io.events import EventMapping, check_events, propose_events
from retinue_io.limits import SAMPLE_ROWS
from retinue_io.mapping import Column, Mapping, check_mapping, fit_mapping, load_mapping, propose_mapping
from retinue_io.models import WHATS, SavedMapping
from retinue_io.readers import Row, Source
from retinue_io.rows import RowMapping, check_rows, load_rows, propose_rows, target_named
from retinue_io.targets import CUSTOM_KINDS
from retinue_io.text import slug

_RIGHTS = {"owner": "contact.assign", "team": "contact.assign", "organisation": "relation.create"}


def sample_rows(source: Source) -> list[Row]:
    """Return the first rows; a place further down that cannot be read is told by the check and the run."""
    rows: list[Row] = []
    try:
        rows.extend(islice(source.rows(), SAMPLE_ROWS))
    except RetinueError:
        if not rows:
            raise
    return rows


def propose(store: Store, source: Source, sample: list[Any]) -> Mapping:
    """Propose a mapping; a column whose heading is a custom field's label or key fills that field."""
    config = store.declared.get("config")
    region = config.defaults.country if config is not None else ""
    mapping = propose_mapping(source.headings, sample, locale=source.reading.locale, region=region)
    known = {}
    for declared in list_custom_fields(store):
        known[slug(declared.key)] = known[slug(declared.label)] = declared.key
    taken = {column.target for column in mapping.columns}
    columns = []
    for column in mapping.columns:
        if column.target in _RIGHTS and not store.may(_RIGHTS[column.target]):
            column = Column(heading=column.heading)  # a proposal holds nothing that this person may not do
        key = known.get(slug(column.heading), "")  # what this house declared goes before what is usual
        if key and f"custom.{key}" not in taken:
            column = msgspec.structs.replace(column, target=f"custom.{key}", confidence=1.0)
            taken.add(column.target)
        columns.append(column)
    unknown = tuple(h for h in mapping.unknown if not next(c.target for c in columns if c.heading == h))
    suggestions = tuple(s for s in mapping.suggestions if s.heading in unknown)
    return with_kinds(
        store,
        msgspec.structs.replace(mapping, columns=tuple(columns), unknown=unknown, suggestions=suggestions),
    )


def with_kinds(store: Store, mapping: Mapping) -> Mapping:
    """Return the mapping with the kinds of custom fields as they are declared."""
    kinds = {f.key: f.kind for f in list_custom_fields(store)}

    def kind(column: Column) -> Column:
        declared = (
            kinds.get(column.target.removeprefix("custom."), "")
            if column.target.startswith("custom.")
            else ""
        )
        return msgspec.structs.replace(column, kind=declared) if declared in CUSTOM_KINDS else column

    return msgspec.structs.replace(mapping, columns=tuple(kind(column) for column in mapping.columns))


def missing_fields(store: Store, mapping: Mapping) -> list[dict[str, str]]:
    """Return the custom fields that a mapping fills and nobody has declared."""
    known = {declared.key for declared in list_custom_fields(store)}
    missing = []
    for column in mapping.columns:
        key = column.target.removeprefix("custom.")
        if column.target.startswith("custom.") and key not in known:
            missing.append({"key": key, "label": column.heading[:100], "kind": column.kind or "text"})
    return missing


# ---- choose ------------------------------------------------------------------------------------
def choose_mapping(
    store: Store, source: Source, data: Dict[str, Any], *, what: str
) -> Mapping | EventMapping | RowMapping:
    """Return the mapping that `data` gives, names or leaves to the proposal, checked against the file."""
    given = data.get("mapping")
    if data.get("saved"):
        given = _saved(store, data["saved"]).mapping
    sample = [row.cells for row in sample_rows(source)]
    if what not in WHATS:
        target = target_named(store, what)
        rows = propose_rows(target, source.headings, sample) if given is None else load_rows(given)
        return check_rows(_with_fixed(rows, data), target, source.headings)
    if what == "interactions":
        events = propose_events(source.headings, sample) if given is None else _converted(given, EventMapping)
        return check_events(events, source.headings, known_kinds(store))
    if given is None:
        mapping = propose(store, source, sample)
        mapping = with_suggestions(mapping) if data.get("create_fields") else mapping
    else:
        mapping = load_mapping(msgspec.json.encode(given))
        if data.get("saved"):
            mapping = fit_mapping(mapping, source.headings, sample)
    _check_headings(mapping, source)
    missing = missing_fields(store, mapping)
    if missing and given is None and not data.get("create_fields"):
        mapping = _left_out(mapping, {m["key"] for m in missing})
    elif missing and not data.get("create_fields"):
        problems = [Problem(f"/mapping/{m['key']}", "no such custom field", "unknown") for m in missing]
        remedy = "Declare it first, leave the column out, or say create_fields."
        raise Invalid(f"There is no custom field {missing[0]['key']}.", problems=problems, remedy=remedy)
    for declared in missing if data.get("create_fields") else ():
        kind = declared["kind"] if declared["kind"] not in ("choice", "multi_choice") else "text"
        create_custom_field(store, {**declared, "kind": kind})
    if data.get("on_fault"):
        columns = tuple(msgspec.structs.replace(c, on_fault=data["on_fault"]) for c in mapping.columns)
        mapping = msgspec.structs.replace(mapping, columns=columns)
    return with_kinds(store, check_mapping(mapping))


def _with_fixed(mapping: RowMapping, data: Dict[str, Any]) -> RowMapping:
    """Return the mapping with the values for all rows and the key of contacts that were given beside it."""
    given = {name: data[name] for name in ("contact_by", "decimal", "region") if data.get(name)}
    fixed = {**mapping.fixed, **(data.get("fixed") or {})}
    return load_rows({**msgspec.to_builtins(mapping), "fixed": fixed, **given})


def with_suggestions(mapping: Mapping) -> Mapping:
    """Return a proposal in which unknown columns fill the custom fields suggested for them."""
    fields = {s.heading: s for s in mapping.suggestions}

    def filled(column: Column) -> Column:
        found = fields.get(column.heading)
        if found is None:
            return column
        return msgspec.structs.replace(column, target=f"custom.{found.key}", kind=found.kind)

    return msgspec.structs.replace(mapping, columns=tuple(filled(column) for column in mapping.columns))


def _converted(given: Any, kind: Any) -> Any:
    try:
        return msgspec.convert(given, kind)
    except msgspec.ValidationError as fault:
        raise Invalid(
            f"The mapping cannot be read: {fault}.", problems=[Problem("/mapping", str(fault))]
        ) from fault


def _left_out(mapping: Mapping, keys: set[str]) -> Mapping:
    """Return a proposal without the columns whose custom field nobody declared."""
    columns = tuple(
        Column(heading=c.heading)
        if c.target.removeprefix("custom.") in keys and c.target.startswith("custom.")
        else c
        for c in mapping.columns
    )
    return msgspec.structs.replace(mapping, columns=columns)


def _check_headings(mapping: Mapping, source: Source) -> None:
    missing = [
        column.heading
        for column in mapping.columns
        if column.heading not in source.headings and column.target
    ]
    if missing:
        problems = [
            Problem("/mapping/columns", f"the file has no column “{heading}”") for heading in missing[:20]
        ]
        raise Invalid(
            f"The file has no column “{missing[0]}”.", problems=problems, remedy="Choose one of its headings."
        )
    if not any(column.target for column in mapping.columns):
        raise Invalid(
            "No column is mapped.",
            remedy="Say which column holds names, e-mails or telephones.",
            code="unmapped",
        )


def save_mapping(store: Store, name: str, what: str, mapping: Dict[str, Any]) -> SavedMapping:
    """Keep a mapping under a name; one of that name is replaced."""
    store.require("contact.import")
    found: SavedMapping | None = store.first(select(SavedMapping).where(SavedMapping.name == name))
    if found is None:
        found = SavedMapping(name=name, what=what, mapping={}, created_at=store.now)
        store.add(found)
    found.what, found.mapping = what, dict(mapping)
    store.flush()
    return found


def list_mappings(store: Store) -> list[SavedMapping]:
    """Return the saved mappings by name."""
    store.require("contact.import")
    return store.scalars(select(SavedMapping).order_by(SavedMapping.name))


def remove_mapping(store: Store, mapping_id: UUID) -> None:
    """Forget a saved mapping."""
    store.require("contact.import")
    store.remove(store.get(SavedMapping, mapping_id))
    store.flush()


def _saved(store: Store, name: str) -> SavedMapping:
    found: SavedMapping | None = store.first(select(SavedMapping).where(SavedMapping.name == name))
    if found is None:
        raise NotFound(f"There is no saved mapping “{name}”.")
    return found
