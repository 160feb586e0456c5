"""The request edge: one request, one actor, one transaction, committed before the answer leaves.

All of it runs in one worker thread: who is it, may they, what do they say, the deed, the dump, the commit. A
failed commit is an error like any other; nothing was sent before it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, cast
from urllib.parse import urlencode

import msgspec
from litestar import Request, Response
from litestar.concurrency import sync_to_thread
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from marshmallow import Schema

from retinue.actor import NOBODY, Actor, as_plugin
from retinue.errors import Denied, Invalid, Problem, Stale, Unauthenticated
from retinue.storage import Store
from retinue.web import etags, idempotency
from retinue.web.answers import Answer, Download, Made, Page
from retinue.web.cursors import CursorCodec
from retinue.web.dumping import dump_row, dump_rows
from retinue.web.params import ListParams, Reader
from retinue.web.plan import Plan
from retinue.web.problems import UnsupportedMedia
from retinue.web.rate_limits import RateLimits
from retinue.web.requests import RequestParts, check_same_origin
from retinue.web.schema_dto import Undecoded, dump, load, read_json
from retinue.web.settings import WebSettings

AnyRequest = Request[Any, Any, Any]
Outcome = Made | Download | Response[Any]
Authenticate = Callable[[RequestParts], Actor]
EXTRA_HEADERS = "retinue.headers"
_ACTOR = "retinue.actor"


class Opener(Protocol):
    """What the edge asks of the house: a Store for an actor, committed on a clean exit."""

    def store(
        self, actor: Actor, *, readonly: bool = False, plugin: str | None = None
    ) -> AbstractContextManager[Store]:
        """Open one transaction for `actor`."""


@dataclass
class Edge:
    """What one application's routes share; it stands in the application's state as ``edge``."""

    house: Opener
    authenticate: Authenticate
    settings: WebSettings
    codec: CursorCodec = field(init=False)
    limits: RateLimits = field(init=False)

    def __post_init__(self) -> None:
        self.codec = CursorCodec(self.settings.secret)
        self.limits = RateLimits(self.settings.rate_limit)

    def identify(self, request: AnyRequest, permission: str, *, public: bool = False) -> Actor:
        """Return who asks; refuses strangers, foreign pages, missing `permission` and too many requests."""
        if _ACTOR in request.scope:
            return cast(Actor, _scope(request)[_ACTOR])
        parts = RequestParts.of(request, self.settings)
        check_same_origin(request.method, request.headers, self.settings, has_session=_by_cookie(parts))
        try:
            actor = self.authenticate(parts)
        except Unauthenticated:
            if not public:
                self._count(request, NOBODY, parts.address)
                raise
            actor = NOBODY
        self._count(request, actor, parts.address)
        if not public and actor.kind == "nobody":
            raise Unauthenticated("Nobody is signed in.", remedy="Sign in, or send an API token as Bearer.")
        if "." in permission and not actor.may(permission):
            raise Denied(
                f"This needs the permission {permission}.",
                remedy="Ask your administrator for it.",
                extra={"permission": permission},
            )
        _scope(request)[_ACTOR] = actor
        return actor

    def _count(self, request: AnyRequest, actor: Actor, address: str) -> None:
        extra_headers(request).extend(self.limits.hit(actor, address).items())

    def reader(self, plan: Plan) -> Reader:
        """Return the reader of this route's list parameters."""
        return Reader(f"{plan.method} {plan.path}", self.settings.page_limit, self.codec, plan.query_names)


def _by_cookie(parts: RequestParts) -> bool:
    """Say whether the request's right comes from a cookie, which a browser adds by itself."""
    return parts.session is not None and parts.bearer is None


def extra_headers(request: AnyRequest) -> list[tuple[str, str]]:
    """Return the list of headers that go out with this request's answer, whatever the answer is."""
    found: list[tuple[str, str]] = _scope(request).setdefault(EXTRA_HEADERS, [])
    return found


def _scope(request: AnyRequest) -> dict[str, Any]:
    """Return the scope, which is open to entries of ours."""
    return cast(dict[str, Any], request.scope)


