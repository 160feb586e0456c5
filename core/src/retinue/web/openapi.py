"""What the OpenAPI document says beside the schemas: headers, list parameters, security, permissions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Final

from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import (
    Components,
    OpenAPIHeader,
    OpenAPIMediaType,
    Operation,
    Parameter,
    Reference,
    Schema,
    SecurityScheme,
)
from litestar.openapi.spec.enums import OpenAPIFormat
from litestar.router import Router

from retinue.errors import NotFound
from retinue.web.requests import cookie_name
from retinue.web.settings import WebSettings

if TYPE_CHECKING:
    from litestar.connection import ASGIConnection
    from litestar.handlers import BaseRouteHandler

    from retinue.web.plan import Plan

HIDDEN_PATH: Final = "/.openapi"
"""Where the framework would serve the document itself; nothing answers there."""


@dataclass
class PlannedOperation(Operation):
    """An operation of the document, completed from the route's plan."""

    x_permission: str | None = field(default=None, metadata={"alias": "x-permission"})
    plan: ClassVar[Plan]

    def __post_init__(self) -> None:
        """Add what the function's signature does not say: headers, list parameters, the permission."""
        plan = self.plan
        self.x_permission = plan.permission
        self.parameters = [*(self.parameters or ()), *_parameters(plan)] or None
        answer = (self.responses or {}).get(str(plan.status))
        if answer is None or isinstance(answer, Reference):
            return
        if plan.status == 204:
            answer.content = None
        if plan.sends_file:
            answer.content = {"*/*": OpenAPIMediaType(schema=_text(format=OpenAPIFormat.BINARY))}
        if plan.gives is not None and plan.kind == "one":
            answer.headers = {**(answer.headers or {}), **_ANSWER_HEADERS}


def operation_for(plan: Plan) -> type[Operation]:
    """Return the operation class of one route."""
    return type("PlannedOperation", (PlannedOperation,), {"plan": plan, "__doc__": PlannedOperation.__doc__})


def _text(**keywords: Any) -> Schema:
    return Schema(type="string", **keywords)  # type: ignore[arg-type]  # the enum's own value


_ANSWER_HEADERS: Final[dict[str, OpenAPIHeader | Reference]] = {
    "ETag": OpenAPIHeader(
        schema=_text(), description="Version of the row, if it has one; send it back as If-Match."
    )
}
_LIST: Final = (
    ("q", "Search words.", _text()),
    ("view", "Id of a saved view.", _text()),
    ("filter", "Filter tree as JSON.", _text(content_media_type="application/json")),
    ("sort", "Fields separated by commas, - before one for descending.", _text()),
    ("fields", "Fields to answer, separated by commas.", _text()),
    ("include", "Additions separated by commas, such as count.", _text()),
    ("cursor", "next of the page before.", _text()),
)


def _parameters(plan: Plan) -> list[Parameter | Reference]:
    """Return the parameters that the edge reads itself."""
    found: list[Parameter | Reference] = []
    if "params" in plan.wants and not plan.is_search:
        found += [Parameter(name, "query", schema=schema, description=text) for name, text, schema in _LIST]
        limit = Schema(type="integer", minimum=1)  # type: ignore[arg-type]  # the enum's own value
        found.append(Parameter("limit", "query", schema=limit, description="Most rows of the page."))
        any_field = Schema(type="object", additional_properties=_text())  # type: ignore[arg-type]  # the same
        words = "Conditions, all of which must hold: field__op=value, or field=value."
        found.append(
            Parameter("conditions", "query", schema=any_field, description=words, style="form", explode=True)
        )
    if "version" in plan.wants:
        words = (
            "The ETag you have read. Missing is 428, unless the body holds the version or the setting is off."
        )
        found.append(Parameter("If-Match", "header", schema=_text(), description=words))
    if plan.keeps_answers:
        words = "Makes a repeated request harmless: the first answer is sent again for 24 hours."
        schema = _text(min_length=1, max_length=255)
        found.append(Parameter("Idempotency-Key", "header", schema=schema, description=words))
    return found


def openapi_config(settings: WebSettings) -> OpenAPIConfig:
    """Return the document's settings: title, version, security schemes, no examples made up."""
    return OpenAPIConfig(
        title=f"{settings.title} API",
        version=settings.version,
        description="Errors are problem documents (RFC 9457). Lists are paged by opaque cursors.",
        create_examples=False,
        components=Components(
            security_schemes={
                "token": SecurityScheme(type="http", scheme="bearer", description="An API token."),
                "session": SecurityScheme(
                    type="apiKey",
                    name=cookie_name(settings),
                    security_scheme_in="cookie",
                    description="The session of a person who signed in with a browser.",
                ),
            }
        ),
        path=HIDDEN_PATH,
        openapi_router=Router(
            HIDDEN_PATH, route_handlers=[], include_in_schema=False, guards=[_nothing_here]
        ),
    )


def _nothing_here(_: ASGIConnection[Any, Any, Any, Any], __: BaseRouteHandler) -> None:
    raise NotFound("There is nothing here.", remedy="The document is at openapi.json of the API.")
