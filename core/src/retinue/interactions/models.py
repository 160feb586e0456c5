"""Tables of the interactions room: the timeline and the kinds that stand in it."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, String, Uuid, literal
from sqlalchemy.orm import Mapped

from retinue.storage import (
    Access,
    Base,
    Sealed,
    UtcDateTime,
    contact_ref,
    field,
    json_type,
    key,
    personal,
    sealed,
)

PROMISE: Final = "promise"
_HISTORY = personal("to know what was agreed and done", erase="delete")


class Interaction(Base, Sealed):
    """One thing that happened: a call, a letter, a meeting, a payment, a note."""

    __tablename__ = "interaction"
    __access__ = Access.through("contact_id")

    id: Mapped[UUID] = key("Interaction")
    contact_id: Mapped[UUID] = contact_ref(index=False)
    kind: Mapped[str] = field(String(40), label="Kind", nullable=False, privacy=_HISTORY)
    at: Mapped[datetime] = field(UtcDateTime, label="When", nullable=False, privacy=_HISTORY)
    duration: Mapped[int | None] = field(Integer, label="Duration in seconds", privacy=_HISTORY)
    direction: Mapped[str | None] = field(
        String(8), label="Direction", kind="choice", choices=("in", "out"), privacy=_HISTORY
    )
    channel: Mapped[str | None] = field(String(20), label="Channel", privacy=_HISTORY)
    counts: Mapped[bool] = field(Boolean, label="Counts as contact", nullable=False, default=True)
    author_id: Mapped[UUID | None] = field(Uuid, label="Author", kind="account", index=True)
    author_name: Mapped[str] = field(String(200), label="Author's name", nullable=False, default="")
    plugin: Mapped[str | None] = field(String(63), label="Plugin")
    source_key: Mapped[str | None] = field(String(120), label="Key at its source", filterable=False)
    corrects_id: Mapped[UUID | None] = field(Uuid, label="Corrects", index=True)
    withdraws_id: Mapped[UUID | None] = field(Uuid, label="Withdraws", index=True)
    hidden: Mapped[bool] = field(Boolean, label="Withdrawn or corrected", nullable=False, default=False)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Recorded", nullable=False, derived=True)

    subject = sealed(label="Subject", kind="text", privacy=_HISTORY)
    body = sealed(label="Text", kind="long_text", privacy=_HISTORY)
    data = sealed(label="Facts of the kind", kind="json", privacy=_HISTORY)

    __table_args__ = (
        Index("ix_interaction_timeline", "contact_id", "hidden", "at", "id"),
        Index("ix_interaction_source", "contact_id", "kind", "source_key", unique=True),
        Index("ix_interaction_at", "at", "id"),
    )


IS_PROMISE: Any = Interaction.kind == literal(PROMISE, literal_execute=True)
"""The few promises among many interactions; spelled out, since an index of a part only serves whoever says the part."""
Index(
    "ix_interaction_promised",
    Interaction.at,
    Interaction.id,
    sqlite_where=IS_PROMISE,
    postgresql_where=IS_PROMISE,
)


class InteractionKind(Base):
    """A kind of interaction that an installation added; core's and the plugins' stand in code."""

    __tablename__ = "interaction_kind"
    __access__ = Access.everyone()

    id: Mapped[UUID] = key("Kind")
    name: Mapped[str] = field(String(40), label="Name", nullable=False, unique=True)
    label: Mapped[str] = field(String(80), label="Label", nullable=False)
    icon: Mapped[str | None] = field(String(40), label="Icon")
    counts: Mapped[bool] = field(Boolean, label="Counts as contact", nullable=False, default=True)
    template: Mapped[dict[str, Any] | None] = field(json_type(), label="How it is shown")
