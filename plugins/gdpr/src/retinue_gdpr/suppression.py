"""Addresses that must not come back or be written to, kept as keyed hashes alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Problem, Store
from retinue.contacts import Contact, exact_tokens, held_tokens
from retinue.errors import Invalid, NotFound
from retinue_gdpr.models import Suppression

_BLOCKS = ("erased", "restricted")
"""Reasons that keep an address from being entered again; the others only keep it from being written to."""


def address_tokens(store: Store, address: str) -> list[bytes]:
    """Return the keyed hash of an e-mail address or a phone number in its international form; raises Invalid."""
    text = address.strip()
    entry = {"emails": [{"value": text}]} if "@" in text else {"phones": [{"e164": text}]}
    if "@" not in text and not (text.startswith("+") and text[1:].isdigit()):
        word = "neither an e-mail address nor a number as +420225006555"
        raise Invalid("the address is not valid", problems=[Problem("/address", word)])
    return list(exact_tokens(store, entry))


def suppress_tokens(store: Store, tokens: Iterable[bytes], reason: str) -> int:
    """Put keyed hashes on the list; returns how many were new."""
    own, wanted = store.system("suppress"), list(tokens)
    known = set(
        own.scalars(
            select(Suppression.token).where(Suppression.token.in_(wanted), Suppression.reason == reason)
        )
    )
    fresh = [token for token in dict.fromkeys(wanted) if token not in known]
    own.add(*(Suppression(token=token, reason=reason, created_at=store.now) for token in fresh))
    own.flush()
    return len(fresh)


def suppress_address(store: Store, address: str, reason: str) -> int:
    """Put an address on the list; what is kept is a keyed hash."""
    store.require("suppression.change")
    return suppress_tokens(store, address_tokens(store, address), reason)


def release_address(store: Store, address: str, *, evidence: str) -> int:
    """Take an address off the list because its holder gave a new consent; the audit keeps that there was evidence.

    Raises Invalid without evidence, NotFound if the address is not on the list.
    """
    store.require("suppression.change")
    if not evidence.strip():
        raise Invalid(
            "evidence is missing", problems=[Problem("/evidence", "say how they agreed", "required")]
        )
    released = release_tokens(store, address_tokens(store, address))
    if not released:
        raise NotFound("This address is not on the list.")
    store.record("suppression.release", detail={"count": released})
    return released


def release_tokens(store: Store, tokens: Iterable[bytes], reasons: Sequence[str] = ()) -> int:
    """Take keyed hashes off the list; returns how many rows went."""
    own = store.system("release")
    chosen = select(Suppression).where(Suppression.token.in_(list(tokens)))
    rows = own.scalars(chosen.where(Suppression.reason.in_(reasons)) if reasons else chosen)
    for row in rows:
        own.remove(row)
    own.flush()
    return len(rows)


def tokens_of_contact(store: Store, contact_id: UUID) -> list[bytes]:
    """Return the keyed hashes of all addresses of a contact, also of one whose addresses nobody can open any more."""
    contact = store.raw("hash addresses").get(  # merged into another, it is seen by nobody
        Contact, contact_id
    )
    tokens = exact_tokens(store, {"emails": contact.emails, "phones": contact.phones})
    return list(dict.fromkeys([*tokens, *held_tokens(store, contact_id)]))


def block_drafts(store: Store, contacts: Sequence[Mapping[str, Any]]) -> list[Problem]:
    """Return a problem for each address of a draft that asked to be forgotten, or whose holder is restricted."""
    places: dict[bytes, list[str]] = {}
    for place, draft in enumerate(contacts):
        given = {name: draft.get(name) or () for name in ("emails", "phones")}
        if not any(given.values()):
            continue
        for token, pointer in exact_tokens(store, given).items():
            places.setdefault(token, []).append(f"/{place}{pointer}")
    found, tokens = [], list(places)
    own = store.system("look for suppressed addresses")
    for start in range(0, len(tokens), 1000):
        chosen = select(Suppression.token).where(
            Suppression.token.in_(tokens[start : start + 1000]), Suppression.reason.in_(_BLOCKS)
        )
        found += own.scalars(chosen)
    words = "its holder asked not to be kept; record a new consent first"
    return [Problem(pointer, words, "suppressed") for token in set(found) for pointer in places[token]]


def count_suppressed(store: Store) -> dict[str, int]:
    """Return how many hashes are on the list, by reason."""
    store.require("suppression.read")
    counted: dict[str, int] = {}
    for reason in store.system("count").scalars(select(Suppression.reason)):
        counted[reason] = counted.get(reason, 0) + 1
    return counted
