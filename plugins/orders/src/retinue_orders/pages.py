"""What the staff's pages show of orders."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue_orders.models import Summary
from retinue_orders.money import to_text
from retinue_orders.service import list_orders


def show_history(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return the contact's numbers and last orders; None for who never bought."""
    orders, more = list_orders(store, contact_id=contact_id, limit=8)
    if not orders:
        return None
    summary: Summary | None = store.first(select(Summary).where(Summary.contact_id == contact_id))
    rows = [
        {
            "number": order.number,
            "placed_at": order.placed_at,
            "total": to_text(order.total_minor - order.refunded_minor, order.currency),
            "currency": order.currency,
            "status": order.status,
            "payment": order.payment,
        }
        for order in orders
    ]
    return {"summary": summary, "orders": rows, "more": more is not None}
