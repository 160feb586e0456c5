"""Opening a database: one engine, explicit transactions, and a Store for each actor's transaction."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event, inspect
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError, SQLAlchemyError
from sqlalchemy.orm.exc import StaleDataError

from retinue.actor import Actor
from retinue.errors import Misconfigured, Stale, Unavailable
from retinue.storage.among import add_functions
from retinue.storage.declare import MODELS, Base, check_declarations
from retinue.storage.keys import KeyStore, empty_journal
from retinue.storage.masters import MasterKeys
from retinue.storage.ports import Enqueue
from retinue.storage.reads import ReadLog
from retinue.storage.scoping import Scope, Variant, current_scope, scoped_dialect
from retinue.storage.statistics import Statistics
from retinue.storage.store import Store

Kind = Literal["sqlite", "postgresql"]
_IDLE = 0
"""What libpq calls a connection in no transaction."""
_MAX_VARIANTS = 64
_PING_AFTER = 5.0
"""Seconds a pooled connection may idle before it is asked whether it still lives."""


def make_engine(url: str | URL, *, busy_seconds: float = 10.0, pool_size: int = 10) -> Engine:
    """Return an engine with explicit transactions; SQLite gets WAL, secure_delete, foreign keys and a busy timeout."""
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return _sqlite_engine(parsed, busy_seconds)
    if backend == "postgresql":
        return _postgresql_engine(parsed, pool_size)
    raise Misconfigured(f"database {backend} is not supported", remedy="Use sqlite:///… or postgresql://…")


def make_readers(engine: Engine, pool_size: int) -> Engine:
    """Return the engine for transactions that only read: on PostgreSQL one whose connections refuse writing.

    There each statement has a snapshot of its own in any case, so begin and commit around reading would be two
    round trips for nothing; what needs a transaction says `hold`.
    """
    if engine.dialect.name == "sqlite":
        return engine
    return _postgresql_engine(engine.url, pool_size, readonly=True)


def _postgresql_engine(url: URL, pool_size: int, *, readonly: bool = False) -> Engine:
    options = "-c timezone=UTC -c default_transaction_read_only=on" if readonly else "-c timezone=UTC"
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        pool_size=pool_size,
        max_overflow=pool_size,
        connect_args={"options": options, "connect_timeout": 10},
        **({"isolation_level": "AUTOCOMMIT"} if readonly else {}),
    )

    @event.listens_for(engine, "checkin")
    def _note(_connection: Any, record: Any) -> None:
        record.info["idle_since"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _ask(connection: Any, record: Any, _proxy: Any) -> None:
        # One that was busy a moment ago is alive: asking each time would cost every request a round trip.
        if time.monotonic() - record.info.get("idle_since", math.inf) > _PING_AFTER:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as fault:
                raise DisconnectionError("the server closed an idle connection") from fault

    return engine


def _sqlite_engine(url: URL, busy_seconds: float) -> Engine:
    if url.database and url.database != ":memory:" and not Path(url.database).parent.is_dir():
        raise Misconfigured(f"the folder of {url.database} is not there", remedy="Run `retinue init` first.")
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": busy_seconds})

    @event.listens_for(engine, "connect")
    def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
        add_functions(connection)
        connection.isolation_level = (
            None  # we say BEGIN ourselves, so that DDL and SAVEPOINT are transactional
        )
        for pragma in (
            "journal_mode=WAL",
            "synchronous=NORMAL",
            "secure_delete=ON",
            "foreign_keys=ON",
            "temp_store=MEMORY",
        ):
            connection.execute(f"PRAGMA {pragma}")
        connection.execute(f"PRAGMA busy_timeout={int(busy_seconds * 1000)}")
        connection.execute("PRAGMA cache_size=-32000")
        connection.execute(
            "PRAGMA wal_autocheckpoint=16000"
        )  # 16 MB: a page that changes again is copied once

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A writer takes the write lock at once: upgrading a read transaction later could only fail.
        write = connection.get_execution_options().get("retinue_write", True)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


def explain_failure(fault: SQLAlchemyError) -> Exception:
    """Return the error a person should see for what the database said; unknown ones come back as they are."""
    if isinstance(fault, StaleDataError):
        return Stale(
            "the row was changed or removed by someone else", remedy="Read it again and repeat your change."
        )
    words = str(getattr(fault, "orig", fault)).lower()
    if "disk is full" in words or "no space left" in words or "disk full" in words:
        return Unavailable(
            "the disk is full", code="disk-full", remedy="Free space and try again; nothing was changed."
        )
    if (
        "database is locked" in words
        or "lock timeout" in words
        or "deadlock" in words
        or "could not serialize" in words
    ):
        return Unavailable(
            "the database is busy", code="busy", remedy="Try again.", headers={"Retry-After": "1"}
        )
    if "malformed" in words or "not a database" in words or "disk i/o" in words:
        return Unavailable(
            f"a database file is damaged: {getattr(fault, 'orig', fault)}",
            code="database-damaged",
            remedy="Stop, keep the file as it is, and restore the backup of it: data or key store.",
        )
    if isinstance(fault, DBAPIError) and (
        fault.connection_invalidated or "connection" in words or "unable to open" in words
    ):
        return Unavailable(
            "the database does not answer", code="database-away", remedy="Try again in a moment."
        )
    return fault


class Database:
    """The data, the key store, and the one way in: `store`."""

    def __init__(self, engine: Engine, keys: KeyStore, *, pool_size: int = 10) -> None:
        self.engine = engine
        self.readers = make_readers(engine, pool_size)
        self.keys = keys
        self.kind: Kind = "sqlite" if engine.dialect.name == "sqlite" else "postgresql"
        self._variants: dict[Variant, Any] = {}
        self.turns_ahead = 0
        self.reads = ReadLog(self)
        self.statistics = Statistics(engine) if self.kind == "postgresql" else None
        # On SQLite one thread at a time: eight threads halve the throughput (they fight for the interpreter's lock).
        self.gate: Any = threading.RLock() if self.kind == "sqlite" else contextlib.nullcontext()
        for one in {engine, self.readers}:
            event.listen(one, "before_execute", _set_scope)

    @classmethod
    def open(
        cls,
        url: str | URL,
        keys_url: str | URL,
        masters: MasterKeys,
        *,
        reload: Callable[[], MasterKeys] | None = None,
        busy_seconds: float = 10.0,
        pool_size: int = 10,
    ) -> Database:
        """Open data and key store; raises Misconfigured if the master key does not fit, Unavailable if away.

        `reload` reads the master keys anew, when a rotation elsewhere has made a newer one.
        """
        if str(url) == str(keys_url):
            raise Misconfigured(
                "data and keys must not share a database", remedy="Give [keys] url a database of its own."
            )
        check_declarations(list(MODELS.values()))
        with contextlib.ExitStack() as on_failure:
            try:
                engine = make_engine(url, busy_seconds=busy_seconds, pool_size=pool_size)
                on_failure.callback(engine.dispose)
                fresh = not _holds_data(engine)
                keys_engine = make_engine(keys_url, busy_seconds=busy_seconds, pool_size=pool_size)
                on_failure.callback(keys_engine.dispose)
                keys = KeyStore(keys_engine, masters, reload=reload)
                keys.prepare(fresh=fresh)
            except SQLAlchemyError as fault:
                raise explain_failure(fault) from fault
            on_failure.pop_all()
        return cls(engine, keys, pool_size=pool_size)

    def create_schema(self) -> None:
        """Create core's tables without migrations, for tests of single rooms."""
        with self.engine.begin() as connection:
            Base.metadata.create_all(connection)

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Yield a bare connection in one transaction: for migrations and the jobs engine only."""
        with self.gate, self.engine.begin() as connection:
            yield connection

    @contextlib.contextmanager
    def store(
        self,
        actor: Actor,
        *,
        readonly: bool = False,
        plugin: str | None = None,
        hooks: Any = None,
        jobs: Enqueue | None = None,
        declared: Mapping[str, Any] | None = None,
    ) -> Iterator[Store]:
        """Yield a Store for one transaction of `actor`; commits on a clean exit, rolls back on any exception.

        With `readonly` nothing can be written.
        """
        with self.gate:
            try:
                with self._connection(readonly) as connection:
                    store = Store(
                        self, connection, actor, readonly=readonly, hooks=hooks, jobs=jobs, declared=declared
                    )
                    store.plugin = plugin
                    try:
                        yield store
                        store.finish()
                    finally:
                        store.release()
                if self.statistics:
                    self.statistics.refresh()
                if store.shredding:  # only now: a rolled back erasure must leave the key
                    self.keys.drop_keys(store.shredding)
                    empty_journal(self.engine)
            except SQLAlchemyError as fault:
                explained = explain_failure(fault)
                if explained is fault:
                    raise
                raise explained from fault

    @contextlib.contextmanager
    def join(self, connection: Connection, actor: Actor) -> Iterator[Store]:
        """Yield a Store that writes within a transaction of somebody else, a migration's for instance."""
        store = Store(self, connection, actor)
        try:
            yield store
            store.finish()
        finally:
            store.release()

    @contextlib.contextmanager
    def _connection(self, readonly: bool) -> Iterator[Connection]:
        with (self.readers if readonly else self.engine).connect() as connection:
            connection.execution_options(retinue_write=not readonly)
            with connection.begin():
                yield connection

    @staticmethod
    def hold(connection: Connection) -> None:
        """Begin the transaction that a cursor on the server or a savepoint needs, where reading has none."""
        if connection.dialect.name == "sqlite" or connection.get_execution_options().get(
            "retinue_write", True
        ):
            return
        driver: Any = connection.connection.driver_connection
        if driver.info.transaction_status == _IDLE:
            connection.exec_driver_sql("BEGIN")

    def speak(self, connection: Connection, scope: Scope) -> Connection:
        """Return `connection` as one that compiles and binds by `scope`, in the same transaction."""
        spoken = object.__new__(Connection)
        spoken.__dict__.update(connection.__dict__)
        spoken.dialect = self._dialect(scope.variant)
        spoken._execution_options = connection._execution_options.union({"retinue_scope": scope})
        return spoken

    def _dialect(self, variant: Variant) -> Any:
        if variant not in self._variants:
            if len(self._variants) >= _MAX_VARIANTS:
                self._variants.pop(next(iter(self._variants)))
            self._variants[variant] = scoped_dialect(self.engine.dialect, variant)
        return self._variants[variant]

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()
        self.readers.dispose()
        self.keys.engine.dispose()


def _holds_data(engine: Engine) -> bool:
    """Say whether there is a contact, and so a key that must be there."""
    with engine.connect() as connection:
        if not inspect(connection).has_table("contact"):
            return False
        return connection.exec_driver_sql("SELECT 1 FROM contact LIMIT 1").first() is not None


def _set_scope(connection: Connection, *_: Any) -> None:
    scope = connection.get_execution_options().get("retinue_scope")
    if scope is not None:
        current_scope.set(scope)
