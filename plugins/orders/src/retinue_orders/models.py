"""Products with their prices, orders with lines and refunds, subscriptions, shops that send, and the facet.

An order outlives the person: erasure takes the contact off it and leaves the sale, which the books need. Nor does
undoing an import delete orders, whose lines hold them: other plugins have counted them. They are cancelled.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Date, Float, Index, Integer, Numeric, String, UniqueConstraint
from sqlalchemy.orm import Mapped

import retinue.contacts  # noqa: F401  # contact_ref points at its table, which must be known first
from retinue import Access, Sealed, UtcDateTime, contact_ref, field, key, personal, plugin_base, ref, sealed

NEW, SHIPPED, COMPLETED, CANCELLED = "new", "shipped", "completed", "cancelled"
STATUSES = (NEW, SHIPPED, COMPLETED, CANCELLED)
UNPAID, PAID, PART_REFUNDED, REFUNDED = "unpaid", "paid", "part_refunded", "refunded"
PAYMENTS = (UNPAID, PAID, PART_REFUNDED, REFUNDED)
COUNTED = (PAID, PART_REFUNDED)
ACTIVE, PAST_DUE, ENDED = "active", "past_due", "ended"
SUBSCRIPTION_STATES = (ACTIVE, PAST_DUE, ENDED)
UNITS = ("month", "year", "week")

_SALE = personal("to know what a customer bought", erase="keep")
_SUMMARY = personal("to see at a glance how a customer buys", erase="delete")


class Base(plugin_base("orders")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Product(Base):
    """Something that is sold, known by its SKU."""

    __tablename__ = "orders_product"
    __access__ = Access.everyone()
    __noun__ = "product"

    id: Mapped[UUID] = key()
    sku: Mapped[str] = field(String(64), label="SKU", nullable=False, unique=True)
    name: Mapped[str] = field(String(200), label="Name", nullable=False)
    category: Mapped[str] = field(String(100), label="Category", default="", nullable=False)
    active: Mapped[bool] = field(Boolean, label="On sale", default=True, nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)


class Price(Base):
    """What a product costs from a moment on; never changed, a new price is a new row."""

    __tablename__ = "orders_price"
    __access__ = Access.everyone()
    __noun__ = "price"

    id: Mapped[UUID] = key()
    product_id: Mapped[UUID] = ref("orders_product.id", on_delete="CASCADE", label="Product", index=False)
    currency: Mapped[str] = field(String(3), label="Currency", nullable=False)
    amount_minor: Mapped[int] = field(BigInteger, label="Price in minor units", nullable=False)
    valid_from: Mapped[datetime] = field(UtcDateTime, label="From", nullable=False)

    __table_args__ = (
        UniqueConstraint(
            "product_id", "currency", "valid_from", name="uq_orders_price_product_id_currency_valid_from"
        ),
    )


class Order(Base):
    """One order; `source` and `number` are its name outside, so that it is taken in once."""

    __tablename__ = "orders_order"
    __access__ = Access.through("contact_id", optional=True)
    __noun__ = "order"

    id: Mapped[UUID] = key()
    source: Mapped[str] = field(String(40), label="Shop", default="", nullable=False)
    number: Mapped[str] = field(String(64), label="Number", nullable=False)
    contact_id: Mapped[UUID | None] = contact_ref(on_delete="SET NULL", nullable=True, index=False)
    currency: Mapped[str] = field(String(3), label="Currency", nullable=False)
    total_minor: Mapped[int] = field(BigInteger, label="Total in minor units", privacy=_SALE, nullable=False)
    tax_minor: Mapped[int] = field(BigInteger, label="Tax within it", default=0, nullable=False)
    shipping_minor: Mapped[int] = field(BigInteger, label="Delivery within it", default=0, nullable=False)
    discount_minor: Mapped[int] = field(BigInteger, label="Discount taken off", default=0, nullable=False)
    refunded_minor: Mapped[int] = field(BigInteger, label="Refunded", default=0, nullable=False)
    means: Mapped[str] = field(String(40), label="Means of payment", default="", nullable=False)
    status: Mapped[str] = field(String(10), label="Status", kind="choice", choices=STATUSES, nullable=False)
    payment: Mapped[str] = field(String(14), label="Payment", kind="choice", choices=PAYMENTS, nullable=False)
    placed_at: Mapped[datetime] = field(UtcDateTime, label="Placed", privacy=_SALE, nullable=False)
    paid_at: Mapped[datetime | None] = field(UtcDateTime, label="Paid")
    fingerprint: Mapped[str] = field(
        String(64), label="What came in", filterable=False, derived=True, nullable=False
    )
    created_at: Mapped[datetime] = field(UtcDateTime, label="Recorded", nullable=False)
    changed_at: Mapped[datetime] = field(UtcDateTime, label="Changed", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)

    __table_args__ = (
        UniqueConstraint("source", "number", name="uq_orders_order_source_number"),
        Index("ix_orders_order_changed_at", "changed_at", "id"),
        Index("ix_orders_order_contact_id_placed_at", "contact_id", "placed_at"),
    )


class Line(Base):
    """One line of an order, with the name and the price of that day."""

    __tablename__ = "orders_line"
    __access__ = Access.through("order_id", parent="orders_order")
    __noun__ = "order_line"
    __audited__ = False  # written with its order, never changed

    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = ref("orders_order.id", on_delete="RESTRICT", label="Order")
    position: Mapped[int] = field(Integer, label="Position", nullable=False)
    product_id: Mapped[UUID | None] = ref(
        "orders_product.id", on_delete="SET NULL", label="Product", nullable=True
    )
    sku: Mapped[str] = field(String(64), label="SKU", default="", nullable=False)
    name: Mapped[str] = field(String(200), label="Name", default="", privacy=_SALE, nullable=False)
    category: Mapped[str] = field(String(100), label="Category", default="", nullable=False)
    quantity: Mapped[int] = field(Integer, label="Quantity", nullable=False)
    amount_minor: Mapped[int] = field(BigInteger, label="Amount in minor units", nullable=False)


class Refund(Base):
    """Money that went back; `key` is its name outside, so that it is recorded once."""

    __tablename__ = "orders_refund"
    __access__ = Access.through("order_id", parent="orders_order")
    __noun__ = "refund"

    id: Mapped[UUID] = key()
    order_id: Mapped[UUID] = ref("orders_order.id", on_delete="CASCADE", label="Order", index=False)
    key: Mapped[str] = field(String(64), label="Key", nullable=False)
    amount_minor: Mapped[int] = field(BigInteger, label="Amount in minor units", nullable=False)
    refunded_at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False)

    __table_args__ = (UniqueConstraint("order_id", "key", name="uq_orders_refund_order_id_key"),)


class Subscription(Base):
    """Something bought again each period until it ends; `anchor_day` keeps a 31st through short months."""

    __tablename__ = "orders_subscription"
    __access__ = Access.through("contact_id", optional=True)
    __noun__ = "subscription"

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID | None] = contact_ref(on_delete="SET NULL", nullable=True)
    plan: Mapped[str] = field(String(100), label="Plan", nullable=False)
    currency: Mapped[str] = field(String(3), label="Currency", nullable=False)
    amount_minor: Mapped[int] = field(BigInteger, label="Price of a period", nullable=False)
    unit: Mapped[str] = field(String(5), label="Period", kind="choice", choices=UNITS, nullable=False)
    starts_on: Mapped[date] = field(Date, label="Starts", privacy=_SALE, nullable=False)
    period: Mapped[int] = field(Integer, label="Periods paid", default=1, nullable=False)
    renews_on: Mapped[date] = field(Date, label="Paid until", nullable=False, index=True)
    ends_on: Mapped[date | None] = field(Date, label="Ended")
    cancelled_at: Mapped[datetime | None] = field(UtcDateTime, label="Cancelled")
    status: Mapped[str] = field(
        String(8), label="Status", kind="choice", choices=SUBSCRIPTION_STATES, nullable=False
    )
    created_at: Mapped[datetime] = field(UtcDateTime, label="Recorded", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)


class Source(Sealed, Base):
    """A shop that sends signed orders."""

    __tablename__ = "orders_source"
    __access__ = Access.system()
    __noun__ = "order_source"
    __subject__ = None

    id: Mapped[UUID] = key()
    name: Mapped[str] = field(String(40), label="Shop", nullable=False, unique=True)
    secret: Any = sealed(label="Secret", kind="text")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)


class Summary(Base):
    """How a contact buys: paid orders that were neither cancelled nor refunded in whole.

    Money is in the currency of the contact's last order; orders in other currencies count, their sums do not.
    """

    __tablename__ = "orders_summary"
    __access__ = Access.through("contact_id")
    __audited__ = False  # follows from the orders

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True, index=False)
    orders: Mapped[int] = field(Integer, label="Orders", privacy=_SUMMARY, nullable=False, index=True)
    first_at: Mapped[datetime] = field(UtcDateTime, label="First order", privacy=_SUMMARY, nullable=False)
    last_at: Mapped[datetime] = field(
        UtcDateTime, label="Last order", privacy=_SUMMARY, nullable=False, index=True
    )
    currency: Mapped[str] = field(String(3), label="Currency", nullable=False)
    total: Mapped[float] = field(
        Numeric(18, 3, asdecimal=False), label="Total", privacy=_SUMMARY, nullable=False, index=True
    )
    average: Mapped[float] = field(
        Numeric(18, 3, asdecimal=False), label="Average order", privacy=_SUMMARY, nullable=False
    )
    gap_days: Mapped[float | None] = field(Float, label="Mean days between orders", privacy=_SUMMARY)
