"""Which plugins are on: a fact in the database, with an epoch that every process follows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Integer, String, Text
from sqlalchemy.orm import Mapped

from retinue.storage import Access, Base, UtcDateTime, field, json_type, key

EPOCH_ID = UUID(int=1)
"""The id of the one row of `plugin_epoch`."""


class PluginState(Base):
    """One plugin that was ever enabled, with the manifest it had: that survives its code."""

    __tablename__ = "plugin_state"
    __access__ = Access.system()

    id: Mapped[UUID] = key()
    name: Mapped[str] = field(String(40), label="Name", unique=True)
    state: Mapped[str] = field(
        String(12), label="State", kind="choice", choices=("enabled", "disabled", "quarantined")
    )
    version: Mapped[str] = field(String(64), label="Version", default="")
    manifest: Mapped[dict[str, Any]] = field(json_type(), label="Manifest", filterable=False)
    reason: Mapped[str] = field(Text, label="Why it is set aside", default="", filterable=False)
    trace: Mapped[str] = field(Text, label="Traceback", default="", filterable=False)
    changed_at: Mapped[datetime] = field(UtcDateTime(), label="Changed at")


class PluginEpoch(Base):
    """The number that grows with every change of the plugins that are on."""

    __tablename__ = "plugin_epoch"
    __access__ = Access.system()
    __audited__ = False  # a counter; what it counts is audited in plugin_state

    id: Mapped[UUID] = key()
    number: Mapped[int] = field(Integer, label="Number", default=0)
