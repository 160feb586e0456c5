"""What happens to orders when people are merged, erased, or ask for their data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import delete, select

from retinue import ContactExport, Refusal, Store
from retinue.money import to_text
from retinue_orders.models import CANCELLED, PAST_DUE, UNPAID, Line, Order, Subscription, Summary
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


def find_debtors(store: Store, contact_ids: Sequence[UUID]) -> list[Refusal]:
    """Return who must not be erased because an order of theirs is not paid, or a subscription is past due, one each.

    The claim ends with a payment or a cancellation. Nobody is kept where the setting ``keep_debtors`` is off: a shop that
    does not tell payments would keep everybody.
    """
    if not store.settings("orders")["keep_debtors"]:
        return []
    own, owed = store.system("orders"), dict[UUID, list[str]]()
    unpaid = select(Order.contact_id, Order.number).where(
        Order.contact_id.in_(contact_ids),
        Order.payment == UNPAID,
        Order.status != CANCELLED,
        Order.total_minor > 0,
    )
    for contact_id, number in own.rows(unpaid.order_by(Order.placed_at, Order.id)):
        owed.setdefault(contact_id, []).append(number)
    late = select(Subscription.contact_id).where(
        Subscription.contact_id.in_(contact_ids), Subscription.status == PAST_DUE
    )
    refusals = [
        Refusal(
            contact_id, f"not paid: {', '.join(numbers[:5])}{', …' if numbers[5:] else ''}", "invoice-open"
        )
        for contact_id, numbers in owed.items()
    ]
    past_due = [one for one in dict.fromkeys(own.scalars(late)) if one not in owed]
    return refusals + [Refusal(one, "a subscription is past due", "invoice-open") for one in past_due]


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
