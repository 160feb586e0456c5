"""What happens to orders when people are merged, erased, or ask for their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from retinue import ContactExport, Store
from retinue.money import to_text
from retinue_orders.models import Line, Order, Subscription, Summary
from retinue_orders.summaries import refresh_summaries


def move_orders(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Give the orders and subscriptions of merged contacts to the one that stays; a revert gives them back."""
    own, ids = store.system("orders"), [contact.id for contact in merged]
    for model in (Order, Subscription):
        for row in own.scalars(select(model).where(model.contact_id.in_(ids))):
            row.contact_id = survivor.id
    own.flush()
    refresh_summaries(own, [survivor.id, *ids])


def forget_people(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Take erased persons off their orders; the sales themselves stay for the books."""
    own = store.system("orders")
    for model in (Order, Subscription):
        for row in own.scalars(select(model).where(model.contact_id.in_(contact_ids))):
            row.contact_id = None
    own.flush()
    own.change(delete(Summary).where(Summary.contact_id.in_(contact_ids)))


def export_orders(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Return each contact's orders with their lines, for the copy of their data."""
    own = store.system("orders")
    found: dict[UUID, list[dict[str, Any]]] = {}
    orders = own.scalars(select(Order).where(Order.contact_id.in_(contact_ids)).order_by(Order.placed_at))
    lines: dict[UUID, list[dict[str, Any]]] = {order.id: [] for order in orders}
    for line in own.scalars(select(Line).where(Line.order_id.in_(lines)).order_by(Line.position)):
        lines[line.order_id].append({"name": line.name, "sku": line.sku, "quantity": line.quantity})
    for order in orders:
        record = {
            "number": order.number, "placed_at": order.placed_at.isoformat(), "currency": order.currency,
            "total": to_text(order.total_minor, order.currency), "status": order.status,
            "payment": order.payment, "lines": lines[order.id],
        }  # fmt: skip
        found.setdefault(order.contact_id, []).append(record)
    return [ContactExport(contact_id, "orders", records) for contact_id, records in found.items()]


def renew_all(store: Store) -> None:
    """Work out every summary anew, after a revert that may have moved orders between contacts."""
    own = store.system("orders")
    with_orders = select(Order.contact_id).where(Order.contact_id.is_not(None)).distinct()
    ids = {*own.scalars(with_orders), *own.scalars(select(Summary.contact_id))}
    refresh_summaries(own, ids)
