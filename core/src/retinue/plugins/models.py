"""Which plugins are on: a fact in the database, with an epoch that every process follows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Integer, String, Text, Uuid
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


class PluginOrder(Base):
    """Who answered which hook, in which order and version, at some time: what change sets point at."""

    __tablename__ = "plugin_order"
    __access__ = Access.system()
    __audited__ = False  # derived from what is on, written once, never changed

    id: Mapped[str] = field(String(32), label="Digest", primary_key=True)
    orders: Mapped[dict[str, Any]] = field(json_type(), label="Plugins by hook", filterable=False)
    at: Mapped[datetime] = field(UtcDateTime(), label="First seen")


class PluginFailure(Base):
    """One failure of a plugin in one process; the failures of all processes count together."""

    __tablename__ = "plugin_failure"
    __access__ = Access.system()
    __audited__ = False  # a log of its own, forgotten after a week

    id: Mapped[UUID] = key()
    at: Mapped[datetime] = field(UtcDateTime(), label="When", index=True)
    plugin: Mapped[str] = field(String(63), label="Plugin")
    version: Mapped[str] = field(String(64), label="Version", default="")
    hook: Mapped[str] = field(String(80), label="Hook")
    error: Mapped[str] = field(String(200), label="Kind of error")
    process_id: Mapped[UUID] = field(Uuid, label="Process")


class PluginTiming(Base):
    """What one process spent in one plugin's hook within one hour."""

    __tablename__ = "plugin_timing"
    __access__ = Access.system()
    __audited__ = False  # measurements, forgotten after a week

    id: Mapped[UUID] = key()
    process_id: Mapped[UUID] = field(Uuid, label="Process")
    hour: Mapped[datetime] = field(UtcDateTime(), label="Hour", index=True)
    plugin: Mapped[str] = field(String(63), label="Plugin")
    hook: Mapped[str] = field(String(80), label="Hook")
    calls: Mapped[int] = field(BigInteger, label="Calls")
    total_ns: Mapped[int] = field(BigInteger, label="Nanoseconds in all")
    longest_ns: Mapped[int] = field(BigInteger, label="Nanoseconds of the longest")
    buckets: Mapped[dict[str, int]] = field(json_type(), label="Calls by time", filterable=False)


class PluginProcess(Base):
    """One process that serves or works, with the plugins it has now."""

    __tablename__ = "plugin_process"
    __access__ = Access.system()
    __audited__ = False  # a heartbeat

    id: Mapped[UUID] = key()
    kind: Mapped[str] = field(String(10), label="Kind", kind="choice", choices=("serve", "worker"))
    machine: Mapped[str] = field(String(200), label="Machine")
    pid: Mapped[int] = field(Integer, label="Process number")
    version: Mapped[str] = field(String(64), label="Version of core")
    epoch: Mapped[int] = field(Integer, label="Epoch")
    plugins: Mapped[dict[str, Any]] = field(json_type(), label="State by plugin", filterable=False)
    started_at: Mapped[datetime] = field(UtcDateTime(), label="Started at")
    seen_at: Mapped[datetime] = field(UtcDateTime(), label="Last heard of")
