"""Questions put to a browser, to be answered soon and once; the database keeps their fingerprint."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, select

from retinue.access.guard import Guard
from retinue.access.models import Challenge
from retinue.access.secret import digest
from retinue.storage import Store


def put_challenge(
    store: Store,
    kind: str,
    value: str,
    *,
    guard: Guard,
    account_id: UUID | None = None,
    detail: Mapping[str, str] | None = None,
    life: timedelta | None = None,
) -> Challenge:
    """Remember that `value` was sent out for `kind`, for `life` or the usual minutes. `store` is the system's."""
    row = Challenge(
        kind=kind,
        account_id=account_id,
        value_hash=digest(value),
        detail=dict(detail or {}),
        expires_at=store.now + (life or guard.rules.challenge_life),
    )
    store.add(row)
    store.flush()
    return row


def find_challenge(store: Store, kind: str, value: str) -> Challenge | None:
    """Return the question that `value` answers, and leave it open; None if it is unknown or too old."""
    mine = (Challenge.value_hash == digest(value)) & (Challenge.kind == kind)
    row: Challenge | None = store.first(select(Challenge).where(mine, Challenge.expires_at > store.now))
    return row


def take_challenge(store: Store, kind: str, value: str) -> Challenge | None:
    """Return the question that `value` answers and forget it; None if it is unknown, too old or answered.

    Of two that answer at once only one gets it.
    """
    row = find_challenge(store, kind, value)
    if row is None:
        return None
    store.session.expunge(row)
    return row if store.change(delete(Challenge).where(Challenge.id == row.id)) else None
