"""A deed that a plugin refused leaves no row; the audit keeps who refused it all the same."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final
from uuid import UUID

from retinue.errors import RetinueError

if TYPE_CHECKING:
    from retinue.storage import Store

_log: Final = logging.getLogger(__name__)
_REFUSED: Final = (403, 409, 422)


def note_refusal(store: Store, error: RetinueError) -> None:
    """Write who objected to the deed of `store`, which was undone with `error`; the error then names the entry.

    Written in a transaction of its own. Entries hold plugin, version, hook, codes and places, never what was refused.
    """
    objections = store.auditor.objections
    if not objections or store.readonly or error.status not in _REFUSED:
        return
    plugins = ", ".join(dict.fromkeys(objection["plugin"] for objection in objections))
    try:
        with store.database.store(store.author, hooks=store.hooks) as record:
            record.deed("plugin.refuse", f"Refused by {plugins}"[:200])
            record.auditor.trail = store.auditor.trail
            for objection in objections[:100]:
                record.plugin, record.hook = objection["plugin"], objection["hook"]
                detail = {**objection, "answered": error.code}
                record.record("plugin.refuse", contact_id=_contact_of(objection["reasons"]), detail=detail)
            error.extra.setdefault("change_set_id", str(record.change_set_id))
    except (
        RetinueError
    ) as fault:  # the person must see why the deed was refused, whatever becomes of the entry
        _log.warning("a refusal by %s could not be written: %s", plugins, type(fault).__name__)


def _contact_of(reasons: list[dict[str, str]]) -> UUID | None:
    named = {reason["contact_id"] for reason in reasons if "contact_id" in reason}
    return UUID(named.pop()) if len(named) == 1 else None
