"""Addresses that are not written to: by their tokens alone, for everything or for one purpose."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, delete, exists, or_, select

from retinue import Store, new_id
from retinue.contacts import holders_of
from retinue_email.models import BY_HAND, Delivery, Suppression


def address_token(store: Store, address: str) -> bytes:
    """Return the blind token of an address, the same that the index of contacts holds."""
    return store.blind_token("email", address.casefold())


def domain_token(store: Store, domain: str) -> bytes:
    """Return the blind token of a mail domain."""
    return store.blind_token("email_domain", domain.casefold())


def is_suppressed() -> ColumnElement[bool]:
    """Return the condition of deliveries whose address is not written to, for the statement that takes them."""
    reaches = or_(Suppression.scope == "", Suppression.scope == Delivery.purpose)
    return exists(
        select(Suppression.id).where(Suppression.token == Delivery.token, reaches).correlate(Delivery)
    )


def add_suppression(own: Store, token: bytes, reason: str, *, source: str, scope: str = "") -> bool:
    """Keep an address out, of everything or of one purpose; returns whether that is new. `own` is the system's store."""
    known = select(Suppression.id).where(Suppression.token == token, Suppression.scope == scope)
    if own.first(known):
        return False
    row = {
        "id": new_id(), "token": token, "scope": scope, "reason": reason, "source": source[:60],
        "created_at": own.now,
    }  # fmt: skip
    own.insert_many(Suppression, [row])
    return True


def suppress_address(store: Store, address: str, scope: str = "") -> bool:
    """Keep an address out by hand; returns whether that is new."""
    store.require("email_suppression.change")
    own = store.system("keep an address out")
    added = add_suppression(own, address_token(own, address), BY_HAND, source="by hand", scope=scope)
    store.record("email_suppression.change", detail={"kept_out": added, "scope": scope})
    return added


def release_address(store: Store, address: str, scope: str = "") -> int:
    """Let an address be written to again; returns how many entries went."""
    store.require("email_suppression.change")
    own = store.system("let an address in")
    mine = (Suppression.token == address_token(own, address), Suppression.scope == scope)
    gone = own.change(delete(Suppression).where(*mine))
    store.record("email_suppression.change", detail={"released": gone, "scope": scope})
    return gone


def find_suppressions(store: Store, address: str) -> list[Suppression]:
    """Return why an address is not written to, if it is not."""
    store.require("email_suppression.read")
    own = store.system("look an address up")
    chosen = select(Suppression).where(Suppression.token == address_token(own, address))
    return own.scalars(chosen.order_by(Suppression.created_at))


def suppressions_of(store: Store, tokens: Iterable[bytes]) -> dict[bytes, list[Suppression]]:
    """Return the entries of some addresses, for the card of a contact."""
    found: dict[bytes, list[Suppression]] = {}
    wanted = list(tokens)
    if wanted:
        chosen = select(Suppression).where(Suppression.token.in_(wanted)).order_by(Suppression.created_at)
        for row in store.system("show what is kept out").scalars(chosen):
            found.setdefault(row.token, []).append(row)
    return found


def holders(store: Store, token: bytes) -> list[UUID]:
    """Return who holds an address, of those the actor sees."""
    return holders_of(store, [token]).get(token, [])


def describe_suppression(row: Suppression) -> dict[str, Any]:
    """Return an entry as plain values, without the token."""
    return {name: getattr(row, name) for name in ("scope", "reason", "source", "created_at")}
