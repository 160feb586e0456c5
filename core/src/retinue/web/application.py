"""From routes to a running application, and from one application to the next without dropping a request."""

from __future__ import annotations

import difflib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, cast

import msgspec
from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.handlers import HTTPRouteHandler
from litestar.handlers import get as litestar_get
from litestar.openapi.spec import Tag
from litestar.router import Router
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, Receive, Scope, Send

from retinue.errors import Misconfigured
from retinue.web import problems
from retinue.web.edge import Authenticate, Edge, Opener
from retinue.web.hardening import Hardened
from retinue.web.health import Check, health_routes
from retinue.web.openapi import HIDDEN_PATH, openapi_config
from retinue.web.plan import PUBLIC
from retinue.web.settings import API_PREFIX, WebSettings

_OPENAPI_JSON: Final = "application/vnd.oai.openapi+json"


@dataclass(frozen=True, slots=True)
class RouteGroup:
    """The routes of one room or plugin, below `prefix`; `plugin` is whose writes the audit sees."""

    handlers: Sequence[Any]
    prefix: str = API_PREFIX
    plugin: str | None = None
    tag: str = ""


class Application:
    """One built application: an ASGI callable with its Litestar inside and the policy of every route."""

    def __init__(self, litestar: Litestar, settings: WebSettings) -> None:
        self.litestar = litestar
        self.settings = settings
        self.policies: dict[tuple[str, str], str] = dict(_policies(litestar))
        self._asgi = Hardened(litestar, settings)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._asgi(scope, receive, send)

    def document(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
        return self.litestar.openapi_schema.to_schema()


def build_app(
    house: Opener,
    groups: Iterable[RouteGroup],
    *,
    settings: WebSettings,
    authenticate: Authenticate,
    checks: Mapping[str, Check] | None = None,
    permissions: Collection[str] | None = None,
) -> Application:
    """Return the application that serves `groups`; Misconfigured if a route has no or an unknown permission.

    `permissions` are the declared ones; None leaves them unchecked.
    """
    groups = tuple(groups)
    edge = Edge(house, authenticate, settings)
    litestar = _Litestar(
        route_handlers=[
            *health_routes(checks or {}),
            _document_route(),
            *map(_router, groups),
        ],
        exception_handlers=problems.HANDLERS,
        openapi_config=_with_tags(openapi_config(settings), groups),
        request_max_body_size=settings.max_body,
        logging_config=None,
        state=State({"edge": edge}),
        debug=False,
    )
    app = Application(litestar, settings)
    if permissions is not None:
        _check_permissions(app.policies, permissions)
    return app


def _with_tags(config: Any, groups: Iterable[RouteGroup]) -> Any:
    names = sorted({group.tag for group in groups if group.tag})
    config.tags = [Tag(name=name) for name in names] or None
    return config


class _Mapped(Router):
    """A router that keeps its map of paths and methods; the framework makes it anew for every path it is given."""

    @property
    def route_handler_method_map(self) -> dict[str, Any]:
        """Return the handlers by path and method."""
        known: list[Any] = self.__dict__.setdefault("_known", [])
        found: dict[str, Any] = self.__dict__.setdefault("_map", {})
        for place, route in enumerate(self.routes):
            if place < len(known) and known[place] is route:
                continue
            known[place:] = [route, *known[place + 1 :]]
            handlers = cast(HTTPRoute, route).route_handlers
            found[route.path] = {method: handler for handler in handlers for method in handler.http_methods}
        return found


class _Litestar(_Mapped, Litestar):
    """The framework's application with the map kept."""


class _Given(_Mapped):
    """A router made for one application: handing it over needs no copy of all it holds.

    The framework copies every router to the bottom, in case it is registered twice; that was half of the time in
    which an application is made.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> _Given:
        return self


def _router(group: RouteGroup) -> Router:
    for handler in group.handlers:
        if isinstance(handler, HTTPRouteHandler):
            _ = (
                handler.parsed_fn_signature
            )  # read once and kept, so that the copies of every application have it
    opt = {"retinue_plugin": group.plugin, "retinue_prefix": group.prefix.rstrip("/")}
    return _Given(
        group.prefix or "/",
        # OPTIONS come first: the framework adds its own where it finds none
        route_handlers=[*_options_routes(group.handlers), *group.handlers],
        opt=opt,
        tags=[group.tag] if group.tag else None,
    )


def _options_routes(handlers: Iterable[Any]) -> Iterator[HTTPRouteHandler]:
    """Yield an OPTIONS handler per path that names all its methods; the framework's knows only the first."""
    methods: dict[str, set[str]] = {}
    for handler in handlers:
        if isinstance(handler, HTTPRouteHandler):
            for path in handler.paths:
                methods.setdefault(path, set()).update(handler.http_methods)
    for path, found in methods.items():
        if "OPTIONS" not in found:
            yield _options_route(path, ", ".join(sorted({*found, "OPTIONS"})))


@lru_cache(maxsize=4096)
def _options_route(path: str, allow: str) -> HTTPRouteHandler:
    async def options() -> Response[None]:
        return Response(None, status_code=204, headers={"Allow": allow})

    make = HTTPRouteHandler(path, http_method="OPTIONS", status_code=204, include_in_schema=False)
    return make(options)


def _document_route() -> HTTPRouteHandler:
    """Return the route of the OpenAPI document; it is made once per application, at the first request."""
    made: list[bytes] = []

    @litestar_get(
        f"{API_PREFIX}/openapi.json",
        include_in_schema=False,
        sync_to_thread=True,
        opt={"retinue_permission": PUBLIC},
    )
    def openapi_json(request: Request[Any, Any, Any]) -> Response[bytes]:
        if not made:
            made.append(msgspec.json.encode(request.app.openapi_schema.to_schema(), enc_hook=str))
        return Response(made[0], media_type=_OPENAPI_JSON)

    return openapi_json


def _policies(litestar: Litestar) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield the permission of every served route; one without stops the start, by name."""
    for route in litestar.routes:
        if not isinstance(route, HTTPRoute):
            raise Misconfigured(
                f"{route.path} is not an HTTP route.", remedy="Make it with retinue.web.get and so on."
            )
        if route.path.startswith(HIDDEN_PATH):
            continue
        for method, (handler, _) in route.route_handler_map.items():
            permission = handler.opt.get("retinue_permission")
            if permission is not None:
                yield (method, route.path), permission
            elif method != "OPTIONS":
                raise Misconfigured(
                    f"{method} {route.path} ({handler.handler_name}) names no permission.",
                    code="route-without-permission",
                    remedy="Make it with get, post, put, patch or delete of retinue.web.",
                )


def _check_permissions(policies: Mapping[tuple[str, str], str], known: Collection[str]) -> None:
    for (method, path), permission in policies.items():
        if "." in permission and permission not in known:
            near = difflib.get_close_matches(permission, known, 1)
            raise Misconfigured(
                f"{method} {path} asks for {permission}, which nobody declared.",
                code="unknown-permission",
                remedy=f"Did you mean {near[0]}?" if near else "Declare it with register_permissions.",
            )


@dataclass(eq=False)
class _Generation:
    """One application with the number of requests still in it."""

    app: ASGIApp
    running: int = 0
    retired: bool = False
    drained: Callable[[], None] | None = field(default=None, repr=False)


class SwitchingApp:
    """What the server holds: it calls the current application, and old requests finish on the old one."""

    def __init__(self, app: ASGIApp) -> None:
        self._lock = threading.Lock()
        self._current = _Generation(app)

    @property
    def current(self) -> ASGIApp:
        """Return the application that new requests get."""
        return self._current.app

    def swap(self, app: ASGIApp, *, drained: Callable[[], None] | None = None) -> None:
        """Give new requests to `app`; `drained` is called once the last request has left the old one."""
        with self._lock:
            old, self._current = self._current, _Generation(app)
            old.retired, old.drained = True, drained
            empty = old.running == 0
        if empty and drained is not None:
            drained()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request on the application that is current when it comes."""
        if scope["type"] == "lifespan":  # type: ignore[comparison-overlap]  # the stub names only connections
            await _lifespan(receive, send)
            return
        with self._lock:
            generation = self._current
            generation.running += 1
        try:
            await generation.app(scope, receive, send)
        finally:
            self._leave(generation)

    def _leave(self, generation: _Generation) -> None:
        with self._lock:
            generation.running -= 1
            done = generation.retired and generation.running == 0
        if done and generation.drained is not None:
            generation.drained()


async def _lifespan(receive: Any, send: Any) -> None:
    """Say yes to start and stop: who opens and closes the house is the one who made it."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
