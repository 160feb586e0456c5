"""Everything that depends on which plugins are on: built as a whole, swapped as a whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from retinue.access import CORE_PERMISSIONS, DeedWatch, Guard, Permission, Permissions
from retinue.actor import acting_plugin
from retinue.app.catalogues import make_catalogues
from retinue.config import Config
from retinue.errors import Denied
from retinue.interactions.service import Kind
from retinue.lists.service import Catalogues
from retinue.plugins import Grants, InteractionKind, PluginSet, read_settings
from retinue.plugins import Permission as PluginPermission


@dataclass(frozen=True, slots=True)
class Epochal:
    """The plugins of one epoch with what follows from them; `states` says which plugins are enabled or quarantined."""

    plugins: PluginSet
    permissions: Permissions
    guard: Guard
    catalogues: Catalogues
    declared: Mapping[str, Any]
    states: Mapping[str, str]


@dataclass(slots=True)
class Current:
    """The epoch in force, which all views of one house share."""

    now: Epochal


def build_epochal(config: Config, plugins: PluginSet, states: Mapping[str, str]) -> Epochal:
    """Return what follows from `plugins`."""
    permissions = Permissions(CORE_PERMISSIONS)
    for owned in plugins.declared(PluginPermission):
        permissions.declare(
            Permission(owned.item.name, owned.item.label, scoped=owned.item.scoped, plugin=owned.plugin)
        )
    kinds = {
        owned.item.name: Kind(
            owned.item.name,
            owned.item.label,
            owned.item.icon,
            counts=owned.item.touches,
            plugin=owned.plugin,
        )
        for owned in plugins.declared(InteractionKind)
    }
    catalogues = make_catalogues(plugins)
    guard = Guard.from_config(config, permissions)
    declared = {
        "watch": DeedWatch(guard),
        "interaction_kinds": kinds,
        "catalogues": catalogues,
        "plugins": plugins,
        "config": config,
        "settings": read_settings,
        "grants": {n: Grants.of(p.manifest) for n, p in plugins.loaded.items() if not p.builtin},
    }
    return Epochal(
        plugins=plugins,
        permissions=permissions,
        guard=guard,
        catalogues=catalogues,
        declared=declared,
        states=states,
    )


def check_host(epochal: Epochal, host: str) -> None:
    """Raise Denied if the plugin whose job or route runs in this thread was not granted a call to `host`."""
    plugin = acting_plugin()
    grants = epochal.declared["grants"].get(plugin)
    if grants is not None and not grants.reaches(host):
        remedy = f"Its plugin.toml must name net:{host} in grants, and an administrator agree to it."
        raise Denied(f"the plugin {plugin} was not granted net:{host}", code="grant", remedy=remedy)
