"""The four roles an installation starts with; data like any other role once they are made."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from retinue.access.models import Role
from retinue.storage import Store

ADMINISTRATOR, MANAGER, TEAM_LEAD, READER = "Administrator", "Manager", "Team lead", "Reader"
_COMMON = {
    "tag.create": "all",
    "audit.read": "own",
    "change_set.read": "own",
    "change_set.revert": "own",
    "team.read": "own",
    "token.read": "own",
    "token.create": "own",
    "token.revoke": "own",
}
_DAILY = (
    *("contact.read", "contact.create", "contact.change", "contact.share"),
    *("interaction.read", "interaction.create", "interaction.correct", "interaction.withdraw"),
    *("relation.read", "relation.create", "relation.change", "relation.remove"),
)
_VIEWS = {"view.read": "own", "view.create": "own", "view.change": "own", "view.remove": "own"}
_LEADING = ("contact.remove", "contact.merge", "contact.export", "team.change")

BUILT_IN: Mapping[str, Mapping[str, str]] = {
    ADMINISTRATOR: {},
    MANAGER: {**dict.fromkeys(_DAILY, "own"), **_VIEWS, **_COMMON, "account.read": "all"},
    TEAM_LEAD: {
        **dict.fromkeys((*_DAILY, *_LEADING), "team"),
        **_VIEWS,
        **_COMMON,
        "contact.assign": "all",
        "account.read": "all",
    },
    READER: {
        "contact.read": "all",
        "interaction.read": "all",
        "relation.read": "all",
        "team.read": "all",
        **_VIEWS,
        "account.read": "all",
    },
}


def ensure_builtin_roles(store: Store) -> dict[str, Role]:
    """Make those of the built-in roles that are missing, return all four by name; running it twice
    changes nothing.
    """
    store.require("role.create")
    found = {role.name: role for role in store.scalars(select(Role).where(Role.name.in_(BUILT_IN)))}
    for name, permissions in BUILT_IN.items():
        if name not in found:
            found[name] = Role(
                name=name,
                is_admin=name == ADMINISTRATOR,
                permissions=dict(permissions),
                hidden_fields=[],
                locked_fields=[],
                addresses=[],
            )
            store.add(found[name])
    store.flush()
    return found
