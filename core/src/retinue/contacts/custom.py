"""Custom fields declared at run time, and which fields are mandatory: never a change of a table."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import func, select

from retinue.contacts.drafts import KNOWN
from retinue.contacts.models import Contact, CustomField, FieldRule
from retinue.contacts.values import CUSTOM_KINDS
from retinue.errors import Conflict, Invalid, Problem

if TYPE_CHECKING:
    from retinue.storage import Store

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,48}[a-z0-9]|[a-z]")
_BATCH: Final = 500
MAX_FIELDS: Final = 300


def list_custom_fields(store: Store) -> list[CustomField]:
    """Return all custom fields in their order."""
    return store.scalars(select(CustomField).order_by(CustomField.position, CustomField.key))


def create_custom_field(store: Store, values: Mapping[str, Any], *, plugin: str | None = None) -> CustomField:
    """Declare a field: key, label, kind, and for choices the choices; at once usable in drafts, filters, export.

    With `plugin` it goes with that plugin: uninstalling it takes the field and its values away, after an export.
    Without, it is the installation's own, also where a plugin made it for somebody, as an import does.
    """
    store.require("field.create")
    problems = _judge(values)
    if store.first(select(CustomField).where(CustomField.key == values.get("key"))) is not None:
        problems.append(Problem("/key", "taken by another custom field", "taken"))
    count = store.scalar(select(func.count()).select_from(CustomField))
    if count >= MAX_FIELDS:
        problems.append(Problem("", f"there are {MAX_FIELDS} custom fields already"))
    if problems:
        raise Invalid("the field is not valid", problems=problems)
    made = CustomField(
        key=values["key"],
        label=values["label"],
        kind=values["kind"],
        choices=values.get("choices"),
        protection=values.get("protection", "open"),
        is_personal=values.get("is_personal", True),
        purpose=values.get("purpose", ""),
        position=values.get("position", count),
        plugin=plugin,
    )
    store.add(made)
    store.flush()
    store.session.info.pop("contact_rules", None)
    return made


def _judge(values: Mapping[str, Any]) -> list[Problem]:
    problems = []
    key, kind = values.get("key") or "", values.get("kind")
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        problems.append(Problem("/key", "use up to 50 small letters, digits and _, beginning with a letter"))
    if not values.get("label") or len(values["label"]) > 100:
        problems.append(Problem("/label", "a label of 1 to 100 characters is missing", "required"))
    if kind not in CUSTOM_KINDS:
        problems.append(Problem("/kind", f"none of: {', '.join(CUSTOM_KINDS)}"))
    if values.get("protection", "open") not in ("open", "sealed"):
        problems.append(Problem("/protection", "neither open nor sealed"))
    if kind in ("choice", "multi_choice") and not values.get("choices"):
        problems.append(Problem("/choices", "a choice needs its choices", "required"))
    return problems


def change_custom_field(store: Store, field_id: UUID, changes: Mapping[str, Any]) -> CustomField:
    """Change label, choices (only adding), purpose or position; key, kind and protection stay as declared."""
    store.require("field.change")
    declared = store.get(CustomField, field_id)
    fixed = sorted(
        n for n in ("key", "kind", "protection") if n in changes and changes[n] != getattr(declared, n)
    )
    if fixed:
        problems = [
            Problem(f"/{n}", "cannot be changed; declare a new field and move the values") for n in fixed
        ]
        raise Invalid("the field is not valid", problems=problems)
    lost = set(declared.choices or ()) - set(changes.get("choices", declared.choices) or ())
    if lost:
        raise Invalid(
            "choices in use",
            problems=[Problem("/choices", f"cannot be taken away: {', '.join(sorted(lost))}")],
        )
    for name in ("label", "choices", "purpose", "position", "is_personal"):
        if name in changes:
            setattr(declared, name, changes[name])
    store.flush()
    store.session.info.pop("contact_rules", None)
    return declared


def count_custom_values(store: Store, field_id: UUID) -> int:
    """Return how many contacts have a value in an open custom field."""
    declared = store.get(CustomField, field_id)
    system = store.system("count values of a custom field")
    return sum(
        1
        for rows in system.stream(select(Contact.custom))
        for (custom,) in rows
        if declared.key in (custom or {})
    )


def remove_custom_field(store: Store, field_id: UUID, *, confirm: str = "") -> dict[str, Any]:
    """Remove a field and its values; returns an export of them: contact id → value.

    Needs `confirm` equal to the key while contacts have values, else raises Conflict with their number.
    """
    store.require("field.remove")
    declared = store.get(CustomField, field_id)
    count = count_custom_values(store, field_id) if declared.protection == "open" else None
    if count != 0 and confirm != declared.key:
        raise Conflict(
            f"{count if count is not None else 'sealed'} values would be removed",
            code="confirm",
            remedy=f"Repeat with confirm={declared.key}; the answer will hold an export of the values.",
            extra={"values": count},
        )
    export = _strip_values(store, declared)
    store.remove(declared)
    store.flush()
    store.session.info.pop("contact_rules", None)
    return export


def _strip_values(store: Store, declared: CustomField) -> dict[str, Any]:
    system, last = store.system("remove a custom field"), UUID(int=0)
    export: dict[str, Any] = {}
    name = "custom" if declared.protection == "open" else "custom_sealed"
    while True:
        page = system.scalars(select(Contact).where(Contact.id > last).order_by(Contact.id).limit(_BATCH))
        if not page:
            return export
        last = page[-1].id
        system.unseal(page)
        for contact in page:
            values = dict(getattr(contact, name) or {})
            if declared.key in values:
                export[str(contact.id)] = values.pop(declared.key)
                setattr(contact, name, values)
        system.flush()


def set_field_rule(
    store: Store, name: str, *, required: bool, kind: str | None = None, plugin: str | None = None
) -> FieldRule:
    """Make a field mandatory or free, the same for forms, API, web forms and imports.

    `name` is a contact's field or ``custom.<key>``; `kind` limits it to persons or organisations. With `plugin` a new
    rule goes with that plugin.
    """
    store.require("field.change")
    keys = {f"custom.{f.key}" for f in list_custom_fields(store)}
    if name not in KNOWN and name not in keys:
        raise Invalid("no such field", problems=[Problem("/name", f"{name} is no field of a contact")])
    rule: FieldRule | None = store.first(select(FieldRule).where(FieldRule.name == name))
    if rule is None:
        rule = FieldRule(name=name, plugin=plugin)
        store.add(rule)
    rule.required, rule.kind = required, kind
    store.flush()
    store.session.info.pop("contact_rules", None)
    return rule


def list_field_rules(store: Store) -> list[FieldRule]:
    """Return the rules by field name."""
    return store.scalars(select(FieldRule).order_by(FieldRule.name))
