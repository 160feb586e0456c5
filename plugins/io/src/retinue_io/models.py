"""Imports with what they leave behind (rejected rows, suspected duplicates, the file), exports, mappings.

Files hold personal data of people who are no contacts yet, so they stand in the database in sealed pieces,
where every process on every machine reads them, and are removed some time after the work is done.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, Float, Index, Integer, String, Uuid
from sqlalchemy.orm import Mapped

import retinue.contacts  # noqa: F401  # contact_ref points at its table, which must be known first
from retinue import (
    NOT_PERSONAL,
    Access,
    Sealed,
    UtcDateTime,
    contact_ref,
    field,
    json_type,
    key,
    personal,
    plugin_base,
    ref,
    sealed,
)

STANDBY, PENDING, RUNNING, COMPLETE = "standby", "pending", "running", "complete"
FAILED, STOPPED, REVERTED = "failed", "stopped", "reverted"
STATUSES = (STANDBY, PENDING, RUNNING, COMPLETE, FAILED, STOPPED, REVERTED)
MODES = ("create", "update", "upsert")
KEYS = ("email", "phone", "external_id", "id")
DUPLICATES = ("review", "skip", "ignore")
WHATS = ("contacts", "interactions")
"""What a file may hold beside the import targets of other plugins, which are called by their own names."""
FORMATS = ("csv", "xlsx", "vcard", "jsonl")
COUNTS = ("rows", "created", "updated", "unchanged", "rejected", "suspected", "organisations")

_COPY = personal("to bring in what a person uploaded", erase="delete", export=False)
_LINK = personal("to find the contact that another system calls so")


class Base(plugin_base("io")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Import(Base):
    """One file on its way in; its own record, so that a run can be taken up by any process."""

    __tablename__ = "io_import"
    __access__ = Access.system()
    __noun__ = "import"
    __audited__ = False  # the deeds of a run are in the audit, its counters are not deeds

    id: Mapped[UUID] = key("Import")
    file_name: Mapped[str] = field(String(255), label="File", nullable=False)
    size: Mapped[int] = field(BigInteger, label="Bytes", nullable=False)
    what: Mapped[str] = field(String(80), label="What it holds", nullable=False)
    reading: Mapped[dict[str, Any]] = field(json_type(), label="How it is read", kind="json", nullable=False)
    mapping: Mapped[dict[str, Any] | None] = field(json_type(), label="Mapping", kind="json")
    mode: Mapped[str] = field(String(10), label="Mode", kind="choice", choices=MODES, nullable=False)
    key_field: Mapped[str | None] = field(String(20), label="Key", kind="choice", choices=KEYS)
    duplicates: Mapped[str] = field(
        String(10), label="Duplicates", kind="choice", choices=DUPLICATES, nullable=False
    )
    system: Mapped[str] = field(String(40), label="System of the external ids", default="", nullable=False)
    status: Mapped[str] = field(String(10), label="Status", kind="choice", choices=STATUSES, nullable=False)
    phase: Mapped[str] = field(String(10), label="Phase", default="rows", nullable=False)
    position: Mapped[int] = field(Integer, label="Rows read", default=0, nullable=False)
    total: Mapped[int | None] = field(Integer, label="Rows in the file")
    counts: Mapped[dict[str, int]] = field(json_type(), label="Counts", kind="json", nullable=False)
    checked: Mapped[dict[str, Any] | None] = field(json_type(), label="What a run would do", kind="json")
    failure: Mapped[str] = field(String(500), label="Why it failed", default="", nullable=False)
    stop_asked: Mapped[bool] = field(Boolean, label="Stop is asked", default=False, nullable=False)
    runs: Mapped[int] = field(Integer, label="Runs", default=0, nullable=False)
    change_set_id: Mapped[UUID | None] = field(Uuid, label="Change set")
    job_id: Mapped[UUID | None] = field(Uuid, label="Job")
    account_id: Mapped[UUID | None] = field(Uuid, label="By", kind="account", index=True)
    account_name: Mapped[str] = field(String(200), label="Name", default="", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Uploaded", nullable=False, index=True)
    started_at: Mapped[datetime | None] = field(UtcDateTime, label="Started")
    finished_at: Mapped[datetime | None] = field(UtcDateTime, label="Finished")


class Piece(Sealed, Base):
    """A piece of a file, or of what a run has to remember until its end."""

    __tablename__ = "io_piece"
    __access__ = Access.system()
    __audited__ = False  # a copy of what a person has in hand, removed after the work
    __subject__ = None

    id: Mapped[UUID] = key()
    file_id: Mapped[UUID] = field(Uuid, label="Import or export", nullable=False)
    use: Mapped[str] = field(String(10), label="Use", nullable=False)
    number: Mapped[int] = field(Integer, label="Number", nullable=False)
    data: Any = sealed(label="Content", kind="json", privacy=_COPY)

    __table_args__ = (Index("ix_io_piece_place", "file_id", "use", "number", unique=True),)


class Rejection(Sealed, Base):
    """A row that stayed out: what it held and what is wrong with it."""

    __tablename__ = "io_rejection"
    __access__ = Access.system()
    __audited__ = False  # nothing was changed: that is the point
    __subject__ = None

    id: Mapped[UUID] = key()
    import_id: Mapped[UUID] = ref("io_import.id", on_delete="CASCADE", label="Import", index=False)
    row: Mapped[int] = field(Integer, label="Row", nullable=False)
    column: Mapped[str] = field(String(300), label="Column", default="", nullable=False)
    code: Mapped[str] = field(String(40), label="Code", nullable=False)
    cells: Any = sealed(label="The row", kind="json", privacy=_COPY)
    reason: Any = sealed(label="Reason", kind="text", privacy=_COPY)

    __table_args__ = (Index("ix_io_rejection_row", "import_id", "row"),)


class Pair(Base):
    """Two contacts that are probably one, for a person to decide."""

    __tablename__ = "io_pair"
    __access__ = Access.through("first_id", "second_id")
    __noun__ = "import_duplicate"
    __audited__ = False  # a list of work; a merge is audited as a merge

    id: Mapped[UUID] = key()
    import_id: Mapped[UUID] = ref("io_import.id", on_delete="CASCADE", label="Import", index=False)
    first_id: Mapped[UUID] = contact_ref()
    second_id: Mapped[UUID] = contact_ref()
    first_row: Mapped[int] = field(Integer, label="Row", nullable=False)
    second_row: Mapped[int | None] = field(Integer, label="Other row")
    score: Mapped[float] = field(Float, label="Score", kind="decimal", nullable=False)
    reasons: Mapped[list[str]] = field(json_type(), label="Reasons", kind="list", nullable=False)
    decision: Mapped[str] = field(String(10), label="Decision", default="", nullable=False)
    decided_at: Mapped[datetime | None] = field(UtcDateTime, label="Decided")

    __table_args__ = (Index("ix_io_pair_import", "import_id", "score", "id"),)


class SavedMapping(Base):
    """A mapping under a name, for the next file of the same kind."""

    __tablename__ = "io_mapping"
    __access__ = Access.everyone()
    __noun__ = "import_mapping"

    id: Mapped[UUID] = key("Mapping")
    name: Mapped[str] = field(String(100), label="Name", nullable=False, unique=True)
    what: Mapped[str] = field(String(80), label="What it holds", nullable=False)
    mapping: Mapped[dict[str, Any]] = field(json_type(), label="Mapping", kind="json", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Saved", nullable=False)


class ExternalId(Base):
    """What another system calls a contact; later files find it by that."""

    __tablename__ = "io_external_id"
    __access__ = Access.through("contact_id")
    __noun__ = "external_id"

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref()
    system: Mapped[str] = field(String(40), label="System", default="", nullable=False)
    external_id: Mapped[str] = field(String(200), label="External ID", privacy=_LINK, nullable=False)

    # Reverting an import removes contact and name in one flush, and the contact takes the name along.
    __mapper_args__ = {"confirm_deleted_rows": False}  # noqa: RUF012  # SQLAlchemy's name for it
    __table_args__ = (Index("ix_io_external_id_name", "system", "external_id", unique=True),)


class Export(Sealed, Base):
    """What left the house: by whom, which filter, how many."""

    __tablename__ = "io_export"
    __access__ = Access.system()
    __noun__ = "export"
    __audited__ = False  # the audit has an entry of its own for every export
    __subject__ = None

    id: Mapped[UUID] = key("Export")
    status: Mapped[str] = field(String(10), label="Status", kind="choice", choices=STATUSES, nullable=False)
    format: Mapped[str] = field(String(10), label="Format", kind="choice", choices=FORMATS, nullable=False)
    request: Any = sealed(label="Filter, sort and columns", kind="json", privacy=NOT_PERSONAL)
    count: Mapped[int | None] = field(Integer, label="Contacts")
    size: Mapped[int | None] = field(BigInteger, label="Bytes")
    failure: Mapped[str] = field(String(500), label="Why it failed", default="", nullable=False)
    account_id: Mapped[UUID | None] = field(Uuid, label="By", kind="account", index=True)
    account_name: Mapped[str] = field(String(200), label="Name", default="", nullable=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Asked", nullable=False, index=True)
    finished_at: Mapped[datetime | None] = field(UtcDateTime, label="Finished")
