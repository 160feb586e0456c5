"""Turning plugins on and off, and knowing which are."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import ModuleType
from typing import Any, Literal

from sqlalchemy import select, update

from retinue.actor import Actor
from retinue.errors import Conflict, NotFound, Unavailable
from retinue.plugins.contract import hookimpl
from retinue.plugins.contributions import Permission
from retinue.plugins.discovery import Catalogue, Found, discover
from retinue.plugins.faults import Fault, PluginRefused, did_you_mean
from retinue.plugins.models import EPOCH_ID, PluginEpoch, PluginState
from retinue.plugins.pluginset import PluginSet, build_plugin_set
from retinue.plugins.settings import settings_faults
from retinue.storage import Database, Store

log = logging.getLogger("retinue.plugins")
State = Literal["installed", "enabled", "disabled", "missing", "quarantined"]
Builtins = Mapping[str, ModuleType]


@dataclass(frozen=True, slots=True)
class PluginInfo:
    """One plugin as lists show it; `faults` are known without its code, `reason` is from its last load."""

    name: str
    state: State
    title: str
    summary: str
    version: str
    distribution: str
    enabled: bool
    manifest: Mapping[str, Any]
    faults: tuple[Fault, ...] = ()
    reason: str = ""
    trace: str = ""
    changed_at: datetime | None = None


@hookimpl
def register_permissions() -> list[Permission]:
    """Name the deeds of this room."""
    return [
        Permission("plugin.read", "See plugins"),
        Permission("plugin.enable", "Enable plugins"),
        Permission("plugin.disable", "Disable plugins"),
    ]


def list_plugins(store: Store, *, catalogue: Catalogue | None = None) -> list[PluginInfo]:
    """Return every plugin that is installed or was ever enabled, by name; no plugin is imported."""
    store.require("plugin.read")
    found = discover() if catalogue is None else catalogue
    rows = {row.name: row for row in _rows(store.system("list plugins"))}
    return [_info(name, found.get(name), rows.get(name)) for name in sorted({*found, *rows})]


def _rows(system: Store) -> list[PluginState]:
    return system.scalars(select(PluginState).order_by(PluginState.name))


def _info(name: str, found: Found | None, row: PluginState | None) -> PluginInfo:
    manifest = dict(row.manifest) if row else {}
    if found and (found.manifest.complete or row is None):
        manifest = found.manifest.as_data()
    state: Any = row.state if row else "installed"
    return PluginInfo(
        name=name,
        state=state if found else "missing",
        title=manifest.get("title", ""),
        summary=manifest.get("summary", ""),
        version=found.manifest.version if found else manifest.get("version", ""),
        distribution=manifest.get("distribution", ""),
        enabled=state == "enabled",
        manifest=manifest,
        faults=found.faults if found else (),
        reason=row.reason if row else "",
        trace=row.trace if row else "",
        changed_at=row.changed_at if row else None,
    )


def enable_plugin(
    store: Store,
    name: str,
    *,
    catalogue: Catalogue | None = None,
    builtins: Builtins | None = None,
    epoch: int | None = None,
) -> PluginInfo:
    """Check the plugin, which imports it, and turn it on; raises PluginRefused with every fault.

    Its tables must stand already: the caller has run `migrations.upgrade` with its line. With `epoch`, raises
    Conflict if the plugins have changed since that one.
    """
    store.require("plugin.enable")
    found = discover() if catalogue is None else catalogue
    if name not in found:
        raise NotFound(f"plugin {name} is not installed", remedy=did_you_mean(name, found))
    system = store.system("enable plugin")
    advance_epoch(system, epoch)  # first: its lock lets one change of plugins in at a time
    enabled = read_enabled(store)
    loaded = _try_with(found, enabled, name, builtins)
    if faults := settings_faults(store, loaded.manifest):
        raise PluginRefused(name, faults)
    row = _row(system, name) or PluginState(name=name)
    row.state, row.reason, row.trace, row.changed_at = "enabled", "", "", store.now
    row.version, row.manifest = loaded.manifest.version, loaded.manifest.as_data()
    system.add(row)
    store.deed("plugin.enable", f"Enable plugin {name}")
    system.flush()
    return _info(name, found[name], row)


def _try_with(found: Catalogue, enabled: set[str], name: str, builtins: Builtins | None) -> Any:
    """Return the plugin loaded beside those that are on; raises PluginRefused if it or another then fails."""
    before = build_plugin_set(found, enabled - {name}, builtins=builtins)
    after = build_plugin_set(found, enabled | {name}, builtins=builtins)
    faults = [
        fault
        for plugin, reasons in after.set_aside.items()
        if plugin == name or plugin not in before.set_aside
        for fault in reasons
    ]
    if faults:
        raise PluginRefused(name, faults)
    return after.loaded[name]


def install_plugin(
    store: Store, name: str, *, catalogue: Catalogue | None = None, epoch: int | None = None
) -> PluginInfo:
    """Remember a plugin whose tables were made, without turning it on; with `epoch` as in `enable_plugin`."""
    store.require("plugin.enable")
    found = discover() if catalogue is None else catalogue
    system = store.system("install plugin")
    advance_epoch(system, epoch)
    manifest = found[name].manifest
    row = PluginState(name=name, state="disabled", version=manifest.version, manifest=manifest.as_data())
    row.changed_at = store.now
    system.add(row)
    store.deed("plugin.install", f"Install plugin {name}")
    system.flush()
    return _info(name, found[name], row)


def renew_plugin(
    store: Store,
    name: str,
    *,
    catalogue: Catalogue | None = None,
    builtins: Builtins | None = None,
    epoch: int | None = None,
) -> PluginInfo:
    """Take note of a plugin's new code, its tables being up to date; raises PluginRefused if it does not fit."""
    store.require("plugin.enable")
    found = discover() if catalogue is None else catalogue
    system = store.system("upgrade plugin")
    advance_epoch(system, epoch)
    row = _row(system, name)
    if row is None or name not in found:
        raise NotFound(f"plugin {name} is not installed here", remedy=did_you_mean(name, found))
    manifest = found[name].manifest
    if row.state == "enabled":
        manifest = _try_with(found, read_enabled(store), name, builtins).manifest
    row.version, row.manifest, row.changed_at = manifest.version, manifest.as_data(), store.now
    store.deed("plugin.upgrade", f"Upgrade plugin {name}")
    system.flush()
    return _info(name, found[name], row)


