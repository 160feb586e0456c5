"""The desk's own cards on the first page: whom one knows, whom one has not spoken to for long, what changed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select

from retinue import Store
from retinue.contacts import Contact

_LONG = timedelta(days=60)
_SHOWN = 6


def drifting(store: Store) -> dict[str, Any] | None:
    """Return one's own contacts that nobody has spoken to for two months, the longest silence first."""
    chosen = select(Contact.id, Contact.name, Contact.kind, Contact.last_interaction_at).where(
        Contact.owner_id == store.actor.id, Contact.last_interaction_at < store.now - _LONG
    )
    rows = store.rows(chosen.order_by(Contact.last_interaction_at, Contact.id).limit(_SHOWN))
    return {"rows": rows}


def recent(store: Store) -> dict[str, Any] | None:
    """Return the contacts that were created last."""
    chosen = select(Contact.id, Contact.name, Contact.kind, Contact.created_at)
    rows = store.rows(chosen.order_by(Contact.created_at.desc(), Contact.id.desc()).limit(_SHOWN))
    return {"rows": rows}
