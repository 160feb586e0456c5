"""``/api/v1/keepsake``."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from retinue import Store
from retinue.web import get, patch
from retinue_keepsake import service
from retinue_keepsake.models import Card
from retinue_keepsake.schemas import CardChangeSchema, CardSchema

CARD, CHANGE = CardSchema(), CardChangeSchema(partial=True)


@get("/{contact_id:uuid}", permission="keepsake.read", gives=CARD, tags=["keepsake"])
def get_keepsake_card(store: Store, contact_id: UUID) -> Card:
    """Return the card of a contact."""
    return service.get_card(store, contact_id)


@patch("/{contact_id:uuid}", permission="keepsake.change", takes=CHANGE, gives=CARD, tags=["keepsake"])
def change_keepsake_card(store: Store, contact_id: UUID, data: dict[str, Any]) -> Card:
    """Change the card of a contact."""
    return service.change_card(store, contact_id, data)


ROUTES = [get_keepsake_card, change_keepsake_card]
