"""The facet ``orders.*``: one row per contact, worked out anew, set-wise, whenever orders of it change."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import delete, select

from retinue import Store
from retinue.contacts import Contact
from retinue.money import divide, to_major
from retinue_orders.models import CANCELLED, COUNTED, Order, Summary

_CHUNK = 500


class Counted(NamedTuple):
    """A paid order as the summary counts it: what was refunded is off already."""

    placed_at: datetime
    currency: str
    minor: int


def refresh_summaries(store: Store, contact_ids: Iterable[UUID | None]) -> None:
    """Work out the summaries of these contacts from their orders."""
    own = store if store.actor.kind == "system" else store.system("orders")
    ids = list(dict.fromkeys(i for i in contact_ids if i is not None))
    own.flush()
    for start in range(0, len(ids), _CHUNK):
        part = ids[start : start + _CHUNK]
        _wait_for_others(own, part)
        counted = _read(own, part)
        own.change(delete(Summary).where(Summary.contact_id.in_(part)))
        own.insert_many(
            Summary, [{"contact_id": i, **summarise(orders)} for i, orders in counted.items() if orders]
        )


def _wait_for_others(own: Store, contact_ids: Sequence[UUID]) -> None:
    """Hold these contacts, so that two who change orders of one customer write its summary one after the other."""
    if own.database_kind == "sqlite":  # its writers wait for each other as they begin
        return
    chosen = select(Contact.id).where(Contact.id.in_(contact_ids)).order_by(Contact.id)
    own.rows(chosen.with_for_update(key_share=True))


def _read(own: Store, ids: Sequence[UUID]) -> dict[UUID, list[Counted]]:
    wanted = select(
        Order.contact_id, Order.placed_at, Order.currency, Order.total_minor - Order.refunded_minor
    )
    wanted = wanted.where(Order.contact_id.in_(ids), Order.payment.in_(COUNTED), Order.status != CANCELLED)
    found: dict[UUID, list[Counted]] = {}
    for contact_id, *values in own.rows(wanted.order_by(Order.placed_at, Order.id)):
        found.setdefault(contact_id, []).append(Counted(*values))
    return found


def summarise(orders: Sequence[Counted]) -> dict[str, Any]:
    """Return the summary of at least one order, oldest first.

    Sums are in the currency of the last order, the mean is over orders, rounded half up to the minor unit; the
    mean gap is between days, None for one order.
    """
    last = orders[-1]
    same = [order.minor for order in orders if order.currency == last.currency]
    days = (last.placed_at.date() - orders[0].placed_at.date()).days
    return {
        "orders": len(orders),
        "first_at": orders[0].placed_at,
        "last_at": last.placed_at,
        "currency": last.currency,
        "total": to_major(sum(same), last.currency),
        "average": to_major(divide(sum(same), len(same)), last.currency),
        "gap_days": round(days / (len(orders) - 1), 2) if len(orders) > 1 else None,
    }
