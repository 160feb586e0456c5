"""What every page of the desk shares: how it is answered, what happens when it cannot be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from litestar import Request, Response
from litestar.exceptions import HTTPException

from retinue import Store
from retinue.errors import Denied, NotFound, RetinueError, Unauthenticated
from retinue.ui import Page, PageRequest
from retinue.web import PUBLIC, SIGNED_IN, get, note_incident, route, web_page
from retinue_desk.people import initials
from retinue_desk.rendering import OWN, Front, chosen_theme
from retinue_desk.tabs import settings_tabs
from retinue_desk.words import LANGUAGES, Speech

AnyRequest = Request[Any, Any, Any]
Handlers = list[Any]
_YEAR = "public, max-age=31536000, immutable"


class Pages:
    """Makes the routes of pages and answers them; one per set of plugins."""

    def __init__(self, front: Front) -> None:
        self.front = front

    def __deepcopy__(self, _: Any) -> Pages:
        """Return itself: the framework copies handlers with what they hold, and this is one for all of them."""
        return self

    def get(self, path: str, *, permission: str = SIGNED_IN) -> Callable[[Any], Any]:
        """Return the decorator that makes a page of a function; its errors become pages too."""
        handlers: dict[Any, Any] = {
            Unauthenticated: self.to_sign_in,
            RetinueError: self.error_page,
            HTTPException: self.http_error_page,
            Exception: self.incident_page,
        }
        return get(
            path, permission=permission, status=200, include_in_schema=False, exception_handlers=handlers
        )

    def answer(self, store: Store, request: AnyRequest, template: str, **values: Any) -> Response[Any]:
        """Return a whole page: `template` within the common layout."""
        speech = self.front.speech(store)
        if request.url.path.startswith("/settings"):
            values["tabs"] = settings_tabs(store, self.front.plugins, speech.say)
        layout = {
            "navigation": self.front.navigation(store, request.url.path),
            "me": {"id": store.actor.id, "name": store.actor.name, "initials": initials(store.actor.name)},
            "may": store.may,
            "commands": self._commands(store, speech),
            "organisation": store.settings(OWN)["organisation"],
            **self._around(request),
        }
        return web_page(self.front.render(template, speech, **{**layout, **values}))

    def _commands(self, store: Store, speech: Speech) -> list[dict[str, str]]:
        """Return what the palette offers: where the navigation leads, and the commands of plugins."""
        return [
            {"label": speech.say(i.label), "path": i.path, "icon": i.icon, "keys": i.keys, "on": i.on}
            for i in self.front.commands(store)
        ]

    def part(
        self, store: Store, template: str, *, headers: Mapping[str, str] | None = None, **values: Any
    ) -> Response[Any]:
        """Return a piece of a page, to take the place of one that is shown."""
        html = self.front.render(template, self.front.speech(store), may=store.may, **values)
        return web_page(html, headers=headers)

    def public(
        self, request: AnyRequest, template: str, *, status: int = 200, **values: Any
    ) -> Response[Any]:
        """Return a page for somebody who is not signed in."""
        speech = self.front.stranger(request.headers.get("accept-language", ""))
        html = self.front.render(template, speech, **self._around(request), **values)
        return web_page(html, status=status)

    def _around(self, request: AnyRequest) -> dict[str, Any]:
        return {"theme": chosen_theme(request.cookies), "path": request.url.path, "languages": LANGUAGES}

    # ---- what goes wrong ----------------------------------------------------------------------------------------
    def to_sign_in(self, request: AnyRequest, _: Unauthenticated) -> Response[Any]:
        """Lead to the sign-in page, and back afterwards to where one was."""
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        if request.headers.get("hx-request"):
            shown = request.headers.get("hx-current-url", "")
            asked = "/" + shown.split("/", 3)[3] if shown.count("/") > 2 else "/"
            return Response(
                "", status_code=401, headers={"HX-Redirect": f"/sign-in?next={quote(asked, safe='')}"}
            )
        return Response("", status_code=303, headers={"Location": f"/sign-in?next={quote(asked, safe='')}"})

    def error_page(self, request: AnyRequest, error: RetinueError) -> Response[Any]:
        """Show what is wrong and what to do."""
        template = "desk/error_part.html" if request.headers.get("hx-request") else "desk/error.html"
        shown = {"kind": "error", "detail": error.detail, "remedy": error.remedy}
        if isinstance(error, NotFound):
            shown = {"kind": "missing", "detail": "", "remedy": ""}
        elif isinstance(error, Denied):
            shown["kind"] = "denied"
        elif error.status >= 500:
            note_incident(request, error)
            shown = {"kind": "fault", "detail": "", "remedy": error.remedy if error.status == 503 else ""}
        return self.public(request, template, status=error.status, problems=error.problems, **shown)

    def http_error_page(self, request: AnyRequest, error: HTTPException) -> Response[Any]:
        """Show a page for an address that cannot be read."""
        missing = error.status_code in (400, 404)
        shown = {"kind": "missing" if missing else "fault", "detail": "", "remedy": "", "problems": ()}
        return self.public(request, "desk/error.html", status=404 if missing else error.status_code, **shown)

    def incident_page(self, request: AnyRequest, error: Exception) -> Response[Any]:
        """Show that something failed, with the number under which it was noted."""
        incident = note_incident(request, error)
        template = "desk/error_part.html" if request.headers.get("hx-request") else "desk/error.html"
        shown = {"kind": "fault", "detail": "", "remedy": incident, "problems": ()}
        return self.public(request, template, status=500, **shown)


def common_routes(pages: Pages) -> Handlers:
    """Return the routes that belong to no page in particular: static files, addresses nobody knows."""

    @get(
        "/static/{build:str}/{plugin:str}/{path:path}", permission=PUBLIC, status=200, include_in_schema=False
    )
    def static_file(request: AnyRequest, build: str, plugin: str, path: Path) -> Response[Any]:
        found = pages.front.assets.find(plugin, str(path).lstrip("/"))
        if found is None:
            raise NotFound("There is no such file.")
        fresh = build == pages.front.assets.version
        headers = {"Cache-Control": _YEAR if fresh else "no-cache", "Vary": "Accept-Encoding"}
        content = found.content
        if found.compressed is not None and "gzip" in request.headers.get("accept-encoding", ""):
            content, headers["Content-Encoding"] = found.compressed, "gzip"
        return Response(content, media_type=found.media_type, headers=headers)

    return [static_file, *_unknown(pages)]


def _unknown(pages: Pages) -> Iterator[Any]:
    """Yield the routes of every address that nobody else answers: a page for people, a problem for programs."""

    def unknown_address(request: AnyRequest, rest: Path) -> Response[Any]:
        if str(rest).startswith("/api/") or request.method != "GET":
            raise NotFound("There is nothing at this address.")
        return pages.public(
            request, "desk/error.html", status=404, kind="missing", detail="", remedy="", problems=()
        )

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        make = route(method, "/{rest:path}", permission=PUBLIC, status=200, include_in_schema=False)
        yield make(unknown_address)


def plugin_pages(pages: Pages) -> Iterator[Any]:
    """Yield a route for each page that a plugin contributes."""
    for owned in pages.front.plugins.declared(Page):
        yield _plugin_page(pages, owned)


def _plugin_page(pages: Pages, owned: Any) -> Any:
    item: Page = owned.item
    names = [part[1:-1] for part in item.path.split("/") if part.startswith("{")]

    def plugin_page(store: Store, request: AnyRequest, **parts: str) -> Response[Any]:
        asked = PageRequest(parts, dict(request.query_params))
        code = pages.front.plugins.resolve(owned.plugin, item.run)
        values = code(store, asked)
        template = f"{owned.plugin}/{item.template}"
        if item.permission == PUBLIC:
            return pages.public(request, template, page_label=item.label, **(values or {}))
        return pages.answer(store, request, template, page_label=item.label, **(values or {}))

    kinds = inspect.Parameter
    words = [kinds(n, kinds.KEYWORD_ONLY, annotation=str) for n in names]
    first = [kinds(n, kinds.POSITIONAL_OR_KEYWORD) for n in ("store", "request")]
    plugin_page.__signature__ = inspect.Signature([*first, *words])  # type: ignore[attr-defined]  # what the edge reads
    plugin_page.__annotations__ = {"return": Response[Any], **dict.fromkeys(names, str)}
    path = "/".join(f"{{{p[1:-1]}:str}}" if p.startswith("{") else p for p in item.path.split("/"))
    return pages.get(path, permission=item.permission or SIGNED_IN)(plugin_page)
