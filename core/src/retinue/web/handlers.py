"""How a room writes a route: `get`, `post`, `put`, `patch`, `delete` around a plain function of the store.

The decorator reads the function's signature and hands in what its parameters name:

==========  ==============================================================================================
``store``   the open Store of the actor; read-only for GET; committed before the answer leaves
``data``    the body, as the schema in `takes` loaded it
``params``  `ListParams`, from the query string (GET) or the body (a search by POST)
``version`` the version the writer has seen (If-Match or ``version`` in the body), ``int | None``
``actor``   who is asking
``request`` Litestar's request, for the rare rest
``raw``     the bytes of the body, for a sender that signs them
``upload``  one uploaded file (multipart), after the sender was checked
==========  ==============================================================================================

A name in braces in the path is a path parameter, any other parameter a query parameter of its annotated type.
The return annotation says the rest: a row, ``list[…]``, ``Page[…]``, ``None`` (204), `Answer`, `Download`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from litestar import Request, Response
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.handlers import HTTPRouteHandler
from litestar.params import BodyKwarg, PathParameter, QueryParameter, RawBody
from litestar.types import Empty
from marshmallow import Schema

from retinue.web import edge, problems
from retinue.web.answers import Answer, Download, Page
from retinue.web.openapi import operation_for
from retinue.web.params import LIST_QUERY
from retinue.web.plan import INJECTED, PUBLIC, SIGNED_IN, Plan, Route
from retinue.web.schema_dto import Kind, schema_dto

_PATH_NAME: Final = re.compile(r"{(\w+)(?::\w+)?}")
_STATUS: Final = {"POST": 201}


def get(path: str, *, permission: str, **options: Any) -> Callable[[Route], HTTPRouteHandler]:
    """Make a route that reads. For options see `route`."""
    return route("GET", path, permission=permission, readonly=True, **options)


def post(path: str, *, permission: str, **options: Any) -> Callable[[Route], HTTPRouteHandler]:
    """Make a route that creates, or does a named deed; a search by POST takes `params` and only reads."""
    return route("POST", path, permission=permission, **options)


def put(path: str, *, permission: str, **options: Any) -> Callable[[Route], HTTPRouteHandler]:
    """Make a route that replaces."""
    return route("PUT", path, permission=permission, **options)


def patch(path: str, *, permission: str, **options: Any) -> Callable[[Route], HTTPRouteHandler]:
    """Make a route that changes the fields it is given."""
    return route("PATCH", path, permission=permission, **options)


def delete(path: str, *, permission: str, **options: Any) -> Callable[[Route], HTTPRouteHandler]:
    """Make a route that removes."""
    return route("DELETE", path, permission=permission, **options)


def route(
    method: str,
    path: str,
    *,
    permission: str,
    takes: Schema | None = None,
    gives: Schema | None = None,
    many: bool = False,
    status: int | None = None,
    readonly: bool = False,
    location: str | None = None,
    narrow: bool = True,
    tags: Sequence[str] | None = None,
    **options: Any,
) -> Callable[[Route], HTTPRouteHandler]:
    """Return the decorator that makes a handler of a function.

    `takes` and `gives` are Schema instances of body and answer, built once; `many`: the body is a list.
    `location` is the path of what was created, with fields of the answer in braces. `permission` is checked
    before the body is read; its reach is the service's. `narrow` False leaves ``fields=`` to the function.
    """

    def decorate(fn: Route) -> HTTPRouteHandler:
        hints = get_type_hints(fn, include_extras=True)
        names = tuple(inspect.signature(fn).parameters)
        kind, empty = _kind(hints.get("return", Empty), fn)
        in_path = tuple(_PATH_NAME.findall(path))
        is_search = method == "POST" and "params" in names
        plan = Plan(
            fn=fn,
            name=getattr(fn, "__name__", "route"),
            method=method,
            path=path,
            permission=permission,
            takes=LIST_QUERY if is_search else takes,
            takes_many=many,
            gives=gives,
            kind=kind,
            status=status or (204 if empty else 200 if is_search else _STATUS.get(method, 200)),
            readonly=readonly or is_search,
            wants=INJECTED.intersection(names),
            path_names=in_path,
            query_names=frozenset(names) - INJECTED - set(in_path),
            location=location,
            narrow=narrow,
            sends_file=hints["return"] is Download,
        )
        return _handler(plan, hints, tags=tags, options=options)

    return decorate


def _kind(returned: Any, fn: Route) -> tuple[Kind, bool]:
    """Return the kind that the return annotation says, and whether there is nothing to return."""
    if returned is Empty:
        raise TypeError(f"{fn.__qualname__} needs a return annotation")
    origin = get_origin(returned) or returned
    if origin is Answer:
        inner = get_args(returned)
        return _kind(inner[0], fn) if inner else ("one", False)
    if origin is Page:
        return "page", False
    if origin in (list, tuple, Sequence):
        return "many", False
    return "one", returned in (None, type(None))


def _handler(
    plan: Plan, hints: dict[str, Any], *, tags: Sequence[str] | None, options: dict[str, Any]
) -> HTTPRouteHandler:
    """Return Litestar's handler of `plan`: a function with explicit markers around the edge."""

    def handle(**given: Any) -> Response[Any]:
        return edge.run(plan, given)

    empty = plan.status == 204
    _sign(handle, plan, hints, Response[None] if empty else Response[Any])
    handle.__name__, handle.__doc__, handle.__module__ = plan.name, plan.fn.__doc__, plan.fn.__module__
    summary, _, description = (inspect.getdoc(plan.fn) or plan.name.replace("_", " ")).partition("\n")
    if "upload" in plan.wants:
        options.setdefault("guards", [edge.identify_before_upload])
    handler = HTTPRouteHandler(
        plan.path,
        http_method=plan.method,  # type: ignore[arg-type]  # one of the five names
        sync_to_thread=True,
        status_code=plan.status,
        media_type="application/json",
        dto=schema_dto(plan.takes, "many" if plan.takes_many else "one", lazy=True) if plan.takes else None,
        return_dto=schema_dto(plan.gives, plan.kind) if plan.gives and not empty else None,
        responses=problems.responses() | (options.pop("responses", None) or {}),
        operation_id=plan.name,
        operation_class=operation_for(plan),
        summary=summary.rstrip("."),
        description=description.strip() or None,
        tags=tags or [plan.path.strip("/").partition("/")[0] or "root"],
        security=None if plan.public else [{"token": []}, {"session": []}],
        opt={"retinue_plan": plan, "retinue_permission": plan.permission},
        **options,
    )
    return handler(handle)


