"""Keepsake: every contact collects points. This page answers hooks; what they do stands in `service`."""

from __future__ import annotations

from collections.abc import Sequence

from retinue import Store, hookimpl
from retinue.contacts import Contact
from retinue_keepsake import service


@hookimpl
def contacts_created(store: Store, contacts: Sequence[Contact]) -> None:
    """Give the new contacts a card."""
    service.open_cards(store, [contact.id for contact in contacts])


@hookimpl
def contacts_merged(store: Store, survivor: Contact, merged: Sequence[Contact]) -> None:
    """Put the points of the merged contacts together."""
    service.merge_cards(store, survivor.id, [contact.id for contact in merged])
