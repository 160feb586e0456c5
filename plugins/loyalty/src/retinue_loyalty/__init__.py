"""Loyalty: points as a ledger, levels, cards, offers and memberships, by rules that are data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from retinue import ContactExport, Store, hookimpl
from retinue_loyalty import people, purchases

__version__ = "0.1.0"


@hookimpl(of="orders")
def orders_paid(store: Store, orders: Sequence[Any]) -> None:
    """Give points for what was paid."""
    sales = [purchases.Sale.of(order) for order in orders if order.contact_id is not None]
    purchases.take_sales(store, sales)


@hookimpl(of="orders")
def orders_refunded(store: Store, refunds: Sequence[Any]) -> None:
    """Take points back for what was refunded."""
    purchases.take_returns(
        store,
        [
            purchases.Return(f"refund:{one.id}", str(one.order.id), one.refunded_at, one.amount_minor)
            for one in refunds
        ],
    )


@hookimpl(of="orders")
def orders_cancelled(store: Store, orders: Sequence[Any]) -> None:
    """Take all points of a cancelled order back."""
    purchases.take_returns(
        store,
        [
            purchases.Return(f"cancel:{order.id}", str(order.id), store.now, None, cancels=True)
            for order in orders
        ],
    )


@hookimpl(of="orders")
def orders_completed(store: Store, orders: Sequence[Any]) -> None:
    """Count deliveries that arrived."""
    purchases.complete_purchases(store, [str(order.id) for order in orders])


@hookimpl
def contacts_merged(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Join the accounts into one wallet."""
    people.join_accounts(store, survivor, merged)


@hookimpl
def contacts_erased(store: Store, contact_ids: Sequence[UUID]) -> None:
    """Close the accounts and leave the numbers."""
    people.close_accounts(store, contact_ids)


@hookimpl
def contact_exports(store: Store, contact_ids: Sequence[UUID]) -> list[ContactExport]:
    """Give what each contact has collected."""
    return people.export_points(store, contact_ids)


@hookimpl
def change_sets_reverted(store: Store) -> None:
    """Work out levels and standings anew."""
    people.renew_all(store)
