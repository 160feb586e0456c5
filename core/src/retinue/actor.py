"""Who is doing it: the actor of a transaction, and how far each of its permissions reaches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import IntEnum
from types import MappingProxyType
from typing import Literal
from uuid import UUID

Kind = Literal["person", "token", "plugin", "system", "nobody"]


class Reach(IntEnum):
    """How far a permission reaches: nothing, own rows, the teams' rows, everything."""

    NONE = 0
    OWN = 1
    TEAM = 2
    ALL = 3

    @property
    def word(self) -> str:
        """Return the name that stands in roles, the API and the audit: ``own``, ``team`` …"""
        return self.name.lower()

    @classmethod
    def parse(cls, word: str) -> Reach:
        """Return the reach named `word`; raises KeyError for a word that is no reach."""
        return cls[word.upper()]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who is doing it.

    `permissions` maps a permission (``contact.read``) to its reach; one that is absent is denied.
    `hidden_fields` holds names (``contact.revenue``) that may not be read, filtered or sorted by;
    `locked_fields` those that may be read and not changed.
    """

    kind: Kind
    id: UUID | None = None
    name: str = ""
    permissions: Mapping[str, Reach] = field(default_factory=lambda: MappingProxyType({}))
    team_ids: frozenset[UUID] = frozenset()
    hidden_fields: frozenset[str] = frozenset()
    locked_fields: frozenset[str] = frozenset()
    session_id: UUID | None = None
    token_id: UUID | None = None
    address: str | None = None
    language: str = "en"

    def reach(self, permission: str) -> Reach:
        """Return how far `permission` reaches for this actor; the system reaches everything."""
        if self.kind == "system":
            return Reach.ALL
        return self.permissions.get(permission, Reach.NONE)

    def may(self, permission: str) -> bool:
        """Say whether the actor holds `permission` at all."""
        return self.reach(permission) is not Reach.NONE

    @classmethod
    def system(cls, reason: str) -> Actor:
        """Return the actor of core's own work; `reason` is what the audit shows as its name."""
        return cls(kind="system", name=reason)


NOBODY = Actor(kind="nobody", name="nobody")

ACTING: ContextVar[str | None] = ContextVar("retinue_plugin", default=None)
"""The plugin whose code runs here; `as_plugin` sets it, and hooks do so without the cost of a block."""


def acting_plugin() -> str | None:
    """Return the plugin whose code runs in this thread, for what happens without a store."""
    return ACTING.get()


@contextmanager
def as_plugin(name: str | None) -> Iterator[None]:
    """Say that the code inside is that of plugin `name`; None is core."""
    token = ACTING.set(name)
    try:
        yield
    finally:
        ACTING.reset(token)
