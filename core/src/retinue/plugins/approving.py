"""An upgraded plugin that wants to do more than was agreed to waits until an administrator approves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sqlalchemy import select

from retinue.errors import Conflict, NotFound
from retinue.plugins.discovery import Catalogue
from retinue.plugins.faults import Fault, did_you_mean
from retinue.plugins.grants import wanted_beyond
from retinue.plugins.models import PluginState
from retinue.plugins.service import advance_epoch
from retinue.storage import Store


def pending_faults(store: Store, catalogue: Catalogue) -> dict[str, list[Fault]]:
    """Return, by plugin, why those that are on and now want more than was agreed to wait for an administrator."""
    found: dict[str, list[Fault]] = {}
    for row in _enabled(store):
        more = wanted_beyond(catalogue[row.name].manifest, row.manifest) if row.name in catalogue else []
        if more:
            detail = f"it wants more than was agreed to: {', '.join(more)}."
            found[row.name] = [
                Fault("PLG035", row.name, detail, f"Run `retinue plugins approve {row.name}`.")
            ]
    return found


def approve_plugin(store: Store, name: str, *, catalogue: Catalogue) -> list[str]:
    """Agree to the grants that a plugin's code asks for now, and return those that are new; every process follows.

    Raises NotFound for a plugin that is not on or not installed, Conflict if it wants nothing new.
    """
    store.require("plugin.approve")
    rows = {row.name: row for row in _enabled(store)}
    if name not in rows or name not in catalogue:
        raise NotFound(f"plugin {name} is not on here", remedy=did_you_mean(name, rows))
    manifest, row = catalogue[name].manifest, rows[name]
    more = wanted_beyond(manifest, row.manifest)
    if not more:
        raise Conflict(f"plugin {name} wants nothing new", code="nothing-pending")
    advance_epoch(store.system("approve plugin"))
    row.manifest = {**row.manifest, "grants": list(manifest.grants)}
    row.reason = ""
    store.deed("plugin.approve", f"Approve {', '.join(more)} for {name}"[:200])
    store.record("plugin.approve", detail={"plugin": name, "grants": more})
    return more


def _enabled(store: Store) -> Iterable[Any]:
    chosen = select(PluginState).where(PluginState.state == "enabled").order_by(PluginState.name)
    return store.system("read grants").scalars(chosen)
