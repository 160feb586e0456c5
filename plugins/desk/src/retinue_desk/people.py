"""How people and organisations look in short: initials, a colour that stays, names of accounts and teams."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import select

from retinue import Store
from retinue.access import Account, Team

COLOURS = (
    "blue",
    "azure",
    "indigo",
    "purple",
    "pink",
    "red",
    "orange",
    "yellow",
    "lime",
    "green",
    "teal",
    "cyan",
)


def initials(name: str) -> str:
    """Return at most two letters for a name, as they are written; the style makes them great as the page's language does."""
    words = [word for word in name.replace(",", " ").split() if word[:1].isalnum()]
    if not words:
        return "?"
    return words[0][0] + (words[-1][0] if len(words) > 1 else "")


def colour(key: Any) -> str:
    """Return the colour of whatever has this id, the same on every page."""
    return COLOURS[zlib.crc32(str(key).encode()) % len(COLOURS)]


def account_names(store: Store, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the names of accounts."""
    wanted = {i for i in ids if i}
    if not wanted:
        return {}
    return dict(
        tuple(row) for row in store.rows(select(Account.id, Account.name).where(Account.id.in_(wanted)))
    )


def team_names(store: Store, ids: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the names of teams."""
    wanted = {i for i in ids if i}
    if not wanted:
        return {}
    return dict(tuple(row) for row in store.rows(select(Team.id, Team.name).where(Team.id.in_(wanted))))


def active_accounts(store: Store) -> list[tuple[UUID, str]]:
    """Return everybody who can own something, by name."""
    rows = store.rows(
        select(Account.id, Account.name).where(Account.is_active).order_by(Account.name, Account.id)
    )
    return [(row[0], row[1]) for row in rows]
