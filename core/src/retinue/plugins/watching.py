"""Watching plugins over all processes: failures that add up to a quarantine, times, and who follows which epoch."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from retinue.errors import Conflict, NotFound
from retinue.plugins.faults import did_you_mean
from retinue.plugins.models import PluginFailure, PluginOrder, PluginProcess, PluginState, PluginTiming
from retinue.plugins.pluginset import PluginSet, versions_in_order
from retinue.plugins.service import advance_epoch
from retinue.plugins.watch import Digest, Failure, Place, Timing, slowest_first
from retinue.storage import Store, new_id

log = logging.getLogger("retinue.plugins")
KEPT = timedelta(days=7)
"""How long failures, times and processes that ended stay listed."""
ALIVE = timedelta(seconds=60)
"""A process that was not heard of for longer has ended."""


@dataclass(frozen=True, slots=True)
class Limit:
    """How many failures in how many seconds put a plugin into quarantine; 0 failures: never."""

    failures: int = 5
    seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Process:
    """One process as it reports itself; `alive` says whether it was heard of within the last minute."""

    id: UUID
    kind: str
    machine: str
    pid: int
    version: str
    epoch: int
    plugins: Mapping[str, str]
    started_at: datetime
    seen_at: datetime
    alive: bool


# ---- failures, and what they lead to -----------------------------------------------------------------------------
def write_failures(store: Store, process_id: UUID, failures: list[Failure]) -> None:
    """Write what failed in one process, so that the failures of all can be counted."""
    rows = [
        {
            "id": new_id(),
            "at": failure.at,
            "plugin": failure.plugin,
            "version": failure.version,
            "hook": failure.hook[:80],
            "error": failure.error[:200],
            "process_id": process_id,
        }
        for failure in failures
    ]
    store.system("write failures of plugins").insert_many(PluginFailure, rows)


def quarantine_failing(store: Store, limit: Limit, traces: Mapping[str, str] | None = None) -> list[str]:
    """Set aside every plugin that failed too often of late, counted over all processes; returns their names.

    Failures from before it was last enabled or resumed do not count. `traces` are tracebacks known here.
    """
    if not limit.failures:
        return []
    system = store.system("count failures of plugins")
    recent = PluginFailure.at > store.now - timedelta(seconds=limit.seconds)
    counted = (
        select(PluginFailure.plugin, func.count())
        .join(PluginState, PluginState.name == PluginFailure.plugin)
        .where(recent, PluginState.state == "enabled", PluginFailure.at > PluginState.changed_at)
        .group_by(PluginFailure.plugin)
        .having(func.count() >= limit.failures)
    )
    found = [(str(name), int(count)) for name, count in system.rows(counted)]
    for name, count in found:
        last = _last_failure(system, name)
        reason = (
            f"It failed {count} times within {limit.seconds:g} seconds, "
            f"last in {last.hook} with {last.error} (version {last.version or 'unknown'})."
        )
        quarantine_plugin(store, name, reason, (traces or {}).get(name, ""))
    return [name for name, _ in found]


def _last_failure(system: Store, name: str) -> PluginFailure:
    mine = select(PluginFailure).where(PluginFailure.plugin == name)
    last: PluginFailure = system.first(
        mine.order_by(PluginFailure.at.desc(), PluginFailure.id.desc()).limit(1)
    )
    return last


def quarantine_plugin(store: Store, name: str, reason: str, trace: str = "") -> None:
    """Set aside a plugin that fails too often, in all processes, until it is resumed or enabled again."""
    system = store.system("quarantine plugin")
    advance_epoch(system)  # first: its lock lets one change of plugins in at a time
    row = _state(system, name)
    if row is None or row.state != "enabled":
        return
    row.state, row.reason, row.trace, row.changed_at = "quarantined", reason, trace, store.now
    store.deed("plugin.quarantine", f"Quarantine plugin {name}")
    system.flush()
    log.error("plugin %s is quarantined: %s", name, reason)


def resume_plugin(store: Store, name: str) -> None:
    """Turn a quarantined plugin on again, in all processes; raises NotFound, or Conflict if it is not quarantined."""
    store.require("plugin.enable")
    system = store.system("resume plugin")
    names = system.scalars(select(PluginState.name))
    if name not in names:
        raise NotFound(f"plugin {name} was never enabled", remedy=did_you_mean(name, names))
    advance_epoch(system)
    row = _state(system, name)
    if row is None or row.state != "quarantined":
        raise Conflict(
            f"plugin {name} is {row.state if row else 'gone'}, not quarantined",
            code="plugin-not-quarantined",
            remedy=f"`retinue plugins enable {name}` turns on a plugin that is off.",
        )
    row.state, row.reason, row.trace, row.changed_at = "enabled", "", "", store.now
    store.deed("plugin.enable", f"Resume plugin {name}")
    system.flush()


def _state(system: Store, name: str) -> PluginState | None:
    row: PluginState | None = system.first(
        select(PluginState).where(PluginState.name == name).execution_options(populate_existing=True)
    )
    return row


def read_set_aside(store: Store) -> dict[str, str]:
    """Return the state of every plugin that is not simply off: enabled or quarantined, by name."""
    system = store.system("read plugins")
    states = select(PluginState.name, PluginState.state).where(PluginState.state != "disabled")
    return {str(name): str(state) for name, state in system.rows(states)}


# ---- times -------------------------------------------------------------------------------------------------------
class TimingWriter:
    """Writes the times of one process: one row per plugin, hook and hour, which nobody else touches."""

    def __init__(self, process_id: UUID) -> None:
        self.process_id = process_id
        self._hour: datetime | None = None
        self._rows: dict[Place, tuple[UUID, Digest]] = {}

    def write(self, store: Store, digests: Mapping[Place, Digest]) -> None:
        """Add what was counted since the last time."""
        system = store.system("write times of plugins")
        hour = store.now.replace(minute=0, second=0, microsecond=0)
        if hour != self._hour:
            self._hour, self._rows = hour, {}
        new: list[dict[str, Any]] = []
        known: list[dict[str, Any]] = []
        for place, digest in digests.items():
            old = self._rows.get(place)
            row_id, held = old or (new_id(), Digest())
            held = _joined(held, digest)
            self._rows[place] = (row_id, held)
            (known if old else new).append(self._row(row_id, place, held))
        if new:
            system.insert_many(PluginTiming, new)
        if known:
            system.update_many(PluginTiming, known)

    def _row(self, row_id: UUID, place: Place, digest: Digest) -> dict[str, Any]:
        return {
            "id": row_id,
            "process_id": self.process_id,
            "hour": self._hour,
            "plugin": place[0],
            "hook": place[1][:80],
            "calls": digest.calls,
            "total_ns": digest.total,
            "longest_ns": digest.longest,
            "buckets": {str(place): count for place, count in digest.buckets.items()},
        }


def _joined(*digests: Digest) -> Digest:
    whole = Digest()
    for digest in digests:
        whole.add(digest)
    return whole


def read_timings(store: Store, *, hours: int = 24) -> list[Timing]:
    """Return what each plugin's hooks took in the last `hours` (1 to 168), over all processes, slowest first."""
    store.require("plugin.read")
    since = store.now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours - 1)
    rows = store.system("read times of plugins").scalars(
        select(PluginTiming).where(PluginTiming.hour >= since)
    )
    found: dict[Place, Digest] = {}
    for row in rows:
        buckets = {int(place): count for place, count in row.buckets.items()}
        digest = Digest(row.calls, row.total_ns, row.longest_ns, buckets)
        found.setdefault((row.plugin, row.hook), Digest()).add(digest)
    return slowest_first(found)


