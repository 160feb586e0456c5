"""The API of the history: ``/api/v1/audit`` (read only) and ``/change-sets`` with revert."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from retinue.errors import BadRequest
from retinue.history import explaining, schemas, service
from retinue.storage import ChangeSet, Reverted, Store, revert_change_set
from retinue.web import ListParams, Page, get, post

_ENTRY: Final = schemas.EntrySchema()
_READS: Final = schemas.ReadsSchema()
_CHANGE_SET: Final = schemas.ChangeSetSchema()
_EXPLANATION: Final = schemas.ExplanationSchema()


@get("/audit", permission="audit.read", gives=_ENTRY)
def list_audit(
    store: Store,
    params: ListParams,
    contact_id: UUID | None = None,
    change_set_id: UUID | None = None,
    action: str = "",
    actor_id: UUID | None = None,
) -> Page[dict[str, Any]]:
    """List who did what and when, newest first."""
    position = params.after()
    try:
        after = (int(position[0]), UUID(position[1])) if position else None
    except (ValueError, IndexError, TypeError):
        raise BadRequest("the cursor cannot be read") from None
    found = service.read_audit(
        store, contact_id=contact_id, change_set_id=change_set_id, action=action, actor_id=actor_id, after=after,
        limit=params.limit + 1,
    )  # fmt: skip
    page = found[: params.limit]
    more = [page[-1]["turn"], str(page[-1]["id"])] if len(found) > params.limit else None
    return Page(items=page, next=more)


@get("/audit/reads/{account_id:uuid}", permission="audit.read", gives=_READS)
def report_reads(store: Store, account_id: UUID, days: int = 30) -> dict[str, Any]:
    """Say how many cards an account looked at and how many exports it made in the last days, 30 unless named."""
    return service.report_reads(store, account_id, days=max(1, min(days, 3650)))


@get("/audit/{change_id:uuid}/hooks", permission="audit.read", gives=_EXPLANATION)
def explain_change(store: Store, change_id: UUID) -> dict[str, Any]:
    """Say which plugins had to do with a change: by the id of an audit entry or of a change set."""
    return explaining.explain_change(store, change_id)


@get("/change-sets", permission="change_set.read", gives=_CHANGE_SET)
def list_change_sets(store: Store, params: ListParams, mine: bool = False) -> Page[ChangeSet]:
    """List changes that can be undone, newest first."""
    position = params.after()
    before = datetime.fromisoformat(position[0]) if position else None
    found = service.list_change_sets(store, mine=mine, before=before, limit=params.limit + 1)
    page = found[: params.limit]
    return Page(items=page, next=[page[-1].at.isoformat()] if len(found) > params.limit else None)


@get("/change-sets/{change_set_id:uuid}", permission="change_set.read", gives=_CHANGE_SET)
def get_change_set(store: Store, change_set_id: UUID) -> ChangeSet:
    """Return one change set."""
    return service.get_change_set(store, change_set_id)


@post(
    "/change-sets/{change_set_id:uuid}/revert",
    permission="change_set.revert",
    gives=schemas.RevertedSchema(),
    status=200,
)
def revert(store: Store, change_set_id: UUID) -> Reverted:
    """Undo a change set; what was changed since stays and is named."""
    return revert_change_set(store, change_set_id)


ROUTES: Final = [list_audit, report_reads, explain_change, list_change_sets, get_change_set, revert]
