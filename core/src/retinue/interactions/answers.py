"""What the interactions room answers to hooks, as any plugin would."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from retinue.contacts.models import Contact
from retinue.interactions.service import move_interactions, refresh_contacts
from retinue.plugins import hookimpl
from retinue.storage import Store, touched_contacts


@hookimpl
def contacts_merged(store: Store, survivor: Contact, merged: Sequence[Contact]) -> None:
    """Move the timelines of the merged contacts."""
    move_interactions(store, survivor.id, [contact.id for contact in merged])


@hookimpl
def change_sets_reverted(store: Store, change_set_ids: Sequence[UUID]) -> None:
    """Derive the dates of the last interaction again."""
    for change_set_id in change_set_ids:
        refresh_contacts(store, touched_contacts(store, change_set_id))
