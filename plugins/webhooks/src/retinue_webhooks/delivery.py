"""From waiting rows to answers: claim in one transaction, send outside of any, settle in another.

The rows are the truth. Whoever claims a delivery holds it for a while; if the process dies, the claim runs
out and the clock's job sends it again under the same id, which is what consumers are told to expect.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import and_, or_, select, update

from retinue import Store
from retinue_webhooks import service, standard
from retinue_webhooks.models import (
    ACTIVE,
    DELIVERED,
    FAILED,
    FAILING,
    OFF,
    SENDING,
    WAITING,
    Delivery,
    Endpoint,
    Event,
)
from retinue_webhooks.transport import Reply, Transport

OpenStore = Callable[[], AbstractContextManager[Store]]
BATCH = 10
_LEASE = timedelta(seconds=BATCH * standard.TIMEOUT + 60)
_SOON = 60.0
_GONE = 410


@dataclass(frozen=True, slots=True)
class Parcel:
    """All that one attempt needs, read in the claim's transaction."""

    delivery_id: UUID
    endpoint_id: UUID
    event_id: UUID
    attempts: int
    url: str
    body: bytes
    secrets: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """One attempt that was made."""

    parcel: Parcel
    sent_at: datetime
    reply: Reply


def claim_deliveries(own: Store, endpoint_id: UUID, limit: int = BATCH) -> list[Parcel]:
    """Return what is due for an endpoint, held for this process; nothing for one that is off or gone."""
    endpoint = own.find(Endpoint, endpoint_id)
    if endpoint is None or endpoint.state == OFF:
        return []
    wanted = select(Delivery.id, Delivery.event_id, Delivery.attempts)
    wanted = wanted.where(Delivery.endpoint_id == endpoint_id, _is_due(own.now))
    wanted = wanted.order_by(Delivery.next_run_at, Delivery.id).limit(limit).with_for_update(skip_locked=True)
    rows = own.rows(wanted)
    if not rows:
        return []
    held = update(Delivery).where(Delivery.id.in_([row.id for row in rows]))
    own.change(held.values(status=SENDING, next_run_at=own.now + _LEASE))
    found = own.rows(select(Event.id, Event.body).where(Event.id.in_({row.event_id for row in rows})))
    bodies = {row.id: row.body.encode() for row in found}
    secrets = tuple(service.signing_secrets(own, endpoint_id))
    return [
        Parcel(
            row.id,
            endpoint_id,
            row.event_id,
            row.attempts,
            endpoint.url,
            bodies[row.event_id],
            secrets,
        )
        for row in rows
    ]


def ship(parcel: Parcel, transport: Transport) -> Outcome:
    """Make one attempt; no transaction is open."""
    now = datetime.now(UTC)
    headers = standard.message_headers(message_id(parcel.event_id), now, parcel.body, parcel.secrets)
    return Outcome(parcel, now, transport.post(parcel.url, headers, parcel.body))


def message_id(event_id: UUID) -> str:
    """Return the event's id on the wire: the same for every endpoint and every attempt."""
    return f"msg_{event_id.hex}"


def settle_delivery(own: Store, outcome: Outcome) -> bool:
    """Write down what came of an attempt; returns whether the endpoint is still to be called."""
    endpoint = own.find(Endpoint, outcome.parcel.endpoint_id, lock=True)
    if endpoint is None:
        return False
    values = _result(own, outcome)
    if _write(own, outcome.parcel, values):
        _judge(own, endpoint, outcome.reply, exhausted=values["status"] == FAILED)
        own.flush()
    return endpoint.active


def _result(own: Store, outcome: Outcome) -> dict[str, Any]:
    parcel, reply = outcome.parcel, outcome.reply
    attempts = parcel.attempts + 1
    values: dict[str, Any] = {
        "attempts": attempts, "sent_at": outcome.sent_at, "response_status": reply.status,
        "failure": "" if reply.good else reply.failure or f"http-{reply.status}",
        "duration_ms": round(reply.seconds * 1000),
    }  # fmt: skip
    if reply.good:
        return {**values, "status": DELIVERED, "next_run_at": None}
    wish = standard.retry_after(reply.retry_after, own.now)
    again = standard.next_attempt(attempts, str(parcel.delivery_id), own.now, wish)
    return {**values, "status": WAITING if again else FAILED, "next_run_at": again}


