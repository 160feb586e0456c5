"""The desk's own cards on the first page: what is due, whom one has not spoken to for long, who is new."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, Final

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact
from retinue.interactions import Interaction, open_promises

_LONG: Final = timedelta(days=60)
_SHOWN: Final = 6


def _whose(store: Store) -> tuple[str, Any]:
    """Return whose contacts the cards are about: one's own, else the team's, else all one may see."""
    own = Contact.owner_id == store.actor.id
    team = Contact.team_id.in_(store.actor.team_ids)
    for word, condition in (("own", own), ("team", team)):
        if store.rows(select(Contact.id).where(condition).limit(1)):
            return word, condition
    return "all", Contact.id.is_not(None)


def drifting(store: Store) -> dict[str, Any] | None:
    """Return the contacts that nobody has spoken to for two months, the longest silence first."""
    word, condition = _whose(store)
    chosen = select(Contact.id, Contact.name, Contact.kind, Contact.last_interaction_at).where(
        condition, Contact.last_interaction_at < store.now - _LONG
    )
    rows = store.rows(chosen.order_by(Contact.last_interaction_at, Contact.id).limit(_SHOWN))
    return {"rows": rows, "whose": word}


def recent(store: Store) -> dict[str, Any] | None:
    """Return the contacts that were created last; ids are made in the order of time."""
    chosen = select(Contact.id, Contact.name, Contact.kind, Contact.created_at)
    rows = store.rows(chosen.order_by(Contact.id.desc()).limit(_SHOWN))
    return {"rows": rows, "whose": ""}


def due(store: Store) -> dict[str, Any] | None:
    """Return what was promised and not kept yet, the earliest day first; without a day at the end."""
    word, condition = _whose(store)
    owed = sorted(
        ((_day(row), row) for row in open_promises(store, condition)),
        key=lambda pair: (pair[0] or date.max, pair[1].at),
    )[:_SHOWN]
    ids = [row.contact_id for _, row in owed]
    names = dict(
        tuple(row) for row in store.rows(select(Contact.id, Contact.name).where(Contact.id.in_(ids)))
    )
    lines = [
        (row.contact_id, names.get(row.contact_id, "—"), row.subject or row.body or "", day)
        for day, row in owed
    ]
    return {"lines": lines, "whose": word, "today": store.now.date()}


def _day(row: Interaction) -> date | None:
    text = (row.data or {}).get("due")
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
