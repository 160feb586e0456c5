"""What the plugin keeps: one card for each contact."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import Integer
from sqlalchemy.orm import Mapped

from retinue import Access, Sealed, contact_ref, field, key, personal, plugin_base, sealed


class Base(plugin_base("keepsake")):  # type: ignore[misc]  # a base class made at run time
    """Base of the plugin's tables."""

    __abstract__ = True


class Card(Sealed, Base):
    """The points of one contact and a remark; who sees the contact sees its card."""

    __tablename__ = "keepsake_card"
    __access__ = Access.through("contact_id")

    id: Mapped[UUID] = key()
    contact_id: Mapped[UUID] = contact_ref(unique=True, index=False)
    points: Mapped[int] = field(Integer, label="Points", privacy=personal("to thank for loyalty"), default=0)
    remark: Any = sealed(label="Remark", kind="text", privacy=personal("to know what was agreed"), default="")
