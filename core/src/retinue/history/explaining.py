"""Why a change is as it is: which hooks were called, who answered them in which order and version, who refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import func, select

from retinue.actor import Reach
from retinue.errors import NotFound
from retinue.plugins import PluginOrder
from retinue.storage import AuditEntry, ChangeSet

if TYPE_CHECKING:
    from retinue.storage import Store

_OUTCOMES = {"plugin.fail": "failures", "plugin.refuse": "objections"}


def explain_change(store: Store, change_id: UUID) -> dict[str, Any]:
    """Return what plugins had to do with a change, by the id of its change set or of one of its audit entries.

    Each hook that was called stands with everybody who answers it, in order: plugin, version, the reason of its
    place, how many entries it wrote, its failures and its objections. With a reach below all only for the actor's
    own changes; raises NotFound otherwise.
    """
    reach = store.require("audit.read")
    system = store.system("explain a change")
    change = _find(system, change_id)
    if change is None or (reach is not Reach.ALL and change.actor_id != store.actor.id):
        raise NotFound(
            f"there is no change set or audit entry {change_id}", remedy="See `retinue audit show --json`."
        )
    order = system.find(PluginOrder, change.order_id) if change.order_id else None
    orders = order.orders if order else {}
    wrote, said = _wrote(system, change.id), _said(system, change.id)
    hooks = [
        {"hook": hook, "calls": calls, "answers": _answers(hook, orders.get(hook, []), wrote, said)}
        for hook, calls in change.hooks or []
    ]
    names = ("at", "action", "label", "actor_kind", "actor_id", "actor_name", "entries")
    facts = {name: getattr(change, name) for name in names}
    return {"change_set_id": change.id, **facts, "refused": change.action == "plugin.refuse", "hooks": hooks}


def _find(system: Store, change_id: UUID) -> ChangeSet | None:
    entry = system.find(AuditEntry, change_id)
    found: ChangeSet | None = system.find(ChangeSet, entry.change_set_id if entry else change_id)
    return found


def _wrote(system: Store, change_set_id: UUID) -> dict[tuple[str, str], int]:
    """Return how many entries each plugin wrote in each hook."""
    counted = (
        select(AuditEntry.plugin, AuditEntry.hook, func.count())
        .where(AuditEntry.change_set_id == change_set_id, AuditEntry.plugin.is_not(None))
        .where(AuditEntry.hook.is_not(None), AuditEntry.action.not_in(_OUTCOMES))
        .group_by(AuditEntry.plugin, AuditEntry.hook)
    )
    return {(plugin, hook): count for plugin, hook, count in system.rows(counted)}


def _said(system: Store, change_set_id: UUID) -> list[AuditEntry]:
    """Return the failures and objections of a change, at most a hundred."""
    mine = select(AuditEntry).where(
        AuditEntry.change_set_id == change_set_id, AuditEntry.action.in_(_OUTCOMES)
    )
    return system.scalars(mine.order_by(AuditEntry.id).limit(100))


def _answers(
    hook: str,
    order: list[list[str]],
    wrote: dict[tuple[str, str], int],
    said: list[AuditEntry],
) -> list[dict[str, Any]]:
    found = []
    for place, (plugin, version, reason) in enumerate(order, start=1):
        answer: dict[str, Any] = {
            "place": place,
            "plugin": plugin,
            "version": version,
            "reason": reason,
            "wrote": wrote.get((plugin, hook), 0),
            "failures": [],
            "objections": [],
        }
        for entry in said:
            detail = entry.detail or {}
            if (detail.get("plugin"), detail.get("hook")) == (plugin, hook):
                more = (
                    detail.get("reasons", [])
                    if entry.action == "plugin.refuse"
                    else [detail.get("error", "")]
                )
                answer[_OUTCOMES[entry.action]] += more
        found.append(answer)
    return found
