"""Tables of the lists room: saved views, and the members of fixed lists."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Boolean, Index, Integer, String, UniqueConstraint, Uuid
from sqlalchemy.orm import Mapped

from retinue.storage import Access, Base, UtcDateTime, contact_ref, field, json_type, key, ref

VIEW_KINDS: Final = ("live", "fixed")
LAYOUTS: Final = ("table", "cards", "board")
VISIBILITIES: Final = ("private", "team", "public")

Visibility = Literal["private", "team", "public"]


class SavedView(Base):
    """A list under a name: what to show of whom, in which order.

    A live view is a filter that is asked again every time; a fixed one is a list of members that stays.
    """

    __tablename__ = "saved_view"
    __noun__ = "view"
    __access__ = Access.owned("owner_id", team="team_id", public="is_public")

    id: Mapped[UUID] = key("Saved view")
    name: Mapped[str] = field(String(120), label="Name", nullable=False)
    entity: Mapped[str] = field(String(60), label="Lists what", nullable=False)
    kind: Mapped[str] = field(
        String(8), label="Kind", kind="choice", choices=VIEW_KINDS, nullable=False, default="live"
    )
    filter: Mapped[dict[str, Any]] = field(json_type(), label="Filter", nullable=False)
    columns: Mapped[list[str]] = field(json_type(), label="Columns", nullable=False, default=list)
    sort: Mapped[str] = field(String(500), label="Order", nullable=False, default="")
    layout: Mapped[str] = field(
        String(12), label="Layout", kind="choice", choices=LAYOUTS, nullable=False, default="table"
    )
    time_zone: Mapped[str] = field(String(64), label="Time zone", nullable=False, default="UTC")
    owner_id: Mapped[UUID | None] = field(Uuid, label="Owner", kind="account", index=True)
    team_id: Mapped[UUID | None] = field(Uuid, label="Team", kind="team", index=True)
    is_public: Mapped[bool] = field(Boolean, label="For everybody", nullable=False, default=False)
    is_pinned: Mapped[bool] = field(Boolean, label="Pinned", nullable=False, default=False)
    version: Mapped[int] = field(Integer, label="Version", nullable=False, default=1)
    created_at: Mapped[datetime] = field(UtcDateTime, label="Created", nullable=False)
    updated_at: Mapped[datetime] = field(UtcDateTime, label="Changed", nullable=False)

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # the mapper's own name for its settings
    __table_args__ = (Index("ix_saved_view_entity", "entity", "name"),)

    @property
    def visibility(self) -> Visibility:
        """Return who sees the view: its owner, a team, or everybody."""
        return "public" if self.is_public else "team" if self.team_id else "private"


class SavedViewMember(Base):
    """A contact on a fixed list."""

    __tablename__ = "saved_view_member"
    __access__ = Access.through("contact_id")

    id: Mapped[UUID] = key()
    view_id: Mapped[UUID] = ref("saved_view.id", on_delete="CASCADE", label="Fixed list", index=False)
    contact_id: Mapped[UUID] = contact_ref()
    added_at: Mapped[datetime] = field(UtcDateTime, label="Added", nullable=False)

    __table_args__ = (UniqueConstraint("view_id", "contact_id"),)