# ---- processes, and who answers ----------------------------------------------------------------------------------
def report_process(store: Store, process: Process) -> None:
    """Write down that a process lives and which plugins it has."""
    system = store.system("report process")
    row = system.find(PluginProcess, process.id) or PluginProcess(id=process.id)
    row.kind, row.machine, row.pid = process.kind, process.machine[:200], process.pid
    row.version, row.epoch, row.plugins = process.version, process.epoch, dict(process.plugins)
    row.started_at, row.seen_at = process.started_at, store.now
    system.add(row)


def end_process(store: Store, process_id: UUID) -> None:
    """Take a process that ends off the list."""
    store.system("end process").change(delete(PluginProcess).where(PluginProcess.id == process_id))


def list_processes(store: Store) -> list[Process]:
    """Return the processes that serve or work, with the epoch each follows and the plugins it has."""
    store.require("plugin.read")
    rows = store.system("list processes").scalars(
        select(PluginProcess).order_by(PluginProcess.kind, PluginProcess.started_at)
    )
    return [
        Process(
            row.id, row.kind, row.machine, row.pid, row.version, row.epoch, row.plugins,
            row.started_at, row.seen_at, alive=store.now - row.seen_at < ALIVE,
        )
        for row in rows
    ]  # fmt: skip


def remember_order(store: Store, plugins: PluginSet) -> None:
    """Keep who answers which hook, in which order and version: change sets point at it."""
    system = store.system("remember order")
    if system.find(PluginOrder, plugins.hooks.order_id) is not None:
        return
    orders = versions_in_order(plugins.orders, plugins.loaded)
    try:
        with system.savepoint():
            system.add(PluginOrder(id=plugins.hooks.order_id, orders=orders, at=store.now))
    except IntegrityError:  # another process was quicker with the same row
        log.debug("the order of the hooks is known already")


def forget_watched(store: Store) -> None:
    """Remove failures, times and silent processes older than a week."""
    system, before = store.system("forget what was watched"), store.now - KEPT
    system.change(delete(PluginFailure).where(PluginFailure.at < before))
    system.change(delete(PluginTiming).where(PluginTiming.hour < before))
    system.change(delete(PluginProcess).where(PluginProcess.seen_at < before))
