"""Leaving: what a link in a letter does, for whoever holds it; the letter names the address, the purpose and the reader."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from retinue import Store
from retinue.errors import NotFound
from retinue_email.making import Desk, read_link_token
from retinue_email.models import UNSUBSCRIBE, UNSUBSCRIBED, Delivery, DeliveryEvent
from retinue_email.suppression import add_suppression


@dataclass(frozen=True, slots=True)
class Leaving:
    """What a page says of a link: for which purpose letters come, and who sends them."""

    purpose: str
    company: str


def read_leaving(store: Store, token: str) -> Leaving:
    """Return what a link is about; raises NotFound for one that was changed or made up."""
    own, desk, letter_id = _open(store, token)
    row = own.find(Delivery, letter_id)
    return Leaving(row.purpose if row is not None else "", desk.company)


def leave(store: Store, token: str, source: str) -> Leaving:
    """Keep the letter's address out of its purpose from now on; done twice, or after an erasure, it is done."""
    own, desk, letter_id = _open(store, token)
    row = own.find(Delivery, letter_id)
    address = row.token if row is not None else None  # an erasure takes it away
    if row and address and add_suppression(own, address, UNSUBSCRIBED, source=source, scope=row.purpose):
        event = {"delivery_id": row.id, "kind": UNSUBSCRIBE, "at": own.now, "enhanced": "", "source": source}
        own.insert_many(DeliveryEvent, [event])
    return Leaving(row.purpose if row is not None else "", desk.company)


def _open(store: Store, token: str) -> tuple[Store, Desk, UUID]:
    own = store.system("unsubscribe")
    desk = Desk.of(own)
    letter_id = read_link_token(desk.secret, token)
    if letter_id is None:
        raise NotFound(
            "This link is not valid.", code="link-invalid", remedy="Use the link of a newer letter."
        )
    return own, desk, letter_id
