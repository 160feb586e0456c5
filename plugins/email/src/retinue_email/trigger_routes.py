"""``/api/v1/email/triggers``: which events send which template."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import get, patch, post
from retinue_email import triggers
from retinue_email.schemas import TriggerChangeSchema, TriggerDraftSchema, TriggerSchema

TRIGGER, DRAFT, CHANGE = TriggerSchema(), TriggerDraftSchema(), TriggerChangeSchema()


@get("/triggers", permission="email_template.read", gives=TRIGGER, tags=["email"])
def list_email_triggers(store: Store) -> list[dict[str, Any]]:
    """List which events send which template."""
    return triggers.list_triggers(store)


@post("/triggers", permission="email_template.change", takes=DRAFT, gives=TRIGGER, tags=["email"])
def create_email_trigger(store: Store, data: dict[str, Any]) -> dict[str, Any]:
    """Let an event, such as order.paid, send a template to its contact, once for each thing."""
    return triggers.create_trigger(store, data)


@patch(
    "/triggers/{trigger_id:uuid}", permission="email_template.change", takes=CHANGE, gives=TRIGGER, tags=["email"]
)  # fmt: skip
def switch_email_trigger(store: Store, trigger_id: UUID, data: dict[str, Any]) -> dict[str, Any]:
    """Switch it on or off."""
    return triggers.switch_trigger(store, trigger_id, data["active"])


ROUTES = [list_email_triggers, create_email_trigger, switch_email_trigger]
