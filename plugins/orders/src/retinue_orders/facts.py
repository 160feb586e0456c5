"""Orders as the hooks tell them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue_orders.hookspecs import LineFacts, OrderFacts
from retinue_orders.models import Line, Order

_CHUNK = 500
_COPIED = (
    "id", "source", "number", "contact_id", "currency", "total_minor", "tax_minor", "shipping_minor",
    "refunded_minor", "status", "payment", "placed_at", "paid_at",
)  # fmt: skip


def facts_of(store: Store, orders: Sequence[Order]) -> list[OrderFacts]:
    """Return what other plugins may know of `orders`, their lines read with one statement per 500."""
    lines: dict[UUID, list[LineFacts]] = {order.id: [] for order in orders}
    ids = list(lines)
    for start in range(0, len(ids), _CHUNK):
        wanted = select(Line.order_id, Line.sku, Line.category, Line.quantity, Line.amount_minor)
        wanted = wanted.where(Line.order_id.in_(ids[start : start + _CHUNK])).order_by(Line.position)
        for order_id, *values in store.rows(wanted):
            lines[order_id].append(LineFacts(*values))
    return [
        OrderFacts(**{name: getattr(order, name) for name in _COPIED}, lines=tuple(lines[order.id]))
        for order in orders
    ]
