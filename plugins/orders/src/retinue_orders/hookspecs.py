"""The hooks this plugin publishes. Another plugin answers them without importing it: ``hookimpl(of="orders")``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from retinue import Store, hook


@dataclass(frozen=True, slots=True)
class LineFacts:
    """One line of an order: how many of what, and its amount in minor units."""

    sku: str
    category: str
    quantity: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class OrderFacts:
    """An order as other plugins see it; money in minor units of `currency`.

    `contact_id` is None for a sale without a known customer. `refunded_minor` is the sum of all refunds so far.
    """

    id: UUID
    source: str
    number: str
    contact_id: UUID | None
    currency: str
    total_minor: int
    tax_minor: int
    shipping_minor: int
    refunded_minor: int
    status: str
    payment: str
    placed_at: datetime
    paid_at: datetime | None
    lines: tuple[LineFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class RefundFacts:
    """One refund, and the order after it."""

    id: UUID
    order: OrderFacts
    amount_minor: int
    refunded_at: datetime


@dataclass(frozen=True, slots=True)
class SubscriptionFacts:
    """A subscription after a change; `change` is started, renewed, failed, cancelled or ended."""

    id: UUID
    contact_id: UUID | None
    plan: str
    change: str
    starts_on: date
    renews_on: date
    status: str


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def orders_paid(store: Store, orders: Sequence[OrderFacts]) -> None:
    """Orders were paid; each order comes once."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def orders_refunded(store: Store, refunds: Sequence[RefundFacts]) -> None:
    """Money went back, the whole or a part of an order; each refund comes once."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def orders_cancelled(store: Store, orders: Sequence[OrderFacts]) -> None:
    """Orders were called off; one that was paid is refunded by it, with no refund told beside."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def orders_shipped(store: Store, orders: Sequence[OrderFacts]) -> None:
    """Orders left the house."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def orders_completed(store: Store, orders: Sequence[OrderFacts]) -> None:
    """Orders arrived and are done."""


@hook(mode="tell", phase="in_transaction", on_failure="isolate", since="0.1")
def subscriptions_changed(store: Store, subscriptions: Sequence[SubscriptionFacts]) -> None:
    """Subscriptions were started, renewed, not paid, cancelled or ended."""
