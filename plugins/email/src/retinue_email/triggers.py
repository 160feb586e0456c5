"""Letters by themselves: when another plugin announces an event, its contact gets a template, once for each thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid
from retinue_email.models import Template, Trigger
from retinue_email.service import order_letter

ORDER: Final = "email.order_letters"
AT_ONCE: Final = 50
"""An announcement about more things than this is a file being read in, and nobody is written to for it."""


def list_triggers(store: Store) -> list[dict[str, Any]]:
    """Return which events send which template."""
    store.require("email_template.read")
    chosen = select(Trigger, Template.key).join(Template, Template.id == Trigger.template_id)
    return [_described(row, key) for row, key in store.rows(chosen.order_by(Trigger.event, Trigger.id))]


def _described(row: Trigger, template: str) -> dict[str, Any]:
    names = ("id", "event", "template_id", "active", "created_at")
    return {**{name: getattr(row, name) for name in names}, "template": template}


def create_trigger(store: Store, draft: Mapping[str, Any]) -> dict[str, Any]:
    """Let an event send a template; raises Invalid for a template whose words no event brings, Conflict for a second one."""
    store.require("email_template.change")
    template = store.get(Template, draft["template_id"])
    if template.words:
        detail = f"the template {template.key} has words of its own, which no event brings"
        raise Invalid("the letter does not fit", problems=[Problem("/template_id", detail, "own-words")])
    same = (Trigger.event == draft["event"], Trigger.template_id == template.id)
    if store.first(select(Trigger.id).where(*same)):
        raise Conflict(f"{draft['event']} sends {template.key} already", code="trigger-exists")
    row = Trigger(
        id=new_id(), event=draft["event"], template_id=template.id, active=draft.get("active", True), created_at=store.now,
    )  # fmt: skip
    store.add(row)
    store.deed("email_template.change", template.name)
    store.flush()
    return _described(row, template.key)


def switch_trigger(store: Store, trigger_id: UUID, active: bool) -> dict[str, Any]:
    """Switch a letter by itself on or off."""
    store.require("email_template.change")
    row = store.get(Trigger, trigger_id, lock=True)
    row.active = active
    template = store.get(Template, row.template_id)
    store.deed("email_template.change", template.name)
    store.flush()
    return _described(row, template.key)


def notice_event(store: Store, event: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Leave a job for each template that an event sends, in the transaction of what happened."""
    if not items or len(items) > AT_ONCE:
        return
    own = store.system("letters by themselves")
    wanted = [
        {"id": str(item["id"]), "contact_id": str(item["contact_id"])}
        for item in items
        if item.get("id") and _is_id(item.get("contact_id"))
    ]
    for row in own.scalars(select(Trigger).where(Trigger.event == event, Trigger.active)) if wanted else []:
        store.later(ORDER, {"trigger_id": str(row.id), "items": wanted})


def _is_id(value: Any) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True


def order_letters(store: Store, payload: Mapping[str, Any]) -> int:
    """Job: order the letters of one announcement; told again, each thing has its letter already. Returns how many are new."""
    row = store.find(Trigger, UUID(payload["trigger_id"]))
    template = store.find(Template, row.template_id) if row is not None else None
    if row is None or template is None or not row.active or template.retired_at is not None:
        return 0
    ids = [UUID(item["contact_id"]) for item in payload["items"]]
    there = set(store.scalars(select(Contact.id).where(Contact.id.in_(ids))))
    made = 0
    for item, contact_id in zip(payload["items"], ids, strict=True):
        if contact_id in there:
            key = f"{row.event} {row.id.hex} {item['id']}"[:120]
            made += not order_letter(store, template, contact_id, values={}, key=key)["repeated"]
    return made
