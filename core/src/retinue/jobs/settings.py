"""The figures of the room, and the room's own connections to the database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from sqlalchemy import Engine, NullPool, create_engine, event, make_url
from sqlalchemy.engine import URL

from retinue.errors import Misconfigured


class Gate(Protocol):
    """A re-entrant lock of this process."""

    def acquire(self) -> Any:
        """Wait for it."""

    def release(self) -> None:
        """Let the next thread have it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobSettings:
    """How many, how long, how often. Seconds unless named otherwise."""

    concurrency: int = 4  # jobs of the default queue at work at a time in one process
    retries: int = 8  # tries after the first, where a job does not say
    retention_days: int = 30
    payload_limit: int = 16 * 1024  # bytes
    beat: float = 5.0
    dead_after: float = 30.0  # without a beat, on another machine
    sweep: float = 5.0
    tick: float = 1.0
    grace: float = 4.0  # what a clean shutdown waits for work to end
    losses: int = 10  # crashes without progress before a job is taken for the cause of them
    busy_timeout: float = 30.0


def reading_engine(url: str | URL) -> Engine:
    """Return an engine for a quick look from inside a handler: it waits for nobody."""
    parsed = make_url(url)
    sqlite = parsed.get_backend_name() == "sqlite"
    return create_engine(
        parsed if sqlite else parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool
    )


def own_engine(url: str | URL, settings: JobSettings, gate: Gate) -> Engine:
    """Return an engine for the room's bookkeeping, apart from the store's.

    On SQLite its commits need not reach the disk at once (synchronous=NORMAL): what it writes is claims and
    outcomes that are repeated after a power cut; a job's effects are committed by the store.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or ":memory:" in parsed.database or "mode=memory" in str(parsed):
            raise Misconfigured("Jobs need a database file.", remedy="Use sqlite:///<file> or PostgreSQL.")
        engine = create_engine(
            parsed, connect_args={"isolation_level": "IMMEDIATE", "timeout": settings.busy_timeout}
        )
        event.listen(engine, "connect", _prepare_sqlite(settings))
        _take_turns(engine, gate)
        return engine
    driver = parsed.set(drivername="postgresql+psycopg")
    return create_engine(driver, pool_size=settings.concurrency + 4, max_overflow=12, pool_pre_ping=True)


def _take_turns(engine: Engine, gate: Gate) -> None:
    """Let one thread at a time use the file: waiting at the gate is cheaper than for the file's lock."""

    @event.listens_for(engine, "checkout")
    def _enter(_connection: Any, _record: Any, _proxy: Any) -> None:
        gate.acquire()

    @event.listens_for(engine, "checkin")
    def _leave(_connection: Any, _record: Any) -> None:
        gate.release()


def _prepare_sqlite(settings: JobSettings) -> Callable[[Any, Any], None]:
    def prepare(connection: Any, _record: Any) -> None:
        connection.execute(f"PRAGMA busy_timeout={int(settings.busy_timeout * 1000)}")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")
        connection.execute("PRAGMA foreign_keys=ON")

    return prepare


def check_journal(engine: Engine) -> None:
    """Refuse to start on an SQLite file that cannot have a write-ahead log (network drives cannot)."""
    if engine.dialect.name != "sqlite":
        return
    with engine.connect() as connection:
        mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar_one()
    if str(mode).lower() != "wal":
        raise Misconfigured(
            f"The database's journal mode is {mode!r}, jobs need WAL.",
            remedy="Put the file on a local disk that this account may write to, or use PostgreSQL.",
        )
