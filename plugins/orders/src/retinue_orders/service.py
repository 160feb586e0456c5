"""Orders: taken in once, paid, shipped, completed, cancelled, refunded; each change tells the other plugins once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select

from retinue import Store, new_id
from retinue.errors import Conflict, Invalid, Problem, Stale
from retinue_orders import hookspecs
from retinue_orders.facts import facts_of
from retinue_orders.intake import Draft, judge_drafts
from retinue_orders.models import (
    CANCELLED,
    COMPLETED,
    NEW,
    PAID,
    PART_REFUNDED,
    REFUNDED,
    SHIPPED,
    UNPAID,
    Line,
    Order,
    Refund,
)
from retinue_orders.summaries import refresh_summaries

MAX_BATCH = 1000
CALLED_OFF = "cancel"
"""The key of what goes back when an order is called off."""
_CHUNK = 500


def record_orders(store: Store, drafts: Sequence[Mapping[str, Any]]) -> list[Order]:
    """Take orders in and return them, in the order of `drafts`; one that is known already comes back as it is.

    Raises Invalid with a pointer per complaint, Conflict for a number that is known with other content.
    """
    store.require("order.record")
    judged = judge_drafts(store, drafts)
    known = known_orders(store, [(draft.source, draft.number) for draft in judged])
    fresh: dict[tuple[str, str], Draft] = {}
    for draft in judged:
        _refuse_other_content(draft, known.get(draft.name) or fresh.get(draft.name))
        if draft.name not in known:
            fresh.setdefault(draft.name, draft)
    if fresh:
        _write(store, list(fresh.values()))
        known |= known_orders(store, list(fresh))
        paid = [known[name] for name, draft in fresh.items() if draft.payment == PAID]
        refresh_summaries(store, [draft.contact_id for draft in fresh.values()])
        if paid and store.hooks.answered("orders_paid"):
            store.hooks.tell(hookspecs.orders_paid, store, facts_of(store, paid))
        _announce(store, "order.paid", paid)
    return [known[draft.name] for draft in judged]


def _refuse_other_content(draft: Draft, known: Any) -> None:
    if known is not None and known.fingerprint != draft.fingerprint:
        raise Conflict(
            f"Order {draft.number} is known already, with other content.",
            code="order-known",
            remedy="Send it unchanged, or change the order by its own routes.",
        )


def known_orders(store: Store, names: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Order]:
    """Return the orders called (source, number), visible or not: a name is taken once for everybody."""
    found: dict[tuple[str, str], Order] = {}
    by_source: dict[str, list[str]] = {}
    for source, number in names:
        by_source.setdefault(source, []).append(number)
    for source, numbers in by_source.items():
        for start in range(0, len(numbers), _CHUNK):
            chosen = select(Order).where(
                Order.source == source, Order.number.in_(numbers[start : start + _CHUNK])
            )
            found |= {(order.source, order.number): order for order in store.scalars(chosen)}
    return found


def _write(store: Store, drafts: Sequence[Draft]) -> None:
    orders, lines = [], []
    for draft in drafts:
        order_id = new_id()
        orders.append({"id": order_id, **draft.row(), "created_at": store.now, "changed_at": store.now})
        lines += [
            {"order_id": order_id, "position": place, **line} for place, line in enumerate(draft.lines, 1)
        ]
    store.insert_many(Order, orders)
    store.insert_many(Line, lines)


def get_order(store: Store, order_id: UUID) -> Order:
    """Return one order."""
    store.require("order.read")
    order: Order = store.get(Order, order_id)
    return order


def lines_of(store: Store, order_ids: Sequence[UUID]) -> dict[UUID, list[Line]]:
    """Return the lines of each order, in their order, with one statement."""
    store.require("order.read")
    found: dict[UUID, list[Line]] = {order_id: [] for order_id in order_ids}
    for start in range(0, len(order_ids), _CHUNK):
        wanted = select(Line).where(Line.order_id.in_(order_ids[start : start + _CHUNK]))
        for line in store.scalars(wanted.order_by(Line.order_id, Line.position)):
            found[line.order_id].append(line)
    return found


def list_orders(
    store: Store,
    *,
    contact_id: UUID | None = None,
    after: Sequence[Any] | None = None,
    limit: int = 50,
) -> tuple[list[Order], list[Any] | None]:
    """Return a page of orders, newest first, and where the next page starts after."""
    store.require("order.read")
    wanted = select(Order)
    if contact_id is not None:
        wanted = wanted.where(Order.contact_id == contact_id)
    if after is not None:
        at, last = datetime.fromisoformat(after[0]), UUID(after[1])
        wanted = wanted.where(or_(Order.placed_at < at, and_(Order.placed_at == at, Order.id < last)))
    rows = store.scalars(wanted.order_by(Order.placed_at.desc(), Order.id.desc()).limit(limit + 1))
    shown = rows[:limit]
    more = len(rows) > limit
    return shown, [shown[-1].placed_at.isoformat(), str(shown[-1].id)] if more else None


def pay_order(
    store: Store,
    order_id: UUID,
    *,
    means: str = "",
    paid_at: datetime | None = None,
    version: int | None = None,
) -> Order:
    """Note that an order was paid. Raises Conflict if it was paid before or is cancelled."""
    order = _changing(store, order_id, version)
    if order.payment != UNPAID or order.status == CANCELLED:
        raise _wrong_state(order, "paid")
    order.payment, order.paid_at = PAID, paid_at or store.now
    order.means = means or order.means
    _done(store, [order], hookspecs.orders_paid)
    _announce(store, "order.paid", [order])
    return order


def ship_order(store: Store, order_id: UUID, version: int | None = None) -> Order:
    """Note that a paid order left the house. Raises Conflict for one that is unpaid or was shipped before."""
    order = _changing(store, order_id, version)
    if order.status != NEW or order.payment not in (PAID, PART_REFUNDED):
        raise _wrong_state(order, "shipped")
    order.status = SHIPPED
    _done(store, [order], hookspecs.orders_shipped)
    return order


def complete_order(store: Store, order_id: UUID, version: int | None = None) -> Order:
    """Note that a paid order arrived. Raises Conflict for one that is unpaid, cancelled or complete already."""
    order = _changing(store, order_id, version)
    if order.status not in (NEW, SHIPPED) or order.payment not in (PAID, PART_REFUNDED):
        raise _wrong_state(order, "completed")
    order.status = COMPLETED
    _done(store, [order], hookspecs.orders_completed)
    return order


def cancel_order(store: Store, order_id: UUID, version: int | None = None) -> Order:
    """Call an order off; what was paid and not yet refunded goes back. Raises Conflict if it is off already."""
    order = _changing(store, order_id, version)
    if order.status == CANCELLED:
        raise _wrong_state(order, "cancelled")
    _cancel(store, [order])
    return order


def cancel_untouched(store: Store, order_ids: Sequence[UUID]) -> int:
    """Call off those of some orders that nobody changed since they came in; returns how many there were."""
    store.require("order.change")
    untouched = select(Order.id).where(Order.id.in_(order_ids), Order.version == 1, Order.status == NEW)
    orders: list[Order] = [store.get(Order, order_id, lock=True) for order_id in store.scalars(untouched)]
    _cancel(store, orders)
    return len(orders)


def _cancel(store: Store, orders: Sequence[Order]) -> None:
    for order in orders:
        left = order.total_minor - order.refunded_minor
        if order.payment in (PAID, PART_REFUNDED):
            if left:
                store.add(Refund(order_id=order.id, key=CALLED_OFF, amount_minor=left, refunded_at=store.now))
            order.payment, order.refunded_minor = REFUNDED, order.total_minor
        order.status = CANCELLED
    _done(store, orders, hookspecs.orders_cancelled)
    _announce(store, "order.cancelled", orders)


def refund_order(
    store: Store, order_id: UUID, draft: Mapping[str, Any], version: int | None = None
) -> Refund:
    """Record a refund of ``amount_minor`` (all that is left if absent) under ``key``; known keys change nothing.

    Raises Invalid for more than what is left of the order, Conflict for an order that was not paid.
    """
    store.require("order.refund")
    order = _locked(store, order_id, None)
    name = str(draft["key"])
    if name == CALLED_OFF:
        raise Invalid(
            "The refund is not valid.", problems=[Problem("/key", "is kept for cancelled orders", "key")]
        )
    known: Refund | None = store.first(select(Refund).where(Refund.order_id == order_id, Refund.key == name))
    left = order.total_minor - order.refunded_minor
    amount = draft.get("amount_minor")
    if known is not None:
        if amount not in (None, known.amount_minor):
            raise Conflict(f"Refund {name} is known already, with another amount.", code="refund-known")
        return known
    _refuse_stale(order, version)
    if order.payment not in (PAID, PART_REFUNDED):
        raise _wrong_state(order, "refunded")
    amount = left if amount is None else amount
    if not 0 < amount <= left:
        detail = f"must be from 1 to {left}, which is what is left of the order"
        raise Invalid(
            "The refund does not fit the order.", problems=[Problem("/amount_minor", detail, "too-large")]
        )
    return _refund(store, order, name, (amount, draft.get("refunded_at") or store.now))


def _refund(store: Store, order: Order, name: str, what: tuple[int, datetime]) -> Refund:
    amount, at = what
    refund = Refund(id=new_id(), order_id=order.id, key=name, amount_minor=amount, refunded_at=at)
    store.add(refund)
    order.refunded_minor += amount
    order.payment = REFUNDED if order.refunded_minor == order.total_minor else PART_REFUNDED
    _touch(store, order)
    store.flush()
    refresh_summaries(store, [order.contact_id])
    if store.hooks.answered("orders_refunded"):
        (facts,) = facts_of(store, [order])
        told = hookspecs.RefundFacts(id=refund.id, order=facts, amount_minor=amount, refunded_at=at)
        store.hooks.tell(hookspecs.orders_refunded, store, [told])
    _announce(store, "order.refunded", [order])
    return refund


# ---- what the deeds share ----
def _changing(store: Store, order_id: UUID, version: int | None) -> Order:
    store.require("order.change")
    return _locked(store, order_id, version)


def _locked(store: Store, order_id: UUID, version: int | None) -> Order:
    order: Order = store.get(Order, order_id, lock=True)
    _refuse_stale(order, version)
    return order


def _refuse_stale(order: Order, version: int | None) -> None:
    if version is not None and version != order.version:
        raise Stale("Somebody changed the order.", remedy="Read it again.", extra={"current": order})


def _wrong_state(order: Order, wish: str) -> Conflict:
    return Conflict(
        f"Order {order.number} is {order.status} and {order.payment.replace('_', ' ')}: it cannot be {wish}.",
        code="order-state",
        remedy="Read the order and do what comes before.",
        extra={"status": order.status, "payment": order.payment},
    )


def _touch(store: Store, order: Order) -> None:
    order.version += 1
    order.changed_at = store.now


def _done(store: Store, orders: Sequence[Order], spec: Any) -> None:
    """Write the orders, renew the customers' summaries and tell one hook."""
    for order in orders:
        _touch(store, order)
    store.flush()
    refresh_summaries(store, [order.contact_id for order in orders])
    if orders and store.hooks.answered(spec.__name__):
        store.hooks.tell(spec, store, facts_of(store, orders))


def _announce(store: Store, event: str, orders: Sequence[Order]) -> None:
    """Tell other systems, through whatever plugin speaks to them."""
    if orders:
        items = [{"id": str(order.id), "contact_id": str(order.contact_id)} for order in orders]
        store.hooks.events_announced(store=store, event=event, items=items)
