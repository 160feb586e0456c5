"""How often a contact is written to: a letter that is no service waits while so many went out within so many days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, or_, select

from retinue import Store, new_id
from retinue_email.models import BOUNCED, DOUBT, QUEUED, RESERVED, SENT, STARTED, Delivery, Pace
from retinue_email.templates import SERVICE

WAITS: Final = "frequency"
_TURN: Final = b"frequency"
"""Who counts holds this row, so that two lines at once do not both take a contact's last place."""


def defer_frequent(own: Store, rows: Sequence[Any]) -> set[UUID]:
    """Put back what would be too often for its contact, until the oldest letter that counts is old enough; returns which.

    Letters of the purpose ``service`` pass, and count for nobody. `rows` are letters that the caller has just reserved,
    the first of a contact goes first.
    """
    said = own.settings("email")
    most, window = said["frequency_letters"], timedelta(days=said["frequency_days"])
    asked = [row for row in rows if row.purpose != SERVICE and row.contact_id is not None]
    if not most or not asked:
        return set()
    _take_turn(own)
    times = _times(own, {row.contact_id for row in asked}, {row.id for row in asked}, own.now - window)
    back: dict[UUID, datetime] = {}
    for row in asked:
        known = times[row.contact_id]
        if len(known) < most:
            known.append(own.now)
        else:
            back[row.id] = sorted(known)[len(known) - most] + window
    _put_back(own, back)
    return set(back)


def _take_turn(own: Store) -> None:
    held = own.first(select(Pace.id).where(Pace.domain == _TURN).with_for_update())
    if held is None:
        own.insert_many(Pace, [{"id": new_id(), "domain": _TURN, "next_at": own.now}])


def _times(
    own: Store, contacts: set[UUID], reserved: set[UUID], since: datetime
) -> defaultdict[UUID, list[datetime]]:
    """Return when each contact was written to since then; what is under way on other lines counts as of now."""
    went = Delivery.state.in_((SENT, DOUBT, BOUNCED)) & (
        func.coalesce(Delivery.sent_at, Delivery.created_at) > since
    )
    goes = Delivery.state.in_((RESERVED, STARTED)) & Delivery.id.not_in(reserved)
    chosen = select(Delivery.contact_id, Delivery.sent_at).where(
        Delivery.contact_id.in_(contacts), Delivery.purpose != SERVICE, or_(went, goes)
    )
    found: defaultdict[UUID, list[datetime]] = defaultdict(list)
    for contact_id, sent_at in own.rows(chosen):
        found[contact_id].append(sent_at or own.now)
    return found


def _put_back(own: Store, back: Mapping[UUID, datetime]) -> None:
    own.update_many(Delivery, [
        {"id": one, "state": QUEUED, "reason": WAITS, "held_by": None, "not_before": until}
        for one, until in back.items()
    ])  # fmt: skip
