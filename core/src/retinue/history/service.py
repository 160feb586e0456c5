"""Reading the audit and the list of changes: each actor sees entries about contacts it can see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Select, func, select

from retinue.actor import Reach
from retinue.errors import NotFound
from retinue.storage import MODELS, SYSTEM_SUBJECT, AuditEntry, ChangeSet, ReadEntry, among

if TYPE_CHECKING:
    from retinue.storage import Store


def read_audit(
    store: Store,
    *,
    contact_id: UUID | None = None,
    change_set_id: UUID | None = None,
    action: str = "",
    actor_id: UUID | None = None,
    after: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Return audit entries, newest first, with old and new values where the actor may read them.

    With a reach below all, only entries about visible contacts and the actor's own deeds.
    """
    reach = store.require("audit.read")
    chosen = select(AuditEntry)
    if contact_id is not None:
        store.check_visible("contact", {contact_id})
        chosen = chosen.where(AuditEntry.contact_id == contact_id)
    elif reach is not Reach.ALL:
        chosen = chosen.where(AuditEntry.actor_id == store.actor.id)
    for column, value in ((AuditEntry.change_set_id, change_set_id), (AuditEntry.actor_id, actor_id)):
        if value is not None:
            chosen = chosen.where(column == value)
    if action:
        chosen = chosen.where(AuditEntry.action == action)
    if after is not None:
        turn, last = after
        chosen = chosen.where((AuditEntry.turn < turn) | ((AuditEntry.turn == turn) & (AuditEntry.id < last)))
    system = store.system("read the audit")
    rows = system.scalars(chosen.order_by(AuditEntry.turn.desc(), AuditEntry.id.desc()).limit(limit))
    return _describe(store, rows)


def _describe(store: Store, rows: Sequence[AuditEntry]) -> list[dict[str, Any]]:
    visible = _visible(store, {r.contact_id for r in rows if r.contact_id})
    triples = [(r.id, r.contact_id or SYSTEM_SUBJECT, r.sealed_data) for r in rows]
    opened = store.system("read the audit").open_sealed("audit_entry", triples)
    return [_entry(store, row, values, visible) for row, values in zip(rows, opened, strict=True)]


def _visible(store: Store, ids: set[UUID]) -> set[UUID]:
    model = MODELS["contact"]
    return set(store.scalars(select(model.id).where(among(model.id, ids))))


def _entry(store: Store, row: AuditEntry, values: dict[str, Any], visible: set[UUID]) -> dict[str, Any]:
    names = (
        "id", "turn", "change_set_id", "at", "action", "row_id", "contact_id", "actor_kind", "actor_id", "actor_name",
        "plugin", "hook", "detail",
    )  # fmt: skip
    entry = {name: getattr(row, name) for name in names}
    hidden = store.scope.variant.hidden_columns(row.table_name or "")
    shown = row.contact_id is None or row.contact_id in visible or store.actor.kind == "system"
    entry["table"] = row.table_name
    entry["gone"] = row.table_name is not None and row.table_name not in MODELS
    entry["fields"] = [n for n in row.fields if n not in hidden]
    entry["values"] = (
        {n: v for n, v in values.items() if n not in hidden and _plain(n) not in hidden} if shown else None
    )
    return entry


def _plain(name: str) -> str:
    return name.replace("custom_sealed.", "custom.", 1)


def report_reads(store: Store, account_id: UUID, *, days: int = 30, limit: int = 200) -> dict[str, Any]:
    """Return how many cards an account looked at and how many exports it made in the last `days`, and the latest looks.

    `contacts` counts each person once. What this process has not written yet is counted too.
    """
    if store.require("audit.read") is not Reach.ALL and account_id != store.actor.id:
        raise NotFound(f"account {account_id} does not exist")
    system, since = store.system("report reads"), store.now - timedelta(days=days)
    mine = (ReadEntry.actor_id == account_id, ReadEntry.at >= since)
    waiting = [
        (row["contact_id"], row["at"])
        for row in store.database.reads.waiting
        if row["actor_id"] == account_id and row["at"] >= since
    ]
    written = select(ReadEntry.contact_id, ReadEntry.at).where(*mine)
    latest = [tuple(row) for row in system.rows(written.order_by(ReadEntry.at.desc()).limit(limit))]
    looks = sorted([*waiting, *latest], key=lambda look: look[1], reverse=True)[:limit]
    seen = set(system.scalars(select(ReadEntry.contact_id).where(*mine).distinct()))
    exports = select(AuditEntry.id).where(
        AuditEntry.actor_id == account_id, AuditEntry.action == "contact.export", AuditEntry.at >= since
    )
    return {
        "account_id": account_id, "since": since, "views": len(waiting) + _count(system, written),
        "contacts": len(seen | {contact_id for contact_id, _ in waiting}), "exports": _count(system, exports),
        "latest": [{"contact_id": contact_id, "at": at} for contact_id, at in looks],
    }  # fmt: skip


def _count(system: Store, chosen: Any) -> int:
    return int(system.scalar(select(func.count()).select_from(chosen.subquery())) or 0)


def list_change_sets(
    store: Store, *, mine: bool = False, before: datetime | None = None, limit: int = 50
) -> list[ChangeSet]:
    """Return change sets, newest first; the actor's own, or with reach all everybody's."""
    reach = store.require("change_set.read")
    chosen: Select[Any] = select(ChangeSet)
    if mine or reach is not Reach.ALL:
        chosen = chosen.where(ChangeSet.actor_id == store.actor.id)
    if before is not None:
        chosen = chosen.where(ChangeSet.at < before)
    return store.system("list changes").scalars(
        chosen.order_by(ChangeSet.at.desc(), ChangeSet.id.desc()).limit(limit)
    )


def get_change_set(store: Store, change_set_id: UUID) -> ChangeSet:
    """Return one change set; raises NotFound for one that is not the actor's, unless its reach is all."""
    reach = store.require("change_set.read")
    found = store.system("read a change").find(ChangeSet, change_set_id)
    if found is None or (reach is not Reach.ALL and found.actor_id != store.actor.id):
        raise NotFound(f"change set {change_set_id} does not exist")
    return found
