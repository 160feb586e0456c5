"""Endpoints and their secrets, events and their deliveries.

Only the system reads these tables: an address may carry a token of its owner, and the rights of the people
who look after webhooks are checked in the service.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, String, Text
from sqlalchemy.orm import Mapped

from retinue import Access, Sealed, UtcDateTime, field, json_type, key, plugin_base, ref, sealed

ACTIVE, FAILING, OFF = "active", "failing", "off"
WAITING, SENDING, DELIVERED, FAILED, DROPPED = "waiting", "sending", "delivered", "failed", "dropped"
STATES = (ACTIVE, FAILING, OFF)
STATUSES = (WAITING, SENDING, DELIVERED, FAILED, DROPPED)


class Base(plugin_base("webhooks")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Endpoint(Sealed, Base):
    """A place of another system that wants to hear of events."""

    __tablename__ = "webhooks_endpoint"
    __access__ = Access.system()
    __noun__ = "webhook"
    __subject__ = None

    id: Mapped[UUID] = key()
    url: Any = sealed(label="Address", kind="url")
    description: Mapped[str] = field(String(200), label="Description", default="", nullable=False)
    events: Mapped[list[str]] = field(json_type(), label="Events", kind="list", nullable=False)
    state: Mapped[str] = field(String(10), label="State", kind="choice", choices=STATES, nullable=False)
    reason: Mapped[str] = field(String(200), label="Reason", default="", nullable=False)
    failing_since: Mapped[datetime | None] = field(UtcDateTime, label="Only failures since", derived=True)
    delivered_at: Mapped[datetime | None] = field(UtcDateTime, label="Last success", derived=True)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    version: Mapped[int] = field(Integer, label="Version", default=1, nullable=False)

    @property
    def active(self) -> bool:
        """Say whether events are sent to it."""
        return self.state != OFF


class Secret(Sealed, Base):
    """A signing secret of an endpoint; while one is being replaced there are two, and both sign."""

    __tablename__ = "webhooks_secret"
    __access__ = Access.system()
    __noun__ = "webhook_secret"
    __subject__ = None

    id: Mapped[UUID] = key()
    endpoint_id: Mapped[UUID] = ref("webhooks_endpoint.id", on_delete="CASCADE", label="Endpoint")
    secret: Any = sealed(label="Secret", kind="text")
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    retires_at: Mapped[datetime | None] = field(UtcDateTime, label="Signs until")


class Event(Base):
    """Something that happened, as the body that goes out: ids and names of fields, no personal data."""

    __tablename__ = "webhooks_event"
    __access__ = Access.system()
    __audited__ = False  # an outbox: the deed itself is in the audit

    id: Mapped[UUID] = key()
    name: Mapped[str] = field(String(100), label="Event", nullable=False)
    body: Mapped[str] = field(Text, label="Body", nullable=False, filterable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False, index=True)


class Delivery(Base):
    """One event on its way to one endpoint; while it is being sent, `next_run_at` ends the sender's claim."""

    __tablename__ = "webhooks_delivery"
    __access__ = Access.system()
    __audited__ = False  # an outbox: its status is its own record

    id: Mapped[UUID] = key()
    endpoint_id: Mapped[UUID] = ref(
        "webhooks_endpoint.id", on_delete="CASCADE", label="Endpoint", index=False
    )
    event_id: Mapped[UUID] = ref("webhooks_event.id", on_delete="CASCADE", label="Event")
    status: Mapped[str] = field(String(10), label="Status", kind="choice", choices=STATUSES, nullable=False)
    attempts: Mapped[int] = field(Integer, label="Attempts", default=0, nullable=False)
    next_run_at: Mapped[datetime | None] = field(UtcDateTime, label="Next attempt")
    sent_at: Mapped[datetime | None] = field(UtcDateTime, label="Last attempt")
    response_status: Mapped[int | None] = field(Integer, label="Status of the answer")
    failure: Mapped[str] = field(String(40), label="Failure", default="", nullable=False)
    duration_ms: Mapped[int | None] = field(Integer, label="Duration in ms")
    by_hand: Mapped[bool] = field(Boolean, label="Sent again by hand", default=False, nullable=False)

    __table_args__ = (
        Index("ix_webhooks_delivery_due", "status", "next_run_at"),
        Index("ix_webhooks_delivery_endpoint", "endpoint_id", "id"),
    )