def forget_plugin(store: Store, name: str, *, epoch: int | None = None) -> None:
    """Remove what is remembered of a plugin, the last step of taking it away; with `epoch` as in `enable_plugin`."""
    store.require("plugin.uninstall")
    system = store.system("uninstall plugin")
    advance_epoch(system, epoch)
    if row := _row(system, name):
        system.remove(row)
    system.flush()


def remember_manifests(store: Store, plugins: PluginSet) -> None:
    """Keep the manifests of the plugins that are on as their code has them now: they must survive it."""
    system = store.system("remember manifests")
    for row in _rows(system):
        loaded = plugins.loaded.get(row.name)
        if row.state == "enabled" and loaded and row.manifest != (data := loaded.manifest.as_data()):
            row.version, row.manifest = loaded.manifest.version, data
    system.flush()


def disable_plugin(store: Store, name: str, *, epoch: int | None = None) -> PluginInfo:
    """Turn a plugin off: its data stay, all it contributed goes; raises Conflict while others require it."""
    store.require("plugin.disable")
    system = store.system("disable plugin")
    row = _row(system, name)
    if row is None:
        names = [other.name for other in _rows(system)]
        raise NotFound(f"plugin {name} was never enabled", remedy=did_you_mean(name, names))
    needing = [
        r.name for r in _rows(system) if r.state == "enabled" and name in r.manifest.get("requires", ())
    ]
    if needing:
        raise Conflict(
            f"plugin {name} is required by {', '.join(needing)}",
            code="plugin-required",
            remedy=f"Disable {', '.join(needing)} first.",
            extra={"required_by": needing},
        )
    if row.state != "disabled":
        advance_epoch(system, epoch)
        row.state, row.reason, row.trace, row.changed_at = "disabled", "", "", store.now
        store.deed("plugin.disable", f"Disable plugin {name}")
        system.flush()
    return _info(name, discover().get(name), row)


def read_enabled(store: Store) -> set[str]:
    """Return the names of the plugins that are on."""
    system = store.system("read plugins")
    return set(system.scalars(select(PluginState.name).where(PluginState.state == "enabled")))


def read_epoch(store: Store) -> int:
    """Return the number that grows with every change of the plugins that are on."""
    return int(store.system("read epoch").scalar(select(PluginEpoch.number)) or 0)


def read_plugin_set(
    store: Store,
    *,
    catalogue: Catalogue | None = None,
    builtins: Builtins | None = None,
    faults: Mapping[str, Iterable[Fault]] | None = None,
    safe_mode: bool = False,
) -> PluginSet:
    """Return the plugin set that the database asks for; in safe mode only core's rooms are in it."""
    found = discover() if catalogue is None else catalogue
    enabled = set() if safe_mode else read_enabled(store)
    return build_plugin_set(found, enabled, builtins=builtins, epoch=read_epoch(store), faults=faults)


def remember_faults(store: Store, plugins: PluginSet) -> None:
    """Keep in the rows why plugins are set aside, with traceback, and forget what is no longer so."""
    system = store.system("remember faults")
    for row in _rows(system):
        if row.state != "enabled":
            continue
        faults = plugins.set_aside.get(row.name, ())
        reason = "\n".join(str(fault) for fault in faults)
        if reason != row.reason:
            row.reason = reason
            row.trace = "\n".join(fault.trace for fault in faults if fault.trace)
    system.flush()


def _row(system: Store, name: str) -> PluginState | None:
    row: PluginState | None = system.first(select(PluginState).where(PluginState.name == name))
    return row


def advance_epoch(system: Store, known: int | None = None) -> None:
    """Let every process build its plugin set anew; the row's lock lets one change in at a time.

    Raises Conflict if the epoch is no longer the `known` one.
    """
    if not system.change(update(PluginEpoch).values(number=PluginEpoch.number + 1)):
        system.add(PluginEpoch(id=EPOCH_ID, number=1))
        system.flush()
    if known is not None and read_epoch(system) != known + 1:
        raise Conflict(
            "the plugins have changed since the plan was made",
            code="plan-outdated",
            remedy="Make a new plan and read it.",
        )


class Epoch:
    """The epoch as this process knows it: asks the database at most once in `seconds`."""

    def __init__(
        self, database: Database, *, seconds: float = 0.5, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database, self._seconds, self._clock = database, seconds, clock
        self._known, self._due = 0, float("-inf")
        self._asking = threading.Lock()

    def current(self) -> int:
        """Return the epoch, at most `seconds` old; the last known one while the database does not answer."""
        if self._clock() < self._due or not self._asking.acquire(blocking=False):
            return self._known
        try:
            with self._database.store(Actor.system("plugin epoch"), readonly=True) as store:
                self._known = read_epoch(store)
        except Unavailable:
            log.warning("the plugin epoch cannot be read, keeping %s", self._known)
        finally:
            self._due = self._clock() + self._seconds
            self._asking.release()
        return self._known
