"""What the relations room answers to hooks, as any plugin would."""

from __future__ import annotations

from collections.abc import Sequence

from retinue.contacts.models import Contact
from retinue.plugins import hookimpl
from retinue.relations.service import move_relations
from retinue.storage import Store


@hookimpl
def contacts_merged(store: Store, survivor: Contact, merged: Sequence[Contact]) -> None:
    """Move the relations of the merged contacts."""
    move_relations(store, survivor.id, [contact.id for contact in merged])
