"""Letters that another plugin owes people, written by it: taken where they can be sent, kept sealed, sent as any letter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue_email import recipients
from retinue_email.models import BOUNCED, CANCELLED, DOUBT, FAILED, REFUSED, SENT, Delivery, Template
from retinue_email.service import order_letter
from retinue_email.templates import SERVICE, create_template

TEMPLATE: Final = "owed-letter"
_PREFIX: Final = "owed "
_NEVER: Final = (BOUNCED, CANCELLED, DOUBT, FAILED, REFUSED)
_DRAFT: Final = {
    "key": TEMPLATE, "name": "Letters that are owed", "kind": "letter", "purpose": SERVICE, "words": ["subject", "body"],
    "texts": [
        {
            "language": "en", "subject": "{{ subject }}", "text": "{{ body }}",
            "source": '<div style="white-space: pre-wrap">{{ body }}</div>',
        }
    ],
}  # fmt: skip


def choose_letters(store: Store, letters: Sequence[Any]) -> list[UUID]:
    """Return which letters can be sent: a mail server is set, and the person is there and has an address."""
    own = store.system("letters that are owed")
    said = own.settings("email")
    if not said["host"] or not said["from_address"]:
        return []
    people = recipients.read_recipients(own, [letter.contact_id for letter in letters])
    reached = {contact_id for contact_id, person in people.items() if person.address}
    refused = recipients.refusals_by_gate(own, reached, SERVICE)
    return [letter.id for letter in letters if letter.contact_id in reached - set(refused)]


def keep_letters(store: Store, letters: Sequence[Any]) -> None:
    """Order the letters that are ours, once each; what they say is sealed until it is sent."""
    ours = set(choose_letters(store, letters))
    if not ours:
        return
    own = store.system("letters that are owed")
    template: Template | None = own.first(select(Template).where(Template.key == TEMPLATE))
    if template is None:
        create_template(own, _DRAFT)
        template = own.first(select(Template).where(Template.key == TEMPLATE))
    assert template is not None  # the lines before
    for letter in letters:
        if letter.id in ours:
            values = {"subject": letter.subject, "body": letter.body}
            order_letter(own, template, letter.contact_id, values=values, key=f"{_PREFIX}{letter.id}")


def tell_outcomes(store: Store, letter_ids: Sequence[UUID]) -> list[tuple[UUID, bool]]:
    """Return what became of letters: accepted by the recipient's server, or never sent; what is under way is left out."""
    own = store.system("letters that are owed")
    keys = {f"{_PREFIX}{one}": one for one in letter_ids}
    rows = own.rows(select(Delivery.key, Delivery.state).where(Delivery.key.in_(keys)))
    return [(keys[key], state == SENT) for key, state in rows if state == SENT or state in _NEVER]
