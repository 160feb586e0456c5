"""The page of one contact."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from litestar import Response

from retinue import Store
from retinue.lists import Catalogues
from retinue.relations import ROLES, known_kinds
from retinue_desk.base_routes import AnyRequest, Handlers, Pages
from retinue_desk.card import Card
from retinue_desk.deciding import read_unit
from retinue_desk.panels import show_panels
from retinue_desk.timeline import COMPOSED, read_page


def contact_routes(pages: Pages) -> Handlers:
    """Return the routes of a contact's page and of its pieces."""
    catalogues: Catalogues = pages.front.house.catalogues

    def card_of(store: Store, contact_id: UUID, *, looked_at: bool = False) -> Card:
        catalogue, speech = catalogues.of(store, "contact"), pages.front.speech(store)
        return Card(store, catalogue, contact_id, speech=speech, looked_at=looked_at)

    @pages.get("/contacts/{contact_id:uuid}", permission="contact.read")
    def contact_page(store: Store, request: AnyRequest, contact_id: UUID) -> Response[Any]:
        card = card_of(store, contact_id, looked_at=True)
        timeline = read_page(store, contact_id, card.speech)
        composed = [(name, label) for name in COMPOSED for key, label in timeline.kinds if key == name]
        return pages.answer(
            store,
            request,
            "desk/contact.html",
            card=card,
            timeline=timeline,
            composed=composed,
            unit=read_unit(store, card),
            relation_kinds=relation_choices(store),
            roles=ROLES,
            panels=show_panels(pages.front, store, card.speech, contact_id),
        )

    @pages.get("/contacts/{contact_id:uuid}/details", permission="contact.read")
    def contact_details(store: Store, contact_id: UUID) -> Response[Any]:
        card = card_of(store, contact_id)
        panels = show_panels(pages.front, store, card.speech, contact_id)
        unit = read_unit(store, card)
        return pages.part(store, "desk/contact_details.html", card=card, panels=panels, unit=unit)

    @pages.get("/contacts/{contact_id:uuid}/timeline", permission="contact.read")
    def contact_timeline(store: Store, contact_id: UUID, kind: str = "", before: str = "") -> Response[Any]:
        speech = pages.front.speech(store)
        timeline = read_page(store, contact_id, speech, kind=kind, before=before)
        template = "desk/timeline_entries.html" if before else "desk/timeline.html"
        return pages.part(store, template, timeline=timeline, contact_id=contact_id)

    return [contact_page, contact_details, contact_timeline]


def relation_choices(store: Store) -> list[tuple[str, str]]:
    """Return the kinds of relation by their names from either end, as the composer of a relation offers them."""
    found: dict[str, str] = {}
    for kind in known_kinds(store).values():
        found[kind.name] = kind.label
        found[kind.inverse] = kind.inverse_label
    return list(found.items())
