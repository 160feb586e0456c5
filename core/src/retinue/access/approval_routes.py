"""The API of approvals: ``/api/v1/approvals``."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from retinue.access import approvals, schemas
from retinue.access.guard import Guard
from retinue.storage import Store
from retinue.web import SIGNED_IN, delete, get, post

APPROVAL: Final = schemas.ApprovalSchema()


def approval_routes(guard: Guard) -> list[Any]:
    """Return the routes by which one person asks and another one decides."""

    @get("/approvals", permission=SIGNED_IN, gives=APPROVAL)
    def list_approvals(store: Store, waiting: bool = False) -> list[dict[str, Any]]:
        """List what one asked and what one may decide, the newest first."""
        found = approvals.list_approvals(store, waiting=waiting)
        return approvals.describe_approvals(store, found, guard=guard)

    @post("/approvals", permission=SIGNED_IN, takes=APPROVAL, gives=APPROVAL)
    def ask_approval(store: Store, data: dict[str, Any]) -> dict[str, Any]:
        """Ask for a deed; the problem `approval-required` names the deed and subject to send."""
        row = approvals.ask_approval(store, data["deed"], data["subject"], data["reason"], guard=guard)
        return approvals.describe_approvals(store, [row], guard=guard)[0]

    @post("/approvals/{approval_id:uuid}/approve", permission=SIGNED_IN, gives=APPROVAL, status=200)
    def approve_deed(store: Store, approval_id: UUID) -> dict[str, Any]:
        """Allow somebody else's deed: once, and until the approval ends."""
        row = approvals.decide_approval(store, approval_id, approve=True, guard=guard)
        return approvals.describe_approvals(store, [row], guard=guard)[0]

    @post("/approvals/{approval_id:uuid}/refuse", permission=SIGNED_IN, gives=APPROVAL, status=200)
    def refuse_deed(store: Store, approval_id: UUID) -> dict[str, Any]:
        """Refuse somebody else's deed."""
        row = approvals.decide_approval(store, approval_id, approve=False, guard=guard)
        return approvals.describe_approvals(store, [row], guard=guard)[0]

    @delete("/approvals/{approval_id:uuid}", permission=SIGNED_IN)
    def withdraw_approval(store: Store, approval_id: UUID) -> None:
        """Take back what one asked for."""
        approvals.withdraw_approval(store, approval_id)

    return [list_approvals, ask_approval, approve_deed, refuse_deed, withdraw_approval]
