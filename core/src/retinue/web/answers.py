"""What a route may return beside a plain row: a page, an answer with its own status, a download."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from litestar import Response
from litestar.response import File

T = TypeVar("T")

PAGE_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; manifest-src 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The content security policy of every page: nothing inline, nothing from elsewhere."""


def web_page(
    html: str, *, status: int = 200, headers: Mapping[str, str] | None = None, policy: str = PAGE_POLICY
) -> Response[Any]:
    """Return the response that sends a page of HTML, under a policy without anything inline."""
    sent = {"Content-Security-Policy": policy, **(headers or {})}
    return Response(html, status_code=status, media_type="text/html", headers=sent)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `next` is the position of its last row, None when nothing follows.

    `binding` repeats what was given to `ListParams.after`. Give `count` only if `ListParams.wants_count`.
    """

    items: Sequence[T]
    next: Sequence[Any] | None = None
    count: int | None = None
    binding: str = ""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value with its own status, headers or cookies (whole ``Set-Cookie`` values)."""

    value: T
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Download:
    """A file to keep: its bytes, or the path of a file on disk."""

    content: bytes | Path
    filename: str
    media_type: str = "application/octet-stream"

    def response(self) -> Response[Any]:
        """Return the response that sends it as an attachment."""
        plain = "".join(
            c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in self.filename
        )
        disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(self.filename, safe='')}"
        if isinstance(self.content, Path):
            return File(self.content, filename=plain, media_type=self.media_type)
        return Response(
            self.content, media_type=self.media_type, headers={"Content-Disposition": disposition}
        )


@dataclass(frozen=True, slots=True)
class Made:
    """A finished answer: what goes over the wire, and what a replay repeats."""

    status: int
    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()

    def response(self) -> Response[Any]:
        """Return the response of the framework."""
        return Response(
            self.body, status_code=self.status, media_type="application/json", headers=self.headers
        )
