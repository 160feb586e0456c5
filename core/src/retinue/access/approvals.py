"""Approvals: somebody asks for a deed, another person with the same permission allows or refuses it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue.access.credentials import require_person
from retinue.access.deeds import FINER
from retinue.access.guard import Guard
from retinue.access.models import Account, Approval
from retinue.access.proof import require_fresh
from retinue.actor import Actor, Reach
from retinue.errors import Conflict, Denied, Invalid, NotFound, Problem
from retinue.storage import Store

_MOST = 200


def ask_approval(store: Store, deed: str, subject: str, reason: str, *, guard: Guard) -> Approval:
    """Ask for a deed one holds the permission of; the same open question asked twice is one row."""
    if store.actor.id is None or not store.actor.may(FINER.get(deed, deed)):
        raise Denied(
            "You may ask only for what you are allowed to do yourself.",
            code="permission",
            extra={"permission": FINER.get(deed, deed)},
        )
    if deed not in guard.rules.approved_deeds:
        problem = Problem("/deed", "This deed needs no second person.", "not-needed")
        raise Invalid("No approval is needed.", problems=[problem], remedy="Just do it.")
    system = store.system("ask for an approval")
    same = (Approval.deed == deed) & (Approval.subject == subject) & (Approval.asked_by == store.actor.id)
    still = Approval.decision.is_(None) & (Approval.expires_at > store.now)
    row: Approval | None = system.first(select(Approval).where(same, still))
    if row is None:
        life = guard.rules.approval_life
        row = Approval(
            deed=deed,
            subject=subject,
            reason=reason,
            asked_by=store.actor.id,
            asked_at=store.now,
            expires_at=store.now + life,
        )
        system.add(row)
        system.flush()
        store.record("approval.ask", detail={"approval": str(row.id), "deed": deed, "subject": subject})
    return row


def list_approvals(store: Store, *, waiting: bool = False) -> list[Approval]:
    """Return the newest questions that one asked or may decide; with `waiting` only those nobody decided yet."""
    statement = select(Approval).order_by(Approval.asked_at.desc(), Approval.id).limit(_MOST)
    if waiting:
        statement = statement.where(Approval.decision.is_(None), Approval.expires_at > store.now)
    found = store.system("list approvals").scalars(statement)
    return [row for row in found if row.asked_by == store.actor.id or holds_deed(store.actor, row.deed)]


def decide_approval(store: Store, approval_id: UUID, *, approve: bool, guard: Guard) -> Approval:
    """Allow or refuse somebody else's deed; who decides holds its permission for all rows and is really there."""
    decider = require_person(store) if store.actor.session_id is None else require_fresh(store, guard)
    row = _open(store, approval_id)
    if row.asked_by == decider:
        raise Denied(
            "Nobody approves their own deed.", code="own-approval", remedy="Ask a colleague to look at it."
        )
    row.decision, row.decided_by, row.decided_at = "approved" if approve else "refused", decider, store.now
    row.expires_at = store.now + guard.rules.approval_life
    verb = "approval.approve" if approve else "approval.refuse"
    store.record(verb, detail={"approval": str(row.id), "deed": row.deed, "subject": row.subject})
    return row


def withdraw_approval(store: Store, approval_id: UUID) -> None:
    """Take one's own question back, or an approval not used yet."""
    row = store.system("withdraw an approval").find(Approval, approval_id, lock=True)
    if row is None or row.asked_by != store.actor.id:
        raise NotFound("There is no such approval.")
    if row.used_at is None and row.decision in (None, "approved"):
        row.decision, row.decided_at = "withdrawn", store.now
        store.record("approval.withdraw", detail={"approval": str(row.id), "deed": row.deed})


def describe_approvals(store: Store, rows: list[Approval], *, guard: Guard) -> list[dict[str, Any]]:
    """Return approvals as the wire shows them: with names, the deed's label, and what the reader may do."""
    ids = {row.asked_by for row in rows} | {row.decided_by for row in rows if row.decided_by}
    chosen = select(Account.id, Account.name).where(Account.id.in_(ids))
    names = {found.id: found.name for found in store.system("read names").rows(chosen)} if ids else {}
    labels = {permission.name: permission.label for permission in guard.permissions}
    return [
        {
            **{name: getattr(row, name) for name in _SHOWN},
            "label": labels.get(row.deed) or "Change the roles of an account",
            "state": state_of(row, store),
            "asked_by_name": names.get(row.asked_by, ""),
            "decided_by_name": names.get(row.decided_by, "") if row.decided_by else None,
            "may_decide": state_of(row, store) == "waiting"
            and row.asked_by != store.actor.id
            and holds_deed(store.actor, row.deed),
        }
        for row in rows
    ]


_SHOWN = (
    *("id", "deed", "subject", "reason", "asked_by", "asked_at", "expires_at"),
    *("decided_by", "decided_at", "used_at"),
)


def state_of(row: Approval, store: Store) -> str:
    """Return ``waiting``, ``approved``, ``used``, ``refused``, ``withdrawn`` or ``expired``."""
    if row.used_at is not None:
        return "used"
    if row.decision in ("refused", "withdrawn"):
        return row.decision
    if row.expires_at <= store.now:
        return "expired"
    return row.decision or "waiting"


def holds_deed(actor: Actor, deed: str) -> bool:
    """Say whether `actor` holds the deed's permission for all rows, as who decides over others must."""
    return actor.reach(FINER.get(deed, deed)) is Reach.ALL


def _open(store: Store, approval_id: UUID) -> Approval:
    """Return the question, locked, if it waits for an answer that this actor may give."""
    row = store.system("decide an approval").find(Approval, approval_id, lock=True)
    if row is None or not (holds_deed(store.actor, row.deed) or row.asked_by == store.actor.id):
        raise NotFound("There is no such approval.")
    if state_of(row, store) != "waiting":
        raise Conflict(
            f"This question is {state_of(row, store)} already.",
            code="not-waiting",
            remedy="Ask for a new one if the deed is still wanted.",
        )
    return row
