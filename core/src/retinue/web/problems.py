"""RFC 9457 problem documents: every error leaves in one shape, with a stable type and pointers.

A complaint about the payload carries a JSON pointer (``/emails/0/value``). One about a query parameter is a
`retinue.errors.Problem` whose pointer starts with ``?``; it leaves as ``parameter`` instead.
"""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

import msgspec
from litestar import Request, Response
from litestar.exceptions import HTTPException
from litestar.openapi.datastructures import ResponseSpec
from litestar.types import ExceptionHandlersMap
from marshmallow import ValidationError

from retinue import errors
from retinue.errors import BadRequest, Invalid, Problem, RetinueError

PROBLEM_JSON: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:retinue:problem:"
AnyRequest = Request[Any, Any, Any]
log = logging.getLogger("retinue.web")

_BY_STATUS: Final[Mapping[int, type[RetinueError]]] = {
    cls.status: cls
    for cls in (
        errors.BadRequest,
        errors.Unauthenticated,
        errors.Denied,
        errors.NotFound,
        errors.TooLarge,
        errors.Invalid,
        errors.TooMany,
    )
}
_OTHER_CODES: Final = {405: "method-not-allowed", 406: "not-acceptable", 415: "unsupported-media"}
_DOCUMENTED: Final = (400, 401, 403, 404, 409, 412, 413, 415, 422, 428, 429, 500, 503)


class UnsupportedMedia(RetinueError):
    """The body is not JSON, or says that it is something else."""

    status, exit_code, code, title = 415, 65, "unsupported-media", "The media type is not supported"


class Misdirected(RetinueError):
    """The request names a host that is not ours."""

    status, exit_code, code, title = 400, 65, "unknown-host", "Unknown host"


@dataclass
class ProblemError:
    """One complaint: where (`pointer` into the body, or the query `parameter`) and what."""

    detail: str
    code: str
    pointer: str | None = None
    parameter: str | None = None


@dataclass
class ProblemDocument:
    """An error after RFC 9457. Further members may follow, such as the current values of a conflict."""

    type: str
    title: str
    status: int
    detail: str
    remedy: str | None = None
    incident: str | None = None
    errors: list[ProblemError] = field(default_factory=list)


def responses(*, statuses: tuple[int, ...] = _DOCUMENTED) -> dict[int, ResponseSpec]:
    """Return the documented error responses of a handler; they replace the framework's automatic 400."""
    return {
        status: ResponseSpec(
            data_container=ProblemDocument,
            media_type=PROBLEM_JSON,
            description=HTTPStatus(status).phrase,
            generate_examples=False,
        )
        for status in statuses
    }


def document(error: RetinueError) -> dict[str, Any]:
    """Return the problem document of `error`."""
    body: dict[str, Any] = {
        "type": TYPE_PREFIX + error.code,
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
    }
    if error.remedy:
        body["remedy"] = error.remedy
    if error.problems:
        body["errors"] = [_complaint(problem) for problem in error.problems]
    return body | error.extra


def _complaint(problem: Problem) -> dict[str, str]:
    where = {"parameter": problem.pointer[1:]} if problem.pointer[:1] == "?" else {"pointer": problem.pointer}
    return {**where, "detail": problem.detail, "code": problem.code}


def encode(body: Mapping[str, Any]) -> bytes:
    """Return a problem document as JSON; a value JSON does not know leaves as text."""
    return msgspec.json.encode(body, enc_hook=str)


def pointers(messages: Any, base: str = "") -> Iterator[Problem]:
    """Yield one Problem per marshmallow message, with its JSON pointer (RFC 6901)."""
    if isinstance(messages, Mapping):
        for key, inner in messages.items():
            here = base if key == "_schema" else f"{base}/{_escape(str(key))}"
            yield from pointers(inner, here)
    elif isinstance(messages, list | tuple):
        for inner in messages:
            yield from pointers(inner, base)
    else:
        yield Problem(base, str(messages))


def _escape(token: str) -> str:
    return token.replace("~", "~0").replace("/", "~1")


def invalid(error: ValidationError, base: str = "") -> Invalid:
    """Return marshmallow's error as a 422 with a pointer per message; `base` is prefixed to each pointer."""
    found = tuple(pointers(error.messages, base))
    count = "one place" if len(found) == 1 else f"{len(found)} places"
    return Invalid(f"The input is not valid in {count}.", remedy="Correct what errors names.", problems=found)


