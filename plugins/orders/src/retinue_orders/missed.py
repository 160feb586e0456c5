"""What was sold, for a plugin that was off or failed while it was told: the same facts once more, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select

from retinue import Store
from retinue_orders.models import CANCELLED, COMPLETED, UNPAID, Line, Order, Refund
from retinue_orders.service import CALLED_OFF

_MOST = 500


def list_sales(store: Store, since: datetime, after: str, limit: int) -> list[dict[str, Any]]:
    """Return orders that were paid and changed since a moment, the longest ago first, with what went back of each."""
    own = store if store.actor.kind == "system" else store.system("orders")
    wanted = select(Order).where(Order.payment != UNPAID, Order.changed_at >= since)
    if after:
        moment, _, last = after.partition("|")
        at = datetime.fromisoformat(moment)
        wanted = wanted.where(or_(Order.changed_at > at, and_(Order.changed_at == at, Order.id > UUID(last))))
    orders = own.scalars(wanted.order_by(Order.changed_at, Order.id).limit(min(limit, _MOST)))
    ids = [order.id for order in orders]
    lines: dict[UUID, list[tuple[str, int]]] = {order_id: [] for order_id in ids}
    for order_id, category, amount in own.rows(
        select(Line.order_id, Line.category, Line.amount_minor)
        .where(Line.order_id.in_(ids))
        .order_by(Line.position)
    ):
        lines[order_id].append((category, amount))
    refunds: dict[UUID, list[Refund]] = {order_id: [] for order_id in ids}
    for refund in own.scalars(select(Refund).where(Refund.order_id.in_(ids)).order_by(Refund.id)):
        refunds[refund.order_id].append(refund)
    return [_sale(order, lines[order.id], refunds[order.id]) for order in orders]


def _sale(order: Order, lines: Sequence[tuple[str, int]], refunds: Sequence[Refund]) -> dict[str, Any]:
    called_off = next(
        (refund.refunded_at for refund in refunds if refund.key == CALLED_OFF), order.changed_at
    )
    back = [refund for refund in refunds if refund.key != CALLED_OFF]
    paid_at = order.paid_at or order.placed_at
    return {
        "cursor": f"{order.changed_at.isoformat()}|{order.id}",
        "ref": str(order.id),
        "contact_id": order.contact_id,
        "currency": order.currency,
        "total_minor": order.total_minor,
        "tax_minor": order.tax_minor,
        "shipping_minor": order.shipping_minor,
        "paid_at": paid_at,
        "told_at": max(paid_at, order.created_at),
        "lines": lines,
        "returns": [(f"refund:{one.id}", one.refunded_at, one.amount_minor) for one in back],
        "cancelled_at": called_off if order.status == CANCELLED else None,
        "completed": order.status == COMPLETED,
    }
