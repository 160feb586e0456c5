"""The pages of the settings: the desk's own, and those that plugins add to the navigation beneath ``/settings/``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from retinue import Store
from retinue.ui import NavigationItem

TABS: Final = (
    ("/settings/profile", "Profile", ""),
    ("/settings/security", "Security", ""),
    ("/settings/people", "People and teams", "account.change"),
    ("/settings/roles", "Roles", "role.read"),
    ("/settings/fields", "Fields, tags, kinds", "field.create"),
    ("/settings/plugins", "Plugins", "plugin.read"),
    ("/settings/keys", "Keys", "key.rotate"),
    ("/settings/audit", "Audit", "audit.read"),
)
ABOUT: Final = {
    "/settings/profile": ("user-circle", "Your name, language and time zone."),
    "/settings/security": ("shield-lock", "Password, second factor, passkeys, sessions and tokens."),
    "/settings/people": ("users-group", "Who works here, with which roles, in which teams."),
    "/settings/roles": ("shield", "What each role may do, and how far."),
    "/settings/fields": ("forms", "Fields of your own, tags, kinds of interactions."),
    "/settings/plugins": ("plug", "What is on, how it does, and its settings."),
    "/settings/keys": ("key", "What the master key wraps, and how to change it."),
    "/settings/audit": ("history", "Who did what, and when."),
}
"""Icon and one sentence for each page of the settings."""


class Tab(NamedTuple):
    """One page of the settings, with what the overview says about it."""

    path: str
    label: str
    icon: str
    about: str


def settings_tabs(store: Store, plugins: Any, say: Callable[[str], str]) -> list[Tab]:
    """Return the pages of the settings that the reader may open, the plugins' behind the desk's."""
    own = [
        Tab(p, say(label), ABOUT[p][0], say(ABOUT[p][1]))
        for p, label, need in TABS
        if not need or store.may(need)
    ]
    offered = sorted(plugins.offered(NavigationItem, store), key=lambda o: (o.item.order, o.item.label))
    more = [Tab(o.item.path, say(o.item.label), o.item.icon, "") for o in offered if is_tab(o.item)]
    return own + more


def is_tab(item: NavigationItem) -> bool:
    """Say whether a line of the navigation is a page of the settings."""
    return item.section == "settings" and item.path.startswith("/settings/")