def _respond(error: RetinueError, body: dict[str, Any] | None = None) -> Response[bytes]:
    return Response(
        encode(body or document(error)),
        status_code=error.status,
        media_type=PROBLEM_JSON,
        headers=error.headers,
    )


def answer_retinue(request: AnyRequest, error: RetinueError) -> Response[bytes]:
    """Answer one of our own errors; those that are our fault are logged with an incident id."""
    if error.status >= 500:
        body = document(error) | {"incident": note_incident(request, error)}
        if error.status == 500:
            body |= {"detail": "Something failed on our side.", "type": TYPE_PREFIX + "internal"}
        return _respond(error, body)
    if error.status == 401:
        error.headers.setdefault("WWW-Authenticate", 'Bearer realm="retinue"')
    return _respond(error)


def answer_invalid(_: AnyRequest, error: ValidationError) -> Response[bytes]:
    """Answer marshmallow's complaint, wherever it was raised."""
    return _respond(invalid(error))


def answer_http(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    """Answer an error that the framework raised: routing, methods, parameters, body size."""
    if error.status_code >= 500:
        return answer_unknown(request, error)
    wrapped = _wrap(error)
    return _respond(wrapped, document(wrapped) | {"status": error.status_code})


def _wrap(error: HTTPException) -> RetinueError:
    """Return the framework's error in our words; what it says about input values is dropped."""
    status, phrase = error.status_code, HTTPStatus(error.status_code).phrase
    cls = _BY_STATUS.get(status, RetinueError)
    headers = {name.title(): value for name, value in (error.headers or {}).items()}
    headers.pop("Content-Type", None)
    if "Allow" in headers:
        headers["Allow"] = ", ".join(sorted(headers["Allow"].split(", ")))  # the framework's order is a set's
    extra = error.extra if isinstance(error.extra, list) else []
    problems = tuple(
        Problem(f"?{item.get('key', '')}", str(item.get("message", "not valid")))
        for item in extra
        if isinstance(item, dict)
    )
    detail = "The parameters are not valid." if problems else f"{phrase}."
    if cls is RetinueError:
        cls = type("HttpProblem", (RetinueError,), {"status": status, "title": phrase})
    return cls(detail, problems=problems, headers=headers, code=_OTHER_CODES.get(status, cls.code))


def answer_unknown(request: AnyRequest, error: Exception) -> Response[bytes]:
    """Answer what nobody foresaw: an incident id outside, the code path in the log, no data in either."""
    if isinstance(error, RuntimeError) and isinstance(error.__cause__ or error.__context__, StopIteration):
        # The framework's way to meet an upload form without any part.
        return answer_retinue(
            request, BadRequest("The form holds no file.", remedy="Send one as multipart/form-data.")
        )
    incident = note_incident(request, error)
    failure = RetinueError(
        "Something failed on our side.", remedy=f"Tell your administrator the incident {incident}."
    )
    return _respond(failure, document(failure) | {"incident": incident})


def note_incident(request: AnyRequest, error: BaseException) -> str:
    """Log where it happened, without messages, values or paths: those may hold personal data."""
    incident = uuid.uuid4().hex
    handler = request.scope.get("route_handler")
    log.error(
        "incident %s in %s %s: %s",
        incident,
        request.scope.get("method", "?"),
        getattr(handler, "handler_name", "no route"),
        " <- ".join(_trail(error)),
    )
    return incident


def _trail(error: BaseException) -> Iterator[str]:
    """Yield, for the error and its causes, the class and the places it passed through, innermost first."""
    seen: BaseException | None = error
    while seen is not None:
        frames = traceback.extract_tb(seen.__traceback__)
        places = [
            f"{'/'.join(frame.filename.split('/')[-2:])}:{frame.lineno} {frame.name}"
            for frame in reversed(frames)
        ]
        name = f"{type(seen).__module__}.{type(seen).__qualname__}"
        yield f"{name} at {', '.join(places[:12]) or 'unknown place'}"
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)


HANDLERS: Final[ExceptionHandlersMap] = MappingProxyType(  # type: ignore[assignment]  # the stub wants a dict
    {
        RetinueError: answer_retinue,
        ValidationError: answer_invalid,
        HTTPException: answer_http,
        Exception: answer_unknown,
    }
)
