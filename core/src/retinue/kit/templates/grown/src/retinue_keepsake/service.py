"""What the plugin does, each deed one function of the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import exists, select

from retinue import Store
from retinue.contacts import Contact
from retinue_keepsake.models import Card

BATCH = 500


def get_card(store: Store, contact_id: UUID) -> Card:
    """Return the card of a contact; raises NotFound for a contact that the actor does not see."""
    store.require("keepsake.read")
    return _card_of(store, contact_id)


def find_card(store: Store, contact_id: UUID) -> Card | None:
    """Return the card of a contact, None for one that has none."""
    store.require("keepsake.read")
    card: Card | None = store.first(select(Card).where(Card.contact_id == contact_id))
    return card


def change_card(store: Store, contact_id: UUID, changes: Mapping[str, Any]) -> Card:
    """Change points or remark of a contact's card."""
    store.require("keepsake.change")
    card = _card_of(store, contact_id)
    for name, value in changes.items():
        setattr(card, name, value)
    store.flush()
    return card


def _card_of(store: Store, contact_id: UUID) -> Card:
    store.get(Contact, contact_id)
    card: Card | None = store.first(select(Card).where(Card.contact_id == contact_id))
    if card is None:
        card = Card(contact_id=contact_id)
        store.add(card)
        store.flush()
    return card


def open_cards(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Give contacts that are new a card, all with one statement."""
    points = store.settings("keepsake")["welcome"]
    store.insert_many(Card, [{"contact_id": contact_id, "points": points} for contact_id in contact_ids])


def merge_cards(store: Store, survivor_id: UUID, merged_ids: Sequence[UUID]) -> None:
    """Put the points of merged contacts onto the survivor's card."""
    cards = store.scalars(select(Card).where(Card.contact_id.in_([survivor_id, *merged_ids])))
    kept = next((card for card in cards if card.contact_id == survivor_id), None)
    if kept is None:
        kept = Card(contact_id=survivor_id, points=0)
        store.add(kept)
    for card in cards:
        if card is not kept:
            kept.points += card.points
            store.remove(card)
    store.flush()


def open_missing_cards(store: Store, _payload: Mapping[str, Any]) -> None:
    """Give contacts from before the plugin was enabled a card; twice does no harm."""
    has_card = exists().where(Card.contact_id == Contact.id)
    missing = select(Contact.id).where(~has_card).order_by(Contact.id).limit(BATCH)
    if found := store.scalars(missing):
        open_cards(store, found)
    if len(found) == BATCH:
        store.later("keepsake.open_cards", {})
