"""The house: configuration, database, plugins and jobs of one installation, in one object."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import hmac
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Connection, inspect
from sqlalchemy.exc import SQLAlchemyError

from retinue.access import Account, Guard, Permissions, actor_of
from retinue.actor import Actor
from retinue.app.epochal import Current, Epochal, build_epochal, check_host
from retinue.app.following import settle_at_end
from retinue.app.lifecycle.deeds import change_plugin
from retinue.app.lifecycle.planning import would_be_off
from retinue.app.refusals import note_refusal
from retinue.app.registry import make_registry
from retinue.config import Config
from retinue.contacts import answers as contact_answers
from retinue.contacts.erasing import erase_again
from retinue.errors import Misconfigured, RetinueError
from retinue.interactions import answers as interaction_answers
from retinue.jobs import Jobs, JobSettings
from retinue.lists import answers as list_answers
from retinue.lists.service import Catalogues
from retinue.plugins import (
    NO_HOOKS,
    Epoch,
    PluginInfo,
    PluginSet,
    Watch,
    approve_plugin,
    build_plugin_set,
    discover,
    migrations,
    pending_faults,
    read_enabled,
    read_epoch,
    read_set_aside,
    remember_faults,
    remember_manifests,
    remember_order,
    resume_plugin,
)
from retinue.relations import answers as relation_answers
from retinue.storage import (
    Database,
    MasterKeys,
    Store,
    carry_out_orders,
    check_keys,
    explain_failure,
    new_id,
    prepare_turns,
)
from retinue.web import OutboundRules, configure_outbound

BUILTINS: Final = {
    "retinue.contacts": contact_answers,
    "retinue.interactions": interaction_answers,
    "retinue.lists": list_answers,
    "retinue.relations": relation_answers,
}
"""Core's rooms that answer hooks, by the same way as any plugin."""


