"""Signing in and out, and the first visit of an installation."""

from __future__ import annotations

from typing import Any

from litestar import Response

from retinue import Actor, Store
from retinue.access import awaits_setup
from retinue.web import PUBLIC, SIGNED_IN
from retinue_desk.base_routes import AnyRequest, Handlers, Pages
from retinue_desk.rendering import OWN


def sign_routes(pages: Pages) -> Handlers:
    """Return the routes of signing in and of choosing a new password."""

    visit = FirstVisit(pages)

    @pages.get("/sign-in", permission=PUBLIC)
    def sign_in_page(request: AnyRequest) -> Response[Any]:
        if visit.is_ahead():
            return Response("", status_code=303, headers={"Location": "/setup"})
        return pages.public(
            request, "desk/sign_in.html", next=local_address(request.query_params.get("next", "/"))
        )

    @pages.get("/password", permission=SIGNED_IN)
    def password_page(request: AnyRequest) -> Response[Any]:
        return pages.public(
            request, "desk/password.html", next=local_address(request.query_params.get("next", "/"))
        )

    @pages.get("/reset-password", permission=PUBLIC)
    def reset_page(request: AnyRequest) -> Response[Any]:
        return pages.public(request, "desk/reset.html")

    @pages.get("/setup", permission=PUBLIC)
    def setup_page(request: AnyRequest) -> Response[Any]:
        if not visit.is_ahead():
            return Response("", status_code=303, headers={"Location": "/sign-in"})
        return pages.public(request, "desk/setup.html")

    @pages.get("/welcome", permission="plugin.enable")
    def welcome_page(store: Store, request: AnyRequest) -> Response[Any]:
        on, known = pages.front.plugins.loaded, pages.front.house.catalogue.items()
        plugins = [
            {"name": name, "title": m.title, "summary": m.summary, "grants": m.grants, "on": name in on}
            for name, m in sorted((name, plugin.manifest) for name, plugin in known if name != OWN)
        ]
        organisation = store.settings(OWN)["organisation"]
        values = {"plugins": plugins, "organisation": organisation, "importing": "io" in on}
        return pages.answer(store, request, "desk/welcome.html", **values)

    return [sign_in_page, password_page, reset_page, setup_page, welcome_page]


class FirstVisit:
    """Whether nobody can sign in yet; once somebody can, that stays so and is not asked again."""

    def __init__(self, pages: Pages) -> None:
        self._house, self._is_over = pages.front.house, False

    def is_ahead(self) -> bool:
        """Say whether the installation waits for its first account."""
        if not self._is_over:
            with self._house.store(Actor.system("first visit"), readonly=True) as store:
                self._is_over = not awaits_setup(store)
        return not self._is_over


def local_address(text: str) -> str:
    """Return an address of our own site; anything that could lead elsewhere becomes the first page."""
    plain = text.replace("\\", "/")
    if not plain.startswith("/") or plain.startswith("//") or any(ord(c) < 32 for c in plain):
        return "/"
    return plain
