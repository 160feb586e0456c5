"""What a row changes of a contact that is there: values are replaced, lists grow, nothing is emptied."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.contacts import Contact, DraftRules, clean_draft, describe_contacts
from retinue_io.matching import CHUNK

_IDENTITY = {"emails": "value", "phones": "e164", "socials": "value"}


def current_values(store: Store, ids: Sequence[UUID]) -> dict[UUID, dict[str, Any]]:
    """Return contacts as the actor may read them, by id, in the form that `changes_of` compares."""
    found: dict[UUID, dict[str, Any]] = {}
    for start in range(0, len(ids), CHUNK):
        rows = store.scalars(select(Contact).where(Contact.id.in_(ids[start : start + CHUNK])))
        for values in describe_contacts(store, rows):
            found[values["id"]] = {name: _plain(value) for name, value in values.items()}
    return found


def judge_changes(
    store: Store, drafts: Sequence[tuple[UUID, Mapping[str, Any]]]
) -> tuple[list[dict[str, Any]], list[Problem]]:
    """Return the cleaned values of changes and all complaints, the plugins' too; pointers begin ``/N/``."""
    rules = DraftRules.load(store)
    cleaned = [clean_draft(raw, rules, base=f"/{n}", partial=True) for n, (_, raw) in enumerate(drafts)]
    problems = [problem for draft in cleaned for problem in draft.problems]
    asked = [{**draft.values, "id": ids} for draft, (ids, _) in zip(cleaned, drafts, strict=True)]
    problems += store.hooks.contact_errors(store=store, contacts=asked)
    return [draft.values for draft in cleaned], problems


def changes_of(current: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of `values` the contact does not have yet, ready for `change_contact`."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        old = current.get(name)
        if name == "custom":
            fresh = {k: v for k, v in (value or {}).items() if _plain((old or {}).get(k)) != _plain(v)}
            if fresh:
                changes[name] = fresh
        elif name == "tags":
            known = {tag.casefold() for tag in old or ()}
            if more := [tag for tag in value or () if tag.casefold() not in known]:
                changes[name] = [*(old or ()), *more]
        elif isinstance(value, list):
            if more := _missing(old or [], value, name):
                changes[name] = [*(old or []), *more]
        elif _plain(value) != _plain(old):
            changes[name] = value
    return changes


def merged(current: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return the contact as it is after `changes`."""
    custom = {**(current.get("custom") or {}), **(changes.get("custom") or {})}
    plain = {name: _plain(value) for name, value in changes.items()}
    return {**current, **plain, "custom": {key: _plain(value) for key, value in custom.items()}}


def _missing(old: list[Any], new: list[Any], name: str) -> list[Any]:
    if name == "addresses":
        return [entry for entry in new if not any(_within(entry, known) for known in old)]
    part = _IDENTITY.get(name, "value")
    known = {str(entry.get(part, "")).casefold() for entry in old}
    return [entry for entry in new if str(entry.get(part, "")).casefold() not in known]


def _within(entry: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    return all(known.get(part) == value for part, value in entry.items() if part != "label")


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    return str(value) if isinstance(value, UUID) else value