def _write(own: Store, parcel: Parcel, values: Mapping[str, Any]) -> bool:
    """Write the result unless somebody else has settled, dropped or restarted the delivery meanwhile."""
    mine = (
        Delivery.id == parcel.delivery_id,
        Delivery.status == SENDING,
        Delivery.attempts == parcel.attempts,
    )
    return own.change(update(Delivery).where(*mine).values(**values)) == 1


def _judge(own: Store, endpoint: Endpoint, reply: Reply, *, exhausted: bool) -> None:
    """Move the endpoint between active, failing and off."""
    if reply.good:
        endpoint.delivered_at, endpoint.failing_since = own.now, None
        if endpoint.state == FAILING:
            endpoint.state, endpoint.reason, endpoint.version = ACTIVE, "", endpoint.version + 1
        return
    if reply.status == _GONE:
        endpoint.version += 1
        service.switch_off(own, endpoint, "the endpoint answered 410 Gone")
        return
    endpoint.failing_since = endpoint.failing_since or own.now
    if not exhausted:
        return
    endpoint.version += 1
    if own.now - endpoint.failing_since >= standard.GIVE_UP:
        service.switch_off(own, endpoint, f"only failures for {standard.GIVE_UP.days} days")
    else:
        endpoint.state, endpoint.reason = FAILING, f"a delivery failed {standard.ATTEMPTS} times"


def due_endpoints(own: Store) -> list[UUID]:
    """Return the endpoints that something is due for, claims that ran out among it."""
    wanted = select(Delivery.endpoint_id).join(Endpoint, Endpoint.id == Delivery.endpoint_id)
    return own.scalars(wanted.where(Endpoint.state != OFF, _is_due(own.now)).distinct())


def next_due(own: Store, endpoint_id: UUID) -> datetime | None:
    """Return when the next waiting delivery of an endpoint is due."""
    waits = (Delivery.endpoint_id == endpoint_id, Delivery.status == WAITING)
    return own.first(select(Delivery.next_run_at).where(*waits).order_by(Delivery.next_run_at).limit(1))  # type: ignore[no-any-return]  # the column's type


def _is_due(now: datetime) -> Any:
    return and_(Delivery.next_run_at <= now, or_(Delivery.status == WAITING, Delivery.status == SENDING))


def release_deliveries(own: Store, parcels: Sequence[Parcel]) -> None:
    """Give back what was claimed and not sent; nothing is counted."""
    mine = (Delivery.id.in_([parcel.delivery_id for parcel in parcels]), Delivery.status == SENDING)
    own.change(update(Delivery).where(*mine).values(status=WAITING, next_run_at=own.now))


def deliver_endpoint(
    open_store: OpenStore, endpoint_id: UUID, transport: Transport, going: Callable[[], bool] = lambda: True
) -> float | None:
    """Send what is due for one endpoint while `going`; returns the seconds until more is due, if soon.

    A result is written as soon as it is there, so that a crash repeats one delivery and not ten.
    """
    while going():
        with open_store() as own:
            parcels = claim_deliveries(own, endpoint_id)
        if not parcels:
            return _wait(open_store, endpoint_id)
        for place, parcel in enumerate(parcels):
            if not going():
                with open_store() as own:
                    release_deliveries(own, parcels[place:])
                return None
            outcome = ship(parcel, transport)
            with open_store() as own:
                if not settle_delivery(own, outcome):
                    return None
    return None


def _wait(open_store: OpenStore, endpoint_id: UUID) -> float | None:
    with open_store() as own:
        due = next_due(own, endpoint_id)
        wait = (due - own.now).total_seconds() if due else None
    return max(wait, 0.0) if wait is not None and wait <= _SOON else None
