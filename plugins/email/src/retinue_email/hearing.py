"""What is heard of letters after they were sent: bounces, complaints, wishes to leave; each counted once, and honoured."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select

from retinue import Problem, Store, new_id
from retinue.errors import Invalid
from retinue_email.making import Desk
from retinue_email.models import (
    BOUNCE,
    BOUNCED,
    COMPLAINED,
    COMPLAINT,
    DOUBT,
    HARD_BOUNCE,
    SENT,
    SOFT_BOUNCE,
    SOFT_BOUNCES,
    UNSUBSCRIBE,
    UNSUBSCRIBED,
    Delivery,
    DeliveryEvent,
)
from retinue_email.returned import MAX_BYTES, Returned, read_returned
from retinue_email.standing import note_bounce
from retinue_email.suppression import add_suppression

SOFT_WITHIN: Final = timedelta(days=30)
UNKNOWN, NOTHING, KNOWN, HEARD = "unknown", "nothing", "known", "heard"


def take_returned(
    store: Store, raw: bytes, *, to: Sequence[str] = (), source: str = "mail"
) -> dict[str, Any]:
    """Take a message that came back; returns what became of it, and the letter and event it was about.

    ``heard``: written down and honoured. ``known``: it was already. ``nothing``: it says nothing of a letter's fate, as
    an automatic answer does. ``unknown``: it names no letter of ours. The message itself is kept nowhere.
    """
    store.require("email_return.create")
    if len(raw) > MAX_BYTES:
        detail = f"the message is larger than {MAX_BYTES // 1024 // 1024} MB"
        raise Invalid(
            "the message cannot be read", code="too-long", problems=[Problem("", detail, "too-long")]
        )
    own = store.system("hear what came back")
    return hear(own, read_returned(Desk.of(own).secret, raw, to), source)


def hear_all(own: Store, items: Iterable[Returned], source: str) -> dict[str, int]:
    """Hear several things; returns how many had which outcome."""
    counted: dict[str, int] = {}
    for item in items:
        outcome = hear(own, item, source)["outcome"]
        counted[outcome] = counted.get(outcome, 0) + 1
    return counted


def hear(own: Store, said: Returned, source: str) -> dict[str, Any]:
    """Write an event of a letter down once, and honour it. `own` is the system's store."""
    row = own.find(Delivery, said.letter_id, lock=True) if said.letter_id is not None else None
    known = {"letter_id": row.id if row else None, "kind": said.kind, "enhanced": said.enhanced}
    if not said.kind or row is None:
        return {**known, "outcome": UNKNOWN if row is None else NOTHING}
    same = select(DeliveryEvent.id).where(
        DeliveryEvent.delivery_id == row.id, DeliveryEvent.kind == said.kind
    )
    if own.first(same) is not None:
        return {**known, "outcome": KNOWN}
    event = {
        "id": new_id(), "delivery_id": row.id, "kind": said.kind, "at": own.now, "enhanced": said.enhanced[:12],
        "source": source[:40],
    }  # fmt: skip
    own.insert_many(DeliveryEvent, [event])
    _honour(own, row, said, source)
    return {**known, "outcome": HEARD}


def _honour(own: Store, row: Delivery, said: Returned, source: str) -> None:
    """Draw the consequences: a hard bounce and a complaint keep the address out, soft ones when they are too many."""
    if said.kind in (BOUNCE, SOFT_BOUNCE):
        if row.state in (SENT, DOUBT):
            row.state, row.enhanced = BOUNCED, said.enhanced[:12]
            row.reason = HARD_BOUNCE if said.kind == BOUNCE else SOFT_BOUNCE
        note_bounce(own, row.contact_id)
    own.flush()
    if row.token is None:  # the person was erased
        return
    if said.kind == BOUNCE:
        add_suppression(own, row.token, HARD_BOUNCE, source=f"{source} {said.enhanced}".strip())
    elif said.kind == COMPLAINT:
        add_suppression(own, row.token, COMPLAINED, source=source)
    elif said.kind == UNSUBSCRIBE:
        add_suppression(own, row.token, UNSUBSCRIBED, source=source, scope=row.purpose)
    elif _soft_bounces(own, row.token) >= own.settings("email")["soft_bounces"]:
        add_suppression(own, row.token, SOFT_BOUNCES, source=source)


def _soft_bounces(own: Store, token: bytes) -> int:
    """Return how many letters in a row came back softly within a month: one that arrived begins the count anew."""
    last = own.scalar(
        select(func.max(Delivery.sent_at)).where(Delivery.token == token, Delivery.state == SENT)
    )
    since = own.now - SOFT_WITHIN
    heard = (
        select(func.count(func.distinct(DeliveryEvent.delivery_id)))
        .join(Delivery, Delivery.id == DeliveryEvent.delivery_id)
        .where(Delivery.token == token, DeliveryEvent.kind == SOFT_BOUNCE)
        .where(Delivery.sent_at > (max(since, last) if last is not None else since))
    )
    return int(own.scalar(heard) or 0)


def find_letter(name: str) -> UUID | None:
    """Return the letter that a Message-ID names."""
    local = name.strip(" <>").partition("@")[0]
    try:
        return UUID(hex=local) if len(local) == 32 else None
    except ValueError:
        return None
