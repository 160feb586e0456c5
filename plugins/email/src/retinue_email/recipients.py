"""Who a letter goes to: the address of each contact, why some get none, and what their letters are filled in with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue_email.suppression import address_token, domain_token

NO_ADDRESS, GONE, UNFIT = "no-address", "not-there", "address-unfit"
_NAMES: Final = ("given_name", "name")


@dataclass(frozen=True, slots=True)
class Recipient:
    """A contact as a letter sees it; `address` is empty for who has none that can be written to."""

    contact_id: UUID
    address: str
    name: str
    language: str | None
    addresses: tuple[str, ...] = ()


def read_recipients(own: Store, ids: Sequence[UUID]) -> dict[UUID, Recipient]:
    """Return the contacts among `ids` that are there, with their first address; `own` is the system's store."""
    columns = (Contact.id, Contact.sealed_data, Contact.name, Contact.language)
    rows = own.rows(select(*columns).where(Contact.id.in_(ids)))
    opened = own.open_sealed("contact", [(row.id, row.id, row.sealed_data) for row in rows])
    found = {}
    for row, secret in zip(rows, opened, strict=True):
        addresses = tuple(entry["value"] for entry in secret.get("emails") or ())
        first = addresses[0] if addresses else ""
        found[row.id] = Recipient(row.id, first, row.name, row.language, addresses)
    return found


def tokens_for(own: Store, recipient: Recipient) -> tuple[bytes, bytes] | None:
    """Return the tokens of a recipient's address and its domain; None without an address."""
    if not recipient.address:
        return None
    domain = recipient.address.rpartition("@")[2]
    return address_token(own, recipient.address), domain_token(own, domain)


def address_of(own: Store, recipient: Recipient, token: bytes) -> str:
    """Return which of a contact's addresses a delivery was made for; empty if they have it no more."""
    return next((one for one in recipient.addresses if address_token(own, one) == token), "")


def refusals_by_gate(own: Store, ids: Iterable[UUID], purpose: str) -> dict[UUID, str]:
    """Return the code of who may not be written to for a purpose: every plugin is asked, the first reason counts."""
    wanted = list(ids)
    if not wanted:
        return {}
    said = own.hooks.contact_refusals(store=own, contact_ids=wanted, purpose=f"email.{purpose}")
    found: dict[UUID, str] = {}
    for refusal in said:
        found.setdefault(refusal.contact_id, refusal.code[:40])
    return found


def filled_values(
    merged: Mapping[UUID, Mapping[str, Any]],
    own: Mapping[UUID, Mapping[str, Any]],
    contact_id: UUID,
    letter: UUID,
) -> dict[str, Any]:
    """Return what one letter is filled in with: fields of the contact, and what came with the letter."""
    return {**merged.get(contact_id, {}), **own.get(letter, {})}
