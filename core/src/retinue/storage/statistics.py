"""What the planner of PostgreSQL knows of a table, kept near the truth while many rows come in.

Autovacuum looks once a minute; until then a table of a hundred thousand new rows is planned as the small one it was,
and a list takes twice its time. SQLite plans by its indexes and needs nothing.
"""

from __future__ import annotations

import contextlib
import threading
from collections import Counter
from typing import TYPE_CHECKING, Final

from sqlalchemy.exc import SQLAlchemyError

if TYPE_CHECKING:
    from sqlalchemy import Engine

LEAST: Final = 5000
"""New rows from which a table is looked at; then each time as many have come as were there at the last look."""


class Statistics:
    """Counts the rows that come in many at a time, and has a table analysed whenever its number has doubled."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._new: Counter[str] = Counter()
        self._seen: Counter[str] = Counter()

    def note(self, table: str, rows: int) -> None:
        """Count `rows` more of `table`."""
        with self._lock:
            self._new[table] += rows

    def refresh(self) -> list[str]:
        """Analyse the tables that have doubled and return their names; call it when their rows are committed.

        A table that somebody else is analysing just then is left to them. A failure is nobody's: the rows are
        safe already, and autovacuum comes by within a minute.
        """
        with self._lock:
            due = [table for table, new in self._new.items() if new >= max(LEAST, self._seen[table])]
            for table in due:
                self._seen[table] += self._new.pop(table)
        if due:
            quote = self._engine.dialect.identifier_preparer.quote
            with contextlib.suppress(SQLAlchemyError), self._engine.connect() as connection:
                apart = connection.execution_options(isolation_level="AUTOCOMMIT")
                apart.exec_driver_sql(f"ANALYZE (SKIP_LOCKED) {', '.join(map(quote, due))}")
        return due