class House:
    """One installation, opened. Make it with `open_house`."""

    def __init__(self, config: Config, database: Database) -> None:
        self.config, self.database = config, database
        self.catalogue = discover()
        rules = OutboundRules(config.outbound.allow_networks, frozenset(map(int, config.outbound.ports)))
        configure_outbound(rules, lambda host: check_host(self._now, host))
        self.jobs = Jobs(database.engine.url, settings=_job_settings(config), gate=database.gate)
        database.reads.days = config.audit.reads_days
        self._swapping = threading.Lock()
        self.id, self.watch = new_id(), Watch.from_environment()
        nobody = build_plugin_set(self.catalogue, (), builtins=BUILTINS, watch=self.watch)
        self._current, self._pin = Current(build_epochal(config, nobody, {})), None
        self.epoch = Epoch(database, seconds=0.05)

    # ---- what the current epoch consists of --------------------------------------------------------------------
    _pin: Epochal | None

    @property
    def _now(self) -> Epochal:
        return self._pin or self._current.now

    def pinned(self, epochal: Epochal | None = None) -> House:
        """Return a view of this house that stays with the plugins of now: what a request begins with, it ends with."""
        view = copy.copy(self)
        view._pin = epochal or self._now
        return view

    def plugin_states(self) -> dict[str, str]:
        """Return how each plugin that was not turned off stands in this process: enabled, quarantined, refused, missing."""
        now = self._now
        return {
            **now.states,
            **dict.fromkeys(now.plugins.set_aside, "refused"),
            **dict.fromkeys(now.plugins.missing, "missing"),
        }

    @property
    def plugins(self) -> PluginSet:
        """Return the plugins that are on."""
        return self._now.plugins

    @property
    def guard(self) -> Guard:
        """Return rules, permissions and hasher of signing in."""
        return self._now.guard

    @property
    def permissions(self) -> Permissions:
        """Return all declared permissions, the plugins' among them."""
        return self._now.permissions

    @property
    def catalogues(self) -> Catalogues:
        """Return what can be listed and by which fields."""
        return self._now.catalogues

    def refresh(self, *, force: bool = False) -> bool:
        """Follow the database: build the set of plugins it asks for and swap to it; returns whether it changed."""
        if not force and self.epoch.current() == self._current.now.plugins.epoch:
            return False
        with self._swapping, self.database.store(Actor.system("read plugins")) as store:
            prepare_turns(self.database, store)
            lines = self.lines(read_enabled(store))
            faults = {
                **migrations.check(store.raw_connection(), lines),
                **pending_faults(store, self.catalogue),
            }
            plugins = build_plugin_set(
                self.catalogue,
                self._wanted(read_enabled(store)),
                builtins=BUILTINS,
                epoch=read_epoch(store),
                faults=faults,
                watch=self.watch,
            )
            if (
                not self._is_reduced
            ):  # what fewer plugins than the database asks for do here says nothing about them
                remember_faults(store, plugins)
                remember_order(store, plugins)
            self._current.now = now = build_epochal(self.config, plugins, read_set_aside(store))
            self.jobs.swap(make_registry(plugins, pin=now))
            self.jobs.release_parked(store.raw_connection())
        return True

    @property
    def _is_reduced(self) -> bool:
        return self.config.plugins.safe_mode or bool(self.config.plugins.only)

    def _wanted(self, enabled: set[str]) -> set[str]:
        """Return which of the enabled plugins this process starts."""
        if self.config.plugins.safe_mode:
            return set()
        return enabled & set(self.config.plugins.only) if self.config.plugins.only else enabled

    def enable(self, actor: Actor, name: str) -> PluginInfo:
        """Bring a plugin's tables up to date and turn it on; raises PluginRefused or Misconfigured with the faults."""
        return change_plugin(self, actor, "enable", name)

    def disable(self, actor: Actor, name: str) -> PluginInfo:
        """Turn a plugin off; its data stay."""
        return change_plugin(self, actor, "disable", name)

    @property
    def builtins(self) -> Mapping[str, Any]:
        """Return core's rooms that answer hooks."""
        return BUILTINS

    def resume(self, actor: Actor, name: str) -> None:
        """Turn a quarantined plugin on again, in every process."""
        with self.store(actor) as store:
            resume_plugin(store, name)
        self.refresh(force=True)

    def approve(self, actor: Actor, name: str) -> list[str]:
        """Agree to the grants a plugin newly asks for, and take it in again; returns those grants."""
        with self.store(actor) as store:
            more = approve_plugin(store, name, catalogue=self.catalogue)
        self.refresh(force=True)
        return more

    @contextlib.contextmanager
    def bare(self) -> Iterator[Connection]:
        """Yield a connection in no transaction: migrations begin their own."""
        with self.database.gate, self.database.engine.connect() as connection:
            yield connection

    # ---- stores ------------------------------------------------------------------------------------------------
    @contextlib.contextmanager
    def store(self, actor: Actor, *, readonly: bool = False, plugin: str | None = None) -> Iterator[Store]:
        """Open one transaction for `actor` with the hooks and jobs of the current epoch."""
        now, opened = self._now, None
        try:
            with self.database.store(
                actor,
                readonly=readonly,
                plugin=plugin,
                hooks=now.plugins.hooks if now.plugins else NO_HOOKS,
                jobs=self.jobs,
                declared=now.declared,
            ) as opened:
                yield opened
        except RetinueError as error:
            if opened is not None:
                note_refusal(opened, error)
            raise

    @contextlib.contextmanager
    def job_store(self, job: Any) -> Iterator[Store]:
        """Open the transaction of a job: as the person it runs for, with their rights of now, else as the system."""
        house = self.pinned(job.spec.pin) if getattr(job, "spec", None) else self
        plugin = None if job.plugin == "retinue" else job.plugin
        with house.store(house.job_actor(job), plugin=plugin) as store:
            yield store

    def job_actor(self, job: Any) -> Actor:
        """Return who a job runs as; a person who has left loses the right, and with it the job."""
        if job.actor is None or job.actor[1] is None:
            return Actor.system(f"job {job.name}")
        return self.person(job.actor[1])

    def person(self, account_id: UUID) -> Actor:
        """Return the actor of an account with its rights of now; raises NotFound or Denied for one that left."""
        with self.database.store(Actor.system("read an account"), readonly=True) as store:
            return actor_of(store, store.get(Account, account_id), self.guard, None)

    # ---- processes ---------------------------------------------------------------------------------------------
    def asgi(self) -> Any:
        """Return the ASGI application; its lifespan starts and ends the watcher and, on SQLite, the worker."""
        from retinue.app.serving import Served  # noqa: PLC0415  # by design: serving builds on the house

        return Served(self)

    def work(self) -> Any:
        """Return a worker as a context manager: while it is open, jobs run, and new plugin sets are followed."""
        from retinue.app.serving import Working  # noqa: PLC0415  # by design: as above

        return Working(self)

    # ---- tables ------------------------------------------------------------------------------------------------
    def lines(self, enabled: set[str]) -> list[migrations.Line]:
        """Return what has migrations: core and the plugins that are on."""
        return migrations.lines_of(self.catalogue, sorted(enabled & set(self.catalogue)))

    def plan_upgrade(self) -> migrations.Plan:
        """Return what `upgrade` would do; `left_out` says of every plugin that would be off after it why."""
        with self.bare() as connection, connection.begin():
            enabled = _enabled(connection)
            plan = migrations.plan_upgrade(connection, self.lines(enabled))
        off = would_be_off(self.catalogue, enabled, plan.left_out)
        gone = enabled - set(self.catalogue)
        missing = tuple(sorted({*plan.missing, *gone}))
        return replace(plan, left_out=tuple(f for faults in off.values() for f in faults), missing=missing)

    def upgrade(self) -> migrations.Plan:
        """Bring all tables up to date, in one transaction, and start with the plugins that then fit."""
        with self.bare() as connection:
            with connection.begin():
                enabled = _enabled(connection)
            plan = migrations.upgrade(connection, self.lines(enabled))
        self.jobs.migrate()
        self.refresh(force=True)
        with self.database.store(Actor.system("remember manifests")) as store:
            remember_manifests(store, self.plugins)
        with self.store(Actor.system("finish shredding")) as store:
            prepare_turns(self.database, store)
            carry_out_orders(self.database, store, again=True)
            erase_again(store)
        return plan

    def start(self) -> House:
        """Check that the tables fit and follow the database; raises Misconfigured with the remedy if they do not."""
        try:
            with self.database.transaction() as connection:
                known = inspect(connection).has_table("alembic_core")
                if known:
                    behind = [
                        s for s in migrations.status(connection, self.lines(set())) if s.state != "current"
                    ]
        except SQLAlchemyError as fault:
            raise explain_failure(fault) from fault
        if not known:
            raise Misconfigured(
                "the database has no tables yet", code="no-tables", remedy="Run `retinue db upgrade`."
            )
        for line in behind:
            if line.state == "newer":
                raise Misconfigured(
                    "the database is newer than the code",
                    code="newer",
                    remedy="Install the version that wrote it.",
                )
            if line.name == "core":
                raise Misconfigured(
                    "the tables are older than the code", code="behind", remedy="Run `retinue db upgrade`."
                )
        self.refresh(force=True)
        return self

    def schema_status(self) -> list[dict[str, Any]]:
        """Return how far the tables of core and of each plugin that is on have come."""
        with self.bare() as connection, connection.begin():
            found = migrations.status(connection, self.lines(_enabled(connection)))
        return [
            {
                "distribution": line.name,
                "state": line.state,
                "level": line.level,
                "head": line.head,
                "faults": [str(fault) for fault in line.faults],
            }
            for line in found
        ]

    def key_faults(self, sample: int = 1000) -> list[str]:
        """Return what is wrong with the key store: keys that do not open, contacts without a key."""
        return check_keys(self.database, sample)

    def secret(self, purpose: str) -> bytes:
        """Return 32 bytes for `purpose`, the same in every process, derived from the index key (not a data key)."""
        return hmac.new(
            self.database.keys.index_key, b"retinue\x00" + purpose.encode(), hashlib.sha256
        ).digest()

    def close(self) -> None:
        """Let go of all connections; who looked at what is written before."""
        self.jobs.close()
        self.database.reads.write()
        self.database.close()


