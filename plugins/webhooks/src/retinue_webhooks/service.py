"""What people do with endpoints, and how an event becomes deliveries in the transaction of the change."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, exists, or_, select, update

from retinue import FieldChange, Store, WebhookEvent, new_id
from retinue.errors import Conflict, Invalid, Problem, RetinueError, Stale
from retinue.web import shared
from retinue_webhooks import standard
from retinue_webhooks.models import (
    ACTIVE,
    DROPPED,
    OFF,
    SENDING,
    WAITING,
    Delivery,
    Endpoint,
    Event,
    Secret,
)

DELIVER = "webhooks.deliver_endpoint"
TEST_EVENT = "webhook.test"
BY_HAND = "switched off by hand"
ENDPOINT_LIMIT = 50
_EVENT_LIMIT = 100
_OWN_FIELDS = ("url", "description", "events")


def list_endpoints(store: Store) -> list[Endpoint]:
    """Return all endpoints, oldest first."""
    store.require("webhook.read")
    rows = _system(store).scalars(select(Endpoint).order_by(Endpoint.id))
    _system(store).unseal(rows)
    return rows


def get_endpoint(store: Store, endpoint_id: UUID) -> Endpoint:
    """Return one endpoint."""
    store.require("webhook.read")
    return _system(store).get(Endpoint, endpoint_id)


def create_endpoint(store: Store, draft: Mapping[str, Any]) -> tuple[Endpoint, str]:
    """Create an endpoint; returns it and its secret, which is never shown again."""
    store.require("webhook.create")
    _check(store, draft)
    own = _system(store)
    if own.count(select(Endpoint.id)) >= ENDPOINT_LIMIT:
        raise Conflict(
            f"There are {ENDPOINT_LIMIT} endpoints.", remedy="Remove one that is not needed any more."
        )
    active = draft.get("active", True)
    endpoint = Endpoint(id=new_id(), created_at=store.now, version=1)
    endpoint.url, endpoint.events = draft["url"], list(draft["events"])
    endpoint.description = draft.get("description", "")
    endpoint.state, endpoint.reason = (ACTIVE, "") if active else (OFF, BY_HAND)
    own.add(endpoint)
    own.flush()
    return endpoint, _add_secret(own, endpoint.id)


def change_endpoint(
    store: Store, endpoint_id: UUID, changes: Mapping[str, Any], version: int | None
) -> Endpoint:
    """Change an endpoint; switching it on again forgives its failures, off drops what still waits."""
    store.require("webhook.change")
    _check(store, changes)
    own = _system(store)
    endpoint = own.get(Endpoint, endpoint_id, lock=True)
    _refuse_stale(endpoint, version)
    for name in _OWN_FIELDS:
        if name in changes and changes[name] != getattr(endpoint, name):
            setattr(endpoint, name, changes[name])
    if changes.get("active") is True and endpoint.state != ACTIVE:
        endpoint.state, endpoint.reason, endpoint.failing_since = ACTIVE, "", None
    elif changes.get("active") is False and endpoint.state != OFF:
        switch_off(own, endpoint, BY_HAND)
    endpoint.version += 1
    own.flush()
    return endpoint


def switch_off(own: Store, endpoint: Endpoint, reason: str) -> None:
    """Send nothing more to the endpoint and drop what waits for it; a person sees the reason."""
    endpoint.state, endpoint.reason = OFF, reason
    waits = (Delivery.endpoint_id == endpoint.id, Delivery.status.in_((WAITING, SENDING)))
    own.change(update(Delivery).where(*waits).values(status=DROPPED, next_run_at=None))


def remove_endpoint(store: Store, endpoint_id: UUID, version: int | None = None) -> None:
    """Remove an endpoint with its secrets and deliveries."""
    store.require("webhook.remove")
    own = _system(store)
    endpoint = own.get(Endpoint, endpoint_id, lock=True)
    _refuse_stale(endpoint, version)
    for secret in own.scalars(select(Secret).where(Secret.endpoint_id == endpoint_id)):
        own.remove(secret)
    own.flush()
    own.remove(endpoint)
    own.flush()


def rotate_secret(store: Store, endpoint_id: UUID) -> str:
    """Return a new secret; the one before signs beside it for a day, any older one no more."""
    store.require("webhook.change")
    own = _system(store)
    endpoint = own.get(Endpoint, endpoint_id, lock=True)
    for secret in own.scalars(select(Secret).where(Secret.endpoint_id == endpoint_id)):
        if secret.retires_at is None:
            secret.retires_at = store.now + standard.OVERLAP
        else:
            own.remove(secret)
    own.flush()
    endpoint.version += 1
    return _add_secret(own, endpoint_id)


def signing_secrets(own: Store, endpoint_id: UUID) -> list[str]:
    """Return the secrets that sign now, the newest first."""
    lives = or_(Secret.retires_at.is_(None), Secret.retires_at > own.now)
    found = own.scalars(
        select(Secret).where(Secret.endpoint_id == endpoint_id, lives).order_by(Secret.id.desc())
    )
    own.unseal(found)
    return [secret.secret for secret in found]


def send_test(store: Store, endpoint_id: UUID) -> dict[str, Any]:
    """Send a test event to one endpoint, whatever it has subscribed to."""
    store.require("webhook.change")
    own = _system(store)
    endpoint = own.get(Endpoint, endpoint_id)
    _refuse_off(endpoint)
    (delivery_id,) = _enqueue(own, TEST_EVENT, [{"id": str(endpoint_id)}], [endpoint_id])
    return _show(own, own.get(Delivery, delivery_id))


def list_deliveries(
    store: Store, endpoint_id: UUID, *, after: Sequence[Any] | None = None, limit: int = 50
) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """Return a page of an endpoint's deliveries, newest first, and where the next page starts after."""
    store.require("webhook.read")
    own = _system(store)
    own.get(Endpoint, endpoint_id)
    wanted = select(Delivery, Event.name, Event.body).join(Event, Event.id == Delivery.event_id)
    wanted = wanted.where(Delivery.endpoint_id == endpoint_id).order_by(Delivery.id.desc()).limit(limit + 1)
    if after is not None:
        wanted = wanted.where(Delivery.id < after[0])
    rows = own.rows(wanted)
    shown = [_shown(row.Delivery, row.name, row.body) for row in rows[:limit]]
    return shown, [shown[-1]["id"]] if len(rows) > limit else None


