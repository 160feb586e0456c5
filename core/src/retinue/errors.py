"""The errors people see: each has a status, a stable code, one sentence what is wrong and one what to do."""

from __future__ import annotations

import traceback
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True)
class Problem:
    """One complaint about one place of the input.

    `pointer` is a JSON pointer into the payload (``/emails/0/value``, RFC 6901), empty for the whole of it.
    """

    pointer: str
    detail: str
    code: str = "invalid"


class RetinueError(Exception):
    """Base of every error that may reach a person.

    `status` is the HTTP status, `exit_code` the command's exit code, `code` the stable last part of the
    RFC 9457 ``type``. `detail` says what is wrong, `remedy` what to do. `headers` go out with the answer and
    `extra` becomes additional members of the problem document (the current values of a conflict, say).
    """

    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1
    code: str = "internal"
    title: ClassVar[str] = "Something failed on our side"

    def __init__(
        self,
        detail: str,
        *,
        remedy: str = "",
        code: str | None = None,
        problems: Iterable[Problem] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.remedy = remedy
        self.problems = tuple(problems)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})
        if code is not None:
            self.code = code

    def __str__(self) -> str:
        parts = [self.detail, *(f"{p.pointer or '/'}: {p.detail}" for p in self.problems), self.remedy]
        return "\n".join(part for part in parts if part)


class BadRequest(RetinueError):
    """The request cannot be read at all: broken JSON, an unknown cursor."""

    status, exit_code, code, title = 400, 65, "bad-request", "The request cannot be read"


class Unauthenticated(RetinueError):
    """Nobody is signed in, or the session or token is no longer good."""

    status, exit_code, code, title = 401, 77, "unauthenticated", "Sign in first"


class Denied(RetinueError):
    """The actor is known and lacks the permission."""

    status, exit_code, code, title = 403, 77, "denied", "Not allowed"


class NotFound(RetinueError):
    """The row does not exist, or not for this actor: both look the same on purpose."""

    status, exit_code, code, title = 404, 66, "not-found", "Not found"


class Conflict(RetinueError):
    """The state of the data forbids it; `extra` carries what is in the way."""

    status, exit_code, code, title = 409, 73, "conflict", "Conflict"


class Stale(RetinueError):
    """Somebody changed the row since it was read; `extra` carries the current values."""

    status, exit_code, code, title = 412, 73, "stale", "Changed by someone else"


class TooLarge(RetinueError):
    """The payload, file or line is larger than the stated limit."""

    status, exit_code, code, title = 413, 65, "too-large", "Too large"


class Invalid(RetinueError):
    """The payload was read and is wrong; `problems` name each place and remedy."""

    status, exit_code, code, title = 422, 65, "invalid", "The input is not valid"


class PreconditionRequired(RetinueError):
    """The write needs an If-Match header."""

    status, exit_code, code, title = 428, 64, "precondition-required", "If-Match is required"


class TooMany(RetinueError):
    """Too many requests or tries; `headers` carry Retry-After in seconds."""

    status, exit_code, code, title = 429, 75, "too-many", "Too many requests"


class Unavailable(RetinueError):
    """A part that the work needs is not there now: database, key store, disk space."""

    status, exit_code, code, title = 503, 69, "unavailable", "Not available now"


class Misconfigured(RetinueError):
    """The configuration, the installed code or the master key does not fit; nothing was changed."""

    status, exit_code, code, title = 503, 78, "misconfigured", "Configuration problem"


def describe_error(error: BaseException) -> str:
    """Return types and frames of an error and its causes, without messages: those carry values of rows."""
    parts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(parts) < 5:
        frames = traceback.format_list(traceback.extract_tb(seen.__traceback__)[-30:])
        code = getattr(seen, "code", None)
        hint = f" [{code}]" if isinstance(code, str) else ""
        parts.append(f"{''.join(frames)}{type(seen).__module__}.{type(seen).__qualname__}{hint}")
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n\nbecause of\n\n".join(parts)[-20_000:]