@contextlib.contextmanager
def open_house(config: Config, *, check: bool = True) -> Iterator[House]:
    """Open an installation; with `check` its tables must be up to date.

    Raises Misconfigured with the remedy for a lost or wrong master key, a missing folder, tables that do not fit.
    """
    database = Database.open(
        config.database.url,
        config.keys.url,
        load_masters(config),
        reload=lambda: load_masters(config),
        busy_seconds=config.database.busy_timeout,
        pool_size=config.database.pool_size,
    )
    house = House(config, database)
    try:
        yield house.start() if check else house
        settle_at_end(house)
    finally:
        house.close()


def load_masters(config: Config) -> MasterKeys:
    """Return the master keys from the environment, the configured provider or the file, in this order."""
    if config.keys.master_key:
        return MasterKeys.parse(config.keys.master_key.replace(",", "\n"), "RETINUE_MASTER_KEY")
    if config.keys.master_key_provider:
        return MasterKeys.provided(config.keys.master_key_provider)
    return MasterKeys.load(config.master_key_path)


def _enabled(connection: Any) -> set[str]:
    if not inspect(connection).has_table("plugin_state"):
        return set()
    return {
        name
        for (name,) in connection.exec_driver_sql("SELECT name FROM plugin_state WHERE state = 'enabled'")
    }


def _job_settings(config: Config) -> JobSettings:
    return JobSettings(
        concurrency=config.jobs.concurrency,
        retries=config.jobs.retries,
        retention_days=config.jobs.retention_days,
    )