def resend_delivery(store: Store, delivery_id: UUID) -> dict[str, Any]:
    """Send a delivery again from the start of the table, under the same id that the consumer knows."""
    store.require("webhook.change")
    own = _system(store)
    delivery = own.get(Delivery, delivery_id, lock=True)
    if delivery.status == SENDING:
        raise Conflict("The delivery is under way just now.", remedy="Wait for its result.")
    _refuse_off(own.get(Endpoint, delivery.endpoint_id))
    delivery.status, delivery.attempts, delivery.next_run_at, delivery.by_hand = WAITING, 0, store.now, True
    own.flush()
    own.later(DELIVER, {"endpoint": str(delivery.endpoint_id)})
    store.record("webhook.resend", detail={"delivery": str(delivery_id)})
    return _show(own, delivery)


def announce(store: Store, event: str, items: Iterable[Mapping[str, Any]]) -> int:
    """Write the deliveries of an event in the transaction of the change; returns how many there are.

    One body carries as many items as fit: an import of 10,000 contacts makes about 25 deliveries for each
    endpoint. A rollback takes them along: nothing is sent for a dry run.
    """
    own = _system(store)
    endpoints = own.rows(select(Endpoint.id, Endpoint.events).where(Endpoint.state != OFF))
    wanting = [row.id for row in endpoints if standard.wants(row.events, event)]
    return len(_enqueue(own, event, items, wanting)) if wanting else 0


def announce_contacts(store: Store, event: str, contacts: Sequence[Any]) -> None:
    """Announce an event of contacts by their ids; a batch that knows them is not loaded."""
    announce(store, event, ({"id": str(contact_id)} for contact_id in _ids(contacts)))


def announce_changes(store: Store, contacts: Sequence[Any], changes: Sequence[FieldChange]) -> None:
    """Announce which fields of which contacts changed, never their values."""
    fields: dict[UUID, set[str]] = {contact_id: set() for contact_id in _ids(contacts)}
    for change in changes:
        fields.setdefault(change.contact_id, set()).add(change.field)
    items = ({"id": str(key), "fields": sorted(names)} for key, names in fields.items())
    announce(store, "contact.changed", items)


def announce_merge(store: Store, survivor: Any, merged: Sequence[Any]) -> None:
    """Announce which contact stays and which went into it."""
    announce(
        store, "contact.merged", [{"id": str(survivor.id), "merged_ids": [str(one.id) for one in merged]}]
    )


def announce_interactions(store: Store, interactions: Sequence[Any]) -> None:
    """Announce interactions by their ids and their contacts'."""
    items = ({"id": str(one.id), "contact_id": str(one.contact_id)} for one in interactions)
    announce(store, "interaction.recorded", items)


