"""The hand-over brief: what whoever takes over a contact has to know, on paper."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response
from sqlalchemy import select

from retinue import Promise, Store
from retinue.errors import Denied
from retinue.interactions import Interaction, list_promises
from retinue.lists import Catalogues
from retinue_desk.base_routes import AnyRequest, Handlers, Pages
from retinue_desk.card import Card
from retinue_desk.deciding import read_unit
from retinue_desk.timeline import read_page

_DECIDING = ("decided_by", "decides_for")


def brief_routes(pages: Pages) -> Handlers:
    """Return the route of the brief."""
    catalogues: Catalogues = pages.front.house.catalogues

    @pages.get("/contacts/{contact_id:uuid}/brief", permission="contact.read")
    def hand_over_brief(store: Store, request: AnyRequest, contact_id: UUID) -> Response[Any]:
        speech = pages.front.speech(store)
        card = Card(store, catalogues.of(store, "contact"), contact_id, speech=speech, looked_at=True)
        return pages.answer(
            store,
            request,
            "desk/brief.html",
            card=card,
            unit=read_unit(store, card),
            deciding=[link for link in card.relations if link.kind in _DECIDING],
            promises=open_promises(store, contact_id),
            happened=count_interactions(store, contact_id),
            timeline=read_page(store, contact_id, speech),
        )

    return [hand_over_brief]


def open_promises(store: Store, contact_id: UUID) -> list[Promise]:
    """Return what is still owed; nothing to somebody who may not see the history."""
    if not store.may("interaction.read"):
        return []
    try:
        return list_promises(store, contact_id)
    except Denied:
        return []


def count_interactions(store: Store, contact_id: UUID) -> int:
    """Return how many interactions there were; promises are counted apart."""
    if not store.may("interaction.read"):
        return 0
    chosen = select(Interaction.id).where(
        Interaction.contact_id == contact_id, Interaction.hidden.is_(False), Interaction.kind != "promise"
    )
    return store.count(chosen)
