"""What is to be done with a file: its mapping compiled, the mode, the key, and how duplicates are treated."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import msgspec

from retinue import Problem, Store
from retinue.contacts import list_custom_fields
from retinue.errors import Invalid, RetinueError
from retinue_io.corrections import Corrections, corrected, read_corrections
from retinue_io.events import EventMapping
from retinue_io.faults import Fault
from retinue_io.mapping import Mapping
from retinue_io.models import WHATS, Import
from retinue_io.readers import Row, Source
from retinue_io.rows import RowMapping, target_named
from retinue_io.targets import heading_for

CREATE_BATCH, CHANGE_BATCH = 1000, 250
MOST_TOGETHER = 1000
"""Rows by which a batch may grow so that those of one order, say, stay together."""
_DISPLAY = {"id": "Retinue ID", "external_id": "external ID", "email": "e-mail", "phone": "telephone"}


@dataclass(frozen=True, slots=True)
class Plan:
    """How the rows of one file become contacts or interactions."""

    what: str
    mapping: Mapping | None
    events: EventMapping | None
    rows: RowMapping | None
    target: Any
    mode: str
    key: str
    duplicates: str
    system: str
    choices: dict[str, dict[str, str]]
    corrections: Corrections

    @classmethod
    def of(cls, store: Store, row: Import) -> Plan:
        """Return the plan of an import; raises Invalid without a mapping."""
        if row.mapping is None:
            raise Invalid("The columns are not mapped yet.", remedy="Set the mapping first.", code="unmapped")
        contacts, rows = row.what == "contacts", row.what not in WHATS
        return cls(
            what=row.what,
            mapping=msgspec.convert(row.mapping, Mapping) if contacts else None,
            events=None if contacts or rows else msgspec.convert(row.mapping, EventMapping),
            rows=msgspec.convert(row.mapping, RowMapping) if rows else None,
            target=target_named(store, row.what) if rows else None,
            mode=row.mode,
            key=row.key_field or "",
            duplicates=row.duplicates,
            system=row.system,
            choices=choices_of(store),
            corrections=read_corrections(store, row.id),
        )

    @property
    def batch(self) -> int:
        """Return how many rows one transaction takes."""
        return CREATE_BATCH if self.mode == "create" or self.what != "contacts" else CHANGE_BATCH

    @property
    def key_name(self) -> str:
        """Return the key in words."""
        return _DISPLAY.get(self.key, self.key)

    @property
    def permissions(self) -> tuple[str, ...]:
        """Return what a person must be allowed to do to run it."""
        if self.target is not None:  # the target itself asks for its own
            return ("contact.import",)
        if self.what == "interactions":
            return ("contact.import", "interaction.create")
        needed = {"create": ("contact.create",), "update": ("contact.change",)}
        targets = {column.target for column in self.mapping.columns} if self.mapping else set()
        staff = ("contact.assign",) if targets & {"owner", "team"} else ()
        ties = ("relation.create",) if "organisation" in targets else ()
        deeds = needed.get(self.mode, ("contact.create", "contact.change"))
        return ("contact.import", *deeds, *staff, *ties)

    def take(self, reader: Reader) -> list[Row]:
        """Return the next batch of a file's rows, values corrected by hand exchanged."""
        rows = self._take(reader)
        return corrected(rows, self.corrections) if self.corrections else rows

    def _take(self, reader: Reader) -> list[Row]:
        if self.rows is None:
            return reader.take(self.batch)
        mapping, target = self.rows, self.target
        headings = [heading for name in target.together if (heading := mapping.heading(name))]
        alike = (lambda row: [row.cells.get(heading) for heading in headings]) if headings else None
        return reader.take(self.batch, alike)

    def require(self, store: Store) -> None:
        """Raise Denied unless the actor may do all that this plan can do."""
        for permission in self.permissions:
            store.require(permission)

    def fault_of(self, problem: Problem, row: int) -> Fault:
        """Return a complaint of the core (``/3/emails/0/value``) as one about a cell of this file."""
        parts = problem.pointer.strip("/").split("/")[1:]
        target = ".".join(parts[:2]) if parts[:1] == ["custom"] else (parts[0] if parts else "")
        heading = self._heading(target, int(parts[1]) if parts[1:2] and parts[1].isdigit() else 0)
        reason = problem.detail if heading or not target else f"{_words(target)}: {problem.detail}"
        return Fault(row, heading, f"{reason[:1].upper()}{reason[1:]}.".replace("..", "."), code=problem.code)

    def _heading(self, target: str, index: int) -> str:
        columns = self.mapping.columns if self.mapping else ()
        fitting = [column for column in columns if column.target == target]
        exact = [column for column in fitting if column.index == index]
        return next((column.heading for column in (*exact, *fitting)), "")


def _words(target: str) -> str:
    return (
        target.removeprefix("custom.").replace("_", " ")
        if target.startswith("custom.")
        else heading_for(target)
    )


def choices_of(store: Store) -> dict[str, dict[str, str]]:
    """Return the choices of custom fields as the readers of values want them."""
    fields = list_custom_fields(store)
    return {f.key: {choice: choice for choice in f.choices} for f in fields if f.choices}


class Reader:
    """The rows of an opened file, a batch at a time; a fault of the whole file ends it and is kept."""

    def __init__(self, source: Source, skip: int = 0) -> None:
        self.source = source
        self._rows: Iterator[Row] = source.rows()
        self._fault: RetinueError | None = None
        self._ahead: list[Row] = []
        self.position = sum(1 for _ in islice(self._rows, skip))

    def take(self, size: int, alike: Callable[[Row], object] | None = None) -> list[Row]:
        """Return the next rows; none at the end. A place that cannot be read raises after those before.

        With `alike` rows that give the same answer are not parted, as far as `MOST_TOGETHER` reaches.
        """
        if self._fault is not None:
            raise self._fault
        rows: list[Row] = []
        try:
            rows.extend(self._next(size))
            while alike is not None and rows and len(rows) < size + MOST_TOGETHER:
                more = self._next(1)
                if not more:
                    break
                if alike(more[0]) != alike(rows[-1]):
                    self._ahead = more
                    break
                rows += more
        except RetinueError as fault:
            self._fault = fault
            if not rows:
                raise
        self.position += len(rows)
        return rows

    def _next(self, size: int) -> list[Row]:
        ahead, self._ahead = self._ahead[:size], self._ahead[size:]
        return [*ahead, *islice(self._rows, size - len(ahead))]