def forget_events(store: Store, _payload: Mapping[str, Any]) -> None:
    """Delete events older than the setting `keep_days` that nobody waits for any more."""
    kept = timedelta(days=store.settings("webhooks")["keep_days"])
    old = (Event.created_at < store.now - kept, ~exists().where(_open_for(Event.id)))
    _system(store).change(delete(Event).where(*old))


def _open_for(event_id: Any) -> Any:
    return (Delivery.event_id == event_id) & Delivery.status.in_((WAITING, SENDING))


def _ids(contacts: Sequence[Any]) -> Iterator[UUID]:
    known = getattr(contacts, "ids", None)
    yield from known if known is not None else (contact.id for contact in contacts)


def _enqueue(
    own: Store, event: str, items: Iterable[Mapping[str, Any]], endpoints: Sequence[UUID]
) -> list[UUID]:
    bodies = list(standard.bodies(event, own.now, items))
    events: list[dict[str, Any]] = [
        {"id": new_id(), "name": event, "body": body, "created_at": own.now} for body in bodies
    ]
    rows = [_delivery(row["id"], endpoint_id, own.now) for row in events for endpoint_id in endpoints]
    own.insert_many(Event, events)
    own.insert_many(Delivery, rows)
    if rows:
        for endpoint_id in endpoints:  # one call wakes for all that this transaction has written
            own.later(DELIVER, {"endpoint": str(endpoint_id)}, key=f"{own.change_set_id}:{endpoint_id}")
    return [row["id"] for row in rows]


def _delivery(event_id: UUID, endpoint_id: UUID, now: datetime) -> dict[str, Any]:
    start = {"status": WAITING, "attempts": 0, "next_run_at": now, "failure": "", "by_hand": False}
    return {"id": new_id(), "event_id": event_id, "endpoint_id": endpoint_id, **start}


def _add_secret(own: Store, endpoint_id: UUID) -> str:
    secret = standard.new_secret()
    own.add(Secret(id=new_id(), endpoint_id=endpoint_id, secret=secret, created_at=own.now))
    own.flush()
    return secret


def _show(own: Store, delivery: Delivery) -> dict[str, Any]:
    event = own.get(Event, delivery.event_id)
    return _shown(delivery, event.name, event.body)


def _shown(delivery: Delivery, event: str, body: str) -> dict[str, Any]:
    names = [column.key for column in Delivery.__mapper__.column_attrs]
    return {**{name: getattr(delivery, name) for name in names}, "event": event, "body": body}


def _refuse_stale(endpoint: Endpoint, version: int | None) -> None:
    if version is not None and version != endpoint.version:
        raise Stale("Somebody changed the webhook.", remedy="Read it again.", extra={"current": endpoint})


def _refuse_off(endpoint: Endpoint) -> None:
    if endpoint.state == OFF:
        raise Conflict(f"The webhook is off: {endpoint.reason}.", remedy="Switch it on first.")


def list_events(store: Store) -> list[WebhookEvent]:
    """Return the events there are, of this plugin and of the others that are on."""
    store.require("webhook.read")
    return _known_events(store)


def _known_events(store: Store) -> list[WebhookEvent]:
    plugins = store.declared.get("plugins")
    return [owned.item for owned in plugins.declared(WebhookEvent)] if plugins else []


def _check(store: Store, draft: Mapping[str, Any]) -> None:
    """Refuse an address that is never called, and events that nobody announces."""
    problems = list(_event_problems(store, draft["events"])) if "events" in draft else []
    if "url" in draft:
        try:
            shared().check(draft["url"])
        except RetinueError as error:
            problems.append(Problem("/url", f"{error.detail} {error.remedy}", error.code))
    if problems:
        raise Invalid("The webhook is not valid.", problems=problems)


def _event_problems(store: Store, events: Sequence[str]) -> Iterator[Problem]:
    if not 1 <= len(set(events)) <= _EVENT_LIMIT:
        yield Problem("/events", f"Name 1 to {_EVENT_LIMIT} events, or * for all.")
    known = [event.name for event in _known_events(store)]
    for place, event in enumerate(events):
        if known and not any(standard.wants([event], name) for name in known):
            near = difflib.get_close_matches(event, known, 1)
            hint = f" Did you mean {near[0]}?" if near else ""
            yield Problem(f"/events/{place}", f"There is no event {event}.{hint}", "unknown-event")


def _system(store: Store) -> Store:
    return store if store.actor.kind == "system" else store.system("webhooks")