async def identify_before_upload(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
    """Guard of upload routes: the sender is checked before the file is received."""
    request = cast(AnyRequest, connection)
    plan: Plan = request.scope["route_handler"].opt["retinue_plan"]
    edge: Edge = request.app.state["edge"]
    await sync_to_thread(edge.identify, request, plan.permission, public=plan.public)


@contextmanager
def with_store(request: AnyRequest, permission: str, *, readonly: bool | None = None) -> Iterator[Store]:
    """Open the Store of the request's actor in a hand-written handler; call it in a worker thread.

    Commits at the end of the block, so send nothing before. GET and HEAD read only.
    """
    edge: Edge = request.app.state["edge"]
    actor = edge.identify(request, permission)
    if readonly is None:
        readonly = request.method in ("GET", "HEAD")
    with edge.house.store(actor, readonly=readonly, plugin=_plugin(request)) as store:
        yield store


def _plugin(request: AnyRequest) -> str | None:
    plugin: str | None = request.scope["route_handler"].opt.get("retinue_plugin")
    return plugin


def run(plan: Plan, given: dict[str, Any]) -> Response[Any]:
    """Carry out `plan` for one request: `given` are the framework's values by parameter name."""
    request: AnyRequest = given.pop("request")
    with as_plugin(_plugin(request)):
        return _run(plan, request, given)


def _run(plan: Plan, request: AnyRequest, given: dict[str, Any]) -> Response[Any]:
    edge: Edge = request.app.state["edge"]
    actor = edge.identify(request, plan.permission, public=plan.public)
    body = Undecoded(given.pop("body")) if "body" in given else given.pop("data", None)
    deed = Deed(plan, request, edge, actor, body)
    deed.fill(given)
    if "store" not in plan.wants:
        answer = plan.fn(**given)
        return answer if isinstance(answer, Response) else _respond(deed, deed.make(answer))
    with deed.claim() as claim:
        with edge.house.store(actor, readonly=plan.readonly, plugin=_plugin(request)) as store:
            made: Outcome | None = claim.replay(store) if claim else None
            if made is None:
                made = deed.carry_out(store, given)
                if claim and isinstance(made, Made):
                    claim.keep(store, made, hours=edge.settings.idempotency_hours)
    return _respond(deed, made)


def _respond(deed: Deed, made: Outcome) -> Response[Any]:
    if isinstance(made, Response):
        return made
    if isinstance(made, Made):
        extra_headers(deed.request).extend(("Set-Cookie", cookie) for cookie in made.cookies)
    return made.response()


@dataclass
class Deed:
    """One request on its way through its plan."""

    plan: Plan
    request: AnyRequest
    edge: Edge
    actor: Actor
    body: Any
    expected: etags.Expected = field(default=etags.Expected(None, "none"))
    params: ListParams | None = None

    def fill(self, given: dict[str, Any]) -> None:
        """Add what the function's parameters name: body, list parameters, version, actor, request."""
        plan = self.plan
        data: Any = self._load() if plan.takes is not None else None
        if "params" in plan.wants:
            reader = self.edge.reader(plan)
            pairs = self.request.query_params.items()
            self.params = reader.from_body(data) if plan.is_search else reader.from_query(pairs)
            if plan.narrow:
                _check_fields(self.params, plan.gives)
            given["params"] = self.params
        if "version" in plan.wants:
            in_body = data.pop("version", None) if isinstance(data, dict) else None
            header = self.request.headers.get("if-match")
            self.expected = etags.expected_version(
                header, in_body, required=self.edge.settings.if_match_required
            )
            given["version"] = self.expected.version
        offers = {"data": data, "actor": self.actor, "request": self.request, "upload": self.body}
        offers["raw"] = self.body.raw if isinstance(self.body, Undecoded) else b""
        given.update((name, value) for name, value in offers.items() if name in plan.wants)

    def _load(self) -> Any:
        content_type = (
            self.request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        )
        if content_type != "application/json" and not content_type.endswith("+json"):
            raise UnsupportedMedia(
                f"The body is {content_type}, and this takes JSON.", remedy="Send it as application/json."
            )
        raw = self.body.raw if isinstance(self.body, Undecoded) else None
        return load(cast(Schema, self.plan.takes), read_json(raw), many=self.plan.takes_many)

    def claim(self) -> AbstractContextManager[idempotency.Claim | None]:
        """Return the claim on the request's Idempotency-Key, if it sends one and the route keeps answers."""
        key = self.request.headers.get("idempotency-key")
        if key is None or not self.plan.keeps_answers:
            return nullcontext()
        raw = self.body.raw if isinstance(self.body, Undecoded) else b""
        target = f"{self.request.method} {self.request.scope['path']}?".encode()
        return idempotency.claim(key, self.actor, target + self.request.scope["query_string"] + b"\n" + raw)

    def carry_out(self, store: Store, given: dict[str, Any]) -> Outcome:
        """Call the route's function and make its answer, all inside the transaction."""
        try:
            result = self.plan.fn(store=store, **given)
        except Stale as stale:
            current = stale.extra.get("current")
            if current is not None and self.plan.gives is not None and not isinstance(current, dict):
                stale.extra["current"] = dump_row(self.plan.gives, current)
            raise etags.as_answered(stale, self.expected) from stale
        if isinstance(result, Download | Response):
            return result
        store.flush()
        return self.make(result)

    def make(self, result: Any) -> Made:
        """Return the finished answer of what the function returned."""
        wrapped = result if isinstance(result, Answer) else Answer(result)
        headers = dict(wrapped.headers)
        value, body = wrapped.value, None
        if isinstance(value, Page):
            body = self._page(value, headers)
        elif value is not None:
            body = self._row(value, headers)
        return Made(
            wrapped.status or self.plan.status,
            None if body is None else msgspec.json.encode(body),
            headers,
            wrapped.cookies,
        )

    def _row(self, value: Any, headers: dict[str, str]) -> Any:
        plan = self.plan
        dumped = dump(plan.gives, value, plan.kind) if plan.gives is not None else value
        if plan.kind == "one":
            tag = etags.etag_of(value)
            if tag is not None:
                headers.setdefault("ETag", tag)
            if plan.location is not None:
                prefix = self.request.scope["route_handler"].opt.get("retinue_prefix", "")
                headers.setdefault("Location", prefix + plan.location.format_map(dumped))
        return self._narrow(dumped)

    def _page(self, page: Page[Any], headers: dict[str, str]) -> dict[str, Any]:
        plan, params = self.plan, self.params or ListParams()
        items = dump_rows(plan.gives, page.items) if plan.gives is not None else list(page.items)
        body: dict[str, Any] = {"items": self._narrow(items), "next": None}
        if page.next is not None:
            body["next"] = params.next_cursor(page.next, page.binding)
            if not plan.is_search:
                headers.setdefault("Link", f'<{_next_url(self.request, body["next"])}>; rel="next"')
        if page.count is not None and params.wants_count:
            body |= {
                "count": min(page.count, params.count_cap),
                "count_capped": page.count >= params.count_cap,
            }
        return body

    def _narrow(self, dumped: Any) -> Any:
        """Return only the fields that ``fields=`` asks for."""
        if self.params is None or not self.params.fields or not self.plan.narrow:
            return dumped
        if isinstance(dumped, list):
            return [self._narrow(row) for row in dumped]
        return {name: dumped[name] for name in self.params.fields if name in dumped}


def _check_fields(params: ListParams, gives: Schema | None) -> None:
    """Refuse a name in ``fields=`` that the answer does not have."""
    if gives is None:
        return
    known = {shown.data_key or name for name, shown in gives.dump_fields.items()}
    unknown = [name for name in params.fields if name not in known]
    if unknown:
        raise Invalid(
            f"There is no field {', '.join(unknown)}.",
            code="unknown-field",
            remedy=f"Fields are {', '.join(sorted(known))}.",
            problems=[Problem("?fields", f"{name} is unknown", "unknown-field") for name in unknown],
        )


def _next_url(request: AnyRequest, cursor: str) -> str:
    query = [(name, value) for name, value in request.query_params.items() if name != "cursor"]
    return f"{request.scope['path']}?{urlencode([*query, ('cursor', cursor)])}"
