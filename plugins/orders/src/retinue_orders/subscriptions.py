"""Subscriptions: paid by the period, counted from the day of the start so that a 31st survives February."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store, new_id
from retinue.contacts import Contact
from retinue.errors import Conflict, Invalid, Problem, Stale
from retinue.money import CURRENCY
from retinue_orders import hookspecs
from retinue_orders.models import ACTIVE, ENDED, PAST_DUE, Subscription

_BATCH = 500


def period_start(starts_on: date, unit: str, number: int) -> date:
    """Return the first day of period `number` (0 is the start); a month that is too short gives its last day."""
    if unit == "week":
        return starts_on + timedelta(weeks=number)
    months = starts_on.month - 1 + number * (12 if unit == "year" else 1)
    year, month = starts_on.year + months // 12, months % 12 + 1
    return date(year, month, min(starts_on.day, calendar.monthrange(year, month)[1]))


def list_subscriptions(
    store: Store, *, contact_id: UUID | None = None, limit: int = 200
) -> list[Subscription]:
    """Return the newest subscriptions, all or those of one contact."""
    store.require("subscription.read")
    wanted = select(Subscription).order_by(Subscription.id.desc()).limit(limit)
    if contact_id is not None:
        wanted = wanted.where(Subscription.contact_id == contact_id)
    return store.scalars(wanted)


def start_subscription(store: Store, draft: Mapping[str, Any]) -> Subscription:
    """Start a subscription whose first period is paid."""
    store.require("subscription.change")
    store.get(Contact, draft["contact_id"])
    if draft["amount_minor"] < 0 or not CURRENCY.fullmatch(draft["currency"]):
        problem = Problem("/amount_minor", "must not be negative, in an ISO 4217 currency", "amount")
        raise Invalid("The subscription is not valid.", problems=[problem])
    made = Subscription(id=new_id(), status=ACTIVE, period=1, created_at=store.now, version=1)
    for name in ("contact_id", "plan", "currency", "amount_minor", "unit", "starts_on"):
        setattr(made, name, draft[name])
    made.renews_on = period_start(made.starts_on, made.unit, 1)
    store.add(made)
    _tell(store, [(made, "started")])
    return made


def renew_subscription(store: Store, subscription_id: UUID, version: int | None = None) -> Subscription:
    """Note that the next period was paid. Raises Conflict for one that was cancelled or has ended."""
    made = _locked(store, subscription_id, version)
    if made.status == ENDED or made.cancelled_at is not None:
        raise Conflict("The subscription does not renew any more.", remedy="Start a new one.")
    made.period += 1
    made.renews_on = period_start(made.starts_on, made.unit, made.period)
    made.status = ACTIVE
    _tell(store, [(made, "renewed")])
    return made


def fail_subscription(store: Store, subscription_id: UUID, version: int | None = None) -> Subscription:
    """Note that the next payment failed; what is paid stays paid, the subscription ends with its period."""
    made = _locked(store, subscription_id, version)
    if made.status == ENDED:
        raise Conflict("The subscription has ended.", remedy="Start a new one.")
    made.status = PAST_DUE
    _tell(store, [(made, "failed")])
    return made


def cancel_subscription(store: Store, subscription_id: UUID, version: int | None = None) -> Subscription:
    """Let a subscription end with the period that is paid. Raises Conflict if that is so already."""
    made = _locked(store, subscription_id, version)
    if made.status == ENDED or made.cancelled_at is not None:
        raise Conflict("The subscription was cancelled already.")
    made.cancelled_at = store.now
    _tell(store, [(made, "cancelled")])
    return made


def close_due(store: Store, _payload: Mapping[str, Any]) -> int:
    """Job by the clock: end what was cancelled or not paid and is past its period; returns how many there were."""
    own = store if store.actor.kind == "system" else store.system("orders")
    today, closed = own.now.date(), 0
    due = select(Subscription).where(Subscription.renews_on <= today, Subscription.status != ENDED)
    due = due.where((Subscription.cancelled_at.is_not(None)) | (Subscription.status == PAST_DUE))
    while found := own.scalars(due.order_by(Subscription.id).limit(_BATCH)):
        for made in found:
            made.status, made.ends_on = ENDED, made.renews_on
        _tell(own, [(made, "ended") for made in found])
        closed += len(found)
    return closed


def _locked(store: Store, subscription_id: UUID, version: int | None) -> Subscription:
    store.require("subscription.change")
    made: Subscription = store.get(Subscription, subscription_id, lock=True)
    if version is not None and version != made.version:
        raise Stale("Somebody changed the subscription.", remedy="Read it again.", extra={"current": made})
    made.version += 1
    return made


def _tell(store: Store, changed: Sequence[tuple[Subscription, str]]) -> None:
    store.flush()
    if not store.hooks.answered("subscriptions_changed"):
        return
    names = ("id", "contact_id", "plan", "starts_on", "renews_on", "status")
    facts = [
        hookspecs.SubscriptionFacts(change=change, **{name: getattr(made, name) for name in names})
        for made, change in changed
    ]
    store.hooks.tell(hookspecs.subscriptions_changed, store, facts)
