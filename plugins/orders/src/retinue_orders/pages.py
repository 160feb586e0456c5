"""What the staff's pages show of orders and the catalogue; what they change goes through the API."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store, new_id
from retinue.contacts import Contact
from retinue.errors import NotFound
from retinue.money import DIGITS, digits_of
from retinue_orders.catalogue import list_products, prices_now
from retinue_orders.models import CANCELLED, COMPLETED, NEW, PAID, SHIPPED, UNPAID, Order, Refund, Summary
from retinue_orders.service import get_order, lines_of, list_orders

_PAGE = 50


def _states(_: Callable[[str], str]) -> dict[str, str]:
    """Return what the states of an order and of its payment are called."""
    return {
        "new": _("new"), "shipped": _("shipped"), "completed": _("completed"), "cancelled": _("cancelled"),
        "unpaid": _("unpaid"), "paid": _("paid"), "part_refunded": _("partly refunded"), "refunded": _("refunded"),
    }  # fmt: skip


def show_history(store: Store, contact_id: UUID) -> dict[str, Any] | None:
    """Return the contact's numbers and last orders; None for who never bought."""
    orders, more = list_orders(store, contact_id=contact_id, limit=8)
    if not orders:
        return None
    summary: Summary | None = store.first(select(Summary).where(Summary.contact_id == contact_id))
    return {
        "summary": summary,
        "total": _minor(summary.total, summary.currency) if summary else 0,
        "average": _minor(summary.average, summary.currency) if summary else 0,
        "orders": orders,
        "more": more is not None,
        "states": _states,
    }


def _minor(value: float, currency: str) -> int:
    return int(Decimal(str(value)).scaleb(digits_of(currency)).to_integral_value())


def show_orders(store: Store, request: Any) -> dict[str, Any]:
    """Return a page of orders, newest first, with the customers the reader may see."""
    after = request.query.get("after", "").split("|")
    try:
        orders, more = list_orders(store, after=after if len(after) == 2 else None, limit=_PAGE)
    except ValueError:
        raise NotFound("there is no such page of orders") from None
    return {
        "orders": orders,
        "names": _names(store, orders),
        "more": "|".join(more) if more else "",
        "states": _states,
    }


def show_order(store: Store, request: Any) -> dict[str, Any]:
    """Return one order with its lines, what went back, and the deeds that can follow."""
    try:
        order = get_order(store, UUID(request.path["order_id"]))
    except ValueError:
        raise NotFound("there is no such order") from None
    refunds = store.scalars(
        select(Refund).where(Refund.order_id == order.id).order_by(Refund.refunded_at, Refund.id)
    )
    left = order.total_minor - order.refunded_minor
    return {
        "order": order,
        "lines": lines_of(store, [order.id])[order.id],
        "refunds": refunds,
        "names": _names(store, [order]),
        "states": _states,
        "deeds": _deeds(order) if store.may("order.change") else [],
        "refundable": left if store.may("order.refund") and order.payment not in (UNPAID, "refunded") else 0,
        "digits": digits_of(order.currency),
        "extra": {"key": f"desk-{new_id().hex}"},
    }


def _deeds(order: Order) -> list[str]:
    """Return the deeds that can follow, the likeliest first."""
    if order.status in (CANCELLED, COMPLETED):
        return []
    if order.payment == UNPAID:
        return ["pay", "cancel"]
    following = {NEW: ["ship", "complete"], SHIPPED: ["complete"]}[order.status]
    return [*following, "cancel"] if order.payment == PAID else following


def show_catalogue(store: Store, _request: Any) -> dict[str, Any]:
    """Return the products with what they cost now."""
    products = list_products(store)
    return {
        "products": products,
        "prices": prices_now(store, [product.id for product in products], store.now),
        "digits": DIGITS,
        "changes": store.may("product.change"),
    }


def _names(store: Store, orders: Sequence[Order]) -> dict[UUID, str]:
    wanted = {order.contact_id for order in orders if order.contact_id}
    if not wanted or not store.may("contact.read"):
        return {}
    rows = store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(wanted)))
    return dict(tuple(row) for row in rows)
