"""Tables of the relations room: kinds of relation, relations, influence inside an organisation."""

from __future__ import annotations

from datetime import datetime
from typing import Final
from uuid import UUID

from sqlalchemy import Boolean, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped

from retinue.storage import Access, Base, UtcDateTime, contact_ref, field, key, personal, ref

ROLES: Final = ("initiator", "user", "influencer", "decider", "approver", "buyer", "gatekeeper")
"""Roles in a buying centre, after Webster and Wind (1972), with the initiator and the approver added later."""

_TIES = personal("to know who is connected with whom", erase="delete")


class RelationKind(Base):
    """A kind of relation with its name read from either end."""

    __tablename__ = "relation_kind"
    __access__ = Access.everyone()

    id: Mapped[UUID] = key("Kind")
    name: Mapped[str] = field(String(40), label="Name", nullable=False, unique=True)
    inverse: Mapped[str] = field(String(40), label="Name from the other end", nullable=False)
    label: Mapped[str] = field(String(80), label="Label", nullable=False)
    inverse_label: Mapped[str] = field(String(80), label="Label from the other end", nullable=False)
    decides: Mapped[bool] = field(
        Boolean, label="Links an organisation with a member of its decision", nullable=False, default=False
    )


class Relation(Base):
    """A relation between two contacts; visible only to who sees both."""

    __tablename__ = "relation"
    __access__ = Access.through("from_id", "to_id")

    id: Mapped[UUID] = key("Relation")
    from_id: Mapped[UUID] = contact_ref()
    to_id: Mapped[UUID] = contact_ref()
    kind: Mapped[str] = field(String(40), label="Kind", nullable=False, privacy=_TIES)
    role: Mapped[str | None] = field(
        String(12), label="Role in the decision", kind="choice", choices=ROLES, privacy=_TIES
    )
    involvement: Mapped[int | None] = field(Integer, label="Involvement, 0 to 100", privacy=_TIES)
    interest: Mapped[int | None] = field(Integer, label="Interest, 0 to 100", privacy=_TIES)
    note: Mapped[str | None] = field(String(500), label="Note", privacy=_TIES)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Since", nullable=False, derived=True)

    __table_args__ = (UniqueConstraint("from_id", "to_id", "kind"),)


class Influence(Base):
    """Who influences whom in one organisation's decision: from one of its links to another."""

    __tablename__ = "relation_influence"
    __access__ = Access.through("from_relation_id", "to_relation_id", parent="relation")

    id: Mapped[UUID] = key()
    from_relation_id: Mapped[UUID] = ref("relation.id", on_delete="CASCADE", label="Who influences")
    to_relation_id: Mapped[UUID] = ref("relation.id", on_delete="CASCADE", label="Who is influenced")

    __table_args__ = (UniqueConstraint("from_relation_id", "to_relation_id"),)
