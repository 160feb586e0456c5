"""Delicate deeds: which of them ask for a fresh proof, and which for a second person, before they are done."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, update

from retinue.access.guard import Guard
from retinue.access.models import Approval
from retinue.access.proof import require_fresh
from retinue.errors import Denied
from retinue.storage import Store

FINER = {"account.change_roles": "account.change"}
"""Deeds of core that are finer than the permission they need."""
_SELF = frozenset({"role.create", "role.change"})
"""Deeds whose service names the subject itself; the permission alone would be a blank cheque."""
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class DeedWatch:
    """Looks at every deed before it is done. Core's own work and jobs pass: their deed was watched when it began."""

    guard: Guard

    def __call__(self, store: Store, deed: str, subjects: tuple[Any, ...]) -> None:
        """Raise Denied with the code ``proof-required`` or ``approval-required`` if something is lacking."""
        rules, actor = self.guard.rules, store.actor
        if deed in _SELF and not subjects:
            return
        if deed in rules.step_up_deeds and actor.kind == "person" and actor.session_id is not None:
            require_fresh(store, self.guard)
        by_hand = actor.session_id is not None or actor.token_id is not None
        if deed in rules.approved_deeds and by_hand:
            use_approval(store, deed, name_subjects(subjects))


def name_subjects(subjects: Iterable[Any]) -> str:
    """Return what an approval is bound to: the ids of the rows, or for many their number and fingerprint."""
    names = sorted(str(getattr(one, "id", one)) for one in subjects)
    text = ",".join(names)
    if len(text) <= _LONGEST:
        return text
    return f"{len(names)} rows {hashlib.sha256(text.encode()).hexdigest()}"


def use_approval(store: Store, deed: str, subject: str) -> None:
    """Use up an approval of this very deed on these very rows; Denied if there is none.

    It serves one transaction that writes. Whoever only reads, to fetch what the deed made, may do so until it ends.
    """
    system = store.system("look for an approval")
    mine: ColumnElement[bool] = (
        (Approval.deed == deed)
        & (Approval.subject == subject)
        & (Approval.asked_by == store.actor.id)
        & (Approval.decision == "approved")
        & (Approval.expires_at > store.now)
    )
    if store.readonly:
        found = system.first(select(Approval).where(mine)) is not None
    else:
        found = (
            system.first(select(Approval).where(mine, Approval.used_in == store.change_set_id)) is not None
        )
        found = found or _take(store, system, mine)
    if not found:
        raise Denied(
            f"{deed} needs the approval of a second person.",
            code="approval-required",
            remedy="Ask for one at /approvals with this deed and subject, then repeat the request.",
            extra={"deed": deed, "subject": subject},
        )


def _take(store: Store, system: Store, mine: ColumnElement[bool]) -> bool:
    """Mark one unused approval as used by this change set; of two that try at once only one gets it."""
    unused = select(Approval).where(mine, Approval.used_at.is_(None)).order_by(Approval.expires_at)
    for row in system.scalars(unused):
        still = update(Approval).where(Approval.id == row.id, Approval.used_at.is_(None))
        if system.change(still.values(used_at=store.now, used_in=store.change_set_id)):
            store.record("approval.use", detail={"approval": str(row.id), "deed": row.deed})
            return True
    return False