def _sign(handle: Route, plan: Plan, hints: dict[str, Any], returned: Any) -> None:
    """Give the wrapper the signature that Litestar reads: request, body, parameters, all marked."""
    own = inspect.signature(plan.fn).parameters
    annotations: dict[str, Any] = {"request": Request[Any, Any, Any]}
    defaults: dict[str, Any] = {}
    for name in plan.path_names:
        annotations[name] = Annotated[hints[name], PathParameter()]
    for name in sorted(plan.query_names):
        annotations[name] = Annotated[hints[name], QueryParameter()]
        if own[name].default is not inspect.Parameter.empty:
            defaults[name] = own[name].default
    if "upload" in plan.wants:
        annotations["data"] = Annotated[UploadFile, BodyKwarg(media_type=RequestEncodingType.MULTI_PART)]
    elif plan.takes is not None:
        annotations["data"] = Annotated[Any, BodyKwarg(media_type=RequestEncodingType.JSON)]
        defaults["data"] = None
    elif "raw" in plan.wants:  # a form of a page: nobody but the function decodes it
        annotations["body"] = RawBody
    parameters = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=defaults.get(name, inspect.Parameter.empty),
            annotation=annotation,
        )
        for name, annotation in annotations.items()
    ]
    handle.__annotations__ = {**annotations, "return": returned}
    signature = inspect.Signature(parameters, return_annotation=returned)
    handle.__signature__ = signature  # type: ignore[attr-defined]  # what inspect reads


__all__ = [
    "PUBLIC",
    "SIGNED_IN",
    "Answer",
    "Download",
    "Page",
    "Plan",
    "delete",
    "get",
    "patch",
    "post",
    "put",
    "route",
]
