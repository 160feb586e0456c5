"""What happens to letters when people are merged, erased, or ask for their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select, update

from retinue import ContactExport, Store
from retinue.contacts import Contact
from retinue_email.models import OPEN_STATES, REFUSED, Delivery, LetterText, LetterValues, Standing, Template
from retinue_email.standing import renew_standings


def move_letters(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Give the letters of merged contacts to the one that stays; each remembers whose it was, for an undo."""
    own, ids = store.system("merge letters"), [contact.id for contact in merged]
    for contact_id in ids:
        mine = (Delivery.contact_id == contact_id,)
        own.change(
            update(Delivery).where(*mine, Delivery.merged_from.is_(None)).values(merged_from=contact_id)
        )
        own.change(update(Delivery).where(*mine).values(contact_id=survivor.id))
    own.change(update(LetterValues).where(LetterValues.contact_id.in_(ids)).values(contact_id=survivor.id))
    renew_standings(own, [survivor.id])


def part_letters(store: Store) -> None:
    """Give letters back to contacts whose merge was undone."""
    own = store.system("part letters")
    moved = own.scalars(select(Delivery.merged_from).where(Delivery.merged_from.is_not(None)).distinct())
    back = own.scalars(select(Contact.id).where(Contact.id.in_(moved), Contact.merged_into.is_(None)))
    for contact_id in back:
        mine = (Delivery.merged_from == contact_id,)
        others = own.scalars(select(Delivery.contact_id).where(*mine).distinct())
        own.change(update(Delivery).where(*mine).values(contact_id=contact_id, merged_from=None))
        renew_standings(own, [contact_id, *(one for one in others if one is not None)])


def forget_letters(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Take erased persons off their letters: what waits is not sent, and what was sent is a number."""
    own = store.system("forget letters")
    own.change(delete(LetterValues).where(LetterValues.contact_id.in_(contact_ids)))
    mine = (Delivery.contact_id.in_(contact_ids),)
    own.change(
        update(Delivery).where(*mine, Delivery.state.in_(OPEN_STATES)).values(state=REFUSED, reason="erased")
    )
    blank = {"contact_id": None, "token": None, "domain": None, "merged_from": None, "key": None}
    own.change(update(Delivery).where(*mine).values(**blank))
    own.change(delete(Standing).where(Standing.contact_id.in_(contact_ids)))


def export_letters(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Return which letters each contact was sent or not sent, for the copy of their data."""
    own = store.system("copy letters")
    chosen = (
        select(Delivery, Template.name, LetterText.language)
        .join(LetterText, LetterText.id == Delivery.text_id)
        .join(Template, Template.id == LetterText.template_id)
        .where(Delivery.contact_id.in_(contact_ids))
        .order_by(Delivery.id)
    )
    found: dict[UUID, list[dict[str, Any]]] = {}
    for row, name, language in own.rows(chosen):
        record = {
            "letter": name, "language": language, "purpose": row.purpose, "state": row.state, "reason": row.reason,
            "ordered_at": row.created_at.isoformat(), "sent_at": row.sent_at.isoformat() if row.sent_at else None,
        }  # fmt: skip
        found.setdefault(row.contact_id, []).append(record)
    return [ContactExport(contact_id, "letters", records) for contact_id, records in found.items()]
