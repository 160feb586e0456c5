"""Shredding: the order to drop a person's key, kept as a row until it is carried out."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from sqlalchemy import Uuid, insert, select, update
from sqlalchemy.orm import Mapped

from retinue.storage.among import among
from retinue.storage.declare import MODELS, Access, Base, field
from retinue.storage.types import UtcDateTime

if TYPE_CHECKING:
    from retinue.storage.database import Database
    from retinue.storage.store import Store


class ShredOrder(Base):
    """A key to drop. It outlives the deed, so that a crash between commit and drop leaves nothing readable for long."""

    __tablename__ = "shred_order"
    __access__ = Access.system()
    __audited__ = False  # the erasure itself is audited

    subject_id: Mapped[UUID] = field(Uuid, label="Subject", primary_key=True)
    ordered_at: Mapped[datetime] = field(UtcDateTime, label="Ordered", nullable=False)
    done_at: Mapped[datetime | None] = field(UtcDateTime, label="Key dropped", index=True)


def order_shredding(store: Store, subject_id: UUID) -> None:
    """Order a subject's key to be dropped once this transaction has committed."""
    connection = store.raw_connection()
    connection.execute(
        insert(ShredOrder), [{"subject_id": subject_id, "ordered_at": store.now, "done_at": None}]
    )
    store.shredding.append(subject_id)


def carry_out_orders(database: Database, store: Store, *, again: bool = False) -> int:
    """Drop the keys of all orders still open; `again`: of all there ever were, for a restored key store.

    Returns how many keys there were.
    """
    chosen = select(ShredOrder.subject_id)
    dropped = database.keys.drop_keys(
        store.scalars(chosen if again else chosen.where(ShredOrder.done_at.is_(None)))
    )
    done = update(ShredOrder.__table__).where(ShredOrder.done_at.is_(None)).values(done_at=store.now)  # type: ignore[arg-type]  # a mapped class's table
    store.raw_connection().execute(done)
    return dropped


def find_resurrected(database: Database, store: Store) -> list[UUID]:
    """Return the contacts whose keys were shredded, but which the data know nothing of having erased.

    A backup of the data restored from before an erasure holds them: their open fields must be forgotten again.
    """
    contacts, found, last = MODELS["contact"], [], None
    raw = store.raw("look for people to forget again")
    while page := database.keys.shredded(after=last):
        last = page[-1]
        here = set(raw.scalars(select(contacts.id).where(among(contacts.id, page))))
        known = select(ShredOrder.subject_id).where(among(ShredOrder.subject_id, here))
        found += sorted(here - set(raw.scalars(known)))
    return found
