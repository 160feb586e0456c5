"""From what a person types to a row: accounts by login, roles and teams by name, contacts by id or search."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, TypeVar
from uuid import UUID

from retinue.access import Account, Role, Team, account_by_login, list_roles, list_teams
from retinue.contacts.models import Contact
from retinue.contacts.service import search_contacts
from retinue.errors import Conflict, Invalid, NotFound, Problem
from retinue.lists import SavedView
from retinue.lists.service import list_views
from retinue.storage import Store

Named = TypeVar("Named", Role, Team, SavedView)


def account_named(store: Store, login: str) -> Account:
    """Return the account with this login."""
    account = account_by_login(store, login)
    if account is None:
        raise NotFound(f"There is no account {login}.", remedy="`retinue user list` shows them.")
    return account


def role_named(store: Store, name: str) -> Role:
    """Return the role of this name."""
    return _named(list_roles(store), name, "role")


def team_named(store: Store, name: str) -> Team:
    """Return the team of this name."""
    return _named(list_teams(store), name, "team")


def view_named(store: Store, name: str) -> SavedView:
    """Return the saved view of this name or id."""
    return _named(list_views(store), name, "view")


def _named(rows: Iterable[Named], name: str, noun: str) -> Named:
    found = list(rows)
    same = [row for row in found if row.name.casefold() == name.casefold() or str(row.id) == name]
    if len(same) == 1:
        return same[0]
    if same:
        raise Conflict(
            f"{len(same)} {noun}s are named {name}.", remedy=f"Name it by its id: retinue {noun}s list"
        )
    near = difflib.get_close_matches(name, [row.name for row in found], 1)
    raise NotFound(f"There is no {noun} {name}.", remedy=f"Did you mean {near[0]}?" if near else "")


def contact_named(store: Store, text: str) -> Contact:
    """Return the contact of this id, or the only one that a search for `text` finds."""
    if contact_id := as_id(text):
        return store.get(Contact, contact_id)
    found = search_contacts(store, text, limit=6)
    if not found:
        raise NotFound(f"No contact matches {text}.", remedy="Give an id, an e-mail address or a name.")
    if len(found) > 1:
        lines = ", ".join(f"{contact.name} ({contact.id})" for contact in found[:5])
        raise Conflict(f"Several contacts match {text}: {lines}.", remedy="Name one by its id.")
    return found[0]


def as_id(text: str) -> UUID | None:
    """Return `text` as an id, None if it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def pairs(words: Iterable[str], what: str) -> dict[str, str]:
    """Read ``name=value`` words."""
    split = [word.partition("=") for word in words]
    wrong = [Problem(f"/{name}", "is not written name=value") for name, equals, _ in split if not equals]
    if wrong:
        raise Invalid(f"The {what} cannot be read.", problems=wrong)
    return {name: value for name, _, value in split}


def columns_of(row: Any, *names: str) -> dict[str, Any]:
    """Return attributes of `row` as a dict."""
    return {name: getattr(row, name) for name in names}
