"""Helpers of the tests: people, purposes, requests, the clock of the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from retinue.contacts import create_contact
from retinue.testing.house import Crm
from retinue_gdpr.purposes import add_wording, ensure_beginnings, find_purpose

TEXT = "I agree that Example Ltd sends me its newsletter by e-mail."


def person(crm: Crm, name: str = "Eva", **draft: Any) -> UUID:
    """Create a person with an e-mail address of their own."""
    with crm.store() as store:
        values = {
            "kind": "person",
            "given_name": name,
            "emails": [{"value": f"{name.lower()}@example.cz"}],
            **draft,
        }
        made: UUID = create_contact(store, values, on_duplicate="allow").id
        return made


def begin(crm: Crm) -> dict[str, UUID]:
    """Create the first purposes with a text for each that needs a consent; returns their ids."""
    with crm.store() as store:
        ensure_beginnings(store)
        ids = {key: find_purpose(store, key).id for key in ("service", "marketing", "newsletter")}
        for key in ("marketing", "newsletter"):
            body = f"{TEXT} ({key})"
            add_wording(
                store,
                {"kind": "consent", "purpose_id": ids[key], "language": "en", "body": body, "subject": key},
            )
    return ids


def say(crm: Crm, contact_id: UUID, purpose: str, event: str, **more: Any) -> list[dict[str, Any]]:
    """Record over the API what somebody said; by e-mail unless `channels` are named."""
    draft = {"purpose": purpose, "event": event, "method": "written", "channels": ["email"], **more}
    answer = crm.user().client.post(f"/gdpr/contacts/{contact_id}/consents", {"events": [draft]})
    assert answer.status_code == 201, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


def set_to(crm: Crm, **values: Any) -> None:
    """Change settings of the plugin."""
    answer = crm.user().client.patch("/plugins/gdpr/settings", {"values": values})
    assert answer.status_code == 200, answer.text


def moment(text: str) -> datetime:
    """Return an instant."""
    return datetime.fromisoformat(text)
