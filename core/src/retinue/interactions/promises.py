"""Promises: what was promised to a contact and is still open, written down by hand or known to a plugin.

A promise is an interaction of its own kind with a day in ``data.due``. Keeping it corrects the entry: the new one carries
``data.kept_at``, so that the timeline shows when it was given and when it was kept.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, exists, select

from retinue.contacts.models import Contact
from retinue.errors import Conflict
from retinue.interactions.models import IS_PROMISE, PROMISE, Interaction
from retinue.interactions.service import correct_interaction
from retinue.plugins.answers import Promise

if TYPE_CHECKING:
    from retinue.storage import Store

_LOOKED_THROUGH: Final = 200
"""How many promises are looked through; what is kept and when it is due is sealed, so that no database can sort by it."""


def list_promises(store: Store, contact_id: UUID) -> list[Promise]:
    """Return what is still owed to a contact, the earliest due first; plugins' promises among them."""
    store.require("interaction.read", store.get(Contact, contact_id))
    chosen = select(Interaction).where(
        Interaction.contact_id == contact_id, Interaction.kind == PROMISE, Interaction.hidden.is_(False)
    )
    rows: list[Interaction] = store.scalars(chosen.order_by(Interaction.at, Interaction.id))
    store.unseal(rows)
    own = [_promise(row) for row in rows if not (row.data or {}).get("kept_at")]
    asked = store.hooks.contact_promises(store=store, contact_ids=[contact_id])
    return sorted([*own, *asked], key=lambda promise: (promise.due is None, promise.due or date.max))


def open_promises(store: Store, whose: ColumnElement[bool]) -> list[Interaction]:
    """Return what is still owed to the contacts for which the condition `whose` holds, the latest given first.

    The last 200 promises are looked through. Plugins' promises are not among them: ask for one contact for those.
    """
    store.require("interaction.read")
    theirs = exists(select(Contact.id).where(Contact.id == Interaction.contact_id, whose))
    chosen = select(Interaction).where(IS_PROMISE, Interaction.hidden.is_(False), theirs)
    rows: list[Interaction] = store.scalars(
        chosen.order_by(Interaction.at.desc(), Interaction.id.desc()).limit(_LOOKED_THROUGH)
    )
    store.unseal(rows)
    return [row for row in rows if not (row.data or {}).get("kept_at")]


def keep_promise(store: Store, interaction_id: UUID) -> Interaction:
    """Note that a promise was kept; raises Conflict for an entry that is none, or was kept already."""
    row = store.get(Interaction, interaction_id)
    store.unseal([row])
    data: dict[str, Any] = dict(row.data or {})
    if row.kind != PROMISE or data.get("kept_at"):
        raise Conflict("this is no open promise", code="not-open", remedy="Read the promises again.")
    return correct_interaction(store, interaction_id, {"data": {**data, "kept_at": store.now.isoformat()}})


def _promise(row: Interaction) -> Promise:
    text = row.subject or row.body or ""
    return Promise(row.contact_id, text, _day((row.data or {}).get("due")), row.id)


def _day(text: Any) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
