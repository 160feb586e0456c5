"""Settings: oneself, sessions, people, plugins. And the first page."""

from __future__ import annotations

from typing import Any, Final
from zoneinfo import available_timezones

from litestar import Response

from retinue import Store
from retinue.access import (
    Account,
    get_account,
    list_accounts,
    list_members,
    list_roles,
    list_teams,
    role_ids_of,
)
from retinue.web import SIGNED_IN
from retinue_desk.base_routes import AnyRequest, Handlers, Pages
from retinue_desk.panels import arrange_widgets, show_widgets
from retinue_desk.security import own_security

TABS: Final = (
    ("/settings/profile", "Profile", ""),
    ("/settings/security", "Security", ""),
    ("/settings/people", "People and teams", "account.change"),
    ("/settings/roles", "Roles", "role.read"),
    ("/settings/fields", "Fields, tags, kinds", "field.create"),
    ("/settings/plugins", "Plugins", "plugin.read"),
    ("/settings/audit", "Audit", "audit.read"),
)
ABOUT: Final = {
    "/settings/profile": ("user-circle", "Your name, language and time zone."),
    "/settings/security": ("shield-lock", "Password, second factor, passkeys, sessions and tokens."),
    "/settings/people": ("users-group", "Who works here, with which roles, in which teams."),
    "/settings/roles": ("shield", "What each role may do, and how far."),
    "/settings/fields": ("forms", "Fields of your own, tags, kinds of interactions."),
    "/settings/plugins": ("plug", "What is on, how it does, and its settings."),
    "/settings/audit": ("history", "Who did what, and when."),
}
"""Icon and one sentence for each page of the settings."""


def settings_page(
    pages: Pages, store: Store, request: AnyRequest, template: str, **values: Any
) -> Response[Any]:
    """Return a page of the settings: `template` beneath the tabs that the reader may open."""
    tabs = [(path, label) for path, label, needs in TABS if not needs or store.may(needs)]
    return pages.answer(store, request, template, tabs=tabs, **values)


def settings_routes(pages: Pages) -> Handlers:
    """Return the routes of settings and of the first page."""

    def answer(store: Store, request: AnyRequest, template: str, **values: Any) -> Response[Any]:
        return settings_page(pages, store, request, template, **values)

    @pages.get("/", permission=SIGNED_IN)
    def home_page(store: Store, request: AnyRequest) -> Response[Any]:
        if not store.actor.permissions:
            return Response("", status_code=303, headers={"Location": "/password"})
        mine = store.find(Account, store.actor.id) if store.actor.id else None
        speech, kept = pages.front.speech(store), (mine.preferences or {}).get("desk.home") if mine else None
        arranged = arrange_widgets(pages.front, store, kept)
        offered = [
            {"name": o.item.name, "label": speech.say(o.item.label), "shown": on} for o, on in arranged
        ]
        widgets = show_widgets(pages.front, store, speech, arranged)
        return pages.answer(store, request, "desk/home.html", widgets=widgets, offered=offered)

    @pages.get("/settings", permission=SIGNED_IN)
    def settings_overview(store: Store, request: AnyRequest) -> Response[Any]:
        return answer(store, request, "desk/settings_overview.html", about=ABOUT)

    @pages.get("/settings/profile", permission=SIGNED_IN)
    def profile_page(store: Store, request: AnyRequest) -> Response[Any]:
        mine: Account | None = get_account(store, store.actor.id) if store.actor.id else None
        zones = sorted(name for name in available_timezones() if "/" in name)
        return answer(store, request, "desk/profile.html", mine=mine, zones=zones)

    @pages.get("/settings/security", permission=SIGNED_IN)
    def security_page(store: Store, request: AnyRequest) -> Response[Any]:
        return answer(store, request, "desk/security.html", **own_security(pages, store))

    @pages.get("/settings/people", permission="account.change")
    def people_page(store: Store, request: AnyRequest) -> Response[Any]:
        roles = list_roles(store) if store.may("role.read") else []
        teams = list_teams(store) if store.may("team.read") else []
        accounts = list_accounts(store)
        held = role_ids_of(store, [account.id for account in accounts])
        members = {team.id: list_members(store, team.id) for team in teams}
        values = {"accounts": accounts, "held": held, "roles": roles, "teams": teams, "members": members}
        return answer(store, request, "desk/people.html", **values)

    @pages.get("/settings/plugins", permission="plugin.read")
    def plugins_page(store: Store, request: AnyRequest) -> Response[Any]:
        return answer(store, request, "desk/plugins.html")

    return [home_page, settings_overview, profile_page, security_page, people_page, plugins_page]
