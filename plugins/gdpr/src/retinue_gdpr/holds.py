"""Holds: what the law or a claim says to keep, of a person or of some tables, with its basis and end."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import or_, select

from retinue import Problem, Store
from retinue.contacts import Contact, personal_registry
from retinue.errors import Conflict, Invalid
from retinue_gdpr.duty_models import Hold
from retinue_gdpr.purposes import refuse_stale


def set_hold(store: Store, values: Mapping[str, Any]) -> Hold:
    """Keep a contact, or only its rows in the tables named, from being erased until a day or until lifted."""
    store.require("hold.change")
    store.get(Contact, values["contact_id"])
    known = holdable_tables()
    problems = [
        Problem(f"/tables/{place}", "no table whose rows can be kept without the person", "unknown-table")
        for place, name in enumerate(values.get("tables") or ())
        if name not in known
    ]
    if values.get("until") and values["until"] <= store.now.date():
        problems.append(Problem("/until", "lies in the past"))
    if problems:
        raise Invalid("the hold is not valid", problems=problems)
    hold = Hold(
        contact_id=values["contact_id"], basis=values["basis"], tables=list(values.get("tables") or ()),
        until=values.get("until"), created_at=store.now,
    )  # fmt: skip
    hold.reason = values.get("reason") or ""
    store.add(hold)
    store.flush()
    return hold


def holdable_tables() -> list[str]:
    """Return the tables whose rows can be kept without the person they are about."""
    return sorted(
        {
            str(held.table)
            for held in personal_registry()
            if held.path
            and ">" not in held.path
            and (held.plugin not in ("", "gdpr") or held.table == "interaction")
        }
    )


def lift_hold(store: Store, hold_id: UUID, version: int | None = None) -> Hold:
    """Lift a hold; what waits for it is done by the next run of retention. Raises Conflict if it was lifted."""
    store.require("hold.change")
    own = store.legal("lift a hold")
    hold = own.get(Hold, hold_id, lock=True)
    refuse_stale(hold, version)
    if hold.lifted_at is not None:
        raise Conflict("this hold was lifted already", code="hold-lifted")
    hold.lifted_at, hold.version = store.now, hold.version + 1
    own.flush()
    return hold


def list_holds(store: Store, *, contact_id: UUID | None = None) -> list[Hold]:
    """Return the holds in force, those for erased persons too, the oldest first."""
    store.require("hold.read")
    chosen = select(Hold).where(Hold.lifted_at.is_(None)).order_by(Hold.created_at)
    own = store.legal("list holds")
    rows = own.scalars(chosen if contact_id is None else chosen.where(Hold.contact_id == contact_id))
    own.unseal(rows)
    return rows


def holds_on(own: Store, contact_id: UUID) -> list[Hold]:
    """Return the holds on a contact that stand today."""
    today = own.now.date()
    chosen = select(Hold).where(Hold.contact_id == contact_id, Hold.lifted_at.is_(None))
    return own.scalars(chosen.where(or_(Hold.until.is_(None), Hold.until > today)))


def ended_stand_ins(own: Store) -> list[UUID]:
    """Return the nameless contacts whose holds are all over or lifted: what was kept may go now."""
    today = own.now.date()
    stands = set(own.scalars(select(Hold.contact_id).where(Hold.stands_in)))
    open_ = select(Hold.contact_id).where(
        Hold.stands_in, Hold.lifted_at.is_(None), or_(Hold.until.is_(None), Hold.until > today)
    )
    return sorted(stands - set(own.scalars(open_)))
