"""What the staff's pages show; these functions read, a page changes things through the API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.ui import PageRequest
from retinue_keepsake import service
from retinue_keepsake.models import Card

SHOWN = 20


def show_card(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return the points and the remark of a contact; None for one without a card."""
    card = service.find_card(store, contact_id)
    return {"points": card.points, "remark": card.remark} if card else None


def show_overview(store: Store, request: PageRequest) -> dict[str, Any]:
    """Return the contacts with the most points; ``?least=…`` leaves out those with fewer."""
    least = request.query.get("least", "")
    found = select(Contact.id, Contact.name, Card.points).join(Card, Card.contact_id == Contact.id)
    found = found.where(Card.points >= (int(least) if least.isdecimal() else 1))
    rows = store.rows(found.order_by(Card.points.desc(), Contact.id).limit(SHOWN))
    return {"rows": [{"id": row.id, "name": row.name, "points": row.points} for row in rows]}
