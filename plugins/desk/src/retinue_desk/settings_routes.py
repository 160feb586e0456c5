"""Settings: oneself, sessions, people, plugins. And the first page."""

from __future__ import annotations

from typing import Any
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


def settings_routes(pages: Pages) -> Handlers:
    """Return the routes of settings and of the first page."""

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
        return pages.answer(store, request, "desk/settings_overview.html")

    @pages.get("/settings/profile", permission=SIGNED_IN)
    def profile_page(store: Store, request: AnyRequest) -> Response[Any]:
        mine: Account | None = get_account(store, store.actor.id) if store.actor.id else None
        zones = sorted(name for name in available_timezones() if "/" in name)
        return pages.answer(store, request, "desk/profile.html", mine=mine, zones=zones)

    @pages.get("/settings/security", permission=SIGNED_IN)
    def security_page(store: Store, request: AnyRequest) -> Response[Any]:
        return pages.answer(store, request, "desk/security.html", **own_security(pages, store))

    @pages.get("/settings/people", permission="account.change")
    def people_page(store: Store, request: AnyRequest) -> Response[Any]:
        roles = list_roles(store) if store.may("role.read") else []
        teams = list_teams(store) if store.may("team.read") else []
        accounts = list_accounts(store)
        held = role_ids_of(store, [account.id for account in accounts])
        members = {team.id: list_members(store, team.id) for team in teams}
        values = {"accounts": accounts, "held": held, "roles": roles, "teams": teams, "members": members}
        return pages.answer(store, request, "desk/people.html", **values)

    @pages.get("/settings/plugins", permission="plugin.read")
    def plugins_page(store: Store, request: AnyRequest) -> Response[Any]:
        return pages.answer(store, request, "desk/plugins.html")

    return [home_page, settings_overview, profile_page, security_page, people_page, plugins_page]
