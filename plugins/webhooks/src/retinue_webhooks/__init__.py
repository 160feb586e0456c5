"""Signed webhooks: other systems hear of changes within seconds and fetch what they may see by the API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from retinue import FieldChange, Store, hookimpl
from retinue_webhooks import service


@hookimpl
def contacts_created(store: Store, contacts: Sequence[Any]) -> None:
    """Announce ``contact.created``."""
    service.announce_contacts(store, "contact.created", contacts)


@hookimpl
def contacts_changed(store: Store, contacts: Sequence[Any], changes: Sequence[FieldChange]) -> None:
    """Announce ``contact.changed`` with the names of the fields."""
    service.announce_changes(store, contacts, changes)


@hookimpl
def contacts_removed(store: Store, contacts: Sequence[Any]) -> None:
    """Announce ``contact.removed``."""
    service.announce_contacts(store, "contact.removed", contacts)


@hookimpl
def contacts_merged(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Announce ``contact.merged`` with the ids that are no more."""
    service.announce_merge(store, survivor, merged)


@hookimpl
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Announce ``contact.erased``: the consumer erases too."""
    service.announce(store, "contact.erased", [{"id": str(contact_id)} for contact_id in contact_ids])


@hookimpl
def interactions_recorded(store: Store, interactions: Sequence[Any]) -> None:
    """Announce ``interaction.recorded``."""
    service.announce_interactions(store, interactions)


@hookimpl
def events_announced(store: Store, event: str, items: Sequence[Mapping[str, Any]]) -> None:
    """Announce what another plugin declared."""
    service.announce(store, event, items)
